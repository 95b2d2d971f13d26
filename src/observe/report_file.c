/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "observe/report_file.h"

static FILE *open_beside(void)
{
	static char buffer[1 << 16];
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");

	if (!out)
		return stderr;
	setvbuf(out, buffer, _IOFBF, sizeof(buffer));
	return out;
}

FILE *report_file_open(const struct arguments *arguments, int *ret_error, struct error *error)
{
	char quoted[QUOTE_TEXT];
	FILE *out;

	if (!arguments->output)
		return arguments->operand_count ? open_beside() : stdout;
	out = fopen(arguments->output, "we");
	if (!out)
		*ret_error = error_set(error, -errno, "-o: cannot write %s: %s",
				       text_quote(arguments->output, quoted), strerror(errno));
	return out;
}
