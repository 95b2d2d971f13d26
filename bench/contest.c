/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "contest.h"
#include "figures.h"
#include "sumun.h"

enum { ROUNDS = 5 };

int contest_open(struct contest *contest, struct error *error)
{
	struct lab lab;
	int r = lab_open(&lab, error);

	contest->rows = json_array();
	contest->loads = json_array();
	return r < 0 ? r : traffic_open(&lab, &contest->traffic, error);
}

void contest_close(struct contest *contest)
{
	struct error ignored;

	contest_unload(contest, &ignored);
	traffic_close(&contest->traffic);
	json_decref(contest->rows);
	json_decref(contest->loads);
}

/* ---- loading --------------------------------------------------------------------- */

static void note_load(struct contest *contest, enum peer peer, const char *axis, size_t size,
		      const struct peer_cost *cost, double again)
{
	json_t *load = json_pack("{ss,sI,ss,sf,sf}", "axis", axis, "size", (json_int_t)size,
				 "filter", peer_infos[peer].name, "seconds", cost->seconds,
				 "mebibytes", cost->memory / (1 << 20));

	if (again > 0)
		json_object_set_new(load, "again_seconds", json_real(again));
	json_array_append_new(contest->loads, load);
	fprintf(stderr, "%-10s %8zu  %-14s %6.2f s %7.1f MiB", axis, size, peer_infos[peer].name,
		cost->seconds, cost->memory / (1 << 20));
	if (again > 0)
		fprintf(stderr, ", again %.2f s", again);
	fputc('\n', stderr);
}

static int load_one(struct contest *contest, enum peer peer, const struct peer_rules *rules,
		    const char *axis, size_t size, struct error *error)
{
	struct site *site = &contest->sites[peer];
	struct peer_cost cost = { 0 };
	double again = 0;
	int r = contest->made[peer] ? 0 : peer_site(peer, &contest->traffic.lab, site, error);

	if (r < 0)
		return r;
	contest->made[peer] = true;
	r = peer_load(peer, rules, site, &cost, error);
	if (r < 0)
		return r;
	contest->loaded[peer] = true;
	if (peer == SUMUN && rules->lists[0])
		r = sumun_again(&again, error);
	if (cost.seconds > 0)
		note_load(contest, peer, axis, size, &cost, again);
	return r;
}

int contest_load(struct contest *contest, const enum peer *peers, size_t count,
		 const struct peer_rules *rules, const char *axis, size_t size, struct error *error)
{
	for (size_t i = 0; i < count; i++) {
		size_t most = peer_infos[peers[i]].most;
		int r;

		if ((most && size > most) || !peer_installed(peers[i]))
			continue;
		r = load_one(contest, peers[i], rules, axis, size, error);
		if (r < 0)
			return r;
	}
	return 0;
}

int contest_unload(struct contest *contest, struct error *error)
{
	for (enum peer peer = 0; peer < PEERS; peer++) {
		int r = contest->loaded[peer] ? peer_unload(peer, &contest->sites[peer], error) : 0;

		if (r < 0)
			return r;
		contest->loaded[peer] = false;
	}
	peers_settle();
	return 0;
}

/* ---- measuring
 * ------------------------------------------------------------------------------------ */

static bool any_local(const struct contest *contest)
{
	for (enum peer peer = 0; peer < PEERS; peer++)
		if (peer != NO_FILTER_HERE && contest->loaded[peer] && peer_infos[peer].local)
			return true;
	return false;
}

static bool takes_part(const struct contest *contest, enum peer peer, enum method method,
		       const struct packet *packet)
{
	if (!contest->loaded[peer] || (method != METHOD_LIVE && !peer_infos[peer].xdp))
		return false;
	if (peer == NO_FILTER_HERE && !any_local(contest))
		return false;
	if (packet->mixed)
		return true;
	return peer != (packet->frame.drop ? BARE_PASS : BARE_DROP);
}

/* What has no counters that prove it shows with a few packets that it does what it should. */
static int check(struct contest *contest, enum peer peer, enum method method,
		 const struct packet *packet, struct error *error)
{
	bool floor = peer == NO_FILTER || peer == NO_FILTER_HERE;

	if (method != METHOD_LIVE || peer_infos[peer].xdp || packet->mixed || floor)
		return 0;
	return measure_check(&contest->traffic, &contest->sites[peer], packet, error);
}

static void note_row(struct contest *contest, const char *axis, size_t size, enum method method,
		     const struct packet *packet, double ns[PEERS][ROUNDS],
		     const double dropped[PEERS])
{
	const char *verdict = packet->mixed ? "mixed" : packet->frame.drop ? "drop" : "pass";
	json_t *figures = json_object();

	fprintf(stderr, "%-10s %8zu  %-22s %-34s", axis, size, method_name(method), packet->name);
	for (enum peer peer = 0; peer < PEERS; peer++) {
		json_t *figure;

		if (!takes_part(contest, peer, method, packet))
			continue;
		figure = json_pack("{so}", "ns", figures_array(ns[peer], ROUNDS));
		if (packet->mixed && method == METHOD_LIVE && peer_infos[peer].xdp)
			json_object_set_new(figure, "dropped", json_real(dropped[peer]));
		json_object_set_new(figures, peer_infos[peer].name, figure);
		fprintf(stderr, "  %s %.0f", peer_infos[peer].name,
			figures_median(ns[peer], ROUNDS));
	}
	fputc('\n', stderr);
	json_array_append_new(contest->rows,
			      json_pack("{ss,sI,ss,ss,ss,so}", "axis", axis, "size",
					(json_int_t)size, "method", method_name(method), "packet",
					packet->name, "verdict", verdict, "figures", figures));
}

int contest_measure(struct contest *contest, const char *axis, size_t size, enum method method,
		    const struct packet *packet, struct error *error)
{
	double ns[PEERS][ROUNDS], dropped[PEERS] = { 0 };

	for (int round = 0; round < ROUNDS; round++) {
		for (enum peer peer = 0; peer < PEERS; peer++) {
			struct outcome outcome = { 0 };
			int r;

			if (!takes_part(contest, peer, method, packet))
				continue;
			r = round ? 0 : check(contest, peer, method, packet, error);
			if (r == 0)
				r = measure(&contest->traffic, &contest->sites[peer], method,
					    packet, &outcome, error);
			if (r < 0)
				return error_prefix(error, r, "%s, %s, %s", peer_infos[peer].name,
						    packet->name, method_name(method));
			ns[peer][round] = outcome.ns;
			dropped[peer] = outcome.dropped;
		}
	}
	note_row(contest, axis, size, method, packet, ns, dropped);
	return 0;
}
