// SPDX-License-Identifier: GPL-2.0
#include <linux/sched/stat.h>
#include <linux/seq_file.h>

static int seq_open(struct file *file, const struct seq_operations *op)
{
	return file ? 0 : -EINVAL;
}

static int nr_processes(void)
{
	return seq_open(NULL, NULL);
}
