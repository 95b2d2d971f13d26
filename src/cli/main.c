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
	{ "check", "FILE", "is this configuration right? prints what it means", command_check },
	{ "doctor", "[IFACE...]", "what can this host do, what not, and why", command_doctor },
	{ "selftest", "[-n N]", "are the numbers right? counts what it does itself",
	  command_selftest },
	{ NULL, NULL, NULL, NULL },
};

/* The command that is nearest to a name; *ret_distance is 0 when it is the one. */
static const struct command *nearest_command(const char *name, size_t *ret_distance)
{
	const struct command *nearest = own_commands;

	*ret_distance = SIZE_MAX;
	for (size_t i = 0; i == 0 || modules[i - 1]; i++) {
		const struct command *command = i == 0 ? own_commands : modules[i - 1]->commands;

		for (; command->name; command++) {
			size_t distance = text_distance(name, command->name);

			if (distance >= *ret_distance)
				continue;
			nearest = command;
			*ret_distance = distance;
		}
	}
	return nearest;
}

static const struct command *find_command(const char *name)
{
	char quoted[QUOTE_TEXT];
	size_t distance;
	const struct command *nearest = nearest_command(name, &distance);

	if (distance == 0)
		return nearest;
	if (distance <= 1 + strlen(name) / 4)
		log_error("unknown command %s; did you mean '%s'? 'sumun help' lists all",
			  text_quote(name, quoted), nearest->name);
	else
		log_error("unknown command %s; 'sumun help' lists them", text_quote(name, quoted));
	return NULL;
}

static void print_commands(const char *heading, const struct command *command, FILE *out)
{
	if (heading)
		fprintf(out, "\n%s\n", heading);
	for (; command->name; command++) {
		char usage[64];

		snprintf(usage, sizeof(usage), "%s %s", command->name, command->arguments);
		fprintf(out, "  %-24s  %s\n", usage, command->summary);
	}
}

static void print_usage(FILE *out)
{
	fputs("Usage: sumun [-v] COMMAND [ARGUMENT...]\n\n"
	      "sumun filters packets at the network card, and says which process does what, and\n"
	      "what it costs.\n",
	      out);
	print_commands("The host:", own_commands, out);
	for (size_t i = 0; modules[i]; i++)
		print_commands(modules[i]->heading, modules[i]->commands, out);
	fputs("\n'sumun help COMMAND' tells more; so does sumun(1).\n"
	      "Exit status: 0 well, 1 failed, 2 wrong usage or configuration, 3 the kernel or\n"
	      "the permissions do not allow it.\n",
	      out);
}

/* `sumun help [COMMAND]`, where `argv` begins with "help". */
static int help(int argc, char **argv)
{
	static char option[] = "--help";
	const struct command *command;

	if (argc == 1) {
		print_usage(stdout);
		return STATUS_OK;
	}
	command = find_command(argv[1]);
	return command ? command->run(2, (char *[]){ argv[1], option, NULL }) : STATUS_USAGE;
}

static bool asks_for_help(const char *word)
{
	return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
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
	if (asks_for_help(argv[first]))
		return help(argc - first, argv + first);
	command = find_command(argv[first]);
	if (!command)
		return STATUS_USAGE;
	status = command->run(argc - first, argv + first);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		log_error("cannot write to standard output");
		return STATUS_FAILED;
	}
	return status;
}
