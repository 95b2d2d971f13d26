/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "core/arguments.h"
#include "core/module.h"
#include "core/run.h"
#include "core/selftest.h"
#include "doctor/doctor.h"

static int command_check(int argc, char **argv)
{
	struct output_config output = { NULL, NULL };
	struct arguments arguments;

	arguments_read(argc, argv, 0, "FILE", 1, 1,
		       "Read a configuration, say what is wrong with it, and print what it amounts "
		       "to in the same form. Needs no privilege and changes nothing.",
		       &arguments);
	if (modules_configure(arguments.operands[0], &output) < 0)
		return STATUS_USAGE;
	modules_check();
	modules_print_config(&output, stdout);
	output_config_free(&output);
	return STATUS_OK;
}

static const struct command own_commands[] = {
	{ "run", "[-c FILE] [IFACE...]", "attach, watch and report until Ctrl-C", command_run },
	{ "check", "FILE", "is this configuration right? prints what it amounts to",
	  command_check },
	{ "doctor", "[--json] [IFACE...]", "what can this host do, what not, and why",
	  command_doctor },
	{ "selftest", "[--json] [-n N]", "are the numbers right? counts what it does itself",
	  command_selftest },
	{ NULL, NULL, NULL, NULL },
};

/* Calls `visit` for every command until it returns true. */
static const struct command *find_command(const char *name)
{
	for (const struct command *command = own_commands; command->name; command++)
		if (strcmp(command->name, name) == 0)
			return command;
	for (size_t i = 0; modules[i]; i++)
		for (const struct command *command = modules[i]->commands; command->name; command++)
			if (strcmp(command->name, name) == 0)
				return command;
	return NULL;
}

static void add_rows(struct table *table, const struct command *command)
{
	for (; command->name; command++) {
		table_cell(table, "%s %s", command->name, command->arguments);
		table_cell(table, "%s", command->summary);
	}
}

static void print_usage(FILE *out)
{
	CLEANUP_TABLE struct table *table = table_new(2);

	fputs("Usage: sumun [-v] COMMAND [ARGUMENT...]\n\nsumun guards this host's interfaces: it "
	      "filters packets at the network card and says what it sees.\n\n",
	      out);
	add_rows(table, own_commands);
	for (size_t i = 0; modules[i]; i++)
		add_rows(table, modules[i]->commands);
	table_print(table, out, 2);
	fputs("\n'sumun COMMAND --help' tells more; so does sumun(1).\n"
	      "Exit status: 0 well, 1 failed, 2 wrong usage or configuration, 3 the kernel or the\n"
	      "permissions do not allow it.\n",
	      out);
}

/* libbpf's words are for developers; what matters to others is in our own errors. */
static int print_library(enum libbpf_print_level level, const char *format, va_list arguments)
{
	CLEANUP_FREE char *text = NULL;

	if (log_get_level() < LOG_LIBRARY)
		return 0;
	/* Of any length: what the verifier says of a program has many pages. */
	if (vasprintf(&text, format, arguments) < 0) {
		text = NULL;
		return 0;
	}
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
		if (*line)
			log_message(LOG_LIBRARY, "%s", line);
	return 0;
}

int main(int argc, char **argv)
{
	const struct command *command;
	char quoted[QUOTE_TEXT];
	int first = 1, status;

	setlocale(LC_ALL, "");
	libbpf_set_print(print_library);
	for (; first < argc && strcmp(argv[first], "-v") == 0; first++)
		log_set_level(LOG_DEBUG);
	for (; first < argc && strcmp(argv[first], "-vv") == 0; first++)
		log_set_level(LOG_LIBRARY);
	if (first == argc) {
		print_usage(stderr);
		return STATUS_USAGE;
	}
	if (strcmp(argv[first], "--version") == 0) {
		printf("sumun %s\n", SUMUN_VERSION);
		return STATUS_OK;
	}
	if (strcmp(argv[first], "help") == 0 || strcmp(argv[first], "--help") == 0) {
		print_usage(stdout);
		return STATUS_OK;
	}
	command = find_command(argv[first]);
	if (!command) {
		log_error("unknown command %s; 'sumun help' lists them",
			  text_quote(argv[first], quoted));
		return STATUS_USAGE;
	}
	status = command->run(argc - first, argv + first);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		log_error("cannot write to standard output");
		return STATUS_FAILED;
	}
	return status;
}
