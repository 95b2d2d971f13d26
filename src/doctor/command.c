/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "core/arguments.h"
#include "doctor/doctor.h"
#include "doctor/report.h"

int command_doctor(int argc, char **argv)
{
	CLEANUP_FREE struct judgement *judgement = malloc(sizeof(*judgement));
	CLEANUP_FACTS struct facts *facts = NULL;
	struct arguments arguments;

	arguments_read(argc, argv, ACCEPT_JSON, "[IFACE...]", 0, SIZE_MAX,
		       "Look at what this kernel, these permissions and these interfaces (or all "
		       "that are up) allow, and say what works, what does not, why, and what would "
		       "help. Changes nothing.",
		       &arguments);
	facts = judgement ? facts_look(arguments.operands, arguments.operand_count) : NULL;
	if (!facts) {
		log_error("cannot look at this host: out of memory, or no netlink");
		return STATUS_FAILED;
	}
	judge(facts, modules, judgement);
	if (arguments.json)
		json_write_line(doctor_json(facts, judgement), stdout);
	else
		doctor_text(facts, judgement, stdout);
	return judgement->status;
}
