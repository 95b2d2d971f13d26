/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nanoseconds a packet by BPF_PROG_TEST_RUN: an empty program, sumun, xdp-filter.
 * The programs take turns, so that what disturbs the machine disturbs all of them;
 * of all rounds the least counts, because nothing makes a program faster than it is.
 */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "base/cleanup.h"
#include "bare.skel.h"
#include "figures.h"
#include "frames.h"
#include "rules.h"

enum { REPETITIONS = 3, ROUNDS = 13, PACKETS = 400000 };

static const struct frame_kind kinds[] = {
	{ "passed TCP v4", .protocol = IPPROTO_TCP },
	{ "passed UDP v4", .protocol = IPPROTO_UDP },
	{ "passed UDP v4, 2 VLAN tags", .protocol = IPPROTO_UDP, .tags = 2 },
	{ "passed TCP v6", .v6 = true, .protocol = IPPROTO_TCP },
	{ "passed UDP v6", .v6 = true, .protocol = IPPROTO_UDP },
	{ "passed v4, neighbour of a banned one", .protocol = IPPROTO_UDP,
	  .source = SOURCE_NEIGHBOUR },
	{ "passed v6, neighbour of a banned one", .v6 = true, .protocol = IPPROTO_UDP,
	  .source = SOURCE_NEIGHBOUR },
	{ "passed v4, guarded resolver", .protocol = IPPROTO_UDP, .source = SOURCE_GUARDED },
	{ "passed v6, guarded resolver", .v6 = true, .protocol = IPPROTO_UDP,
	  .source = SOURCE_GUARDED },
	{ "blocked port v4", .protocol = IPPROTO_UDP, .blocked_port = true, .drop = true },
	{ "blocked port v6", .v6 = true, .protocol = IPPROTO_UDP, .blocked_port = true,
	  .drop = true },
	{ "banned v4, one source", .protocol = IPPROTO_UDP, .source = SOURCE_ONE_BANNED,
	  .drop = true },
	{ "banned v6, one source", .v6 = true, .protocol = IPPROTO_UDP, .source = SOURCE_ONE_BANNED,
	  .drop = true },
	{ "banned v4, another source each round", .protocol = IPPROTO_UDP,
	  .source = SOURCE_EACH_BANNED, .drop = true },
	{ "banned v6, another source each round", .v6 = true, .protocol = IPPROTO_UDP,
	  .source = SOURCE_EACH_BANNED, .drop = true },
};

enum { EMPTY, SUMUN, XDP_FILTER, CONTESTANTS };
static const char *const names[CONTESTANTS] = { "empty", "sumun", "xdp-filter" };

struct contest {
	int fds[CONTESTANTS]; /* -1: not installed */
	struct lab lab;
};

static int run(int fd, const struct frame_kind *kind, size_t variant, const uint8_t mac[6],
	       int packets, int verdict, struct error *error)
{
	uint8_t frame[FRAME_MAX];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame,
		    .data_size_in = (__u32)frame_build(kind, variant, mac, frame),
		    .repeat = packets);
	int r = bpf_prog_test_run_opts(fd, &options);

	if (r < 0)
		return error_set(error, r, "BPF_PROG_TEST_RUN: %s", strerror(-r));
	if ((int)options.retval != verdict)
		return error_set(error, -EBADMSG, "wrong verdict: %u instead of %d", options.retval,
				 verdict);
	return 0;
}

static int measure(const struct contest *contest, int who, const struct frame_kind *kind,
		   size_t variant, double *ret_ns, struct error *error)
{
	int verdict = who != EMPTY && kind->drop ? XDP_DROP : XDP_PASS;
	uint64_t begin = figures_cpu_time();
	int r = run(contest->fds[who], kind, variant, contest->lab.receiver_mac, PACKETS, verdict,
		    error);

	if (r < 0)
		return error_prefix(error, r, "%s, %s", names[who], kind->name);
	*ret_ns = (double)(figures_cpu_time() - begin) / PACKETS;
	return 0;
}

