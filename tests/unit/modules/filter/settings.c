// SPDX-License-Identifier: GPL-2.0-or-later
#include "../../unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/duration.h"
#include "core/output.h"
#include "modules/filter/module.h"
#include "modules/filter/settings.h"

struct outcome {
	struct filter_config config;
	int result;
	char said[ERROR_TEXT];
};

static void note(void *context, const char *path, unsigned line, const char *text)
{
	struct outcome *outcome = context;

	snprintf(outcome->said, sizeof(outcome->said), "%u: %s", line, text);
}

static struct setting_table table_of(struct filter_config *config)
{
	return (struct setting_table){ filter_settings, FILTER_SETTINGS, config, filter_sections };
}

static void release(struct outcome *outcome)
{
	filter_config_free(&outcome->config);
}

static struct outcome read_whole(const char *text)
{
	struct outcome outcome = { .config = filter_config };
	struct setting_table table = table_of(&outcome.config);

	outcome.result = config_read_text(text, strlen(text), "test", &table, 1, note, &outcome);
	return outcome;
}

/* `text` follows the line [filter]. */
static struct outcome read_text(const char *text)
{
	CLEANUP_FREE char *whole = NULL;

	assert_true(asprintf(&whole, "[filter]\n%s\n", text) > 0);
	return read_whole(whole);
}

static char *print(struct filter_config *config)
{
	struct setting_table table = table_of(config);
	char *text = NULL;
	size_t size;
	FILE *memory = open_memstream(&text, &size);

	config_print(&table, 1, memory);
	fclose(memory);
	return text;
}

static void the_defaults_are_harmless(void **state)
{
	static const char text[] = "[filter]\n"
				   "enabled = on\n"
				   "# interfaces =\n"
				   "require-native = off\n"
				   "mode = observe\n"
				   "# block-ports =\n"
				   "# watch-ports =\n"
				   "# allow =\n"
				   "# ban =\n"
				   "# allow-list =\n"
				   "# deny-list =\n"
				   "strict-lists = off\n"
				   "unproven-ban = 1m\n"
				   "ban-rate = 100/s\n"
				   "aggregate-ipv4 = off\n"
				   "aggregate-ipv6 = 8\n"
				   "syn-cookies = off\n"
				   "syn-cookies-above = 1k/s\n"
				   "# bans-file =\n"
				   "report-interval = 5s\n"
				   "\n"
				   "[scan]\n"
				   "detect = off\n"
				   "mode = enforce\n"
				   "ports = 10\n"
				   "window = 1h\n"
				   "ban = 1m\n";
	CLEANUP_FREE char *printed = print(&filter_config);

	assert_string_equal(printed, text);
	assert_int_equal(filter_config.mode, MODE_OBSERVE);
	assert_null(filter_config.bans_file);
}

