// SPDX-License-Identifier: GPL-2.0
// Reads the first of the kernel's symbols.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
	char text[64];
	int file = open("/proc/kallsyms", O_RDONLY);

	puts(read(file, text, sizeof(text)) < 0 ? strerror(errno) : "read");
	return 0;
}
