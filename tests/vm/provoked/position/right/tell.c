// SPDX-License-Identifier: GPL-2.0
#include <linux/seq_file.h>

void tell_right(struct seq_file *m);

static noinline void tell(struct seq_file *m)
{
	seq_puts(m, "right ");
}

void tell_right(struct seq_file *m)
{
	tell(m);
}