/* Each of the lines, and what the printed configuration then has. */
static void everything_reads_and_prints(void **state)
{
	static const struct {
		const char *text, *line;
	} rows[] = {
		{ "interfaces = eth0 eth1,eth0", "interfaces = eth0, eth1" },
		{ "interfaces = eth0\ninterfaces = br-lan.7\n  wg0",
		  "interfaces = eth0, br-lan.7, wg0" },
		{ "interfaces = a23456789012345", "interfaces = a23456789012345" },
		{ "mode = enforce", "mode = enforce" },
		{ "mode = observe", "mode = observe" },
		{ "block-ports = udp/53 TCP/8081,tcp/8080\n tcp/1-3",
		  "block-ports = tcp/1-3, tcp/8080-8081, udp/53" },
		{ "block-ports = tcp/1-65535, udp/65535", "block-ports = tcp/1-65535, udp/65535" },
		{ "watch-ports = tcp/1025-1099 udp/7", "watch-ports = tcp/1025-1099, udp/7" },
		{ "allow = 192.0.2.1, 10.0.0.0/8 192.0.2.1/32", "allow = 192.0.2.1, 10.0.0.0/8" },
		{ "ban = 2001:DB8::/32\nban = ::ffff:192.0.2.1", "ban = 2001:db8::/32, 192.0.2.1" },
		{ "report-interval = 90s", "report-interval = 1m30s" },
		{ "report-interval = 100ms", "report-interval = 100ms" },
		{ "report-interval = 1d", "report-interval = 1d" },
		{ "deny-list = /l/a.txt, /l/b.netset\ndeny-list = /l/a.txt\n  /c",
		  "deny-list = /l/a.txt, /l/b.netset, /c" },
		{ "allow-list = /etc/sumun/a.b.c", "allow-list = /etc/sumun/a.b.c" },
		{ "require-native = on", "require-native = on" },
		{ "strict-lists = yes", "strict-lists = on" },
		{ "strict-lists = true", "strict-lists = on" },
		{ "strict-lists = on", "strict-lists = on" },
		{ "strict-lists = no", "strict-lists = off" },
		{ "strict-lists = false", "strict-lists = off" },
		{ "syn-cookies = on\nsyn-cookies-above = 20k/min", "syn-cookies-above = 20k/min" },
		{ "syn-cookies = on\nsyn-cookies-above = 20k/min", "syn-cookies = on" },
		{ "syn-cookies-above = 1000/s", "syn-cookies-above = 1k/s" },
		{ "unproven-ban = off", "unproven-ban = off" },
		{ "unproven-ban = 1s", "unproven-ban = 1s" },
		{ "unproven-ban = 365d", "unproven-ban = 365d" },
		{ "ban-rate = 5/h", "ban-rate = 5/h" },
		{ "aggregate-ipv4 = 64", "aggregate-ipv4 = 64" },
		{ "aggregate-ipv6 = 2", "aggregate-ipv6 = 2" },
		{ "aggregate-ipv6 = off", "aggregate-ipv6 = off" },
		{ "aggregate-ipv6 = 0", "aggregate-ipv6 = off" },
		{ "bans-file = none", "bans-file = none" },
		{ "bans-file = /var/lib/su mun#/bans", "bans-file = /var/lib/su mun#/bans" },
		{ "[guard web]\nper-source = 1000/min",
		  "[guard web]\n# ports =\nper-source = 1k/min" },
		{ "[guard web]\nper-source = 1/s\nports = udp/1,tcp/2\n tcp/1",
		  "ports = tcp/1-2, udp/1\n" },
		{ "[guard web]\npackets-per-source = 5k/s", "\npackets-per-source = 5k/s\n" },
		{ "[guard web]\nbytes-per-source = 2M/s", "\nbytes-per-source = 2M/s\n" },
		{ "[guard web]\ntotal = 2/d",
		  "\ntotal = 2/d\n# burst =\nban = off\n# ban-max =\n" },
		{ "[guard web]\ntotal = 2/d\nburst = 3000", "\nburst = 3k\n" },
		{ "[guard web]\nper-source = 2/d\nban = 60m\nban-max = 1h",
		  "\nban = 1h\nban-max = 1h\nmode = enforce\n" },
		{ "[guard web]\nper-source = 2/d\nban = off", "\nban = off\n" },
		{ "[guard web]\nper-source = 2/d\nmode = observe", "ban-max =\nmode = observe\n" },
		{ "[guard b]\ntotal = 1/s\n[guard a]\nports=tcp/1\ntotal = 1/s",
		  "mode = enforce\n\n[guard a]\nports = tcp/1\n" },
		{ "[scan]\ndetect = yes", "[scan]\ndetect = on\nmode = enforce\n" },
		{ "[scan]\nmode = observe", "\nmode = observe\nports = 10\n" },
		{ "[scan]\nports = 3", "\nports = 3\n" },
		{ "[scan]\nports = 64", "\nports = 64\n" },
		{ "[scan]\nwindow = 1m", "\nwindow = 1m\n" },
		{ "[scan]\nwindow = 24h", "\nwindow = 1d\n" },
		{ "[scan]\nban = off", "\nban = off\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct outcome outcome = read_text(rows[i].text), again;
		CLEANUP_FREE char *text = NULL, *second = NULL;

		if (outcome.result < 0)
			fail_msg("'%s': %s", rows[i].text, outcome.said);
		text = print(&outcome.config);
		if (!strstr(text, rows[i].line))
			fail_msg("'%s' is not in '%s'", rows[i].line, text);
		again = read_whole(text);
		if (again.result < 0)
			fail_msg("'%s': %s", text, again.said);
		second = print(&again.config);
		assert_string_equal(text, second);
		release(&outcome);
		release(&again);
	}
}

static void a_guard_has_what_the_file_says(void **state)
{
	struct outcome outcome = read_whole("[guard web]\nports = tcp/80\nper-source = 20/min\n"
					    "packets-per-source = 1/s\nbytes-per-source = 2/h\n"
					    "total = 3/d\nburst = 10\nban = 10m\nban-max = 1d\n"
					    "mode = observe\n[guard other]\ntotal = 4/s");
	const struct guard_config *web = outcome.config.guards.items, *other = web + 1;

	assert_ok(outcome.result);
	assert_int_equal(outcome.config.guards.count, 2);
	assert_string_equal(web->name, "web");
	assert_true(port_set_has(&web->ports, PORT_TCP, 80));
	assert_int_equal(web->connections.count, 20);
	assert_int_equal(web->connections.period, 60 * NSEC_PER_SEC);
	assert_int_equal(web->packets.count, 1);
	assert_int_equal(web->bytes.count, 2);
	assert_int_equal(web->total.count, 3);
	assert_int_equal(web->burst, 10);
	assert_int_equal(web->ban, 600 * NSEC_PER_SEC);
	assert_int_equal(web->ban_max, 86400 * NSEC_PER_SEC);
	assert_int_equal(web->mode, MODE_OBSERVE);
	assert_string_equal(other->name, "other");
	assert_int_equal(other->total.count, 4);
	assert_int_equal(other->mode, MODE_ENFORCE);
	assert_int_equal(other->ban, 0);
	assert_false(port_set_has(&other->ports, PORT_TCP, 80));
	release(&outcome);
}

static void burst_is_that_of_the_first_limit(void **state)
{
	struct guard_config guard = { .connections = { 20, 60 * NSEC_PER_SEC },
				      .packets = { 50, NSEC_PER_SEC },
				      .bytes = { 1000000, NSEC_PER_SEC },
				      .total = { 500, NSEC_PER_SEC } };

	assert_int_equal(filter_guard_burst(&guard, &guard.connections), 0);
	guard.burst = 7;
	assert_int_equal(filter_guard_burst(&guard, &guard.connections), 7);
	assert_int_equal(filter_guard_burst(&guard, &guard.packets), 0);
	assert_int_equal(filter_guard_burst(&guard, &guard.bytes), 0);
	assert_int_equal(filter_guard_burst(&guard, &guard.total), 0);
	guard.connections.count = 0;
	assert_int_equal(filter_guard_burst(&guard, &guard.packets), 7);
	assert_int_equal(filter_guard_burst(&guard, &guard.total), 0);
	guard.packets.count = 0;
	assert_int_equal(filter_guard_burst(&guard, &guard.bytes), 7);
	guard.bytes.count = 0;
	assert_int_equal(filter_guard_burst(&guard, &guard.total), 7);
}

static void wrong_values_are_refused(void **state)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		{ "interfaces = a234567890123456", "2: interfaces: 'a234567890123456' cannot be" },
		{ "interfaces = eth0 ../x", "2: interfaces: '../x' cannot be" },
		{ "interfaces = eth0:1", "2: interfaces: 'eth0:1' cannot be" },
		{ "interfaces = .", "2: interfaces: '.' cannot be" },
		{ "interfaces = eth0,..", "2: interfaces: '..' cannot be" },
		{ "interfaces =;eth0", "2: interfaces: ';eth0' cannot be" },
		{ "interfaces = eth0,#1", "2: interfaces: '#1' cannot be" },
		{ "mode = Enforce", "2: mode: 'Enforce' is neither 'observe' nor 'enforce'" },
		{ "mode =", "2: mode: '' is neither" },
		{ "mode = enforce observe", "is neither" },
		{ "mode = enforce\nmode = enforce", "3: 'mode' was given already, on line 2" },
		{ "block-ports = 80", "2: block-ports: " },
		{ "block-ports = tcp/80\n\n tcp/0", "4: block-ports: " },
		{ "block-ports = tcp/80-70", "2: block-ports: " },
		{ "watch-ports = tcp", "2: watch-ports: " },
		{ "allow = 10.0.0.1/8", "2: allow: " },
		{ "allow = example.org", "2: allow: " },
		{ "ban = 192.0.2.1 192.0.2.300", "2: ban: " },
		{ "report-interval = 5", "2: report-interval: " },
		{ "report-interval = 99ms", "every 100ms at most" },
		{ "report-interval = 1d1ms", "once a day at least" },
		{ "deny-list = drop.txt",
		  "2: deny-list: 'drop.txt' is not an absolute path: begin it with '/'" },
		{ "allow-list = /a/b ./c", "2: allow-list: './c' is not an absolute path" },
		{ "deny-list = /etc/", "2: deny-list: '/etc/' is the path of a directory" },
		{ "deny-list = /etc/..", "is the path of a directory" },
		{ "deny-list = /etc/\x1b[2J", "the path '/etc/\\x1b[2J' has control characters" },
		{ "deny-list = /a/\xc3\xa4", "at most 31 letters, digits and signs of ASCII" },
		{ "deny-list = /a/a2345678901234567890123456789012.txt", "at most 31 letters" },
		{ "require-native = generic",
		  "2: require-native: 'generic' is neither 'on' nor 'off'" },
		{ "strict-lists = maybe", "2: strict-lists: 'maybe' is neither 'on' nor 'off'" },
		{ "strict-lists = 1", "is neither 'on' nor 'off'" },
		{ "syn-cookies = ON", "2: syn-cookies: 'ON' is neither 'on' nor 'off'" },
		{ "syn-cookies-above = 1000", "2: syn-cookies-above: rate '1000': say in what" },
		{ "unproven-ban = 60", "2: unproven-ban: duration '60': say the unit" },
		{ "unproven-ban = 0", "2: unproven-ban: " },
		{ "unproven-ban = 999ms", "'999ms': such a ban lasts from 1s to 365d" },
		{ "unproven-ban = 366d", "'366d': such a ban lasts from 1s to 365d" },
		{ "ban-rate = off", "2: ban-rate: rate 'off': write a whole number" },
		{ "aggregate-ipv4 = 1", "2: aggregate-ipv4: '1': give the number of banned" },
		{ "aggregate-ipv6 = 65", "2: aggregate-ipv6: '65': give the number" },
		{ "aggregate-ipv6 = 8x", "'8x': give the number" },
		{ "bans-file = bans", "2: bans-file: 'bans' is not an absolute path" },
		{ "bans-file =", "2: bans-file: '' is not an absolute path" },
		{ "bans-file = /a/", "2: bans-file: the path of a file is wanted" },
		{ "bans-file = /a\nbans-file = /b", "3: 'bans-file' was given already, on line 2" },
		{ "[guard a]\nports = 80", "3: ports: " },
		{ "[guard a]\nper-source = 20", "3: per-source: rate '20': say in what time" },
		{ "[guard a]\npackets-per-source = x", "3: packets-per-source: rate 'x'" },
		{ "[guard a]\nbytes-per-source = 1K/s", "3: bytes-per-source: rate '1K/s'" },
		{ "[guard a]\ntotal = 0/s", "3: total: rate '0/s': it must be more than nothing" },
		{ "[guard a]\nburst = 0", "3: burst: number '0': it must be at least 1" },
		{ "[guard a]\nburst = 10/s", "3: burst: number '10/s'" },
		{ "[guard a]\nban = 1", "3: ban: duration '1'" },
		{ "[guard a]\nban-max = off", "3: ban-max: duration 'off'" },
		{ "[guard a]\nmode = on", "3: mode: 'on' is neither 'observe' nor 'enforce'" },
		{ "[guard a]\nper-surce = 1/s",
		  "3: unknown key 'per-surce' in [guard]; there are: ports, per-source, "
		  "packets-per-source, bytes-per-source, total, burst, ban, ban-max, mode" },
		{ "[scan]\ndetect = enforce", "3: detect: 'enforce' is neither 'on' nor 'off'" },
		{ "[scan]\nports = 2", "3: ports: '2': give the number of different closed" },
		{ "[scan]\nports = 65", "3: ports: '65': give" },
		{ "[scan]\nports = tcp/80", "3: ports: 'tcp/80': give" },
		{ "[scan]\nwindow = 59s", "3: window: '59s': the window is from 1m to 1d" },
		{ "[scan]\nwindow = 25h", "3: window: '25h': the window is from 1m to 1d" },
		{ "[scan]\nban = 1ms", "3: ban: '1ms': such a ban lasts from 1s to 365d" },
		{ "[wrong]\n", "2: unknown section 'wrong'; there are: filter, guard NAME, scan" },
		{ "interface = eth0",
		  "2: unknown key 'interface' in [filter]; there are: enabled, interfaces, "
		  "require-native, mode, block-ports, watch-ports, allow, ban, allow-list, "
		  "deny-list, strict-lists, "
		  "unproven-ban, ban-rate, aggregate-ipv4, aggregate-ipv6, syn-cookies, "
		  "syn-cookies-above, bans-file, report-interval" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct outcome outcome = read_text(rows[i].text);

		assert_row(outcome.result == -EINVAL, rows[i].text);
		if (!strstr(outcome.said, rows[i].said))
			fail_msg("'%s': %s", rows[i].text, outcome.said);
		release(&outcome);
	}
}

