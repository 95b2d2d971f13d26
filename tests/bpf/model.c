/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "model.h"

/* ---- addresses -------------------------------------------------------------------- */

static bool is_in(const struct model_range *range, const struct facts *facts)
{
	return range->v6 == facts->v6 && facts->source >= range->first &&
	       facts->source <= range->last;
}

static bool same_range(const struct model_range *a, const struct model_range *b)
{
	return a->v6 == b->v6 && a->first == b->first && a->last == b->last;
}

/* What a source is counted and banned by: an IPv4 address, an IPv6 /64. */
static struct model_range source_of(const struct facts *facts)
{
	number128 rest = facts->v6 ? (number128)UINT64_MAX : 0;

	return (struct model_range){ facts->v6, facts->source & ~rest, facts->source | rest };
}

/* ---- buckets ---------------------------------------------------------------------- */

static number128 room_of(const struct model_limit *limit, enum model_kind kind)
{
	uint64_t burst = limit->burst ? limit->burst : limit->count;

	/* A bucket of bytes always has room for the largest packet. */
	if (kind == OF_BYTES && burst < 131072)
		burst = 131072;
	return (number128)burst * limit->period;
}

/* Takes so many from the bucket; false, and nothing taken, when there are not so many. */
static bool take(struct model_bucket *bucket, const struct model_limit *limit, enum model_kind kind,
		 uint64_t units, uint64_t now)
{
	number128 room = room_of(limit, kind), price = (number128)units * limit->period;

	bucket->content += (number128)(now - bucket->since) * limit->count;
	if (bucket->content > room)
		bucket->content = room;
	bucket->since = now;
	if (bucket->content < price)
		return false;
	bucket->content -= price;
	return true;
}

static struct model_bucket *bucket_of(struct model_world *world, const struct facts *facts,
				      const struct model_limit *limit, uint8_t guard,
				      enum model_kind kind, bool shadow)
{
	struct model_range source = source_of(facts);
	number128 front = source.v6 ? source.first >> 64 : source.first;
	struct model_bucket **chain = &world->chain[(uint64_t)front * 31 % MODEL_CHAINS], *bucket;

	for (bucket = *chain; bucket; bucket = bucket->next)
		if (same_range(&bucket->source, &source) && bucket->guard == guard &&
		    bucket->kind == kind && bucket->shadow == shadow)
			return bucket;
	if (world->buckets == MODEL_BUCKETS)
		abort();
	bucket = &world->bucket[world->buckets++];
	*bucket = (struct model_bucket){ *chain,        source, guard,
					 (uint8_t)kind, shadow, room_of(limit, kind),
					 world->now };
	*chain = bucket;
	return bucket;
}

/* A bucket that all sources share. */
static bool take_shared(struct model_world *world, struct model_bucket *bucket, bool *used,
			const struct model_limit *limit)
{
	if (!limit->count)
		return true;
	if (!*used)
		*bucket = (struct model_bucket){ .content = room_of(limit, OF_TOTAL),
						 .since = world->now };
	*used = true;
	return take(bucket, limit, OF_TOTAL, 1, world->now);
}

/* ---- the source ------------------------------------------------------------------- */

/* 0.0.0.0, the first /64 of IPv6, and fe80::/10: many share these, and none has them. */
static bool is_nobody(const struct facts *facts)
{
	if (!facts->v6)
		return facts->source == 0;
	return facts->source >> 64 == 0 || facts->source >> 118 == 0xfe80 >> 6;
}

struct source {
	bool allowed, guarded;
	bool banned, forced;
	bool config_ban;
	bool denied;
	uint8_t label;
};

static void look_into_lists(const struct model_policy *policy, const struct facts *facts,
			    struct source *source)
{
	for (size_t i = 0; i < policy->lists; i++) {
		const struct model_list *list = &policy->list[i];

		/* Lists of what is routed nowhere name these; a link would fall apart. */
		if (!list->allow && is_nobody(facts))
			continue;
		for (size_t k = 0; k < list->count && !source->label; k++)
			if (is_in(&list->ranges[k], facts)) {
				source->label = list->number;
				source->allowed |= list->allow;
				source->denied |= !list->allow;
			}
	}
}

