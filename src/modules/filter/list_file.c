// SPDX-License-Identifier: GPL-2.0-or-later
#include "modules/filter/list_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "modules/filter/list_entry.h"

/* ---- what must not be listed ---------------------------------------------------- */

/* By first address; `least` is the least last address of this one and all behind it. */
struct guarded {
	uint128 first, last, least;
};

struct guards {
	struct guarded *at[2]; /* IPv6, IPv4 */
	size_t count[2];
};

static int compare_guarded(const void *a, const void *b)
{
	const struct guarded *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

static void free_guards(struct guards *guards)
{
	free(guards->at[0]);
	free(guards->at[1]);
}

static int make_guards(const struct list_rules *rules, struct guards *guards)
{
	for (int v4 = 0; v4 < 2; v4++) {
		guards->at[v4] = calloc(rules->protected_count + 1, sizeof(*guards->at[v4]));
		if (!guards->at[v4])
			return -ENOMEM;
	}
	for (size_t i = 0; i < rules->protected_count; i++) {
		struct list_entry entry = list_entry_of(&rules->protected[i]);

		guards->at[entry.v4][guards->count[entry.v4]++] =
			(struct guarded){ entry.first, entry.last, entry.last };
	}
	for (int v4 = 0; v4 < 2; v4++) {
		struct guarded *at = guards->at[v4];

		qsort(at, guards->count[v4], sizeof(*at), compare_guarded);
		for (size_t i = guards->count[v4]; i-- > 1;)
			if (at[i - 1].least > at[i].least)
				at[i - 1].least = at[i].least;
	}
	return 0;
}

/* Does the entry hold all of something that is protected? */
static bool holds_guarded(const struct guards *guards, const struct list_entry *entry)
{
	const struct guarded *at = guards->at[entry->v4];
	size_t low = 0, high = guards->count[entry->v4];

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (at[middle].first < entry->first)
			low = middle + 1;
		else
			high = middle;
	}
	return low < guards->count[entry->v4] && at[low].least <= entry->last;
}

/* ---- what an entry may be ------------------------------------------------------------ */

static bool is_too_wide(const struct list_entry *entry)
{
	const uint128 global = (uint128)0x2000 << 112, behind = (uint128)0x4000 << 112;

	if (entry->v4)
		return entry->last - entry->first >= 1 << 24 && entry->first < 0xe0000000;
	if (entry->last < global || entry->first >= behind)
		return false;
	return entry->first < global || entry->last >= behind ||
	       entry->last - entry->first >= (uint128)1 << 116;
}

static int refuse_width(const struct list_entry *entry, const char *text, struct error *error)
{
	char quote[QUOTE_TEXT];

	if (entry->v4)
		return error_set(error, -EINVAL,
				 "%s: too wide, a list covers at most a /8 of IPv4 at once",
				 text_quote(text, quote));
	return error_set(error, -EINVAL,
			 "%s: too wide, a list covers at most a /12 of IPv6 at once",
			 text_quote(text, quote));
}

static int refuse_guarded(const struct list_rules *rules, const struct list_entry *entry,
			  const char *text, struct error *error)
{
	char quote[QUOTE_TEXT], name[PREFIX_TEXT] = "";

	for (size_t i = 0; i < rules->protected_count; i++) {
		struct list_entry own = list_entry_of(&rules->protected[i]);

		if (own.v4 == entry->v4 && own.first >= entry->first && own.last <= entry->last) {
			prefix_format(&rules->protected[i], name);
			break;
		}
	}
	return error_set(error, -EINVAL, "%s: it covers %s, which must not be listed",
			 text_quote(text, quote), name);
}

/* ---- the lines ------------------------------------------------------------------------ */

struct reader {
	const char *name;
	const struct list_rules *rules;
	struct guards guards;
	struct ranges ranges;
	struct list_tally tally;
};

static void free_reader(struct reader *reader)
{
	free_guards(&reader->guards);
	ranges_free(&reader->ranges);
}

static void tell(const struct reader *reader, size_t line, const char *text)
{
	if (reader->rules->problem)
		reader->rules->problem(reader->rules->context, reader->name, (unsigned)line, text);
}

