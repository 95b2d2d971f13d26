/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The real program in the running kernel: frame in, verdict and counters out.
 * BPF_PROG_TEST_RUN only; nothing is attached and nothing leaves the machine.
 */
#pragma once

#include "../unit/unit.h"

#include "model.h"
#include "modules/filter/filter.h"
#include "modules/filter/store.h"
#include "packet.h"

/* cmocka setup and teardown: a filter of its own, in *state a struct store, enforcing. */
int filter_up(void **state);
int filter_down(void **state);

/* Runs the group, or says why it cannot be run. For main(). */
int run_filter_tests(const char *name, const struct CMUnitTest *tests, size_t count);
#define RUN_FILTER_TESTS(tests) run_filter_tests(#tests, tests, ARRAY_SIZE(tests))

#define FILTER_TEST(function) cmocka_unit_test_setup_teardown(function, filter_up, filter_down)

/* XDP_PASS or XDP_DROP, as the program says. */
uint32_t run_frame(const struct store *store, const struct frame *frame);
/* The same with only the first `linear` bytes in the first buffer; -1 where the kernel refuses. */
int run_frame_split(const struct store *store, const struct frame *frame, uint32_t linear);
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
struct filter_losses sum_losses(const struct store *store);

struct prefix prefix_from(const char *text);
/* `end`: a tick or BAN_FOREVER. */
void must_ban(const struct store *store, const char *prefix, uint32_t end, bool forced);
/* These change the policy in force, while no packet is under way. */
void must_add_role(const struct store *store, const char *prefix, uint64_t role);
void block_port(const struct store *store, int protocol, uint16_t port);
void set_mode(const struct store *store, enum filter_mode mode);

void pin_to_cpu(int cpu);
