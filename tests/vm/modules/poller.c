// SPDX-License-Identifier: GPL-2.0
/* A module whose functions run in a thread of their own, and in a timer. */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/timer.h>

/* The compiler makes no other function of it. */
#define KEPT noinline __attribute__((__noipa__))

static struct task_struct *thread;
static struct timer_list timer;
static int ticks;

static KEPT int poller_count(void)
{
	return ++ticks;
}

static KEPT int poller_step(void)
{
	return poller_count() + 1;
}

static KEPT void poller_tick(struct timer_list *unused)
{
	poller_count();
	mod_timer(&timer, jiffies + HZ);
}

static KEPT void poller_exit_thread(void)
{
	kthread_complete_and_exit(NULL, 0);
}

static KEPT int poller_main(void *unused)
{
	while (!kthread_should_stop()) {
		poller_step();
		msleep(100);
	}
	poller_exit_thread();
	return 0;
}

static int __init poller_init(void)
{
	timer_setup(&timer, poller_tick, 0);
	mod_timer(&timer, jiffies + HZ);
	thread = kthread_run(poller_main, NULL, "poller");
	return PTR_ERR_OR_ZERO(thread);
}

static void __exit poller_exit(void)
{
	kthread_stop(thread);
	timer_shutdown_sync(&timer);
}

module_init(poller_init);
module_exit(poller_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A module with a thread and a timer");
