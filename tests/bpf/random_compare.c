/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>

#include <linux/bpf.h>

#include "base/timestamp.h"
#include "core/config.h"
#include "modules/filter/prefixes.h"
#include "random_compare.h"

/* What one packet may change, and nothing else. */
struct counts {
	uint64_t packets, bytes; /* of its reason, verdict and protocol */
	uint64_t attempts;       /* at its port */
	uint64_t labelled, labelled_bytes;
	uint64_t connections, limited, shed, guard_bans; /* of its guard */
	uint64_t bans, withheld;
	uint64_t shadow, shadow_bytes;
};

/* The model's word on one packet. */
struct verdicts {
	struct answer answer;
	struct answer shadow; /* where there is one */
	bool has_shadow;
};

/* A worker is pinned. */
static uint32_t own_cpu(void)
{
	return (uint32_t)sched_getcpu();
}

static void read_counts(const struct round *round, const struct verdicts *verdicts,
			struct counts *ret_counts)
{
	const struct answer *answer = &verdicts->answer;
	const struct store *store = &round->store;
	uint32_t cpu = own_cpu();
	const struct filter_counter *counter = &store->counters[filter_counter_index(
		cpu, answer->reason, answer->dropped, answer->protocol)];
	const struct filter_guard_counter *guard =
		&store->guard_counters[cpu].guards[answer->guard];
	const struct filter_counter *label = &store->list_counters[cpu].lists[answer->label];
	const struct filter_counter *pair =
		&store->shadow_counters[cpu].pairs[answer->reason][verdicts->shadow.reason];

	*ret_counts = (struct counts){
		.packets = counter->packets,
		.bytes = counter->bytes,
		.labelled = label->packets,
		.labelled_bytes = label->bytes,
		.connections = guard->connections,
		.limited = guard->limited,
		.shed = guard->shed,
		.guard_bans = guard->bans,
		.bans = store->tallies[cpu].bans,
		.withheld = store->tallies[cpu].bans_withheld,
		.shadow = pair->packets,
		.shadow_bytes = pair->bytes,
	};
	if (answer->attempt >= 0)
		ret_counts->attempts = sum_attempts(store, answer->attempt, answer->port);
}

/* What is to be added to them. */
static void add_expected(const struct round *round, const struct verdicts *verdicts,
			 struct counts *counts)
{
	const struct answer *answer = &verdicts->answer;
	uint64_t bytes = round->frame.size;

	counts->packets++;
	counts->bytes += bytes;
	counts->attempts += answer->attempt >= 0;
	counts->labelled += answer->label != 0;
	counts->labelled_bytes += answer->label ? bytes : 0;
	counts->connections += answer->guard && answer->attempt >= 0;
	counts->limited += answer->reason == REASON_LIMITED;
	counts->shed += answer->reason == REASON_SHED;
	counts->guard_bans += answer->bans;
	counts->bans += answer->bans;
	counts->withheld += answer->withheld;
	counts->shadow += verdicts->has_shadow;
	counts->shadow_bytes += verdicts->has_shadow ? bytes : 0;
}

static struct verdicts ask_model(struct round *round)
{
	bool overdue = round->has[PLAN_FORMER] && round->world.now >= round->deadline;
	const struct plan *plan = &round->plan[overdue ? PLAN_FORMER : PLAN_NOW];
	struct verdicts verdicts = { .has_shadow = round->has[PLAN_SHADOW] };

	verdicts.answer = model_judge(&round->world, &plan->model, &round->frame, false);
	if (verdicts.has_shadow)
		verdicts.shadow = model_judge(&round->world, &round->plan[PLAN_SHADOW].model,
					      &round->frame, true);
	return verdicts;
}

/* ---- what nobody can compare ----------------------------------------------------- */

static bool is_crowded(const struct round *round, const struct answer *answer, uint8_t guard,
		       uint64_t mark)
{
	const struct model_range *source = &answer->source;
	uint64_t key =
		source->v6 ? (uint64_t)(source->first >> 64) : KEY_V4_LOW | (uint32_t)source->first;

	for (int kind = METER_CONNECTIONS; kind <= METER_BYTES; kind++) {
		uint32_t id = filter_meter_id(guard, (enum filter_meter_kind)kind);
		uint32_t home = filter_meter_home(key ^ mark, id, round->globals->state.seed);
		size_t used = 0;

		for (size_t i = 0; i < METER_SLOTS; i++)
			used += round->store.meters[home].slot[i].key != 0;
		if (used == METER_SLOTS)
			return true;
	}
	return false;
}

