// SPDX-License-Identifier: GPL-2.0-or-later
/* The look-up in tables of lists alone, so that a test can ask the kernel about an address. */
#include "bpf/helpers.h"

#include "modules/filter/prefixes.bpf.h"

/* The test makes the inner maps as large as their tables. */
struct pages {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, PREFIX_PAGE_SIZE);
	__uint(max_entries, 1);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct pages);
} lists SEC(".maps");

/* The frame is an Ethernet header and a struct filter_key; the answer is the label. */
static __always_inline struct filter_key *wanted(struct __sk_buff *ctx)
{
	struct filter_key *key = (void *)(long)ctx->data + 14;

	return (void *)(key + 1) > (void *)(long)ctx->data_end ? NULL : key;
}

SEC("tc")
int find4(struct __sk_buff *ctx)
{
	struct filter_key *key = wanted(ctx);
	__u32 index = 0;
	void *table = bpf_map_lookup_elem(&lists, &index);

	return key && table ? (int)prefix_find4(table, (__u32)key->low) : -1;
}

SEC("tc")
int find6(struct __sk_buff *ctx)
{
	struct filter_key *key = wanted(ctx);
	__u32 index = 0;
	void *table = bpf_map_lookup_elem(&lists, &index);

	return key && table ? (int)prefix_find6(table, key->high, key->low) : -1;
}

char LICENSE[] SEC("license") = "GPL";
