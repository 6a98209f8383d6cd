// SPDX-License-Identifier: GPL-2.0
#include <linux/seq_file.h>

#define CREATE_TRACE_POINTS
#include "trace_event.h"

static int cmdline_proc_show(struct seq_file *m, void *v)
{
	trace_cmdline_proc_show(m->count);
	return original(m, v);
}
