// SPDX-License-Identifier: GPL-2.0
// Asks for a user namespace, as a container runtime or an exploit does.
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	puts(unshare(CLONE_NEWUSER) ? strerror(errno) : "a namespace");
	return 0;
}
