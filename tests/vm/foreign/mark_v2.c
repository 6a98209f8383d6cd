// SPDX-License-Identifier: GPL-2.0
/*
 * The cumulative successor of mark_v1: it replaces all livepatches and changes /proc/loadavg no
 * longer. Compiled with -DBY_PARAMETER, it replaces them only if its parameter says so, as the
 * kernel's own test modules do.
 */
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/seq_file.h>

static int mark_cmdline_proc_show(struct seq_file *m, void *v)
{
	seq_puts(m, "version 2\n");
	return 0;
}

static struct klp_func funcs[] = {
	{
		.old_name = "cmdline_proc_show",
		.new_func = mark_cmdline_proc_show,
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
#ifndef BY_PARAMETER
	.replace = true,
#endif
};

#ifdef BY_PARAMETER
static bool replace;
module_param(replace, bool, 0444);
#endif

static int __init mark_init(void)
{
#ifdef BY_PARAMETER
	patch.replace = replace;
#endif
	return klp_enable_patch(&patch);
}

static void __exit mark_exit(void)
{
}

module_init(mark_init);
module_exit(mark_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Marks /proc/cmdline");
MODULE_VERSION("2.0");
MODULE_INFO(livepatch, "Y");
