/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <linux/bpf.h>

#include "base/timestamp.h"
#include "core/pins.h"
#include "random_compare.h"

enum { ROUNDS = 8, ROUND_MOST = 8000 };

/* ---- the store ------------------------------------------------------------------------- */

static int map_meters(struct round *round)
{
	int fd = round->store.fds[STORE_METERS];

	round->meters_size = round->store.mappings[STORE_METERS].size;
	round->meters = mmap(NULL, round->meters_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return round->meters == MAP_FAILED ? -errno : 0;
}

int round_open(struct round *round, struct error *error)
{
	int r = store_create(&round->store, error);

	if (r == 0)
		r = pins_directory(true, round->parent, error);
	if (r == 0)
		r = store_pin(&round->store, round->parent, error);
	if (r == 0)
		r = map_meters(round);
	if (r < 0)
		return r;
	round->globals = round->store.mappings[STORE_STATE].memory;
	round->tick_offset = round->globals->state.tick_offset;
	return 0;
}

void round_close(struct round *round)
{
	munmap(round->meters, round->meters_size);
	store_close(&round->store);
	pins_remove(round->parent);
	for (size_t i = 0; i < PLANS; i++)
		plan_free(&round->plan[i]);
	plan_lists_free(&round->lists);
}

/* ---- lists ------------------------------------------------------------------------------ */

static void put_lists(struct round *round)
{
	struct filter_policy *policy = store_spare_policy(&round->store);
	struct list_set set = { .count = 0 };
	struct error error = { 0 };

	plan_lists_free(&round->lists);
	plan_lists(&round->lists, &round->dice, &round->pool);
	for (size_t i = 0; i < round->lists.count; i++) {
		const struct model_list *list = &round->lists.model[i];

		set.items[set.count++] = (struct list_source){
			.label = list->number | (list->allow ? LABEL_ALLOW : 0),
			.ranges = ranges_view(&round->lists.ranges[i]),
			.fd = -1,
		};
	}
	if (list_store_put(&round->store, policy, &set, &error) < 0)
		fail_msg("%s", error.text);
	round->list_table = policy->list_table;
	round->list_flags = policy->flags & (POLICY_LISTS4 | POLICY_LISTS6);
	round->allow_lists = policy->allow_lists;
}

/* ---- bans ------------------------------------------------------------------------------- */

uint32_t round_tick(const struct round *round, uint64_t time)
{
	const struct filter_state *state = &round->globals->state;
	uint64_t jiffies =
		(uint64_t)((number128)(time - round->world.now) * state->jiffies_hz / SECONDS(1));

	return packet_tick(&round->store) + (uint32_t)(jiffies >> state->tick_shift);
}

static void random_ban(struct round *round)
{
	struct dice *dice = &round->dice;
	uint64_t now = round->world.now;
	struct model_ban ban = { .forced = one_in(dice, 4) };
	struct ban add = { .forced = ban.forced };

	add.prefix = plan_prefix(dice, &round->pool, 8, &ban.range);
	ban.until = one_in(dice, 2)   ? NEVER
		    : one_in(dice, 4) ? now
				      : now + HOURS(pick(dice, 30)) + MINUTES(30);
	add.end = ban.until == NEVER ? BAN_FOREVER : round_tick(round, ban.until);
	/* Jiffies, the clock of packets, may be behind ours by a tick when the machine is busy. */
	if (ban.until == now)
		add.end -= 2;
	assert_ok(ban_add(&round->store.tables, &add, packet_tick(&round->store), NULL));
	model_ban(&round->world, &ban);
}

static struct prefix prefix_of_range(const struct model_range *range)
{
	struct filter_key key = { (uint64_t)(range->first >> 64), (uint64_t)range->first };
	uint8_t length = 128;

	if (!range->v6)
		key.low |= KEY_V4_LOW;
	for (number128 rest = range->last - range->first; rest; rest >>= 1)
		length--;
	return (struct prefix){ address_of(key), length };
}

static int remove_ban(struct round *round, size_t at)
{
	struct model_world *world = &round->world;
	struct prefix prefix = prefix_of_range(&world->ban[at].range);
	int r = ban_remove(&round->store.tables, &prefix, packet_tick(&round->store));

	store_forget_ban(&round->store, &prefix);
	world->ban[at] = world->ban[--world->bans];
	return r;
}

/* One that ended is not there any more; but it is remembered, for when time goes back. */
static void unban(struct round *round, size_t at)
{
	struct prefix prefix = prefix_of_range(&round->world.ban[at].range);

	if (round->world.now < round->world.ban[at].until)
		assert_ok(remove_ban(round, at));
	else
		assert_int_equal(
			ban_remove(&round->store.tables, &prefix, packet_tick(&round->store)),
			-ENOENT);
}

/* ---- rounds ----------------------------------------------------------------------------- */

/* Time goes back first: then those that ended are in force again, and can be taken away. */
static void forget(struct round *round)
{
	round->globals->state.tick_offset = round->tick_offset;
	while (round->world.bans)
		remove_ban(round, round->world.bans - 1);
	model_forget(&round->world);
	memset(round->meters, 0, round->meters_size);
	memset(round->globals->totals, 0, sizeof(round->globals->totals));
	round->globals->syns.due = round->globals->bans.due = 0;
	round->globals->state.forced_bans = 0;
	round->world.now = 0;
}

static void put_policy(struct round *round, int which, uint32_t slot)
{
	struct filter_policy *policy = &round->globals->policies[slot];
	struct plan *plan = &round->plan[which];

	plan_free(plan);
	plan_policy(plan, &round->dice, &round->pool, "abc"[which], &round -> lists);
	/* What a bucket that two policies share is worth in the other is nobody's promise. */
	if (which == PLAN_FORMER)
		plan->config.ban_rate = round->plan[PLAN_NOW].config.ban_rate;
	memset(policy, 0, sizeof(*policy));
	plan_fill(plan, &round->store, policy);
	if (plan->listed) {
		policy->list_table = round->list_table;
		policy->flags |= round->list_flags;
		policy->allow_lists = round->allow_lists;
	}
	round->has[which] = true;
	round->progress->policies++;
}

/* No packet is under way, so the word is just written; store_put_in_force() waits for them. */
static void put_policies(struct round *round)
{
	struct filter_state *state = &round->globals->state;
	uint32_t first = pick(&round->dice, FILTER_POLICY_SLOTS), former = (first + 1) % 4;
	uint32_t shadow = (first + 2) % 4;
	uint64_t word = first | former << 8;

	memset(round->has, 0, sizeof(round->has));
	round->deadline = NEVER;
	state->shadow = 0;
	put_policy(round, PLAN_NOW, first);
	if (one_in(&round->dice, 4)) {
		put_policy(round, PLAN_FORMER, former);
		round->deadline = round->world.now + HOURS(pick(&round->dice, 10)) + MINUTES(30);
		word |= (uint64_t)round_tick(round, round->deadline) << 32;
	}
	state->in_force = word;
	if (one_in(&round->dice, 4)) {
		put_policy(round, PLAN_SHADOW, shadow);
		state->shadow = shadow + 1;
	}
}

static void begin_round(struct round *round)
{
	forget(round);
	put_policies(round);
	for (uint32_t i = one_in(&round->dice, 8) ? 0 : pick(&round->dice, 24); i > 0; i--)
		random_ban(round);
	traffic_begin(&round->traffic, &round->dice, &round->pool);
	round->began = timestamp_boottime();
}

static void go_on(struct round *round)
{
	uint64_t hours = PICK(&round->dice, 1, 1, 2, 3, 24);

	travel(&round->store, HOURS(hours));
	round->world.now += HOURS(hours);
	round->progress->journeys++;
}

/* Between packets, now and then, something changes. */
static void disturb(struct round *round)
{
	struct model_world *world = &round->world;

	switch (pick(&round->dice, 1000)) {
	case 0:
	case 1:
		random_ban(round);
		break;
	case 2:
		if (world->bans)
			unban(round, pick(&round->dice, (uint32_t)world->bans));
		break;
	case 3:
	case 4:
		go_on(round);
		break;
	default:
		break;
	}
}

static void run_round(struct round *round, uint64_t packets)
{
	begin_round(round);
	for (uint64_t i = 0; i < packets; i++) {
		disturb(round);
		random_frame(&round->frame, &round->dice, &round->traffic);
		if (!compare(round))
			return;
	}
}

void run_epoch(struct round *round, uint64_t seed, uint64_t packets)
{
	round->seed = seed;
	round->dice.state = seed;
	memset(round->store.tables.hints, 0, HINT_WORDS * sizeof(uint64_t));
	round->pool.count = round->pool.ports = 0;
	put_lists(round);
	for (int i = 0; i < ROUNDS && packets > 0; i++) {
		uint64_t some = 200 + pick(&round->dice, ROUND_MOST), before;

		before = round->progress->packets;
		run_round(round, some < packets ? some : packets);
		packets -= round->progress->packets - before;
	}
	compare_sums(round);
}
