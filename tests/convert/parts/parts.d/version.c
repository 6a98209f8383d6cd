#include <linux/seq_file.h>
#include "mark.h"

static int version_proc_show(struct seq_file *m, void *v)
{
	seq_puts(m, MARK);
	return original(m, v);
}
