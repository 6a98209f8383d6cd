// SPDX-License-Identifier: GPL-2.0
// Locks three pages, moves the middle one away and leaves its place mapped, and gives all of them back.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096

static void tell(const char *when)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[128];
	int locked = -1;

	while (fgets(line, sizeof(line), status))
		sscanf(line, "VmLck: %d kB", &locked);
	fclose(status);
	printf("%s: %d kB\n", when, locked);
}

int main(void)
{
	char *pages = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *moved;

	if (mlock(pages, 3 * PAGE))
		perror("mlock");
	tell("locked");
	moved = mremap(pages + PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	if (moved == MAP_FAILED) {
		perror("mremap");
		return 1;
	}
	munmap(pages, 3 * PAGE);
	munmap(moved, PAGE);
	tell("gone");
	return 0;
}
