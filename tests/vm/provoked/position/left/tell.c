// SPDX-License-Identifier: GPL-2.0
/* A module with two functions `tell`. */
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

void tell_right(struct seq_file *m);

static noinline void tell(struct seq_file *m)
{
	seq_puts(m, "left ");
}

static int twins_show(struct seq_file *m, void *v)
{
	tell(m);
	tell_right(m);
	seq_putc(m, '\n');
	return 0;
}

static int __init twins_init(void)
{
	return proc_create_single("twins", 0, NULL, twins_show) ? 0 : -ENOMEM;
}
module_init(twins_init);

static void __exit twins_exit(void)
{
	remove_proc_entry("twins", NULL);
}
module_exit(twins_exit);

MODULE_DESCRIPTION("Two functions of one name");
MODULE_LICENSE("GPL");
