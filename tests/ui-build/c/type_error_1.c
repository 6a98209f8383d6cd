// SPDX-License-Identifier: GPL-2.0
#include <linux/seq_file.h>

/* What it would define is not missing. */
int of_a_bad_file(void)
{
	return 0;
}

static int version_proc_show(struct seq_file *m, void *v)
{
	seq_puts(m, 5);
	return 0;
}
