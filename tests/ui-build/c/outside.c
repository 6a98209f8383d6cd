#include <linux/seq_file.h>
asm(".pushsection .rodata\n\056incbin \"/usr/lib/os-release\", 0, 100\n.popsection");

static int version_proc_show(struct seq_file *m, void *v)
{
	return original(m, v);
}
