// SPDX-License-Identifier: GPL-2.0
/* Code that a function calls directly, and that shares it with nobody. It does nothing. */
#include <linux/ftrace.h>
#include <linux/linkage.h>
#include <linux/module.h>
#include <asm/ibt.h>

extern void own_tramp(void);

asm(".pushsection .text, \"ax\", @progbits\n"
    ".type own_tramp, @function\n"
    ".globl own_tramp\n"
    "own_tramp:\n"
    ASM_ENDBR
    ASM_RET
    ".size own_tramp, . - own_tramp\n"
    ".popsection\n");

static struct ftrace_ops direct;

static int __init own_call_init(void)
{
	static char name[] = "cmdline_proc_show";
	int err = ftrace_set_filter(&direct, name, sizeof(name) - 1, 0);

	return err ? err : register_ftrace_direct(&direct, (unsigned long)own_tramp);
}
module_init(own_call_init);

static void __exit own_call_exit(void)
{
	unregister_ftrace_direct(&direct, (unsigned long)own_tramp, true);
}
module_exit(own_call_exit);

MODULE_DESCRIPTION("Code that a function calls directly");
MODULE_LICENSE("GPL");
