// SPDX-License-Identifier: GPL-2.0
#include <linux/errno.h>
#include <linux/ptrace.h>

long __x64_sys_openat2(const struct pt_regs *regs)
{
	return -ENOSYS;
}
