// SPDX-License-Identifier: GPL-2.0
#include <linux/mutex.h>
#include "second_statics.h"

/* Code of the module: its messages have the module's name, and it may call other modules. */
_Static_assert(sizeof(KBUILD_MODNAME) == sizeof("loop"), "another name");
_Static_assert(IS_REACHABLE(CONFIG_BLK_DEV_LOOP), "a module is not reachable");

static int loop_add(int i)
{
	int added;

	mutex_lock(&loop_ctl_mutex);
	added = original(i);
	mutex_unlock(&loop_ctl_mutex);
	return added;
}
