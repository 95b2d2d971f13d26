/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Putting a ban into its table, while other CPUs do so too and, one at a time, user space
 * (bans.c, by the same rules). filter.h says how a slot is read and written.
 *
 * Two walks over the buckets where a ban may stand. The first looks for its own entry, in force
 * or ended, and extends that: it may stand behind a slot that has become free since, which must
 * not be taken before. The second takes the first free slot, unless it meets an entry of its
 * own that another CPU has made meanwhile.
 */
#pragma once

#include "bpf/helpers.h"
#include "modules/filter/lists.bpf.h"

enum { NO_ROOM = -28 }; /* ENOSPC */

enum walk { WALK_EXTEND, WALK_CLAIM };

/* What is put. There is no gap in it, because the verifier wants all of it written. */
struct put {
	struct filter_key key; /* of bans4: the address, in `low` */
	__u32 length;          /* of bans4: of no account */
	__u32 end;
	__u32 now;
	__u32 walk;
};

/* Its entry lasts as long already. */
static __always_inline bool lasts(__u64 word, const struct put *put)
{
	return (word >> BAN_END_SHIFT & BAN_END_MASK) >= put->end;
}

/* The end; and a ban that somebody forced stays forced for as long as it is in force. */
static __always_inline __u64 new_end(__u64 word, const struct put *put)
{
	__u64 forced = ban_in_force(word, put->now) ? word & BAN_FORCED : 0;

	return (__u64)put->end << BAN_END_SHIFT | forced;
}

/* Of bans4, where the word is the entry: one exchange extends it or takes the slot. */
static __always_inline bool put_in_word(__u64 *slot, const struct put *put)
{
	__u64 word = READ_ONCE(*slot);
	__u32 address = (__u32)put->key.low;
	bool own = (__u32)word == address;
	bool free = put->walk == WALK_CLAIM && !ban_in_force(word, put->now);

	if (own && lasts(word, put))
		return true;
	return (own || free) &&
	       __sync_val_compare_and_swap(slot, word, new_end(word, put) | address) == word;
}

/*
 * A key never changes without its word, whose number goes up, so the exchange is also the second
 * look that filter.h asks for: it fails unless the key was that of this word. Hence it is made
 * where the end stays as well. (Only 2^24 changes of one slot in between would deceive it.)
 */
static __always_inline bool extend(__u64 *slot, __u64 word, const struct put *put)
{
	__u64 fresh =
		lasts(word, put) ? word : filter_next_word(word, new_end(word, put), put->length);

	return __sync_val_compare_and_swap(slot, word, fresh) == word;
}

/*
 * A slot that is claimed is passed by, for its writer may be slow. Once it is claimed here nobody
 * else writes it: the key needs no care, and the word that makes it an entry no comparing.
 */
static __always_inline bool claim(__u64 *slot, __u32 keys, __u64 word, const struct put *put)
{
	__u64 claimed = filter_next_word(word, 0, LENGTH_NONE);

	if (WIDE_LENGTH(word) == LENGTH_NONE || ban_in_force(word, put->now) ||
	    __sync_val_compare_and_swap(&slot[keys], word, claimed) != word)
		return false;
	slot[0] = put->key.high;
	if (keys > 1)
		slot[1] = put->key.low;
	__sync_lock_test_and_set(&slot[keys],
				 filter_next_word(claimed, new_end(claimed, put), put->length));
	return true;
}

/* Of bans6 and bans_wide: `keys` words of key, and behind them the word. */
static __always_inline bool put_in_slot(__u64 *slot, __u32 keys, const struct put *put)
{
	__u64 word = READ_AGAIN(slot[keys]); /* before the key, on every machine */

	if (WIDE_LENGTH(word) == put->length && READ_ONCE(slot[0]) == put->key.high &&
	    (keys < 2 || READ_ONCE(slot[1]) == put->key.low))
		return extend(&slot[keys], word, put);
	return put->walk == WALK_CLAIM && claim(slot, keys, word, put);
}

static __always_inline int put_in_bucket(struct ban_bucket *bucket, __u32 slots, __u32 keys,
					 const struct put *put)
{
	if (!bucket || !put)
		return false;
#pragma nounroll
	for (__u32 i = 0; i < BUCKET_WORDS; i += BUCKET_WORDS / slots)
		if (keys ? put_in_slot(&bucket->words[i], keys, put)
			 : put_in_word(&bucket->words[i], put))
			return true;
	return false;
}

/*
 * A step of a walk: not zero when the ban stands in this bucket. Global, so that the verifier
 * checks it once and not at every step.
 */
typedef int step(struct ban_bucket *bucket, const struct put *put);

__noinline int put_in_bucket4(struct ban_bucket *bucket, const struct put *put)
{
	return put_in_bucket(bucket, BAN4_SLOTS, 0, put);
}

__noinline int put_in_bucket6(struct ban_bucket *bucket, const struct put *put)
{
	return put_in_bucket(bucket, BAN6_SLOTS, 1, put);
}

__noinline int put_in_bucket_wide(struct ban_bucket *bucket, const struct put *put)
{
	return put_in_bucket(bucket, WIDE_SLOTS, 2, put);
}

/* Where a walk leads: so many buckets of this table, from a ban's home on. */
struct way {
	void *table;
	__u32 buckets;
	__u32 home;
	__u32 probes;
	step *step;
};

static __always_inline bool take(enum walk walk, const struct way *way, struct put *put)
{
	put->walk = walk;
	for (__u32 probe = 0; probe < way->probes; probe++) {
		__u32 index = (way->home + probe) % way->buckets;

		if (way->step(bpf_map_lookup_elem(way->table, &index), put))
			return true;
	}
	return false;
}

static __always_inline int take_both(const struct way *way, struct put *put)
{
	put->now = now_ticks();
	return take(WALK_EXTEND, way, put) || take(WALK_CLAIM, way, put) ? 0 : NO_ROOM;
}

__noinline int put_ban4(__u32 address, __u32 end)
{
	struct way way = { &bans4, BAN4_BUCKETS, filter_ban4_home(address, seed), BAN4_PROBES,
			   put_in_bucket4 };
	struct put put = { .key.low = address, .end = end };

	return take_both(&way, &put);
}

__noinline int put_ban6(__u64 high, __u32 end)
{
	struct way way = { &bans6, BAN6_BUCKETS, filter_ban6_home(high, seed), BAN6_PROBES,
			   put_in_bucket6 };
	struct put put = { .key.high = high, .length = 64, .end = end };

	return take_both(&way, &put);
}

__noinline int put_ban_wide(__u64 high, __u64 low, __u32 length, __u32 end)
{
	__u64 none = any_zero(high);
	struct put put = { masked(high, low, length, none), .length = length ^ none, .end = end };
	struct way way = { &bans_wide, BAN_WIDE_BUCKETS,
			   filter_wide_hash(put.key, put.length, seed), WIDE_PROBES,
			   put_in_bucket_wide };

	return take_both(&way, &put);
}
