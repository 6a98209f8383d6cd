// SPDX-License-Identifier: GPL-2.0
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/proc_fs.h>
#include <linux/rcupdate.h>
#include <linux/reboot.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/sort.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

struct item {
	struct work_struct work;
	struct rcu_head rcu;
};

static void expire(struct timer_list *timer)
{
	pr_info("expired\n");
}
static DEFINE_TIMER(started, expire);
static struct timer_list set_up;

static void do_work(struct work_struct *work)
{
	pr_info("work\n");
}
static struct work_struct queued;

static int loop(void *data)
{
	return 0;
}

static int rebooting(struct notifier_block *block, unsigned long action, void *data)
{
	return NOTIFY_DONE;
}
static struct notifier_block block = { .notifier_call = rebooting };

static int open_it(struct inode *inode, struct file *file)
{
	return 0;
}
static const struct proc_ops in_proc = { .proc_open = open_it };
static const struct file_operations of_file = { .open = open_it };

static void free_it(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct item, rcu));
}

/* The kernel calls these before it returns. */
static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}
static bool list_entry_of(struct dir_context *context, const char *name, int len, loff_t at,
			  u64 inode, unsigned int type)
{
	return false;
}
static void on_each(void *data)
{
}
/* The patch's own variable goes with the patch. */
static int (*own)(void *data);

static int cmdline_proc_show(struct seq_file *m, void *v)
{
	struct dir_context context = { .actor = list_entry_of };
	struct item *item = kmalloc(sizeof(*item), GFP_KERNEL);
	struct file *file = v;
	int numbers[] = { 2, 1 };

	mod_timer(&started, jiffies + 1);
	timer_setup(&set_up, expire, 0);
	INIT_WORK(&queued, do_work);
	schedule_work(&queued);
	kthread_run(loop, NULL, "loop");
	register_reboot_notifier(&block);
	proc_create("it", 0, NULL, &in_proc);
	file->f_op = &of_file;
	if (item)
		call_rcu(&item->rcu, free_it);

	sort(numbers, 2, sizeof(numbers[0]), compare, NULL);
	iterate_dir(file, &context);
	on_each_cpu(on_each, NULL, 1);
	if (READ_ONCE(own))
		return own(v);
	own = loop;
	return numbers[0];
}
