// SPDX-License-Identifier: GPL-2.0
/* What the kernel's file of this path finds: headers beside it, beside other sources, and one of the patch. */
#include <../fs/mount.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
/* As it is in the image. */
#define PROC_ENTRY_PERMANENT (1U << 0)
#include "../../kernel/sched/sched.h"
#include "internal.h"
#include "own.h"

static int version_proc_show(struct seq_file *m, void *v)
{
	struct proc_dir_entry *entry = pde_subdir_find_none();
	struct mount *mount = NULL;

	seq_printf(m, "%u %u %d\n", entry->namelen, cpu_rq(0)->nr_running, mount->mnt_missing);
	return OWN;
}
