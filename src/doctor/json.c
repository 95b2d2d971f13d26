/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "doctor/report.h"

/* Null for "": what is not there. Names from outside may be no UTF-8. */
static json_t *text_or_null(const char *text)
{
	char escaped[2 * ERROR_TEXT];

	return *text ? json_string(text_escape(text, escaped, sizeof(escaped))) : json_null();
}

static json_t *setting_json(const struct setting_fact *fact)
{
	return fact->error ? json_null() : json_integer(fact->value);
}

static json_t *kernel_json(const struct kernel_facts *facts)
{
	return json_pack(
		"{s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o}", "release", facts->release, "machine",
		facts->machine, "btf", facts->btf, "jit", setting_json(&facts->jit), "lockdown",
		facts->lockdown == LOCKDOWN_UNKNOWN ? json_null()
						    : json_string(lockdown_name(facts->lockdown)),
		"unprivileged_bpf_disabled", setting_json(&facts->unprivileged_bpf),
		"perf_event_paranoid", setting_json(&facts->perf_paranoid), "kptr_restrict",
		setting_json(&facts->kptr_restrict));
}

static json_t *permissions_json(const struct permission_facts *facts)
{
	json_t *held = json_array(), *missing = json_array();
	uint32_t needed = capabilities_needed(facts);

	for (enum capability i = 0; i < CAPABILITIES; i++) {
		if (facts->held & 1U << i)
			json_array_append_new(held, json_string(capability_name(i)));
		if (needed & 1U << i && !capability_counts(facts->held, i))
			json_array_append_new(missing, json_string(capability_name(i)));
	}
	return json_pack("{s:o, s:o, s:b, s:b, s:b, s:b}", "held", held, "missing", missing,
			 "user_namespace", facts->user_namespace, "seccomp", facts->seccomp,
			 "group", facts->group, "member", facts->member);
}

static json_t *places_json(const struct place_facts *facts)
{
	return json_pack("{s:o, s:o, s:o, s:b}", "bpffs",
			 text_or_null(facts->bpffs ? "/sys/fs/bpf" : ""), "tracefs",
			 text_or_null(facts->tracefs), "cgroup2", text_or_null(facts->cgroup2),
			 "cgroup1", facts->cgroup1);
}

static json_t *features_json(const struct interface_facts *facts)
{
	char text[FEATURES_TEXT], *cursor = NULL, *word;
	json_t *array;

	if (facts->features_error)
		return json_null();
	array = json_array();
	if (!facts->features)
		return array;
	features_format(facts->features, text);
	for (word = strtok_r(text, " ", &cursor); word; word = strtok_r(NULL, " ", &cursor))
		json_array_append_new(array, json_string(word));
	return array;
}

static json_t *program_json(const struct interface_facts *facts)
{
	if (!facts->program)
		return json_null();
	return json_pack("{s:I, s:o, s:s, s:o}", "id", (json_int_t)facts->program, "name",
			 text_or_null(facts->program_name), "mode",
			 attach_mode_name(facts->program_mode), "ours",
			 facts->program_known ? json_boolean(facts->program_ours) : json_null());
}

static json_t *offloads_json(const struct offload_facts *facts)
{
	if (facts->error)
		return json_null();
	return json_pack("{s:b, s:b, s:b, s:b}", "lro", facts->lro, "gro", facts->gro, "gro_hw",
			 facts->gro_hw, "vlan", facts->vlan);
}

static json_t *peer_json(const struct interface_facts *facts)
{
	if (facts->peer != PEER_IS_HERE)
		return json_null();
	return json_pack("{s:o, s:b, s:b}", "name", text_or_null(facts->peer_name), "gro",
			 facts->peer_gro, "program", facts->peer_program);
}

static json_t *interface_json(const struct interface_facts *facts)
{
	json_t *object = json_pack("{s:o, s:b}", "name", text_or_null(facts->name), "exists",
				   facts->index != 0);
	struct error why;

	if (!facts->index)
		return object;
	json_object_set_new(object, "up", json_boolean(facts->up));
	json_object_set_new(object, "ethernet", json_boolean(!facts->headless));
	json_object_set_new(object, "driver", text_or_null(facts->driver));
	json_object_set_new(object, "mtu", json_integer(facts->mtu));
	json_object_set_new(object, "rx_queues", json_integer(facts->receive_queues));
	json_object_set_new(object, "tx_queues", json_integer(facts->transmit_queues));
	json_object_set_new(object, "native", json_string(native_name(judge_native(facts, &why))));
	json_object_set_new(object, "native_why", json_string(why.text));
	json_object_set_new(object, "xdp_features", features_json(facts));
	json_object_set_new(object, "program", program_json(facts));
	json_object_set_new(object, "offloads", offloads_json(&facts->offloads));
	json_object_set_new(object, "peer", peer_json(facts));
	return object;
}

static json_t *thing_json(enum thing thing, const struct thing_facts *facts)
{
	const struct ladder *ladder = &ladders[thing];
	json_t *rungs = json_array();
	char name[RUNG_TEXT];

	for (size_t i = 0; i < ladder->rung_count; i++) {
		const struct rung_result *result = &facts->results[i];
		const char *cost = ladder->rungs[i].cost;

		json_array_append_new(rungs, json_pack("{s:s, s:s, s:I, s:I, s:o, s:o}", "name",
						       rung_name(&ladder->rungs[i], name), "state",
						       rung_state_name(result->state), "provoked",
						       (json_int_t)result->provoked, "counted",
						       (json_int_t)result->counted, "cost",
						       text_or_null(cost ? cost : ""), "reason",
						       text_or_null(result->reason.text)));
	}
	return json_pack(
		"{s:s, s:s, s:o, s:o}", "thing", ladder->label, "title", ladder->name, "taken",
		facts->taken < 0 ? json_null()
				 : json_string(rung_name(&ladder->rungs[facts->taken], name)),
		"rungs", rungs);
}

static json_t *judgement_commands_json(const struct judgement *judgement)
{
	json_t *array = json_array();

	for (size_t i = 0; i < judgement->command_count; i++) {
		const struct command_verdict *command = &judgement->commands[i];

		json_array_append_new(array,
				      json_pack("{s:s, s:s, s:s, s:o, s:o}", "module",
						command->module, "commands", command->commands,
						"verdict", verdict_name(command->verdict), "by",
						text_or_null(command->by), "why",
						text_or_null(command->why.text)));
	}
	return array;
}

static json_t *findings_json(const struct judgement *judgement)
{
	json_t *array = json_array();

	for (size_t i = 0; i < judgement->finding_count; i++) {
		const struct finding *finding = &judgement->findings[i];

		json_array_append_new(array,
				      json_pack("{s:b, s:o, s:o}", "matters", finding->matters,
						"what", text_or_null(finding->what.text), "help",
						text_or_null(finding->help.text)));
	}
	return array;
}

json_t *doctor_json(const struct facts *facts, const struct judgement *judgement)
{
	json_t *interfaces = json_array(), *things = json_array();

	for (size_t i = 0; i < facts->interface_count; i++)
		json_array_append_new(interfaces, interface_json(&facts->interfaces[i]));
	for (enum thing thing = 0; thing < THINGS; thing++)
		json_array_append_new(things, thing_json(thing, &facts->things[thing]));
	return json_pack("{s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "version", SUMUN_VERSION,
			 "status", judgement->status, "findings", findings_json(judgement),
			 "commands", judgement_commands_json(judgement), "interfaces", interfaces,
			 "kernel", kernel_json(&facts->kernel), "permissions",
			 permissions_json(&facts->permissions), "places",
			 places_json(&facts->places), "things", things);
}
