// SPDX-License-Identifier: GPL-2.0
#include <linux/seq_file.h>

extern char *saved_command_line;

static int cmdline_proc_show(struct seq_file *m, void *v)
{
	seq_puts(m, saved_command_line);
	return 0;
}
