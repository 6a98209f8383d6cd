// SPDX-License-Identifier: GPL-2.0
#include <linux/seq_file.h>

extern bool secretmem_enable;

static int version_proc_show(struct seq_file *m, void *v)
{
	seq_puts(m, "a version\n");
	if (!secretmem_enable)
		WRITE_ONCE(secretmem_enable, true);
	return 0;
}
