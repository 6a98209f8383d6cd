// SPDX-License-Identifier: GPL-2.0
// Asks for the time in seconds, -1 for any true one, and opens a file with a name that is nowhere.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

int main(void)
{
	struct timeval now;
	int fault;

	syscall(SYS_gettimeofday, &now, NULL);
	fault = syscall(SYS_openat, AT_FDCWD, 8, O_RDONLY) < 0 && errno == EFAULT;
	printf("seconds %d, fault %d\n", now.tv_sec == 1 ? 1 : -1, fault);
	return 0;
}
