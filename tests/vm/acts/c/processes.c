// SPDX-License-Identifier: GPL-2.0
#include <linux/percpu.h>
#include <linux/sched.h>

DECLARE_PER_CPU(unsigned long, process_counts);

int nr_processes(void)
{
	int cpu, total = 0;

	for_each_possible_cpu(cpu)
		total += per_cpu(process_counts, cpu);
	return 1000 * total;
}
