// SPDX-License-Identifier: GPL-2.0
/*
 * Runs in the sandbox and tries what hostile code would. Each attack that succeeds prints a line
 * that starts with BROKEN. The arguments are the folder that may be written, a file of the host's
 * root in a folder that may be read, the port of a listener of the host, the name of its abstract
 * socket, and a process of the host.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int tries;

/* An attack: `worked` is what the attacker hopes for. */
static void attack(int worked, const char *format, ...)
{
	va_list arguments;

	tries++;
	if (!worked)
		return;
	va_start(arguments, format);
	fputs("BROKEN: ", stdout);
	vprintf(format, arguments);
	putchar('\n');
	va_end(arguments);
}

static int opens(const char *path, int flags)
{
	int file = open(path, flags | O_CLOEXEC | O_NONBLOCK);

	if (file < 0)
		return 0;
	close(file);
	return 1;
}

static void capabilities(void)
{
	char line[256];
	FILE *status = fopen("/proc/self/status", "r");

	while (status && fgets(line, sizeof(line), status)) {
		if (!strncmp(line, "Cap", 3))
			attack(strtoull(line + 7, NULL, 16) != 0, "a capability: %s", line);
		if (!strncmp(line, "NoNewPrivs:", 11))
			attack(!strchr(line, '1'), "programs may gain privileges");
	}
	attack(!status, "the sandbox has no /proc/self/status");
	attack(geteuid() == 0 || getegid() == 0, "it is root");
	attack(setresuid(0, 0, 0) == 0, "it becomes root");
	attack(setresgid(0, 0, 0) == 0, "it joins root's group");
	attack(chroot("/tmp") == 0, "chroot");
	attack(sethostname("x", 1) == 0, "sethostname");
	attack(getpriority(PRIO_PROCESS, 0) > -20 && !setpriority(PRIO_PROCESS, 0, -20),
	       "a higher priority");
}

static void mounts(const char *where)
{
	struct mntent *entry;
	FILE *list = setmntent("/proc/self/mounts", "r");

	while (list && (entry = getmntent(list))) {
		unsigned long flags = MS_REMOUNT | MS_BIND;

		attack(!mount(NULL, entry->mnt_dir, NULL, flags, NULL), "remount %s%s", entry->mnt_dir,
		       where);
		attack(!mount("none", entry->mnt_dir, NULL, MS_REMOUNT, NULL), "reconfigure %s%s",
		       entry->mnt_dir, where);
		attack(!umount2(entry->mnt_dir, MNT_DETACH), "umount %s%s", entry->mnt_dir, where);
	}
	attack(!list, "the sandbox has no /proc/self/mounts");
	if (list)
		endmntent(list);
}

static void namespaces(void)
{
	int kinds[] = { CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC };
	pid_t child;
	int status;

	attack(!mount("none", "/tmp", "tmpfs", 0, NULL), "mount a tmpfs");
	mounts("");
	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		attack(unshare(kinds[i]) == 0, "unshare %#x", kinds[i]);
	/* Where bubblewrap is too old to forbid user namespaces, they must not help. */
	fflush(stdout);
	child = fork();
	if (child == 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0)
			mounts(" in a user namespace");
		exit(0);
	}
	waitpid(child, &status, 0);
}

static void devices(const char *folder)
{
	struct { const char *name; mode_t type; dev_t number; } nodes[] = {
		{ "disk", S_IFBLK, makedev(8, 0) }, { "virtual-disk", S_IFBLK, makedev(254, 0) },
		{ "memory", S_IFCHR, makedev(1, 1) }, { "zero", S_IFCHR, makedev(1, 5) },
		{ "log", S_IFCHR, makedev(1, 11) },
	};
	const char *folders[] = { folder, "/tmp", "/dev", "/run", "/" };
	char path[512];

	for (unsigned int i = 0; i < sizeof(nodes) / sizeof(*nodes); i++) {
		for (unsigned int j = 0; j < sizeof(folders) / sizeof(*folders); j++) {
			snprintf(path, sizeof(path), "%s/%s", folders[j], nodes[i].name);
			attack(!mknod(path, nodes[i].type | 0666, nodes[i].number), "mknod %s", path);
		}
	}
	for (const char *device = "/dev/mem\0/dev/kmsg\0/dev/sda\0/dev/vda\0/dev/kvm\0/dev/fuse\0"
	     "/dev/net/tun\0/dev/loop-control\0/dev/shm/../kmem\0"; *device; device += strlen(device) + 1)
		attack(opens(device, O_RDONLY), "open %s", device);
}

