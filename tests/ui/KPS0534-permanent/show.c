// SPDX-License-Identifier: GPL-2.0
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

static const struct proc_ops says_ops = {
	.proc_flags = PROC_ENTRY_PERMANENT,
	.proc_read = seq_read,
};

static int cmdline_proc_show(struct seq_file *m, void *v)
{
	proc_create("says", 0444, NULL, &says_ops);
	return 0;
}
