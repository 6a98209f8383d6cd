// SPDX-License-Identifier: GPL-2.0
// Starts a timer that sends no signal, stops it, and asks how much time is left.
#include <signal.h>
#include <stdio.h>
#include <time.h>

static void set_and_tell(const char *what, timer_t timer, int seconds)
{
	struct itimerspec value = { .it_value.tv_sec = seconds };

	if (timer_settime(timer, 0, &value, NULL) || timer_gettime(timer, &value))
		perror(what);
	printf("%s: %ld s\n", what, value.it_value.tv_sec + (value.it_value.tv_nsec > 0));
}

int main(void)
{
	struct sigevent silent = { .sigev_notify = SIGEV_NONE };
	timer_t timer;

	if (timer_create(CLOCK_MONOTONIC, &silent, &timer)) {
		perror("timer_create");
		return 1;
	}
	set_and_tell("armed", timer, 100);
	set_and_tell("stopped", timer, 0);
	set_and_tell("armed again", timer, 50);
	return 0;
}
