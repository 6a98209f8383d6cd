// SPDX-License-Identifier: GPL-2.0
// Sets the write hint of an immutable file, and of one of its own.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void hint(const char *what, int file)
{
	uint64_t hint = RWH_WRITE_LIFE_LONG;
	int error = fcntl(file, F_SET_RW_HINT, &hint) ? errno : 0;

	fcntl(file, F_GET_RW_HINT, &hint);
	printf("%s: %s, hint %d\n", what, strerror(error), (int)hint);
}

int main(void)
{
	char path[] = "/tmp/hint.XXXXXX";

	hint("immutable", open("/tmp/hinted", O_RDONLY));
	hint("ordinary", mkstemp(path));
	return 0;
}
