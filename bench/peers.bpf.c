/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The least that an XDP program needs to filter by the kernel's own maps. */
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "bpf/helpers.h"

struct key4 {
	__u32 length;
	__u32 address;
};

struct key6 {
	__u32 length;
	__u32 address[4];
};

/* Sizes are set before loading. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct key4);
	__type(value, __u8);
} trie4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct key6);
	__type(value, __u8);
} trie6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u8);
} hash4 SEC(".maps");

static __always_inline struct iphdr *ipv4(struct xdp_md *ctx)
{
	struct ethhdr *ethernet = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(ethernet + 1);

	if ((void *)(ip + 1) > (void *)(long)ctx->data_end ||
	    ethernet->h_proto != bpf_htons(ETH_P_IP))
		return NULL;
	return ip;
}

static __always_inline struct ipv6hdr *ipv6(struct xdp_md *ctx)
{
	struct ethhdr *ethernet = (void *)(long)ctx->data;
	struct ipv6hdr *ip = (void *)(ethernet + 1);

	if ((void *)(ip + 1) > (void *)(long)ctx->data_end ||
	    ethernet->h_proto != bpf_htons(ETH_P_IPV6))
		return NULL;
	return ip;
}

SEC("xdp.frags")
int trie(struct xdp_md *ctx)
{
	struct iphdr *ip = ipv4(ctx);
	struct ipv6hdr *ip6;

	if (ip) {
		struct key4 key = { 32, ip->saddr };

		return bpf_map_lookup_elem(&trie4, &key) ? XDP_DROP : XDP_PASS;
	}
	ip6 = ipv6(ctx);
	if (ip6) {
		struct key6 key = { .length = 128 };

		__builtin_memcpy(key.address, &ip6->saddr, sizeof(key.address));
		return bpf_map_lookup_elem(&trie6, &key) ? XDP_DROP : XDP_PASS;
	}
	return XDP_PASS;
}

SEC("xdp.frags")
int hash(struct xdp_md *ctx)
{
	struct iphdr *ip = ipv4(ctx);
	__u32 key = ip ? ip->saddr : 0;

	return ip && bpf_map_lookup_elem(&hash4, &key) ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
