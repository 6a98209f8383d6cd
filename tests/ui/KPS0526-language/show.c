#include <linux/seq_file.h>
#define __typeof__(x) int
#undef cmdline_proc_show
#define alias(x) x

static int cmdline_proc_show(struct seq_file *m, void *v)
{
	asm volatile("call kps_orig_" "cmdline_proc_show");
	return kps_orig_cmdline_proc_show(m, v);
}
