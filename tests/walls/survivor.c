// SPDX-License-Identifier: GPL-2.0
/*
 * Runs in the sandbox and tries to outlive it: it has the sandbox's first process, which is the
 * same user's, ignore the end of its parent, and leaves a process behind that writes to a file and
 * keeps the standard streams open. x86-64 only.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static int stopped;

static void step(int request)
{
	ptrace(request, 1, NULL, NULL);
	waitpid(1, &stopped, __WALL);
}

/* Runs a system call in process 1, in place of the one that it waits in. */
static long inject(long number, long first, long second)
{
	struct user_regs_struct before, now;

	if (ptrace(PTRACE_SEIZE, 1, NULL, (void *)PTRACE_O_TRACESYSGOOD))
		return -1;
	step(PTRACE_INTERRUPT);
	if (ptrace(PTRACE_GETREGS, 1, NULL, &before))
		return -1;
	now = before;
	/* The instruction before is its `syscall`. */
	now.rip -= 2;
	now.rax = number;
	now.orig_rax = -1;
	now.rdi = first;
	now.rsi = second;
	ptrace(PTRACE_SETREGS, 1, NULL, &now);
	do {
		step(PTRACE_SYSCALL);
	} while (!(WIFSTOPPED(stopped) && WSTOPSIG(stopped) == (SIGTRAP | 0x80)));
	step(PTRACE_SYSCALL);
	ptrace(PTRACE_GETREGS, 1, NULL, &now);
	before.rip -= 2;
	before.rax = before.orig_rax;
	before.orig_rax = -1;
	ptrace(PTRACE_SETREGS, 1, NULL, &before);
	ptrace(PTRACE_DETACH, 1, NULL, NULL);
	return now.rax;
}

int main(int argc, char **argv)
{
	int file = argc == 2 ? open(argv[1], O_CREAT | O_WRONLY | O_APPEND, 0666) : -1;

	if (file < 0)
		return 2;
	printf("injected: %ld\n", inject(SYS_prctl, PR_SET_PDEATHSIG, 0));
	fflush(stdout);
	if (fork() == 0) {
		setsid();
		signal(SIGTERM, SIG_IGN);
		signal(SIGHUP, SIG_IGN);
		for (int i = 0; i < 10000; i++) {
			dprintf(file, "alive\n");
			usleep(10000);
		}
	}
	return 0;
}
