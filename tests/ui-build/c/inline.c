// SPDX-License-Identifier: GPL-2.0
#include <linux/audit.h>
#include <linux/seq_file.h>

static int cmdline_proc_show(struct seq_file *m, void *v)
{
	if (m->count)
		audit_log_kern_module("cmdline");
	return 0;
}
