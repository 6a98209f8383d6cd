// SPDX-License-Identifier: GPL-2.0
/* A module that greets whoever reads /proc/greeter, and counts. */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

static int greetings;
static DEFINE_PER_CPU(int, greeted_here);
static bool sleepy;
module_param(sleepy, bool, 0644);

static noinline int count_greeting(void)
{
	this_cpu_inc(greeted_here);
	return ++greetings;
}

static noinline int greeter_show(struct seq_file *m, void *v)
{
	if (sleepy)
		msleep(2000);
	seq_printf(m, "%s %d\n", GREETING, count_greeting());
	return 0;
}

static int __init greeter_init(void)
{
	return proc_create_single("greeter", 0, NULL, greeter_show) ? 0 : -ENOMEM;
}

static void __exit greeter_exit(void)
{
	remove_proc_entry("greeter", NULL);
}

module_init(greeter_init);
module_exit(greeter_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A module to be patched");
