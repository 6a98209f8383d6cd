// SPDX-License-Identifier: GPL-2.0
/* A module in which the kernel complains on demand: `echo warn > /sys/module/complains/parameters/now`. */
#include <linux/bug.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/rcupdate.h>

static bool at_exit;
module_param(at_exit, bool, 0644);

static int complain(const char *how, const struct kernel_param *param)
{
	if (sysfs_streq(how, "oops"))
		BUG();
	/* The next three leave no taint. */
	if (sysfs_streq(how, "lockup"))
		pr_emerg("BUG: workqueue lockup - pool cpus=0 node=0 stuck for 42s!\n");
	if (sysfs_streq(how, "hung"))
		pr_err("INFO: task complains:1 blocked for more than 120 seconds.\n");
	if (sysfs_streq(how, "stall")) {
		/*
		 * Someone must wait for readers: the first request begins while
		 * this task sleeps, the second one where it can be preempted.
		 */
		start_poll_synchronize_rcu();
		usleep_range(50, 100);
		rcu_read_lock();
		start_poll_synchronize_rcu();
		mdelay(5000);
		rcu_read_unlock();
	}
	WARN(sysfs_streq(how, "warn"), "complains: as it was told to\n");
	return 0;
}

static const struct kernel_param_ops now = { .set = complain };
module_param_cb(now, &now, NULL, 0200);

static int __init complains_init(void)
{
	return 0;
}

static void __exit complains_exit(void)
{
	WARN(at_exit, "complains: at the last moment\n");
}

module_init(complains_init);
module_exit(complains_exit);
MODULE_LICENSE("GPL");