static int take(struct reader *reader, const struct list_entry *entry)
{
	reader->tally.entries++;
	if (entry->v4)
		return ranges_add4(&reader->ranges, (uint32_t)entry->first, (uint32_t)entry->last);
	return ranges_add6(&reader->ranges, number_key(entry->first), number_key(entry->last));
}

static bool may_take(const struct reader *reader, const struct list_entry *entry)
{
	return !is_too_wide(entry) && !holds_guarded(&reader->guards, entry);
}

/* -EINVAL with the reason when the line is left out. */
static int take_text(struct reader *reader, const char *text, struct error *error)
{
	struct list_entry entry;
	int r = list_entry_read(text, &entry, error);

	if (r < 0)
		return r;
	if (is_too_wide(&entry))
		return refuse_width(&entry, text, error);
	if (holds_guarded(&reader->guards, &entry))
		return refuse_guarded(reader->rules, &entry, text, error);
	return take(reader, &entry);
}

/* Behind an entry: blanks and a comment. The place of the line end, NULL when there is more. */
static const char *scan_end(const char *p, const char *end)
{
	const char *newline;

	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
		p++;
	if (p == end || *p == '\n')
		return p;
	if (*p != '#' && *p != ';')
		return NULL;
	newline = memchr(p, '\n', (size_t)(end - p));
	return newline ? newline : end;
}

/* The length of a line without its comment. */
static size_t uncommented(const char *line, size_t length)
{
	const char *hash = memchr(line, '#', length), *semicolon;

	if (hash)
		length = (size_t)(hash - line);
	semicolon = memchr(line, ';', length);
	return semicolon ? (size_t)(semicolon - line) : length;
}

/* A line that was not simply taken: a comment, an unusual entry, or one to be left out. */
static int read_line(struct reader *reader, const char *line, size_t length)
{
	char text[LIST_ENTRY_SIZE], quote[QUOTE_TEXT];
	struct error error = {};
	int r;

	while (length > 0 && strchr(LIST_BLANKS, *line)) {
		line++;
		length--;
	}
	length = uncommented(line, length);
	while (length > 0 && strchr(LIST_BLANKS, line[length - 1]))
		length--;
	if (length == 0)
		return 0;
	snprintf(text, sizeof(text), "%.*s",
		 (int)(length < LIST_ENTRY_SIZE ? length : LIST_ENTRY_SIZE), line);
	if (length >= LIST_ENTRY_SIZE)
		r = error_set(&error, -EINVAL, "%s: longer than any entry",
			      text_quote(text, quote));
	else
		r = take_text(reader, text, &error);
	if (r != -EINVAL)
		return r;
	if (reader->tally.left_out++ < LIST_PROBLEMS_TOLD)
		tell(reader, reader->tally.lines, error.text);
	return 0;
}

static int read_lines(struct reader *reader, const char *p, const char *end)
{
	while (p < end) {
		struct list_entry entry;
		const char *behind = list_entry_scan(p, end, &entry), *newline = NULL;
		int r;

		reader->tally.lines++;
		if (behind)
			newline = scan_end(behind, end);
		if (newline && may_take(reader, &entry)) {
			r = take(reader, &entry);
		} else {
			newline = memchr(p, '\n', (size_t)(end - p));
			if (!newline)
				newline = end;
			r = read_line(reader, p, (size_t)(newline - p));
		}
		if (r < 0)
			return r;
		p = newline < end ? newline + 1 : end;
	}
	return 0;
}

static int judge(const struct reader *reader, struct error *error)
{
	const struct list_tally *tally = &reader->tally;
	char quote[QUOTE_TEXT], sentence[64];

	if (tally->left_out > LIST_PROBLEMS_TOLD) {
		snprintf(sentence, sizeof(sentence), "and %zu more",
			 tally->left_out - LIST_PROBLEMS_TOLD);
		tell(reader, 0, sentence);
	}
	if (tally->left_out > 0 && reader->rules->strict)
		return error_set(error, -EINVAL,
				 "list %s: %zu of %zu lines are refused, and with them the list",
				 text_quote(reader->name, quote), tally->left_out, tally->lines);
	if (tally->left_out > 0 && tally->entries == 0)
		return error_set(error, -EINVAL,
				 "list %s: nothing in it can be used, %zu of %zu lines are refused",
				 text_quote(reader->name, quote), tally->left_out, tally->lines);
	return 0;
}

