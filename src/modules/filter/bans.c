/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of tables.h that is about bans. */
#include "modules/filter/tables.h"

/* What the three tables have in common: buckets of slots, a slot a key and the word behind it. */
struct area {
	__u64 *words;
	uint32_t buckets;
	uint32_t probes;
	uint32_t slots;  /* in a bucket */
	uint32_t stride; /* words of a slot */
	uint32_t keys;   /* the first of them; none in bans4, where the word holds the address */
};

/* A prefix, and where it may stand. */
struct place {
	struct area area;
	struct filter_key key;
	uint8_t length;
	uint32_t home;
};

enum { AREA_BANS4, AREA_BANS6, AREA_WIDE, AREAS };

static struct area area_of(const struct tables *tables, int which)
{
	switch (which) {
	case AREA_BANS4:
		return (struct area){
			(__u64 *)tables->bans4, BAN4_BUCKETS, BAN4_PROBES, BAN4_SLOTS, 1, 0
		};
	case AREA_BANS6:
		return (struct area){
			(__u64 *)tables->bans6, BAN6_BUCKETS, BAN6_PROBES, BAN6_SLOTS, 2, 1
		};
	default:
		return (struct area){
			(__u64 *)tables->bans_wide, BAN_WIDE_BUCKETS, WIDE_PROBES, WIDE_SLOTS, 4, 2
		};
	}
}

static int which_area(const struct prefix *prefix)
{
	if (prefix_is_v4(prefix) && prefix_is_host(prefix))
		return AREA_BANS4;
	return !prefix_is_v4(prefix) && prefix->length == 64 ? AREA_BANS6 : AREA_WIDE;
}

static struct place place_of(const struct tables *tables, const struct prefix *prefix)
{
	struct filter_key key = key_of(&prefix->address);
	uint64_t seed = tables->state->seed;
	int which = which_area(prefix);

	return (struct place){
		.area = area_of(tables, which),
		.key = key,
		.length = prefix->length,
		.home = which == AREA_BANS4   ? filter_ban4_home((uint32_t)key.low, seed)
			: which == AREA_BANS6 ? filter_ban6_home(key.high, seed)
					      : filter_wide_hash(key, prefix->length, seed),
	};
}

/* ---- words ----------------------------------------------------------------- */

static uint32_t word_end(uint64_t word)
{
	return (word >> BAN_END_SHIFT) & BAN_END_MASK;
}

static bool in_force(uint64_t word, uint32_t now)
{
	return now < word_end(word) || word_end(word) == BAN_FOREVER;
}

