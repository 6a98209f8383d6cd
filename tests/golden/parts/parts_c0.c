// SPDX-License-Identifier: GPL-2.0
/*
 * kpsc wrote this file. It holds c/parts.d/helpers.c, what that takes from the kernel, and
 * what the patch takes from it.
 */

/* Symbols that the kernel does not export, each by the placeholder of its klp relocation. */
asm(".set \"atomic_notifier_chain_register_unique_prio\", \"kps.sym.7358a4b16a71c58a\"");
asm(".set \"unexported_helper\", \"kps.sym.vmlinux.unexported_helper,0\"");

#define reckon kps_c_reckon

#include "c/parts.d/helpers.c"

/* SAFETY: the entry of the patch calls it, so the module stays as long as it runs. */
extern __typeof__(reckon) kps_fn_reckon __copy(kps_c_reckon) __attribute__((__alias__("kps_c_reckon")));