static struct source look_up_source(const struct model_world *world,
				    const struct model_policy *policy, const struct facts *facts)
{
	struct source source = { 0 };

	look_into_lists(policy, facts, &source);
	for (size_t i = 0; i < policy->roles; i++)
		if (is_in(&policy->role[i].range, facts)) {
			source.allowed |= policy->role[i].allow;
			source.guarded |= policy->role[i].guarded;
			source.config_ban |= policy->role[i].ban;
		}
	for (size_t i = 0; i < world->bans; i++)
		if (is_in(&world->ban[i].range, facts) && world->now < world->ban[i].until) {
			source.banned = true;
			source.forced |= world->ban[i].forced;
		}
	return source;
}

static enum filter_reason judge_source(const struct model_policy *policy,
				       const struct source *source)
{
	if (source->allowed)
		return REASON_ALLOWED;
	if (source->config_ban && (policy->force || !source->guarded))
		return REASON_BANNED;
	if (source->banned && (source->forced || !source->guarded))
		return REASON_BANNED;
	if (source->guarded)
		return REASON_ALLOWED;
	return source->denied ? REASON_LISTED : REASON_PASS;
}

static bool own_service(const struct model_policy *policy, const struct facts *facts)
{
	for (size_t i = 0; i < policy->roles; i++) {
		const struct model_role *role = &policy->role[i];

		if (is_in(&role->range, facts) && role->answers_from &&
		    role->answers_from == facts->from)
			return true;
	}
	return false;
}

/* ---- guards ----------------------------------------------------------------------- */

static bool within_limits(struct model_world *world, const struct model_guard *guard,
			  uint8_t number, const struct facts *facts, bool shadow)
{
	const uint64_t units[] = {
		[OF_CONNECTIONS] = facts->opens, [OF_PACKETS] = 1, [OF_BYTES] = facts->size
	};

	for (enum model_kind kind = OF_CONNECTIONS; kind <= OF_BYTES; kind++) {
		const struct model_limit *limit = &guard->limit[kind];

		if (!limit->count || !units[kind])
			continue;
		if (!take(bucket_of(world, facts, limit, number, kind, shadow), limit, kind,
			  units[kind], world->now))
			return false;
	}
	return true;
}

/* Nobody here has shown that his address is his own, so no ban is longer than `unproven-ban`. */
static void ban_offender(struct model_world *world, const struct model_policy *policy,
			 const struct model_guard *guard, const struct facts *facts,
			 struct answer *answer)
{
	uint64_t length = guard->ban < policy->unproven_ban ? guard->ban : policy->unproven_ban;
	struct model_ban ban = { .range = source_of(facts), .until = world->now + length };

	if (!length || !guard->enforce || !policy->enforce || is_nobody(facts))
		return;
	if (!take_shared(world, &world->ban_bucket, &world->ban_bucket_used, &policy->ban_rate)) {
		answer->withheld = true;
		return;
	}
	answer->bans = true;
	model_ban(world, &ban);
}

static enum filter_reason ask_guard(struct model_world *world, const struct model_policy *policy,
				    const struct facts *facts, bool shadow, struct answer *answer)
{
	const struct model_guard *guard = &policy->guard[answer->guard];

	if (!answer->guard)
		return REASON_PASS;
	if (!within_limits(world, guard, answer->guard, facts, shadow)) {
		if (!shadow)
			ban_offender(world, policy, guard, facts, answer);
		return REASON_LIMITED;
	}
	if (facts->opens &&
	    !take_shared(world, &world->total[shadow][answer->guard],
			 &world->total_used[shadow][answer->guard], &guard->limit[OF_TOTAL]))
		return REASON_SHED;
	return REASON_PASS;
}