/* A round that was held up: the kernel's clock has given bytes back since. */
static bool took_long(const struct round *round, const struct verdicts *verdicts)
{
	return (verdicts->answer.guard || verdicts->shadow.guard) &&
	       timestamp_boottime() - round->began > SECONDS(1) / 4;
}

/* With very bad luck five sources share the four slots of a bucket; then one is forgotten. */
static bool found_no_room(const struct round *round, const struct verdicts *verdicts)
{
	const uint64_t shadow = 1ULL << 63;

	for (uint8_t guard = 1; guard <= GUARDS_MAX; guard++)
		if (*round->globals->state.guard_names[guard] &&
		    (is_crowded(round, &verdicts->answer, guard, 0) ||
		     (verdicts->has_shadow && is_crowded(round, &verdicts->answer, guard, shadow))))
			return true;
	return false;
}

/* ---- failing ------------------------------------------------------------------------- */

static void print_range(const struct model_range *range)
{
	char first[ADDRESS_TEXT], last[ADDRESS_TEXT];
	uint64_t mark = range->v6 ? 0 : KEY_V4_LOW;
	struct filter_key a = { (uint64_t)(range->first >> 64), (uint64_t)range->first | mark };
	struct filter_key b = { (uint64_t)(range->last >> 64), (uint64_t)range->last | mark };
	struct address from = address_of(a), to = address_of(b);

	printf("%s-%s", address_format(&from, first), address_format(&to, last));
}

static void print_plan(struct plan *plan, const char *name)
{
	struct setting_table table = { filter_settings, FILTER_SETTINGS, &plan->config,
				       filter_sections };

	printf("--- policy %s%s\n", name, plan->force ? ", by force" : "");
	config_print(&table, 1, stdout);
	for (size_t i = 0; i < plan->peers.count; i++) {
		char text[ADDRESS_TEXT];

		printf("# peer %s, role %d\n", address_format(&plan->peers.peers[i].address, text),
		       (int)plan->peers.peers[i].role);
	}
	for (size_t i = 0; i < plan->model.lists; i++) {
		const struct model_list *list = &plan->model.list[i];

		printf("# %s list %u:", list->allow ? "allow" : "deny", list->number);
		for (size_t k = 0; k < list->count; k++) {
			printf(" ");
			print_range(&list->ranges[k]);
		}
		printf("\n");
	}
}

static void print_answer(const struct answer *answer)
{
	printf("%s, %s, protocol %u, guard %u, list %u%s%s, attempt %d at %u\n",
	       reason_name(answer->reason), answer->dropped ? "dropped" : "passed",
	       answer->protocol, answer->guard, answer->label, answer->bans ? ", bans" : "",
	       answer->withheld ? ", ban withheld" : "", answer->attempt, answer->port);
}

static void print_kernel_bans(const struct round *round)
{
	char text[PREFIX_TEXT];
	struct ban ban;

	for (size_t at = 0; ban_next(&round->store.tables, &at, packet_tick(&round->store), &ban);)
		printf("in the kernel: ban %s until tick %u%s\n", prefix_format(&ban.prefix, text),
		       ban.end, ban.forced ? ", forced" : "");
}

static void print_round(struct round *round, const struct verdicts *verdicts)
{
	static const char *const names[PLANS] = { "in force", "former", "shadow" };
	const struct model_world *world = &round->world;

	printf("SUMUN_SEED=0x%" PRIx64
	       " begins with these lists; the store's own seed is 0x%" PRIx64 "\n",
	       round->seed, (uint64_t)round->globals->state.seed);
	for (size_t i = 0; i < PLANS; i++)
		if (round->has[i])
			print_plan(&round->plan[i], names[i]);
	printf("--- now %" PRIu64 " s, deadline %" PRId64 " s\n",
	       (uint64_t)(world->now / SECONDS(1)),
	       round->deadline == NEVER ? -1 : (int64_t)(round->deadline / SECONDS(1)));
	for (size_t i = 0; i < world->bans; i++) {
		printf("ban ");
		print_range(&world->ban[i].range);
		printf(" until %" PRId64 " s%s\n",
		       world->ban[i].until == NEVER ? -1
						    : (int64_t)(world->ban[i].until / SECONDS(1)),
		       world->ban[i].forced ? ", forced" : "");
	}
	print_kernel_bans(round);
	printf("--- %zu bytes, %zu in the first buffer\n", round->frame.size, round->frame.linear);
	frame_print(&round->frame);
	printf("the model says: ");
	print_answer(&verdicts->answer);
	if (verdicts->has_shadow) {
		printf("and of the shadow: ");
		print_answer(&verdicts->shadow);
	}
}

