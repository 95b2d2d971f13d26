// SPDX-License-Identifier: GPL-2.0-or-later
/* The file in a directory of the test's own, the tables in plain memory, and no map of ban_info. */
#include "../../unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../capture.h"
#include "base/duration.h"
#include "base/timestamp.h"
#include "modules/filter/bans_file.h"
#include "plain.h"

struct place {
	char directory[64];
	char path[96];
	struct plain plain;
	struct store store;
	struct peers peers;
};

static int make(void **state)
{
	static struct place place;
	uint64_t boottime = timestamp_boottime();

	strcpy(place.directory, "/tmp/sumun-bans-XXXXXX");
	assert_non_null(mkdtemp(place.directory));
	snprintf(place.path, sizeof(place.path), "%s/bans", place.directory);
	plain_make(&place.plain);
	place.store = STORE_NONE;
	place.store.tables = place.plain.tables;
	place.store.ticks = (struct ticks){ 250, 4, 1000000000, boottime };
	place.peers.count = 0;
	*state = &place;
	return 0;
}

static unsigned files_in(const char *directory)
{
	CLEANUP_CLOSEDIR DIR *dir = opendir(directory);
	const struct dirent *entry;
	unsigned count = 0;

	while (dir && (entry = readdir(dir)))
		count += *entry->d_name != '.';
	return count;
}

static int destroy(void **state)
{
	struct place *place = *state;

	plain_free(&place->plain);
	unlink(place->path);
	assert_int_equal(rmdir(place->directory), 0); /* nothing else was left */
	return 0;
}

static void put_file(const struct place *place, const char *text, size_t size)
{
	CLEANUP_FCLOSE FILE *file = fopen(place->path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, size, file), size);
}

static void put_text(const struct place *place, const char *text)
{
	put_file(place, text, strlen(text));
}

static void add(struct place *place, const char *text, uint64_t seconds, bool forced)
{
	struct ban ban = { prefix(text), BAN_FOREVER, forced };

	if (seconds)
		assert_ok(store_ban_end(&place->store, seconds * NSEC_PER_SEC, &ban.end, NULL));
	assert_ok(ban_add(&place->store.tables, &ban, store_now(&place->store), NULL));
}

static bool find(const struct place *place, const char *text, struct ban *ban)
{
	struct prefix wanted = prefix(text);

	return ban_find(&place->store.tables, &wanted, store_now(&place->store), ban);
}

static size_t count(const struct place *place)
{
	return ban_count(&place->store.tables, store_now(&place->store));
}

/* What it says; 0 expected. */
static const char *restore(struct place *place)
{
	static struct capture capture;
	struct error error = { "" };
	int r;

	capture_begin(&capture, 2);
	r = bans_file_restore(&place->store, &place->peers, place->path, &error);
	capture_end(&capture);
	if (r < 0)
		fail_msg("%s", error.text);
	return capture.text;
}

/* As after a reboot: no ban, and a clock that began anew. */
static void reboot(struct place *place)
{
	plain_free(&place->plain);
	plain_make(&place->plain);
	place->store.tables = place->plain.tables;
	place->store.ticks.anchor_jiffies = 75000;
}

/* ---- there and back ------------------------------------------------------------------ */

static void bans_come_back_after_a_reboot(void **state)
{
	struct place *place = *state;
	struct stat st;
	struct ban ban;
	uint64_t end;

	add(place, "192.0.2.1", 3600, false);
	add(place, "192.0.2.0/24", 0, true);
	add(place, "2001:db8::/64", 86400, false);
	add(place, "2001:db8::7", 60, false);
	add(place, "2001:db8::/48", 0, false);
	assert_true(find(place, "192.0.2.1", &ban));
	end = store_tick_time(&place->store, ban.end);
	assert_ok(bans_file_write(&place->store, place->path, NULL));
	assert_int_equal(files_in(place->directory), 1);
	assert_ok(stat(place->path, &st));
	assert_int_equal(st.st_mode, S_IFREG | 0600);

	reboot(place);
	assert_int_equal(occurrences(restore(place), "restored 5 bans from"), 1);
	assert_int_equal(count(place), 5);
	assert_true(find(place, "192.0.2.1", &ban) && !ban.forced);
	/* Never earlier, and later by at most two ticks. */
	assert_in_range(store_tick_time(&place->store, ban.end), end - 2 * NSEC_PER_MSEC,
			end + 130 * NSEC_PER_MSEC);
	assert_true(find(place, "192.0.2.0/24", &ban) && ban.forced && ban.end == BAN_FOREVER);
	assert_true(find(place, "2001:db8::/64", &ban) && !ban.forced);
	assert_true(find(place, "2001:db8::7", &ban));
	assert_true(find(place, "2001:db8::/48", &ban) && ban.end == BAN_FOREVER);
}

