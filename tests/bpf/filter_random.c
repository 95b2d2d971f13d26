/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random frames under random policies, judged by the kernel and by the model.
 * SUMUN_TEST_PACKETS and SUMUN_TEST_SEED override how many and which.
 */
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <time.h>

#include <linux/bpf.h>

#include "harness.h"

enum { PACKETS = 1000000, ROUND = 5000 };

struct round {
	struct store *store;
	struct model model;
	struct frame frame;
	uint64_t random;
	uint64_t packets;  /* of all rounds */
	uint64_t attempts; /* of all rounds */
};

static uint32_t pick(struct round *round, uint32_t count)
{
	return (uint32_t)(random_next(&round->random) >> 16) % count;
}

static bool one_in(struct round *round, uint32_t count)
{
	return pick(round, count) == 0;
}

#define PICK(round, ...)     \
	((const uint32_t[]){ \
		__VA_ARGS__ })[pick(round, sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4)]

/* ---- policies ------------------------------------------------------------------- */

/* From so few addresses that bans, roles and sources meet; sometimes from all there are. */
static const char *random_address(struct round *round, bool v6, char text[ADDRESS_TEXT])
{
	bool any = one_in(round, 8);

	if (v6)
		snprintf(text, ADDRESS_TEXT, "20%02x:db8:%x:%x::%x:%x", any ? pick(round, 256) : 1,
			 pick(round, 3), pick(round, any ? 65536 : 2), pick(round, 2),
			 1 + pick(round, 3));
	else
		snprintf(text, ADDRESS_TEXT, "%u.%u.%u.%u", any ? pick(round, 256) : 10,
			 pick(round, any ? 256 : 2), pick(round, 3), pick(round, 4));
	return text;
}

static struct prefix random_prefix(struct round *round)
{
	bool v6 = one_in(round, 2);
	char text[ADDRESS_TEXT];
	struct address address = prefix_from(random_address(round, v6, text)).address;
	uint32_t length = v6 ? PICK(round, 128, 128, 127, 65, 64, 63, 48, 47, 32)
			     : 96 + PICK(round, 32, 32, 32, 31, 30, 24, 23, 16, 9, 8);

	return prefix_of(&address, (uint8_t)length);
}

static void random_bans(struct round *round)
{
	struct model *model = &round->model;

	for (uint32_t i = pick(round, 24); i > 0; i--) {
		uint32_t now = model->now;
		struct model_ban ban = {
			.prefix = random_prefix(round),
			.end = PICK(round, BAN_FOREVER, now + 100000, now, 0),
			.forced = one_in(round, 4),
		};
		struct ban add = { .prefix = ban.prefix, .end = ban.end, .forced = ban.forced };
		size_t at = 0;

		/* A second ban of one prefix takes the place of the first. */
		while (at < model->bans && !prefix_equal(&model->ban[at].prefix, &ban.prefix))
			at++;
		assert_ok(ban_add(&round->store->tables, &add, now, NULL));
		model->ban[at] = ban;
		if (at == model->bans)
			model->bans++;
	}
}

static void remove_bans(struct round *round)
{
	for (size_t i = 0; i < round->model.bans; i++)
		ban_remove(&round->store->tables, &round->model.ban[i].prefix, round->model.now);
	round->model.bans = 0;
}

static void random_roles(struct round *round, struct filter_policy *policy)
{
	struct model *model = &round->model;

	model->roles = 0;
	for (uint32_t i = pick(round, 9); i > 0; i--) {
		struct model_role role = {
			.prefix = random_prefix(round),
			.allow = one_in(round, 3),
			.source_port = (uint16_t)PICK(round, 0, 53),
		};
		uint64_t word = role.allow ? ROLE_ALLOW : ROLE_GUARDED;

		if (one_in(round, 32)) /* everybody */
			role.prefix.length = prefix_is_v4(&role.prefix) ? 96 : 0;
		role.prefix = prefix_of(&role.prefix.address, role.prefix.length);
		word |= (uint64_t)role.source_port << ROLE_SOURCE_PORT_SHIFT;
		assert_ok(policy_add_role(&round->store->tables, policy, &role.prefix, word, NULL));
		model->role[model->roles++] = role;
	}
}

