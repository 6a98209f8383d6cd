// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include <linux/seq_file.h>

struct vhost_poll;

void vhost_poll_stop(struct vhost_poll *poll);
int vhost_poll_start(struct vhost_poll *poll, struct file *file);

static int cmdline_proc_show(struct seq_file *m, void *v)
{
	int (*start)(struct vhost_poll *, struct file *) = symbol_get(vhost_poll_start);

	if (!start)
		return -ENODEV;
	symbol_put(vhost_poll_start);
	vhost_poll_stop(v);
	return 0;
}
