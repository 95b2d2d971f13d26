/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the cost of a packet grows: with the list, with bans, with guards, with the number of
 * sources; what loading takes; and all of it on at once. One table of rows for each axis,
 * and within a row all filters take turns.
 *
 * usage: bench-scale [AXIS...]
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "contest.h"
#include "figures.h"
#include "rules.h"
#include "sumun.h"

enum { GUARDED_PORT = RULES_OPEN_PORT, UNGUARDED_PORT = 7000, ALL_SOURCES = 100000000 };

static const enum peer floors[] = { NO_FILTER, NO_FILTER_HERE, BARE_PASS, BARE_DROP };

/* What is drawn from a list, and what a filter must do with it. */
struct draw_kind {
	const char *name;
	enum corpus_draw draw;
	bool drop;
	unsigned methods;  /* bit by enum method */
	const char *alone; /* the first of them alone, as live frames too; NULL: not */
};

#define ALL_METHODS (1U << METHOD_ONE | 1U << METHOD_MANY | 1U << METHOD_LIVE)

static int load_floors(struct contest *contest, struct error *error)
{
	static const struct peer_rules nothing = { .lists = { NULL } };

	return contest_load(contest, floors, ARRAY_SIZE(floors), &nothing, "", 0, error);
}

static int measure_methods(struct contest *contest, const char *axis, size_t size, unsigned methods,
			   const struct packet *packet, struct error *error)
{
	int r = 0;

	for (enum method method = 0; r == 0 && method < METHODS; method++)
		if (methods & 1U << method)
			r = contest_measure(contest, axis, size, method, packet, error);
	return r;
}

/* Packets from a draw of the list. */
static int measure_draw(struct contest *contest, const char *axis, const struct corpus *list,
			const struct draw_kind *kind, const struct corpus *but_not,
			struct error *error)
{
	bool v6 = list->kind == CORPUS_PREFIXES6;
	struct address first;
	struct packet packet = {
		.name = kind->name,
		.frame = { .v6 = v6,
			   .protocol = IPPROTO_UDP,
			   .drop = kind->drop,
			   .from = &first,
			   .to_port = UNGUARDED_PORT },
		.aim = v6 ? AIM_LISTED6 : AIM_LISTED4,
	};
	int r = traffic_aim(&contest->traffic, list, kind->draw, but_not, &first);

	if (r == 0)
		r = measure_methods(contest, axis, list->count, kind->methods, &packet, error);
	if (r < 0 || !kind->alone)
		return r;
	packet.name = kind->alone;
	packet.aim = AIM_ONE;
	return contest_measure(contest, axis, list->count, METHOD_LIVE, &packet, error);
}

/* A packet from 203.0.113.9 or 2001:db8::, in whose /8 and /16 nothing is listed. */
static int measure_far(struct contest *contest, const char *axis, size_t size, bool v6,
		       struct error *error)
{
	struct packet packet = {
		.name = "nothing listed near",
		.frame = { .v6 = v6, .protocol = IPPROTO_UDP, .to_port = UNGUARDED_PORT }
	};

	return contest_measure(contest, axis, size, METHOD_ONE, &packet, error);
}

static int measure_list(struct contest *contest, const char *axis, const struct corpus *list,
			struct error *error)
{
	static const struct draw_kind kinds[] = {
		{ "random sources", DRAW_RANDOM, .methods = 1U << METHOD_MANY | 1U << METHOD_LIVE },
		{ "right beside a listed one", DRAW_BESIDE, .methods = ALL_METHODS },
		{ "listed", DRAW_LISTED, .drop = true, .methods = ALL_METHODS },
	};
	int r = measure_far(contest, axis, list->count, list->kind == CORPUS_PREFIXES6, error);

	/* Nothing is beside, or in, an empty list. */
	for (size_t i = 0; r == 0 && i < (list->count ? ARRAY_SIZE(kinds) : 1); i++)
		r = measure_draw(contest, axis, list, &kinds[i], NULL, error);
	return r;
}

/* ---- lists ----------------------------------------------------------------------- */

