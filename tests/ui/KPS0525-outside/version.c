#include <linux/seq_file.h>
#include </proc/self/stat>
#define OWN "own.h"
#include OWN
#if __has_include("/etc/passwd")
#endif

static const char built[] = __DATE__ " " __TIME__;
static const char all[] = {
#embed "/proc/self/stat"
};
asm(".pushsection .rodata\n"
    ".incbin \"/proc/self/stat\"\n");

static int version_proc_show(struct seq_file *m, void *v)
{
	/* __TIMESTAMP__ */
	seq_puts(m, "__TIMESTAMP__ " __FILE__);
	return original(m, v);
}
