// SPDX-License-Identifier: GPL-2.0
#include <linux/init.h>
#include <linux/percpu.h>
#include <linux/seq_file.h>
#include "tag.h"

extern char *saved_command_line;
DECLARE_PER_CPU(unsigned long, process_counts);

static int cmdline_proc_show(struct seq_file *m, void *v)
{
	seq_printf(m, "in C: %s\n", saved_command_line);
	return 0;
}

int version_proc_show(struct seq_file *m, void *v)
{
	seq_puts(m, TAG);
	return original_version_proc_show(m, v);
}

int nr_processes(void)
{
	int cpu, total = 0;

	for_each_possible_cpu(cpu)
		total += per_cpu(process_counts, cpu);
	return 1000 * total;
}
