// SPDX-License-Identifier: GPL-2.0
/*
 * attach KIND ID [KIND ID ..]: attaches a BPF program that does nothing to each function with such
 * an id in the kernel's BTF, prints the descriptors of the programs, and stays. KIND is fentry,
 * fexit or fmod_ret. If the kernel refuses, the exit status is the error.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int failed(const char *what)
{
	int error = errno;

	perror(what);
	return error;
}

static int attach(const char *kind, const char *id)
{
	/* r0 = 0; exit */
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr;
	int program;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_TRACING;
	attr.expected_attach_type = !strcmp(kind, "fexit")    ? BPF_TRACE_FEXIT :
				    !strcmp(kind, "fmod_ret") ? BPF_MODIFY_RETURN :
								BPF_TRACE_FENTRY;
	attr.insns = (uintptr_t)code;
	attr.insn_cnt = sizeof(code) / sizeof(*code);
	attr.license = (uintptr_t)"GPL";
	attr.attach_btf_id = strtoul(id, NULL, 10);
	program = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	if (program < 0)
		return failed("BPF_PROG_LOAD");
	memset(&attr, 0, sizeof(attr));
	attr.raw_tracepoint.prog_fd = program;
	if (syscall(SYS_bpf, BPF_RAW_TRACEPOINT_OPEN, &attr, sizeof(attr)) < 0)
		return failed("BPF_RAW_TRACEPOINT_OPEN");
	/* The test looks at the program in /proc/PID/fdinfo. */
	printf("%d\n", program);
	return 0;
}

int main(int argc, char **argv)
{
	int n, error;

	for (n = 1; n + 1 < argc; n += 2) {
		error = attach(argv[n], argv[n + 1]);
		if (error)
			return error;
	}
	fflush(stdout);
	for (;;)
		pause();
}
