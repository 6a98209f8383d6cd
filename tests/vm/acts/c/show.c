// SPDX-License-Identifier: GPL-2.0
#include <linux/init.h>
#include <linux/seq_file.h>
#include "tag.h"

extern char *saved_command_line;

static int cmdline_proc_show(struct seq_file *m, void *v)
{
	seq_printf(m, "in C: %s\n", saved_command_line);
	return 0;
}

int version_proc_show(struct seq_file *m, void *v)
{
	seq_puts(m, TAG);
	return original_version_proc_show(m, v);
}
