// SPDX-License-Identifier: GPL-2.0
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>

/* A list walk and a lock: macros and inline functions of the headers, which have no symbol for Rust. */
static int count_users(void)
{
	struct task_struct *task;
	int count = 0;

	rcu_read_lock();
	for_each_process(task)
		count += task->mm != NULL;
	rcu_read_unlock();
	return count;
}