static void random_policy(struct round *round)
{
	struct filter_policy *policy = store_spare_policy(round->store);
	uint32_t density = PICK(round, 1, 2, 8, 1000);

	remove_bans(round);
	round->model.now = store_now(round->store);
	round->model.enforce = !one_in(round, 4);
	policy->mode = round->model.enforce ? MODE_ENFORCE : MODE_OBSERVE;
	random_roles(round, policy);
	random_bans(round);
	for (int protocol = 0; protocol < FILTER_PORT_PROTOCOLS; protocol++)
		for (uint32_t port = 0; port < FILTER_PORTS; port++) {
			bool blocked = one_in(round, density);

			round->model.blocked[protocol][port] = blocked;
			policy->blocked[protocol][port / 64] |= (uint64_t)blocked << (port % 64);
		}
	store_put_in_force(round->store, policy);
}

/* ---- frames ------------------------------------------------------------------------ */

/* Mostly 0: filled in correctly. Else something near the edges of what is right. */
static uint32_t maybe_wrong(struct round *round, uint32_t most)
{
	if (!one_in(round, 24))
		return 0;
	return EXACTLY(one_in(round, 2) ? pick(round, most + 1) : pick(round, 48) % (most + 1));
}

static uint16_t random_port(struct round *round)
{
	return (uint16_t)PICK(round, 22, 53, 80, 65535, 1 + pick(round, 65535));
}

static struct layer random_extension(struct round *round)
{
	struct layer layer = EXTENSION(PICK(round, 0, 43, 44, 44, 51, 60, 135, 139, 140));

	if (layer.protocol == FRAGMENT) {
		layer.fragment = one_in(round, 2) ? PICK(round, 1, 2, 1000, 8191) : 0;
		layer.more = one_in(round, 2);
		layer.header = EXACTLY(pick(round, 256));
	} else {
		layer.size = 8 * (1 + pick(round, 3));
		if (one_in(round, 16))
			layer.size = 8 * (1 + pick(round, 256));
		layer.header = maybe_wrong(round, 255);
	}
	layer.type = maybe_wrong(round, 255);
	return layer;
}

static struct layer random_transport(struct round *round)
{
	struct layer tcp =
		TCP(.from = random_port(round), .to = random_port(round),
		    .flags = (uint8_t)PICK(round, TCP_SYN, TCP_ACK, 0x12, 0x04, 0xff),
		    .options = 4 * PICK(round, 0, 0, 3, 10), .header = maybe_wrong(round, 15));
	struct layer udp = UDP(.from = random_port(round), .to = random_port(round),
			       .length = maybe_wrong(round, 65535));
	struct layer other = OTHER(PICK(round, 1, 58, 47, 50, 132, 59, 6, 17, pick(round, 256)),
				   pick(round, 24));

	switch (pick(round, 5)) {
	case 0:
		return other;
	case 1:
	case 2:
		return udp;
	default:
		return tcp;
	}
}

static void random_layers(struct round *round, struct layer *layer, char source[ADDRESS_TEXT])
{
	struct layer ethernet = ETHERNET(.type = one_in(round, 100) ? 0x0806 : 0);
	bool v6 = one_in(round, 2);

	*layer++ = ethernet;
	for (uint32_t i = one_in(round, 4) ? pick(round, 4) : 0; i > 0; i--)
		*layer++ = (struct layer)VLAN(.tpid = PICK(round, 0x8100, 0x88a8));
	random_address(round, v6, source);
	if (v6) {
		*layer++ = (struct layer)IPV6(.source = source, .version = maybe_wrong(round, 15),
					      .length = maybe_wrong(round, 2000),
					      .type = maybe_wrong(round, 255));
		for (uint32_t i = one_in(round, 2) ? pick(round, 10) : 0; i > 0; i--)
			*layer++ = random_extension(round);
	} else {
		*layer++ = (struct layer)
			IPV4(.source = source, .version = maybe_wrong(round, 15),
			     .header = maybe_wrong(round, 15), .length = maybe_wrong(round, 2000),
			     .options = 4 * PICK(round, 0, 0, 0, 1, 10), .more = one_in(round, 8),
			     .fragment = one_in(round, 8)
						 ? PICK(round, 1, 2, 0x1fff, 0x4000, 0x8000)
						 : 0);
	}
	*layer++ = random_transport(round);
	*layer++ = (struct layer)PAYLOAD(one_in(round, 64) ? pick(round, 9000) : pick(round, 64));
	if (one_in(round, 4))
		*layer++ = (struct layer)PADDING(pick(round, 46));
	layer->kind = LAYER_END;
}

