// SPDX-License-Identifier: GPL-2.0
#include <linux/seq_file.h>

int fix_helper(struct seq_file *m)
{
	return seq_has_overflowed(m);
}

static int cmdline_proc_show(struct seq_file *m, void *v)
{
	return fix_helper(m);
}
