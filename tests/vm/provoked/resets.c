// SPDX-License-Identifier: GPL-2.0
/* A livepatch of a module that is linked to what that module exports (KPS0205). */
#include <linux/limits.h>
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/vhost_iotlb.h>

static void livepatch_vhost_iotlb_reset(struct vhost_iotlb *iotlb)
{
	vhost_iotlb_del_range(iotlb, 0, ULLONG_MAX);
}

static struct klp_func funcs[] = {
	{ .old_name = "vhost_iotlb_reset", .new_func = livepatch_vhost_iotlb_reset },
	{ }
};

static struct klp_object objs[] = {
	{ .name = "vhost_iotlb", .funcs = funcs },
	{ }
};

static struct klp_patch patch = { .mod = THIS_MODULE, .objs = objs };

static int __init resets_init(void)
{
	return klp_enable_patch(&patch);
}
module_init(resets_init);

static void __exit resets_exit(void)
{
}
module_exit(resets_exit);

MODULE_DESCRIPTION("Linked to another module");
MODULE_INFO(livepatch, "Y");
MODULE_LICENSE("GPL");