/* One axis over lists of a kind, with the filters that can hold it. */
static int lists_axis(struct contest *contest, const char *axis, enum corpus_kind kind,
		      const size_t *sizes, size_t size_count, const enum peer *peers,
		      size_t peer_count, struct error *error)
{
	CLEANUP_CORPUS struct corpus whole = CORPUS_NONE;
	int r = corpus_make(kind, sizes[size_count - 1], &whole, error);

	for (size_t i = 0; r == 0 && i < size_count; i++) {
		CLEANUP_CORPUS struct corpus list = CORPUS_NONE;
		struct peer_rules rules = { .lists = { &list } };

		r = corpus_first(&whole, sizes[i], &list);
		if (r == 0)
			r = load_floors(contest, error);
		if (r == 0)
			r = contest_load(contest, peers, peer_count, &rules, axis, sizes[i], error);
		if (r == 0)
			r = measure_list(contest, axis, &list, error);
		if (r == 0)
			r = contest_unload(contest, error);
	}
	return r;
}

static int prefixes(struct contest *contest, struct error *error)
{
	static const size_t sizes[] = { 0, 1000, 10000, 100000, 1000000 };
	static const enum peer peers[] = { SUMUN, TRIE, NFT_INTERVAL, IPSET_NET };

	return lists_axis(contest, "prefixes", CORPUS_PREFIXES4, sizes, ARRAY_SIZE(sizes), peers,
			  ARRAY_SIZE(peers), error);
}

static int prefixes6(struct contest *contest, struct error *error)
{
	static const size_t sizes[] = { 0, 100000 };
	static const enum peer peers[] = { SUMUN, TRIE, NFT_INTERVAL, IPSET_NET };

	return lists_axis(contest, "prefixes6", CORPUS_PREFIXES6, sizes, ARRAY_SIZE(sizes), peers,
			  ARRAY_SIZE(peers), error);
}

static int addresses(struct contest *contest, struct error *error)
{
	static const size_t sizes[] = { 0, 1000, 10000, 100000, 1000000 };
	static const enum peer peers[] = {
		SUMUN, SUMUN_BANS, HASH, NFT_HASH, IPSET_IP, XDP_FILTER
	};

	return lists_axis(contest, "addresses", CORPUS_ADDRESSES4, sizes, ARRAY_SIZE(sizes), peers,
			  ARRAY_SIZE(peers), error);
}

/* ---- guards ---------------------------------------------------------------------- */

/*
 * So many guards, each of one port; the first has GUARDED_PORT. A limit that nobody reaches
 * costs what one costs that somebody does.
 */
static void write_guards(size_t count, const char *limit, FILE *out)
{
	for (size_t i = 0; i < count; i++)
		fprintf(out, "[guard g%zu]\nports = tcp/%zu, udp/%zu\n%s", i, GUARDED_PORT + i,
			GUARDED_PORT + i, limit);
}

static char *guards(size_t count, const char *limit)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	write_guards(count, limit, out);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

static const char unreached[] = "per-source = 100G/s\ntotal = 100G/s\n";
static const char usual[] = "per-source = 100/s\n";

