// SPDX-License-Identifier: GPL-2.0
// Makes every system call of 64-bit and of 32-bit programs, each in a child and with bad arguments.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void call64(long nr)
{
	syscall(nr, -1, -1, -1, -1, -1, -1);
}

static void call32(long nr)
{
	asm volatile("int $0x80"
		     : "+a"(nr)
		     : "b"(-1), "c"(-1), "d"(-1), "S"(-1), "D"(-1)
		     : "memory", "r8", "r9", "r10", "r11");
}

static void in_child(void (*call)(long), long nr)
{
	pid_t child = fork();

	if (child == 0) {
		setsid();
		call(nr);
		_exit(0);
	}
	for (int polls = 0; polls < 30; polls++) {
		if (waitpid(child, NULL, WNOHANG) == child)
			return;
		usleep(3000);
	}
	printf("waits: %d-bit %ld\n", call == call64 ? 64 : 32, nr);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

int main(void)
{
	for (long nr = 0; nr < 480; nr++) {
		in_child(call64, nr);
		in_child(call32, nr);
	}
	puts("done");
	return 0;
}
