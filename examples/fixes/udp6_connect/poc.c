// SPDX-License-Identifier: GPL-2.0
// Connects a socket to an address that only a device can tell, while that device is down.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* asm-generic/socket.h since 5.0 */
#define BIND_TO_DEVICE_NUMBER 62

int main(void)
{
	/* The number of lo is 1. */
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_scope_id = 1 };
	int sock = socket(AF_INET6, SOCK_DGRAM, 0), device = -1;
	socklen_t size = sizeof(device);

	inet_pton(AF_INET6, "fe80::1", &address.sin6_addr);
	printf("connect: %s\n", strerror(connect(sock, (void *)&address, sizeof(address)) ? errno : 0));
	if (getsockopt(sock, SOL_SOCKET, BIND_TO_DEVICE_NUMBER, &device, &size))
		perror("getsockopt");
	printf("device: %d\n", device);
	return 0;
}
