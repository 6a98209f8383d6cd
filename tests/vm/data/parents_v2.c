// SPDX-License-Identifier: GPL-2.0
/* Counts a use of a parent and marks it, as far as the transition allows that. */
#include <linux/atomic.h>
#include <linux/gfp.h>

static int parent_use(void *p)
{
	atomic_t *mark = marks_get_or_init(p, GFP_KERNEL);
	atomic_t *count = uses_get_or_init(p, GFP_KERNEL);

	if (mark)
		atomic_set(mark, 1);
	return count ? atomic_inc_return(count) : -1;
}
