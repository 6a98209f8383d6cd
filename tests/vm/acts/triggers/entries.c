// SPDX-License-Identifier: GPL-2.0
// Makes system calls through both entries of the kernel: a 64-bit program may use the one of 32-bit programs, too.
#include <stdio.h>
#include <sys/syscall.h>

static long call(long nr, long a, long b)
{
	long result;

	asm volatile("syscall" : "=a"(result) : "0"(nr), "D"(a), "S"(b) : "rcx", "r11", "memory");
	return result;
}

static long call32(long nr, long a, long b)
{
	long result;

	asm volatile("int $0x80"
		     : "=a"(result)
		     : "0"(nr), "b"(a), "c"(b)
		     : "r8", "r9", "r10", "r11", "memory");
	return (int)result;
}

/* Numbers of 32-bit programs (arch/x86/entry/syscalls/syscall_32.tbl). */
enum { DUP2_32 = 63, GETPGRP_32 = 65, TRUNCATE_32 = 92 };

static void show(const char *title, long dup[3], long group, long truncated)
{
	printf("%sdup2: %ld, %ld, %ld; getpgrp: %s; truncate: %ld\n", title, dup[0], dup[1], dup[2],
	       group >= 1000000 ? "1000000 more" : "as it was", truncated);
}

int main(void)
{
	long dup[3] = { call(SYS_dup2, 4242, 9), call(SYS_dup2, 4243, 9), call(SYS_dup2, 1, 9) };
	long dup32[3] = { call32(DUP2_32, 4242, 9), call32(DUP2_32, 4243, 9), call32(DUP2_32, 1, 9) };

	show("", dup, call(SYS_getpgrp, 0, 0), call(SYS_truncate, 0, 4242));
	show("32-bit ", dup32, call32(GETPGRP_32, 0, 0), call32(TRUNCATE_32, 0, 4242));
	return dup[0] != -18;
}
