// SPDX-License-Identifier: GPL-2.0
#include <linux/interrupt.h>
#include <linux/kernel_stat.h>
#include <linux/percpu.h>
#include <net/net_namespace.h>
#include <net/snmp.h>

DECLARE_PER_CPU(unsigned long, process_counts);

int this_cpu(void)
{
	return raw_smp_processor_id();
}

int counts_are(unsigned long one, unsigned long two)
{
	return one == two && one == this_cpu_read(process_counts) && one == per_cpu(process_counts, this_cpu());
}

/* A timer may have run since. */
int timers_are(unsigned int count)
{
	unsigned int now = per_cpu(kstat, this_cpu()).softirqs[TIMER_SOFTIRQ];

	return count > 0 && count <= now && now - count < 100;
}

int statistics_are(const void *mine, const void *theirs)
{
	return mine == this_cpu_ptr(init_net.mib.tcp_statistics)->mibs && mine == theirs;
}
