// SPDX-License-Identifier: GPL-2.0
#include <linux/kallsyms.h>
#include <linux/module.h>
#include <linux/seq_file.h>

/* Of kernel/kallsyms.c, with one member too many. */
struct kallsym_iter {
	loff_t pos;
	loff_t pos_mod_end;
	loff_t pos_ftrace_mod_end;
	loff_t pos_bpf_end;
	unsigned long value;
	unsigned int nameoff;
	unsigned int length;
	char type;
	char name[KSYM_NAME_LEN];
	char module_name[MODULE_NAME_LEN];
	int exported;
	int show_value;
};

/* Of include/uapi/linux/tcp.h, with one constant too few. */
enum tcp_ca_state {
	TCP_CA_Open = 0,
	TCP_CA_Disorder = 1,
	TCP_CA_Recovery = 2,
	TCP_CA_Loss = 3,
};

/* Of include/linux/sockptr.h, the other way round. */
typedef struct {
	bool is_kernel : 1;
	union {
		void *kernel;
		void __user *user;
	};
} sockptr_t;

/* The author's own: that of the kernel has a device in it. */
struct node {
	struct node *next;
	int key;
};

static int cmdline_proc_show(struct seq_file *m, void *v)
{
	struct kallsym_iter *iter = m->private;
	sockptr_t *pointer = v;
	struct node *node = v;
	enum tcp_ca_state state = READ_ONCE(node->key);

	if (state == TCP_CA_Loss && pointer->is_kernel)
		seq_puts(m, iter->name);
	return 0;
}
