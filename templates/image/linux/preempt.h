/* SPDX-License-Identifier: GPL-2.0 */
/* preempt_enable_no_resched() and its like are for code of the kernel image. */
#include <linux/linkage.h>
#include <linux/types.h>
#include <linux/list.h>
#include <linux/static_call_types.h>
#include <asm/percpu.h>
#if __has_include(<linux/cleanup.h>)
#include <linux/cleanup.h>
#endif

#pragma push_macro("MODULE")
#undef MODULE
#include_next <linux/preempt.h>
#pragma pop_macro("MODULE")
