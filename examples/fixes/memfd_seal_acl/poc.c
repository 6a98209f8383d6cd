// SPDX-License-Identifier: GPL-2.0
// Makes a file in memory that is sealed against execution, and gives it execute bits: by chmod(), and by an ACL.
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>

/* linux/memfd.h since 6.3 */
#define NOEXEC_SEAL 8

/* linux/posix_acl_xattr.h: an ACL that says what a mode says */
struct acl {
	uint32_t version;
	struct {
		uint16_t tag, permissions;
		uint32_t id;
	} entries[3];
};

static void tell(const char *what, int file, int failed)
{
	int error = failed ? errno : 0;
	struct stat stat;

	fstat(file, &stat);
	printf("%s: %s, mode %o\n", what, strerror(error), stat.st_mode & 0777);
}

static int set_acl(int file, int owner, int others)
{
	struct acl acl = { 2, { { 0x01, owner, -1 }, { 0x04, others, -1 }, { 0x20, others, -1 } } };

	return fsetxattr(file, "system.posix_acl_access", &acl, sizeof(acl), 0);
}

int main(void)
{
	int file = memfd_create("sealed", NOEXEC_SEAL);

	tell("chmod", file, fchmod(file, 0755));
	tell("with execute bits", file, set_acl(file, 7, 5));
	file = memfd_create("sealed", NOEXEC_SEAL);
	tell("without", file, set_acl(file, 6, 4));
	return 0;
}
