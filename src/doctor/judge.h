/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What follows from the facts: pure, so that every odd host can be tried in a test. */
#pragma once

#include "doctor/facts.h"

enum verdict {
	VERDICT_WORKS,
	VERDICT_FALLBACK, /* works, at a cost */
	VERDICT_BROKEN,
};

const char *verdict_name(enum verdict verdict); /* "works", "fallback", "broken" */

/* Of one row of a module's needs. */
struct command_verdict {
	const char *module, *commands;
	enum verdict verdict;
	char by[RUNG_TEXT]; /* the hook, or "" */
	struct error why;   /* when it is not simply well; or a remark */
};

/* Something to know, and what to do about it. */
struct finding {
	bool matters; /* else it is good to know */
	struct error what, help;
};

enum { COMMANDS_MAX = 32, FINDINGS_MAX = 64 };

struct judgement {
	enum exit_status status;
	struct command_verdict commands[COMMANDS_MAX];
	size_t command_count;
	struct finding findings[FINDINGS_MAX];
	size_t finding_count;
};

/* `list` is modules[], or a test's; the facts' probes go by its rows. */
void judge(const struct facts *facts, const struct module *const list[],
	   struct judgement *ret_judgement);

/* What XDP can do on an interface. */
enum native {
	NATIVE_YES,
	NATIVE_NO,
	NATIVE_UNKNOWN,
};

const char *native_name(enum native native); /* "yes", "no", "unknown" */
/* With the reason in words. */
enum native judge_native(const struct interface_facts *facts, struct error *ret_why);

/* The capabilities that filtering needs, by the kernel's age. */
uint32_t capabilities_needed(const struct permission_facts *facts);
