/* SPDX-License-Identifier: GPL-2.0 */
/* What code of modules may not flush, code of the kernel image does. */
#include <linux/mm_types.h>
#include <linux/mmu_notifier.h>
#include <linux/sched.h>
#include <asm/processor.h>
#include <asm/cpufeature.h>
#include <asm/smp.h>
#include <asm/pgtable.h>

#pragma push_macro("MODULE")
#undef MODULE
#include_next <asm/tlbflush.h>
#pragma pop_macro("MODULE")
