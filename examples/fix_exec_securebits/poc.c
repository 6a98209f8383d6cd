// SPDX-License-Identifier: GPL-2.0
// Restricts itself to executable files, locks that, enters a user namespace in both ways, and tells what is left of it.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

/* linux/securebits.h since 6.14 */
#define EXEC_RESTRICT_FILE (1 << 8)
#define EXEC_RESTRICT_FILE_LOCKED (1 << 9)

static void check(int failed, const char *what)
{
	if (failed) {
		perror(what);
		exit(1);
	}
}

static void tell(const char *when)
{
	printf("%s: securebits 0x%x\n", when, prctl(PR_GET_SECUREBITS));
	fflush(stdout);
}

int main(void)
{
	char path[64], byte;
	int told[2], namespace;
	pid_t child;

	check(prctl(PR_SET_SECUREBITS, EXEC_RESTRICT_FILE | EXEC_RESTRICT_FILE_LOCKED), "PR_SET_SECUREBITS");
	tell("locked");

	check(pipe(told), "pipe");
	child = fork();
	if (child == 0) {
		check(unshare(CLONE_NEWUSER), "unshare");
		tell("unshare");
		check(write(told[1], "", 1) != 1, "write");
		pause();
	}
	close(told[1]);
	check(read(told[0], &byte, 1) != 1, "read");

	snprintf(path, sizeof(path), "/proc/%d/ns/user", child);
	namespace = open(path, O_RDONLY);
	check(namespace < 0, path);
	check(setns(namespace, CLONE_NEWUSER), "setns");
	tell("setns");
	return kill(child, SIGKILL);
}
