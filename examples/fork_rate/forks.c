// SPDX-License-Identifier: GPL-2.0
/* Starts 200 processes one after the other, and says whether that is allowed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	for (int n = 0; n < 200; n++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		if (pid < 0) {
			/* The shell that started this has taken some tokens too, but not half of 100. */
			printf("%s: %s\n", n < 50 ? "too early" : "refused", strerror(errno));
			return 1;
		}
		waitpid(pid, NULL, 0);
	}
	puts("all started");
	return 0;
}
