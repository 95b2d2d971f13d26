/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "base/log.h"
#include "core/arguments.h"
#include "modules/filter/commands.h"
#include "modules/filter/gate.h"
#include "modules/filter/report.h"

const struct command filter_commands[] = {
	{ "up", "[-c FILE] [IFACE...]", "attach, or apply a changed configuration; stays",
	  command_up },
	{ "down", "", "detach everywhere and forget everything", command_down },
	{ "status", "", "what is attached where, in which mode, since when", command_status },
	{ "stats", "", "counters by protocol, verdict, reason and port", command_stats },
	{ "ban", "ADDR[/LEN]...", "ban sources, for a time or for good", command_ban },
	{ "unban", "ADDR[/LEN]...", "end bans", command_unban },
	{ "bans", "", "the bans in force", command_bans },
	{ NULL, NULL, NULL, NULL },
};

int command_up(int argc, char **argv)
{
	CLEANUP_STORE struct store store = STORE_NONE;
	struct output_config output = { NULL, NULL };
	struct error error = { "" };
	struct gate_report report;
	struct arguments arguments;
	struct gate_options options;
	char interfaces[512];
	int r;

	arguments_read(argc, argv, ACCEPT_CONFIG | ACCEPT_FORCE, "[IFACE...]", 0, 64,
		       "Attach the filter so that it stays after this command, or apply a changed "
		       "configuration without a gap. Without IFACE and without 'interfaces' in the "
		       "configuration: the interface of the default route.",
		       &arguments);
	if (arguments.config && modules_configure(arguments.config, &output) < 0)
		return STATUS_USAGE;
	output_config_free(&output); /* logs are for `run` */

	options = (struct gate_options){
		.config = &filter_config,
		.interfaces = arguments.operands,
		.interface_count = arguments.operand_count,
		.keep = true,
		.force = arguments.force,
	};
	r = gate_raise(&options, &store, &report, &error);
	if (r < 0) {
		log_error("%s", error.text);
		return status_of(r);
	}
	printf("%s: %s, policy %u, %s\n", report.fresh ? "up" : "changed",
	       report_interfaces(&store, interfaces, sizeof(interfaces)),
	       store_policy(&store)->generation, filter_mode_name(store_policy(&store)->mode));
	return STATUS_OK;
}

int command_down(int argc, char **argv)
{
	struct arguments arguments;
	struct error error = { "" };
	int r;

	arguments_read(
		argc, argv, 0, "", 0, 0,
		"Detach the filter from every interface of this network namespace and forget "
		"its policy, bans and counters.",
		&arguments);
	r = gate_remove(&error);
	if (r < 0) {
		log_error("%s", error.text);
		return status_of(r);
	}
	printf("down\n");
	return STATUS_OK;
}
