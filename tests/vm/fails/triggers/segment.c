// SPDX-License-Identifier: GPL-2.0
// Sets a segment of the program, for which the kernel reloads the table on each CPU.
#include <asm/ldt.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	struct user_desc segment = { .entry_number = 1, .limit = 0xfffff, .seg_32bit = 1 };

	puts(syscall(SYS_modify_ldt, 0x11, &segment, sizeof(segment)) == 0 ? "set" : "not set");
	return 0;
}
