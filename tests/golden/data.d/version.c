// SPDX-License-Identifier: GPL-2.0
#include <linux/atomic.h>
#include <linux/seq_file.h>

int version_proc_show(struct seq_file *m, void *v)
{
	atomic_t *looks = looks_get(m);
	int saved = 0;

	if (looks && loglevel_get(&saved) && atomic_read(looks) > most)
		looks_remove(m);
	return loglevel_is_shared() ? saved : original(m, v);
}
