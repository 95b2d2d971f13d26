// SPDX-License-Identifier: GPL-2.0-or-later
#include "../unit.h"

#include <fcntl.h>

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int open_something(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* The leak checker watches the memory; here it is the descriptors. */
static void descriptors_are_closed_at_the_end_of_the_scope(void **state)
{
	int fd, file_fd, dir_fd;

	{
		CLEANUP_CLOSE int owned = open_something();
		CLEANUP_FCLOSE FILE *file = fopen("/dev/null", "re");
		CLEANUP_CLOSEDIR DIR *dir = opendir("/");

		assert_non_null(file);
		assert_non_null(dir);
		fd = owned;
		file_fd = fileno(file);
		dir_fd = dirfd(dir);
		assert_true(is_open(fd) && is_open(file_fd) && is_open(dir_fd));
	}
	assert_false(is_open(fd) || is_open(file_fd) || is_open(dir_fd));
}

static void what_holds_nothing_is_left_alone(void **state)
{
	errno = EXDEV;
	{
		CLEANUP_CLOSE int fd = -1;
		CLEANUP_FREE char *text = NULL;
		CLEANUP_FCLOSE FILE *file = NULL;
		CLEANUP_CLOSEDIR DIR *dir = NULL;

		assert_true(fd < 0 && !text && !file && !dir);
	}
	/* Closing -1 would have failed. */
	assert_int_equal(errno, EXDEV);
}

static void descriptor_zero_is_one_too(void **state)
{
	int saved = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);

	{
		CLEANUP_CLOSE int owned = open_something();

		dup2(owned, STDIN_FILENO);
		owned = (close(owned), STDIN_FILENO);
		assert_true(is_open(owned));
	}
	assert_false(is_open(STDIN_FILENO));
	if (saved >= 0) {
		dup2(saved, STDIN_FILENO);
		close(saved);
	}
}

static char *take_text(char **ret_left)
{
	CLEANUP_FREE char *text = strdup("kept");
	char *taken = TAKE_PTR(text);

	*ret_left = text;
	return taken;
}

static void taken_pointers_live_on(void **state)
{
	char *left;
	CLEANUP_FREE char *text = take_text(&left);

	assert_string_equal(text, "kept");
	assert_null(left);
}

static int take_descriptor(void)
{
	CLEANUP_CLOSE int fd = open_something();

	return TAKE_FD(fd);
}

static void taken_descriptors_live_on(void **state)
{
	CLEANUP_CLOSE int fd = take_descriptor();

	assert_true(is_open(fd));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors_are_closed_at_the_end_of_the_scope),
		cmocka_unit_test(what_holds_nothing_is_left_alone),
		cmocka_unit_test(descriptor_zero_is_one_too),
		cmocka_unit_test(taken_pointers_live_on),
		cmocka_unit_test(taken_descriptors_live_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
