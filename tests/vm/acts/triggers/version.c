// SPDX-License-Identifier: GPL-2.0
// Says who runs it, and what comes of reading a file.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
	char folder[64], text[128];
	int file = open("/proc/version", O_RDONLY);
	ssize_t size = read(file, text, sizeof(text) - 1);
	int error = size < 0 ? errno : 0;

	text[size < 0 ? 0 : size] = '\0';
	printf("uid %d in %s: %s\n", getuid(), getcwd(folder, sizeof(folder)), error ? strerror(error) : text);
	return error;
}
