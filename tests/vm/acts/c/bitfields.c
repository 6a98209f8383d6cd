// SPDX-License-Identifier: GPL-2.0
// Each bitfield twice: in a struct that Rust writes to, and in one that C does. They are to be the same in every bit.
#include <linux/bpf_verifier.h>
#include <linux/kernfs.h>
#include <linux/netfilter.h>
#include <linux/perf_event.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <linux/tcp.h>

#define PAIR(type, name) \
	static type rust_##name##_, c_##name##_; \
	type *rust_##name(void) { return &rust_##name##_; } \
	type *c_##name(void) { return &c_##name##_; }

PAIR(struct sk_buff, skb)
PAIR(struct tcphdr, tcp)
PAIR(struct perf_event_attr, attr)
PAIR(union perf_mem_data_src, source)
PAIR(struct kernfs_open_file, open)
PAIR(struct bpf_reg_state, reg)
PAIR(struct nf_hook_ops, hook)

#define EACH(what) what(skb) what(tcp) what(attr) what(source) what(open) what(reg) what(hook)

static s64 values[32];
static int count, differences;
static u64 value;

static u64 next(void)
{
	value = value * 0x9e3779b97f4a7c15ull + 1;
	return value;
}

/* The value is kept as C reads it back. */
#define SET(place, type) ((place) = (type)next(), values[count++] = (place))

#define GROUND(name) memset(&rust_##name##_, ground, sizeof(rust_##name##_)); memset(&c_##name##_, ground, sizeof(c_##name##_));

void start(int ground, u64 n)
{
	EACH(GROUND)
	count = 0;
	value = n;
	SET(c_skb_.cloned, u8);
	SET(c_skb_.pkt_type, u8);
	SET(c_skb_.ip_summed, u8);
	SET(c_skb_.csum_level, u8);
	SET(c_tcp_.doff, u16);
	SET(c_attr_.disabled, u64);
	SET(c_attr_.precise_ip, u64);
	SET(c_attr_.namespaces, u64);
	SET(c_source_.mem_op, u64);
	SET(c_source_.mem_lvl, u64);
	SET(c_source_.mem_dtlb, u64);
	SET(c_source_.mem_rsvd, u64);
	c_open_.mmapped = next() & 1;
	values[count++] = c_open_.mmapped;
	c_open_.released = next() & 1;
	values[count++] = c_open_.released;
	SET(c_reg_.iter.state, enum bpf_iter_state);
	SET(c_reg_.iter.depth, int);
	SET(c_hook_.hook_ops_type, u32);
}

#define DIFFERS(name) differences += memcmp(&rust_##name##_, &c_##name##_, sizeof(c_##name##_)) != 0;

void finish(void)
{
	EACH(DIFFERS)
	count = 0;
}

void compare(s64 value_in_rust)
{
	differences += value_in_rust != values[count++];
}

int wrong(void)
{
	return differences;
}
