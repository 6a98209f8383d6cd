// SPDX-License-Identifier: GPL-2.0
#include <linux/btf_ids.h>
#include <linux/seq_file.h>

BTF_ID_LIST(types)
BTF_ID(struct, task_struct)

static int cmdline_proc_show(struct seq_file *m, void *v)
{
	seq_printf(m, "%u\n", types[0]);
	return 0;
}