static void what_was_there_is_replaced(void **state)
{
	struct place *place = *state;
	char text[512] = "";
	CLEANUP_FCLOSE FILE *file = NULL;

	put_text(place, "rubbish that is longer than what comes\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"
			"rubbish that is longer than what comes rubbish that is longer than what "
			"comes rubbish that is longer than what comes rubbish");
	assert_ok(bans_file_write(&place->store, place->path, NULL));
	file = fopen(place->path, "re");
	assert_non_null(file);
	assert_in_range(fread(text, 1, sizeof(text) - 1, file), 20, 200);
	assert_memory_equal(text, "# sumun bans 1;", 15);
	assert_string_equal(restore(place), "");
	assert_int_equal(count(place), 0);
}

static void a_failure_leaves_the_former_file(void **state)
{
	struct place *place = *state;
	struct error error = {};
	char path[128];

	assert_ok(bans_file_write(&place->store, place->path, NULL));
	snprintf(path, sizeof(path), "%s/none/bans", place->directory);
	assert_int_equal(bans_file_write(&place->store, path, &error), -ENOENT);
	assert_error_contains(&error, path);
	/* A directory cannot be written over, and no half of a file stays. */
	snprintf(path, sizeof(path), "%s/directory", place->directory);
	assert_ok(mkdir(path, 0700));
	assert_int_equal(bans_file_write(&place->store, path, &error), -EISDIR);
	assert_ok(rmdir(path));
	assert_int_equal(files_in(place->directory), 1);
}

/* ---- what a file may hold ---------------------------------------------------------------- */

#define HEAD "# sumun bans 1; for the test\n"
#define LONG "-\t2026-01-01T00:00:00Z\tguard\t1\t-\twhy\n"

static void bad_lines_are_told_and_the_rest_is_restored(void **state)
{
	struct place *place = *state;
	static char text[4096];
	const char *said;
	struct ban ban;

	strcpy(text, HEAD "192.0.2.1\t" LONG "nonsense\n"
			  "192.0.2.2\t2026-01-02T00:00:00Z\t2026-01-01T00:00:00Z\tguard\t1\t-\t\n"
			  "\n# a remark\n192.0.2.3\t" LONG);
	memset(text + strlen(text), 'x', 2000);
	strcat(text, "\n192.0.2.4\t-\t2026-01-01T00:00:00Z\tscan\t1\tforced\tno line end");
	put_text(place, text);
	said = restore(place);
	assert_int_equal(occurrences(said, "warning"), 2);
	assert_int_equal(occurrences(said, "bans' line 3: a ban has 7 fields"), 1);
	assert_int_equal(occurrences(said, "bans' line 8: the line is longer"), 1);
	assert_int_equal(occurrences(said, "restored 3 bans"), 1);
	assert_int_equal(count(place), 3); /* the second of them is over */
	assert_false(find(place, "192.0.2.2", &ban));
	assert_true(find(place, "192.0.2.4", &ban) && ban.forced);
}

