/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cgroups of the running kernel: by handle and by looking through them, there and gone. */
#include "../unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cgroup2.h"
#include "observe/cgroups.h"

#define ID_START "5c0ffee0123456789abcdef0123456789abcdef0123456789abcdef01234"

enum { NAME_SIZE = 32, PATH_SIZE = PINS_PATH + 256 };

static char mount[PINS_PATH];
static char top[NAME_SIZE]; /* "/sumun-test-PID", beneath which each test makes its own */

static void make(const char *path)
{
	char whole[PATH_SIZE];

	snprintf(whole, sizeof(whole), "%s%s", mount, path);
	if (mkdir(whole, 0755) < 0)
		fail_msg("cannot make %s: %s", whole, strerror(errno));
}

static void take_away(const char *path)
{
	char whole[PATH_SIZE];

	snprintf(whole, sizeof(whole), "%s%s", mount, path);
	rmdir(whole);
}

static uint64_t id_of(const char *path)
{
	char whole[PATH_SIZE];
	struct stat status;

	snprintf(whole, sizeof(whole), "%s%s", mount, path);
	assert_ok(stat(whole, &status));
	return status.st_ino;
}

static const char *under_top(const char *rest)
{
	static char path[4][PATH_SIZE];
	static size_t turn;

	turn = (turn + 1) % ARRAY_SIZE(path);
	snprintf(path[turn], PATH_SIZE, "%s%s", top, rest);
	return path[turn];
}

static const char *path_of(struct cgroups *cgroups, uint64_t id)
{
	static char path[CGROUP_PATH];

	return cgroups_path(cgroups, id, path);
}

static int make_top(void **state)
{
	snprintf(top, sizeof(top), "/sumun-test-%d", getpid());
	make(top);
	return 0;
}

static int take_away_top(void **state)
{
	static const char *const made[] = {
		"/a/b/c",
		"/a/b",
		"/a",
		"/one.slice/same.service/same.service",
		"/one.slice/same.service.d/same.service",
		"/one.slice/same.service.d",
		"/one.slice/same.service",
		"/two.slice/same.service",
		"/one.slice",
		"/two.slice",
		"/docker-" ID_START "aaaa.scope/inner",
		"/docker-" ID_START "aaaa.scope",
		"/docker-" ID_START "bbbb.scope",
		"",
	};

	for (size_t i = 0; i < ARRAY_SIZE(made); i++)
		take_away(under_top(made[i]));
	return 0;
}

/* ---- from the number to the path --------------------------------------------------------- */

static void what_came_later_is_asked_for(void **state)
{
	CLEANUP_CGROUPS struct cgroups *cgroups = cgroups_new();
	uint64_t outer, inner;

	assert_non_null(cgroups);
	make(under_top("/a"));
	make(under_top("/a/b"));
	make(under_top("/a/b/c"));
	outer = id_of(under_top("/a"));
	inner = id_of(under_top("/a/b/c"));
	assert_string_equal(path_of(cgroups, inner), under_top("/a/b/c"));
	assert_string_equal(path_of(cgroups, outer), under_top("/a"));
	assert_string_equal(path_of(cgroups, id_of("/")), "/");
	take_away(under_top("/a/b/c"));
	/* Seen before it went. */
	assert_string_equal(path_of(cgroups, inner), under_top("/a/b/c"));
	assert_string_equal(path_of(cgroups, outer), under_top("/a"));
}

static void what_was_there_first_is_known_when_gone(void **state)
{
	CLEANUP_CGROUPS struct cgroups *cgroups = NULL;
	uint64_t id;

	make(under_top("/a"));
	make(under_top("/a/b"));
	id = id_of(under_top("/a/b"));
	cgroups = cgroups_new();
	assert_non_null(cgroups);
	take_away(under_top("/a/b"));
	assert_string_equal(path_of(cgroups, id), under_top("/a/b"));
}

