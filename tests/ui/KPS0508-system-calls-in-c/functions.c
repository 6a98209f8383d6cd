/* SYSCALL_DEFINE4(openat2, int, dfd, const char __user *, filename, struct open_how __user *, how, size_t, usize) */
long __x64_sys_openat2(const struct pt_regs *regs)
{
	return original_openat2(regs);
}

SYSCALL_DEFINE1(getpid, int, of)
{
	return original_sys_getpid() + of;
}

SYSCALL_DEFINE1(newuname, int, name)
{
	return name;
}

COMPAT_SYSCALL_DEFINE0(unsaid)
{
	return 0;
}
