/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Traffic with another source in each frame: into a veth (`generate`), or straight into
 * another program (`many`). What a frame's source adds to a checksum is taken away elsewhere,
 * so that checksums stay right. Runs on one CPU at a time.
 */
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "bpf/helpers.h"
#include "traffic.h"

struct address6 {
	__u32 words[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, AIMS4);
	__type(key, __u32);
	__type(value, __u64); /* an array gives each element 8 bytes anyway */
} aims4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, AIMS6);
	__type(key, __u32);
	__type(value, struct address6);
} aims6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} target SEC(".maps");

/* For programs that take no frames in fragments, which share no table with those that do. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} target_plain SEC(".maps");

/* Written between runs. */
__u64 start[7]; /* of the frame: more than the headers of IPv4 and TCP */
__u32 out_ifindex;
__u32 aim;
__u32 aims; /* how many */
__u32 spread;
__u32 vary_ports; /* TCP: source port and sequence number at random */
__u32 position;
__u64 generated;
__u64 frame_ns; /* one frame in so many nanoseconds; 0: as fast as it can */
__u64 next_frame;

/* RFC 1624: the checksum of what it covered, with `was` replaced by `is`. */
static __always_inline __u16 replaced(__u16 check, __u32 was, __u32 is)
{
	__u64 sum = (__u16)~check;

	sum += (__u16)~was + (__u32)(__u16) ~(was >> 16) + (is & 0xffff) + (is >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline void vary(struct tcphdr *tcp)
{
	__u32 random = bpf_get_prandom_u32(), source = tcp->source;

	tcp->check = replaced(tcp->check, tcp->seq, random);
	tcp->seq = random;
	/* Above the ports that servers have. */
	tcp->source = bpf_htons((random >> 8 & 0x7fff) + 0x8000);
	tcp->check = replaced(tcp->check, source, tcp->source);
}

static __always_inline void set_source4(struct xdp_md *ctx, __u32 source)
{
	struct iphdr *ip = (void *)(long)ctx->data + sizeof(struct ethhdr);
	struct tcphdr *tcp = (void *)(ip + 1);

	if ((void *)(ip + 1) > (void *)(long)ctx->data_end)
		return;
	if (ip->protocol == IPPROTO_TCP && (void *)(tcp + 1) <= (void *)(long)ctx->data_end) {
		tcp->check = replaced(tcp->check, ip->saddr, source);
		if (vary_ports)
			vary(tcp);
	}
	ip->check = replaced(ip->check, ip->saddr, source);
	ip->saddr = source;
}

/* UDP only: the first bytes of its payload make up for the source. */
static __always_inline void set_source6(struct xdp_md *ctx, const struct address6 *source)
{
	struct ipv6hdr *ip = (void *)(long)ctx->data + sizeof(struct ethhdr);
	__u16 *payload = (void *)(ip + 1) + sizeof(struct udphdr);
	__u16 check;

	if ((void *)(payload + 1) > (void *)(long)ctx->data_end)
		return;
	/* A sum that is to stay what it was loses what a checksum, its complement, gains. */
	check = 0;
	for (int i = 0; i < 4; i++) {
		check = replaced(check, ip->saddr.in6_u.u6_addr32[i], source->words[i]);
		ip->saddr.in6_u.u6_addr32[i] = source->words[i];
	}
	*payload = check;
}

/* Frames are used again and again, and a program that answers in place leaves its answer there. */
static __always_inline void restore(struct xdp_md *ctx)
{
	__u64 *words = (void *)(long)ctx->data;

	if ((void *)words + sizeof(start) <= (void *)(long)ctx->data_end)
		__builtin_memcpy(words, start, sizeof(start));
}

static __always_inline void change_source(struct xdp_md *ctx)
{
	__u32 which = position;

	restore(ctx);

	position = which + 1 < aims ? which + 1 : 0;
	if (aim == AIM_LISTED4) {
		__u32 key = which;
		__u64 *source = bpf_map_lookup_elem(&aims4, &key);

		if (source)
			set_source4(ctx, *source);
	} else if (aim == AIM_LISTED6) {
		__u32 key = which;
		struct address6 *source = bpf_map_lookup_elem(&aims6, &key);

		if (source)
			set_source6(ctx, source);
	} else if (aim == AIM_SPREAD4 && spread) {
		/* Multiplying by an odd number gives each number another one. */
		which = bpf_get_prandom_u32() % spread * 0x9e3779b1;
		set_source4(ctx, bpf_htonl(0x10000000 | (which & ((1 << SPREAD_BITS) - 1))));
	}
}

/* Whether it is too early for the next. What could not be sent in time is not made up for. */
static __always_inline bool too_early(void)
{
	const __u64 behind = 64 * frame_ns; /* at most: a veth's ring holds 256 */
	__u64 now;

	if (!frame_ns)
		return false;
	now = bpf_ktime_get_ns();
	if (now < next_frame)
		return true;
	if (next_frame + behind < now)
		next_frame = now - behind;
	next_frame += frame_ns;
	return false;
}

SEC("xdp")
int generate(struct xdp_md *ctx)
{
	if (too_early())
		return XDP_DROP;
	change_source(ctx);
	generated++;
	return bpf_redirect(out_ifindex, 0);
}

SEC("xdp.frags")
int many(struct xdp_md *ctx)
{
	change_source(ctx);
	bpf_tail_call(ctx, &target, 0);
	return XDP_ABORTED;
}

SEC("xdp")
int many_plain(struct xdp_md *ctx)
{
	change_source(ctx);
	bpf_tail_call(ctx, &target_plain, 0);
	return XDP_ABORTED;
}

char LICENSE[] SEC("license") = "GPL";
