// SPDX-License-Identifier: GPL-2.0
#include <linux/audit.h>
#include <linux/percpu.h>
#include <linux/sched/loadavg.h>
#include <linux/sched/stat.h>
#include <linux/seq_file.h>

extern int max_threads;

static int cmdline_proc_show(struct seq_file *m, void *v)
{
	unsigned long loads[3];

	get_avenrun(loads, 0, 0);
	/* An inline function of the kernel: it calls what no module can. */
	audit_log_kern_module("cmdline");
	seq_printf(m, "%d of %d, %d\n", nr_processes(), max_threads, nr_threads);
	seq_printf(m, "%lu %lu\n", loads[0], this_cpu_read(process_counts));
	return original(m, v);
}
