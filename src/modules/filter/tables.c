/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <endian.h>
#include <string.h>

#include "modules/filter/tables.h"

struct filter_key key_of(const struct address *address)
{
	struct filter_key key;

	memcpy(&key, address->bytes, sizeof(key));
	return (struct filter_key){ be64toh(key.high), be64toh(key.low) };
}

struct address address_of(struct filter_key key)
{
	struct address address;

	key = (struct filter_key){ htobe64(key.high), htobe64(key.low) };
	memcpy(address.bytes, &key, sizeof(key));
	return address;
}

int prefix_family(const struct prefix *prefix)
{
	return prefix_is_v4(prefix) ? FAMILY_V4 : FAMILY_V6;
}

int lengths_add(struct filter_lengths *lengths, uint8_t length)
{
	for (uint32_t i = 0; i < lengths->count; i++)
		if (lengths->length[i] == length)
			return 0;
	if (lengths->count == LENGTHS_MAX)
		return -ENOSPC;
	lengths->length[lengths->count] = length;
	__atomic_store_n(&lengths->count, lengths->count + 1, __ATOMIC_RELEASE);
	return 0;
}

/* ---- hints ----------------------------------------------------------------- */

static void set_bit(uint64_t *hints, uint32_t bit)
{
	__atomic_fetch_or(&hints[bit / 64], 1ULL << (bit % 64), __ATOMIC_SEQ_CST);
}

static void set_hint(uint64_t *hints, uint32_t bit)
{
	set_bit(hints, bit);
	set_bit(hints, filter_hint_coarse(bit));
}

/* By a word at a time, because the kernel's program sets hints too. */
static void set_all_hints(uint64_t *hints, int family)
{
	uint64_t *fine = hints, *coarse = hints + HINT_FINE_WORDS;

	if (family == FAMILY_V6) {
		fine += HINT_FINE_WORDS / 2;
		coarse += HINT_COARSE_WORDS / 2;
	}
	for (size_t i = 0; i < HINT_FINE_WORDS / 2; i++)
		__atomic_store_n(&fine[i], ~0ULL, __ATOMIC_RELAXED);
	for (size_t i = 0; i < HINT_COARSE_WORDS / 2; i++)
		__atomic_store_n(&coarse[i], ~0ULL, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void tables_set_hints(struct tables *tables, const struct prefix *prefix)
{
	struct filter_key key = key_of(&prefix->address);
	int family = prefix_family(prefix);
	uint32_t unit = family == FAMILY_V4 ? ADDRESS_V4_OFFSET + 24 : 48;
	uint64_t count = prefix->length >= unit ? 1 : 1ULL << (unit - prefix->length);

	if (count > 1 << 20) {
		set_all_hints(tables->hints, family);
		return;
	}
	for (uint64_t i = 0; i < count; i++) {
		uint32_t bit = family == FAMILY_V4
				       ? filter_hint4((uint32_t)key.low) + (uint32_t)i
				       : filter_hint6(key.high + (i << 16), tables->state->seed);

		set_hint(tables->hints, bit);
	}
}
