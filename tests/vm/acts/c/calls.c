// SPDX-License-Identifier: GPL-2.0
/* Bodies as the kernel's source has them, with the message prefix before its headers. */
#define pr_fmt(fmt) "calls: " fmt

/* As on kernels that can inject errors: nothing of that may be in the module. */
#define CONFIG_FUNCTION_ERROR_INJECTION 1

#include <linux/compat.h>
#include <linux/errno.h>
#include <linux/printk.h>
#include <linux/syscalls.h>

SYSCALL_DEFINE2(dup2, unsigned int, oldfd, unsigned int, newfd)
{
	if (oldfd == 4242)
		return -EXDEV;
	if (oldfd == 4243)
		return original_sys_dup2(1, newfd) + 1000;
	return original_sys_dup2(oldfd, newfd);
}

SYSCALL_DEFINE0(getpgrp)
{
	pr_info("process group asked for\n");
	return original_sys_getpgrp() + 1000000;
}

#ifdef CONFIG_COMPAT
COMPAT_SYSCALL_DEFINE2(truncate, const char __user *, path, compat_off_t, length)
{
	return original_compat_sys_truncate(path, length == 4242 ? -1 : length);
}
#endif
