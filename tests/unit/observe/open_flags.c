// SPDX-License-Identifier: GPL-2.0-or-later
#include "../unit.h"

#include <fcntl.h>

#include "observe/open_flags.h"

/* What <fcntl.h> does not say on 64-bit machines. */
#ifdef __x86_64__
enum { LARGEFILE = 0100000 };
#else
enum { LARGEFILE = 0400000 };
#endif

static void assert_text(uint64_t flags, const char *text)
{
	char buffer[OPEN_FLAGS_TEXT];

	assert_string_equal(open_flags_format(flags, buffer), text);
}

static void access_modes(void **state)
{
	assert_text(O_RDONLY, "RDONLY");
	assert_text(O_WRONLY, "WRONLY");
	assert_text(O_RDWR, "RDWR");
	assert_text(3, "3");
	assert_text(3 | O_NONBLOCK, "3|NONBLOCK");
}

static void every_flag_alone(void **state)
{
	assert_text(O_CREAT, "RDONLY|CREAT");
	assert_text(O_EXCL, "RDONLY|EXCL");
	assert_text(O_NOCTTY, "RDONLY|NOCTTY");
	assert_text(O_TRUNC, "RDONLY|TRUNC");
	assert_text(O_APPEND, "RDONLY|APPEND");
	assert_text(O_NONBLOCK, "RDONLY|NONBLOCK");
	assert_text(O_ASYNC, "RDONLY|ASYNC");
	assert_text(O_DIRECT, "RDONLY|DIRECT");
	assert_text(LARGEFILE, "RDONLY|LARGEFILE");
	assert_text(O_NOFOLLOW, "RDONLY|NOFOLLOW");
	assert_text(O_NOATIME, "RDONLY|NOATIME");
	assert_text(O_CLOEXEC, "RDONLY|CLOEXEC");
	assert_text(O_PATH, "RDONLY|PATH");
}

static void flags_that_contain_another(void **state)
{
	assert_text(O_DSYNC, "RDONLY|DSYNC");
	assert_text(O_SYNC, "RDONLY|SYNC");
	assert_text(O_SYNC & ~O_DSYNC, "RDONLY|0x100000");
	assert_text(O_DIRECTORY, "RDONLY|DIRECTORY");
	assert_text(O_RDWR | O_TMPFILE, "RDWR|TMPFILE");
	assert_text(O_TMPFILE & ~O_DIRECTORY, "RDONLY|0x400000");
}

static void usual_combinations(void **state)
{
	assert_text(O_RDONLY | O_CLOEXEC, "RDONLY|CLOEXEC");
	assert_text(O_WRONLY | O_CREAT | O_TRUNC, "WRONLY|CREAT|TRUNC"); /* creat(2) */
	assert_text(O_NONBLOCK | O_DIRECTORY | O_CLOEXEC, "RDONLY|NONBLOCK|DIRECTORY|CLOEXEC");
	assert_text(LARGEFILE | O_CLOEXEC, "RDONLY|LARGEFILE|CLOEXEC"); /* a 32-bit program */
}

static void bits_without_a_name(void **state)
{
	assert_text(0x20, "RDONLY|0x20");                      /* the kernel's FMODE_EXEC */
	assert_text(O_WRONLY | 0x4000000, "WRONLY|0x4000000"); /* its FMODE_NONOTIFY */
	assert_text(1ULL << 63 | O_CLOEXEC, "RDONLY|CLOEXEC|0x8000000000000000");
}

static void all_of_them_fit(void **state)
{
	assert_text(UINT64_MAX & ~(uint64_t)O_ACCMODE,
		    "RDONLY|CREAT|EXCL|NOCTTY|TRUNC|APPEND|NONBLOCK|SYNC|ASYNC|DIRECT|"
		    "LARGEFILE|TMPFILE|NOFOLLOW|NOATIME|CLOEXEC|PATH|0xffffffffff80003c");
}

static void assert_short(uint64_t flags, const char *text)
{
	char buffer[OPEN_FLAGS_SHORT];

	assert_string_equal(open_flags_short(flags, buffer), text);
}

static void in_few_characters(void **state)
{
	assert_short(O_RDONLY | O_CLOEXEC | LARGEFILE, "R");
	assert_short(O_WRONLY | O_CREAT | O_TRUNC, "W+CT");
	assert_short(O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, "RW+CX");
	assert_short(O_WRONLY | O_APPEND, "W+A");
	assert_short(O_DIRECTORY, "R+D");
	assert_short(O_TMPFILE | O_RDWR, "RW+U");
	assert_short(O_PATH | O_DIRECTORY, "P+D");
	assert_short(3, "-");
	assert_short(UINT64_MAX, "P+CXTAU");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_few_characters),  cmocka_unit_test(access_modes),
		cmocka_unit_test(every_flag_alone),   cmocka_unit_test(flags_that_contain_another),
		cmocka_unit_test(usual_combinations), cmocka_unit_test(bits_without_a_name),
		cmocka_unit_test(all_of_them_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
