// SPDX-License-Identifier: GPL-2.0
// Opens a loop device for reading, and has it begin 4096 bytes later: as a program of 64 bits, and as one of 32.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define LATER 4096
/* arch/x86/entry/syscalls/syscall_32.tbl */
#define IOCTL_OF_32_BITS 54

/* struct loop_info as a program of 32 bits sees it: compat_loop_info in drivers/block/loop.c */
struct loop_info_of_32_bits {
	int32_t number;
	uint16_t device;
	uint32_t inode;
	uint16_t rdevice;
	int32_t offset, encrypt_type, encrypt_key_size, flags;
	char name[LO_NAME_SIZE];
	uint8_t encrypt_key[LO_KEY_SIZE];
	uint32_t init[2];
	char reserved[4];
};

static int ioctl_of_32_bits(int file, unsigned int request, void *argument)
{
	int result = IOCTL_OF_32_BITS;

	asm volatile("int $0x80"
		     : "+a"(result)
		     : "b"(file), "c"(request), "d"(argument)
		     : "memory", "r8", "r9", "r10", "r11");
	return -result;
}

int main(void)
{
	struct loop_info info = { .lo_offset = LATER };
	struct loop_info_of_32_bits *low;
	int file = open("/dev/loop0", O_RDONLY);

	low = mmap(NULL, sizeof(*low), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (file < 0 || low == MAP_FAILED) {
		perror("/dev/loop0");
		return 1;
	}
	printf("64 bits: %s\n", strerror(ioctl(file, LOOP_SET_STATUS, &info) ? errno : 0));
	low->offset = LATER;
	printf("32 bits: %s\n", strerror(ioctl_of_32_bits(file, LOOP_SET_STATUS, low)));
	return 0;
}
