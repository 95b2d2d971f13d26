// SPDX-License-Identifier: GPL-2.0-or-later
#include "../unit.h"

#include "base/port.h"

static void good_ranges(void **state)
{
	static const struct {
		const char *typed;
		struct port_range range;
		const char *shown;
	} rows[] = {
		{ "tcp/1", { PORT_TCP, 1, 1 }, "tcp/1" },
		{ "tcp/8080", { PORT_TCP, 8080, 8080 }, "tcp/8080" },
		{ "udp/53", { PORT_UDP, 53, 53 }, "udp/53" },
		{ "TCP/22", { PORT_TCP, 22, 22 }, "tcp/22" },
		{ "Udp/65535", { PORT_UDP, 65535, 65535 }, "udp/65535" },
		{ "tcp/1025-1099", { PORT_TCP, 1025, 1099 }, "tcp/1025-1099" },
		{ "tcp/1-65535", { PORT_TCP, 1, 65535 }, "tcp/1-65535" },
		{ "udp/7-7", { PORT_UDP, 7, 7 }, "udp/7" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char buffer[PORT_RANGE_TEXT];
		struct port_range range = {};

		assert_row(port_range_parse(rows[i].typed, &range, NULL) == 0, rows[i].typed);
		assert_int_equal(range.protocol, rows[i].range.protocol);
		assert_int_equal(range.first, rows[i].range.first);
		assert_int_equal(range.last, rows[i].range.last);
		assert_ptr_equal(port_range_format(&range, buffer), buffer);
		assert_string_equal(buffer, rows[i].shown);
	}
}

static void bad_ranges_say_what_to_do(void **state)
{
	static const struct {
		const char *typed, *sentence;
	} rows[] = {
		{ "", "port '': write it as in tcp/8080, udp/53 or tcp/1025-1099" },
		{ "http", "port 'http': write it as in tcp/8080" },
		{ "tcp", "port 'tcp': write it as in tcp/8080" },
		{ "tcp 80", "write it as in" },
		{ "-", "write it as in" },
		{ "8080", "port '8080': say which protocol, as in tcp/8080 or udp/8080" },
		{ "1-5", "say which protocol, as in tcp/1-5 or udp/1-5" },
		{ "1111111111111111", "as in tcp/11111111111 or udp/11111111111" },
		{ "/80", "the protocol is tcp or udp" },
		{ "sctp/80",
		  "port 'sctp/80': the protocol is tcp or udp, as in tcp/8080 or udp/53" },
		{ " tcp/80", "the protocol is tcp or udp" },
		{ "tc/80", "the protocol is tcp or udp" },
		{ "tcpp/80", "the protocol is tcp or udp" },
		{ "80/tcp", "the protocol is tcp or udp" },
		{ "tcp/0", "port 'tcp/0': ports go from 1 to 65535" },
		{ "tcp/0-5", "ports go from 1 to 65535" },
		{ "tcp/5-0", "ports go from 1 to 65535" },
		{ "tcp/65536", "ports go from 1 to 65535" },
		{ "tcp/99999", "port 'tcp/99999': ports go from 1 to 65535" },
		{ "tcp/1-65536", "ports go from 1 to 65535" },
		{ "tcp/65537", "ports go from 1 to 65535" },
		{ "tcp/4294967297", "ports go from 1 to 65535" },
		{ "tcp/18446744073709551617", "ports go from 1 to 65535" },
		{ "tcp/", "a port is a plain number" },
		{ "tcp//80", "a port is a plain number" },
		{ "tcp/-80", "a port is a plain number" },
		{ "tcp/+80", "a port is a plain number" },
		{ "tcp/ 80", "a port is a plain number" },
		{ "tcp/80 ", "a port is a plain number" },
		{ "tcp/080", "a port is a plain number" },
		{ "tcp/0x50", "ports go from 1 to 65535" },
		{ "tcp/80,81", "a port is a plain number" },
		{ "tcp/80-", "a port is a plain number" },
		{ "tcp/80--81", "a port is a plain number" },
		{ "tcp/80-81-82", "a port is a plain number" },
		{ "tcp/ssh", "a port is a plain number" },
		{ "tcp/9-5", "port 'tcp/9-5': the lower port comes first, as in tcp/1025-1099" },
		{ "udp/65535-1", "the lower port comes first" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct port_range range = { PORT_UDP, 4, 5 };
		struct error error = {};

		assert_row(port_range_parse(rows[i].typed, &range, &error) == -EINVAL,
			   rows[i].typed);
		assert_error_contains(&error, rows[i].sentence);
		assert_true(range.protocol == PORT_UDP && range.first == 4 && range.last == 5);
	}
}

static void every_port_reads_back(void **state)
{
	for (int protocol = 0; protocol < PORT_PROTOCOLS; protocol++) {
		for (uint32_t port = 1; port < PORT_COUNT; port++) {
			struct port_range range = { protocol, port, 65535 }, again;
			char buffer[PORT_RANGE_TEXT];

			assert_ok(
				port_range_parse(port_range_format(&range, buffer), &again, NULL));
			assert_row(again.protocol == range.protocol && again.first == port &&
					   again.last == 65535,
				   buffer);
		}
	}
}

static void protocols_have_names(void **state)
{
	assert_string_equal(port_protocol_name(PORT_TCP), "tcp");
	assert_string_equal(port_protocol_name(PORT_UDP), "udp");
}

static void a_set_has_what_was_added_and_nothing_else(void **state)
{
	static const struct port_range ranges[] = {
		{ PORT_TCP, 1, 1 },         { PORT_TCP, 63, 64 },     { PORT_TCP, 127, 193 },
		{ PORT_UDP, 65535, 65535 }, { PORT_UDP, 1000, 3000 },
	};
	static struct port_set set;

	memset(&set, 0, sizeof(set));
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		port_set_add(&set, &ranges[i]);
	for (int protocol = 0; protocol < PORT_PROTOCOLS; protocol++) {
		for (uint32_t port = 0; port < PORT_COUNT; port++) {
			bool wanted = false;

			for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
				wanted |= protocol == (int)ranges[i].protocol &&
					  port >= ranges[i].first && port <= ranges[i].last;
			assert_int_equal(port_set_has(&set, protocol, port), wanted);
		}
	}
}

static void check_walk(const struct port_set *set, const struct port_range *wanted, size_t count)
{
	enum port_protocol protocol = 0;
	struct port_range range;
	uint32_t port = 0;

	for (size_t i = 0; i < count; i++) {
		assert_true(port_set_next(set, &protocol, &port, &range));
		assert_int_equal(range.protocol, wanted[i].protocol);
		assert_int_equal(range.first, wanted[i].first);
		assert_int_equal(range.last, wanted[i].last);
	}
	range = (struct port_range){ PORT_UDP, 4, 5 };
	assert_false(port_set_next(set, &protocol, &port, &range));
	assert_false(port_set_next(set, &protocol, &port, &range));
	assert_true(range.first == 4 && range.last == 5);
}

static void walking_joins_neighbours(void **state)
{
	static const struct port_range added[] = {
		{ PORT_UDP, 65535, 65535 }, { PORT_TCP, 65535, 65535 }, { PORT_TCP, 11, 20 },
		{ PORT_TCP, 1, 10 },        { PORT_TCP, 22, 22 },       { PORT_UDP, 1, 64 },
		{ PORT_UDP, 60, 127 },
	};
	static const struct port_range wanted[] = {
		{ PORT_TCP, 1, 20 },  { PORT_TCP, 22, 22 },       { PORT_TCP, 65535, 65535 },
		{ PORT_UDP, 1, 127 }, { PORT_UDP, 65535, 65535 },
	};
	static struct port_set set;

	memset(&set, 0, sizeof(set));
	check_walk(&set, NULL, 0);
	for (size_t i = 0; i < ARRAY_SIZE(added); i++)
		port_set_add(&set, &added[i]);
	check_walk(&set, wanted, ARRAY_SIZE(wanted));
}

static void a_full_set_is_one_range_a_protocol(void **state)
{
	static const struct port_range all[] = { { PORT_TCP, 1, 65535 }, { PORT_UDP, 1, 65535 } };
	static struct port_set set;

	memset(&set, 0, sizeof(set));
	port_set_add(&set, &all[0]);
	port_set_add(&set, &all[1]);
	check_walk(&set, all, ARRAY_SIZE(all));
}

static void walking_may_start_inside(void **state)
{
	static const struct port_range added = { PORT_UDP, 10, 20 };
	enum port_protocol protocol = PORT_UDP;
	static struct port_set set;
	struct port_range range;
	uint32_t port = 15;

	memset(&set, 0, sizeof(set));
	port_set_add(&set, &added);
	assert_true(port_set_next(&set, &protocol, &port, &range));
	assert_int_equal(range.first, 15);
	assert_int_equal(range.last, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ranges),
		cmocka_unit_test(bad_ranges_say_what_to_do),
		cmocka_unit_test(every_port_reads_back),
		cmocka_unit_test(protocols_have_names),
		cmocka_unit_test(a_set_has_what_was_added_and_nothing_else),
		cmocka_unit_test(walking_joins_neighbours),
		cmocka_unit_test(a_full_set_is_one_range_a_protocol),
		cmocka_unit_test(walking_may_start_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
