// SPDX-License-Identifier: GPL-2.0
/*
 * kpsc wrote this file. It holds c/parts.d/version.c, what that takes from the kernel, and
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
#pragma redefine_extname version_proc_show kps_c_version_proc_show

/* gcc settles the symbol of the first global definition at once, and that of the others at the end of the file. */
const struct { } kps_c1_first = { };

/* The kernel exports its own: EXPORT_SYMBOL() adds nothing. */
#define __DISABLE_EXPORTS

/* The old function, entered behind its ftrace site. It can be called, and no more. */
#define original_version_proc_show(...) ({ extern __typeof__(version_proc_show) kps_orig_version_proc_show; kps_orig_version_proc_show(__VA_ARGS__); })
#define original(...) ({ extern __typeof__(version_proc_show) kps_orig_version_proc_show; kps_orig_version_proc_show(__VA_ARGS__); })

#include "c/parts.d/version.c"

/* The same for those that nothing declares before their definition. */
extern __typeof__(version_proc_show) version_proc_show __asm__("kps_c_version_proc_show");

/* SAFETY: the entry of the patch calls it, so the module stays as long as it runs. */
extern __typeof__(version_proc_show) kps_body_version_proc_show __copy(version_proc_show) __attribute__((__alias__("kps_c_version_proc_show")));
static inline __attribute__((__unused__)) void kps_body_version_proc_show_is_as_the_kernel_has_it(void)
{
	extern int kps_check_version_proc_show(struct seq_file *m, void *v);
	_Static_assert(__builtin_types_compatible_p(__typeof__(version_proc_show), __typeof__(kps_check_version_proc_show)),
		       "version_proc_show has another prototype than the kernel's: int version_proc_show(struct seq_file *m, void *v)");
}
