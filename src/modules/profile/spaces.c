/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <limits.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/timestamp.h"
#include "modules/profile/jit.h"
#include "modules/profile/maps.h"
#include "modules/profile/spaces.h"

enum {
	LINE_TEXT = 256,
	LINES_MAX = 1 << 18,
	SPACES_MAX = 1 << 16,
	JIT_BYTES = 64 << 20, /* of all that JITs wrote */
};

#define PAUSE_LEAST (20 * NSEC_PER_MSEC)
#define PAUSE_MOST  (20 * NSEC_PER_SEC)

/* Time for looking at processes: so many of the nanoseconds that pass, and at once the most. */
struct credit {
	uint64_t share; /* one part of so many */
	int64_t left, most;
	uint64_t since; /* CLOCK_BOOTTIME */
};

struct mapping {
	uint64_t start, end, offset;
	struct image *image; /* NULL: no file */
	char *label;         /* "[vdso]"; NULL: none */
};

struct space {
	uint32_t tgid;
	uint64_t incarnation;
	struct mapping *mappings; /* as in maps: the lowest first */
	size_t count;
	uint64_t due;    /* is not looked at again before; CLOCK_BOOTTIME, nanoseconds */
	uint64_t pause;  /* that was made last */
	bool gone;       /* is not looked at again at all */
	FILE *jit_file;  /* not read yet */
	struct jit *jit; /* NULL: none */
};

struct spaces {
	void *known; /* tree of tsearch(3) */
	size_t count;
	struct images *images;
	uint64_t jit_left;          /* bytes */
	struct credit first, again; /* looks at a process */
};

/* ---- /proc -------------------------------------------------------------------------------- */

static FILE *open_of(const struct space *space, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/proc/%u/%s", space->tgid, name);
	return fopen(path, "re");
}

enum answer { IS_THIS, IS_ANOTHER, IS_GONE };

/*
 * Fields 22 and 28: when the process was started, in ticks since boot, and where the stack of its
 * program begins. The name before can be anything.
 */
static enum answer ask_who(const struct space *space, uint64_t start_stack)
{
	CLEANUP_FCLOSE FILE *file = open_of(space, "stat");
	uint64_t tick = NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK);
	unsigned long long started, stack;
	char text[1024];
	const char *rest;
	size_t length;

	length = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	text[length] = '\0';
	rest = strrchr(text, ')');
	if (!rest || sscanf(rest + 1,
			    " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			    "%*d %*d %llu %*u %*d %*u %*u %*u %llu",
			    &started, &stack) != 2)
		return IS_GONE;
	/* The incarnation has a nanosecond more for each exec. */
	if (space->incarnation / tick - started > 1)
		return IS_GONE;
	return stack == start_stack ? IS_THIS : IS_ANOTHER;
}

static uid_t user_of(const struct space *space)
{
	char path[LINE_TEXT];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%u", space->tgid);
	return stat(path, &st) == 0 ? st.st_uid : 0;
}

/* The number that it knows itself by: the last of "NSpid:	4711	1". */
static uint32_t own_number_of(const struct space *space)
{
	CLEANUP_FCLOSE FILE *file = open_of(space, "status");
	uint32_t number = space->tgid;
	char line[LINE_TEXT];

	while (file && fgets(line, sizeof(line), file)) {
		const char *last = strrchr(line, '\t');

		if (strncmp(line, "NSpid:", 6) == 0 && last)
			number = (uint32_t)strtoul(last, NULL, 10);
	}
	return number;
}

/* ---- mappings ----------------------------------------------------------------------------- */

static void free_mappings(struct mapping *mappings, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(mappings[i].label);
	free(mappings);
}

static bool take_line(struct spaces *spaces, const struct map_line *line, struct mapping *mapping)
{
	*mapping =
		(struct mapping){ .start = line->start, .end = line->end, .offset = line->offset };
	if (line->inode && line->path[0] == '/')
		mapping->image = images_find(spaces->images, line->device, line->inode, line->path);
	else if (!line->path[0])
		return true;
	if (!mapping->image)
		mapping->label = strdup(line->path);
	return mapping->image || mapping->label;
}

