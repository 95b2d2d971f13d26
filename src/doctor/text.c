/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "doctor/report.h"

enum { LABEL = 22 };

/* "  label      text", the text in a column of its own. */
static void row(const char *label, const char *text, FILE *out)
{
	text_wrap(text, fprintf(out, "  %-*s", LABEL - 2, label), LABEL, out);
}

#define ROW(out, label, ...)                       \
	do {                                       \
		struct error text_;                \
		error_set(&text_, 0, __VA_ARGS__); \
		row(label, text_.text, out);       \
	} while (0)

/* ---- what matters most, first --------------------------------------------------------- */

static void print_findings(const struct judgement *judgement, bool matter, FILE *out)
{
	for (size_t i = 0; i < judgement->finding_count; i++) {
		const struct finding *finding = &judgement->findings[i];

		if (finding->matters != matter)
			continue;
		fputs(matter ? "  ! " : "  - ", out);
		text_wrap(finding->what.text, 4, 4, out);
		if (finding->help.text[0]) {
			fputs("      -> ", out);
			text_wrap(finding->help.text, 9, 9, out);
		}
	}
}

static size_t count_findings(const struct judgement *judgement, bool matter)
{
	size_t count = 0;

	for (size_t i = 0; i < judgement->finding_count; i++)
		count += judgement->findings[i].matters == matter;
	return count;
}

/* Commands that do not work, by their reason, each reason once. */
static void print_broken(const struct judgement *judgement, enum verdict verdict, FILE *out)
{
	const struct command_verdict *commands = judgement->commands;

	for (size_t i = 0; i < judgement->command_count; i++) {
		char text[COMMANDS_MAX * 84];
		size_t length = 0;
		bool told = commands[i].verdict != verdict;

		for (size_t k = 0; k < i; k++)
			told |= commands[k].verdict == verdict &&
				strcmp(commands[k].why.text, commands[i].why.text) == 0;
		if (told)
			continue;
		fputs("  ! ", out);
		text_wrap(commands[i].why.text, 4, 4, out);
		for (size_t k = i; k < judgement->command_count; k++)
			if (commands[k].verdict == verdict &&
			    strcmp(commands[k].why.text, commands[i].why.text) == 0)
				length += (size_t)snprintf(text + length, sizeof(text) - length,
							   "%s%.80s", length ? ", " : "",
							   commands[k].commands);
		fprintf(out, "      %s: ", verdict == VERDICT_BROKEN ? "stops" : "for");
		text_wrap(text, verdict == VERDICT_BROKEN ? 13 : 11, 13, out);
	}
}

static void print_head(const struct facts *facts, const struct judgement *judgement, FILE *out)
{
	static const char *const words[] = {
		[STATUS_OK] = "All is well.",
		[STATUS_FAILED] = "sumun works, but not all is well:",
		[STATUS_UNABLE] = "sumun cannot do its work here:",
	};

	fprintf(out, "sumun %s on Linux %s (%s)\n\n%s\n", SUMUN_VERSION, facts->kernel.release,
		facts->kernel.machine, words[judgement->status]);
	print_broken(judgement, VERDICT_BROKEN, out);
	print_findings(judgement, true, out);
	if (!count_findings(judgement, true))
		print_broken(judgement, VERDICT_FALLBACK, out);
	if (count_findings(judgement, false)) {
		fputs("\nGood to know:\n", out);
		print_findings(judgement, false, out);
	}
}

static void print_commands(const struct judgement *judgement, FILE *out)
{
	static const char *const words[] = {
		[VERDICT_WORKS] = "works",
		[VERDICT_FALLBACK] = "works, dearer",
		[VERDICT_BROKEN] = "does not work",
	};

	fputs("\nCommands\n", out);
	for (size_t i = 0; i < judgement->command_count; i++) {
		const struct command_verdict *command = &judgement->commands[i];
		bool by = command->by[0] && command->verdict != VERDICT_BROKEN;
		size_t length = strlen(command->commands);
		struct error text;

		fprintf(out, "  %s", command->commands);
		if (length > LABEL - 4)
			fprintf(out, "\n%*s", LABEL, "");
		else
			fprintf(out, "%*s", (int)(LABEL - 2 - length), "");
		error_set(&text, 0, "%s%s%s%s%s%s", words[command->verdict], by ? " (" : "",
			  by ? command->by : "", by ? ")" : "", command->why.text[0] ? ": " : "",
			  command->why.text);
		text_wrap(text.text, LABEL, LABEL, out);
	}
	row("check, help", "works: needs nothing", out);
}

/* ---- interfaces ----------------------------------------------------------------------- */

