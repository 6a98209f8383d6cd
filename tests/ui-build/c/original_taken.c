#include <linux/seq_file.h>
#define CAT(a, b) a##b
#define CAT2(a, b) CAT(a, b)

extern int CAT2(kp, s_orig_loadavg_proc_show)(struct seq_file *, void *);
static int other(struct seq_file *, void *) __attribute__((weakref("kp" "s_orig_uptime_proc_show")));

void *held = CAT2(kp, s_orig_loadavg_proc_show);

static int loadavg_proc_show(struct seq_file *m, void *v)
{
	if (!m->count)
		return original_loadavg_proc_show(m, v);
	seq_printf(m, "%px\n", held);
	return original_loadavg_proc_show(m, v);
}

static int uptime_proc_show(struct seq_file *m, void *v)
{
	seq_printf(m, "%px\n", other);
	return original_uptime_proc_show(m, v);
}
