// SPDX-License-Identifier: GPL-2.0
#include <linux/seq_file.h>

static int uptime_proc_show(struct seq_file *m, void *v)
{
	return missing_name;
}
