// SPDX-License-Identifier: GPL-2.0
// Asks for the block size of a device: as a program of 64 bits, and as one of 32.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

/* arch/x86/entry/syscalls/syscall_32.tbl */
#define IOCTL_OF_32_BITS 54
/* BLKBSZGET with the size of a size_t of 32 bits */
#define BLKBSZGET_OF_32_BITS _IOR(0x12, 112, int)

static int ioctl_of_32_bits(int file, unsigned int request, void *argument)
{
	int result = IOCTL_OF_32_BITS;

	asm volatile("int $0x80"
		     : "+a"(result)
		     : "b"(file), "c"(request), "d"(argument)
		     : "memory", "r8", "r9", "r10", "r11");
	return result;
}

int main(void)
{
	int *size = mmap(NULL, sizeof(*size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int file = open("/dev/loop0", O_RDONLY);

	if (file < 0 || size == MAP_FAILED || ioctl(file, BLKBSZGET, size)) {
		perror("/dev/loop0");
		return 1;
	}
	printf("64 bits: %d\n", *size);
	if (ioctl_of_32_bits(file, BLKBSZGET_OF_32_BITS, size))
		printf("32 bits: none\n");
	else
		printf("32 bits: %d\n", *size);
	return 0;
}
