// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tables of lists in the kernel: that the look-up loads, and says what the same code says
 * in user space, which tests/unit/modules/filter/prefix_table.c holds against a model.
 */
#include "../unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <bpf/bpf.h>

#include "modules/filter/prefix_table.h"
#include "prefixes.skel.h"

struct kernel {
	struct prefixes_bpf *skeleton;
	struct ranges ranges[2];
	void *memory;
	size_t pages;
};

/* A map of just the size, and the program with it. */
static void load(struct kernel *kernel)
{
	struct prefix_input inputs[] = { { .label = 5 }, { .label = 9 | LABEL_ALLOW } };
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	CLEANUP_CLOSE int fd = -1;
	uint32_t zero = 0;

	for (size_t i = 0; i < ARRAY_SIZE(inputs); i++) {
		assert_ok(ranges_merge(&kernel->ranges[i]));
		inputs[i].ranges = ranges_view(&kernel->ranges[i]);
	}
	assert_ok(prefix_table_pages(inputs, ARRAY_SIZE(inputs), &kernel->pages, NULL));
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "pages", sizeof(uint32_t), PREFIX_PAGE_SIZE,
			    (uint32_t)kernel->pages, &options);
	assert_true(fd >= 0);
	kernel->memory = mmap(NULL, kernel->pages * PREFIX_PAGE_SIZE, PROT_READ | PROT_WRITE,
			      MAP_SHARED, fd, 0);
	assert_true(kernel->memory != MAP_FAILED);
	assert_ok(prefix_table_build(inputs, ARRAY_SIZE(inputs), kernel->memory, kernel->pages,
				     NULL));

	kernel->skeleton = prefixes_bpf__open();
	assert_non_null(kernel->skeleton);
	/* Every inner map has to be of the size of the one that the verifier is shown. */
	assert_ok(bpf_map__set_inner_map_fd(kernel->skeleton->maps.lists, fd));
	assert_ok(prefixes_bpf__load(kernel->skeleton));
	assert_ok(bpf_map_update_elem(bpf_map__fd(kernel->skeleton->maps.lists), &zero, &fd,
				      BPF_ANY));
}

static void unload(struct kernel *kernel)
{
	prefixes_bpf__destroy(kernel->skeleton);
	munmap(kernel->memory, kernel->pages * PREFIX_PAGE_SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(kernel->ranges); i++)
		ranges_free(&kernel->ranges[i]);
}

static uint32_t ask(const struct kernel *kernel, uint128 address, bool v6)
{
	struct bpf_program *program =
		v6 ? kernel->skeleton->progs.find6 : kernel->skeleton->progs.find4;
	struct filter_key key = number_key(address);
	uint8_t frame[14 + sizeof(key)] = {};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame));

	memcpy(frame + 14, &key, sizeof(key));
	assert_ok(bpf_prog_test_run_opts(bpf_program__fd(program), &options));
	return options.retval;
}

static void compare(const struct kernel *kernel, uint128 address, bool v6)
{
	uint128 key = v6 ? address : KEY_V4_LOW | (uint32_t)address;
	uint8_t label;

	if (v6 && address >> 32 == 0xffff)
		return;
	label = prefix_table_find(kernel->memory, kernel->pages, number_key(key));
	assert_int_equal(ask(kernel, key, v6), label);
}

static void compare_ends(const struct kernel *kernel, uint128 first, uint128 last, bool v6)
{
	compare(kernel, first - 1, v6);
	compare(kernel, first, v6);
	compare(kernel, last, v6);
	compare(kernel, last + 1, v6);
}

static void compare_all(const struct kernel *kernel)
{
	for (size_t i = 0; i < ARRAY_SIZE(kernel->ranges); i++) {
		const struct ranges *ranges = &kernel->ranges[i];

		for (size_t j = 0; j < ranges->count4; j += 1 + ranges->count4 / 2000)
			compare_ends(kernel, ranges->v4[j].first, ranges->v4[j].last, false);
		for (size_t j = 0; j < ranges->count6; j += 1 + ranges->count6 / 2000)
			compare_ends(kernel, key_number(ranges->v6[j].first),
				     key_number(ranges->v6[j].last), true);
	}
}

static void the_kernel_finds_what_user_space_finds(void **state)
{
	struct kernel kernel = {};
	uint64_t seed = 12;

	for (unsigned i = 0; i < 20000; i++) {
		struct ranges *ranges = &kernel.ranges[i % 7 == 0];
		uint32_t v4 = (uint32_t)random_next(&seed) & (i % 2 ? 0xffffffff : 0x0003ffff);
		uint64_t high = 0x20010db800000000 | (random_next(&seed) & 0xfffffff);
		uint64_t low = i % 3 ? 0 : random_next(&seed);
		uint64_t size = random_next(&seed) % (i % 2 ? 3 : 200);

		assert_ok(
			ranges_add4(ranges, v4, v4 + size > UINT32_MAX ? v4 : v4 + (uint32_t)size));
		assert_ok(ranges_add6(ranges, (struct filter_key){ high, low },
				      (struct filter_key){ high, low | 0xff }));
	}
	load(&kernel);
	compare_all(&kernel);
	for (unsigned i = 0; i < 5000; i++) {
		compare(&kernel, (uint32_t)random_next(&seed), false);
		compare(&kernel, (uint128)random_next(&seed) << 64 | random_next(&seed), true);
	}
	unload(&kernel);
}

/* Every second address of a part of the root, of a /64, and every second /64: deepest trees. */
static void the_deepest_trees_are_walked_to_the_end(void **state)
{
	struct kernel kernel = {};

	for (uint32_t i = 0; i < 32768; i += 2) {
		struct filter_key network = { 0x20010db8ffff0000 + i, 0 };
		struct filter_key host = { ~0ULL, ~0ULL - i };

		assert_ok(ranges_add4(&kernel.ranges[0], 0xffff8000 + i, 0xffff8000 + i));
		assert_ok(ranges_add6(&kernel.ranges[0], network,
				      (struct filter_key){ network.high, ~0ULL }));
		assert_ok(ranges_add6(&kernel.ranges[0], host, host));
	}
	load(&kernel);
	compare_all(&kernel);
	unload(&kernel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernel_finds_what_user_space_finds),
		cmocka_unit_test(the_deepest_trees_are_walked_to_the_end),
	};

	if (geteuid() != 0) {
		printf("1..0 # SKIP prefixes: loading BPF programs needs root\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
