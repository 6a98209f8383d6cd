// SPDX-License-Identifier: GPL-2.0
// Tells whether a process may look into a thread of another one that has ended while the other one was not dumpable: at once, and
// when a sibling of the thread has made the process dumpable.
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int go[2], done[2];

static void check(int failed, const char *what)
{
	if (failed) {
		perror(what);
		exit(1);
	}
}

/* Whether the first thread is a zombie, which it stays for as long as there are others. */
static int has_ended(void)
{
	char path[64], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", getpid(), getpid());
	file = fopen(path, "r");
	check(!file || fscanf(file, "%*d %*s %c", &state) != 1, path);
	fclose(file);
	return state == 'Z';
}

static void *sibling(void *unused)
{
	char byte;

	while (!has_ended())
		usleep(1000);
	check(write(done[1], "", 1) != 1, "write");
	check(read(go[0], &byte, 1) != 1, "read");
	check(prctl(PR_SET_DUMPABLE, 1), "PR_SET_DUMPABLE");
	check(write(done[1], "", 1) != 1, "write");
	pause();
	return unused;
}

static void look(const char *when, pid_t pid)
{
	char path[64], text[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	printf("%s: %s\n", when, readlink(path, text, sizeof(text) - 1) < 0 ? strerror(errno) : text);
}

int main(void)
{
	pthread_t thread;
	char byte;
	pid_t child;

	check(pipe(go) || pipe(done), "pipe");
	child = fork();
	if (child == 0) {
		check(prctl(PR_SET_DUMPABLE, 0), "PR_SET_DUMPABLE");
		check(pthread_create(&thread, NULL, sibling, NULL), "pthread_create");
		syscall(SYS_exit, 0);			/* of this thread alone */
	}
	check(read(done[0], &byte, 1) != 1, "read");
	look("closed", child);
	check(write(go[1], "", 1) != 1, "write");
	check(read(done[0], &byte, 1) != 1, "read");
	look("opened by a sibling", child);
	return kill(child, SIGKILL);
}
