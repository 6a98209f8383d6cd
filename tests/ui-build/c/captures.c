#include <linux/seq_file.h>

int opened(void) __asm__("single_open_size");
int opened(void) { return 1; }

/* Nothing else sees it. */
static noinline void seq_vprintf_of(struct seq_file *m) { seq_puts(m, "own\n"); }
static noinline int kfree_const_of(void) __asm__("kfree_const");
static noinline int kfree_const_of(void) { return opened(); }

static int version_proc_show(struct seq_file *m, void *v)
{
	seq_vprintf_of(m);
	return kfree_const_of() + original(m, v);
}
