// SPDX-License-Identifier: GPL-2.0
// Makes an immutable file of the user's, or removes it: the busybox in the machine has no chattr.
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PATH "/tmp/hinted"
#define USER 1000

int main(void)
{
	int is_there = access(PATH, F_OK) == 0, immutable = is_there ? 0 : FS_IMMUTABLE_FL;
	int file = open(PATH, O_CREAT | O_RDONLY, 0644);

	if (fchown(file, USER, USER) && !is_there)
		perror("chown");
	if (ioctl(file, FS_IOC_SETFLAGS, &immutable)) {
		perror("FS_IOC_SETFLAGS");
		return 1;
	}
	return is_there ? unlink(PATH) : 0;
}
