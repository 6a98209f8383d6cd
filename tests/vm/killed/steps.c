// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a program and kills it with SIGKILL at one of its steps.
 *
 *   steps list FILE PROGRAM..      writes the steps into a file, a line each
 *   steps before STEP PROGRAM..    kills it when it is about to make this step
 *   steps after STEP PROGRAM..     kills it when the kernel has made this step
 *
 * A step is a system call that concerns files or modules, as the list names it: the call and its
 * files. The same call on the same file is in the list once, so that waiting, whose length differs,
 * adds no steps. The status is the program's, or KILLED.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILLED 99
#define FAILED 98
#define LENGTH 512
#define MOST 4096

/* What an argument is. */
enum kind { NOTHING, FD, FOLDER, TEXT };

static const struct call {
	long number;
	const char *name;
	enum kind arguments[5];
} calls[] = {
	{ SYS_open, "open", { TEXT } },
	{ SYS_openat, "openat", { FOLDER, TEXT } },
	{ SYS_openat2, "openat2", { FOLDER, TEXT } },
	{ SYS_write, "write", { FD } },
	{ SYS_pwrite64, "pwrite64", { FD } },
	{ SYS_writev, "writev", { FD } },
	{ SYS_copy_file_range, "copy_file_range", { FD, NOTHING, FD } },
	{ SYS_sendfile, "sendfile", { FD, FD } },
	{ SYS_ftruncate, "ftruncate", { FD } },
	{ SYS_fchmod, "fchmod", { FD } },
	{ SYS_fsync, "fsync", { FD } },
	{ SYS_fdatasync, "fdatasync", { FD } },
	{ SYS_flock, "flock", { FD } },
	{ SYS_mkdir, "mkdir", { TEXT } },
	{ SYS_mkdirat, "mkdirat", { FOLDER, TEXT } },
	{ SYS_rename, "rename", { TEXT, TEXT } },
	{ SYS_renameat, "renameat", { FOLDER, TEXT, FOLDER, TEXT } },
	{ SYS_renameat2, "renameat2", { FOLDER, TEXT, FOLDER, TEXT } },
	{ SYS_link, "link", { TEXT, TEXT } },
	{ SYS_linkat, "linkat", { FOLDER, TEXT, FOLDER, TEXT } },
	{ SYS_symlink, "symlink", { TEXT, TEXT } },
	{ SYS_symlinkat, "symlinkat", { TEXT, FOLDER, TEXT } },
	{ SYS_rmdir, "rmdir", { TEXT } },
	{ SYS_unlink, "unlink", { TEXT } },
	{ SYS_unlinkat, "unlinkat", { FOLDER, TEXT } },
	{ SYS_init_module, "init_module", { NOTHING } },
	{ SYS_finit_module, "finit_module", { FD } },
	{ SYS_delete_module, "delete_module", { TEXT } },
};

static char steps[MOST][LENGTH];
static unsigned int count;

static void fail(const char *what)
{
	fprintf(stderr, "steps: %s: %s\n", what, strerror(errno));
	exit(FAILED);
}

/* The file of a descriptor. */
static void add_file(char *step, pid_t task, int fd)
{
	char link[64], path[LENGTH] = "?";
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/%d/fd/%d", task, fd);
	length = readlink(link, path, sizeof(path) - 1);
	if (length > 0)
		path[length] = '\0';
	strncat(step, path, LENGTH - strlen(step) - 1);
}

/* A text in the memory of the program. */
static void add_text(char *step, pid_t task, unsigned long long address)
{
	char name[64], text[LENGTH] = "";
	ssize_t length;
	int memory;

	snprintf(name, sizeof(name), "/proc/%d/mem", task);
	memory = open(name, O_RDONLY);
	if (memory < 0)
		fail(name);
	/* The text may end at the end of the readable memory. */
	length = pread(memory, text, sizeof(text) - 1, address);
	text[length > 0 ? length : 0] = '\0';
	close(memory);
	strncat(step, text, LENGTH - strlen(step) - 1);
}

