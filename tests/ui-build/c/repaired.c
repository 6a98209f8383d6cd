// SPDX-License-Identifier: GPL-2.0
#include <linux/percpu.h>
#include <linux/percpu_counter.h>
#include <linux/seq_file.h>

DECLARE_PER_CPU(unsigned long, process_counts);
extern struct percpu_counter nr_files;

/* Two of many, which are read through a pointer: the kernel's offsets. */
struct kallsym_iter {
	loff_t pos;
	loff_t pos_mod_end;
	loff_t pos_ftrace_mod_end;
};

/* Fewer constants than the kernel has. */
enum tcp_ca_state {
	TCP_CA_Open = 0,
	TCP_CA_Disorder = 1,
};

typedef struct {
	union {
		void *kernel;
		void __user *user;
	};
	bool is_kernel : 1;
} sockptr_t;

static unsigned int shown = 1;

static noinline int first(struct seq_file *m)
{
	seq_printf(m, "shown: %u\n", shown++);
	return 0;
}

static int cmdline_proc_show(struct seq_file *m, void *v)
{
	struct kallsym_iter *iter = v;
	enum tcp_ca_state state = READ_ONCE(iter->pos_ftrace_mod_end);
	sockptr_t *pointer = v;

	return state == TCP_CA_Disorder || pointer->is_kernel ? first(m) : 0;
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