/* Packets that a guard looks at, from one source and from as many as there can be. */
static int measure_guarded(struct contest *contest, const char *axis, size_t size,
			   struct error *error)
{
	static const struct {
		struct packet packet;
		unsigned methods;
	} kinds[] = {
		{ { "UDP, port without a guard",
		    .frame = { .protocol = IPPROTO_UDP, .to_port = UNGUARDED_PORT } },
		  1U << METHOD_ONE },
		{ { "TCP ACK, guarded port",
		    .frame = { .protocol = IPPROTO_TCP, .to_port = GUARDED_PORT } },
		  1U << METHOD_ONE },
		{ { "UDP, guarded port, one source",
		    .frame = { .protocol = IPPROTO_UDP, .to_port = GUARDED_PORT }, .mixed = true },
		  1U << METHOD_ONE | 1U << METHOD_LIVE },
		{ { "UDP flood of new sources",
		    .frame = { .protocol = IPPROTO_UDP, .to_port = GUARDED_PORT },
		    .aim = AIM_SPREAD4, .spread = ALL_SOURCES, .mixed = true, .served = true },
		  1U << METHOD_MANY | 1U << METHOD_LIVE },
		{ { "SYN flood of new sources",
		    .frame = { .protocol = IPPROTO_TCP, .syn = true, .to_port = GUARDED_PORT },
		    .aim = AIM_SPREAD4, .spread = ALL_SOURCES, .mixed = true, .served = true },
		  1U << METHOD_MANY | 1U << METHOD_LIVE },
		{ { "UDP flood, closed port",
		    .frame = { .protocol = IPPROTO_UDP, .to_port = GUARDED_PORT },
		    .aim = AIM_SPREAD4, .spread = ALL_SOURCES, .mixed = true },
		  1U << METHOD_MANY },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(kinds); i++)
		r = measure_methods(contest, axis, size, kinds[i].methods, &kinds[i].packet, error);
	return r;
}

static int guard_counts(struct contest *contest, struct error *error)
{
	static const size_t sizes[] = { 0, 1, 4, 16 };
	static const enum peer peers[] = { SUMUN };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(sizes); i++) {
		CLEANUP_FREE char *text = guards(sizes[i], unreached);
		struct peer_rules rules = { .sumun = text };

		r = load_floors(contest, error);
		if (r == 0)
			r = contest_load(contest, peers, ARRAY_SIZE(peers), &rules, "guards",
					 sizes[i], error);
		if (r == 0)
			r = measure_guarded(contest, "guards", sizes[i], error);
		if (r == 0)
			r = contest_unload(contest, error);
	}
	return r;
}

/* A limit of 100 a second for each source, and more and more sources. */
static int sources(struct contest *contest, struct error *error)
{
	static const uint32_t sizes[] = { 1, 1000, 100000, 1000000, ALL_SOURCES };
	static const enum peer peers[] = { SUMUN, NFT_METER, HASHLIMIT };
	CLEANUP_FREE char *text = guards(1, usual);
	struct peer_rules rules = { .sumun = text };
	int r = load_floors(contest, error);

	if (r == 0)
		r = contest_load(contest, peers, ARRAY_SIZE(peers), &rules, "sources", 0, error);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(sizes); i++) {
		struct packet packet = {
			.name = "UDP, at most 100/s for each source",
			.frame = { .protocol = IPPROTO_UDP, .to_port = GUARDED_PORT },
			.aim = AIM_SPREAD4,
			.spread = sizes[i],
			.mixed = true,
		};

		r = measure_methods(contest, "sources", sizes[i],
				    1U << METHOD_MANY | 1U << METHOD_LIVE, &packet, error);
	}
	return r < 0 ? r : contest_unload(contest, error);
}

/* ---- all of it at once ----------------------------------------------------------- */

struct everything {
	struct corpus prefixes4, prefixes6, banned;
};

static int measure_everything(struct contest *contest, const struct everything *all,
			      struct error *error)
{
	static const struct draw_kind passed = { "passed, random sources", DRAW_RANDOM,
						 .methods = ALL_METHODS };
	static const struct draw_kind banned = { "banned", DRAW_LISTED, .drop = true,
						 .methods = ALL_METHODS,
						 .alone = "banned, one source" };
	static const struct draw_kind listed = { "listed", DRAW_LISTED, .drop = true,
						 .methods = ALL_METHODS };
	static const struct packet blocked = { "blocked port", .frame = { .protocol = IPPROTO_UDP,
									  .to_port = RULES_PORT,
									  .drop = true } };
	int r = measure_far(contest, "all", 1000000, false, error);

	if (r == 0)
		r = measure_draw(contest, "all", &all->prefixes4, &passed, &all->banned, error);
	if (r == 0)
		r = measure_draw(contest, "all", &all->banned, &banned, NULL, error);
	if (r == 0)
		r = measure_draw(contest, "all", &all->prefixes4, &listed, NULL, error);
	if (r == 0)
		r = measure_methods(contest, "all", 1000000, 1U << METHOD_ONE | 1U << METHOD_LIVE,
				    &blocked, error);
	return r < 0 ? r : measure_guarded(contest, "all", 1000000, error);
}