/* ---- all of it ---------------------------------------------------------------------- */

/* The ports: blocked, or whose guard. */
static enum filter_reason judge_port(const struct model_policy *policy, const struct facts *facts,
				     const struct source *source, struct answer *answer)
{
	int ports = facts->protocol == 6 ? FILTER_TCP : FILTER_UDP;

	if (facts->opens) {
		answer->attempt = ports;
		answer->port = facts->to;
	}
	if (policy->blocked[ports][facts->to] && !source->allowed && !own_service(policy, facts))
		return REASON_BLOCKED_PORT;
	answer->guard = policy->guard_of[ports][facts->to];
	return REASON_PASS;
}

static enum filter_reason judge(struct model_world *world, const struct model_policy *policy,
				struct facts *facts, const struct frame *frame, bool shadow,
				struct answer *answer)
{
	enum filter_reason network = model_read_network(facts, frame), reason;
	struct source source;
	bool exempt;

	if (!facts->ip || network == REASON_MALFORMED)
		return network;
	source = look_up_source(world, policy, facts);
	answer->source = source_of(facts);
	reason = judge_source(policy, &source);
	/* A list counts what it decided, or would have but for a role. */
	answer->label = reason == REASON_BANNED ? 0 : source.label;
	exempt = reason == REASON_ALLOWED;
	if (reason != REASON_PASS && !exempt)
		return reason;
	if (network != REASON_PASS)
		return network;

	if (!facts->later) {
		reason = model_read_transport(facts);
		if (reason != REASON_PASS)
			return reason;
	}
	if (!facts->later && (facts->protocol == 6 || facts->protocol == 17)) {
		reason = judge_port(policy, facts, &source, answer);
		if (reason != REASON_PASS)
			return reason;
	} else if (!facts->discovery) {
		answer->guard = policy->other_guard;
	}
	if (exempt) {
		answer->guard = 0;
		return REASON_ALLOWED;
	}
	reason = ask_guard(world, policy, facts, shadow, answer);
	if (reason != REASON_PASS)
		return reason;
	return facts->later ? REASON_FRAGMENT : REASON_PASS;
}

struct answer model_judge(struct model_world *world, const struct model_policy *policy,
			  const struct frame *frame, bool shadow)
{
	struct answer answer = { .attempt = -1 };
	struct facts facts;

	answer.reason = judge(world, policy, &facts, frame, shadow, &answer);
	answer.protocol = facts.protocol;
	switch (answer.reason) {
	case REASON_BANNED:
	case REASON_LISTED:
	case REASON_BLOCKED_PORT:
	case REASON_MALFORMED:
	case REASON_TOO_DEEP:
		answer.dropped = policy->enforce;
		break;
	case REASON_LIMITED:
	case REASON_SHED:
		answer.dropped = policy->enforce && policy->guard[answer.guard].enforce;
		break;
	default:
		break;
	}
	return answer;
}

void model_ban(struct model_world *world, const struct model_ban *ban)
{
	size_t at = 0;

	while (at < world->bans && !same_range(&world->ban[at].range, &ban->range))
		at++;
	if (at == MODEL_BANS)
		abort();
	world->ban[at] = *ban;
	if (at == world->bans)
		world->bans++;
}

void model_forget(struct model_world *world)
{
	world->bans = 0;
	world->buckets = 0;
	memset(world->chain, 0, sizeof(world->chain));
	memset(world->total_used, 0, sizeof(world->total_used));
	world->ban_bucket_used = false;
}

const char *reason_name(enum filter_reason reason)
{
	static const char *const names[REASON_COUNT] = {
		"pass",      "allowed",  "non-ip", "fragment", "banned", "blocked-port",
		"malformed", "too-deep", "listed", "limited",  "shed",   "cookie",
	};

	return reason < REASON_COUNT ? names[reason] : "?";
}
