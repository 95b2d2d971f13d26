/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page as text and as JSON, of made-up hosts. */
#include "host.h"

#include <stdio.h>

#include "doctor/report.h"

static struct host host;
static char page[1 << 16];

static const char *text_of_host(void)
{
	CLEANUP_FCLOSE FILE *file = fmemopen(page, sizeof(page), "w");

	judge_host_of(&host);
	doctor_text(&host.facts, &host.judgement, file);
	fflush(file);
	return page;
}

static void assert_says(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no '%s' in:\n%s", part, text);
}

/* Everybody's terminal: no line is longer, none ends in blanks. */
static void assert_fits(const char *text)
{
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
		size_t length = strcspn(line, "\n");

		assert_row(length <= 80, line);
		assert_row(!length || line[length - 1] != ' ', line);
	}
}

static void a_good_page(void **state)
{
	make_host(&host);
	text_of_host();
	assert_fits(page);
	assert_says(page, "on Linux 6.1.0 (x86_64)\n\nAll is well.\n\nCommands\n");
	assert_says(page, "  run, up             works (XDP native)\n");
	assert_says(page, "  eth0                igc, MTU 1500, 4 queues in, 4 out\n");
	assert_says(page, "  JIT                 1: on\n");
	assert_says(page, "  lockdown            none\n");
	assert_says(page, "  CAP_BPF             yes\n");
	assert_says(page, "  files opened                fexit do_sys_openat2\n");
	assert_null(strstr(page, "missing"));
	assert_null(strstr(page, "not fentry"));
}

static void a_bad_page(void **state)
{
	make_host(&host);
	host.facts.permissions.held = 0;
	host.facts.kernel.lockdown = LOCKDOWN_UNKNOWN;
	host.facts.kernel.lockdown_error = -EACCES;
	host.facts.kernel.jit = (struct setting_fact){ .error = -ENOENT };
	host.facts.kernel.kptr_restrict = (struct setting_fact){ .value = 77 };
	host.facts.kernel.perf_paranoid = (struct setting_fact){ .error = -EACCES };
	host.facts.places = (struct place_facts){ .state_error = -ENOENT };
	host.interface.driver[0] = '\0';
	host.interface.features_error = -ENOENT;
	host.interface.offloads.error = -EPERM;
	host.interface.program_error = -EPERM;
	for (enum thing thing = 0; thing < THINGS; thing++)
		break_thing(&host, thing, (int)ladders[thing].rung_count);
	text_of_host();
	assert_fits(page);
	assert_says(page, "sumun cannot do its work here:\n"
			  "  ! CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON missing; be root\n"
			  "      stops: run, up, ban\n");
	assert_says(page, "lockdown            could not be read: Permission denied");
	assert_says(page, "JIT                 not to be seen here");
	assert_says(page, "perf_event_paranoid could not be read: Permission denied\n");
	assert_says(page, "kptr_restrict       77\n");
	assert_says(page, "bpffs               not on /sys/fs/bpf; mounting it takes");
	assert_says(page, "cgroup2             not mounted\n");
	assert_says(page, "driver unknown");
	assert_says(page, "native XDP        unknown: this kernel does not say");
	assert_says(page, "program           could not be asked: Operation not permitted\n");
	assert_says(page, "context switches            nothing: broken by the test\n");
}

static void reasons_of_rungs(void **state)
{
	make_host(&host);
	break_thing(&host, THING_OPEN, 3);
	strcpy(host.facts.things[THING_OPEN].results[1].reason.text, "another reason");
	text_of_host();
	assert_fits(page);
	assert_says(page, "files opened                tracepoint raw_syscalls/sys_exit: runs at");
	assert_says(page, "    not fexit do_sys_openat2: broken by the test\n"
			  "    not tp_btf sys_exit: another reason\n"
			  "    not raw_tp sys_exit: broken by the test\n");
	/* Fallbacks are told of on top where nothing else is. */
	assert_says(page, "not all is well:\n  ! runs at every system call");
	assert_says(page, "      for: opens\n");
}