static void bytes_of_any_kind_do_no_harm(void **state)
{
	struct place *place = *state;
	uint64_t seed = 51;
	static char text[8192];
	const char *said;
	struct ban ban;
	size_t size;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)random_next(&seed);
	size = sizeof(text);
	memcpy(text + 5000, "\n192.0.2.1\t" LONG, strlen("\n192.0.2.1\t" LONG));
	memcpy(text + 6000, "\n192.0.2.2\t-\0" LONG, strlen("\n192.0.2.2\t-") + 1 + strlen(LONG));
	put_file(place, text, size);
	said = restore(place);
	assert_int_equal(occurrences(said, "' line "), 10);
	assert_int_equal(occurrences(said, "more lines that are no bans, ignoring"), 1);
	assert_true(find(place, "192.0.2.1", &ban));
	assert_int_equal(count(place), 1);
	for (; *said; said++)
		assert_true((uint8_t)*said >= 0x20 || *said == '\n');

	put_file(place, HEAD "192.0.2.3\t-\t2026-01-01T00:00:00Z\tguard\t1\t-\tw\0y\n",
		 sizeof(HEAD "192.0.2.3\t-\t2026-01-01T00:00:00Z\tguard\t1\t-\tw\0y\n") - 1);
	assert_int_equal(occurrences(restore(place), "line 2: there is a NUL"), 1);
	assert_false(find(place, "192.0.2.3", &ban));
}

static void no_file_is_no_error_and_another_thing_is(void **state)
{
	static const char *const heads[] = { "# sumun bans 2\n", "# sumun bans 10\n",
					     "# sumun bans \n" };
	struct place *place = *state;
	const struct bans_file_reader reader = { NULL, NULL, NULL };
	struct error error = {};

	assert_string_equal(restore(place), "");
	assert_int_equal(bans_file_read(place->directory, &reader, &error), -EINVAL);
	assert_error_contains(&error, "no plain file");
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		put_text(place, heads[i]);
		assert_int_equal(bans_file_read(place->path, &reader, &error), -EINVAL);
		assert_error_contains(&error, "another version");
	}
	put_text(place, "# sumun bans 1\n# sumun bans 2\n");
	assert_ok(bans_file_read(place->path, &reader, &error));
	put_text(place, "");
	assert_ok(bans_file_read(place->path, &reader, &error));
}

/* ---- restoring ------------------------------------------------------------------------- */

static void put_ban(const struct place *place, const char *text, int64_t since, int64_t until,
		    bool forced)
{
	uint64_t now = timestamp_now();
	struct saved_ban ban = { .prefix = prefix(text),
				 .since = now + (uint64_t)since * NSEC_PER_SEC,
				 .until = now + (uint64_t)until * NSEC_PER_SEC,
				 .origin = ORIGIN_GUARD,
				 .forced = forced };
	char line[BANS_FILE_LINE];

	put_text(place, saved_ban_format(&ban, line));
}

/* How long, in whole seconds, the restored ban still lasts; -1 when there is none. */
static int64_t seconds_left(const struct place *place, const char *text)
{
	struct ban ban;

	if (!find(place, text, &ban))
		return -1;
	return (int64_t)(ticks_boottime(&place->store.ticks, ban.end) - timestamp_boottime() +
			 NSEC_PER_SEC / 2) /
	       (int64_t)NSEC_PER_SEC;
}

static void a_clock_that_was_set_makes_no_ban_longer(void **state)
{
	static const struct {
		int64_t since, until, left;
	} rows[] = {
		{ -100, 100, 100 },     { 86400, 90000, 3600 }, { -100, -1, -1 },
		{ 100000, 100060, 60 }, { -1000000, 7, 7 },
	};
	struct place *place = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		reboot(place);
		put_ban(place, "192.0.2.1", rows[i].since, rows[i].until, false);
		restore(place);
		assert_int_equal(seconds_left(place, "192.0.2.1"), rows[i].left);
	}
	/* What is longer than ticks can count is as long as they can. */
	put_text(place, "192.0.2.1\t2500-01-01T00:00:00Z\t2020-01-01T00:00:00Z\tguard\t1\t-\t");
	restore(place);
	assert_in_range(seconds_left(place, "192.0.2.1"), 100000000, INT64_MAX);
}