static int check_text(const char *text, size_t size, const char *name, struct error *error)
{
	char quote[QUOTE_TEXT];

	if (size > 0 && memchr(text, '\0', size))
		return error_set(error, -EINVAL,
				 "list %s: not a text, it holds NUL bytes; is it compressed?",
				 text_quote(name, quote));
	return 0;
}

int list_file_parse(const char *text, size_t size, const char *name, const struct list_rules *rules,
		    struct ranges *ret_ranges, struct list_tally *ret_tally, struct error *error)
{
	static const char mark[] = "\xef\xbb\xbf";
	__attribute__((cleanup(free_reader))) struct reader reader = { .name = name,
								       .rules = rules };
	size_t skipped = size >= 3 && memcmp(text, mark, 3) == 0 ? 3 : 0;
	int r = check_text(text, size, name, error);

	if (r < 0)
		return r;
	r = make_guards(rules, &reader.guards);
	if (r == 0)
		r = read_lines(&reader, text + skipped, text + size);
	if (r == 0)
		r = ranges_merge(&reader.ranges);
	if (r < 0)
		return error_set(error, r, "no memory for the list");
	r = judge(&reader, error);
	if (r < 0)
		return r;
	*ret_ranges = reader.ranges;
	reader.ranges = (struct ranges){};
	if (ret_tally)
		*ret_tally = reader.tally;
	return 0;
}

/* ---- the file -------------------------------------------------------------------------- */

static int refuse_size(const char *path, struct error *error)
{
	char quote[QUOTE_TEXT];

	return error_set(error, -EFBIG, "list %s: larger than %d MiB", text_quote(path, quote),
			 LIST_FILE_MAX >> 20);
}

static int open_file(const char *path, size_t *ret_size, struct error *error)
{
	/* O_NONBLOCK: a pipe that nobody writes to must not hold us up before it is refused. */
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char quote[QUOTE_TEXT];
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return error_prefix(error, -errno, "list %s", text_quote(path, quote));
	if (S_ISDIR(status.st_mode))
		return error_set(error, -EISDIR, "list %s: a directory", text_quote(path, quote));
	if (!S_ISREG(status.st_mode))
		return error_set(error, -EINVAL, "list %s: not a file; lists are read from files",
				 text_quote(path, quote));
	if (status.st_size > LIST_FILE_MAX)
		return refuse_size(path, error);
	*ret_size = (size_t)status.st_size;
	return TAKE_FD(fd);
}

int list_file_check(const char *path, struct error *error)
{
	size_t size;
	CLEANUP_CLOSE int fd = open_file(path, &size, error);

	return fd < 0 ? fd : 0;
}

/* All there is, but not much more than LIST_FILE_MAX bytes; `room` is a guess. */
static int read_all(int fd, size_t room, char **ret_text, size_t *ret_size)
{
	CLEANUP_FREE char *text = NULL;
	size_t size = 0;
	ssize_t got;

	do {
		if (!text || size == room) {
			char *larger = realloc(text, text ? 2 * room : room);

			if (!larger)
				return -ENOMEM;
			room = text ? 2 * room : room;
			text = larger;
		}
		got = read(fd, text + size, room - size);
		if (got < 0 && errno != EINTR)
			return -errno;
		size += got > 0 ? (size_t)got : 0;
	} while (got != 0 && size <= LIST_FILE_MAX);
	*ret_text = TAKE_PTR(text);
	*ret_size = size;
	return 0;
}

int list_file_read(const char *path, const struct list_rules *rules, struct ranges *ret_ranges,
		   struct list_tally *ret_tally, struct error *error)
{
	CLEANUP_FREE char *text = NULL;
	CLEANUP_CLOSE int fd = -1;
	char quote[QUOTE_TEXT];
	size_t size = 0;
	int r;

	fd = open_file(path, &size, error);
	if (fd < 0)
		return fd;
	r = read_all(fd, size + 1, &text, &size); /* + 1: so that the end is seen */
	if (r < 0)
		return error_prefix(error, r, "list %s", text_quote(path, quote));
	if (size > LIST_FILE_MAX)
		return refuse_size(path, error);
	return list_file_parse(text, size, path, rules, ret_ranges, ret_tally, error);
}
