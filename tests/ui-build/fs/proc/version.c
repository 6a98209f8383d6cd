// SPDX-License-Identifier: GPL-2.0
/* What the kernel's file of this path finds: headers beside it, beside other sources, and one of the patch. */
#include <../fs/mount.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <asm/runtime-const.h>
#include <asm/tlbflush.h>
#include "../../kernel/sched/sched.h"
#include "internal.h"
#include "own.h"

/* What headers have for the image, and what a file of a module defines. */
_Static_assert(PROC_ENTRY_PERMANENT == 1);
#if !defined(MODULE) || !defined(preempt_enable_no_resched)
#error neither the image's nor a module's
#endif
static void __maybe_unused of_image(struct mm_struct *mm)
{
	struct module *const is_constant = THIS_MODULE;
	int variable = (long)is_constant;

	preempt_disable();
	flush_tlb_mm_range(mm, 0, runtime_const_ptr(variable), PAGE_SHIFT, false);
	preempt_enable_no_resched();
}

static int version_proc_show(struct seq_file *m, void *v)
{
	struct proc_dir_entry *entry = pde_subdir_find_none();
	struct mount *mount = NULL;

	seq_printf(m, "%u %u %d\n", entry->namelen, cpu_rq(0)->nr_running, mount->mnt_missing);
	return OWN;
}
