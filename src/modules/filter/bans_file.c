/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "modules/filter/ban_info.h"
#include "modules/filter/bans_file.h"

static const char state_directory[] = "/var/lib/sumun";

/* ---- where ------------------------------------------------------------------- */

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* The name in the directory under which a file is known; false when it has none there. */
static bool find_name(const char *directory, const struct stat *wanted, char ret_name[NAME_MAX + 1])
{
	CLEANUP_CLOSEDIR DIR *dir = opendir(directory);
	const struct dirent *entry;
	struct stat st;

	while (dir && (entry = readdir(dir))) {
		if (fstatat(dirfd(dir), entry->d_name, &st, 0) < 0 || !is_same(&st, wanted))
			continue;
		snprintf(ret_name, NAME_MAX + 1, "%s", entry->d_name);
		return true;
	}
	return false;
}

bool bans_file_default(const char *own, const char *initial, const char *named,
		       char ret_path[BANS_PATH_SIZE])
{
	char path[BANS_PATH_SIZE], name[NAME_MAX + 1];
	struct stat own_file, initial_file;
	bool initial_known = stat(initial, &initial_file) == 0, is_named;
	int length;

	if (stat(own, &own_file) < 0)
		return false;
	is_named = !(initial_known && is_same(&own_file, &initial_file)) &&
		   find_name(named, &own_file, name);
	/* Where one may not look at process 1, what has no name is taken for its namespace. */
	if (!is_named && initial_known && !is_same(&own_file, &initial_file))
		return false;
	length = snprintf(path, sizeof(path), "%s/bans%s%s", state_directory, is_named ? "-" : "",
			  is_named ? name : "");
	if (length >= BANS_PATH_SIZE)
		return false;
	memcpy(ret_path, path, sizeof(path));
	return true;
}

bool bans_file_path(const struct filter_config *config, char ret_path[BANS_PATH_SIZE])
{
	if (!config->bans_file)
		return bans_file_default("/proc/self/ns/net", "/proc/1/ns/net", "/run/netns",
					 ret_path);
	if (!*config->bans_file || strlen(config->bans_file) >= BANS_PATH_SIZE)
		return false;
	strcpy(ret_path, config->bans_file);
	return true;
}

