// SPDX-License-Identifier: GPL-2.0
// Makes system calls by hand, to see that no register but the result changes.
#include <stdio.h>
#include <sys/syscall.h>

static int kept = 1;

static long call(long nr, long a, long b, long c, long d, long e, long f)
{
	register long di asm("rdi") = a, si asm("rsi") = b, dx asm("rdx") = c;
	register long r10 asm("r10") = d, r8 asm("r8") = e, r9 asm("r9") = f;
	long result;

	asm volatile("syscall" : "=a"(result), "+r"(di), "+r"(si), "+r"(dx), "+r"(r10), "+r"(r8), "+r"(r9)
		     : "0"(nr) : "rcx", "r11", "memory");
	kept &= di == a && si == b && dx == c && r10 == d && r8 == e && r9 == f;
	return result;
}

int main(void)
{
	long parent = call(SYS_getppid, 1, 2, 3, 4, 5, 6);
	long map = call(SYS_mmap, 0, 4097, 1, 0x22, -1, 0);
	long first, second, copy;

	call(SYS_umask, 0123, 2, 3, 4, 5, 6);
	first = call(SYS_umask, 077, 2, 3, 4, 5, 6);
	second = call(SYS_umask, 077, 2, 3, 4, 5, 6);
	copy = call(SYS_dup, 4242, 2, 3, 4, 5, 6);
	printf("mmap: %ld, umask: %lo, then %lo, getppid: %s, dup: %ld, registers %s\n", map, first, second,
	       parent >= 1000 ? "1000 more" : "as it was", copy, kept ? "kept" : "changed");
	return first == 0123;
}
