/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host.h"

static struct host host;

static void assert_verdict(size_t row, enum verdict verdict, const char *why)
{
	const struct command_verdict *command = &host.judgement.commands[row];

	assert_in_range(row, 0, host.judgement.command_count - 1);
	if (command->verdict != verdict || !strstr(command->why.text, why))
		fail_msg("%s: %s: %s", command->commands, verdict_name(command->verdict),
			 command->why.text);
}

/* Exactly one finding has this in it. */
static void assert_finding(bool matters, const char *what, const char *help)
{
	size_t found = 0;

	for (size_t i = 0; i < host.judgement.finding_count; i++) {
		const struct finding *finding = &host.judgement.findings[i];

		if (!strstr(finding->what.text, what))
			continue;
		found++;
		assert_int_equal(finding->matters, matters);
		assert_row(strstr(finding->help.text, help), finding->help.text);
	}
	assert_row(found == 1, what);
}

static void all_is_well(void **state)
{
	make_host(&host);
	judge_host_of(&host);
	assert_int_equal(host.judgement.status, STATUS_OK);
	assert_int_equal(host.judgement.finding_count, 0);
	assert_int_equal(host.judgement.command_count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_verdict(i, VERDICT_WORKS, "");
	assert_string_equal(host.judgement.commands[ROW_RUN].by, "XDP native");
	assert_string_equal(host.judgement.commands[ROW_RUN].module, "made-up");
	assert_string_equal(host.judgement.commands[ROW_RUN].why.text, "");
}

static void capabilities_that_are_missing(void **state)
{
	make_host(&host);
	host.facts.permissions.held &= ~(1U << CAPABILITY_NET_ADMIN | 1U << CAPABILITY_SYS_ADMIN);
	judge_host_of(&host);
	assert_int_equal(host.judgement.status, STATUS_UNABLE);
	assert_verdict(ROW_RUN, VERDICT_BROKEN, "CAP_NET_ADMIN missing");
	assert_verdict(ROW_BAN, VERDICT_BROKEN, "CAP_NET_ADMIN missing");
	assert_verdict(ROW_STATUS, VERDICT_WORKS, "");

	/* The cause comes before what follows from it. */
	host.facts.probes[1].error = -EPERM;
	strcpy(host.facts.probes[1].text.text, "refused");
	host.interface.features = 0;
	judge_host_of(&host);
	assert_verdict(ROW_RUN, VERDICT_BROKEN, "CAP_NET_ADMIN missing");
}

/* Status 3 is for what sumun is for. */
static void only_the_main_thing_is_the_main_thing(void **state)
{
	static const struct need needs[] = { { .commands = "ban", .changes = true },
					     { .commands = NULL } };
	static const struct module module = { .name = "side", .needs = needs };
	static const struct module *const list[] = { &module, NULL };

	make_host(&host);
	host.facts.permissions.held = 0;
	judge(&host.facts, list, &host.judgement);
	assert_int_equal(host.judgement.status, STATUS_FAILED);
}

static void a_kernel_without_the_new_capabilities(void **state)
{
	make_host(&host);
	host.facts.permissions.split = false;
	host.facts.permissions.held = 1U << CAPABILITY_NET_ADMIN;
	judge_host_of(&host);
	assert_verdict(ROW_RUN, VERDICT_BROKEN, "CAP_SYS_ADMIN missing");
	host.facts.permissions.held |= 1U << CAPABILITY_SYS_ADMIN;
	judge_host_of(&host);
	assert_int_equal(host.judgement.status, STATUS_OK);
}

static void a_user_namespace(void **state)
{
	make_host(&host);
	host.facts.permissions.user_namespace = true;
	judge_host_of(&host);
	assert_int_equal(host.judgement.status, STATUS_UNABLE);
	assert_verdict(ROW_BAN, VERDICT_BROKEN, "user namespace");
	assert_finding(true, "rootless container", "on the host");
}

static void the_probe_has_the_word(void **state)
{
	make_host(&host);
	host.facts.probes[1].error = -EINVAL;
	strcpy(host.facts.probes[1].text.text, "the kernel refuses the filter program");
	judge_host_of(&host);
	assert_int_equal(host.judgement.status, STATUS_UNABLE);
	assert_verdict(ROW_RUN, VERDICT_BROKEN, "refuses the filter");
	assert_verdict(ROW_BAN, VERDICT_WORKS, "");
}

static void what_a_module_says_of_itself(void **state)
{
	make_host(&host);
	strcpy(host.facts.probes[1].text.text, "sees more");
	judge_host_of(&host);
	assert_verdict(ROW_RUN, VERDICT_WORKS, "");
	assert_string_equal(host.judgement.commands[ROW_RUN].by, "XDP native; sees more");
	assert_string_equal(host.judgement.commands[ROW_RUN].why.text, "");
}

static void who_may_read(void **state)
{
	make_host(&host);
	host.facts.places.state_error = -ENOENT;
	judge_host_of(&host);
	assert_verdict(ROW_STATUS, VERDICT_WORKS, "nothing is up");
	assert_int_equal(host.judgement.status, STATUS_OK);

	host.facts.permissions.root = false;
	judge_host_of(&host);
	assert_verdict(ROW_STATUS, VERDICT_BROKEN, "group sumun");
	assert_int_equal(host.judgement.status, STATUS_FAILED);

	host.facts.permissions.member = true;
	judge_host_of(&host);
	assert_verdict(ROW_STATUS, VERDICT_WORKS, "");

	host.facts.places.state_error = -EACCES;
	strcpy(host.facts.places.state_text.text, "no permission to read");
	judge_host_of(&host);
	assert_verdict(ROW_STATUS, VERDICT_BROKEN, "no permission");
}

static void fallbacks_and_what_they_cost(void **state)
{
	make_host(&host);
	break_thing(&host, THING_OPEN, 1);
	judge_host_of(&host);
	assert_int_equal(host.judgement.status, STATUS_FAILED);
	assert_verdict(ROW_OPENS, VERDICT_FALLBACK, "every system call");

	break_thing(&host, THING_OPEN, 4);
	judge_host_of(&host);
	assert_verdict(ROW_OPENS, VERDICT_BROKEN, "files opened: broken by the test");
	assert_int_equal(host.judgement.status, STATUS_FAILED);

	/* What no command stands on is no matter. */
	make_host(&host);
	break_thing(&host, THING_CYCLES, 2);
	judge_host_of(&host);
	assert_int_equal(host.judgement.status, STATUS_OK);
}

static void native_or_not(void **state)
{
	static const struct {
		struct interface_facts facts;
		enum native native;
		const char *why;
	} rows[] = {
		{ { .features = FEATURE_BASIC, .mtu = 1500 }, NATIVE_YES, "not tried" },
		{ { .features = 0, .driver = "e1000" }, NATIVE_NO, "e1000 has none" },
		{ { .features_error = -ENOENT, .loopback = true }, NATIVE_NO, "loopback" },
		{ { .features = 0, .driver = "" }, NATIVE_NO, "it has none" },
		{ { .features = FEATURE_BASIC, .mtu = 9000 }, NATIVE_NO, "MTU 9000" },
		{ { .features = FEATURE_BASIC | FEATURE_RX_SG, .mtu = 9000 }, NATIVE_YES, "" },
		{ { .features_error = -ENOENT, .driver = "ixgbe" }, NATIVE_UNKNOWN, "is one of" },
		{ { .features_error = -ENOENT, .driver = "e1000" }, NATIVE_UNKNOWN, "not known" },
		{ { .features_error = -ENOENT, .program = 7, .program_mode = ATTACH_NATIVE },
		  NATIVE_YES,
		  "runs there" },
		{ { .features = 0, .program = 7, .program_mode = ATTACH_GENERIC },
		  NATIVE_NO,
		  "none" },
		{ { .features = FEATURE_BASIC,
		    .driver = "virtio_net",
		    .offloads = { .gro_hw = true, .gro_hw_fixed = true } },
		  NATIVE_NO,
		  "GRO-HW" },
		{ { .features = FEATURE_BASIC,
		    .driver = "virtio_net",
		    .offloads = { .gro_hw = true } },
		  NATIVE_YES,
		  "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error why = { "" };

		assert_row(judge_native(&rows[i].facts, &why) == rows[i].native, rows[i].why);
		assert_error_contains(&why, rows[i].why);
	}
}

static void generic_only(void **state)
{
	make_host(&host);
	host.interface.features = 0;
	judge_host_of(&host);
	assert_int_equal(host.judgement.status, STATUS_FAILED);
	assert_verdict(ROW_RUN, VERDICT_FALLBACK, "slower");
	assert_string_equal(host.judgement.commands[ROW_RUN].by, "XDP generic");
	assert_finding(true, "eth0: only generic", "");

	host.interface.features = FEATURE_BASIC;
	host.interface.mtu = 9000;
	judge_host_of(&host);
	assert_finding(true, "MTU 9000", "ip link set dev eth0 mtu 3498");
}

static void programs_of_others(void **state)
{
	make_host(&host);
	host.interface.program = 7;
	host.interface.program_mode = ATTACH_NATIVE;
	host.interface.program_known = true;
	strcpy(host.interface.program_name, "theirs");
	judge_host_of(&host);
	assert_int_equal(host.judgement.status, STATUS_FAILED);
	assert_verdict(ROW_RUN, VERDICT_BROKEN, "on every interface");
	assert_finding(true, "(theirs, id 7, native mode)", "ip link set dev eth0 xdp off");

	host.interface.program_ours = true;
	judge_host_of(&host);
	assert_int_equal(host.judgement.status, STATUS_OK);
	assert_int_equal(host.judgement.finding_count, 0);

	host.interface.program_known = host.interface.program_ours = false;
	judge_host_of(&host);
	assert_int_equal(host.judgement.status, STATUS_OK);
	assert_finding(false, "whose it is", "root");
}

static void interfaces_with_a_catch(void **state)
{
	make_host(&host);
	host.interface.offloads.lro = true;
	judge_host_of(&host);
	assert_finding(true, "LRO", "ethtool -K eth0 lro off");

	make_host(&host);
	host.interface.index = 0;
	judge_host_of(&host);
	assert_finding(true, "no such interface", "ip link");
	assert_int_equal(host.judgement.status, STATUS_FAILED);

	make_host(&host);
	host.interface.headless = true;
	host.interface.features = 0;
	judge_host_of(&host);
	assert_finding(false, "no Ethernet header", "tunnel");
	assert_int_equal(host.judgement.status, STATUS_OK);

	make_host(&host);
	host.interface.up = false;
	judge_host_of(&host);
	assert_finding(false, "down", "");
	assert_int_equal(host.judgement.status, STATUS_OK);

	make_host(&host);
	host.interface.peer = PEER_IS_HERE;
	host.interface.peer_gro = true; /* which is not enough */
	strcpy(host.interface.peer_name, "p0");
	judge_host_of(&host);
	assert_finding(false, "SYN cookies", "p0");
	host.interface.peer_program = true;
	judge_host_of(&host);
	assert_int_equal(host.judgement.finding_count, 0);
	host.interface.peer = PEER_IS_ELSEWHERE;
	judge_host_of(&host);
	assert_finding(false, "another network namespace", "");
}

static void kernels_with_a_catch(void **state)
{
	make_host(&host);
	host.facts.kernel.btf = false;
	host.facts.kernel.jit.value = 0;
	judge_host_of(&host);
	assert_finding(true, "BTF", "CONFIG_DEBUG_INFO_BTF");
	assert_finding(true, "JIT", "bpf_jit_enable=1");

	/* Not seen is not off. */
	make_host(&host);
	host.facts.kernel.jit = (struct setting_fact){ .error = -ENOENT };
	judge_host_of(&host);
	assert_int_equal(host.judgement.finding_count, 0);
}

/* More than anybody has, and nothing is written where it does not belong. */
static void very_many_interfaces(void **state)
{
	static struct interface_facts many[1000];

	make_host(&host);
	host.facts.interfaces = many;
	host.facts.interface_count = ARRAY_SIZE(many);
	judge_host_of(&host);
	assert_int_equal(host.judgement.finding_count, FINDINGS_MAX);
	assert_int_equal(host.judgement.status, STATUS_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_well),
		cmocka_unit_test(capabilities_that_are_missing),
		cmocka_unit_test(only_the_main_thing_is_the_main_thing),
		cmocka_unit_test(a_kernel_without_the_new_capabilities),
		cmocka_unit_test(a_user_namespace),
		cmocka_unit_test(the_probe_has_the_word),
		cmocka_unit_test(what_a_module_says_of_itself),
		cmocka_unit_test(who_may_read),
		cmocka_unit_test(fallbacks_and_what_they_cost),
		cmocka_unit_test(native_or_not),
		cmocka_unit_test(generic_only),
		cmocka_unit_test(programs_of_others),
		cmocka_unit_test(interfaces_with_a_catch),
		cmocka_unit_test(kernels_with_a_catch),
		cmocka_unit_test(very_many_interfaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
