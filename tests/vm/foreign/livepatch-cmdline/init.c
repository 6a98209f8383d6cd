// SPDX-License-Identifier: GPL-2.0
/*
 * Makes the structs of the kernel when the module is loaded, as the init.c of klp-build does
 * (scripts/livepatch/ of the kernel): no klp_patch is in the file, and its code alone says that it
 * replaces all livepatches.
 */
#include "tables.h"
#include <linux/module.h>
#include <linux/slab.h>

static struct klp_patch *patch;

static void free_patch(void)
{
	struct klp_object *object;

	for (object = patch->objs; object && object->funcs; object++)
		kfree(object->funcs);
	kfree(patch->objs);
	kfree(patch);
}

static int __init make_object(struct klp_object *object, const struct klp_object_ext *ext)
{
	unsigned int n;

	object->funcs = kcalloc(ext->nr_funcs + 1, sizeof(*object->funcs), GFP_KERNEL);
	if (!object->funcs)
		return -ENOMEM;
	object->name = ext->name;
	object->callbacks = ext->callbacks;
	for (n = 0; n < ext->nr_funcs; n++) {
		object->funcs[n].old_name = ext->funcs[n].old_name;
		object->funcs[n].new_func = ext->funcs[n].new_func;
		object->funcs[n].old_sympos = ext->funcs[n].sympos;
	}
	return 0;
}

static int __init make_patch(void)
{
	unsigned int n;
	int err;

	patch->objs = kcalloc(OBJECT_COUNT + 1, sizeof(*patch->objs), GFP_KERNEL);
	if (!patch->objs)
		return -ENOMEM;
	for (n = 0; n < OBJECT_COUNT; n++) {
		err = make_object(&patch->objs[n], &klp_objects[n]);
		if (err)
			return err;
	}
	patch->mod = THIS_MODULE;
	patch->replace = true;
	return klp_enable_patch(patch);
}

static int __init livepatch_mod_init(void)
{
	int err;

	patch = kzalloc(sizeof(*patch), GFP_KERNEL);
	if (!patch)
		return -ENOMEM;
	err = make_patch();
	if (err)
		free_patch();
	return err;
}

static void __exit livepatch_mod_exit(void)
{
	free_patch();
}

module_init(livepatch_mod_init);
module_exit(livepatch_mod_exit);
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
MODULE_DESCRIPTION("Livepatch module");
