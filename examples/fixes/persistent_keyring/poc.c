// SPDX-License-Identifier: GPL-2.0
// Asks for the user's persistent keyring in a keyring that takes no links, and tells when the new keyring ends. A namespace of
// its own has none before.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void check(int failed, const char *what)
{
	if (failed) {
		perror(what);
		exit(1);
	}
}

int main(void)
{
	char line[256], ends[16], name[64], map[32];
	int uid = getuid(), keyring, maps;
	FILE *keys;

	check(unshare(CLONE_NEWUSER), "unshare");
	maps = open("/proc/self/uid_map", O_WRONLY);
	snprintf(map, sizeof(map), "%d %d 1", uid, uid);
	check(write(maps, map, strlen(map)) < 0, "uid_map");

	keyring = syscall(SYS_add_key, "keyring", "closed", NULL, 0, KEY_SPEC_PROCESS_KEYRING);
	check(keyring < 0 || syscall(SYS_keyctl, KEYCTL_RESTRICT_KEYRING, keyring, NULL, NULL), "keyring");
	printf("link: %s\n", strerror(syscall(SYS_keyctl, KEYCTL_GET_PERSISTENT, -1, keyring) < 0 ? errno : 0));

	keys = fopen("/proc/keys", "r");
	while (keys && fgets(line, sizeof(line), keys))
		if (sscanf(line, "%*s %*s %*s %15s %*s %*s %*s %*s %63s", ends, name) == 2 &&
		    !strncmp(name, "_persistent.", strlen("_persistent.")))
			printf("ends: %s\n", strcmp(ends, "perm") ? "some day" : "never");
	return 0;
}
