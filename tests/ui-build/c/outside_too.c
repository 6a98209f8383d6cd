#include <linux/seq_file.h>
#define TEXT(...) #__VA_ARGS__
#define ASM(...) asm(TEXT(__VA_ARGS__))
ASM(.pushsection .rodata; .inc\
bin "/usr/lib/os-release", 0, 10; .popsection);
#define CAT(a, b) a##b
#define CAT2(a, b) CAT(a, b)

static int loadavg_proc_show(struct seq_file *m, void *v)
{
	seq_puts(m, CAT2(__DA, TE__) CAT2(__TI, ME__) CAT2(__TIME, STAMP__));
	return original(m, v);
}
