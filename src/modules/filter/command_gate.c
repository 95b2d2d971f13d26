/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "base/duration.h"
#include "base/log.h"
#include "base/text.h"
#include "core/arguments.h"
#include "modules/filter/commands.h"
#include "modules/filter/cookies.h"
#include "modules/filter/dry_run.h"
#include "modules/filter/gate.h"
#include "modules/filter/report.h"

const struct command filter_commands[] = {
	{ "up", "[-c FILE] [IFACE...]", "attach, or apply a changed configuration; stays",
	  command_up },
	{ "confirm", "", "keep what 'sumun up --confirm' changed", command_confirm },
	{ "down", "", "detach everywhere; bans are kept for the next 'up'", command_down },
	{ "status", "", "what is attached where, in which mode, since when", command_status },
	{ "stats", "", "counters by protocol, verdict, reason, port, list", command_stats },
	{ "events", "", "who is being dropped, banned, or scans; live", command_events },
	{ "ban", "ADDR[/LEN]...", "ban sources, for a time or for good", command_ban },
	{ "unban", "ADDR[/LEN]...", "end bans", command_unban },
	{ "bans", "", "the bans in force", command_bans },
	{ "list", "show|test|add|del", "what is on a list; change it while it is in force",
	  command_list },
	{ NULL, NULL, NULL, NULL },
};

static int fail(int r, const struct error *error)
{
	log_error("%s", error->text);
	return status_of(r);
}

static int check_together(const struct arguments *arguments, struct error *error)
{
	if (arguments->shadow + arguments->dry_run + (arguments->confirm != 0) > 1)
		return error_set(error, -EINVAL,
				 "--confirm, --dry-run and --shadow: one of them at a time");
	if ((arguments->shadow || arguments->dry_run) && !arguments->config)
		return error_set(error, -EINVAL, "give the configuration to try: -c FILE");
	if (arguments->shadow && arguments->operand_count)
		return error_set(error, -EINVAL,
				 "--shadow watches the interfaces that the filter stands on; name "
				 "none");
	return 0;
}

static int try_shadow(const struct gate_options *options)
{
	CLEANUP_STORE struct store store = STORE_NONE;
	struct error error = { "" };
	int r = gate_try(options, &store, &error);

	if (r < 0)
		return fail(r, &error);
	printf("shadow: counts beside policy %u what it would do; 'sumun stats' shows it, the next "
	       "'sumun up' ends it\n",
	       store_policy(&store)->generation);
	return STATUS_OK;
}

/* Who sees an empty log should not have to guess why. */
static void tell_of_logs(const struct output_config *output)
{
	if (output->csv || output->json)
		log_info("logs are written only while 'sumun run -c FILE' runs");
}

/* What the configuration has of other modules; without one it stays as it is. */
static int raise_others(const struct gate_options *options, bool configured)
{
	struct error error = { "" };
	int r = configured ? modules_up(options->confirm, &error) : 0;

	return r < 0 ? fail(r, &error) : STATUS_OK;
}

static int raise_gate(const struct gate_options *options, const struct output_config *output,
		      bool configured)
{
	CLEANUP_STORE struct store store = STORE_NONE;
	struct error error = { "" };
	struct gate_report report;
	char interfaces[512], left[DURATION_TEXT];
	int r = gate_raise(options, &store, &report, &error);

	if (r < 0)
		return fail(r, &error);
	printf("%s: %s, policy %u, %s\n",
	       report.fresh       ? "up"
	       : report.unchanged ? "nothing changed"
				  : "changed",
	       report_interfaces(&store, interfaces, sizeof(interfaces)),
	       store_policy(&store)->generation, filter_mode_name(store_policy(&store)->mode));
	if (options->confirm)
		printf("to keep it: 'sumun confirm' within %s; else %s\n",
		       duration_format(options->confirm, left),
		       report.fresh ? "the filter goes away again"
				    : "the former policy comes back");
	tell_of_logs(output);
	cookies_warn(&store);
	return raise_others(options, configured);
}

int command_up(int argc, char **argv)
{
	__attribute__((cleanup(output_config_free))) struct output_config output = { NULL, NULL };
	struct error error = { "" };
	struct arguments arguments;
	struct gate_options options;

	arguments_read(argc, argv, ACCEPT_CONFIG | ACCEPT_FORCE | ACCEPT_GATE, "[IFACE...]", 0, 64,
		       "Attach the filter so that it stays after this command, or apply a changed "
		       "configuration without a gap. Without IFACE and without 'interfaces' in the "
		       "configuration: the interface of the default route.",
		       &arguments);
	if (check_together(&arguments, &error) < 0)
		return fail(-EINVAL, &error);
	if (arguments.config && modules_configure(arguments.config, &output) < 0)
		return STATUS_USAGE;
	if (!filter_config.enabled)
		return fail(
			error_set(&error, -EINVAL,
				  "'%s' says 'enabled = off' in [filter]: it is for 'sumun run', "
				  "which observes only; there is nothing to bring up",
				  arguments.config),
			&error);
	options = (struct gate_options){
		.config = &filter_config,
		.interfaces = arguments.operands,
		.interface_count = arguments.operand_count,
		.keep = true,
		.force = arguments.force,
		.confirm = arguments.confirm,
	};
	if (arguments.dry_run)
		return dry_run(&options);
	return arguments.shadow ? try_shadow(&options)
				: raise_gate(&options, &output, arguments.config);
}

int command_confirm(int argc, char **argv)
{
	struct arguments arguments;
	struct error error = { "" };
	int r;

	arguments_read(argc, argv, 0, "", 0, 0,
		       "Keep the change that 'sumun up --confirm' made; without this it is taken "
		       "back when its time is over.",
		       &arguments);
	r = gate_confirm(&error);
	if (r < 0)
		return fail(r, &error);
	printf("confirmed\n");
	return STATUS_OK;
}

int command_down(int argc, char **argv)
{
	char path[4 * BANS_PATH_SIZE], number[NUMBER_TEXT];
	struct gate_remains remains;
	struct arguments arguments;
	struct error error = { "" };
	int r, others;

	arguments_read(
		argc, argv, 0, "", 0, 0,
		"Detach the filter from every interface of this network namespace and forget "
		"its policy and counters. Bans are kept for the next 'sumun up', where the "
		"configuration says so.",
		&arguments);
	others = modules_down(&error);
	if (others < 0)
		return fail(others, &error);
	r = gate_remove(&remains, &error);
	if (r == -ENOENT && others)
		return STATUS_OK;
	if (r < 0)
		return fail(r, &error);
	printf("down\n");
	if (remains.bans)
		printf("%s %s kept in %s and %s back with the next 'sumun up'\n",
		       number_format(remains.bans, number),
		       remains.bans == 1 ? "ban is" : "bans are",
		       text_escape(remains.bans_path, path, sizeof(path)),
		       remains.bans == 1 ? "comes" : "come");
	return STATUS_OK;
}
