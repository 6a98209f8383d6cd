// SPDX-License-Identifier: GPL-2.0
/* Reads parameters, a state and a resource of the patch, and counts in a shadow variable. */
#include <linux/atomic.h>
#include <linux/gfp.h>
#include <linux/sched.h>
#include <linux/seq_file.h>

static int loadavg_proc_show(struct seq_file *m, void *v)
{
	atomic_t *looks = looks_get_or_init(current, GFP_KERNEL);
	int saved = 0;
	bool is_saved = mark_get(&saved);

	if (!looks || looks != looks_get(current))
		return original(m, v);
	if (atomic_inc_return(looks) > limit) {
		looks_remove(current);
		seq_printf(m, "over %d, removed: %d\n", limit, !looks_get(current));
		return 0;
	}
	seq_printf(m, "look %d of %s, levels %u %u of %u, ", atomic_read(looks), who, levels.values[0],
		   levels.values[1], levels.len);
	seq_printf(m, "saved %d %d %d%d, token %u\n", is_saved, saved, mark_taken_over(),
		   mark_is_shared(), *token_get());
	return 0;
}
