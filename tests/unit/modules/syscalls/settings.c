/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "modules/syscalls/settings.h"
#include "observe/owners.h"

static char problem[512];

static void note(void *context, const char *path, unsigned line, const char *text)
{
	snprintf(problem, sizeof(problem), "%u: %s", line, text);
}

static int read_text(const char *text, struct syscalls_config *config)
{
	const struct setting_table table = { .settings = syscalls_settings,
					     .count = SYSCALLS_SETTINGS,
					     .target = config };

	problem[0] = '\0';
	return config_read_text(text, strlen(text), "test", &table, 1, note, NULL);
}

static void release(struct syscalls_config *config)
{
	free(config->calls);
	free(config->users);
	free(config->commands);
	free(config->cgroups);
}

static void what_is_printed_is_read(void **state)
{
	struct syscalls_config config = syscalls_config, again = syscalls_config;
	const struct setting_table table = { .settings = syscalls_settings,
					     .count = SYSCALLS_SETTINGS,
					     .target = &config };
	char text[2048] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	assert_false(config.watch);
	assert_ok(read_text("[syscalls]\nwatch = on\nerrors = on\nfailed = on\nby = call,user\n"
			    "syscalls = read,257\nusers = root\ncommands = sshd,my shell\n"
			    "cgroups = /web.slice\ntop = 7\ninterval = 2m\n",
			    &config));
	config_print(&table, 1, out);
	fclose(out);
	assert_ok(read_text(text, &again));
	assert_true(again.watch && again.errors && again.failed && !again.latency);
	assert_int_equal(again.by, BY_CALL | BY_USER);
	assert_string_equal(again.calls, "read,257");
	assert_string_equal(again.users, "root");
	assert_string_equal(again.commands, "sshd,my shell");
	assert_string_equal(again.cgroups, "/web.slice");
	assert_int_equal(again.top, 7);
	assert_int_equal(again.interval, 120000000000ULL);
	release(&config);
	release(&again);
}

static void what_is_wrong_is_said(void **state)
{
	static const char *const rows[][2] = {
		{ "[syscalls]\nsyscalls = opennat\n", "openat" },
		{ "[syscalls]\nsyscalls = 5000\n", "no such number" },
		{ "[syscalls]\ncommands = a name of over fifteen\n", "only 15 characters" },
		{ "[syscalls]\nby = thread\n", "process, command, call" },
		{ "[syscalls]\nfailed = maybe\n", "neither 'on' nor 'off'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct syscalls_config config = syscalls_config;

		assert_true(read_text(rows[i][0], &config) < 0);
		assert_row(strstr(problem, rows[i][1]), problem);
		release(&config);
	}
}

static void what_is_counted(void **state)
{
	struct syscalls_config config = syscalls_config;
	struct monitor_options options;
	struct error error = { "" };

	assert_ok(syscalls_config_options(&config, &options, NULL));
	assert_false(options.select_calls || options.failed || options.selection.user_count);
	assert_ok(read_text("[syscalls]\nfailed = on\nsyscalls = read,write\nusers = root\n"
			    "commands = sshd,cat\n",
			    &config));
	assert_ok(syscalls_config_options(&config, &options, NULL));
	assert_true(options.select_calls && options.failed);
	assert_int_equal(options.calls[SYS_read / 64] >> (SYS_read % 64) & 1, 1);
	assert_int_equal(options.calls[SYS_write / 64] >> (SYS_write % 64) & 1, 1);
	assert_int_equal(options.calls[SYS_close / 64] >> (SYS_close % 64) & 1, 0);
	assert_int_equal(options.selection.user_count, 1);
	assert_int_equal(options.selection.command_count, 2);
	config.latency = true;
	assert_int_equal(syscalls_config_options(&config, &options, &error), -EINVAL);
	assert_error_contains(&error, "turn one of them off");
	config.latency = false;
	assert_ok(read_text("[syscalls]\nusers = no-such-user\n", &config));
	assert_true(syscalls_config_options(&config, &options, &error) < 0);
	assert_error_contains(&error, "no-such-user");
	release(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_printed_is_read),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(what_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
