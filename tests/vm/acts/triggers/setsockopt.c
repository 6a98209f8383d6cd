// SPDX-License-Identifier: GPL-2.0
// Says too small a length, which the kernel refuses unless somebody puts it right.
#include <sys/socket.h>
#include <sys/time.h>

int main(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct timeval second = { .tv_sec = 1 };

	return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, 3) != 0;
}
