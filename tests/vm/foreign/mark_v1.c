// SPDX-License-Identifier: GPL-2.0
/*
 * A livepatch that an author wrote by hand, in the manner of the kernel's own samples: static
 * tables and no note. It takes parameters. A task that reads /proc/cmdline sleeps in its code for
 * sleep_ms, so that unloading it stalls.
 */
#include <linux/delay.h>
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/seq_file.h>

static char *text = "version 1";
module_param(text, charp, 0444);
MODULE_PARM_DESC(text, "What /proc/cmdline shows: one word or more");

static unsigned int sleep_ms;
module_param(sleep_ms, uint, 0644);

static int mark_cmdline_proc_show(struct seq_file *m, void *v)
{
	if (sleep_ms)
		msleep(sleep_ms);
	seq_printf(m, "%s\n", text);
	return 0;
}

static int mark_loadavg_proc_show(struct seq_file *m, void *v)
{
	seq_puts(m, "no load\n");
	return 0;
}

static struct klp_func funcs[] = {
	{
		.old_name = "cmdline_proc_show",
		.new_func = mark_cmdline_proc_show,
	},
	{
		.old_name = "loadavg_proc_show",
		.new_func = mark_loadavg_proc_show,
		.old_sympos = 1,
	},
	{ }
};

static struct klp_object objs[] = {
	{ .funcs = funcs },
	{ }
};

static struct klp_patch patch = {
	.mod = THIS_MODULE,
	.objs = objs,
};

static int __init mark_init(void)
{
	return klp_enable_patch(&patch);
}

static void __exit mark_exit(void)
{
}

module_init(mark_init);
module_exit(mark_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Marks /proc/cmdline");
MODULE_VERSION("1.0");
MODULE_INFO(livepatch, "Y");
