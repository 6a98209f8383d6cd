// SPDX-License-Identifier: GPL-2.0
// Renames two files to the same name in a folder that it watches, and counts what it is told.
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

static void move_a_file_here(void)
{
	close(open("file", O_CREAT | O_WRONLY, 0600));
	if (rename("file", "watched/file"))
		perror("rename");
}

int main(void)
{
	char folder[] = "/tmp/inotify.XXXXXX", events[4096];
	int inotify = inotify_init1(IN_NONBLOCK), count = 0;
	ssize_t size;

	if (!mkdtemp(folder) || chdir(folder) || mkdir("watched", 0700) ||
	    inotify_add_watch(inotify, "watched", IN_MOVED_TO) < 0) {
		perror(folder);
		return 1;
	}
	move_a_file_here();
	move_a_file_here();
	size = read(inotify, events, sizeof(events));
	for (char *at = events; at < events + size; count++)
		at += sizeof(struct inotify_event) + ((struct inotify_event *)at)->len;
	printf("events: %d\n", count);
	return 0;
}
