// SPDX-License-Identifier: GPL-2.0
/* A module that counts who reads /proc/visits. */
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

static int visits;

static noinline int count_visit(void)
{
	return ++visits;
}

static int visits_show(struct seq_file *m, void *v)
{
	seq_printf(m, "visit %d\n", count_visit());
	return 0;
}

static int __init visits_init(void)
{
	return proc_create_single("visits", 0, NULL, visits_show) ? 0 : -ENOMEM;
}
module_init(visits_init);

static void __exit visits_exit(void)
{
	remove_proc_entry("visits", NULL);
}
module_exit(visits_exit);

MODULE_DESCRIPTION("Counts visits");
MODULE_LICENSE("GPL");
