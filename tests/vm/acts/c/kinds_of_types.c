// SPDX-License-Identifier: GPL-2.0
#include <linux/dmar.h>
#include <linux/elfcore.h>
#include <linux/fs.h>
#include <linux/mmzone.h>
#include <linux/sched/signal.h>
#include <linux/screen_info.h>
#include <linux/seq_file.h>
#include <linux/string.h>

static struct fown_struct owner = { .pid_type = PIDTYPE_TGID };
static struct screen_info screen = { .ext_lfb_base = 0x12345678 };
static struct irte entry;
static struct elf_prpsinfo process = { .pr_nice = 200, .pr_fname = "wept" };

/* A file with one record, of `single_open()`. */
int calls_are(void *start, void *next, loff_t pos)
{
	return start == SEQ_START_TOKEN && !next && pos == 1;
}

struct fown_struct *an_owner(void)
{
	return &owner;
}

int owner_is(enum pid_type type, unsigned int uid)
{
	return owner.pid_type == type && type == PIDTYPE_SID && __kuid_val(owner.uid) == uid;
}

int files_are(unsigned long cur, unsigned long max)
{
	struct rlimit *files = &init_task.signal->rlim[RLIMIT_NOFILE];

	return files->rlim_cur == cur && files->rlim_max == max && cur;
}

struct screen_info *a_screen(void)
{
	return &screen;
}

int screen_is(u32 base)
{
	return screen.ext_lfb_base == base && base == 0x1234567a;
}

int zone_is(size_t size, size_t start, size_t state)
{
	return size == sizeof(struct zone) && start == offsetof(struct zone, zone_start_pfn) &&
	       state == offsetof(struct zone, vm_stat);
}

struct irte *an_entry(void)
{
	return &entry;
}

int entry_is(u64 high, u64 low, u64 vector)
{
	return high == entry.high && low == entry.low && vector == entry.vector && high == 0x0123456789abcdef;
}

struct elf_prpsinfo *a_process(void)
{
	return &process;
}

int process_is(int nice)
{
	return nice == 200 && process.pr_fname[0] == 'k';
}
