// SPDX-License-Identifier: GPL-2.0
/* A vendor's module, as it comes: /proc/meter shows the last reading, and 0 where there was none. */
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

static int reading;
module_param(reading, int, 0644);
MODULE_PARM_DESC(reading, "the last reading, in pulses");

static noinline int meter_show(struct seq_file *m, void *v)
{
	seq_printf(m, "%d pulses\n", reading);
	return 0;
}

static int __init meter_init(void)
{
	return proc_create_single("meter", 0, NULL, meter_show) ? 0 : -ENOMEM;
}

static void __exit meter_exit(void)
{
	remove_proc_entry("meter", NULL);
}

module_init(meter_init);
module_exit(meter_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A meter");
