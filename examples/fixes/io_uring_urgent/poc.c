// SPDX-License-Identifier: GPL-2.0
// Sends more than a socket takes, while urgent data waits to be read there. The kernel took it for room to write, tried again
// until it gave up, and had a thread of its own wait in send().
#define _GNU_SOURCE
#include <dirent.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int threads(void)
{
	DIR *folder = opendir("/proc/self/task");
	int count = 0;

	for (struct dirent *entry; (entry = readdir(folder));)
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

int main(void)
{
	static char data[4096];
	struct io_uring_params params = {};
	struct io_uring_sqe *entries;
	int ring = syscall(SYS_io_uring_setup, 4, &params), pair[2];
	char *rings;

	if (ring < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) {
		perror("io_uring_setup");
		return 1;
	}
	while (send(pair[0], data, sizeof(data), MSG_DONTWAIT) > 0)
		;
	if (send(pair[1], "!", 1, MSG_OOB) != 1)
		perror("MSG_OOB");
	rings = mmap(NULL, params.sq_off.array + params.sq_entries * sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED,
		     ring, IORING_OFF_SQ_RING);
	entries = mmap(NULL, params.sq_entries * sizeof(*entries), PROT_READ | PROT_WRITE, MAP_SHARED, ring,
		       IORING_OFF_SQES);
	entries[0] = (struct io_uring_sqe){ .opcode = IORING_OP_SEND, .fd = pair[0], .addr = (unsigned long)data,
					    .len = sizeof(data) };
	*(unsigned int *)(rings + params.sq_off.array) = 0;
	*(unsigned int *)(rings + params.sq_off.tail) = 1;
	if (syscall(SYS_io_uring_enter, ring, 1, 0, 0, NULL, 0) != 1)
		perror("io_uring_enter");
	/* What is tried again is tried before a system call returns. */
	for (int n = 0; n < 1000; n++)
		syscall(SYS_io_uring_enter, ring, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0);
	printf("threads: %d\n", threads());
	return 0;
}
