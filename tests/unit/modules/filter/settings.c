// SPDX-License-Identifier: GPL-2.0-or-later
#include "../../unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/duration.h"
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
	return (struct setting_table){ filter_settings, filter_setting_count, config };
}

static void release(struct outcome *outcome)
{
	for (size_t i = 0; i < outcome->config.interfaces.count; i++)
		free(outcome->config.interfaces.items[i]);
	free(outcome->config.interfaces.items);
	free(outcome->config.allow.items);
	free(outcome->config.ban.items);
}

/* `text` follows the line [filter]. */
static struct outcome read_text(const char *text)
{
	struct outcome outcome = { .config = filter_config };
	struct setting_table table = table_of(&outcome.config);
	CLEANUP_FREE char *whole = NULL;

	assert_true(asprintf(&whole, "[filter]\n%s\n", text) > 0);
	outcome.result = config_read_text(whole, strlen(whole), "test", &table, 1, note, &outcome);
	return outcome;
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
	CLEANUP_FREE char *text = print(&filter_config);

	assert_int_equal(filter_config.mode, MODE_OBSERVE);
	assert_int_equal(filter_config.report_interval, 5 * NSEC_PER_SEC);
	assert_non_null(strstr(text, "mode = observe\n"));
	assert_non_null(strstr(text, "# block-ports =\n"));
	assert_non_null(strstr(text, "report-interval = 5s\n"));
}

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
		{ "allow = 192.0.2.1, 10.0.0.0/8 192.0.2.1/32", "allow = 192.0.2.1, 10.0.0.0/8" },
		{ "ban = 2001:DB8::/32\nban = ::ffff:192.0.2.1", "ban = 2001:db8::/32, 192.0.2.1" },
		{ "report-interval = 90s", "report-interval = 1m30s" },
		{ "report-interval = 100ms", "report-interval = 100ms" },
		{ "report-interval = 1d", "report-interval = 1d" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct outcome outcome = read_text(rows[i].text), again;
		CLEANUP_FREE char *text = NULL, *second = NULL;

		if (outcome.result < 0)
			fail_msg("'%s': %s", rows[i].text, outcome.said);
		text = print(&outcome.config);
		assert_row(strstr(text, rows[i].line) != NULL, text);
		again = read_text(text);
		assert_ok(again.result);
		second = print(&again.config);
		assert_string_equal(text, second);
		release(&outcome);
		release(&again);
	}
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
		{ "allow = 10.0.0.1/8", "2: allow: " },
		{ "allow = example.org", "2: allow: " },
		{ "ban = 192.0.2.1 192.0.2.300", "2: ban: " },
		{ "report-interval = 5", "2: report-interval: " },
		{ "report-interval = 99ms", "every 100ms at most" },
		{ "report-interval = 1d1ms", "once a day at least" },
		{ "interface = eth0",
		  "2: unknown key 'interface' in [filter]; there are: "
		  "interfaces, mode, block-ports, allow, ban, report-interval" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct outcome outcome = read_text(rows[i].text);

		assert_row(outcome.result == -EINVAL, rows[i].text);
		if (!strstr(outcome.said, rows[i].said))
			fail_msg("'%s': %s", rows[i].text, outcome.said);
		release(&outcome);
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
	assert_int_equal(filter_module.setting_count, filter_setting_count);
	assert_ptr_equal(filter_module.settings, filter_settings);
	for (size_t i = 0; i < filter_setting_count; i++)
		assert_row(*filter_settings[i].help, filter_settings[i].key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_defaults_are_harmless),
		cmocka_unit_test(everything_reads_and_prints),
		cmocka_unit_test(wrong_values_are_refused),
		cmocka_unit_test(every_mode_has_a_name),
		cmocka_unit_test(the_module_knows_all_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
