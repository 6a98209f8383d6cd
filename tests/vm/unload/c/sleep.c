// SPDX-License-Identifier: GPL-2.0
#include <linux/delay.h>
#include <linux/seq_file.h>

static noinline int nap(struct seq_file *m)
{
	msleep(2000);
	return 0;
}

static int cmdline_proc_show(struct seq_file *m, void *v)
{
	seq_puts(m, "asleep\n");
	return nap(m);
}
