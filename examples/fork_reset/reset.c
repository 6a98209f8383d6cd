// SPDX-License-Identifier: GPL-2.0
// Asks that its children be scheduled like everybody, and shows its status.
#include <sched.h>
#include <stdio.h>

#ifndef SCHED_RESET_ON_FORK
#define SCHED_RESET_ON_FORK 0x40000000
#endif

int main(void)
{
	struct sched_param param = { .sched_priority = 0 };
	FILE *status;
	int c;

	if (sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &param)) {
		perror("sched_setscheduler");
		return 1;
	}
	status = fopen("/proc/self/status", "r");
	while (status && (c = getc(status)) != EOF)
		putchar(c);
	return !status;
}
