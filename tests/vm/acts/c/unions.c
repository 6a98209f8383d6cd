// SPDX-License-Identifier: GPL-2.0
#include <linux/bpf.h>
#include <linux/mm_types.h>
#include <linux/signal_types.h>

static struct page page;
static struct kernel_siginfo info;
static union bpf_attr attr;

struct page *a_page(void)
{
	page.pp_magic = 0x1001;
	page.pp = (void *)0x2002;
	page._pp_mapping_pad = 0x3003;
	page.dma_addr = 0x4004;
	page.pp_ref_count.counter = 0x5005;
	page.page_type = 0xf6000000;
	return &page;
}

int same_page(const size_t *read)
{
	size_t wanted[] = {
		(size_t)page.lru.next, (size_t)page.lru.prev, (size_t)page.buddy_list.prev, (size_t)page.mapping,
		page.share, page.private, page.pp_magic, (size_t)page.pp, page.dma_addr, page.compound_info,
		(size_t)page.zone_device_data, page.page_type, (size_t)atomic_read(&page._mapcount),
	};

	return !memcmp(read, wanted, sizeof(wanted));
}

int page_is(unsigned long magic, unsigned long private, unsigned long share, int mapcount)
{
	return page.pp_magic == magic && page.private == private && page.share == share && !page.lru.prev &&
	       atomic_read(&page._mapcount) == mapcount && page.dma_addr == share;
}

struct kernel_siginfo *a_signal(void)
{
	return &info;
}

int signal_is(int pid, int value)
{
	return info.si_pid == pid && info._sifields._rt._sigval.sival_int == value;
}

int fault_is(void *addr, void *upper, int lsb)
{
	return info.si_addr == addr && info.si_upper == upper && info.si_addr_lsb == lsb;
}

union bpf_attr *an_attr(void)
{
	return &attr;
}

int attr_is(u64 key, u8 letter)
{
	return attr.key == key && attr.prog_name[3] == letter;
}