struct reading {
	struct mapping *mappings;
	size_t count, room;
	size_t lines;
};

static bool add_line(struct spaces *spaces, struct reading *reading, const struct map_line *line)
{
	if (reading->count == reading->room) {
		size_t room = reading->room ? 2 * reading->room : 16;
		void *larger = reallocarray(reading->mappings, room, sizeof(struct mapping));

		if (!larger)
			return false;
		reading->mappings = larger;
		reading->room = room;
	}
	if (!take_line(spaces, line, &reading->mappings[reading->count]))
		return false;
	reading->count++;
	return true;
}

/* In the middle of an exec a process has none, or not all. */
static void read_maps(struct spaces *spaces, struct space *space, uint64_t start_stack)
{
	CLEANUP_FCLOSE FILE *file = open_of(space, "maps");
	struct reading reading = { .mappings = NULL };
	CLEANUP_FREE char *text = NULL;
	enum answer who;
	size_t size = 0;
	struct map_line line;

	while (file && reading.lines < LINES_MAX && getline(&text, &size, file) >= 0) {
		reading.lines++;
		if (map_line_is_code(text) && map_line_parse(text, &line) &&
		    !add_line(spaces, &reading, &line))
			break;
	}
	who = file ? ask_who(space, start_stack) : IS_GONE;
	space->gone = who == IS_GONE;
	if (who != IS_THIS || !reading.count) {
		free_mappings(reading.mappings, reading.count);
		return;
	}
	free_mappings(space->mappings, space->count);
	space->mappings = reading.mappings;
	space->count = reading.count;
}

/* As nobody knows beforehand what it takes, it may take more than is left, which is made up. */
static void look(struct spaces *spaces, struct space *space, uint64_t start_stack)
{
	struct credit *credit = space->count ? &spaces->again : &spaces->first;
	uint64_t now = timestamp_boottime();

	credit->left += (int64_t)((now - credit->since) / credit->share);
	if (credit->left > credit->most)
		credit->left = credit->most;
	credit->since = now;
	if (credit->left <= 0)
		return;
	read_maps(spaces, space, start_stack);
	credit->left -= (int64_t)(timestamp_boottime() - now);
}

