#include <linux/seq_file.h>

#define alias(name) noinline
#define unused noinline
#define typeof(type) int

static int loadavg_proc_show(struct seq_file *m, void *v)
{
	seq_puts(m, __FILE__);
	return original(m, v);
}
