/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "doctor/judge.h"

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[] = {
		[VERDICT_WORKS] = "works",
		[VERDICT_FALLBACK] = "fallback",
		[VERDICT_BROKEN] = "broken",
	};
	_Static_assert(ARRAY_SIZE(names) == VERDICT_BROKEN + 1, "a name for every verdict");

	return names[verdict];
}

/* What is beyond FINDINGS_MAX is more than anybody would read. */
__attribute__((format(printf, 4, 5))) static void find(struct judgement *judgement, bool matters,
						       const char *help, const char *format, ...)
{
	struct finding *finding = &judgement->findings[judgement->finding_count];
	va_list arguments;

	if (judgement->finding_count == FINDINGS_MAX)
		return;
	judgement->finding_count++;
	finding->matters = matters;
	error_set(&finding->help, 0, "%s", help);
	va_start(arguments, format);
	vsnprintf(finding->what.text, sizeof(finding->what.text), format, arguments);
	va_end(arguments);
}

uint32_t capabilities_needed(const struct permission_facts *facts)
{
	if (!facts->split)
		return 1U << CAPABILITY_SYS_ADMIN | 1U << CAPABILITY_NET_ADMIN;
	return 1U << CAPABILITY_BPF | 1U << CAPABILITY_NET_ADMIN | 1U << CAPABILITY_PERFMON;
}

/* ---- interfaces ----------------------------------------------------------------------- */

const char *native_name(enum native native)
{
	static const char *const names[] = {
		[NATIVE_YES] = "yes",
		[NATIVE_NO] = "no",
		[NATIVE_UNKNOWN] = "unknown",
	};
	_Static_assert(ARRAY_SIZE(names) == NATIVE_UNKNOWN + 1, "a name for every answer");

	return names[native];
}

/* Drivers that had native XDP before the kernel could say so (6.3); to be believed, not proven. */
static bool driver_is_known(const char *driver)
{
	static const char *const drivers[] = {
		"bnxt_en",   "ena",           "fsl_dpaa2_eth", "gve",   "hv_netvsc",  "i40e",
		"ice",       "igb",           "igc",           "ixgbe", "ixgbevf",    "mlx4_en",
		"mlx5_core", "mvneta",        "mvpp2",         "nfp",   "qede",       "sfc",
		"stmmac",    "thunder-nicvf", "tun",           "veth",  "virtio_net", "vif",
	};

	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (strcmp(driver, drivers[i]) == 0)
			return true;
	return false;
}

enum { ONE_BUFFER = 3498 }; /* of MTU: what of a page is left beside head and tail room */

enum native judge_native(const struct interface_facts *facts, struct error *ret_why)
{
	const char *driver = facts->driver[0] ? facts->driver : "it";

	if (facts->program && facts->program_mode == ATTACH_NATIVE) {
		error_set(ret_why, 0, "a program runs there in native mode");
		return NATIVE_YES;
	}
	if (facts->loopback) {
		error_set(ret_why, 0, "the loopback has none");
		return NATIVE_NO;
	}
	if (facts->features_error) {
		bool known = driver_is_known(facts->driver);

		error_set(ret_why, 0, "this kernel does not say; the driver %s; not tried",
			  known ? "is one of those that have it" : "is not known to have it");
		return NATIVE_UNKNOWN;
	}
	if (!(facts->features & FEATURE_BASIC)) {
		error_set(ret_why, 0, "the kernel says that %s has none", driver);
		return NATIVE_NO;
	}
	if (facts->mtu > ONE_BUFFER && !(facts->features & FEATURE_RX_SG)) {
		error_set(ret_why, 0, "not at MTU %u: %s gives XDP no frames of several buffers",
			  facts->mtu, driver);
		return NATIVE_NO;
	}
	if (strcmp(facts->driver, "virtio_net") == 0 && facts->offloads.gro_hw_fixed) {
		error_set(ret_why, 0,
			  "virtio_net refuses while its host merges packets (GRO-HW), which cannot "
			  "be turned off here; not tried");
		return NATIVE_NO;
	}
	error_set(ret_why, 0, "the kernel says that %s has it; not tried", driver);
	return NATIVE_YES;
}

/* GRO-HW that can be turned off is turned off by the drivers themselves when it must. */
static void judge_offloads(const struct interface_facts *facts, struct judgement *judgement)
{
	char help[ERROR_TEXT];

	if (!facts->offloads.lro)
		return;
	snprintf(help, sizeof(help), "ethtool -K %s lro off", facts->name);
	find(judgement, true, help,
	     "%s: the card merges packets (LRO); drivers refuse native XDP while it does",
	     facts->name);
}

