// SPDX-License-Identifier: GPL-2.0
// Asks to share a port, and for something harmless.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const char *set(int file, int option)
{
	int on = 1;

	return strerror(setsockopt(file, SOL_SOCKET, option, &on, sizeof(on)) ? errno : 0);
}

int main(void)
{
	int file = socket(AF_INET, SOCK_STREAM, 0);

	printf("SO_REUSEPORT: %s, ", set(file, SO_REUSEPORT));
	printf("SO_KEEPALIVE: %s\n", set(file, SO_KEEPALIVE));
	return 0;
}
