// SPDX-License-Identifier: GPL-2.0
#include <linux/jump_label.h>
#include <linux/seq_file.h>

extern struct static_key_false netstamp_needed_key;

static int cmdline_proc_show(struct seq_file *m, void *v)
{
	if (static_branch_unlikely(&netstamp_needed_key))
		seq_puts(m, "key=1\n");
	else
		seq_puts(m, "key=0\n");
	return 0;
}