/* Each value is right, but not beside the others. */
static void what_does_not_agree_is_refused(void **state)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		{ "syn-cookies-above = 2k/s",
		  "1: [filter]: 'syn-cookies-above = 2k/s' does nothing without "
		  "'syn-cookies = on'" },
		{ "syn-cookies = off\nsyn-cookies-above = 1k/min", "without 'syn-cookies = on'" },
		{ "deny-list = /a/drop.txt, /b/drop.list",
		  "1: [filter]: '/a/drop.txt' and '/b/drop.list' would both be the list 'drop'; "
		  "rename one" },
		{ "deny-list = /a/x\nallow-list = /a/x", "would both be the list 'x'" },
		{ "[guard a]\nports = tcp/1",
		  "2: [guard a]: it limits nothing: give 'per-source'" },
		{ "[guard a]\nban = 1m", "2: [guard a]: it limits nothing" },
		{ "[guard a]\ntotal = 1/s\nban = 1m",
		  "2: [guard a]: 'ban' wants a limit of one source ('per-source', "
		  "'packets-per-source' or 'bytes-per-source'); 'total' bans nobody" },
		{ "[guard a]\nper-source = 1/s\nban-max = 1m",
		  "2: [guard a]: 'ban-max' wants 'ban'" },
		{ "[guard a]\nper-source = 1/s\nban = 1h\nban-max = 59m",
		  "2: [guard a]: 'ban-max = 59m' is shorter than 'ban = 1h'" },
		{ "[guard a]\nper-source = 1/d\nburst = 40k", "more than 100 years to come back" },
		{ "[guard a]\nper-source = 1/s\nburst = 1000000G",
		  "more than 100 years to come back" },
		{ "[guard a]\nper-source = 1/s\nports = tcp/20-30\n[guard b]\nper-source = 1/s\n"
		  "ports = udp/1-65535\n[guard c]\nper-source = 1/s\nports = tcp/1-22, udp/7",
		  "8: [guard c]: tcp/20 is a port of [guard a] too; a port has one guard" },
		{ "[guard a]\nper-source = 1/s\nports = udp/53\n[guard b]\nper-source = 1/s\n"
		  "ports = udp/53",
		  "5: [guard b]: udp/53 is a port of [guard a] too" },
		{ "[guard a]\nper-source = 1/s\n\n[guard b]\nper-source = 1/s",
		  "5: [guard b]: it has no 'ports', and neither has [guard a]" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct outcome outcome = read_text(rows[i].text);

		assert_row(outcome.result == -EINVAL, rows[i].text);
		if (!strstr(outcome.said, rows[i].said))
			fail_msg("'%s': %s", rows[i].text, outcome.said);
		release(&outcome);
	}
}

