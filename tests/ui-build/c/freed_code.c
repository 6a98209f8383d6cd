// SPDX-License-Identifier: GPL-2.0
#include <linux/init.h>
#include <linux/seq_file.h>

static unsigned int shown __initdata = 1;
static const char text[] __initconst = "shown: %u\n";

/* The compiler inlines it, this time. */
static void __init count(void)
{
	shown++;
}

static noinline int __init first(struct seq_file *m)
{
	count();
	seq_printf(m, READ_ONCE(text[0]) ? text : "", shown);
	return 0;
}

static int (*show)(struct seq_file *m) = first;

__attribute__((section(".init.text"))) static noinline int second(struct seq_file *m)
{
	return READ_ONCE(show)(m);
}

/* modpost would not warn of an `__ref` function. */
static int __ref cmdline_proc_show(struct seq_file *m, void *v)
{
	return first(m) + second(m);
}

static noinline void __exit last(void)
{
	shown = 0;
}

static int version_proc_show(struct seq_file *m, void *v)
{
	last();
	return 0;
}
