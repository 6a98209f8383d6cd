/* SPDX-License-Identifier: GPL-2.0 */
/* Code of the kernel image sees which entries of /proc are permanent. */
#include <linux/compiler.h>
#include <linux/types.h>
#include <linux/fs.h>

#pragma push_macro("MODULE")
#undef MODULE
#include_next <linux/proc_fs.h>
#pragma pop_macro("MODULE")