static void a_peer_of_now_is_left_out(void **state)
{
	static const struct {
		const char *ban;
		bool forced, there;
	} rows[] = {
		{ "192.0.2.1", false, false },    { "192.0.2.1", true, true },
		{ "192.0.2.0/24", false, false }, { "192.0.3.0/24", false, true },
		{ "2001:db8::/64", true, true },  { "2001:db8::/64", false, false },
	};
	struct place *place = *state;
	struct ban ban;

	place->peers.peers[0] = (struct peer){ address("192.0.2.1"), PEER_GATEWAY, 0 };
	place->peers.peers[1] = (struct peer){ address("2001:db8::7"), PEER_SSH, 22 };
	place->peers.count = 2;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *said;

		reboot(place);
		put_ban(place, rows[i].ban, -10, 100, rows[i].forced);
		said = restore(place);
		assert_row(find(place, rows[i].ban, &ban) == rows[i].there, rows[i].ban);
		assert_int_equal(occurrences(said, "would now shut out"), !rows[i].there);
		assert_int_equal(occurrences(said, rows[i].ban) > 0, !rows[i].there);
		assert_int_equal(occurrences(said, "restored 1 ban from"), rows[i].there);
	}
}

/* ---- where ------------------------------------------------------------------------------- */

static void the_path_follows_the_configuration(void **state)
{
	struct filter_config config = { .bans_file = "/var/lib/elsewhere" };
	char path[BANS_PATH_SIZE] = "before", long_path[BANS_PATH_SIZE + 1];

	assert_true(bans_file_path(&config, path));
	assert_string_equal(path, "/var/lib/elsewhere");
	config.bans_file = "";
	assert_false(bans_file_path(&config, path));
	memset(long_path, 'x', BANS_PATH_SIZE);
	long_path[BANS_PATH_SIZE] = '\0';
	config.bans_file = long_path;
	assert_false(bans_file_path(&config, path));
	assert_string_equal(path, "/var/lib/elsewhere");
	config.bans_file = long_path + 1;
	assert_true(bans_file_path(&config, path));
}

/* Namespaces are told apart by their files' inodes; hard links stand for them here. */
static void every_namespace_has_its_own_file(void **state)
{
	static const struct {
		const char *own, *initial, *expected;
	} rows[] = {
		{ "first", "first", "/var/lib/sumun/bans" },
		{ "first", "second", "/var/lib/sumun/bans-blue" },
		{ "second", "first", NULL },
		{ "first", "none", "/var/lib/sumun/bans-blue" },
		{ "second", "none", "/var/lib/sumun/bans" },
		{ "none", "first", NULL },
	};
	struct place *place = *state;
	char named[96], own[128], initial[128], link_path[128], path[BANS_PATH_SIZE];

	snprintf(named, sizeof(named), "%s/named", place->directory);
	assert_ok(mkdir(named, 0700));
	for (size_t i = 0; i < 2; i++) {
		snprintf(own, sizeof(own), "%s/%s", place->directory, rows[2 * i].own);
		assert_true(close(open(own, O_CREAT | O_WRONLY, 0600)) == 0);
		if (i == 0) {
			snprintf(link_path, sizeof(link_path), "%s/blue", named);
			assert_ok(link(own, link_path));
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(own, sizeof(own), "%s/%s", place->directory, rows[i].own);
		snprintf(initial, sizeof(initial), "%s/%s", place->directory, rows[i].initial);
		strcpy(path, "before");
		assert_int_equal(bans_file_default(own, initial, named, path), !!rows[i].expected);
		assert_string_equal(path, rows[i].expected ? rows[i].expected : "before");
	}
	unlink(link_path);
	rmdir(named);
	for (size_t i = 0; i < 2; i++) {
		snprintf(own, sizeof(own), "%s/%s", place->directory, rows[2 * i].own);
		unlink(own);
	}
}

#define in_place(test) cmocka_unit_test_setup_teardown(test, make, destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_place(bans_come_back_after_a_reboot),
		in_place(what_was_there_is_replaced),
		in_place(a_failure_leaves_the_former_file),
		in_place(bad_lines_are_told_and_the_rest_is_restored),
		in_place(bytes_of_any_kind_do_no_harm),
		in_place(no_file_is_no_error_and_another_thing_is),
		in_place(a_clock_that_was_set_makes_no_ban_longer),
		in_place(a_peer_of_now_is_left_out),
		cmocka_unit_test(the_path_follows_the_configuration),
		in_place(every_namespace_has_its_own_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