/* "." for a path without a directory. */
static void directory_of(const char *path, char ret_directory[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	int length = slash ? (int)(slash - path) : 0;

	if (slash == path)
		snprintf(ret_directory, PATH_MAX, "/");
	else
		snprintf(ret_directory, PATH_MAX, "%.*s", slash ? length : 1, slash ? path : ".");
}

int bans_file_directory(const char *path, char ret_directory[PATH_MAX])
{
	if (!*path)
		return -ENOENT;
	directory_of(path, ret_directory);
	if (strcmp(ret_directory, state_directory) == 0 && mkdir(ret_directory, 0700) < 0 &&
	    errno != EEXIST)
		return -errno;
	return 0;
}

/* ---- writing ------------------------------------------------------------------- */

static void describe(const struct store *store, const struct ban *ban, struct saved_ban *saved)
{
	struct filter_ban_info info;

	*saved = (struct saved_ban){ .prefix = ban->prefix, .forced = ban->forced };
	/* The kernel's program bans first and describes then, as long as there is room. */
	if (store_ban_info(store, &ban->prefix, &info) < 0)
		info = (struct filter_ban_info){ .since = timestamp_boottime(),
						 .origin = ORIGIN_GUARD };
	saved->since = ban_info_time(&info);
	saved->until =
		ban->end == BAN_FOREVER ? SAVED_BAN_NO_END : store_tick_time(store, ban->end);
	if (saved->since > saved->until)
		saved->since = saved->until;
	saved->origin = info.origin;
	saved->offences = info.offences;
	ban_why_copy(saved->why, info.why);
}

static void write_all(const struct store *store, FILE *file)
{
	uint32_t now = store_now(store);
	size_t position = 0;
	struct ban ban;

	fputs(SAVED_BANS_HEAD "; read when the filter comes up, and rewritten while it is\n"
			      "# address\tuntil\tsince\torigin\toffences\tforced\twhy\n",
	      file);
	while (ban_next(&store->tables, &position, now, &ban)) {
		char line[BANS_FILE_LINE];
		struct saved_ban saved;

		describe(store, &ban, &saved);
		fputs(saved_ban_format(&saved, line), file);
		fputc('\n', file);
	}
}

static int say_cannot(const char *path, int r, struct error *error)
{
	return error_set(error, r, "cannot keep the bans in '%s': %s", path, strerror(-r));
}

/*
 * Beside the file, so that it can be moved over it, and always of one name, so that whoever
 * is killed leaves nothing that the next does not use. Its lock lets one write at a time; who
 * gets it only after the file was moved away looks again.
 */
static int open_temporary(const char *path, char ret_temporary[PATH_MAX], FILE **ret_file)
{
	CLEANUP_CLOSE int fd = -1;
	char directory[PATH_MAX];
	struct stat ours, there;
	int r;

	r = bans_file_directory(path, directory);
	if (r < 0)
		return r;
	if (snprintf(ret_temporary, PATH_MAX, "%s.new", path) >= PATH_MAX)
		return -ENAMETOOLONG;
	do {
		cleanup_close(&fd);
		/* O_NONBLOCK: a pipe that nobody reads must not hold us up before it is refused. */
		fd = open(ret_temporary, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
			  0600);
		if (fd < 0 || fstat(fd, &ours) < 0)
			return -errno;
		if (!S_ISREG(ours.st_mode))
			return -EINVAL;
		if (flock(fd, LOCK_EX) < 0 || fstat(fd, &ours) < 0)
			return -errno;
	} while (stat(ret_temporary, &there) < 0 || there.st_ino != ours.st_ino);
	if (ftruncate(fd, 0) < 0)
		return -errno;
	*ret_file = fdopen(fd, "w");
	if (!*ret_file)
		return -ENOMEM;
	TAKE_FD(fd);
	return 0;
}

/* Onto the disk before the name, and then the name: a power cut leaves one or the other. */
static int move_into_place(FILE *file, const char *temporary, const char *path)
{
	CLEANUP_CLOSE int directory_fd = -1;
	char directory[PATH_MAX];

	directory_of(path, directory);
	if (fflush(file) == EOF || fsync(fileno(file)) < 0)
		return -errno;
	if (ferror(file))
		return -EIO;
	if (rename(temporary, path) < 0)
		return -errno;
	directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* The file is there, whole; that its name may come later is not worth a failure. */
	if (directory_fd >= 0)
		fsync(directory_fd);
	return 0;
}

int bans_file_write(const struct store *store, const char *path, struct error *error)
{
	CLEANUP_FCLOSE FILE *file = NULL;
	char temporary[PATH_MAX];
	int r = open_temporary(path, temporary, &file);

	if (r < 0)
		return say_cannot(path, r, error);
	write_all(store, file);
	r = move_into_place(file, temporary, path);
	if (r < 0) {
		unlink(temporary);
		return say_cannot(path, r, error);
	}
	return 0;
}

/* ---- reading -------------------------------------------------------------------- */

/* The next line without its end, cut to what fits; its whole length. -1 at the end. */
static ssize_t read_line(FILE *file, char buffer[BANS_FILE_LINE])
{
	ssize_t length = 0;
	int c;

	while ((c = getc_unlocked(file)) != EOF && c != '\n') {
		if (length < BANS_FILE_LINE - 1)
			buffer[length] = (char)c;
		length++;
	}
	buffer[length < BANS_FILE_LINE ? length : BANS_FILE_LINE - 1] = '\0';
	return c == EOF && !length ? -1 : length;
}

static int parse_line(const char *line, ssize_t length, struct saved_ban *ret_ban,
		      struct error *error)
{
	if (length >= BANS_FILE_LINE)
		return error_set(error, -EINVAL, "the line is longer than that of any ban");
	if ((ssize_t)strlen(line) != length)
		return error_set(error, -EINVAL, "there is a NUL in the line");
	return saved_ban_parse(line, ret_ban, error);
}

static int open_for_reading(const char *path, FILE **ret_file)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	*ret_file = fdopen(fd, "r");
	if (!*ret_file)
		return -ENOMEM;
	TAKE_FD(fd);
	return 0;
}

/* A newer sumun may have written what we would misread. */
static bool is_of_another_version(const char *head)
{
	return strncmp(head, SAVED_BANS_NAME, strlen(SAVED_BANS_NAME)) == 0 &&
	       (strncmp(head, SAVED_BANS_HEAD, strlen(SAVED_BANS_HEAD)) != 0 ||
		(head[strlen(SAVED_BANS_HEAD)] >= '0' && head[strlen(SAVED_BANS_HEAD)] <= '9'));
}

