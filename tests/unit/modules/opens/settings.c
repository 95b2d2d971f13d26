/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../unit.h"

#include <stdio.h>

#include "modules/opens/settings.h"

static char problem[512];

static void note(void *context, const char *path, unsigned line, const char *text)
{
	snprintf(problem, sizeof(problem), "%u: %s", line, text);
}

static int read_text(const char *text, struct opens_config *config)
{
	const struct setting_table table = { .settings = opens_settings,
					     .count = OPENS_SETTINGS,
					     .target = config };

	problem[0] = '\0';
	return config_read_text(text, strlen(text), "test", &table, 1, note, NULL);
}

static void release(struct opens_config *config)
{
	free(config->path);
	free(config->users);
	free(config->commands);
}

static void what_is_printed_is_read(void **state)
{
	struct opens_config config = opens_config, again = opens_config;
	const struct setting_table table = { .settings = opens_settings,
					     .count = OPENS_SETTINGS,
					     .target = &config };
	char text[2048] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	assert_false(config.watch);
	assert_ok(read_text("[opens]\nwatch = on\npath = /etc/*\nwrite = on\nfailed = on\n"
			    "users = root,nobody\ncommands = sshd,my shell\nfold = off\n"
			    "interval = 2m\n",
			    &config));
	config_print(&table, 1, out);
	fclose(out);
	assert_ok(read_text(text, &again));
	assert_true(again.watch && again.write && again.failed && !again.fold);
	assert_string_equal(again.path, "/etc/*");
	assert_string_equal(again.users, "root,nobody");
	assert_string_equal(again.commands, "sshd,my shell");
	assert_int_equal(again.interval, 120000000000ULL);
	release(&config);
	release(&again);
}

static void what_is_wrong_is_said(void **state)
{
	static const char *const rows[][2] = {
		{ "path = etc/*", "2: " },
		{ "path = etc/*", "matches no path" },
		{ "commands = a-name-that-is-too-long", "keeps only 15 characters" },
		{ "watch = perhaps", "neither 'on' nor 'off'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct opens_config config = opens_config;
		char text[256];

		snprintf(text, sizeof(text), "[opens]\n%s\n", rows[i][0]);
		assert_int_equal(read_text(text, &config), -EINVAL);
		if (!strstr(problem, rows[i][1]))
			fail_msg("'%s' does not contain '%s'", problem, rows[i][1]);
		release(&config);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_printed_is_read),
		cmocka_unit_test(what_is_wrong_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