static void what_was_never_seen_is_gone(void **state)
{
	CLEANUP_CGROUPS struct cgroups *cgroups = cgroups_new();
	char expected[64];
	uint64_t id;

	assert_non_null(cgroups);
	make(under_top("/a"));
	id = id_of(under_top("/a"));
	take_away(under_top("/a"));
	snprintf(expected, sizeof(expected), "cgroup %llu (gone)", (unsigned long long)id);
	assert_string_equal(path_of(cgroups, id), expected);
	/* One of the same name is another. */
	make(under_top("/a"));
	assert_string_equal(path_of(cgroups, id), expected);
	assert_true(id_of(under_top("/a")) != id);
	assert_string_equal(path_of(cgroups, id_of(under_top("/a"))), under_top("/a"));
}

/* Of those that came right behind what is still there, and are of one chain with it. */
static void what_is_there_stays_when_there_is_no_room(void **state)
{
	CLEANUP_CGROUPS struct cgroups *cgroups = cgroups_new();
	const uint64_t made_up = 0xfffffff000000000; /* behind what any kernel has given out */
	uint64_t there, gone;

	assert_non_null(cgroups);
	make(under_top("/a"));
	there = id_of(under_top("/a"));
	assert_string_equal(path_of(cgroups, there), under_top("/a"));
	make(under_top("/a/b"));
	gone = id_of(under_top("/a/b"));
	assert_string_equal(path_of(cgroups, gone), under_top("/a/b"));
	take_away(under_top("/a/b"));
	make(under_top("/a/b")); /* another of the same name */
	for (uint64_t i = 1; i < 8; i++)
		cgroups_remember(cgroups, there + i * CGROUPS_MAX, "/gone");
	for (uint64_t i = 0; i < CGROUPS_MAX; i++)
		cgroups_remember(cgroups, made_up + i, "/gone");
	take_away(under_top("/a/b"));
	take_away(under_top("/a"));
	assert_string_equal(path_of(cgroups, there), under_top("/a"));
	assert_int_equal(strncmp(path_of(cgroups, gone), "cgroup ", 7), 0);
}

/* Asks until the answer is `expected`, which may be only a number until a second has begun. */
static bool becomes(struct cgroups *cgroups, uint64_t id, const char *expected)
{
	char number[64];

	snprintf(number, sizeof(number), "cgroup %llu", (unsigned long long)id);
	for (int i = 0; i < 600; i++) {
		const char *said = path_of(cgroups, id);

		if (strcmp(said, expected) == 0)
			return true;
		if (strcmp(said, number) != 0)
			return false;
		usleep(100000);
	}
	return false;
}

/* Runs in a child, which is nobody from the time on that there is something new. */
static int nobody(void)
{
	CLEANUP_CGROUPS struct cgroups *cgroups = cgroups_new();
	uint64_t id, gone;
	char text[64];

	make(under_top("/a/b/c"));
	gone = id_of(under_top("/a/b/c"));
	take_away(under_top("/a/b/c"));
	make(under_top("/a/b/c"));
	id = id_of(under_top("/a/b/c"));
	if (seteuid(65534) < 0)
		return 1;
	if (!becomes(cgroups, id, under_top("/a/b/c")))
		return 2;
	snprintf(text, sizeof(text), "cgroup %llu (gone)", (unsigned long long)gone);
	return becomes(cgroups, gone, text) ? 0 : 3;
}

static void without_capabilities_all_are_looked_through(void **state)
{
	int status = -1;
	pid_t child;

	make(under_top("/a"));
	make(under_top("/a/b"));
	child = fork();
	if (child == 0)
		_exit(nobody());
	assert_true(waitpid(child, &status, 0) == child);
	assert_int_equal(status, 0);
}

/* ---- from what a person calls it to the number ------------------------------------------- */

