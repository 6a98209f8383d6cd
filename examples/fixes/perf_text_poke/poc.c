// SPDX-License-Identifier: GPL-2.0
// Asks for the events of this program, and for those that tell how the kernel changes its own code, and where.
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void ask(const char *what, int text_poke)
{
	struct perf_event_attr events = { .type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY, .size = sizeof(events),
					  .exclude_kernel = 1, .text_poke = text_poke };

	printf("%s: %s\n", what, strerror(syscall(SYS_perf_event_open, &events, 0, -1, -1, 0) < 0 ? errno : 0));
}

int main(void)
{
	ask("of this program", 0);
	ask("of the kernel's code", 1);
	return 0;
}