static struct mapping *mapping_at(const struct space *space, uint64_t address)
{
	size_t low = 0, high = space ? space->count : 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (space->mappings[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (space && low < space->count && space->mappings[low].start <= address)
		return &space->mappings[low];
	return NULL;
}

/* By its place in memory it is found even if it was removed, which takes a privilege. */
static void open_image(const struct space *space, const struct mapping *mapping)
{
	const char *name = image_path(mapping->image);
	char path[PATH_MAX];

	if (!image_is_wanted(mapping->image))
		return;
	snprintf(path, sizeof(path), "/proc/%u/map_files/%llx-%llx", space->tgid,
		 (unsigned long long)mapping->start, (unsigned long long)mapping->end);
	if (!space->gone && image_open(mapping->image, path))
		return;
	snprintf(path, sizeof(path), "/proc/%u/root%s", space->tgid, name);
	if (!space->gone && image_open(mapping->image, path))
		return;
	image_open(mapping->image, name);
}

static void open_jit(struct space *space)
{
	char path[LINE_TEXT];

	if (space->jit_file || space->gone)
		return;
	snprintf(path, sizeof(path), "/proc/%u/root/tmp/perf-%u.map", space->tgid,
		 own_number_of(space));
	space->jit_file = jit_open(path, user_of(space));
}

static bool is_anonymous(const struct mapping *mapping)
{
	return !mapping->image && !mapping->label;
}

static void see(struct space *space, const struct mapping *mapping)
{
	if (mapping->image)
		open_image(space, mapping);
	else if (is_anonymous(mapping))
		open_jit(space);
}

/* ---- spaces ------------------------------------------------------------------------------- */

static int compare(const void *left, const void *right)
{
	const struct space *a = left, *b = right;

	if (a->tgid != b->tgid)
		return a->tgid > b->tgid ? 1 : -1;
	return (a->incarnation > b->incarnation) - (a->incarnation < b->incarnation);
}

struct space *spaces_find(struct spaces *spaces, uint32_t tgid, uint64_t incarnation)
{
	const struct space wanted = { .tgid = tgid, .incarnation = incarnation };
	struct space *const *found = tfind(&wanted, &spaces->known, compare);
	CLEANUP_FREE struct space *space = NULL;

	if (found)
		return *found;
	space = spaces->count < SPACES_MAX ? calloc(1, sizeof(*space)) : NULL;
	if (!space)
		return NULL;
	*space = wanted;
	if (!tsearch(space, &spaces->known, compare))
		return NULL;
	spaces->count++;
	return TAKE_PTR(space);
}

/* Where no frame pointers are, stacks have addresses of nothing, which no look will find. */
static void put_off(struct space *space, const struct mapping *found)
{
	if (!space->count || found)
		space->pause = 0;
	else
		space->pause = space->pause ? 2 * space->pause : PAUSE_LEAST;
	if (space->pause > PAUSE_MOST)
		space->pause = PAUSE_MOST;
	space->due = timestamp_boottime() + space->pause;
}

void space_see(struct spaces *spaces, struct space *space, uint64_t start_stack,
	       const uint64_t *addresses, size_t count)
{
	bool may_look = !space->gone && timestamp_boottime() >= space->due;

	for (size_t i = 0; i < count; i++) {
		const struct mapping *mapping = mapping_at(space, addresses[i]);

		if (!mapping && may_look) {
			look(spaces, space, start_stack);
			may_look = false;
			mapping = mapping_at(space, addresses[i]);
			put_off(space, mapping);
		}
		if (mapping)
			see(space, mapping);
	}
}

static const char *jit_name(struct spaces *spaces, struct space *space, uint64_t address)
{
	if (!space->jit && space->jit_file)
		space->jit = jit_read(space->jit_file, &spaces->jit_left);
	return space->jit ? jit_find(space->jit, address) : NULL;
}

static const struct function *jit_function(struct spaces *spaces, struct space *space,
					   struct functions *functions, uint64_t address)
{
	const char *name = jit_name(spaces, space, address);

	return name ? functions_find(functions, FUNCTION_JIT, "", name)
		    : functions_unknown(functions, FUNCTION_JIT, "", 0);
}

bool space_is_known(const struct space *space)
{
	return space && space->count;
}

const struct function *space_function(struct spaces *spaces, struct space *space,
				      struct functions *functions, uint64_t address)
{
	const struct mapping *mapping = mapping_at(space, address);
	const char *name;
	uint64_t offset;

	if (!mapping)
		return NULL;
	if (is_anonymous(mapping))
		return jit_function(spaces, space, functions, address);
	if (!mapping->image)
		return functions_find(functions, FUNCTION_USER, mapping->label, mapping->label);
	offset = address - mapping->start + mapping->offset;
	name = image_function(mapping->image, offset);
	return name ? functions_find(functions, FUNCTION_USER, image_name(mapping->image), name)
		    : functions_unknown(functions, FUNCTION_USER, image_name(mapping->image),
					image_function_start(mapping->image, offset));
}

static void free_space(void *node)
{
	struct space *space = node;

	free_mappings(space->mappings, space->count);
	if (space->jit_file)
		fclose(space->jit_file);
	jit_free(space->jit);
	free(space);
}

struct spaces *spaces_new(void)
{
	CLEANUP_FREE struct spaces *spaces = calloc(1, sizeof(*spaces));
	uint64_t now = timestamp_boottime();

	if (!spaces)
		return NULL;
	spaces->jit_left = JIT_BYTES;
	spaces->first = (struct credit){ .share = 10, .most = 200 * NSEC_PER_MSEC, .since = now };
	spaces->again = (struct credit){ .share = 500, .most = 50 * NSEC_PER_MSEC, .since = now };
	spaces->first.left = spaces->first.most;
	spaces->again.left = spaces->again.most;
	spaces->images = images_new();
	return spaces->images ? TAKE_PTR(spaces) : NULL;
}

struct spaces *spaces_free(struct spaces *spaces)
{
	if (!spaces)
		return NULL;
	tdestroy(spaces->known, free_space);
	images_free(spaces->images);
	free(spaces);
	return NULL;
}
