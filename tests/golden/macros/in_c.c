// SPDX-License-Identifier: GPL-2.0
#include <linux/seq_file.h>

int reckon(int figure)
{
	return figure + 1;
}

static int version_proc_show(struct seq_file *m, void *v)
{
	return original(m, v);
}
