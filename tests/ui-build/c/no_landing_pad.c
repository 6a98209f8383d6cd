#include <linux/seq_file.h>

asm(".pushsection .text\n"
    ".type bare, @function\n"
    "bare:\n"
    "	jmp __x86_return_thunk\n"
    ".size bare, . - bare\n"
    ".type called, @function\n"
    "called:\n"
    "	jmp __x86_return_thunk\n"
    ".size called, . - called\n"
    ".type padded, @function\n"
    "padded:\n"
    "	endbr64\n"
    "	jmp __x86_return_thunk\n"
    ".size padded, . - padded\n"
    ".popsection\n");

extern void bare(void);
extern void called(void);
extern void padded(void);

static void (*volatile held)(void) = bare;
static void (*volatile other)(void) = padded;

static int version_proc_show(struct seq_file *m, void *v)
{
	called();
	held();
	other();
	other = bare;
	return original(m, v);
}
