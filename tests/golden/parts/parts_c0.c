// SPDX-License-Identifier: GPL-2.0
/*
 * kpsc wrote this file. It holds c/parts.d/helpers.c, what that takes from the kernel, and
 * what the patch takes from it.
 */

/* Symbols that the kernel does not export, each by the placeholder of its klp relocation. */
asm(".set \"atomic_notifier_chain_register_unique_prio\", \"kps.sym.7358a4b16a71c58a\"");
asm(".set \"console_printk\", \"kps.sym.vmlinux.console_printk,0\"");
asm(".set \"cpu_number\", \"kps.sym.vmlinux.cpu_number,0\"");
asm(".set \"no_btf_function\", \"kps.sym.vmlinux.no_btf_function,0\"");
asm(".set \"unexported_helper\", \"kps.sym.vmlinux.unexported_helper,0\"");

/* The file is code of the kernel image, which calls nothing in modules. */
#undef IS_REACHABLE
#define IS_REACHABLE(option) IS_BUILTIN(option)

/* The kernel may have functions of these names, so their symbols are others. */
#pragma redefine_extname reckon kps_c_reckon

/* gcc settles the symbol of the first global definition at once, and that of the others at the end of the file. */
const struct { } kps_c0_first = { };

/* The kernel exports its own: EXPORT_SYMBOL() adds nothing. */
#define __DISABLE_EXPORTS

#include "c/parts.d/helpers.c"

/* The same for those that nothing declares before their definition. */
extern __typeof__(reckon) reckon __asm__("kps_c_reckon");

/* SAFETY: the entry of the patch calls it, so the module stays as long as it runs. */
extern __typeof__(reckon) kps_fn_reckon __copy(reckon) __attribute__((__alias__("kps_c_reckon")));