static void check_found(const char *text, const char *path, uint32_t level)
{
	struct error error = { "" };
	uint32_t found_level;
	uint64_t id;

	if (cgroup_find(text, &id, &found_level, &error) < 0)
		fail_msg("'%s': %s", text, error.text);
	assert_row(id == id_of(path), text);
	assert_row(found_level == level, text);
}

static void check_refused(const char *text, int code, const char *part)
{
	struct error error = { "" };
	uint32_t level = 77;
	uint64_t id = 77;

	assert_row(cgroup_find(text, &id, &level, &error) == code, text);
	assert_error_contains(&error, part);
	assert_true(id == 77 && level == 77);
}

static void paths_are_found(void **state)
{
	char whole[PATH_SIZE];

	make(under_top("/a"));
	make(under_top("/a/b"));
	check_found(under_top("/a/b"), under_top("/a/b"), 3);
	check_found(under_top("/a/b") + 1, under_top("/a/b"), 3);
	check_found(under_top("/a//./b/"), under_top("/a/b"), 3);
	check_found(top + 1, top, 1);
	snprintf(whole, sizeof(whole), "%s%s", mount, under_top("/a/b"));
	check_found(whole, under_top("/a/b"), 3);
	check_found("/", "/", 0);
	check_found(mount, "/", 0);
	check_refused("", -EINVAL, "a cgroup is a path");
	check_refused("/no-such-cgroup", -ENOENT, "there is no cgroup '/no-such-cgroup'");
	check_refused(under_top("/a/../a"), -ENOENT, "there is no cgroup");
	check_refused("/cgroup.procs", -ENOENT, "there is no cgroup");
	snprintf(whole, sizeof(whole), "%sx", mount);
	check_refused(whole, -ENOENT, "there is no cgroup");
}

static void names_are_found(void **state)
{
	make(under_top("/one.slice"));
	make(under_top("/one.slice/same.service"));
	check_found("same.service", under_top("/one.slice/same.service"), 3);
	make(under_top("/one.slice/same.service/same.service"));
	check_found("same.service", under_top("/one.slice/same.service"), 3);
	make(under_top("/one.slice/same.service.d"));
	make(under_top("/one.slice/same.service.d/same.service"));
	check_refused("same.service", -ENOTUNIQ, "can be");
	take_away(under_top("/one.slice/same.service.d/same.service"));
	make(under_top("/two.slice"));
	make(under_top("/two.slice/same.service"));
	check_refused("same.service", -ENOTUNIQ, "can be");
	check_refused("other-than-these.service", -ENOENT, "there is no cgroup");
	make(under_top("/docker-" ID_START "aaaa.scope"));
	make(under_top("/docker-" ID_START "aaaa.scope/inner"));
	check_found("5c0ffee01", under_top("/docker-" ID_START "aaaa.scope"), 2);
	check_found("docker:5c0ffee01234", under_top("/docker-" ID_START "aaaa.scope"), 2);
	make(under_top("/docker-" ID_START "bbbb.scope"));
	check_refused("5c0ffee01", -ENOTUNIQ, "can be");
	check_found(ID_START "bbbb", under_top("/docker-" ID_START "bbbb.scope"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_came_later_is_asked_for, make_top,
						take_away_top),
		cmocka_unit_test_setup_teardown(what_was_there_first_is_known_when_gone, make_top,
						take_away_top),
		cmocka_unit_test_setup_teardown(what_was_never_seen_is_gone, make_top,
						take_away_top),
		cmocka_unit_test_setup_teardown(what_is_there_stays_when_there_is_no_room, make_top,
						take_away_top),
		cmocka_unit_test_setup_teardown(without_capabilities_all_are_looked_through,
						make_top, take_away_top),
		cmocka_unit_test_setup_teardown(paths_are_found, make_top, take_away_top),
		cmocka_unit_test_setup_teardown(names_are_found, make_top, take_away_top),
	};

	if (geteuid() != 0 || cgroup2_mount(mount) < 0) {
		fprintf(stderr, "observe_cgroups: cannot run: not root, or no cgroup2\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
