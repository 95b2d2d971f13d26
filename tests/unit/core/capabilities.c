/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../unit.h"

#include "core/capabilities.h"
#include "core/cgroup2.h"

#define BIT(name) (1U << CAPABILITY_##name)

static void lockdown(void **state)
{
	static const struct {
		const char *text;
		enum lockdown lockdown;
	} rows[] = {
		{ "[none] integrity confidentiality\n", LOCKDOWN_NONE },
		{ "none [integrity] confidentiality\n", LOCKDOWN_INTEGRITY },
		{ "none integrity [confidentiality]\n", LOCKDOWN_CONFIDENTIALITY },
		{ "none integrity [conf]\n", LOCKDOWN_UNKNOWN },
		{ "none integrity [confidentialityx]\n", LOCKDOWN_UNKNOWN },
		{ "none integrity confidentiality\n", LOCKDOWN_UNKNOWN },
		{ "[none", LOCKDOWN_UNKNOWN },
		{ "[]", LOCKDOWN_UNKNOWN },
		{ "[unknown]", LOCKDOWN_UNKNOWN },
		{ "", LOCKDOWN_UNKNOWN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_row(lockdown_parse(rows[i].text) == rows[i].lockdown, rows[i].text);
}

static void missing_ones_are_named(void **state)
{
	static const struct {
		uint32_t held, needed;
		const char *missing;
	} rows[] = {
		{ 0, 0, "" },
		{ 0, BIT(BPF), "CAP_BPF" },
		{ 0, BIT(BPF) | BIT(PERFMON), "CAP_BPF and CAP_PERFMON" },
		{ 0, BIT(BPF) | BIT(PERFMON) | BIT(NET_ADMIN),
		  "CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON" },
		{ BIT(PERFMON), BIT(BPF) | BIT(PERFMON), "CAP_BPF" },
		/* The old one stands for the two that were split from it, not for the network's. */
		{ BIT(SYS_ADMIN), BIT(BPF) | BIT(PERFMON) | BIT(NET_ADMIN), "CAP_NET_ADMIN" },
		{ BIT(SYS_ADMIN) | BIT(NET_ADMIN), BIT(BPF) | BIT(PERFMON) | BIT(NET_ADMIN), "" },
		{ BIT(BPF), BIT(SYS_ADMIN), "CAP_SYS_ADMIN" },
	};
	char text[CAPABILITIES_TEXT];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		capabilities_missing(rows[i].held, rows[i].needed, text);
		assert_row(strcmp(text, rows[i].missing) == 0, text);
	}
	capabilities_missing(0, (1U << CAPABILITIES) - 1, text);
	assert_non_null(strstr(text, "CAP_DAC_READ_SEARCH and CAP_SYS_ADMIN"));
}

static void maps_of_user_namespaces(void **state)
{
	assert_true(is_initial_uid_map("         0          0 4294967295\n"));
	assert_false(is_initial_uid_map("         0       1000          1\n"));
	assert_false(is_initial_uid_map("         0     100000      65536\n"));
	assert_false(is_initial_uid_map("         0          0      65536\n"));
	assert_false(is_initial_uid_map(""));
}

static void mounts_of_cgroup2(void **state)
{
	static const struct {
		const char *line, *path;
	} rows[] = {
		{ "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n",
		  "/sys/fs/cgroup" },
		{ "41 31 0:27 / /sys/fs/cgroup/unified rw - cgroup2 none rw\n",
		  "/sys/fs/cgroup/unified" },
		{ "41 31 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n", NULL },
		{ "41 31 0:27 / /cgroup2 rw - tmpfs cgroup2 rw\n", NULL },
		{ "- cgroup2 cgroup2\n", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char path[PINS_PATH] = "";
		int r = cgroup2_parse_mount(rows[i].line, path);

		assert_row(r == (rows[i].path ? 0 : -ENOENT), rows[i].line);
		assert_string_equal(path, rows[i].path ? rows[i].path : "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lockdown),
		cmocka_unit_test(missing_ones_are_named),
		cmocka_unit_test(maps_of_user_namespaces),
		cmocka_unit_test(mounts_of_cgroup2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
