// SPDX-License-Identifier: GPL-2.0
// The compiler that built the kernel calls functions with structs by value, and has one of its own for a hook.
#include <linux/bpf-cgroup.h>
#include <linux/seq_file.h>
#include <linux/tnum.h>
#include <linux/zstd.h>

#define TNUM(v, m) ((struct tnum){ .value = (v), .mask = (m) })

struct tnum tnum_and(struct tnum a, struct tnum b)
{
	b.value |= 0x100;
	a = original(a, b);
	a.mask |= 0x200;
	return a;
}

ZSTD_compressionParameters ZSTD_adjustCParams(ZSTD_compressionParameters, unsigned long long, size_t);

void show_structs(struct seq_file *m)
{
	struct tnum a = TNUM(0x10, 0), b = TNUM(0x4, 0);
	ZSTD_compressionParameters params = {
		.windowLog = 20, .chainLog = 12, .hashLog = 13, .searchLog = 3, .minMatch = 4,
		.targetLength = 5, .strategy = ZSTD_greedy,
	};
	int sum;

	a = tnum_add(a, b);
	seq_printf(m, "registers=%llx/%llx\n", a.value, a.mask);
	a = tnum_sub(TNUM(0x10, 0), b);
	seq_printf(m, "result=%llx/%llx\n", a.value, a.mask);
	a = tnum_and(TNUM(0xfff, 0), TNUM(0x44, 0));
	seq_printf(m, "in C=%llx/%llx\n", a.value, a.mask);
	params = ZSTD_adjustCParams(params, 1 << 24, 0);
	seq_printf(m, "memory=%u,%u,%u,%u,%u,%u,%u\n", params.windowLog, params.chainLog, params.hashLog,
		   params.searchLog, params.minMatch, params.targetLength, params.strategy);
	/* The fifth argument finds one register left where it needs two; the sixth takes that one. */
	sum = __cgroup_bpf_run_filter_getsockopt(NULL, 1, 20, USER_SOCKPTR((void *)300),
						 KERNEL_SOCKPTR((void *)4000), 50000, 600000);
	seq_printf(m, "mixed=%d\n", sum);
}
