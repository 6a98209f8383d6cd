// SPDX-License-Identifier: GPL-2.0
#include <linux/kvm_host.h>
#include <trace/events/kvm.h>

void kvm_release_page_clean(struct page *page)
{
	trace_kvm_userspace_exit(3, 0);
	original(page);
}
