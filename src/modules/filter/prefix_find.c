// SPDX-License-Identifier: GPL-2.0-or-later
/* The look-up of packets, compiled for user space. */
#include "modules/filter/prefix_table.h"

struct table {
	const struct prefix_page *memory;
	size_t pages;
};

/* What the code of packets finds in place of the kernel's function. */
static const void *bpf_map_lookup_elem(void *map, const void *key)
{
	const struct table *table = map;
	uint32_t index = *(const uint32_t *)key;

	return index < table->pages ? &table->memory[index] : NULL;
}

#include "modules/filter/prefixes.bpf.h"

uint8_t prefix_table_find(const void *memory, size_t pages, struct filter_key address)
{
	struct table table = { memory, pages };
	bool v4 = address.high == 0 && address.low >> 32 == KEY_V4_LOW >> 32;

	return (uint8_t)(v4 ? prefix_find4(&table, (uint32_t)address.low)
			    : prefix_find6(&table, address.high, address.low));
}
