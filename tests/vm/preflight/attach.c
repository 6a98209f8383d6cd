// SPDX-License-Identifier: GPL-2.0
/* attach fentry|fexit ID: attaches a BPF program that does nothing to the function with this id in the kernel's BTF, says so, and stays. */
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	/* r0 = 0; exit */
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr;
	int program, link;

	if (argc != 3)
		return 2;
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_TRACING;
	attr.expected_attach_type = strcmp(argv[1], "fexit") ? BPF_TRACE_FENTRY : BPF_TRACE_FEXIT;
	attr.insns = (uintptr_t)code;
	attr.insn_cnt = sizeof(code) / sizeof(*code);
	attr.license = (uintptr_t)"GPL";
	attr.attach_btf_id = strtoul(argv[2], NULL, 10);
	program = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	if (program < 0) {
		perror("BPF_PROG_LOAD");
		return 1;
	}
	memset(&attr, 0, sizeof(attr));
	attr.raw_tracepoint.prog_fd = program;
	link = syscall(SYS_bpf, BPF_RAW_TRACEPOINT_OPEN, &attr, sizeof(attr));
	if (link < 0) {
		perror("BPF_RAW_TRACEPOINT_OPEN");
		return 1;
	}
	/* The test looks at the program in /proc/PID/fdinfo. */
	printf("%d\n", program);
	fflush(stdout);
	for (;;)
		pause();
}
