/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/config.h"

static void print_setting(const struct setting *setting, const void *item, FILE *out)
{
	CLEANUP_FREE char *value = NULL;
	size_t size;
	FILE *memory = open_memstream(&value, &size);

	if (!memory)
		return;
	setting->print((const char *)item + setting->offset, memory);
	fclose(memory);
	if (*value)
		fprintf(out, "%s = %s\n", setting->key, value);
	else
		fprintf(out, "# %s =\n", setting->key);
}

static void print_rows(const struct setting *settings, size_t count, const char *name,
		       const void *item, bool *first, FILE *out)
{
	fprintf(out, "%s[%s%s%s]\n", *first ? "" : "\n", settings->section, *name ? " " : "", name);
	*first = false;
	for (size_t i = 0; i < count; i++)
		print_setting(&settings[i], item, out);
}

/* How many rows from this one on are of the same section. */
static size_t rows_of_section(const struct setting *settings, size_t count)
{
	size_t same = 1;

	while (same < count && strcmp(settings[same].section, settings->section) == 0)
		same++;
	return same;
}

static void print_table(const struct setting_table *table, bool *first, FILE *out)
{
	size_t rows;

	for (size_t i = 0; i < table->count; i += rows) {
		const struct setting *settings = &table->settings[i];
		const struct section *section = config_section(table, settings->section);
		const char *name = "";
		const void *item;

		rows = rows_of_section(settings, table->count - i);
		if (!section || !section->make)
			print_rows(settings, rows, name, table->target, first, out);
		else
			for (size_t n = 0; (item = section->item(table->target, n, &name)); n++)
				print_rows(settings, rows, name, item, first, out);
	}
}

void config_print(const struct setting_table *tables, size_t count, FILE *out)
{
	bool first = true;

	for (size_t t = 0; t < count; t++)
		print_table(&tables[t], &first, out);
}