/* One repetition of one kind: what the rounds come to for each contestant. */
static int repeat(const struct contest *contest, const struct frame_kind *kind, int repetition,
		  double ret_ns[CONTESTANTS], struct error *error)
{
	size_t variants = frame_variants(kind);
	double rounds[CONTESTANTS][ROUNDS];

	for (int round = 0; round < ROUNDS; round++) {
		size_t variant = (size_t)(repetition * ROUNDS + round) % variants;

		for (int who = 0; who < CONTESTANTS; who++) {
			int r = contest->fds[who] < 0 ? 0
						      : measure(contest, who, kind, variant,
								&rounds[who][round], error);

			if (r < 0)
				return r;
		}
	}
	/* Where the rounds differ by their source, the least would be the luckiest source. */
	for (int who = 0; who < CONTESTANTS; who++)
		ret_ns[who] = variants > 1 ? figures_median(rounds[who], ROUNDS)
					   : figures_least(rounds[who], ROUNDS);
	return 0;
}

static int measure_kind(const struct contest *contest, const struct frame_kind *kind, json_t *cases,
			struct error *error)
{
	double ns[REPETITIONS][CONTESTANTS], over[REPETITIONS], absolute[REPETITIONS];
	json_t *figures = json_object();

	for (int i = 0; i < REPETITIONS; i++) {
		int r = repeat(contest, kind, i, ns[i], error);

		if (r < 0) {
			json_decref(figures);
			return r;
		}
	}
	fprintf(stderr, "%-38s", kind->name);
	for (int who = 0; who < CONTESTANTS; who++) {
		if (contest->fds[who] < 0)
			continue;
		for (int i = 0; i < REPETITIONS; i++) {
			absolute[i] = ns[i][who];
			over[i] = ns[i][who] - ns[i][EMPTY];
		}
		fprintf(stderr, "  %s %.1f", names[who], figures_median(absolute, REPETITIONS));
		if (who != EMPTY)
			fprintf(stderr, " (+%.1f)", figures_median(over, REPETITIONS));
		json_object_set_new(figures, names[who],
				    json_pack("{so,so}", "ns", figures_array(absolute, REPETITIONS),
					      "over_empty", figures_array(over, REPETITIONS)));
	}
	fputc('\n', stderr);
	json_array_append_new(cases, json_pack("{ss,ss,so}", "packet", kind->name, "verdict",
					       kind->drop ? "drop" : "pass", "figures", figures));
	return 0;
}

static int measure_all(const struct contest *contest, json_t *cases, struct error *error)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(kinds); i++)
		r = measure_kind(contest, &kinds[i], cases, error);
	return r;
}

int main(void)
{
	CLEANUP_STORE struct store store = STORE_NONE;
	struct contest contest = { .fds = { -1, -1, -1 } };
	struct bare_bpf *bare = NULL;
	json_t *cases = json_array();
	struct error error = { "" };
	int r = lab_open(&contest.lab, &error);

	if (r == 0)
		r = rules_sumun(&store, &error);
	if (r == 0)
		r = rules_xdp_filter(&contest.lab, &contest.fds[XDP_FILTER], &error);
	if (r == -ENOENT) {
		lab_missing("xdp-filter", "xdp-tools");
		r = 0;
	}
	if (r == 0) {
		bare = bare_bpf__open_and_load();
		r = bare ? 0 : error_set(&error, -errno, "cannot load the empty program");
	}
	if (r == 0) {
		contest.fds[EMPTY] = bpf_program__fd(bare->progs.pass);
		contest.fds[SUMUN] = store.program_fd;
		r = measure_all(&contest, cases, &error);
	}
	bare_bpf__destroy(bare);
	if (r < 0) {
		json_decref(cases);
		fprintf(stderr, "bench-prog_run: %s\n", *error.text ? error.text : strerror(-r));
		return EXIT_FAILURE;
	}
	return figures_print(json_pack("{ss,si,si,si,so}", "unit", "ns/packet", "repetitions",
				       REPETITIONS, "rounds", ROUNDS, "packets", PACKETS, "cases",
				       cases));
}
