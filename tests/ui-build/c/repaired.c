// SPDX-License-Identifier: GPL-2.0
#include <linux/percpu.h>
#include <linux/percpu_counter.h>
#include <linux/seq_file.h>

DECLARE_PER_CPU(unsigned long, process_counts);
extern struct percpu_counter nr_files;

static unsigned int shown = 1;

static noinline int first(struct seq_file *m)
{
	seq_printf(m, "shown: %u\n", shown++);
	return 0;
}

static int cmdline_proc_show(struct seq_file *m, void *v)
{
	return first(m);
}

int nr_processes(void)
{
	int cpu, total = percpu_counter_read_positive(&nr_files);

	for_each_possible_cpu(cpu)
		total += per_cpu(process_counts, cpu);
	return total;
}

static int begin(void)
{
	shown = 2;
	return 0;
}
