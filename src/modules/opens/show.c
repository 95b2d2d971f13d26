/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "modules/opens/show.h"
#include "observe/open_flags.h"

enum {
	NARROW = 120, /* columns: below, the path gets what others can do without */
	LEAST_PATH = 16,
	NARROW_COMMAND = 10,
	DATE = 11, /* characters of a time; it is known to whoever sees it happen */
	CELL = 4 * USER_TEXT,
};

/* ---- text that fits ----------------------------------------------------------------------- */

static bool begins_character(char byte)
{
	return ((unsigned char)byte & 0xc0) != 0x80;
}

static size_t characters(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += begins_character(*text);
	return count;
}

/* How many bytes so many characters of it are. */
static int bytes_of(const char *text, size_t count)
{
	size_t i = 0;

	for (; text[i]; i++)
		if (begins_character(text[i]) && count-- == 0)
			break;
	return (int)i;
}

/* What is too long ends early. */
static void write_begin(const char *text, size_t room, FILE *out)
{
	if (characters(text) <= room)
		fputs(text, out);
	else
		fprintf(out, "%.*s…", bytes_of(text, room - 1), text);
}

/* Of what is too long the middle is left out: where a path ends says as much as where it begins. */
static void write_ends(const char *text, size_t room, FILE *out)
{
	size_t count = characters(text);

	if (count <= room)
		fputs(text, out);
	else
		fprintf(out, "%.*s…%s", bytes_of(text, room / 2), text,
			text + bytes_of(text, count - (room - room / 2 - 1)));
}

/* ---- columns ------------------------------------------------------------------------------ */

static bool is_narrow(const struct open_show *show)
{
	return show->width && show->width < NARROW;
}

struct cells {
	char count[NUMBER_TEXT + sizeof("×")];
	char time[TIMESTAMP_TEXT + 8];
	char process[16];
	char command[CELL];
	char user[CELL];
	char result[32];
	char flags[OPEN_FLAGS_TEXT];
};

/* A count is a column wider than it is long in bytes less. */
static void write_wide(const struct open_show *show, const struct cells *cells, FILE *out)
{
	if (show->folded)
		fprintf(out, "%*s ", 8 + (int)(strlen(cells->count) - characters(cells->count)),
			cells->count);
	fprintf(out, "%-12s %7s %-15s %-10s %-9s %-16s ", cells->time, cells->process,
		cells->command, cells->user, cells->result, cells->flags);
}

/* When the last of many was is told by the title of the page. */
static void write_narrow(const struct open_show *show, const struct cells *cells, FILE *out)
{
	CLEANUP_FREE char *command = NULL;
	size_t size;
	FILE *memory = open_memstream(&command, &size);

	if (!memory)
		return;
	write_begin(cells->command, NARROW_COMMAND, memory);
	fclose(memory);
	if (show->folded)
		fprintf(out, "%*s ", 8 + (int)(strlen(cells->count) - characters(cells->count)),
			cells->count);
	else
		fprintf(out, "%-8.8s ", cells->time);
	fprintf(out, "%7s %s%*s %-6s %-6s ", cells->process, command ? command : "",
		NARROW_COMMAND - (int)characters(command ? command : ""), "", cells->result,
		cells->flags);
}

static void write_cells(const struct open_show *show, const struct cells *cells, FILE *out)
{
	if (is_narrow(show))
		write_narrow(show, cells, out);
	else
		write_wide(show, cells, out);
}