static void print_counts(const char *who, const struct counts *before, const struct counts *after)
{
	static const char *const names[] = { "packets",     "bytes",          "attempts",
					     "labelled",    "labelled bytes", "connections",
					     "limited",     "shed",           "bans of guard",
					     "bans",        "withheld",       "shadow",
					     "shadow bytes" };
	_Static_assert(sizeof(names) / sizeof(*names) == sizeof(*before) / 8, "a name for each");

	printf("%s:", who);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		uint64_t more = ((const uint64_t *)after)[i] - ((const uint64_t *)before)[i];

		if (more)
			printf(" %s +%" PRIu64, names[i], more);
	}
	printf("\n");
}

/* The counter that did go up, from the whole of them: run again, so buckets may say otherwise. */
static void print_kernel(struct round *round)
{
	const uint32_t all = filter_counter_index(round->globals->state.cpus, 0, 0, 0);
	CLEANUP_FREE struct filter_counter *before = malloc(all * sizeof(*before));
	int verdict;

	assert_non_null(before);
	memcpy(before, round->store.counters, all * sizeof(*before));
	verdict = run_as_is(&round->store, &round->frame);
	for (uint32_t i = 0; i < all; i++)
		if (round->store.counters[i].packets != before[i].packets)
			printf("run once more the kernel says: %s, verdict %u, protocol %u; "
			       "returns %d\n",
			       reason_name(i / PROTOCOL_ROOM / VERDICT_COUNT % REASON_ROOM),
			       i / PROTOCOL_ROOM % VERDICT_COUNT, i % PROTOCOL_ROOM, verdict);
}

/* ---- comparing ------------------------------------------------------------------------ */

static void note(struct round *round, const struct verdicts *verdicts)
{
	struct progress *progress = round->progress;

	progress->reasons[verdicts->answer.reason]++;
	progress->bans += verdicts->answer.bans;
	progress->withheld += verdicts->answer.withheld;
	progress->shadows += verdicts->has_shadow;
	round->attempts += verdicts->answer.attempt >= 0;
	round->labelled += verdicts->answer.label != 0;
	__atomic_store_n(&progress->packets, progress->packets + 1, __ATOMIC_RELAXED);
}

bool compare(struct round *round)
{
	struct verdicts verdicts = ask_model(round);
	struct counts before, expected, after;
	int verdict;

	read_counts(round, &verdicts, &before);
	expected = before;
	add_expected(round, &verdicts, &expected);
	verdict = run_as_is(&round->store, &round->frame);
	read_counts(round, &verdicts, &after);
	if (verdict < 0) { /* this kernel runs no frames that are split at will */
		round->frame.linear = 0;
		return false;
	}
	note(round, &verdicts);
	if (verdict == (verdicts.answer.dropped ? XDP_DROP : XDP_PASS) &&
	    memcmp(&expected, &after, sizeof(after)) == 0)
		return true;
	if (found_no_room(round, &verdicts) || took_long(round, &verdicts)) {
		round->progress->given_up++;
		return false;
	}
	print_round(round, &verdicts);
	print_counts("expected", &before, &expected);
	print_counts("counted", &before, &after);
	print_kernel(round);
	fflush(stdout);
	fail_msg("the kernel returned %d", verdict);
	return false;
}

void compare_sums(struct round *round)
{
	const struct store *store = &round->store;
	uint64_t attempts = 0, labelled = 0;

	for (size_t i = 0; i < store->mappings[STORE_PORTS].size / sizeof(*store->ports); i++)
		attempts += store->ports[i];
	for (uint32_t cpu = 0; cpu < store->tables.state->cpus; cpu++)
		for (size_t i = 0; i <= LISTS_MAX; i++)
			labelled += store->list_counters[cpu].lists[i].packets;
	assert_int_equal(sum_counters(store).packets, round->progress->packets);
	assert_int_equal(attempts, round->attempts);
	assert_int_equal(labelled, round->labelled);
}
