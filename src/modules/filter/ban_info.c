/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of store.h that is about what people want to know of a ban. */
#include <bpf/bpf.h>

#include "modules/filter/store.h"

static struct filter_ban_key ban_key(const struct prefix *prefix)
{
	return (struct filter_ban_key){ .key = key_of(&prefix->address), .length = prefix->length };
}

int store_ban_info(const struct store *store, const struct prefix *prefix,
		   struct filter_ban_info *ret_info)
{
	struct filter_ban_key key = ban_key(prefix);

	return bpf_map_lookup_elem(store->fds[STORE_BAN_INFO], &key, ret_info);
}

int store_set_ban_info(struct store *store, const struct prefix *prefix,
		       const struct filter_ban_info *info)
{
	struct filter_ban_key key = ban_key(prefix);

	return bpf_map_update_elem(store->fds[STORE_BAN_INFO], &key, info, BPF_ANY);
}

void store_forget_ban(struct store *store, const struct prefix *prefix)
{
	struct filter_ban_key key = ban_key(prefix);

	bpf_map_delete_elem(store->fds[STORE_BAN_INFO], &key);
}

size_t store_sweep(struct store *store)
{
	struct filter_ban_key key, next;
	uint32_t now = store_now(store);
	size_t swept = 0;
	int r = bpf_map_get_next_key(store->fds[STORE_BAN_INFO], NULL, &key);

	while (r == 0) {
		struct prefix prefix = { .address = address_of(key.key),
					 .length = (uint8_t)key.length };
		struct ban ban;

		/* The next key first: a deleted one has no successor. */
		r = bpf_map_get_next_key(store->fds[STORE_BAN_INFO], &key, &next);
		if (!ban_find(&store->tables, &prefix, now, &ban)) {
			store_forget_ban(store, &prefix);
			swept++;
		}
		key = next;
	}
	return swept;
}
