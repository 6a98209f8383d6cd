// SPDX-License-Identifier: GPL-2.0
// Prints /proc/version.
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	char text[256];
	int file = open("/proc/version", O_RDONLY);
	ssize_t size = read(file, text, sizeof(text));

	return write(STDOUT_FILENO, text, size) != size;
}