/* What a call is called in the list; false for one that is no step. */
static bool describe(char *step, pid_t task, const struct __ptrace_syscall_info *info)
{
	const struct call *call;
	size_t n;

	for (call = calls; call < calls + sizeof(calls) / sizeof(*calls); call++)
		if ((unsigned long long)call->number == info->entry.nr)
			break;
	if (call == calls + sizeof(calls) / sizeof(*calls))
		return false;
	strcpy(step, call->name);
	for (n = 0; n < sizeof(call->arguments) / sizeof(*call->arguments); n++) {
		unsigned long long value = info->entry.args[n];

		if (call->arguments[n] == NOTHING)
			continue;
		if (call->arguments[n] == FOLDER && (int)value == AT_FDCWD)
			continue;
		strncat(step, " ", LENGTH - strlen(step) - 1);
		if (call->arguments[n] == TEXT)
			add_text(step, task, value);
		else
			add_file(step, task, value);
	}
	for (; *step; step++)
		if (*step == '\n')
			*step = '?';
	return true;
}

/* Adds a step that was not there before. */
static void add_step(const char *step)
{
	unsigned int n;

	for (n = 0; n < count; n++)
		if (!strcmp(steps[n], step))
			return;
	if (count == MOST) {
		errno = E2BIG;
		fail("the steps");
	}
	strcpy(steps[count++], step);
}

static void start(char **program)
{
	if (ptrace(PTRACE_TRACEME, 0, 0, 0))
		fail("ptrace");
	raise(SIGSTOP);
	execvp(program[0], program);
	fail(program[0]);
}

/*
 * Lets the program run until it ends, or until it has come to its last step: before the kernel
 * makes it, or after. Gives the status with which this program is to end.
 */
static int run(pid_t program, const char *last, bool after)
{
	struct __ptrace_syscall_info info;
	char step[LENGTH];
	/* The thread that makes the last step, until it has made it. */
	pid_t maker = 0;
	int status;

	for (;;) {
		pid_t task = waitpid(-1, &status, __WALL);
		int signal = 0;

		if (task < 0)
			fail("waitpid");
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			if (task != program)
				continue;
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		}
		if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
			if (ptrace(PTRACE_GET_SYSCALL_INFO, task, sizeof(info), &info) <= 0)
				fail("ptrace");
			if (info.op == PTRACE_SYSCALL_INFO_EXIT && task == maker)
				break;
			if (info.op == PTRACE_SYSCALL_INFO_ENTRY && !maker &&
			    describe(step, task, &info)) {
				add_step(step);
				if (last && !strcmp(step, last)) {
					if (!after)
						break;
					maker = task;
				}
			}
		} else if (status >> 16 == 0 && WSTOPSIG(status) != SIGSTOP) {
			signal = WSTOPSIG(status);
		}
		if (ptrace(PTRACE_SYSCALL, task, 0, signal) && errno != ESRCH)
			fail("ptrace");
	}
	kill(program, SIGKILL);
	while (waitpid(-1, &status, __WALL) > 0)
		;
	return KILLED;
}

static void list(const char *path)
{
	FILE *file = fopen(path, "w");
	unsigned int n;

	if (!file)
		fail(path);
	for (n = 0; n < count; n++)
		fprintf(file, "%s\n", steps[n]);
	if (fclose(file))
		fail(path);
}

int main(int argc, char **argv)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE |
			     PTRACE_O_TRACEEXEC;
	bool lists;
	int status;
	pid_t program;

	if (argc < 4) {
		fprintf(stderr, "steps list FILE PROGRAM.. | before STEP PROGRAM.. | after STEP PROGRAM..\n");
		return FAILED;
	}
	lists = !strcmp(argv[1], "list");
	program = fork();
	if (program < 0)
		fail("fork");
	if (!program)
		start(argv + 3);
	if (waitpid(program, &status, 0) != program || !WIFSTOPPED(status))
		fail("waitpid");
	if (ptrace(PTRACE_SETOPTIONS, program, 0, options) || ptrace(PTRACE_SYSCALL, program, 0, 0))
		fail("ptrace");
	status = run(program, lists ? NULL : argv[2], !strcmp(argv[1], "after"));
	if (lists)
		list(argv[2]);
	return status;
}
