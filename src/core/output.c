/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "core/logfile.h"
#include "core/output.h"

struct output {
	bool json;
	struct logfile *logs[2]; /* by enum logfile_format */
};

static int parse_path(const char *value, void *field, struct error *error)
{
	char **path = field, *copy;

	if (!*value)
		return error_set(error, -EINVAL, "the path of a file is missing");
	/* Where it would be printed again, a comment would begin. */
	if (*value == ';' || *value == '#')
		return error_set(error, -EINVAL,
				 "a path that begins with '%c' is written './%c...'", *value,
				 *value);
	copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	free(*path);
	*path = copy;
	return 0;
}

static void print_path(const void *field, FILE *out)
{
	const char *const *path = field;

	if (*path)
		fputs(*path, out);
}

const struct setting output_settings[] = {
	{ "log", "csv", false, parse_path, print_path, offsetof(struct output_config, csv),
	  "append security events to this file as CSV" },
	{ "log", "json", false, parse_path, print_path, offsetof(struct output_config, json),
	  "append all records to this file as JSON lines" },
};
const size_t output_setting_count = ARRAY_SIZE(output_settings);

void output_config_free(struct output_config *config)
{
	free(config->csv);
	free(config->json);
	*config = (struct output_config){ NULL, NULL };
}

struct output *output_new(const struct output_config *config, bool json, struct error *error)
{
	const char *const paths[] = { [LOGFILE_CSV] = config->csv, [LOGFILE_JSON] = config->json };
	struct output *output = calloc(1, sizeof(*output));

	if (!output)
		return NULL;
	output->json = json;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		if (!paths[i])
			continue;
		output->logs[i] = logfile_open(paths[i], i, error);
		if (!output->logs[i])
			return output_free(output);
	}
	return output;
}

void output_writes(const struct output *output, const struct confinement *confinement)
{
	for (size_t i = 0; i < ARRAY_SIZE(output->logs); i++)
		if (output->logs[i])
			confine_allow_log(confinement, logfile_path(output->logs[i]));
}

void output_warn_of_rotation(const struct output *output)
{
	for (size_t i = 0; i < ARRAY_SIZE(output->logs); i++)
		if (output->logs[i] && !logfile_can_return(output->logs[i]))
			log_warning("once it is moved away, '%s' cannot be made anew: its "
				    "directory is not ours to write",
				    logfile_path(output->logs[i]));
}

struct output *output_free(struct output *output)
{
	if (output)
		for (size_t i = 0; i < ARRAY_SIZE(output->logs); i++)
			logfile_close(output->logs[i]);
	free(output);
	return NULL;
}

bool output_is_json(const struct output *output)
{
	return output->json;
}

void output_record(struct output *output, const struct record *record, bool quiet)
{
	if (output->logs[LOGFILE_CSV] && record->type->csv == security_columns)
		logfile_write(output->logs[LOGFILE_CSV], record);
	if (output->logs[LOGFILE_JSON])
		logfile_write(output->logs[LOGFILE_JSON], record);
	if (quiet)
		return;
	if (output->json) {
		record_write_json(record, stdout);
	} else if (record->type->text) {
		record_write_text(record, stdout);
		putchar('\n');
	}
}

void output_reopen(struct output *output)
{
	for (size_t i = 0; i < ARRAY_SIZE(output->logs); i++)
		if (output->logs[i])
			logfile_reopen(output->logs[i]);
}

uint64_t output_lost(const struct output *output)
{
	uint64_t lost = 0;

	for (size_t i = 0; i < ARRAY_SIZE(output->logs); i++)
		if (output->logs[i])
			lost += logfile_lost(output->logs[i]);
	return lost;
}

bool output_flush(struct output *output)
{
	return fflush(stdout) == 0 && !ferror(stdout);
}