static void there_is_an_end_to_guards_and_lists(void **state)
{
	CLEANUP_FREE char *text = NULL, *lists = NULL;
	struct outcome outcome;
	char said[64];
	size_t size;
	FILE *memory = open_memstream(&text, &size);

	for (int i = 1; i <= GUARDS_MAX; i++)
		fprintf(memory, "[guard g%d]\nports = tcp/%d\ntotal = 1/s\n", i, i);
	fflush(memory);
	outcome = read_whole(text);
	assert_ok(outcome.result);
	assert_int_equal(outcome.config.guards.count, GUARDS_MAX);
	release(&outcome);
	fprintf(memory, "[guard more]\nports = tcp/1000\ntotal = 1/s\n");
	fclose(memory);
	outcome = read_whole(text);
	snprintf(said, sizeof(said), "%d: [guard more]: more than 63 guards", 3 * GUARDS_MAX + 1);
	assert_non_null(strstr(outcome.said, said));
	release(&outcome);

	memory = open_memstream(&lists, &size);
	fprintf(memory, "[filter]\nallow-list = /x\n");
	for (int i = 1; i < LISTS_MAX; i++)
		fprintf(memory, "deny-list = /l%d\n", i);
	fflush(memory);
	outcome = read_whole(lists);
	assert_ok(outcome.result);
	release(&outcome);
	fprintf(memory, "deny-list = /more\n");
	fclose(memory);
	outcome = read_whole(lists);
	assert_non_null(strstr(outcome.said, "1: [filter]: 64 lists in 'deny-list' and"));
	release(&outcome);
}