/*
 * veth wakes the other end for frames of XDP_TX only when a program is there (veth_xdp_flush()
 * looks at xdp_prog); GRO alone makes room for them, where they lie until other traffic comes.
 */
static void judge_peer(const struct interface_facts *facts, struct judgement *judgement)
{
	char help[ERROR_TEXT];

	if (facts->peer == PEER_IS_NONE || (facts->peer == PEER_IS_HERE && facts->peer_program))
		return;
	snprintf(help, sizeof(help),
		 "where syn-cookies are on: attach an XDP program to %s too, as 'sumun up' does",
		 facts->peer == PEER_IS_HERE ? facts->peer_name : "it");
	find(judgement, false, help,
	     "%s: what sumun sends back (SYN cookies) gets lost or comes late unless the other end "
	     "of this veth has an XDP program too%s",
	     facts->name,
	     facts->peer == PEER_IS_HERE ? ", and it has none"
					 : "; it is in another network namespace");
}

static void judge_program(const struct interface_facts *facts, struct judgement *judgement)
{
	char help[ERROR_TEXT];

	if (!facts->program || facts->program_ours)
		return;
	if (!facts->program_known) {
		find(judgement, false, "be root to see more",
		     "%s: has an XDP program; whose it is was not to be seen", facts->name);
		return;
	}
	snprintf(help, sizeof(help),
		 "end what put it there, or, if nothing holds it: ip link set dev %s xdp off",
		 facts->name);
	find(judgement, true, help,
	     "%s: another XDP program is there (%s%sid %u, %s mode), and sumun never replaces one",
	     facts->name, facts->program_name, facts->program_name[0] ? ", " : "", facts->program,
	     attach_mode_name(facts->program_mode));
}

static void judge_generic(const struct interface_facts *facts, struct judgement *judgement)
{
	char help[ERROR_TEXT] = "";
	struct error why;

	if (judge_native(facts, &why) != NATIVE_NO)
		return;
	if (facts->features & FEATURE_BASIC && facts->mtu > ONE_BUFFER)
		snprintf(help, sizeof(help), "ip link set dev %s mtu %d, or less", facts->name,
			 ONE_BUFFER);
	else if (facts->offloads.gro_hw_fixed)
		snprintf(help, sizeof(help),
			 "on the host, if it is yours: give this card no guest_tso4, guest_tso6, "
			 "guest_csum");
	find(judgement, true, help, "%s: only generic XDP, several times slower; native: %s",
	     facts->name, why.text);
}

static void judge_interface(const struct interface_facts *facts, struct judgement *judgement)
{
	if (!facts->index) {
		find(judgement, true, "'ip link' lists them",
		     "%s: there is no such interface in this network namespace", facts->name);
		return;
	}
	if (!facts->up)
		find(judgement, false, "", "%s: it is down, so no packets arrive", facts->name);
	if (facts->headless) {
		find(judgement, false, "guard the interface that the tunnel runs over",
		     "%s: its packets have no Ethernet header, so sumun refuses it", facts->name);
		return;
	}
	judge_generic(facts, judgement);
	judge_program(facts, judgement);
	judge_offloads(facts, judgement);
	judge_peer(facts, judgement);
}

/* ---- commands ------------------------------------------------------------------------- */

static void worsen(struct command_verdict *command, enum verdict verdict, const char *why)
{
	if (verdict <= command->verdict)
		return;
	command->verdict = verdict;
	error_set(&command->why, 0, "%s", why);
}

/* Changing needs the capabilities; only probing finds out whether they suffice. */
static void judge_changes(const struct permission_facts *facts, struct command_verdict *command)
{
	char missing[CAPABILITIES_TEXT], why[ERROR_TEXT];

	capabilities_missing(facts->held, capabilities_needed(facts), missing);
	snprintf(why, sizeof(why), "%s missing; be root", missing);
	if (missing[0])
		worsen(command, VERDICT_BROKEN, why);
	else if (facts->user_namespace)
		worsen(command, VERDICT_BROKEN,
		       "capabilities held in a user namespace do not count");
}

static void judge_reads(const struct facts *facts, struct command_verdict *command)
{
	const struct permission_facts *permissions = &facts->permissions;

	if (facts->places.state_error == 0)
		return;
	if (facts->places.state_error != -ENOENT)
		worsen(command, VERDICT_BROKEN, facts->places.state_text.text);
	else if (!permissions->root && !permissions->member)
		worsen(command, VERDICT_BROKEN, "reading takes root or the group sumun");
	else
		error_set(&command->why, 0, "nothing is up here now");
}

