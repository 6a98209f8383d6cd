// SPDX-License-Identifier: GPL-2.0
/*
 * Objects that come and go, for patches that keep data with them.
 *
 * /proc/parents takes a command and a number N; all of them mean the first N places of the pool:
 *   alloc, free, use: those that are free are taken, those that are taken are freed, or used
 *   again:            those that are taken are freed and taken once more, at the same address
 *   hold:             waits in parent_hold() until somebody writes "release", and then does the same as "again" from there
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#define POOL 16384

/* What is changed by patches: the compiler must not use what it knows of such a function in its callers. */
#define changed noinline __attribute__((noipa))

struct parent {
	unsigned int number;
	bool taken;
};

static struct parent pool[POOL];
static DEFINE_MUTEX(pool_mutex);
/* How many of those that "use" was told to use last said no. */
static unsigned int refused;
static bool released;
static DECLARE_WAIT_QUEUE_HEAD(release_queue);

static changed void parent_alloc(struct parent *p)
{
	p->taken = true;
}

static changed void parent_free(struct parent *p)
{
	p->taken = false;
}

/* Gives how often it was used, or a negative number: this one keeps no count. */
static changed int parent_use(struct parent *p)
{
	return 0;
}

/* Gives how often it was used, and is no use. */
static changed int parent_peek(struct parent *p)
{
	return 0;
}

static void again(unsigned int count)
{
	unsigned int n;

	mutex_lock(&pool_mutex);
	for (n = 0; n < count; n++) {
		if (!pool[n].taken)
			continue;
		parent_free(&pool[n]);
		parent_alloc(&pool[n]);
	}
	mutex_unlock(&pool_mutex);
}

/* A task that is in here holds up every transition that changes this function. */
static changed void parent_hold(unsigned int count)
{
	WRITE_ONCE(released, false);
	wait_event(release_queue, READ_ONCE(released));
	again(count);
	/* Not the last call, or the compiler would make a jump of it. */
	barrier();
}

static int each(const char *verb, unsigned int count)
{
	bool is_alloc = !strcmp(verb, "alloc");
	bool is_free = !strcmp(verb, "free");
	bool is_use = !strcmp(verb, "use");
	unsigned int n;

	if (!is_alloc && !is_free && !is_use)
		return -EINVAL;
	mutex_lock(&pool_mutex);
	if (is_use)
		refused = 0;
	for (n = 0; n < count; n++) {
		if (is_alloc == pool[n].taken)
			continue;
		if (is_alloc)
			parent_alloc(&pool[n]);
		else if (is_free)
			parent_free(&pool[n]);
		else if (parent_use(&pool[n]) < 0)
			refused++;
	}
	mutex_unlock(&pool_mutex);
	return 0;
}

static ssize_t parents_write(struct file *file, const char __user *text, size_t len, loff_t *pos)
{
	char line[32] = {}, verb[16];
	unsigned int count = 0;
	int err = 0;

	if (len >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, text, len))
		return -EFAULT;
	if (sscanf(line, "%15s %u", verb, &count) < 1 || count > POOL)
		return -EINVAL;
	if (!strcmp(verb, "hold")) {
		parent_hold(count);
	} else if (!strcmp(verb, "release")) {
		WRITE_ONCE(released, true);
		wake_up_all(&release_queue);
	} else if (!strcmp(verb, "again")) {
		again(count);
	} else {
		err = each(verb, count);
	}
	return err ? err : len;
}

static changed int parents_show(struct seq_file *m, void *v)
{
	unsigned int n, taken = 0, with_data = 0, uses = 0;

	mutex_lock(&pool_mutex);
	for (n = 0; n < POOL; n++) {
		int said;

		if (!pool[n].taken)
			continue;
		taken++;
		said = parent_peek(&pool[n]);
		if (said > 0) {
			with_data++;
			uses += said;
		}
	}
	seq_printf(m, "%u parents, %u with data, %u uses, %u refused\n", taken, with_data, uses, refused);
	mutex_unlock(&pool_mutex);
	return 0;
}

static int parents_open(struct inode *inode, struct file *file)
{
	return single_open(file, parents_show, NULL);
}

static const struct proc_ops parents_ops = {
	.proc_open	= parents_open,
	.proc_read	= seq_read,
	.proc_write	= parents_write,
	.proc_lseek	= seq_lseek,
	.proc_release	= single_release,
};

static int __init parents_init(void)
{
	unsigned int n;

	for (n = 0; n < POOL; n++)
		pool[n].number = n;
	return proc_create("parents", 0600, NULL, &parents_ops) ? 0 : -ENOMEM;
}

static void __exit parents_exit(void)
{
	remove_proc_entry("parents", NULL);
}

module_init(parents_init);
module_exit(parents_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Objects that come and go");
