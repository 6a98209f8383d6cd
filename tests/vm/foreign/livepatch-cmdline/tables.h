/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tables of a module of klp-build, which only its init reads: they are in sections of their
 * own, and are freed after it. Kernels before klp-build lack the header that declares them.
 */
#include <linux/livepatch.h>
#include <linux/version.h>

#define OBJECTS ".init.klp_objects"
#define FUNCS ".init.klp_funcs"

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 3, 0)
struct klp_func_ext {
	const char *old_name;
	void *new_func;
	unsigned long sympos;
};

struct klp_object_ext {
	const char *name;
	struct klp_func_ext *funcs;
	struct klp_callbacks callbacks;
	unsigned int nr_funcs;
};
#endif

#define OBJECT_COUNT 2

extern const struct klp_object_ext klp_objects[OBJECT_COUNT];