/* As much of a flood as is answered: the first packets are not. */
static int measure_answers(struct contest *contest, struct error *error)
{
	static const struct packet packet = {
		.name = "SYN flood, answered with cookies",
		.frame = { .protocol = IPPROTO_TCP, .syn = true, .to_port = GUARDED_PORT },
		.aim = AIM_SPREAD4,
		.spread = ALL_SOURCES,
		.mixed = true,
		.served = true,
	};

	return measure_methods(contest, "all", 1000000, 1U << METHOD_MANY | 1U << METHOD_LIVE,
			       &packet, error);
}

/* Cookies are on in any case; `above` says from how many SYNs on. */
static int load_everything(struct contest *contest, const struct everything *all,
			   const char *limits, const char *above, struct error *error)
{
	CLEANUP_FREE char *text = NULL;
	static const enum peer peers[] = { SUMUN };
	struct peer_rules rules = { .lists = { &all->prefixes4, &all->prefixes6 } };
	double seconds = 0;
	int r = load_floors(contest, error);

	if (asprintf(&text,
		     "block-ports = tcp/%d, udp/%d\nsyn-cookies = on\nsyn-cookies-above = %s\n%s"
		     "[scan]\ndetect = on\n",
		     RULES_PORT, RULES_PORT, above, limits) < 0)
		return -ENOMEM;
	rules.sumun = text;
	if (r == 0)
		r = contest_load(contest, peers, ARRAY_SIZE(peers), &rules, "all", 1000000, error);
	return r < 0 ? r : sumun_ban(&all->banned, &seconds, error);
}

static int everything(struct contest *contest, struct error *error)
{
	CLEANUP_FREE char *limits = guards(16, unreached);
	struct everything all = { CORPUS_NONE, CORPUS_NONE, CORPUS_NONE };
	int r = corpus_make(CORPUS_PREFIXES4, 1000000, &all.prefixes4, error);

	if (r == 0)
		r = corpus_make(CORPUS_PREFIXES6, 100000, &all.prefixes6, error);
	if (r == 0)
		r = corpus_make(CORPUS_ADDRESSES4, 100000, &all.banned, error);
	if (r == 0)
		r = limits ? load_everything(contest, &all, limits, "100G/s", error) : -ENOMEM;
	if (r == 0)
		r = measure_everything(contest, &all, error);
	if (r == 0)
		r = contest_unload(contest, error);
	if (r == 0)
		r = load_everything(contest, &all, limits, "1000/s", error);
	if (r == 0)
		r = measure_answers(contest, error);
	corpus_free(&all.prefixes4);
	corpus_free(&all.prefixes6);
	corpus_free(&all.banned);
	return r < 0 ? r : contest_unload(contest, error);
}

/* ---- which
 * ---------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int (*measure)(struct contest *contest, struct error *error);
} axes[] = {
	{ "prefixes", prefixes },   { "prefixes6", prefixes6 }, { "addresses", addresses },
	{ "guards", guard_counts }, { "sources", sources },     { "all", everything },
};

static bool wanted(const char *name, char **names)
{
	bool any = *names;

	for (; *names; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return !any;
}

int main(int argc, char **argv)
{
	struct contest contest = { 0 };
	struct error error = { "" };
	json_t *report;
	int r = contest_open(&contest, &error);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(axes); i++)
		if (wanted(axes[i].name, argv + 1))
			r = axes[i].measure(&contest, &error);
	if (r < 0)
		fprintf(stderr, "bench-scale: %s\n", *error.text ? error.text : strerror(-r));
	report = json_pack("{ss,sO,sO}", "unit", "ns/packet", "rows", contest.rows, "loads",
			   contest.loads);
	contest_close(&contest);
	return r < 0 ? EXIT_FAILURE : figures_print(report);
}
