// SPDX-License-Identifier: GPL-2.0-or-later
#include "../unit.h"

#include "base/duration.h"
#include <time.h>
#include "core/ticks.h"

static const uint32_t rates[] = { 100, 250, 300, 1000 };
static const uint32_t shifts[] = { 3, 5, 5, 7 };

static struct ticks make(size_t rate)
{
	return (struct ticks){ .hz = rates[rate],
			       .shift = shifts[rate],
			       .anchor_jiffies = 4300000000 + 12345,
			       .anchor_boottime = 40 * NSEC_PER_SEC + 7 };
}

/* ---- conversions -------------------------------------------------------------------- */

static void ticks_there_and_back(void **state)
{
	uint64_t seed = 11;

	for (size_t rate = 0; rate < ARRAY_SIZE(rates); rate++) {
		struct ticks ticks = make(rate);

		for (int i = 0; i < 20000; i++) {
			uint32_t tick = (uint32_t)(ticks.anchor_jiffies >> ticks.shift) +
					(uint32_t)(random_next(&seed) % 2000000000);
			uint64_t begin = ticks_boottime(&ticks, tick);

			assert_int_equal(ticks_at(&ticks, begin), tick);
			assert_int_equal(ticks_at(&ticks, begin - 1), tick - 1);
			assert_int_equal(ticks_not_before(&ticks, begin), tick);
			assert_int_equal(ticks_not_before(&ticks, begin + 1), tick + 1);
		}
	}
}

static void a_tick_is_a_power_of_two_of_jiffies(void **state)
{
	for (size_t rate = 0; rate < ARRAY_SIZE(rates); rate++) {
		struct ticks ticks = make(rate);
		uint64_t period = NSEC_PER_SEC / ticks.hz;
		uint32_t tick = ticks_at(&ticks, ticks.anchor_boottime);

		assert_int_equal(tick, ticks.anchor_jiffies >> ticks.shift);
		for (uint64_t jiffies = 0; jiffies < 1000; jiffies++)
			assert_int_equal(ticks_at(&ticks, ticks.anchor_boottime + jiffies * period),
					 (ticks.anchor_jiffies + jiffies) >> ticks.shift);
	}
}

static void never_early(void **state)
{
	uint64_t seed = 12;

	for (int i = 0; i < 50000; i++) {
		struct ticks ticks = make(i % ARRAY_SIZE(rates));
		uint64_t when = random_next(&seed) % (50000 * 3600 * NSEC_PER_SEC);
		uint32_t end = ticks_not_before(&ticks, when);

		assert_true(ticks_boottime(&ticks, end) >= when);
		assert_true(ticks_boottime(&ticks, end) - when <= 128 * NSEC_PER_MSEC);
	}
}

static void times_before_the_anchor(void **state)
{
	for (size_t rate = 0; rate < ARRAY_SIZE(rates); rate++) {
		struct ticks ticks = make(rate);
		uint64_t period = NSEC_PER_SEC / ticks.hz;
		uint32_t last = ticks_at(&ticks, 0);

		/* One nanosecond before the anchor is one jiffy before it. */
		assert_int_equal(ticks_at(&ticks, ticks.anchor_boottime - 1),
				 (ticks.anchor_jiffies - 1) >> ticks.shift);
		assert_int_equal(ticks_at(&ticks, ticks.anchor_boottime - period),
				 (ticks.anchor_jiffies - 1) >> ticks.shift);
		assert_int_equal(ticks_at(&ticks, ticks.anchor_boottime - period - 1),
				 (ticks.anchor_jiffies - 2) >> ticks.shift);
		for (uint64_t when = 0; when < 80 * NSEC_PER_SEC; when += NSEC_PER_MSEC) {
			uint32_t tick = ticks_at(&ticks, when);

			assert_in_range(tick - last, 0, 1);
			last = tick;
		}
	}
}

/* ---- calibration ------------------------------------------------------------------------ */

struct clock {
	uint32_t hz;
	uint64_t now;      /* nanoseconds */
	uint64_t step;     /* of a reading */
	uint64_t jitter;   /* at most so much more */
	uint64_t pause_at; /* the machine is suspended here, once ... */
	uint64_t pause;    /* ... for so long, and counts no jiffies */
	uint64_t paused;
	uint64_t seed;
	int fails_after;
	unsigned readings;
};

static int read_clock(void *context, uint64_t *ret_jiffies, uint64_t *ret_boottime)
{
	struct clock *clock = context;

	if (clock->fails_after && ++clock->readings > (unsigned)clock->fails_after)
		return -EIO;
	clock->now += clock->step;
	if (clock->jitter)
		clock->now += random_next(&clock->seed) % clock->jitter;
	if (clock->pause && clock->now >= clock->pause_at) {
		clock->now += clock->pause;
		clock->paused += clock->pause;
		clock->pause = 0;
	}
	*ret_boottime = clock->now;
	*ret_jiffies = 4294667296 +
		       (clock->hz ? (clock->now - clock->paused) / (NSEC_PER_SEC / clock->hz) : 0);
	return 0;
}

