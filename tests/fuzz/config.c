// SPDX-License-Identifier: GPL-2.0-or-later
/* A whole configuration file, with the real settings: what is accepted prints, and what is printed
 * reads back to the same. */
#include "core/output.h"
#include "modules/filter/settings.h"

#define FUZZ_BYTES
#include "fuzz.h"

struct configuration {
	struct filter_config filter;
	struct output_config output;
};

enum { TABLES = 2 };

static void make_tables(struct configuration *configuration, struct setting_table tables[TABLES])
{
	tables[0] = (struct setting_table){ filter_settings, FILTER_SETTINGS,
					    &configuration->filter, filter_sections };
	tables[1] = (struct setting_table){ output_settings, output_setting_count,
					    &configuration->output, NULL };
}

struct told {
	unsigned problems;
	unsigned lines; /* of the file */
};

/* A problem has a line that is there, and a sentence that a terminal can show. */
static void check_problem(void *context, const char *path, unsigned line, const char *text)
{
	struct told *told = context;

	told->problems++;
	require(line <= told->lines);
	require(*text && strlen(text) < ERROR_TEXT);
	for (; *text; text++)
		require((uint8_t)*text >= 0x20 && *text != 0x7f);
}

static int read_configuration(const char *text, size_t size, struct configuration *configuration)
{
	struct setting_table tables[TABLES];
	struct told told = { .lines = 1 };
	int r;

	for (size_t i = 0; i < size; i++)
		told.lines += text[i] == '\n';
	*configuration = (struct configuration){ .filter = filter_config };
	make_tables(configuration, tables);
	r = config_read_text(text, size, "fuzz", tables, TABLES, check_problem, &told);
	require(r == (told.problems ? -EINVAL : 0));
	return r;
}

static char *print_configuration(struct configuration *configuration)
{
	struct setting_table tables[TABLES];
	char *text = NULL;
	size_t size;
	FILE *memory = open_memstream(&text, &size);

	make_tables(configuration, tables);
	config_print(tables, TABLES, memory);
	fclose(memory);
	return text;
}

static void release(struct configuration *configuration)
{
	filter_config_free(&configuration->filter);
	output_config_free(&configuration->output);
}

static void fuzz_bytes(const char *text, size_t size)
{
	static struct configuration first, second;

	if (read_configuration(text, size, &first) == 0) {
		CLEANUP_FREE char *printed = print_configuration(&first), *again = NULL;

		require(read_configuration(printed, strlen(printed), &second) == 0);
		again = print_configuration(&second);
		require(strcmp(printed, again) == 0);
		release(&second);
	}
	release(&first);
}
