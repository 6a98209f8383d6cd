// SPDX-License-Identifier: GPL-2.0
#include <linux/capability.h>
#include <linux/seq_file.h>
#include <linux/utsname.h>

static int version_proc_show(struct seq_file *m, void *v)
{
	if (capable(CAP_SYS_ADMIN))
		return original(m, v);

	/* An inline function: Rust cannot call it. */
	seq_printf(m, "Linux version %s\n", utsname()->release);
	return 0;
}
