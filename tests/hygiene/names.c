#include <linux/seq_file.h>

#define alias(name) noinline
#define unused noinline
#define typeof(type) int

/* Macros of times, made of parts: they are the same words at any time. */
#define GLUE(a, b) a##b
#define JOIN(a, b) GLUE(a, b)
_Pragma("GCC diagnostic ignored \"-Wdate-time\"")
static const char built[] = JOIN(__DA, TE__) JOIN(__TI, ME__) JOIN(__TIME, STAMP__);

static int loadavg_proc_show(struct seq_file *m, void *v)
{
	seq_puts(m, __FILE__);
	seq_puts(m, built);
	return original(m, v);
}
