// SPDX-License-Identifier: GPL-2.0
// Puts mounts into the group of a shared one, in a namespace of its own: a private mount, and one that is unbindable.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/mount.h since 5.15 */
#define SET_GROUP 0x100

static void check(int failed, const char *what)
{
	if (failed) {
		perror(what);
		exit(1);
	}
}

static void join(const char *what, const char *mountpoint, int propagation)
{
	check(mount("shared", mountpoint, NULL, MS_BIND, NULL), mountpoint);
	check(mount(NULL, mountpoint, NULL, MS_PRIVATE, NULL), mountpoint);
	check(mount(NULL, mountpoint, NULL, propagation, NULL), what);
	printf("%s: %s\n", what,
	       strerror(syscall(SYS_move_mount, AT_FDCWD, "shared", AT_FDCWD, mountpoint, SET_GROUP) ? errno : 0));
}

int main(void)
{
	char folder[] = "/tmp/groups.XXXXXX";

	check(!mkdtemp(folder) || chdir(folder) || mkdir("shared", 0700) || mkdir("one", 0700) || mkdir("two", 0700), folder);
	check(unshare(CLONE_NEWUSER | CLONE_NEWNS), "unshare");
	check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "/");
	check(mount("groups", "shared", "tmpfs", 0, NULL), "shared");
	check(mount(NULL, "shared", NULL, MS_SHARED, NULL), "shared");
	join("private", "one", MS_PRIVATE);
	join("unbindable", "two", MS_UNBINDABLE);
	return 0;
}
