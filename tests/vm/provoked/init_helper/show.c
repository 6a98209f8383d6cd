// SPDX-License-Identifier: GPL-2.0
#include <linux/init.h>
#include <linux/seq_file.h>

static noinline int __init mark(struct seq_file *m)
{
	seq_puts(m, "marked\n");
	return 0;
}

static int cmdline_proc_show(struct seq_file *m, void *v)
{
	return mark(m);
}