static void interfaces_of_all_kinds(void **state)
{
	make_host(&host);
	host.interface.peer = PEER_IS_HERE;
	strcpy(host.interface.peer_name, "p0");
	host.interface.program = 9;
	host.interface.program_known = true;
	host.interface.program_mode = ATTACH_GENERIC;
	assert_says(text_of_host(), "    other end         p0: GRO off, no XDP program\n");
	assert_says(page, "    program           id 9, generic mode; not sumun's\n");
	host.interface.program_ours = true;
	strcpy(host.interface.program_name, "filter");
	assert_says(text_of_host(), "    program           filter, id 9, generic mode; sumun's\n");
	host.interface.index = 0;
	assert_says(text_of_host(), "  eth0                there is no such interface\n");
	host.facts.interface_count = 0;
	assert_says(text_of_host(), "  none is up in this network namespace\n");
}

static json_t *json_of_host(void)
{
	judge_host_of(&host);
	return doctor_json(&host.facts, &host.judgement);
}

static const char *text_at(json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "(null)";
}

static void json_of_a_good_host(void **state)
{
	json_t *object, *first;

	make_host(&host);
	object = json_of_host();
	assert_non_null(object);
	assert_int_equal(json_integer_value(json_object_get(object, "status")), 0);
	assert_int_equal(json_array_size(json_object_get(object, "findings")), 0);
	assert_int_equal(json_array_size(json_object_get(object, "commands")), 4);
	assert_int_equal(json_array_size(json_object_get(object, "things")), THINGS);
	first = json_array_get(json_object_get(object, "interfaces"), 0);
	assert_string_equal(text_at(first, "native"), "yes");
	assert_true(json_is_null(json_object_get(first, "program")));
	first = json_array_get(json_object_get(object, "things"), THING_OPEN);
	assert_string_equal(text_at(first, "thing"), "open");
	assert_string_equal(text_at(first, "taken"), "fexit do_sys_openat2");
	assert_int_equal(json_array_size(json_object_get(first, "rungs")), 4);
	json_decref(object);
}

/* What is not known is null, and a name that is no UTF-8 ends nothing. */
static void json_of_a_bad_host(void **state)
{
	json_t *object, *interface;

	make_host(&host);
	host.facts.permissions.held = 1U << CAPABILITY_BPF;
	host.facts.kernel.lockdown = LOCKDOWN_UNKNOWN;
	host.interface.features_error = -ENOENT;
	host.interface.offloads.error = -EPERM;
	host.interface.program = 9;
	strcpy(host.interface.name, "\xff\xfe");
	break_thing(&host, THING_CYCLES, 2);
	object = json_of_host();
	assert_non_null(object);
	assert_int_equal(json_integer_value(json_object_get(object, "status")), 3);
	assert_true(json_is_null(json_object_get(json_object_get(object, "kernel"), "lockdown")));
	assert_int_equal(
		json_array_size(json_object_get(json_object_get(object, "permissions"), "missing")),
		2);
	interface = json_array_get(json_object_get(object, "interfaces"), 0);
	assert_string_equal(text_at(interface, "name"), "\\xff\\xfe");
	assert_true(json_is_null(json_object_get(interface, "offloads")));
	assert_true(json_is_null(json_object_get(interface, "xdp_features")));
	assert_true(json_is_null(json_object_get(json_object_get(interface, "program"), "ours")));
	assert_true(json_is_null(json_object_get(
		json_array_get(json_object_get(object, "things"), THING_CYCLES), "taken")));
	json_decref(object);
}

static void words_for_features(void **state)
{
	char text[FEATURES_TEXT];

	assert_string_equal(features_format(0, text), "none");
	assert_string_equal(features_format(1, text), "basic");
	assert_string_equal(features_format(0x23, text), "basic redirect rx-sg");
	assert_string_equal(features_format(0x7f, text), "basic redirect ndo-xmit xsk-zerocopy "
							 "hw-offload rx-sg ndo-xmit-sg");
	assert_string_equal(features_format(1ULL << 63 | 1, text), "basic bit-63");
	features_format(UINT64_MAX, text);
	assert_in_range(strlen(text), 1, FEATURES_TEXT - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_page),         cmocka_unit_test(a_bad_page),
		cmocka_unit_test(reasons_of_rungs),    cmocka_unit_test(interfaces_of_all_kinds),
		cmocka_unit_test(json_of_a_good_host), cmocka_unit_test(json_of_a_bad_host),
		cmocka_unit_test(words_for_features),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
