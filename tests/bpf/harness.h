/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The real program in the running kernel: frame in, verdict and counters out.
 * BPF_PROG_TEST_RUN only; nothing is attached and nothing leaves the machine.
 */
#pragma once

#include "../unit/unit.h"

#include "core/host.h"
#include "model.h"
#include "modules/filter/filter.h"
#include "modules/filter/store.h"
#include "packet.h"

/* cmocka setup and teardown: a filter of its own, in *state a struct store, enforcing. */
int filter_up(void **state);
int filter_down(void **state);
/* The same, pinned below this network's directory, as list_store.h wants it. */
int pinned_filter_up(void **state);
int pinned_filter_down(void **state);

/* Runs the group, or says why it cannot be run. For main(). */
int run_filter_tests(const char *name, const struct CMUnitTest *tests, size_t count,
		     CMFixtureFunction group_up);
#define RUN_FILTER_TESTS(tests) run_filter_tests(#tests, tests, ARRAY_SIZE(tests), NULL)

#define FILTER_TEST(function) cmocka_unit_test_setup_teardown(function, filter_up, filter_down)
#define PINNED_TEST(function) \
	cmocka_unit_test_setup_teardown(function, pinned_filter_up, pinned_filter_down)

/* XDP_PASS or XDP_DROP, as the program says. */
uint32_t run_frame(const struct store *store, const struct frame *frame);
/* The same with only the first `linear` bytes in the first buffer; -1 where the kernel refuses. */
int run_frame_split(const struct store *store, const struct frame *frame, uint32_t linear);
/* As it lies in the frame, split where `linear` says so; -1 where the kernel refuses that. */
int run_as_is(const struct store *store, const struct frame *frame);
/* `times` runs in one system call. */
void run_repeatedly(const struct store *store, const struct frame *frame, int times);

/* Runs it; fails unless exactly this counter goes up, by one packet and the frame's bytes. */
void expect_frame(const struct store *store, const char *name, const struct frame *frame,
		  enum filter_reason reason, uint32_t protocol);
void expect(const struct store *store, const char *name, const struct layer *layers,
	    enum filter_reason reason, uint32_t protocol);

struct row {
	const char *name;
	struct layer layers[LAYERS_MAX];
	enum filter_reason reason;
	uint32_t protocol;
};

/* Of each row the model says the same, and so does the kernel, in enforce and in observe mode. */
void expect_rows(const struct store *store, const struct row *rows, size_t count);
#define EXPECT_ROWS(store, rows) expect_rows(store, rows, ARRAY_SIZE(rows))

/* A TCP SYN to port 80 from this address, IPv4 or IPv6. */
void expect_source(const struct store *store, const char *source, enum filter_reason reason);
void build_syn(struct frame *frame, const char *source, uint16_t port);

/* Over all CPUs. */
struct filter_counter sum_counters(const struct store *store);
struct filter_counter sum_reason(const struct store *store, enum filter_reason reason);
uint64_t sum_attempts(const struct store *store, int protocol, uint16_t port);
struct filter_tally sum_tallies(const struct store *store);
struct filter_guard_counter sum_guard(const struct store *store, const char *name);

struct prefix prefix_from(const char *text);
/* `end`: a tick or BAN_FOREVER. */
void must_ban(const struct store *store, const char *prefix, uint32_t end, bool forced);
/* These change the policy in force, while no packet is under way. */
void must_add_role(const struct store *store, const char *prefix, uint64_t role);
void block_port(const struct store *store, int protocol, uint16_t port);
void set_mode(const struct store *store, enum filter_mode mode);

/*
 * Puts a policy in force that is made from a configuration file's text, by the code that
 * makes every policy, without lists. `peers` may be NULL: nobody is guarded. Fails where the
 * text is wrong.
 */
void apply(struct store *store, const char *text, const struct peers *peers);
/* The number of a guard of this name. */
uint32_t guard_number_of(const struct store *store, const char *name);

/* Time goes on by so much, for packets; the clock of this process stays. */
void travel(const struct store *store, uint64_t nanoseconds);
#define SECONDS(n) ((n)*1000000000ULL)
#define MINUTES(n) SECONDS((n)*60ULL)
#define HOURS(n)   SECONDS((n)*3600ULL)
/* The present tick of packets; store_now() knows nothing of travel(). */
uint32_t packet_tick(const struct store *store);

void pin_to_cpu(int cpu);
