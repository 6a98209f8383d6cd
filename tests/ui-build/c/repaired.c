// SPDX-License-Identifier: GPL-2.0
#include <linux/seq_file.h>

static unsigned int shown = 1;

static noinline int first(struct seq_file *m)
{
	seq_printf(m, "shown: %u\n", shown++);
	return 0;
}

static int cmdline_proc_show(struct seq_file *m, void *v)
{
	return first(m);
}

static int begin(void)
{
	shown = 2;
	return 0;
}
