/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ban_info.h, and the part of store.h that is about it. */
#include <string.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/timestamp.h"
#include "modules/filter/ban_info.h"
#include "modules/filter/store.h"

#define REMEMBERED_NS (2 * 24 * 3600 * (int64_t)NSEC_PER_SEC)

const char *ban_origin_name(uint32_t origin)
{
	static const char *const names[] = {
		[ORIGIN_OPERATOR] = "operator",
		[ORIGIN_CONFIG] = "config",
		[ORIGIN_GUARD] = "guard",
		[ORIGIN_SCAN] = "scan",
	};
	_Static_assert(ARRAY_SIZE(names) == ORIGIN_COUNT, "a name for every origin");

	return origin < ARRAY_SIZE(names) ? names[origin] : "?";
}

void ban_why_copy(char ret_why[BAN_WHY_SIZE], const char *why)
{
	size_t length = strnlen(why, BAN_WHY_SIZE);

	/* At most three bytes follow the first of a character: more is no UTF-8 anyway. */
	if (length == BAN_WHY_SIZE)
		for (length--; length > BAN_WHY_SIZE - 4 && (why[length] & 0xc0) == 0x80;)
			length--;
	memset(ret_why, 0, BAN_WHY_SIZE);
	memcpy(ret_why, why, length);
}

uint64_t ban_info_time(const struct filter_ban_info *info)
{
	return timestamp_now() - (timestamp_boottime() - info->since);
}

bool ban_info_is_remembered(const struct filter_ban_info *info, uint64_t boottime)
{
	/* What may be forged counts for nothing later, and there can be any number of it. */
	return (info->origin == ORIGIN_GUARD || info->origin == ORIGIN_SCAN) && info->offences &&
	       (int64_t)(boottime - info->since) <= REMEMBERED_NS;
}

/* ---- the map ----------------------------------------------------------------- */

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

/* ---- forgetting ---------------------------------------------------------------- */

struct sweep {
	uint32_t now;      /* tick */
	uint64_t boottime; /* nanoseconds */
	bool remember;     /* bans that are over but may count for the next */
	size_t swept;
	size_t kept;
};

static void sweep_one(struct store *store, const struct filter_ban_key *key, struct sweep *sweep)
{
	struct prefix prefix = { address_of(key->key), (uint8_t)key->length };
	struct filter_ban_info info;
	struct ban ban;

	if (ban_find(&store->tables, &prefix, sweep->now, &ban) ||
	    (sweep->remember && store_ban_info(store, &prefix, &info) == 0 &&
	     ban_info_is_remembered(&info, sweep->boottime))) {
		sweep->kept++;
		return;
	}
	store_forget_ban(store, &prefix);
	sweep->swept++;
}

static void sweep_all(struct store *store, struct sweep *sweep)
{
	struct filter_ban_key key, next = { .length = 0 };
	int r = bpf_map_get_next_key(store->fds[STORE_BAN_INFO], NULL, &key);

	/*
	 * The next key first: a deleted one has no successor. Where somebody else deletes
	 * it all the same the walk begins anew, hence the limit.
	 */
	for (size_t i = 0; r == 0 && i < 2 * BAN_INFO_CAPACITY; i++) {
		r = bpf_map_get_next_key(store->fds[STORE_BAN_INFO], &key, &next);
		sweep_one(store, &key, sweep);
		key = next;
	}
}

size_t store_sweep(struct store *store)
{
	struct sweep sweep = { .now = store_now(store),
			       .boottime = timestamp_boottime(),
			       .remember = true };

	sweep_all(store, &sweep);
	/* Memories must not crowd out the bans that are made now. */
	if (sweep.kept > BAN_INFO_CAPACITY / 4 * 3) {
		sweep.remember = false;
		sweep_all(store, &sweep);
	}
	return sweep.swept;
}
