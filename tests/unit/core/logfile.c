// SPDX-License-Identifier: GPL-2.0-or-later
#include "../unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../capture.h"
#include "core/logfile.h"

static const struct csv_column columns[] = { { "number", "number" }, { "who", "who" }, {} };
static const struct record_type type = { .name = "sample", .csv = columns };
static const struct record_type not_for_csv = { .name = "other" };

/* Every test has an empty directory of its own. */
static int enter(void **state)
{
	static char directory[32];

	strcpy(directory, "/tmp/unit-logfile.XXXXXX");
	if (!mkdtemp(directory) || chdir(directory) < 0)
		return -1;
	*state = directory;
	return 0;
}

static int leave(void **state)
{
	static const char *const names[] = { "log", "log.1", "full", "sub/log" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlink(names[i]);
	rmdir("sub");
	return chdir("/") < 0 || rmdir(*state) < 0 ? -1 : 0;
}

static void write_number(struct logfile *logfile, unsigned number)
{
	struct record record;

	record_begin(&record, &type);
	record_counter(&record, "number", UNIT_NONE, number);
	record_text(&record, "who", "a, b");
	logfile_write(logfile, &record);
}

static const char *contents(const char *path)
{
	static char text[65536];
	CLEANUP_FCLOSE FILE *file = fopen(path, "re");

	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	return text;
}

static struct logfile *open_log(const char *path, enum logfile_format format)
{
	struct error error = {};
	struct logfile *logfile = logfile_open(path, format, &error);

	if (!logfile)
		fail_msg("%s", error.text);
	return logfile;
}

static void csv_has_one_head(void **state)
{
	struct logfile *logfile = open_log("log", LOGFILE_CSV);

	assert_string_equal(contents("log"), "");
	write_number(logfile, 1);
	assert_string_equal(contents("log"), "number,who\n1,\"a, b\"\n");
	write_number(logfile, 2);
	assert_null(logfile_close(logfile));
	logfile = open_log("log", LOGFILE_CSV);
	write_number(logfile, 3);
	logfile_close(logfile);
	assert_string_equal(contents("log"), "number,who\n1,\"a, b\"\n2,\"a, b\"\n3,\"a, b\"\n");
}

static void json_has_no_head(void **state)
{
	struct logfile *logfile = open_log("log", LOGFILE_JSON);

	write_number(logfile, 1);
	write_number(logfile, 2);
	assert_string_equal(contents("log"),
			    "{\"record\":\"sample\",\"number\":1,\"who\":\"a, b\"}\n"
			    "{\"record\":\"sample\",\"number\":2,\"who\":\"a, b\"}\n");
	assert_int_equal(logfile_lost(logfile), 0);
	logfile_close(logfile);
}

static void what_is_not_for_csv_is_left_out(void **state)
{
	struct logfile *csv = open_log("log", LOGFILE_CSV), *json = open_log("log.1", LOGFILE_JSON);
	struct record record;

	record_begin(&record, &not_for_csv);
	logfile_write(csv, &record);
	logfile_write(json, &record);
	assert_string_equal(contents("log"), "");
	assert_string_equal(contents("log.1"), "{\"record\":\"other\"}\n");
	assert_int_equal(logfile_lost(csv), 0);
	logfile_close(csv);
	logfile_close(json);
}

static void the_mode_keeps_others_out(void **state)
{
	mode_t mask = umask(0);
	struct logfile *logfile = open_log("log", LOGFILE_CSV);
	struct stat st;

	umask(mask);
	assert_ok(stat("log", &st));
	assert_int_equal(st.st_mode & 07777, 0640);
	logfile_close(logfile);
}

/* Two processes that write the same log have descriptors of their own. */
static void writers_append(void **state)
{
	struct logfile *one = open_log("log", LOGFILE_JSON), *two = open_log("log", LOGFILE_JSON);

	for (unsigned i = 0; i < 200; i++)
		write_number(i % 2 ? one : two, i);
	logfile_close(one);
	logfile_close(two);
	assert_int_equal(occurrences(contents("log"), "\n"), 200);
	assert_int_equal(occurrences(contents("log"), "{\"record\":\"sample\",\"number\":"), 200);
}

static void half_a_record_is_taken_back(void **state)
{
	struct logfile *logfile = open_log("log", LOGFILE_JSON);
	static struct capture capture;
	struct rlimit former, limit;
	struct stat st;

	for (unsigned i = 1; i <= 50; i++)
		write_number(logfile, i);
	assert_ok(stat("log", &st));
	signal(SIGXFSZ, SIG_IGN);
	assert_ok(getrlimit(RLIMIT_FSIZE, &former));
	limit = (struct rlimit){ (rlim_t)st.st_size + 20, former.rlim_max };
	assert_ok(setrlimit(RLIMIT_FSIZE, &limit));
	capture_begin(&capture, STDERR_FILENO);
	write_number(logfile, 51); /* some bytes fit, but not all */
	write_number(logfile, 52);
	assert_ok(setrlimit(RLIMIT_FSIZE, &former));
	write_number(logfile, 53);
	assert_int_equal(occurrences(capture_end(&capture), "\n"), 2);
	assert_int_equal(logfile_lost(logfile), 2);
	logfile_close(logfile);
	assert_int_equal(occurrences(contents("log"), "\n"), 51);
	assert_non_null(strstr(contents("log"), "\"number\":50,\"who\":\"a, b\"}\n"
						"{\"record\":\"sample\",\"number\":53,"));
}

static void a_rotated_file_is_let_go(void **state)
{
	struct logfile *logfile = open_log("log", LOGFILE_CSV);

	write_number(logfile, 1);
	assert_ok(rename("log", "log.1"));
	logfile_reopen(logfile);
	write_number(logfile, 2);
	assert_string_equal(contents("log.1"), "number,who\n1,\"a, b\"\n");
	assert_string_equal(contents("log"), "number,who\n2,\"a, b\"\n");
	logfile_close(logfile);
}

static void a_removed_file_is_made_again(void **state)
{
	struct logfile *logfile = open_log("log", LOGFILE_CSV);

	write_number(logfile, 1);
	assert_ok(unlink("log"));
	write_number(logfile, 2);
	assert_string_equal(contents("log"), "number,who\n2,\"a, b\"\n");
	assert_ok(rename("log", "log.1"));
	write_number(logfile, 3);
	assert_string_equal(contents("log"), "number,who\n3,\"a, b\"\n");
	assert_int_equal(logfile_lost(logfile), 0);
	logfile_close(logfile);
}

static void a_full_disk_is_told_once_and_when_it_is_over(void **state)
{
	static struct capture capture;
	struct logfile *logfile;
	const char *said;

	assert_ok(symlink("/dev/full", "full"));
	logfile = open_log("full", LOGFILE_JSON);
	capture_begin(&capture, STDERR_FILENO);
	for (unsigned i = 0; i < 5; i++)
		write_number(logfile, i);
	said = capture_end(&capture);
	assert_int_equal(occurrences(said, "\n"), 1);
	assert_non_null(strstr(said, "cannot write to the log 'full': No space left on device"));
	assert_int_equal(logfile_lost(logfile), 5);

	assert_ok(unlink("full"));
	assert_ok(symlink("log", "full"));
	capture_begin(&capture, STDERR_FILENO);
	write_number(logfile, 6);
	write_number(logfile, 7);
	said = capture_end(&capture);
	assert_int_equal(occurrences(said, "\n"), 1);
	assert_non_null(strstr(said, "the log 'full' works again; 5 records are missing"));
	assert_int_equal(logfile_lost(logfile), 5);
	assert_int_equal(occurrences(contents("log"), "\n"), 2);

	/* The next time is told again. */
	assert_ok(unlink("full"));
	assert_ok(symlink("/dev/full", "full"));
	capture_begin(&capture, STDERR_FILENO);
	write_number(logfile, 8);
	said = capture_end(&capture);
	assert_int_equal(occurrences(said, "cannot write"), 1);
	assert_int_equal(logfile_lost(logfile), 6);
	logfile_close(logfile);
}

/* Writing to a file that has no name any more is losing. */
static void a_file_that_cannot_be_made_again_is_a_loss(void **state)
{
	static struct capture capture;
	struct logfile *logfile;
	const char *said;

	assert_ok(mkdir("sub", 0700));
	logfile = open_log("sub/log", LOGFILE_JSON);
	write_number(logfile, 1);
	assert_ok(unlink("sub/log"));
	assert_ok(rmdir("sub"));
	capture_begin(&capture, STDERR_FILENO);
	write_number(logfile, 2);
	write_number(logfile, 3);
	said = capture_end(&capture);
	assert_int_equal(occurrences(said, "\n"), 1);
	assert_non_null(strstr(said, "cannot write to the log 'sub/log': No such file"));
	assert_int_equal(logfile_lost(logfile), 2);

	assert_ok(mkdir("sub", 0700));
	capture_begin(&capture, STDERR_FILENO);
	write_number(logfile, 4);
	said = capture_end(&capture);
	assert_non_null(strstr(said, "works again; 2 records"));
	assert_int_equal(occurrences(contents("sub/log"), "\n"), 1);
	logfile_close(logfile);
}

static void a_failed_reopen_keeps_the_former_file(void **state)
{
	static struct capture capture;
	struct logfile *logfile = open_log("log", LOGFILE_JSON);
	const char *said;

	assert_ok(rename("log", "log.1"));
	assert_ok(mkdir("log", 0700));
	capture_begin(&capture, STDERR_FILENO);
	logfile_reopen(logfile);
	said = capture_end(&capture);
	assert_non_null(strstr(said, "cannot reopen the log 'log': Is a directory"));
	write_number(logfile, 1);
	assert_int_equal(occurrences(contents("log.1"), "\n"), 1);
	assert_int_equal(logfile_lost(logfile), 0);
	assert_ok(rmdir("log"));
	logfile_close(logfile);
}

static void what_cannot_be_opened_is_an_error(void **state)
{
	struct error error = {};

	assert_null(logfile_open("/nowhere/log", LOGFILE_CSV, &error));
	assert_error_contains(&error, "cannot open the log '/nowhere/log': No such file");
	assert_null(logfile_open("/tmp", LOGFILE_CSV, &error));
	assert_error_contains(&error, "Is a directory");
	assert_null(logfile_close(NULL));
}

#define in_a_directory(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_directory(csv_has_one_head),
		in_a_directory(json_has_no_head),
		in_a_directory(what_is_not_for_csv_is_left_out),
		in_a_directory(the_mode_keeps_others_out),
		in_a_directory(writers_append),
		in_a_directory(half_a_record_is_taken_back),
		in_a_directory(a_rotated_file_is_let_go),
		in_a_directory(a_removed_file_is_made_again),
		in_a_directory(a_full_disk_is_told_once_and_when_it_is_over),
		in_a_directory(a_file_that_cannot_be_made_again_is_a_loss),
		in_a_directory(a_failed_reopen_keeps_the_former_file),
		in_a_directory(what_cannot_be_opened_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