int bans_file_read(const char *path, const struct bans_file_reader *reader, struct error *error)
{
	CLEANUP_FCLOSE FILE *file = NULL;
	char line[BANS_FILE_LINE];
	ssize_t length;
	int r = open_for_reading(path, &file);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return error_set(error, r, "cannot read the bans in '%s': %s", path,
				 r == -EINVAL ? "that is no plain file" : strerror(-r));
	for (size_t number = 1; (length = read_line(file, line)) >= 0; number++) {
		struct error why = { "" };
		struct saved_ban ban;

		if (number == 1 && is_of_another_version(line))
			return error_set(error, -EINVAL,
					 "the bans in '%s' were written by another version", path);
		if (!length || *line == '#')
			continue;
		if (parse_line(line, length, &ban, &why) == 0)
			reader->ban(reader->context, &ban);
		else
			reader->bad(reader->context, number, why.text);
	}
	if (ferror(file))
		return error_set(error, -EIO, "cannot read the bans in '%s'", path);
	return 0;
}

/* ---- restoring --------------------------------------------------------------------- */

enum { BAD_LINES_TOLD = 10 };

struct restoring {
	struct store *store;
	const struct peers *peers;
	const char *path;
	uint64_t now; /* CLOCK_REALTIME, nanoseconds */
	size_t restored;
	size_t without_room;
	size_t bad;
};

/* True, and told, when the ban would hit a peer. */
static bool hits_peer(const struct restoring *restoring, const struct prefix *prefix)
{
	char text[PREFIX_TEXT], address[ADDRESS_TEXT];

	for (size_t i = 0; i < restoring->peers->count; i++) {
		const struct peer *peer = &restoring->peers->peers[i];

		if (!prefix_contains(prefix, &peer->address))
			continue;
		log_warning("'%s': the ban of %s would now shut out %s, %s; "
			    "'sumun ban --force' does it all the same; ignoring",
			    restoring->path, prefix_format(prefix, text),
			    address_format(&peer->address, address), peer_role_name(peer->role));
		return true;
	}
	return false;
}

static void restore_ban(void *context, const struct saved_ban *saved)
{
	struct restoring *restoring = context;
	struct ban ban = { .prefix = saved->prefix, .end = BAN_FOREVER, .forced = saved->forced };
	struct filter_ban_info info = { .origin = saved->origin, .offences = saved->offences };
	uint64_t since = saved->since < restoring->now ? saved->since : restoring->now, left;

	if (!saved_ban_left(saved, restoring->now, &left) ||
	    (!saved->forced && hits_peer(restoring, &saved->prefix)))
		return;
	/* What lasts longer than ticks can count ends with the last of them. */
	if (saved->until != SAVED_BAN_NO_END &&
	    store_ban_end(restoring->store, left, &ban.end, NULL) < 0)
		ban.end = BAN_FOREVER - 1;
	if (ban_add(&restoring->store->tables, &ban, store_now(restoring->store), NULL) < 0) {
		restoring->without_room++;
		return;
	}
	restoring->restored++;
	/* Maybe negative: before this machine booted. A ban that is not described holds too. */
	info.since = timestamp_boottime() - (restoring->now - since);
	ban_why_copy(info.why, saved->why);
	store_set_ban_info(restoring->store, &ban.prefix, &info);
}

static void tell_bad_line(void *context, size_t line, const char *why)
{
	struct restoring *restoring = context;

	if (restoring->bad++ < BAD_LINES_TOLD)
		log_warning("'%s' line %zu: %s, ignoring", restoring->path, line, why);
}

int bans_file_restore(struct store *store, const struct peers *peers, const char *path,
		      struct error *error)
{
	struct restoring restoring = {
		.store = store, .peers = peers, .path = path, .now = timestamp_now()
	};
	const struct bans_file_reader reader = { restore_ban, tell_bad_line, &restoring };
	int r = bans_file_read(path, &reader, error);

	if (restoring.bad > BAD_LINES_TOLD)
		log_warning("'%s': %zu more lines that are no bans, ignoring", path,
			    restoring.bad - BAD_LINES_TOLD);
	if (restoring.without_room)
		log_warning("'%s': %zu bans find no room in the ban tables, ignoring", path,
			    restoring.without_room);
	if (restoring.restored)
		log_info("restored %zu ban%s from '%s'", restoring.restored,
			 restoring.restored == 1 ? "" : "s", path);
	return r;
}