static uint64_t load(const __u64 *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void store(__u64 *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* False when the word was no longer what it had been. */
static bool exchange(__u64 *word, uint64_t was, uint64_t value)
{
	__u64 expected = was;

	return __atomic_compare_exchange_n(word, &expected, value, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

/* What is left of a ban: never zero, which would say that nothing comes behind. */
static uint64_t ended_word(const struct place *place, uint64_t was)
{
	if (place->area.keys)
		return filter_next_word(was, 0, place->length);
	return (uint32_t)was ? (uint32_t)was : 1ULL << BAN_END_SHIFT;
}

/* ---- slots ----------------------------------------------------------------- */

static uint32_t slots_of(const struct place *place)
{
	return place->area.probes * place->area.slots;
}

/* The i-th slot in which it may stand. */
static __u64 *slot_at(const struct place *place, uint32_t i)
{
	const struct area *area = &place->area;
	size_t bucket = (place->home + i / area->slots) % area->buckets;

	return area->words + bucket * BUCKET_WORDS + i % area->slots * area->stride;
}

static __u64 *word_of(const struct place *place, __u64 *slot)
{
	return slot + place->area.keys;
}

/* Somebody is writing it, or was killed while he did. */
static bool is_claimed(const struct place *place, uint64_t word)
{
	return place->area.keys && WIDE_LENGTH(word) == LENGTH_NONE;
}

static bool has_key(const struct place *place, const __u64 *slot, uint64_t word)
{
	if (!place->area.keys)
		return word && (uint32_t)word == (uint32_t)place->key.low;
	return WIDE_LENGTH(word) == place->length && load(slot) == place->key.high &&
	       (place->area.keys < 2 || load(slot + 1) == place->key.low);
}

/*
 * Whether the slot holds this prefix, and its word, both of one moment: a word that has changed
 * meanwhile is no reason to pass it by, for perhaps the kernel has only extended the ban.
 */
static bool holds(const struct place *place, const __u64 *slot, uint64_t *ret_word)
{
	uint64_t word;
	bool own;

	do {
		word = load(slot + place->area.keys);
		own = has_key(place, slot, word);
	} while (load(slot + place->area.keys) != word);
	*ret_word = word;
	return own;
}

/*
 * Writes the ban into the slot, whose word was `was`. False when somebody else was faster.
 *
 * A slot that gets another key is claimed first: its length is then that of no prefix, so
 * no reader believes it and no writer takes it. A writer that is killed in between leaves
 * the slot claimed for ever. It is not taken over, because the claim may be the kernel's,
 * on a CPU that has only been interrupted: two writers would then mix their keys.
 */
static bool put(const struct place *place, __u64 *slot, uint64_t was, uint64_t end_and_forced)
{
	__u64 *word = word_of(place, slot);
	uint64_t claim = filter_next_word(was, 0, LENGTH_NONE);

	if (!place->area.keys)
		return exchange(word, was, end_and_forced | (uint32_t)place->key.low);
	if (has_key(place, slot, was))
		return exchange(word, was, filter_next_word(was, end_and_forced, place->length));
	if (!exchange(word, was, claim))
		return false;
	store(slot, place->key.high);
	if (place->area.keys == 2)
		store(slot + 1, place->key.low);
	store(word, filter_next_word(claim, end_and_forced, place->length));
	return true;
}

/*
 * The slot that holds this prefix, in force or not, else the first that is free; NULL when
 * there is neither. Slots fill from the front, so behind one that was never used there is
 * nothing.
 */
static __u64 *find_slot(const struct place *place, uint32_t now, uint64_t *ret_word)
{
	__u64 *free = NULL;

	for (uint32_t i = 0; i < slots_of(place); i++) {
		__u64 *slot = slot_at(place, i);
		uint64_t word;

		if (holds(place, slot, &word)) {
			*ret_word = word;
			return slot;
		}
		if (!free && !in_force(word, now) && !is_claimed(place, word)) {
			free = slot;
			*ret_word = word;
		}
		if (!word)
			break;
	}
	return free;
}

/* All its slots in force as one, and the first of them; NULL when there is none. */
static const __u64 *find_in_force(const struct place *place, uint32_t now, uint64_t *ret_word)
{
	const __u64 *first = NULL;
	uint64_t all = 0;

	for (uint32_t i = 0; i < slots_of(place); i++) {
		__u64 *slot = slot_at(place, i);
		uint64_t word, forced;
		bool own = holds(place, slot, &word);

		if (!word)
			break;
		if (!own || !in_force(word, now))
			continue;
		forced = (word | all) & BAN_FORCED;
		if (!first)
			first = slot;
		if (word_end(word) > word_end(all))
			all = word;
		all |= forced;
	}
	*ret_word = all;
	return first;
}

/* Ends it in every slot but `spared`. True when it was in force in one. */
static bool end_all(const struct place *place, const __u64 *spared, uint32_t now)
{
	bool ended = false;

	for (uint32_t i = 0; i < slots_of(place); i++) {
		__u64 *slot = slot_at(place, i);
		uint64_t word;

		if (slot == spared)
			continue;
		while (holds(place, slot, &word) && in_force(word, now))
			ended |= exchange(word_of(place, slot), word, ended_word(place, word));
		if (!word)
			break;
	}
	return ended;
}

/* ---- bans ---------------------------------------------------------------- */

int ban_check_prefix(const struct prefix *prefix, struct error *error)
{
	if (prefix_is_v4(prefix) && prefix_is_host(prefix) && address_v4(&prefix->address) == 0)
		return error_set(error, -EINVAL, "0.0.0.0 is no host's address");
	if (prefix_is_v4(prefix) && prefix->length < BAN_V4_LENGTH_MIN)
		return error_set(error, -EINVAL,
				 "a ban covers at most a /8 of IPv4; block more with a firewall");
	if (!prefix_is_v4(prefix) && prefix->length < BAN_V6_LENGTH_MIN)
		return error_set(error, -EINVAL,
				 "a ban covers at most a /32 of IPv6; block more with a firewall");
	return 0;
}

static int say_full(const struct tables *tables, uint32_t now, struct error *error)
{
	if (!error)
		return -ENOSPC; /* counting takes its time, and who restores many asks often */
	return error_set(error, -ENOSPC,
			 "the ban table has no room for it (%zu bans in force); "
			 "'sumun unban' what is no longer needed",
			 ban_count(tables, now));
}

/* The lengths are user space's own, so these need no exchange; packets only read them. */
static int add_length(struct tables *tables, const struct prefix *prefix, struct error *error)
{
	int r = 0;

	if (which_area(prefix) == AREA_WIDE)
		r = lengths_add(&tables->state->ban_lengths[prefix_family(prefix)], prefix->length);
	if (r < 0)
		return error_set(error, r,
				 "bans of more than %d different prefix lengths; 'sumun down' and "
				 "'sumun up' forget those that are no longer used",
				 LENGTHS_MAX);
	return 0;
}

int ban_add(struct tables *tables, const struct ban *ban, uint32_t now, struct error *error)
{
	uint64_t bits = (uint64_t)(ban->end & BAN_END_MASK) << BAN_END_SHIFT |
			(ban->forced ? BAN_FORCED : 0);
	int r = ban_check_prefix(&ban->prefix, error);
	struct place place;
	uint64_t was;
	__u64 *slot;

	if (r < 0)
		return r;
	place = place_of(tables, &ban->prefix);
	if (!find_slot(&place, now, &was))
		return say_full(tables, now, error);
	r = add_length(tables, &ban->prefix, error);
	if (r < 0)
		return r;
	/* First the hints: an entry that a reader would not look for is no ban. */
	__atomic_store_n(&tables->state->banned[prefix_family(&ban->prefix)], 1, __ATOMIC_SEQ_CST);
	tables_set_hints(tables, &ban->prefix);
	if (ban->forced)
		__atomic_store_n(&tables->state->forced_bans, 1, __ATOMIC_SEQ_CST);
	do {
		slot = find_slot(&place, now, &was);
		if (!slot)
			return say_full(tables, now, error);
	} while (!put(&place, slot, was, bits));
	/* Only now, so that there is no moment without a ban. */
	end_all(&place, slot, now);
	return 0;
}

int ban_remove(struct tables *tables, const struct prefix *prefix, uint32_t now)
{
	struct place place = place_of(tables, prefix);

	return end_all(&place, NULL, now) ? 0 : -ENOENT;
}

static struct ban make_ban(const struct prefix *prefix, uint64_t word)
{
	return (struct ban){
		.prefix = *prefix,
		.end = word_end(word),
		.forced = word & BAN_FORCED,
	};
}

bool ban_find(const struct tables *tables, const struct prefix *prefix, uint32_t now,
	      struct ban *ret_ban)
{
	struct place place = place_of(tables, prefix);
	uint64_t word;

	if (!find_in_force(&place, now, &word))
		return false;
	*ret_ban = make_ban(prefix, word);
	return true;
}

/* ---- going through all ----------------------------------------------------- */

/* What a slot says it holds; when it changes meanwhile, perhaps what nobody ever banned. */
static struct prefix read_prefix(const struct area *area, const __u64 *slot)
{
	uint64_t word = load(slot + area->keys);
	struct filter_key key = { 0, KEY_V4_LOW | (uint32_t)word };

	if (area->keys)
		key = (struct filter_key){ load(slot), area->keys < 2 ? 0 : load(slot + 1) };
	return (struct prefix){ .address = address_of(key),
				.length = area->keys ? WIDE_LENGTH(word) : ADDRESS_BITS };
}

/* The ban in force whose first slot this is: what stands twice is told there, for both. */
static bool read_ban(const struct tables *tables, const struct area *area, const __u64 *slot,
		     uint32_t now, struct ban *ret_ban)
{
	struct prefix prefix;
	struct place place;
	uint64_t word;

	if (!in_force(load(slot + area->keys), now))
		return false;
	prefix = read_prefix(area, slot);
	place = place_of(tables, &prefix);
	if (find_in_force(&place, now, &word) != slot)
		return false;
	*ret_ban = make_ban(&prefix, word);
	return true;
}

static size_t capacity_of(const struct area *area)
{
	return (size_t)area->buckets * area->slots;
}

static __u64 *slot_of_all(const struct area *area, size_t i)
{
	return area->words + i / area->slots * BUCKET_WORDS + i % area->slots * area->stride;
}

bool ban_next(const struct tables *tables, size_t *position, uint32_t now, struct ban *ret_ban)
{
	size_t first = 0;

	for (int which = 0; which < AREAS; which++) {
		struct area area = area_of(tables, which);

		while (*position < first + capacity_of(&area)) {
			size_t i = (*position)++ - first;

			if (read_ban(tables, &area, slot_of_all(&area, i), now, ret_ban))
				return true;
		}
		first += capacity_of(&area);
	}
	return false;
}

size_t ban_count(const struct tables *tables, uint32_t now)
{
	size_t position = 0, count = 0;
	struct ban ban;

	while (ban_next(tables, &position, now, &ban))
		count++;
	return count;
}

static struct table_fill fill_of(struct area area, uint32_t now)
{
	struct table_fill fill = { .capacity = capacity_of(&area) };

	for (size_t i = 0; i < fill.capacity; i++)
		fill.used += in_force(load(slot_of_all(&area, i) + area.keys), now);
	return fill;
}

void tables_fill(const struct tables *tables, uint32_t now, struct tables_fill *ret_fill)
{
	*ret_fill = (struct tables_fill){
		.bans4 = fill_of(area_of(tables, AREA_BANS4), now),
		.bans6 = fill_of(area_of(tables, AREA_BANS6), now),
		.bans_wide = fill_of(area_of(tables, AREA_WIDE), now),
	};
}
