// SPDX-License-Identifier: GPL-2.0
/* The running task. */
#include <linux/sched.h>

struct task_struct *kps_inline_current(void);
struct task_struct *kps_inline_current(void)
{
	return current;
}

pid_t kps_inline_task_pid(const struct task_struct *task);
pid_t kps_inline_task_pid(const struct task_struct *task)
{
	return task->pid;
}
