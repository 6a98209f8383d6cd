// SPDX-License-Identifier: GPL-2.0
#include <linux/dma-buf.h>
#include <linux/seq_file.h>

static int version_proc_show(struct seq_file *m, void *v)
{
	/* Who calls dma_buf_get() imports its namespace. */
	return IS_ERR(dma_buf_get(m->index));
}