static void check_calibration(struct clock *clock, uint32_t hz, uint32_t shift)
{
	struct error error = {};
	struct ticks ticks = {};
	uint64_t jiffies, boottime, begin;

	if (ticks_calibrate(read_clock, clock, &ticks, &error) < 0)
		fail_msg("HZ %u: %s", hz, error.text);
	assert_int_equal(ticks.hz, hz);
	assert_int_equal(ticks.shift, shift);
	assert_true((NSEC_PER_SEC / hz) << shift <= 128 * NSEC_PER_MSEC);
	assert_true((NSEC_PER_SEC / hz) << (shift + 1) > 128 * NSEC_PER_MSEC);

	/* The anchor is on an edge between two jiffies, give or take a reading. */
	assert_ok(read_clock(clock, &jiffies, &boottime));
	begin = (jiffies - 4294667296) * (NSEC_PER_SEC / hz) + clock->paused;
	assert_true((ticks.anchor_boottime - clock->paused) % (NSEC_PER_SEC / hz) <=
		    clock->step + clock->jitter);
	assert_in_range(begin - (ticks.anchor_boottime - clock->step - clock->jitter), 0,
			NSEC_PER_SEC / hz * 2);
	jiffies += ticks_suspended(&ticks); /* of the machine that runs this test */
	assert_in_range(jiffies - ticks.anchor_jiffies, 0, 1);
}

static void every_usual_rate_is_found(void **state)
{
	for (size_t rate = 0; rate < ARRAY_SIZE(rates); rate++) {
		for (uint64_t start = 0; start < 20; start++) {
			struct clock clock = { .hz = rates[rate],
					       .now = start * 777777,
					       .step = 1000 };

			check_calibration(&clock, rates[rate], shifts[rate]);
			/* "Some 30 to 50 ms": from one edge to another and to the first. */
			assert_in_range(clock.now - start * 777777, 30 * NSEC_PER_MSEC,
					60 * NSEC_PER_MSEC);
		}
	}
}

static void slow_and_uneven_readings_do(void **state)
{
	for (size_t rate = 0; rate < ARRAY_SIZE(rates); rate++) {
		for (uint64_t seed = 1; seed < 50; seed++) {
			struct clock clock = {
				.hz = rates[rate], .step = 1000, .jitter = 100000, .seed = seed
			};

			check_calibration(&clock, rates[rate], shifts[rate]);
		}
	}
}

static void one_suspend_is_forgiven(void **state)
{
	for (size_t rate = 0; rate < ARRAY_SIZE(rates); rate++) {
		struct clock clock = { .hz = rates[rate],
				       .step = 1000,
				       .pause_at = 25 * NSEC_PER_MSEC,
				       .pause = 1500 * NSEC_PER_MSEC };

		check_calibration(&clock, rates[rate], shifts[rate]);
	}
}

static void no_usual_clock_is_refused(void **state)
{
	static const struct {
		struct clock clock;
		int code;
	} rows[] = {
		{ { .hz = 0, .step = 1000000 }, -ETIME },
		{ { .hz = 50, .step = 1000 }, -ETIME },
		{ { .hz = 180, .step = 1000 }, -ETIME },
		{ { .hz = 600, .step = 1000 }, -ETIME },
		{ { .hz = 2000, .step = 1000 }, -ETIME },
		{ { .hz = 1000, .step = 1000, .fails_after = 1 }, -EIO },
		{ { .hz = 1000, .step = 1000, .fails_after = 1500 }, -EIO },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct clock clock = rows[i].clock;
		struct ticks ticks = { .hz = 77 };
		struct error error = {};

		assert_int_equal(ticks_calibrate(read_clock, &clock, &ticks, &error), rows[i].code);
		assert_error_contains(&error, "the kernel's clock");
		assert_int_equal(ticks.hz, 77);
		assert_true(clock.now < 7 * NSEC_PER_SEC);
	}
}

static void suspended_time_is_what_the_clocks_differ_by(void **state)
{
	struct timespec mono, boot;
	struct ticks ticks = { .hz = 100 };
	int64_t difference;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	difference = (boot.tv_sec - mono.tv_sec) * 100 + (boot.tv_nsec - mono.tv_nsec) / 10000000;
	assert_in_range(ticks_suspended(&ticks) + 2 - (uint64_t)difference, 0, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ticks_there_and_back),
		cmocka_unit_test(a_tick_is_a_power_of_two_of_jiffies),
		cmocka_unit_test(never_early),
		cmocka_unit_test(times_before_the_anchor),
		cmocka_unit_test(every_usual_rate_is_found),
		cmocka_unit_test(slow_and_uneven_readings_do),
		cmocka_unit_test(one_suspend_is_forgiven),
		cmocka_unit_test(no_usual_clock_is_refused),
		cmocka_unit_test(suspended_time_is_what_the_clocks_differ_by),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
