// SPDX-License-Identifier: GPL-2.0
#include <linux/kernel.h>
#include <linux/kthread.h>
#ifdef __has_include
#if __has_include(<linux/unaligned.h>)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif
#endif
#define GLUE(p) p ## include
#define EMBED(p) p##embed
#define STR(include) #include
#define END(thread) kthread_stop(thread)

static struct task_struct *thread;

static int do_include(void) { return 1; }
static int x_embed(void) { return 2; }
static int run(void *data) { return 0; }

int own_count(void)
{
	pr_info("%s\n", STR(x));
	return GLUE(do_)() + EMBED(x_)();
}

int own_begin(void)
{
	thread = kthread_run(run, NULL, "own");
	return PTR_ERR_OR_ZERO(thread);
}

void own_end(void)
{
	END(thread);
}
