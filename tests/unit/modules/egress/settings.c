/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "modules/egress/settings.h"

static struct egress_config config;
static char problem[512];

static void keep_problem(void *context, const char *path, unsigned line, const char *text)
{
	snprintf(problem, sizeof(problem), "%u: %s", line, text);
}

static const struct setting_table table = { .settings = egress_settings,
					    .count = EGRESS_SETTINGS,
					    .target = &config,
					    .sections = egress_sections };

static int read_text(const char *text)
{
	problem[0] = '\0';
	return config_read_text(text, strlen(text), "text", &table, 1, keep_problem, NULL);
}

static int tear_down(void **state)
{
	while (config.count) {
		struct egress_policy *policy = config.policies[--config.count];

		free(policy->path);
		free(policy->allow.items);
		free(policy->deny.items);
		free(policy);
	}
	return 0;
}

static void what_is_printed_is_read(void **state)
{
	static const char text[] = "[cgroup web]\n"
				   "path = system.slice/nginx.service\n"
				   "allow-out = 10.0.0.0/8:443, [::/0]:udp/53, tcp/25\n"
				   "deny-out = 10.9.0.0/16\n"
				   "mode = observe\n"
				   "\n"
				   "[cgroup db]\n"
				   "path = db.service\n"
				   "# allow-out =\n"
				   "deny-out = 0.0.0.0/0, ::/0\n"
				   "mode = enforce\n";
	CLEANUP_FREE char *printed = NULL;
	size_t size;
	FILE *memory = open_memstream(&printed, &size);

	assert_ok(read_text(text));
	config_print(&table, 1, memory);
	fclose(memory);
	assert_string_equal(printed, text);
}

static void what_denies_comes_first(void **state)
{
	CLEANUP_FREE struct egress_rules *rules = calloc(1, sizeof(*rules));

	assert_ok(read_text("[cgroup a]\npath = a\nallow-out = 10.0.0.1, udp/53\n"
			    "deny-out = tcp/25, 10.0.0.2\n"));
	assert_ok(egress_compile(config.policies[0], rules, NULL));
	assert_int_equal(rules->count, 6);
	assert_true(rules->allows);
	assert_false(rules->observe);
	for (uint32_t i = 0; i < rules->count; i++)
		assert_int_equal(rules->rules[i].deny, i < 3);
}

static void only_what_is_denied(void **state)
{
	CLEANUP_FREE struct egress_rules *rules = calloc(1, sizeof(*rules));

	assert_ok(read_text("[cgroup a]\npath = a\ndeny-out = 10.0.0.1\nmode = observe\n"));
	assert_ok(egress_compile(config.policies[0], rules, NULL));
	assert_false(rules->allows);
	assert_true(rules->observe);
}

static void what_is_wrong_is_said(void **state)
{
	assert_int_equal(read_text("[cgroup a]\npath = a\n"), -EINVAL);
	assert_non_null(strstr(problem, "1: [cgroup a]: it denies nothing"));
	tear_down(NULL);
	assert_int_equal(read_text("[cgroup a]\ndeny-out = 10.0.0.1\n"), -EINVAL);
	assert_non_null(strstr(problem, "'path' is missing"));
	tear_down(NULL);
	assert_int_equal(read_text("[cgroup a]\npath = a\ndeny-out = 10.0.0.1/8\n"), -EINVAL);
	assert_non_null(strstr(problem, "3: deny-out"));
}

static void too_many_rules(void **state)
{
	CLEANUP_FREE char *text = NULL;
	size_t size;
	FILE *memory = open_memstream(&text, &size);

	fprintf(memory, "[cgroup a]\npath = a\n");
	for (int i = 0; i <= EGRESS_RULES; i++)
		fprintf(memory, "deny-out = 10.0.%d.%d\n", i / 256, i % 256);
	fclose(memory);
	assert_int_equal(read_text(text), -EINVAL);
	assert_non_null(strstr(problem, "more than 512 rules"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(what_is_printed_is_read, tear_down),
		cmocka_unit_test_teardown(what_denies_comes_first, tear_down),
		cmocka_unit_test_teardown(only_what_is_denied, tear_down),
		cmocka_unit_test_teardown(what_is_wrong_is_said, tear_down),
		cmocka_unit_test_teardown(too_many_rules, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