static void a_list_is_named_like_its_file(void **state)
{
	static const struct {
		const char *path, *name;
	} rows[] = {
		{ "/drop", "drop" },
		{ "/etc/sumun/drop.txt", "drop" },
		{ "/a.b/firehol_level1.netset", "firehol_level1" },
		{ "/a.b/c", "c" },
		{ "/a.b.c", "a.b" },
		{ "/.hidden", ".hidden" },
		{ "/a.", "a" },
		{ "/a234567890123456789012345678901.txt", "a234567890123456789012345678901" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char name[LIST_NAME_SIZE] = "";

		assert_row(filter_list_name(rows[i].path, name, NULL) == 0, rows[i].path);
		assert_string_equal(name, rows[i].name);
	}
}

static void examples_are_right(void **state)
{
	static const char *const names[] = { "guide.conf", "server.conf" };
	const char *root = getenv("SOURCE_ROOT");

	if (!root)
		skip(); /* not run by meson */
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct outcome outcome = { .config = filter_config };
		struct output_config output = {};
		struct setting_table tables[] = {
			table_of(&outcome.config),
			{ output_settings, output_setting_count, &output },
		};
		CLEANUP_FREE char *path = NULL;

		assert_true(asprintf(&path, "%s/examples/%s", root, names[i]) > 0);
		if (config_read(path, tables, ARRAY_SIZE(tables), note, &outcome) < 0)
			fail_msg("%s: %s", path, outcome.said);
		assert_true(outcome.config.guards.count >= 1);
		assert_true(outcome.config.scan.on);
		release(&outcome);
		output_config_free(&output);
	}
}

