// SPDX-License-Identifier: GPL-2.0
// Polls a socket that is full for room to write. The other end says that it will send no more, and then makes room.
#define _GNU_SOURCE
#include <linux/io_uring.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct io_uring_params params;
static char *rings;
static int ring;

static void tell(const char *what)
{
	unsigned int *head = (unsigned int *)(rings + params.cq_off.head);
	unsigned int *tail = (unsigned int *)(rings + params.cq_off.tail);
	struct io_uring_cqe *answers = (struct io_uring_cqe *)(rings + params.cq_off.cqes);

	syscall(SYS_io_uring_enter, ring, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0);
	if (*head == *(volatile unsigned int *)tail)
		printf("%s: nothing\n", what);
	else
		printf("%s: 0x%x\n", what, answers[(*head)++ & (params.cq_entries - 1)].res);
}

int main(void)
{
	static char data[4096];
	struct io_uring_sqe *entries;
	int pair[2];

	ring = syscall(SYS_io_uring_setup, 4, &params);
	if (ring < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) {
		perror("io_uring_setup");
		return 1;
	}
	while (send(pair[0], data, sizeof(data), MSG_DONTWAIT) > 0)
		;
	/* One mapping has both rings (IORING_FEAT_SINGLE_MMAP). */
	rings = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	entries = mmap(NULL, params.sq_entries * sizeof(*entries), PROT_READ | PROT_WRITE, MAP_SHARED, ring,
		       IORING_OFF_SQES);
	entries[0] = (struct io_uring_sqe){ .opcode = IORING_OP_POLL_ADD, .fd = pair[0], .poll32_events = POLLOUT };
	*(unsigned int *)(rings + params.sq_off.array) = 0;
	*(unsigned int *)(rings + params.sq_off.tail) = 1;
	if (syscall(SYS_io_uring_enter, ring, 1, 0, 0, NULL, 0) != 1)
		perror("io_uring_enter");
	shutdown(pair[1], SHUT_WR);
	tell("hangup");
	while (recv(pair[1], data, sizeof(data), MSG_DONTWAIT) > 0)
		;
	tell("room");
	return 0;
}
