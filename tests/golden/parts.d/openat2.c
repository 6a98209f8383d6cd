// SPDX-License-Identifier: GPL-2.0
#include <linux/syscalls.h>

SYSCALL_DEFINE4(openat2, int, dfd, const char __user *, filename,
		struct open_how __user *, how, size_t, usize)
{
	return usize > 64 ? -E2BIG : original(dfd, filename, how, usize);
}