void open_show_measure(struct open_show *show)
{
	struct winsize size;
	int fd = fileno(show->out);

	show->width = isatty(fd) && ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

void open_show_head(const struct open_show *show)
{
	struct cells titles = { .count = "COUNT",
				.time = "TIME",
				.process = "PID",
				.command = "COMMAND",
				.user = "USER",
				.result = "RESULT",
				.flags = "FLAGS" };

	if (is_narrow(show))
		strcpy(titles.result, "FD");
	write_cells(show, &titles, show->out);
	fputs("PATH\n", show->out);
}

/* ---- lines -------------------------------------------------------------------------------- */

static void make_cells(const struct open_view *view, bool narrow, struct cells *ret_cells)
{
	char name[sizeof(view->event->command) + 1] = "", time[TIMESTAMP_TEXT], number[NUMBER_TEXT];

	memcpy(name, view->event->command, sizeof(view->event->command));
	timestamp_local(view->time, time);
	snprintf(ret_cells->count, sizeof(ret_cells->count), "×%s",
		 number_format(view->count, number));
	snprintf(ret_cells->time, sizeof(ret_cells->time), "%s.%03u", time + DATE,
		 (unsigned)(view->time % NSEC_PER_SEC / NSEC_PER_MSEC));
	snprintf(ret_cells->process, sizeof(ret_cells->process), "%u", view->event->tgid);
	text_escape(name, ret_cells->command, sizeof(ret_cells->command));
	text_escape(view->user, ret_cells->user, sizeof(ret_cells->user));
	snprintf(ret_cells->result, sizeof(ret_cells->result),
		 view->event->ring & OPEN_SLOT ? "slot %d" : "%d", view->event->result);
	if (view->event->ring & OPEN_RESULT_UNKNOWN)
		strcpy(ret_cells->result, "?");
	else if (*view->error)
		strcpy(ret_cells->result, view->error);
	if (narrow)
		open_flags_short(view->event->flags, ret_cells->flags);
	else
		strcpy(ret_cells->flags, view->flags);
}

static char *asked_text(const struct open_view *view)
{
	static char text[4 * PATH_TEXT + sizeof("<...>")];

	if (view->paths->asked_known)
		text_escape(view->paths->asked, text, sizeof(text) - sizeof("<...>"));
	else
		strcpy(text, view->paths->asked);
	if (view->event->marks & OPEN_CUT)
		strcat(text, "<...>");
	return text;
}

/* Both paths get half of the room, or more where the other needs less. */
static void write_paths(const struct open_view *view, const char *where, size_t room, FILE *out)
{
	static char opened[4 * PATH_TEXT];
	const char *asked = asked_text(view);
	size_t both, asked_room = room, opened_room = room;

	opened[0] = '\0';
	if (view->paths->differs)
		text_escape(view->paths->opened, opened, sizeof(opened));
	if (where && room != SIZE_MAX)
		room = room > strlen(where) + 3 + LEAST_PATH ? room - strlen(where) - 3
							     : LEAST_PATH;
	both = room - strlen(" -> ");
	if (*opened && room != SIZE_MAX) {
		size_t asked_size = characters(asked), opened_size = characters(opened);

		asked_room = opened_size < both / 2 ? both - opened_size : both / 2;
		opened_room = asked_size < asked_room ? both - asked_size : both - asked_room;
	} else {
		asked_room = room;
	}
	write_ends(asked, asked_room, out);
	if (*opened) {
		fputs(" -> ", out);
		write_ends(opened, opened_room, out);
	}
	if (where)
		fprintf(out, " (%s)", where);
}

static void write_line(const struct open_show *show, const struct open_view *view,
		       const struct open_names *names)
{
	CLEANUP_FREE char *line = NULL;
	struct cells cells;
	size_t size, used, room = SIZE_MAX;
	FILE *memory = open_memstream(&line, &size);

	if (!memory)
		return;
	make_cells(view, is_narrow(show), &cells);
	write_cells(show, &cells, memory);
	fflush(memory);
	used = characters(line);
	if (show->width)
		room = show->width > used + LEAST_PATH ? show->width - used : LEAST_PATH;
	write_paths(view, open_remark(view->event, names), room, memory);
	fclose(memory);
	write_begin(line, show->width ? show->width : SIZE_MAX, show->out);
	fputc('\n', show->out);
}

/* ---- pages -------------------------------------------------------------------------------- */

void open_show_page(struct open_show *show, size_t rows, uint64_t opens, uint64_t elapsed)
{
	char time[TIMESTAMP_TEXT], number[NUMBER_TEXT], different[NUMBER_TEXT],
		duration[DURATION_TEXT];

	show->rows_left = rows;
	show->lines_left = show->top;
	show->hidden_rows = show->hidden_opens = show->hidden_failed = 0;
	timestamp_local(timestamp_now(), time);
	fprintf(show->out, "opens until %s, in %s: %s, %s different\n", time + DATE,
		duration_format_fine(elapsed, duration), number_format(opens, number),
		number_format(rows, different));
	open_show_head(show);
}

static void end_page(const struct open_show *show)
{
	char rows[NUMBER_TEXT], opens[NUMBER_TEXT], failed[NUMBER_TEXT];

	if (show->hidden_rows)
		fprintf(show->out, "%s more rows are not shown (see -T): %s opens, %s failed\n",
			number_format(show->hidden_rows, rows),
			number_format(show->hidden_opens, opens),
			number_format(show->hidden_failed, failed));
	fputc('\n', show->out);
}

bool open_show_line(struct open_show *show, const struct open_view *view,
		    const struct open_names *names)
{
	bool of_page = show->rows_left > 0, shown = !of_page || show->lines_left > 0;

	if (shown) {
		write_line(show, view, names);
	} else {
		show->hidden_rows++;
		show->hidden_opens += view->count;
		show->hidden_failed += *view->error ? view->count : 0;
	}
	if (of_page && show->lines_left)
		show->lines_left--;
	if (of_page && --show->rows_left == 0)
		end_page(show);
	return shown;
}
