// SPDX-License-Identifier: GPL-2.0
#include <linux/jump_label.h>
#include <net/netfilter/nf_tables.h>

extern struct static_key_false nft_counters_enabled;

void nft_register_chain_type(const struct nft_chain_type *ctype)
{
	if (static_branch_unlikely(&nft_counters_enabled))
		pr_info("counted\n");
	original(ctype);
}