static void print_program(const struct interface_facts *facts, FILE *out)
{
	if (facts->program_error)
		ROW(out, "  program", "could not be asked: %s", strerror(-facts->program_error));
	else if (!facts->program)
		ROW(out, "  program", "none");
	else
		ROW(out, "  program", "%s%sid %u, %s mode; %s", facts->program_name,
		    facts->program_name[0] ? ", " : "", facts->program,
		    attach_mode_name(facts->program_mode),
		    !facts->program_known ? "whose it is could not be seen"
		    : facts->program_ours ? "sumun's"
					  : "not sumun's");
}

static void print_interface(const struct interface_facts *facts, FILE *out)
{
	const struct offload_facts *offloads = &facts->offloads;
	char features[FEATURES_TEXT];
	enum native native;
	struct error why;

	if (!facts->index) {
		row(facts->name, "there is no such interface", out);
		return;
	}
	ROW(out, facts->name, "%s, MTU %u, %u queue%s in, %u out%s",
	    facts->driver[0] ? facts->driver : "driver unknown", facts->mtu, facts->receive_queues,
	    facts->receive_queues == 1 ? "" : "s", facts->transmit_queues,
	    facts->up ? "" : ", down");
	if (facts->headless) {
		row("  packets", "without Ethernet header; sumun refuses it", out);
		return;
	}
	native = judge_native(facts, &why);
	ROW(out, "  native XDP", "%s: %s", native_name(native), why.text);
	if (!facts->features_error)
		row("  xdp-features", features_format(facts->features, features), out);
	print_program(facts, out);
	if (offloads->error)
		ROW(out, "  offloads", "could not be asked: %s", strerror(-offloads->error));
	else
		ROW(out, "  offloads", "LRO %s, GRO-HW %s%s; VLAN tags %s",
		    offloads->lro ? "on" : "off", offloads->gro_hw ? "on" : "off",
		    offloads->gro_hw_fixed ? " (fixed)" : "",
		    offloads->vlan ? "are taken off before XDP" : "stay in the frame");
	if (facts->peer == PEER_IS_HERE)
		ROW(out, "  other end", "%s: GRO %s, %s XDP program", facts->peer_name,
		    facts->peer_gro ? "on" : "off", facts->peer_program ? "an" : "no");
	else if (facts->peer == PEER_IS_ELSEWHERE)
		row("  other end", "in another network namespace; not looked at", out);
}

/* ---- the host
 * -------------------------------------------------------------------------------------- */

static void print_setting(const char *label, const struct setting_fact *fact,
			  const char *const meanings[], size_t count, FILE *out)
{
	if (fact->error == -ENOENT)
		row(label, "not to be seen here (no such file)", out);
	else if (fact->error)
		ROW(out, label, "could not be read: %s", strerror(-fact->error));
	else if (fact->value >= 0 && (size_t)fact->value < count)
		ROW(out, label, "%ld: %s", fact->value, meanings[fact->value]);
	else
		ROW(out, label, "%ld", fact->value);
}

static void print_lockdown(const struct kernel_facts *facts, FILE *out)
{
	if (facts->lockdown != LOCKDOWN_UNKNOWN)
		row("lockdown", lockdown_name(facts->lockdown), out);
	else if (facts->lockdown_error == -ENOENT || facts->lockdown_error == -ENODEV)
		row("lockdown", "this kernel has none", out);
	else
		ROW(out, "lockdown", "could not be read: %s; securityfs is not mounted here",
		    strerror(-facts->lockdown_error));
}

static void print_kernel(const struct kernel_facts *facts, FILE *out)
{
	static const char *const jit[] = { "off, slow", "on", "on, for debugging" };
	static const char *const unprivileged[] = { "anybody may load simple programs",
						    "off, until the next boot", "off" };
	static const char *const restricted[] = { "addresses are shown",
						  "addresses only with CAP_SYSLOG",
						  "addresses are hidden" };

	fputs("\nKernel\n", out);
	row("BTF", facts->btf ? "yes" : "no, or not readable", out);
	print_setting("JIT", &facts->jit, jit, ARRAY_SIZE(jit), out);
	print_lockdown(facts, out);
	print_setting("unprivileged BPF", &facts->unprivileged_bpf, unprivileged,
		      ARRAY_SIZE(unprivileged), out);
	print_setting("perf_event_paranoid", &facts->perf_paranoid, NULL, 0, out);
	print_setting("kptr_restrict", &facts->kptr_restrict, restricted, ARRAY_SIZE(restricted),
		      out);
}

