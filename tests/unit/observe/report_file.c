/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../unit.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "observe/report_file.h"

static FILE *open_with(const char *output, size_t operands)
{
	const struct arguments arguments = { .output = output, .operand_count = operands };
	struct error error = { "" };
	int r;

	return report_file_open(&arguments, &r, &error);
}

/* What a command writes to its standard output is the command's alone. */
static void beside_a_command(void **state)
{
	CLEANUP_FCLOSE FILE *out = open_with(NULL, 1);
	struct stat here, errors;

	assert_ptr_equal(open_with(NULL, 0), stdout);
	assert_non_null(out);
	assert_ptr_not_equal(out, stdout);
	assert_return_code(fstat(fileno(out), &here), 0);
	assert_return_code(fstat(STDERR_FILENO, &errors), 0);
	assert_int_equal(here.st_ino, errors.st_ino);
	assert_int_equal(here.st_dev, errors.st_dev);
}

static void a_file(void **state)
{
	char path[] = "/tmp/sumun-report-XXXXXX";
	CLEANUP_CLOSE int fd = mkstemp(path);
	char text[16] = "";

	assert_return_code(fd, 0);
	assert_int_equal(write(fd, "what was there", 14), 14);
	for (size_t operands = 0; operands < 2; operands++) {
		CLEANUP_FCLOSE FILE *out = open_with(path, operands);

		assert_non_null(out);
		fputs("new", out);
	}
	assert_int_equal(pread(fd, text, sizeof(text) - 1, 0), 3);
	assert_string_equal(text, "new");
	unlink(path);
}

static void no_file(void **state)
{
	const struct arguments arguments = { .output = "/nonexistent/report" };
	struct error error = { "" };
	int r = 0;

	assert_null(report_file_open(&arguments, &r, &error));
	assert_int_equal(r, -ENOENT);
	assert_string_equal(error.text,
			    "-o: cannot write '/nonexistent/report': No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(beside_a_command),
		cmocka_unit_test(a_file),
		cmocka_unit_test(no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
