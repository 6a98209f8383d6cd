// SPDX-License-Identifier: GPL-2.0
#include <linux/fs.h>
#include <linux/percpu.h>
#include <linux/percpu_counter.h>

/* Code of the image, in a module: nothing in other modules is reachable. */
_Static_assert(sizeof(KBUILD_MODNAME) == sizeof("second_statics"), "another name");
_Static_assert(!IS_REACHABLE(CONFIG_BLK_DEV_LOOP), "a module is reachable");

static DEFINE_PER_CPU(unsigned long, process_counts);
static struct percpu_counter nr_files;

/* These are the author's own. */
static DEFINE_PER_CPU(unsigned long, calls);
static unsigned long count;
static const int limits[] = { 1, 2, 3 };

int nr_processes(void)
{
	int cpu, total = 0;

	for_each_possible_cpu(cpu)
		total += per_cpu(process_counts, cpu);
	pr_info_once("called\n");
	this_cpu_inc(calls);
	count++;
	return total;
}

struct file *alloc_empty_file(int flags, const struct cred *cred)
{
	static int lock;

	if (percpu_counter_read_positive(&nr_files) > READ_ONCE(limits[flags & 1]) || lock++)
		return NULL;
	percpu_counter_inc(&nr_files);
	return original_alloc_empty_file(flags, cred);
}