static void mutate(struct round *round, struct frame *frame)
{
	size_t head = frame->size < 120 ? frame->size : 120;

	switch (pick(round, 12)) {
	case 0:
		for (uint32_t i = 1 + pick(round, 4); i > 0; i--)
			frame->bytes[12 + pick(round, (uint32_t)head - 12)] ^= 1u << pick(round, 8);
		break;
	case 1:
		frame->bytes[12 + pick(round, (uint32_t)head - 12)] = (uint8_t)pick(round, 256);
		break;
	case 2:
		frame->size -= pick(round, (uint32_t)head - 13);
		break;
	default:
		break;
	}
}

/* ---- comparing ------------------------------------------------------------------------ */

static uint64_t counted(const struct round *round, const struct answer *answer)
{
	return round->store
		->counters[filter_counter_index(0, answer->reason, answer->dropped,
						answer->protocol)]
		.packets;
}

static void print_policy(const struct model *model)
{
	char text[PREFIX_TEXT];

	print_message("# now %u, %s\n", model->now, model->enforce ? "enforce" : "observe");
	for (size_t i = 0; i < model->bans; i++)
		print_message("# ban %s until %u%s\n", prefix_format(&model->ban[i].prefix, text),
			      model->ban[i].end, model->ban[i].forced ? ", forced" : "");
	for (size_t i = 0; i < model->roles; i++)
		print_message(
			"# %s %s, answers from port %u\n", model->role[i].allow ? "allow" : "guard",
			prefix_format(&model->role[i].prefix, text), model->role[i].source_port);
}

static void fail_with_everything(struct round *round, const struct answer *answer)
{
	frame_print(&round->frame);
	print_policy(&round->model);
	if (answer->attempt >= 0)
		print_message(
			"# an attempt, protocol %d, port %u, %s\n", answer->attempt, answer->port,
			round->model.blocked[answer->attempt][answer->port] ? "blocked" : "open");
	/* Once more, for the answer of the kernel. */
	expect_frame(round->store, "model", &round->frame, answer->reason, answer->protocol);
	fail_msg("the model says %s, protocol %u; attempts differ", reason_name(answer->reason),
		 answer->protocol);
}

static void compare(struct round *round)
{
	struct answer answer = model_judge(&round->model, &round->frame);
	bool attempts = answer.attempt >= 0;
	uint64_t before = counted(round, &answer), attempts_before = 0, attempts_now = 0;
	uint32_t verdict;

	if (attempts)
		attempts_before = sum_attempts(round->store, answer.attempt, answer.port);
	verdict = run_frame(round->store, &round->frame);
	if (attempts)
		attempts_now = sum_attempts(round->store, answer.attempt, answer.port);
	if (counted(round, &answer) != before + 1 ||
	    verdict != (answer.dropped ? XDP_DROP : XDP_PASS) ||
	    attempts_now != attempts_before + attempts)
		fail_with_everything(round, &answer);
	round->packets++;
	round->attempts += attempts;
}

static uint64_t all_attempts(const struct store *store)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < store->mappings[STORE_PORTS].size / sizeof(*store->ports); i++)
		sum += store->ports[i];
	return sum;
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static void kernel_and_model_agree(void **state)
{
	uint64_t packets = from_environment("SUMUN_TEST_PACKETS", PACKETS);
	uint64_t seed = from_environment("SUMUN_TEST_SEED", (uint64_t)time(NULL));
	CLEANUP_FREE struct round *round = calloc(1, sizeof(*round));
	uint64_t seen[REASON_COUNT];

	assert_non_null(round);
	print_message("# SUMUN_TEST_SEED=%" PRIu64 " SUMUN_TEST_PACKETS=%" PRIu64 "\n", seed,
		      packets);
	round->store = *state;
	round->random = seed;
	pin_to_cpu(0);
	while (round->packets < packets) {
		random_policy(round);
		for (int i = 0; i < ROUND && round->packets < packets; i++) {
			struct layer layers[LAYERS_MAX];
			char source[ADDRESS_TEXT];

			random_layers(round, layers, source);
			frame_build(&round->frame, layers);
			mutate(round, &round->frame);
			compare(round);
		}
		assert_int_equal(sum_counters(round->store).packets, round->packets);
		assert_int_equal(all_attempts(round->store), round->attempts);
	}
	for (enum filter_reason reason = 0; reason < REASON_COUNT; reason++) {
		seen[reason] = sum_reason(round->store, reason).packets;
		print_message("# %-12s %" PRIu64 "\n", reason_name(reason), seen[reason]);
	}
	/* A test of a million packets that are all malformed would test little. */
	for (enum filter_reason reason = 0; packets >= PACKETS && reason < REASON_COUNT; reason++)
		assert_true(seen[reason] > packets / 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILTER_TEST(kernel_and_model_agree),
	};

	return RUN_FILTER_TESTS(tests);
}
