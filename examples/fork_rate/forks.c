// SPDX-License-Identifier: GPL-2.0
/* Starts 2000 processes one after the other, and says how far it gets. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	for (int n = 0; n < 2000; n++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		if (pid < 0) {
			printf("fork %s: %s\n", n < 1000 ? "too early" : "refused", strerror(errno));
			return 1;
		}
		waitpid(pid, NULL, 0);
	}
	puts("all started");
	return 0;
}
