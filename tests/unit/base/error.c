// SPDX-License-Identifier: GPL-2.0-or-later
#include "../unit.h"

static void set_writes_the_sentence_and_returns_the_code(void **state)
{
	struct error error = { "old" };

	assert_int_equal(error_set(&error, -EPERM, "port %d is '%s'", 8, "x"), -EPERM);
	assert_string_equal(error.text, "port 8 is 'x'");
}

static void nobody_needs_to_listen(void **state)
{
	assert_int_equal(error_set(NULL, -EINVAL, "%s", "lost"), -EINVAL);
	assert_int_equal(error_prefix(NULL, -ENOMEM, "%s", "lost"), -ENOMEM);
}

static void prefix_goes_in_front(void **state)
{
	struct error error;

	error_set(&error, -EINVAL, "port '0': ports go from 1 to 65535");
	assert_int_equal(error_prefix(&error, -EBADMSG, "%s:%d", "sumun.conf", 12), -EBADMSG);
	assert_string_equal(error.text, "sumun.conf:12: port '0': ports go from 1 to 65535");
	error_prefix(&error, -EBADMSG, "outer");
	assert_string_equal(error.text, "outer: sumun.conf:12: port '0': ports go from 1 to 65535");
}

static void prefix_of_nothing_says_what_errno_says(void **state)
{
	struct error error = {};

	error_prefix(&error, -ENOENT, "/etc/sumun.conf");
	assert_string_equal(error.text, "/etc/sumun.conf: No such file or directory");
}

/* Canaries on both sides, because the sanitizer does not see from one member into the next. */
static void long_sentences_are_cut(void **state)
{
	struct {
		char before[8];
		struct error error;
		char after[8];
	} guarded;
	char text[ERROR_TEXT + 100];

	for (size_t length = ERROR_TEXT - 4; length < sizeof(text); length++) {
		size_t kept = length < ERROR_TEXT ? length : ERROR_TEXT - 1;

		memset(&guarded, '#', sizeof(guarded));
		memset(text, 'x', sizeof(text));
		text[length - 1] = '\0';
		error_set(&guarded.error, -EINVAL, "%s", text);
		assert_int_equal(strlen(guarded.error.text), kept - (length <= kept));
		error_prefix(&guarded.error, -EINVAL, "p");
		assert_memory_equal(guarded.error.text, "p: xxx", 6);
		assert_in_range(strlen(guarded.error.text), ERROR_TEXT - 2, ERROR_TEXT - 1);
		error_prefix(&guarded.error, -EINVAL, "%s", text);
		assert_memory_equal(guarded.error.text, "xxxxxx", 6);
		assert_in_range(strlen(guarded.error.text), ERROR_TEXT - 5, ERROR_TEXT - 1);
		assert_memory_equal(guarded.before, "########", 8);
		assert_memory_equal(guarded.after, "########", 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_writes_the_sentence_and_returns_the_code),
		cmocka_unit_test(nobody_needs_to_listen),
		cmocka_unit_test(prefix_goes_in_front),
		cmocka_unit_test(prefix_of_nothing_says_what_errno_says),
		cmocka_unit_test(long_sentences_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
