// SPDX-License-Identifier: GPL-2.0-or-later
#include "../unit.h"

#include <sys/socket.h>

#include "base/log.h"

/*
 * Standard error is one end of a datagram socket while a message is written, so that
 * what each write(2) carried can be told apart.
 */
struct capture {
	int saved;
	int reader;
};

static int begin(void **state)
{
	static struct capture capture;
	int ends[2];

	assert_ok(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends));
	capture.saved = dup(STDERR_FILENO);
	capture.reader = ends[0];
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	log_set_level(LOG_INFO);
	*state = &capture;
	return 0;
}

static int end(void **state)
{
	struct capture *capture = *state;

	dup2(capture->saved, STDERR_FILENO);
	close(capture->saved);
	close(capture->reader);
	return 0;
}

/* The next write; "" when there was none. */
static const char *written(void **state)
{
	static char buffer[65536];
	struct capture *capture = *state;
	ssize_t length = recv(capture->reader, buffer, sizeof(buffer) - 1, 0);

	buffer[length < 0 ? 0 : length] = '\0';
	return buffer;
}

static void each_level_has_its_word(void **state)
{
	log_set_level(LOG_LIBRARY);
	log_error("%s", "a");
	assert_string_equal(written(state), "sumun: error: a\n");
	log_warning("%s", "b");
	assert_string_equal(written(state), "sumun: warning: b\n");
	log_info("%s", "c");
	assert_string_equal(written(state), "sumun: c\n");
	log_debug("%s", "d");
	assert_string_equal(written(state), "sumun: debug: d\n");
	log_message(LOG_LIBRARY, "libbpf: %s\n", "e");
	assert_string_equal(written(state), "sumun: libbpf: e\n");
	assert_string_equal(written(state), "");
}

static void what_was_done_is_shown_by_default(void **state)
{
	assert_int_equal(log_get_level(), LOG_INFO);
}

static void levels_above_are_silent(void **state)
{
	for (int shown = LOG_ERROR; shown <= LOG_LIBRARY; shown++) {
		log_set_level(shown);
		assert_int_equal(log_get_level(), shown);
		for (int level = LOG_ERROR; level <= LOG_LIBRARY; level++) {
			log_message(level, "x");
			assert_int_equal(strlen(written(state)) > 0, level <= shown);
		}
	}
}

static void every_line_is_one_write_with_its_own_prefix(void **state)
{
	log_warning("one\ntwo\n\nfour\n");
	assert_string_equal(written(state), "sumun: warning: one\n");
	assert_string_equal(written(state), "sumun: warning: two\n");
	assert_string_equal(written(state), "sumun: warning: \n");
	assert_string_equal(written(state), "sumun: warning: four\n");
	assert_string_equal(written(state), "");
}

static void an_empty_message_is_a_line(void **state)
{
	log_info("%s", "");
	assert_string_equal(written(state), "sumun: \n");
	assert_string_equal(written(state), "");
}

static void long_lines_are_whole(void **state)
{
	static char text[20000], line[sizeof(text) + 32];

	memset(text, 'x', sizeof(text) - 1);
	log_info("%s", text);
	snprintf(line, sizeof(line), "sumun: %s\n", text);
	assert_string_equal(written(state), line);
}

static void errno_is_kept(void **state)
{
	struct capture *capture = *state;

	shutdown(capture->reader, SHUT_RDWR);
	close(STDERR_FILENO);
	errno = EXDEV;
	log_error("nobody hears it");
	assert_int_equal(errno, EXDEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* first, before anything sets another level */
		cmocka_unit_test(what_was_done_is_shown_by_default),
		cmocka_unit_test_setup_teardown(each_level_has_its_word, begin, end),
		cmocka_unit_test_setup_teardown(levels_above_are_silent, begin, end),
		cmocka_unit_test_setup_teardown(every_line_is_one_write_with_its_own_prefix, begin,
						end),
		cmocka_unit_test_setup_teardown(an_empty_message_is_a_line, begin, end),
		cmocka_unit_test_setup_teardown(long_lines_are_whole, begin, end),
		cmocka_unit_test_setup_teardown(errno_is_kept, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
