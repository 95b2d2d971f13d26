// SPDX-License-Identifier: GPL-2.0-or-later
#include "../../unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "modules/filter/config_text.h"

static void stop(void *context, const char *path, unsigned line, const char *text)
{
	fail_msg("%u: %s", line, text);
}

/* The text that a configuration file would be kept as. */
static char *text_of(const char *file)
{
	struct filter_config config = filter_config;
	struct setting_table table = { filter_settings, FILTER_SETTINGS, &config, filter_sections };
	char *text;

	assert_ok(config_read_text(file, strlen(file), "test", &table, 1, stop, NULL));
	text = filter_config_text(&config);
	filter_config_free(&config);
	assert_non_null(text);
	return text;
}

/* What is told of the way from one file to another; the number of differences. */
static int compare(const char *now, const char *then, char told[4096])
{
	CLEANUP_FREE char *now_text = text_of(now), *then_text = text_of(then);
	FILE *memory = fmemopen(told, 4096, "w");
	int differences;

	told[0] = '\0';
	differences = config_text_compare(now_text, then_text, memory);
	fclose(memory);
	return differences;
}

static void told_in_words(void **state)
{
	static const struct {
		const char *now, *then, *told;
		int differences;
	} rows[] = {
		{ "", "", "", 0 },
		{ "[filter]\nmode = enforce\n", "[filter]\nmode = enforce\n", "", 0 },
		{ "", "[filter]\nmode = enforce\n", "[filter]\n  mode: observe -> enforce\n", 1 },
		/* Words, not lines; and of ports what they mean. */
		{ "[filter]\nban = 192.0.2.1, 192.0.2.2\n",
		  "[filter]\nban = 192.0.2.2, 192.0.2.3, 192.0.2.4\n",
		  "[filter]\n  ban: + 192.0.2.3, 192.0.2.4\n  ban: - 192.0.2.1\n", 2 },
		{ "[filter]\nban = 192.0.2.1\n", "[filter]\n", "[filter]\n  ban: - 192.0.2.1\n",
		  1 },
		{ "[filter]\nban = 192.0.2.1, 192.0.2.11\n",
		  "[filter]\nban = 192.0.2.11, 192.0.2.1\n", "", 0 },
		{ "[filter]\nban = 192.0.2.11\n", "[filter]\nban = 192.0.2.1\n",
		  "[filter]\n  ban: + 192.0.2.1\n  ban: - 192.0.2.11\n", 2 },
		{ "[filter]\nblock-ports = tcp/1-100, udp/5\n",
		  "[filter]\nblock-ports = tcp/1-49, tcp/51-101\n",
		  "[filter]\n  block-ports: + tcp/101\n  block-ports: - tcp/50, udp/5\n", 2 },
		{ "[filter]\nblock-ports = tcp/1-100\n",
		  "[filter]\nblock-ports = tcp/1-50, tcp/51-100\n", "", 0 },
		{ "[filter]\ninterfaces = eth0, eth1\n", "[filter]\ninterfaces = eth1, eth2\n",
		  "[filter]\n  interfaces: + eth2\n  interfaces: - eth0\n", 2 },
		/* Files: the first that has an address counts it. */
		{ "[filter]\ndeny-list = /a.txt, /b.txt\n",
		  "[filter]\ndeny-list = /b.txt, /a.txt\n",
		  "[filter]\n  deny-list: the order changes: /a.txt, /b.txt -> /b.txt, /a.txt\n",
		  1 },
		{ "[filter]\ndeny-list = /a.txt\n", "[filter]\ndeny-list = /a.txt, /b.txt\n",
		  "[filter]\n  deny-list: + /b.txt\n", 1 },
		/* Guards, by name. */
		{ "", "[guard web]\nports = tcp/80\nper-source = 20/min\n",
		  "[guard web] is new\n  ports = tcp/80\n  per-source = 20/min\n  ban = off\n"
		  "  mode = enforce\n",
		  1 },
		{ "[guard web]\nports = tcp/80\nper-source = 20/min\n", "",
		  "[guard web] is removed\n", 1 },
		{ "[guard web]\nports = tcp/80\nper-source = 20/min\n"
		  "[guard ssh]\nports = tcp/22\nper-source = 1/min\n",
		  "[guard ssh]\nports = tcp/22\nper-source = 1/min\n"
		  "[guard web]\nports = tcp/80\nper-source = 20/min\n",
		  "", 0 },
		{ "[guard web]\nports = tcp/80\nper-source = 20/min\n",
		  "[guard web]\nports = tcp/80, tcp/443\nper-source = 30/min\nburst = 5\n",
		  "[guard web]\n  ports: + tcp/443\n  per-source: 20/min -> 30/min\n"
		  "  burst: unset -> 5\n",
		  3 },
		{ "[guard web]\nports = tcp/80\nper-source = 20/min\nburst = 5\n",
		  "[guard web]\nports = tcp/80\nper-source = 20/min\n",
		  "[guard web]\n  burst: 5 -> unset\n", 1 },
		/* One section behind another. */
		{ "[filter]\nmode = enforce\n[scan]\ndetect = on\n",
		  "[filter]\nban = 192.0.2.1\n[guard a]\ntotal = 1/s\n[scan]\ndetect = off\n",
		  "[filter]\n  mode: enforce -> observe\n  ban: + 192.0.2.1\n[guard a] is new\n"
		  "  total = 1/s\n  ban = off\n  mode = enforce\n[scan]\n  detect: on -> off\n",
		  4 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char told[4096];
		int differences = compare(rows[i].now, rows[i].then, told);

		assert_string_equal(told, rows[i].told);
		assert_int_equal(differences, rows[i].differences);
	}
}

/* A text of another version is compared as far as both know the words. */
static void keys_that_are_not_known(void **state)
{
	char told[4096] = "";
	FILE *memory = fmemopen(told, sizeof(told), "w");

	assert_int_equal(config_text_compare("[filter]\ncolour = red\nodd\n[moon x]\nphase = full",
					     "[filter]\ncolour = blue, green\nodd\n", memory),
			 2);
	fclose(memory);
	assert_string_equal(told, "[filter]\n  colour: red -> blue, green\n[moon x] is removed\n");
}

static void what_is_set(void **state)
{
	char written[256] = "";
	FILE *memory = fmemopen(written, sizeof(written), "w");

	config_text_print_set("[filter]\n# ban =\nmode = observe\n\n[scan]\ndetect = off", memory);
	fclose(memory);
	assert_string_equal(written, "[filter]\n  mode = observe\n[scan]\n  detect = off\n");
}

static void words_of_a_list(void **state)
{
	static const char text[] = "[filter]\nban = 192.0.2.1, 192.0.2.22\n# allow =\n";

	assert_true(config_text_has(text, "filter", "ban", "192.0.2.1"));
	assert_true(config_text_has(text, "filter", "ban", "192.0.2.22"));
	assert_false(config_text_has(text, "filter", "ban", "192.0.2.2"));
	assert_false(config_text_has(text, "filter", "allow", "192.0.2.1"));
	assert_false(config_text_has(text, "scan", "ban", "192.0.2.1"));
	assert_false(config_text_has("", "filter", "ban", "192.0.2.1"));
}

static void value_of_a_key(void **state)
{
	CLEANUP_FREE char *text = text_of("[filter]\nmode = enforce\n[guard web]\nports = tcp/80\n"
					  "total = 60/min\n[guard mail]\ntotal = 2/h\n");
	const char *value;

	assert_int_equal(config_text_value(text, "guard web", "total", &value), 6);
	assert_memory_equal(value, "60/min\n", 7);
	assert_int_equal(config_text_value(text, "guard mail", "total", &value), 3);
	assert_memory_equal(value, "2/h\n", 4);
	assert_int_equal(config_text_value(text, "guard web", "burst", &value), 0);
	assert_int_equal(config_text_value(text, "guard", "total", &value), 0);
	assert_int_equal(config_text_value(text, "guard we", "total", &value), 0);
	assert_int_equal(config_text_value(text, "guard web", "tot", &value), 0);
	assert_int_equal(config_text_value("", "guard web", "total", &value), 0);
	assert_string_equal(value, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(told_in_words),  cmocka_unit_test(keys_that_are_not_known),
		cmocka_unit_test(what_is_set),    cmocka_unit_test(words_of_a_list),
		cmocka_unit_test(value_of_a_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
