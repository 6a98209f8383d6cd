// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/shadows says how many shadow variables there are in the whole kernel: those of no object, and those of objects.
 *
 * The kernel lends nobody its table of them, so whoever loads the module says where it is.
 */
#include <linux/hashtable.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/rculist.h>
#include <linux/seq_file.h>

/* As in kernel/livepatch/shadow.c. */
#define KLP_SHADOW_HASH_BITS 12
struct klp_shadow {
	struct hlist_node node;
	struct rcu_head rcu_head;
	void *obj;
	unsigned long id;
	char data[];
};

static unsigned long hash;
module_param(hash, ulong, 0);
MODULE_PARM_DESC(hash, "the address of klp_shadow_hash");

static int shadows_show(struct seq_file *m, void *v)
{
	struct hlist_head *table = (struct hlist_head *)hash;
	unsigned int n, of_nothing = 0, of_objects = 0;
	struct klp_shadow *shadow;

	rcu_read_lock();
	for (n = 0; n < 1 << KLP_SHADOW_HASH_BITS; n++) {
		hlist_for_each_entry_rcu(shadow, &table[n], node) {
			if (shadow->obj)
				of_objects++;
			else
				of_nothing++;
		}
	}
	rcu_read_unlock();
	seq_printf(m, "%u records, %u data\n", of_nothing, of_objects);
	return 0;
}

static int __init shadows_init(void)
{
	if (!hash)
		return -EINVAL;
	return proc_create_single("shadows", 0, NULL, shadows_show) ? 0 : -ENOMEM;
}

static void __exit shadows_exit(void)
{
	remove_proc_entry("shadows", NULL);
}

module_init(shadows_init);
module_exit(shadows_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Counts shadow variables");
