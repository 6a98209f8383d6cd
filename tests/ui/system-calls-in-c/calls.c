#include <linux/syscalls.h>

SYSCALL_DEFINE4(openat2, int, dfd, const char  __user *, filename,
		struct open_how __user *, how, unsigned long, usize)
{
	return original_sys_openat2(dfd, filename, how, usize);
}

SYSCALL_DEFINE2(unsaid, u32, one, void __user *, other)
{
	return original_sys_unsaid(one, other);
}