static void every_mode_has_a_name(void **state)
{
	assert_string_equal(filter_mode_name(MODE_OBSERVE), "observe");
	assert_string_equal(filter_mode_name(MODE_ENFORCE), "enforce");
	assert_string_equal(filter_mode_name(77), "?");
}

static void the_module_knows_all_settings(void **state)
{
	assert_int_equal(filter_module.setting_count, FILTER_SETTINGS);
	assert_ptr_equal(filter_module.settings, filter_settings);
	assert_ptr_equal(filter_module.sections, filter_sections);
	for (size_t i = 0; i < FILTER_SETTINGS; i++)
		assert_row(*filter_settings[i].help, filter_settings[i].key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_defaults_are_harmless),
		cmocka_unit_test(everything_reads_and_prints),
		cmocka_unit_test(a_guard_has_what_the_file_says),
		cmocka_unit_test(burst_is_that_of_the_first_limit),
		cmocka_unit_test(wrong_values_are_refused),
		cmocka_unit_test(what_does_not_agree_is_refused),
		cmocka_unit_test(there_is_an_end_to_guards_and_lists),
		cmocka_unit_test(a_list_is_named_like_its_file),
		cmocka_unit_test(examples_are_right),
		cmocka_unit_test(every_mode_has_a_name),
		cmocka_unit_test(the_module_knows_all_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