/* What may not be written, and what of the host may not even be read. */
static void tables(void)
{
	const char *written[] = {
		"/proc/sysrq-trigger", "/proc/self/oom_score_adj", "/proc/self/uid_map",
		"/proc/self/loginuid", "/proc/self/coredump_filter", "/proc/sys/kernel/core_pattern",
		"/proc/sys/kernel/modprobe", "/proc/sys/kernel/hostname", "/proc/sys/vm/drop_caches",
		"/proc/sys/net/ipv4/ip_forward", "/proc/irq/default_smp_affinity", "/proc/mtrr",
		"/sys/kernel/uevent_helper", "/sys/power/state", "/sys/kernel/profiling",
		"/proc/1/mem", "/proc/1/oom_score_adj",
	};
	const char *of_host[] = {
		"/proc/uptime", "/proc/cpuinfo", "/proc/meminfo", "/proc/cmdline", "/proc/version",
		"/proc/stat", "/proc/loadavg", "/proc/kallsyms", "/proc/modules", "/proc/partitions",
		"/proc/sys/kernel/random/uuid", "/proc/sys/kernel/random/boot_id",
		"/proc/sys/kernel/hostname", "/proc/sys/kernel/osrelease", "/proc/keys", "/proc/kmsg",
		"/proc/kcore", "/proc/config.gz", "/proc/bus/pci/devices", "/proc/fs/ext4",
		"/etc/passwd", "/etc/shadow", "/etc/hostname", "/root/.profile", "/home", "/boot", "/var", "/sys",
		"/proc/1/root/etc/shadow", "/proc/1/cwd/etc/shadow",
	};

	for (unsigned int i = 0; i < sizeof(written) / sizeof(*written); i++)
		attack(opens(written[i], O_WRONLY), "write to %s", written[i]);
	for (unsigned int i = 0; i < sizeof(of_host) / sizeof(*of_host); i++)
		attack(opens(of_host[i], O_RDONLY), "read %s", of_host[i]);
}

static void processes(pid_t host)
{
	struct dirent *entry;
	DIR *folder = opendir("/proc");
	int seen = 0;

	while (folder && (entry = readdir(folder)))
		seen += entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
	/* bubblewrap, its helper, the shell and this program. */
	attack(!folder || seen > 5, "%d processes are seen", seen);
	attack(host > 100 && kill(host, 0) == 0, "a signal for a process of the host");
	attack(host > 100 && !ptrace(PTRACE_ATTACH, host, NULL, NULL), "ptrace of the host");
	attack(host > 100 && syscall(SYS_pidfd_open, host, 0) >= 0, "a pidfd of the host");
}

static void keys(void)
{
	const long session = -3;

	attack(syscall(SYS_keyctl, 10, session, "user", "kpsc-wall", 0) >= 0, "a key of the host");
	attack(syscall(SYS_request_key, "user", "kpsc-wall", NULL, 0) >= 0, "a key by its name");
}

static void network(int port, const char *name)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	int internet = socket(AF_INET, SOCK_STREAM, 0), unix_socket = socket(AF_UNIX, SOCK_STREAM, 0);
	size_t length = strlen(name);

	attack(!connect(internet, (struct sockaddr *)&address, sizeof(address)), "127.0.0.1 of the host");
	attack(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0, "a raw socket");
	attack(socket(AF_PACKET, SOCK_RAW, 0) >= 0, "a packet socket");
	memcpy(local.sun_path + 1, name, length);
	attack(!connect(unix_socket, (struct sockaddr *)&local,
			offsetof(struct sockaddr_un, sun_path) + 1 + length), "an abstract socket");
}

static void kernel(void)
{
	attack(syscall(SYS_init_module, "", 0, "") == 0, "init_module");
	attack(syscall(SYS_bpf, 5, NULL, 0) >= 0, "bpf");
	attack(syscall(SYS_reboot, 0, 0, 0, 0) == 0, "reboot");
	attack(syscall(SYS_kexec_load, 0, 0, 0, 0) == 0, "kexec");
	attack(syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, 0) >= 0, "open_by_handle_at");
	attack(syscall(SYS_swapon, "/tmp/x", 0) == 0, "swapon");
	attack(syscall(SYS_fsopen, "tmpfs", 0) >= 0, "fsopen");
}

/* The files of the toolchain, of the tree, and of kpsc itself. */
static void binds(const char *secret)
{
	struct mntent *entry;
	FILE *list = setmntent("/proc/self/mounts", "r");
	char path[4096];

	while (list && (entry = getmntent(list))) {
		const char *at = entry->mnt_dir;
		struct stat state;

		if (!hasmntopt(entry, "ro") || stat(at, &state))
			continue;
		attack(opens(at, O_WRONLY | O_APPEND), "append to %s", at);
		/* What covers a file of /proc is a device that may not be opened. */
		attack(!S_ISCHR(state.st_mode) && !access(at, W_OK), "write to %s", at);
		attack(!chmod(at, 0777), "chmod %s", at);
		snprintf(path, sizeof(path), "%s/new", at);
		attack(opens(path, O_WRONLY | O_CREAT), "a new file %s", path);
	}
	attack(!list, "the sandbox has no /proc/self/mounts");
	attack(opens("/usr/bin/make", O_WRONLY), "write to make");
	attack(opens("/run/kpsc/kpsc", O_WRONLY), "write to kpsc");
	attack(opens("/run/kpsc/lib/libc.so.6", O_WRONLY | O_APPEND), "write to the host's libc");
	attack(opens(secret, O_RDONLY), "read a file of root's");
}

static void inherited(void)
{
	for (int file = 3; file < 64; file++)
		attack(fcntl(file, F_GETFD) != -1, "file %d is open", file);
	attack(getenv("KPSC_WALL") != NULL, "a variable of the caller's environment");
}

int main(int argc, char **argv)
{
	if (argc != 6)
		return 2;
	inherited();
	capabilities();
	namespaces();
	devices(argv[1]);
	tables();
	processes(atoi(argv[5]));
	keys();
	network(atoi(argv[3]), argv[4]);
	kernel();
	binds(argv[2]);
	printf("%d attacks\n", tries);
	return 0;
}