static void print_permissions(const struct facts *facts, FILE *out)
{
	static const struct {
		enum capability capability;
		const char *adds;
	} extras[] = {
		{ CAPABILITY_SYS_PTRACE, "finds the SSH session behind sudo, names other users' "
					 "processes" },
		{ CAPABILITY_SYSLOG, "reads kernel addresses where they are hidden" },
		{ CAPABILITY_DAC_READ_SEARCH, "reads tracefs and pins that are root's" },
	};
	const struct permission_facts *permissions = &facts->permissions;
	uint32_t needed = capabilities_needed(permissions);

	fputs("\nPermissions\n", out);
	for (enum capability i = 0; i < CAPABILITIES; i++)
		if (needed & 1U << i)
			row(capability_name(i),
			    capability_counts(permissions->held, i) ? "yes" : "missing", out);
	for (size_t i = 0; i < ARRAY_SIZE(extras); i++)
		if (permissions->held & 1U << extras[i].capability)
			row(capability_name(extras[i].capability), "yes", out);
		else
			ROW(out, capability_name(extras[i].capability),
			    "missing, not needed; it %s", extras[i].adds);
	if (permissions->user_namespace)
		row("user namespace", "yes: the capabilities above do not count for the host", out);
	if (permissions->seccomp)
		row("seccomp", "a filter is in force, as in containers", out);
	row("group sumun",
	    !permissions->group   ? "does not exist: only root can look at what is up"
	    : permissions->member ? "this process is in it"
				  : "exists; this process is not in it",
	    out);
}

static void print_places(const struct facts *facts, FILE *out)
{
	const struct place_facts *places = &facts->places;

	fputs("\nFile systems\n", out);
	if (places->bpffs)
		row("bpffs", "/sys/fs/bpf", out);
	else if (facts->permissions.held & 1U << CAPABILITY_SYS_ADMIN)
		row("bpffs", "not on /sys/fs/bpf; sumun mounts it, or finds it outside", out);
	else
		row("bpffs", "not on /sys/fs/bpf; mounting it takes CAP_SYS_ADMIN", out);
	if (places->tracefs[0])
		row("tracefs", places->tracefs, out);
	else
		row("tracefs", "not mounted; needed only by classic tracepoints", out);
	if (places->cgroup2[0])
		ROW(out, "cgroup2", "%s%s", places->cgroup2,
		    places->cgroup1 ? ", beside version 1" : "");
	else
		row("cgroup2", "not mounted", out);
}

/* ---- the ladder
 * -------------------------------------------------------------------------------------- */

/* Whether no rung works, and all for one reason. */
static bool one_reason(const struct ladder *ladder, const struct thing_facts *facts)
{
	for (size_t i = 0; i < ladder->rung_count; i++)
		if (facts->results[i].state != RUNG_NO ||
		    strcmp(facts->results[i].reason.text, facts->results[0].reason.text) != 0)
			return false;
	return true;
}

/* The rungs that do not work; one reason for several of a kind is told once. */
static void print_refused(const struct ladder *ladder, const struct thing_facts *facts, FILE *out)
{
	char name[RUNG_TEXT], line[RUNG_TEXT + ERROR_TEXT];

	for (size_t i = 0; i < ladder->rung_count; i++) {
		const struct rung_result *result = &facts->results[i];

		if (result->state != RUNG_NO ||
		    (i > 0 && ladder->rungs[i].hook == ladder->rungs[i - 1].hook &&
		     strcmp(result->reason.text, facts->results[i - 1].reason.text) == 0))
			continue;
		snprintf(line, sizeof(line), "not %s: %s", rung_name(&ladder->rungs[i], name),
			 result->reason.text);
		fputs("    ", out);
		text_wrap(line, 4, 6, out);
	}
}

static void print_thing(enum thing thing, const struct thing_facts *facts, FILE *out)
{
	enum { NAME = 30 };
	const struct ladder *ladder = &ladders[thing];
	char name[RUNG_TEXT], line[RUNG_TEXT + ERROR_TEXT + 2];
	const char *remark = NULL;

	fprintf(out, "  %-*s", NAME - 2, ladder->name);
	if (facts->taken >= 0) {
		rung_name(&ladder->rungs[facts->taken], name);
		remark = facts->taken ? ladder->rungs[facts->taken].cost
				      : facts->results[0].reason.text;
	} else {
		snprintf(name, sizeof(name), "nothing");
		if (one_reason(ladder, facts))
			remark = facts->results[0].reason.text;
	}
	snprintf(line, sizeof(line), "%s%s%s", name, remark && *remark ? ": " : "",
		 remark ? remark : "");
	text_wrap(line, NAME, NAME, out);
	if (facts->taken >= 0 || !remark)
		print_refused(ladder, facts, out);
}

static void print_things(const struct facts *facts, FILE *out)
{
	fputs("\nWhat can be observed, and by which hook (each was tried)\n", out);
	for (enum thing thing = 0; thing < THINGS; thing++)
		print_thing(thing, &facts->things[thing], out);
}

void doctor_text(const struct facts *facts, const struct judgement *judgement, FILE *out)
{
	print_head(facts, judgement, out);
	print_commands(judgement, out);
	fputs("\nInterfaces\n", out);
	for (size_t i = 0; i < facts->interface_count; i++)
		print_interface(&facts->interfaces[i], out);
	if (!facts->interface_count)
		fputs("  none is up in this network namespace\n", out);
	print_kernel(&facts->kernel, out);
	print_permissions(facts, out);
	print_places(facts, out);
	print_things(facts, out);
}
