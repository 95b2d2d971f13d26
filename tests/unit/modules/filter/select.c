// SPDX-License-Identifier: GPL-2.0-or-later
#include "../../unit.h"

#include "modules/filter/select.h"
#include "plain.h"

static struct selection parse(struct arguments arguments)
{
	struct selection selection = { .reasons = 99 };
	struct error error = { "" };

	if (select_parse(&arguments, &selection, &error) < 0)
		fail_msg("%s", error.text);
	return selection;
}

static void refuse(struct arguments arguments, const char *why)
{
	struct selection selection = { .reasons = 99 };
	struct error error = { "" };

	assert_int_equal(select_parse(&arguments, &selection, &error), -EINVAL);
	assert_error_contains(&error, why);
	assert_int_equal(selection.reasons, 99);
}

static struct filter_event event_of(enum filter_event_kind kind, uint32_t reason)
{
	struct address source = address("10.0.0.2");

	return (struct filter_event){
		.header.kind = kind,
		.reason = (uint8_t)reason,
		.source = key_of(&source),
		.protocol = 6,
		.destination_port = 22,
		.length = 128,
	};
}

static bool takes(const struct selection *selection, enum filter_event_kind kind, uint32_t reason)
{
	struct filter_event event = event_of(kind, reason);

	return select_event(selection, &event);
}

/* ---- parsing ---------------------------------------------------------------------------- */

static void unknown_names_are_refused_with_those_there_are(void **state)
{
	refuse((struct arguments){ .reasons = "banned,limitd" },
	       "there is no reason 'limitd'; there are: banned, blocked-port, malformed, "
	       "too-deep, listed, limited, shed, syn-cookie, watched");
	refuse((struct arguments){ .reasons = "pass" }, "there is no reason 'pass'");
	refuse((struct arguments){ .reasons = "," }, "there are: banned");
	refuse((struct arguments){ .kinds = "bans" },
	       "there is no kind 'bans'; there are: packet, ban, scan, full, watch");
	refuse((struct arguments){ .source = "10.0.0.1/8" }, "10.0.0.0/8");
	refuse((struct arguments){ .port = "22" }, "tcp/22");
}

static void names_make_a_selection(void **state)
{
	struct selection all = parse((struct arguments){ .json = true });
	struct selection some = parse((struct arguments){ .reasons = "limited, watched",
							  .kinds = "packet,watch",
							  .source = "10.0.0.0/8",
							  .port = "tcp/22" });
	char text[SELECTION_TEXT];

	assert_int_equal(all.reasons | all.kinds | all.has_source | all.has_port, 0);
	assert_string_equal(select_text(&all, text), "all events");
	assert_int_equal(some.reasons, 1 << REASON_LIMITED | 1 << SIGHT_WATCHED);
	assert_int_equal(some.kinds, 1 << TOLD_PACKET | 1 << TOLD_WATCH);
	assert_string_equal(select_text(&some, text),
			    "events of kind packet, watch with reason limited, watched from "
			    "10.0.0.0/8 to tcp/22");
}

/* ---- selecting -------------------------------------------------------------------------- */

static void without_a_wish_all_that_is_known_is_taken(void **state)
{
	struct selection all = {};

	for (int kind = FILTER_EVENT_PACKET; kind <= FILTER_EVENT_FULL; kind++)
		assert_true(takes(&all, kind, REASON_BANNED));
	assert_true(takes(&all, FILTER_EVENT_PACKET, SIGHT_WATCHED));
	assert_false(takes(&all, FILTER_EVENT_FULL + 1, 0));
	assert_false(takes(&all, FILTER_EVENT_PACKET, REASON_COUNT));
}

