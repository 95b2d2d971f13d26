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
#include "modules/profile/jit.h"
#include "modules/profile/maps.h"
#include "modules/profile/spaces.h"

enum { LINE_TEXT = 256, MAPPINGS_MAX = 65536 };

struct mapping {
	uint64_t start, end, offset;
	struct image *image; /* NULL: no file */
	char *path;
};

struct space {
	uint32_t tgid;
	uint64_t incarnation;
	struct mapping *mappings; /* as in maps: the lowest first */
	size_t count;
	bool gone;       /* is not looked at again */
	FILE *jit_file;  /* not read yet */
	struct jit *jit; /* NULL: none */
	uid_t user;
};

struct spaces {
	void *known; /* tree of tsearch(3) */
	struct images *images;
};

/* ---- /proc -------------------------------------------------------------------------------- */

static FILE *open_of(const struct space *space, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/proc/%u/%s", space->tgid, name);
	return fopen(path, "re");
}

/* Field 22: when the process was started, in ticks since boot. The name before can be anything. */
static bool has_started_then(const struct space *space)
{
	CLEANUP_FCLOSE FILE *file = open_of(space, "stat");
	uint64_t tick = NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK);
	unsigned long long started;
	char text[1024];
	const char *rest;
	size_t length;

	length = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	text[length] = '\0';
	rest = strrchr(text, ')');
	if (!rest || sscanf(rest + 1,
			    " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			    "%*d %*d %llu",
			    &started) != 1)
		return false;
	/* The incarnation has a nanosecond more for each exec. */
	return space->incarnation / tick - started <= 1;
}

/* An exec takes the name of the new program; that it is the same is as good as can be known. */
static bool is_called(const struct space *space, const char *command)
{
	CLEANUP_FCLOSE FILE *file = open_of(space, "comm");
	char name[LINE_TEXT];

	if (!file || !fgets(name, sizeof(name), file))
		return false;
	name[strcspn(name, "\n")] = '\0';
	return strcmp(name, command) == 0;
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
		free(mappings[i].path);
	free(mappings);
}

static bool take_line(struct spaces *spaces, const struct map_line *line, struct mapping *mapping)
{
	char name[LINE_TEXT];

	*mapping = (struct mapping){ .start = line->start,
				     .end = line->end,
				     .offset = line->offset,
				     .path = strdup(line->path) };
	if (!mapping->path)
		return false;
	if (!line->inode || line->path[0] != '/')
		return true;
	map_path_name(line->path, name, sizeof(name));
	mapping->image = images_find(spaces->images, line->device, line->inode, name);
	return mapping->image != NULL;
}

static void read_maps(struct spaces *spaces, struct space *space, const char *command)
{
	CLEANUP_FCLOSE FILE *file = open_of(space, "maps");
	struct mapping *mappings = NULL;
	CLEANUP_FREE char *text = NULL;
	size_t count = 0, size = 0;
	struct map_line line;

	while (file && count < MAPPINGS_MAX && getline(&text, &size, file) >= 0) {
		void *larger;

		if (!map_line_parse(text, &line) || !line.executable)
			continue;
		larger = reallocarray(mappings, count + 1, sizeof(*mappings));
		if (!larger)
			break;
		mappings = larger;
		if (!take_line(spaces, &line, &mappings[count++]))
			break;
	}
	if (!count || !has_started_then(space) || !is_called(space, command)) {
		free_mappings(mappings, count);
		space->gone = true;
		return;
	}
	free_mappings(space->mappings, space->count);
	space->mappings = mappings;
	space->count = count;
	space->user = user_of(space);
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
	char path[PATH_MAX];

	if (image_is_open(mapping->image))
		return;
	snprintf(path, sizeof(path), "/proc/%u/map_files/%llx-%llx", space->tgid,
		 (unsigned long long)mapping->start, (unsigned long long)mapping->end);
	if (!space->gone && image_open(mapping->image, path))
		return;
	snprintf(path, sizeof(path), "/proc/%u/root%s", space->tgid, mapping->path);
	if (!space->gone && image_open(mapping->image, path))
		return;
	image_open(mapping->image, mapping->path);
}

static void open_jit(struct space *space)
{
	char path[LINE_TEXT];

	if (space->jit_file || space->gone)
		return;
	snprintf(path, sizeof(path), "/proc/%u/root/tmp/perf-%u.map", space->tgid,
		 own_number_of(space));
	space->jit_file = jit_open(path, space->user);
}

static bool is_anonymous(const struct mapping *mapping)
{
	return !mapping->image && mapping->path[0] != '[';
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

struct space *spaces_find(struct spaces *spaces, uint32_t tgid, uint64_t incarnation,
			  const char *command)
{
	const struct space wanted = { .tgid = tgid, .incarnation = incarnation };
	struct space *const *found = tfind(&wanted, &spaces->known, compare);
	CLEANUP_FREE struct space *space = NULL;

	if (found)
		return *found;
	space = calloc(1, sizeof(*space));
	if (!space)
		return NULL;
	*space = wanted;
	if (!tsearch(space, &spaces->known, compare))
		return NULL;
	read_maps(spaces, space, command);
	return TAKE_PTR(space);
}

void space_see(struct spaces *spaces, struct space *space, const char *command,
	       const uint64_t *addresses, size_t count)
{
	bool read = false;

	for (size_t i = 0; i < count; i++) {
		const struct mapping *mapping = mapping_at(space, addresses[i]);

		if (!mapping && !read && !space->gone) {
			read_maps(spaces, space, command);
			read = true;
			mapping = mapping_at(space, addresses[i]);
		}
		if (mapping)
			see(space, mapping);
	}
}

static const char *jit_name(struct space *space, uint64_t address)
{
	if (!space->jit && space->jit_file)
		space->jit = jit_read(space->jit_file);
	return space->jit ? jit_find(space->jit, address) : NULL;
}

static const struct function *jit_function(struct space *space, struct functions *functions,
					   uint64_t address)
{
	const char *name = jit_name(space, address);

	return name ? functions_find(functions, FUNCTION_JIT, "", name)
		    : functions_unknown(functions, FUNCTION_JIT, "", 0);
}

bool space_is_known(const struct space *space)
{
	return space && space->count;
}

const struct function *space_function(struct space *space, struct functions *functions,
				      uint64_t address)
{
	const struct mapping *mapping = mapping_at(space, address);
	const char *name;
	uint64_t offset;

	if (!mapping)
		return NULL;
	if (is_anonymous(mapping))
		return jit_function(space, functions, address);
	if (!mapping->image)
		return functions_find(functions, FUNCTION_USER, mapping->path, mapping->path);
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

	if (spaces)
		spaces->images = images_new();
	return spaces && spaces->images ? TAKE_PTR(spaces) : NULL;
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
