// SPDX-License-Identifier: GPL-2.0
#include <linux/seq_file.h>
#include <linux/uaccess.h>

static int cmdline_proc_show(struct seq_file *m, void *v)
{
	char small[4];

	if (copy_from_user(small, v, 16))
		return -EFAULT;
	seq_write(m, small, sizeof(small));
	return 0;
}
