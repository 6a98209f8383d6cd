// SPDX-License-Identifier: GPL-2.0
#include <linux/seq_file.h>
#include <linux/vermagic.h>

static int cmdline_proc_show(struct seq_file *m, void *v)
{
	return 0;
}
