// SPDX-License-Identifier: GPL-2.0
/*
 * What `objtool klp diff` makes of the changed objects: the new functions and their tables. One
 * object is a module that may never be loaded.
 */
#include "tables.h"
#include <linux/printk.h>
#include <linux/seq_file.h>

static int cmdline_proc_show(struct seq_file *m, void *v)
{
	seq_puts(m, "made by klp-build\n");
	return 0;
}

static int loadavg_proc_show(struct seq_file *m, void *v)
{
	seq_puts(m, "no load at all\n");
	return 0;
}

static int greeter_show(struct seq_file *m, void *v)
{
	seq_puts(m, "made by klp-build\n");
	return 0;
}

static int before(struct klp_object *object)
{
	pr_info("livepatch_cmdline: pre_patch of %s\n", object->name ?: "vmlinux");
	return 0;
}

static void after(struct klp_object *object)
{
	pr_info("livepatch_cmdline: post_unpatch of %s\n", object->name ?: "vmlinux");
}

static const struct klp_func_ext klp_funcs[] __section(FUNCS) = {
	{ .old_name = "cmdline_proc_show", .new_func = cmdline_proc_show, .sympos = 0 },
	{ .old_name = "loadavg_proc_show", .new_func = loadavg_proc_show, .sympos = 1 },
	{ .old_name = "greeter_show", .new_func = greeter_show, .sympos = 0 },
};

const struct klp_object_ext klp_objects[OBJECT_COUNT] __section(OBJECTS) = {
	{
		.funcs = (struct klp_func_ext *)&klp_funcs[0],
		.nr_funcs = 2,
		.callbacks = { .pre_patch = before, .post_unpatch = after },
	},
	{
		.name = "greeter",
		.funcs = (struct klp_func_ext *)&klp_funcs[2],
		.nr_funcs = 1,
	},
};
