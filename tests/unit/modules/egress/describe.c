/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../unit.h"

#include <stdio.h>
#include <string.h>

#include "base/duration.h"
#include "modules/egress/describe.h"

enum { TIME = 1700000000 };

static const struct egress_event event = {
	.header = { .module = EVENT_EGRESS, .kind = EGRESS_CONNECT },
	.cgroup = 42,
	.untold = 3,
	.process = 1234,
	.address = { [10] = 0xff, 0xff, 10, 1, 2, 3 },
	.port = 443,
	.protocol = 6,
	.command = "curl",
	.policy = "web",
};

/* As a line, and as JSON. */
static void expect(const struct egress_event *one, const char *line, const char *json)
{
	struct cgroups *cgroups = cgroups_new();
	struct users *users = users_new();
	char text[4096];
	struct record record;
	FILE *out;

	assert_non_null(cgroups);
	assert_non_null(users);
	cgroups_remember(cgroups, 42, "/system.slice/web.service");
	egress_describe(one, TIME * NSEC_PER_SEC, cgroups, users, &record);
	out = fmemopen(text, sizeof(text), "w");
	record_write_text(&record, out);
	fclose(out);
	assert_non_null(strstr(text, line));
	out = fmemopen(text, sizeof(text), "w");
	record_write_json(&record, out);
	fclose(out);
	assert_non_null(strstr(text, json));
	cgroups_free(cgroups);
	users_free(users);
}

static void who_was_denied_what(void **state)
{
	expect(&event,
	       "denied curl 1234 root: tcp to 10.1.2.3:443 (connect), cgroup "
	       "/system.slice/web.service, policy web",
	       "\"action\":\"denied\",\"process\":1234,\"command\":\"curl\",\"user\":\"root\","
	       "\"policy\":\"web\",\"address\":\"10.1.2.3\",\"port\":443,\"protocol\":\"tcp\","
	       "\"hook\":\"connect\",\"untold\":3");
}

static void a_packet_of_nobody_known(void **state)
{
	struct egress_event packet = event;

	packet.header.kind = EGRESS_PACKET;
	packet.process = 0;
	packet.port = 0;
	packet.protocol = 58;
	packet.observe = 1;
	memcpy(packet.address, (uint8_t[16]){ 0x20, 0x01, 0x0d, 0xb8, [15] = 1 }, 16);
	expect(&packet, "would-deny icmpv6 to 2001:db8::1 (packet), cgroup",
	       "\"action\":\"would-deny\",\"process\":null,\"command\":null,\"user\":null,"
	       "\"policy\":\"web\",\"address\":\"2001:db8::1\",\"port\":null,");
}

/* What is written there has no end of its own. */
static void the_longest_names(void **state)
{
	struct egress_event longest = event;

	memset(longest.command, 'c', sizeof(longest.command));
	memset(longest.policy, 'p', sizeof(longest.policy));
	expect(&longest, "denied cccccccccccccccc 1234", "\"policy\":\"pppppppppppppppp\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_was_denied_what),
		cmocka_unit_test(a_packet_of_nobody_known),
		cmocka_unit_test(the_longest_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
