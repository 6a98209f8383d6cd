// SPDX-License-Identifier: GPL-2.0
// Two threads read a file in memory. The first one stops in the middle of its read(), in a page fault that this program
// answers, and the second one reads meanwhile, or waits until the first one is done.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096

static int file;
static volatile pid_t second_thread;
static volatile int second_is_done;

static void check(int failed, const char *what)
{
	if (failed) {
		perror(what);
		exit(1);
	}
}

static void *read_one_byte(void *byte)
{
	check(read(file, byte, 1) != 1, "read");
	return NULL;
}

static void *read_meanwhile(void *byte)
{
	second_thread = gettid();
	read_one_byte(byte);
	second_is_done = 1;
	return NULL;
}

/* Whether the second thread waits for a lock. */
static int waits(void)
{
	char path[64], state = 0;
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", second_thread);
	stat = fopen(path, "r");
	if (stat) {
		fscanf(stat, "%*d %*s %c", &state);
		fclose(stat);
	}
	return state == 'D';
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), other;
	struct uffdio_register faults = { .range = { (unsigned long)page, PAGE }, .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_zeropage answer = { .range = faults.range };
	int userfault = syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffd_msg fault;
	pthread_t first, second;

	check(userfault < 0 || ioctl(userfault, UFFDIO_API, &api) || ioctl(userfault, UFFDIO_REGISTER, &faults),
	      "userfaultfd");
	file = memfd_create("file", 0);
	check(pwrite(file, "ab", 2, 0) != 2, "pwrite");

	pthread_create(&first, NULL, read_one_byte, page);
	check(read(userfault, &fault, sizeof(fault)) != sizeof(fault), "page fault");
	pthread_create(&second, NULL, read_meanwhile, &other);
	while (!second_is_done && !(second_thread && waits()))
		usleep(1000);
	check(ioctl(userfault, UFFDIO_ZEROPAGE, &answer), "UFFDIO_ZEROPAGE");
	pthread_join(first, NULL);
	pthread_join(second, NULL);
	printf("two reads: %c %c\n", *page, other);
	return 0;
}
