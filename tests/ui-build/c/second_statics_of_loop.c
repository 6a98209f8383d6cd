// SPDX-License-Identifier: GPL-2.0
#include <linux/mutex.h>
#include "second_statics.h"

static int loop_add(int i)
{
	int added;

	mutex_lock(&loop_ctl_mutex);
	added = original(i);
	mutex_unlock(&loop_ctl_mutex);
	return added;
}