/* The hooks of everything it observes; the dearest fallback is what is told. */
static void judge_things(const struct facts *facts, uint32_t things,
			 struct command_verdict *command)
{
	for (enum thing thing = 0; thing < THINGS; thing++) {
		const struct thing_facts *fact = &facts->things[thing];
		char why[ERROR_TEXT];

		if (!(things & 1U << thing))
			continue;
		if (fact->taken < 0) {
			snprintf(why, sizeof(why), "%.60s: %.400s", ladders[thing].name,
				 fact->results[0].reason.text);
			worsen(command, VERDICT_BROKEN, why);
			continue;
		}
		rung_name(&ladders[thing].rungs[fact->taken], command->by);
		if (fact->taken > 0 && ladders[thing].rungs[fact->taken].cost)
			worsen(command, VERDICT_FALLBACK, ladders[thing].rungs[fact->taken].cost);
	}
}

/* Whether packets can be had natively is the interfaces' business, not only the kernel's. */
static void judge_packets(const struct facts *facts, struct command_verdict *command)
{
	size_t generic = 0, taken = 0, here = 0;
	struct error why;

	for (size_t i = 0; i < facts->interface_count; i++) {
		const struct interface_facts *interface = &facts->interfaces[i];

		if (!interface->index || interface->headless)
			continue;
		here++;
		generic += judge_native(interface, &why) == NATIVE_NO;
		taken += interface->program && interface->program_known && !interface->program_ours;
	}
	if (here && taken == here)
		worsen(command, VERDICT_BROKEN, "another XDP program is on every interface");
	if (!here || generic < here || command->verdict == VERDICT_BROKEN)
		return;
	rung_name(&ladders[THING_PACKET].rungs[1], command->by);
	worsen(command, VERDICT_FALLBACK, ladders[THING_PACKET].rungs[1].cost);
}

/* What a module says of itself stands behind the hook that it uses. */
static void add_remark(const char *remark, struct command_verdict *command)
{
	size_t used = strlen(command->by);

	if (*remark)
		snprintf(command->by + used, sizeof(command->by) - used, "%s%s", used ? "; " : "",
			 remark);
}

static void judge_need(const struct facts *facts, const struct module *module,
		       const struct probe_facts *probe, const struct need *need,
		       struct judgement *judgement)
{
	struct command_verdict *command;

	if (judgement->command_count == COMMANDS_MAX)
		return;
	command = &judgement->commands[judgement->command_count++];
	*command = (struct command_verdict){ .module = module->name, .commands = need->commands };
	if (need->changes)
		judge_changes(&facts->permissions, command);
	if (need->probe && probe->error)
		worsen(command, VERDICT_BROKEN, probe->text.text);
	if (need->main && command->verdict == VERDICT_BROKEN)
		judgement->status = STATUS_UNABLE;
	if (need->reads)
		judge_reads(facts, command);
	judge_things(facts, need->things, command);
	if (need->things & 1U << THING_PACKET)
		judge_packets(facts, command);
	if (need->probe && !probe->error)
		add_remark(probe->text.text, command);
}

/* ---- all together --------------------------------------------------------------------- */

static void judge_host(const struct facts *facts, struct judgement *judgement)
{
	if (!facts->kernel.btf)
		find(judgement, true,
		     "a kernel with CONFIG_DEBUG_INFO_BTF, as those of Debian have",
		     "the kernel has no BTF that could be read");
	if (!facts->kernel.jit.error && facts->kernel.jit.value == 0)
		find(judgement, true, "sysctl net.core.bpf_jit_enable=1",
		     "the JIT is off: every packet costs several times as much");
	if (facts->permissions.user_namespace)
		find(judgement, true, "run sumun on the host",
		     "this is a user namespace, as of a rootless container: what it holds of "
		     "capabilities does not count for BPF");
}

void judge(const struct facts *facts, const struct module *const list[],
	   struct judgement *ret_judgement)
{
	struct judgement *judgement = ret_judgement;

	memset(judgement, 0, sizeof(*judgement));
	for (size_t i = 0; i < MODULES_MAX && list[i]; i++)
		for (const struct need *need = list[i]->needs; need && need->commands; need++)
			judge_need(facts, list[i], &facts->probes[i], need, judgement);
	judge_host(facts, judgement);
	for (size_t i = 0; i < facts->interface_count; i++)
		judge_interface(&facts->interfaces[i], judgement);

	if (judgement->status != STATUS_OK)
		return;
	for (size_t i = 0; i < judgement->command_count; i++)
		if (judgement->commands[i].verdict != VERDICT_WORKS)
			judgement->status = STATUS_FAILED;
	for (size_t i = 0; i < judgement->finding_count; i++)
		if (judgement->findings[i].matters)
			judgement->status = STATUS_FAILED;
}
