/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../unit.h"

#include "base/duration.h"
#include "event.h"
#include "modules/opens/path.h"
#include "modules/opens/pending.h"

static unsigned told, unknown;
static struct open_paths paths;
static struct open_event last;

static void tell(void *context, const struct open_event *event)
{
	assert_true(path_read(event, &paths));
	last = *event;
	told++;
	unknown += (event->ring & OPEN_RESULT_UNKNOWN) != 0;
}

static int set_up(void **state)
{
	told = unknown = 0;
	*state = pending_new(tell, NULL);
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	pending_free(*state);
	return 0;
}

static void add(struct pending *pending, uint64_t request, uint64_t serial, unsigned ring)
{
	struct made made = make_event("link", "dir/srv", "", 0);

	made.event.header.time = 5 * NSEC_PER_SEC;
	made.event.request = request;
	made.event.serial = serial;
	made.event.ring = (__u16)(OPEN_BY_RING | ring);
	pending_add(pending, &made.event);
}

static void complete(struct pending *pending, uint64_t request, uint64_t serial, int result)
{
	struct made made = make_event("", NULL, result < 0 ? "" : "file/srv", result);

	made.event.request = request;
	made.event.serial = serial;
	made.event.header.time = 9;
	pending_complete(pending, &made.event);
}

static void joined(void **state)
{
	add(*state, 0x1000, 1, 0);
	add(*state, 0x2000, 2, 0);
	assert_int_equal(told, 0);
	complete(*state, 0x2000, 2, 7);
	assert_int_equal(told, 1);
	assert_int_equal(last.result, 7);
	assert_int_equal(last.header.time, 9);
	assert_string_equal(paths.asked, "/srv/dir/link");
	assert_string_equal(paths.opened, "/srv/file");
	complete(*state, 0x1000, 1, -2);
	assert_int_equal(told, 2);
	assert_int_equal(last.result, -2);
	assert_string_equal(paths.opened, "");
	/* Once, and no others. */
	complete(*state, 0x1000, 1, -2);
	complete(*state, 0x3000, 3, -2);
	pending_empty(*state);
	assert_int_equal(told, 2);
	assert_int_equal(unknown, 0);
}

/* The result of another that lay there is not taken; and who comes after ends who was there. */
static void in_the_same_place(void **state)
{
	add(*state, 0x1000, 1, 0);
	complete(*state, 0x1000, 9, 3);
	assert_int_equal(told, 0);
	add(*state, 0x1000, 2, 0);
	assert_int_equal(told, 1);
	assert_int_equal(unknown, 1);
	complete(*state, 0x1000, 2, 3);
	assert_int_equal(told, 2);
	assert_int_equal(unknown, 1);
}

static void without_a_result(void **state)
{
	add(*state, 0x1000, 1, OPEN_SILENT);
	add(*state, 0x2000, 2, 0);
	add(*state, 0x3000, 0, 0);
	assert_int_equal(unknown, 1);
	pending_expire(*state, 6 * NSEC_PER_SEC);
	assert_int_equal(unknown, 1);
	pending_expire(*state, 6 * NSEC_PER_SEC + 1);
	assert_int_equal(unknown, 2);
	assert_int_equal(last.serial, 1);
	pending_empty(*state);
	assert_int_equal(unknown, 3);
	assert_int_equal(told, 3);
}

static void bounded(void **state)
{
	const unsigned many = 300000;

	for (unsigned i = 1; i <= many; i++)
		add(*state, 64ULL * i, i, 0);
	assert_in_range(told, many / 4, many - 1);
	complete(*state, 64ULL * many, many, 3);
	assert_int_equal(last.result, 3);
	pending_empty(*state);
	assert_int_equal(told, many);
	assert_int_equal(unknown, many - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(joined, set_up, tear_down),
		cmocka_unit_test_setup_teardown(in_the_same_place, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_a_result, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bounded, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
