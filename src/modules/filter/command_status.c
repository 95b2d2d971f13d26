/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"
#include "core/arguments.h"
#include "core/record.h"
#include "modules/filter/commands.h"
#include "modules/filter/gate.h"
#include "modules/filter/status.h"

int command_status(int argc, char **argv)
{
	CLEANUP_STORE struct store store = STORE_NONE;
	struct arguments arguments;
	struct error error = { "" };
	int r;

	arguments_read(argc, argv, ACCEPT_JSON, "", 0, 0,
		       "Show what is attached where, in which mode and since when, and the policy "
		       "in force.",
		       &arguments);
	r = gate_open(STORE_READ, &store, &error);
	if (r < 0) {
		log_error("%s", error.text);
		return status_of(r);
	}
	if (arguments.json)
		json_write_line(status_json(&store), stdout);
	else
		status_text(&store, stdout);
	return STATUS_OK;
}
