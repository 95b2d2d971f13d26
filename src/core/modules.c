/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/log.h"
#include "core/module.h"
#include "modules/cgroups/module.h"
#include "modules/egress/module.h"
#include "modules/filter/module.h"
#include "modules/opens/module.h"
#include "modules/perf/module.h"
#include "modules/profile/module.h"
#include "modules/syscalls/module.h"

const struct module *const modules[] = {
	&filter_module,  &syscalls_module, &opens_module,   &perf_module,
	&cgroups_module, &egress_module,   &profile_module, NULL,
};

enum { TABLES_MAX = 16 };

static size_t make_tables(struct setting_table tables[TABLES_MAX], struct output_config *output)
{
	size_t count = 0;

	for (const struct module *const *module = modules; *module; module++) {
		if (count == TABLES_MAX - 1)
			break;
		tables[count] = (struct setting_table){
			.settings = (*module)->settings,
			.count = (*module)->setting_count,
			.target = (*module)->config,
			.sections = (*module)->sections,
		};
		count++;
	}
	tables[count] = (struct setting_table){ .settings = output_settings,
						.count = output_setting_count,
						.target = output };
	return count + 1;
}

static void log_problem(void *context, const char *path, unsigned line, const char *text)
{
	if (line)
		log_error("%s:%u: %s", path, line, text);
	else
		log_error("%s: %s", path, text);
}

int modules_configure(const char *path, struct output_config *output)
{
	struct setting_table tables[TABLES_MAX];
	size_t count = make_tables(tables, output);

	return config_read(path, tables, count, log_problem, NULL);
}

void modules_check(void)
{
	for (size_t i = 0; modules[i]; i++)
		if (modules[i]->check)
			modules[i]->check(modules[i]->config);
}

void modules_print_config(const struct output_config *output, FILE *out)
{
	struct setting_table tables[TABLES_MAX];
	size_t count = make_tables(tables, (struct output_config *)output);

	config_print(tables, count, out);
}

int modules_up(bool confirm, struct error *error)
{
	int r = 0;

	for (size_t i = 0; r == 0 && modules[i]; i++)
		if (modules[i]->up)
			r = modules[i]->up(confirm, error);
	return r;
}

int modules_down(struct error *error)
{
	int r = 0, count = 0;

	for (size_t i = 0; r >= 0 && modules[i]; i++) {
		if (modules[i]->down)
			r = modules[i]->down(error);
		count += r > 0;
	}
	return r < 0 ? r : count;
}

enum exit_status status_of(int error)
{
	switch (error) {
	case 0:
		return STATUS_OK;
	case -EINVAL:
		return STATUS_USAGE;
	case -EPERM:
	case -EACCES:
	case -EOPNOTSUPP:
	case -ENOSYS:
		return STATUS_UNABLE;
	default:
		return STATUS_FAILED;
	}
}
