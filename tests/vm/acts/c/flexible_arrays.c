// SPDX-License-Identifier: GPL-2.0
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/mm_types.h>
#include <linux/slab.h>

static struct group_info *groups;
static struct anon_vma_name *name;

struct group_info *some_groups(void)
{
	groups = kzalloc(struct_size(groups, gid, 3), GFP_KERNEL);
	if (groups) {
		groups->ngroups = 3;
		groups->gid[0] = KGIDT_INIT(100);
		groups->gid[1] = KGIDT_INIT(200);
	}
	return groups;
}

int done_with_groups(unsigned int sum)
{
	unsigned int own = 0;

	for (int n = 0; n < groups->ngroups; n++)
		own += __kgid_val(groups->gid[n]);
	kfree(groups);
	return own == sum;
}

struct anon_vma_name *a_name(void)
{
	name = kzalloc(sizeof(*name) + sizeof("flexible"), GFP_KERNEL);
	if (name)
		strcpy(name->name, "flexible");
	return name;
}

void done_with_name(void)
{
	kfree(name);
}

struct cgroup *the_root(void)
{
	return &cgrp_dfl_root.cgrp;
}
