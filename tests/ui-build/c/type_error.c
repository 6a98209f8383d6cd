// SPDX-License-Identifier: GPL-2.0
#include <linux/seq_file.h>

static int unused_helper(void)
{
	return 1;
}

static int cmdline_proc_show(struct seq_file *m, void *v)
{
	seq_puts(m, 5);
	return missing_name;
}
