// SPDX-License-Identifier: GPL-2.0
// Takes groups as a login does, once without that of disks and once with it.
#include <grp.h>
#include <stdio.h>

int main(void)
{
	const gid_t groups[] = { 100, 27, 6 };

	puts(setgroups(2, groups) ? "two: refused" : "two: taken");
	puts(setgroups(3, groups) ? "three: refused" : "three: taken");
	return 0;
}