static void kinds_and_reasons_select(void **state)
{
	struct selection bans = parse((struct arguments){ .kinds = "ban" });
	struct selection watch = parse((struct arguments){ .kinds = "watch" });
	struct selection limited = parse((struct arguments){ .reasons = "limited" });

	assert_true(takes(&bans, FILTER_EVENT_BAN, 0));
	assert_false(takes(&bans, FILTER_EVENT_PACKET, REASON_BANNED));
	assert_true(takes(&watch, FILTER_EVENT_PACKET, SIGHT_WATCHED));
	assert_false(takes(&watch, FILTER_EVENT_PACKET, REASON_BANNED));
	assert_true(takes(&limited, FILTER_EVENT_PACKET, REASON_LIMITED));
	assert_false(takes(&limited, FILTER_EVENT_PACKET, REASON_SHED));
	/* What has no reason has none of these. */
	assert_false(takes(&limited, FILTER_EVENT_BAN, REASON_LIMITED));
	assert_false(takes(&limited, FILTER_EVENT_FULL, REASON_LIMITED));
}

static void a_source_selects_what_is_about_it(void **state)
{
	struct selection network = parse((struct arguments){ .source = "10.0.0.0/24" });
	struct selection neighbour = parse((struct arguments){ .source = "10.0.0.3" });
	struct filter_event ban = event_of(FILTER_EVENT_BAN, 0);

	assert_true(takes(&network, FILTER_EVENT_PACKET, REASON_BANNED));
	assert_true(takes(&network, FILTER_EVENT_SCAN, 0));
	assert_false(takes(&network, FILTER_EVENT_FULL, 0));
	assert_false(takes(&neighbour, FILTER_EVENT_PACKET, REASON_BANNED));
	assert_false(takes(&neighbour, FILTER_EVENT_BAN, 0));
	/* A ban of its whole network is about it. */
	ban.source = (struct filter_key){ 0, KEY_V4_LOW | 0x0a000000 };
	ban.length = ADDRESS_V4_OFFSET + 24;
	assert_true(select_event(&neighbour, &ban));
	assert_true(select_event(&network, &ban));
}

static void a_port_selects_packets_to_it(void **state)
{
	struct selection port = parse((struct arguments){ .port = "tcp/20-22" });
	struct filter_event event = event_of(FILTER_EVENT_PACKET, REASON_BANNED);

	assert_true(select_event(&port, &event));
	event.destination_port = 23;
	assert_false(select_event(&port, &event));
	event.destination_port = 19;
	event.source_port = 22;
	assert_false(select_event(&port, &event));
	event.destination_port = 20;
	assert_true(select_event(&port, &event));
	event.protocol = 17;
	assert_false(select_event(&port, &event));
	assert_false(takes(&port, FILTER_EVENT_FULL, 0));
}

static void counts_are_selected_by_what_they_know(void **state)
{
	struct address here = address("10.0.0.2"), there = address("10.0.1.2");
	struct selection all = {};
	struct selection source = parse((struct arguments){ .source = "10.0.0.0/24" });
	struct selection shed = parse((struct arguments){ .reasons = "shed" });
	struct selection watch = parse((struct arguments){ .kinds = "watch,ban" });
	struct selection port = parse((struct arguments){ .port = "tcp/22" });

	assert_true(select_repeat(&all, REASON_BANNED, key_of(&here)));
	assert_true(select_rest(&all, SIGHT_WATCHED));
	assert_true(select_repeat(&source, REASON_BANNED, key_of(&here)));
	assert_false(select_repeat(&source, REASON_BANNED, key_of(&there)));
	assert_false(select_rest(&source, REASON_BANNED));
	assert_true(select_rest(&shed, REASON_SHED));
	assert_false(select_rest(&shed, REASON_LIMITED));
	assert_true(select_rest(&watch, SIGHT_WATCHED));
	assert_false(select_rest(&watch, REASON_BANNED));
	assert_false(select_repeat(&watch, REASON_BANNED, key_of(&here)));
	assert_false(select_repeat(&port, REASON_BANNED, key_of(&here)));
	assert_false(select_rest(&port, REASON_BANNED));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_names_are_refused_with_those_there_are),
		cmocka_unit_test(names_make_a_selection),
		cmocka_unit_test(without_a_wish_all_that_is_known_is_taken),
		cmocka_unit_test(kinds_and_reasons_select),
		cmocka_unit_test(a_source_selects_what_is_about_it),
		cmocka_unit_test(a_port_selects_packets_to_it),
		cmocka_unit_test(counts_are_selected_by_what_they_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
