/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs that do nothing, which is what the others are measured against, and a generator. */
#include <linux/if_ether.h>
#include <linux/ip.h>

#include "bpf/helpers.h"

/* Written between open and load. */
const volatile __u32 out_ifindex;

/* Written between runs: how many sources the generator draws from, and which. */
__u32 sources;
__be32 source[128];

SEC("xdp.frags")
int pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("xdp.frags")
int drop(struct xdp_md *ctx)
{
	return XDP_DROP;
}

SEC("xdp")
int generate(struct xdp_md *ctx)
{
	struct iphdr *ip = (void *)(long)ctx->data + sizeof(struct ethhdr);
	__u32 count = sources;

	if (count && (void *)(ip + 1) <= (void *)(long)ctx->data_end) {
		__u64 low, was = (ip->saddr & 0xffff) + (ip->saddr >> 16) + ip->id;

		ip->saddr = source[bpf_get_prandom_u32() % count % 128];
		/* The checksum stays right: what the address gains, the identification loses. */
		low = (ip->saddr & 0xffff) + (ip->saddr >> 16);
		was += 2 * 0xffff - low;
		was = (was & 0xffff) + (was >> 16);
		ip->id = (was & 0xffff) + (was >> 16);
	}
	return bpf_redirect(out_ifindex, 0);
}

char LICENSE[] SEC("license") = "GPL";
