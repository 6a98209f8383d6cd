// SPDX-License-Identifier: GPL-2.0
/* A kprobe with a post_handler: such a one may send callers elsewhere, and no livepatch may then. */
#include <linux/kprobes.h>
#include <linux/module.h>

static void after(struct kprobe *p, struct pt_regs *regs, unsigned long flags)
{
}

static struct kprobe probe = {
	.symbol_name = "cmdline_proc_show",
	.post_handler = after,
};

static int __init own_probe_init(void)
{
	return register_kprobe(&probe);
}
module_init(own_probe_init);

static void __exit own_probe_exit(void)
{
	unregister_kprobe(&probe);
}
module_exit(own_probe_exit);

MODULE_DESCRIPTION("A kprobe with a post_handler");
MODULE_LICENSE("GPL");
