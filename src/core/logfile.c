/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "core/logfile.h"

struct logfile {
	char *path;
	enum logfile_format format;
	int fd;
	uint64_t lost;
	uint64_t lost_in_a_row;
};

static int open_path(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);

	return fd < 0 ? -errno : fd;
}

struct logfile *logfile_open(const char *path, enum logfile_format format, struct error *error)
{
	struct logfile *logfile = calloc(1, sizeof(*logfile));

	if (!logfile)
		return NULL;
	logfile->format = format;
	logfile->path = strdup(path);
	logfile->fd = open_path(path);
	if (logfile->path && logfile->fd >= 0)
		return logfile;
	error_set(error, logfile->fd, "cannot open the log '%s': %s", path,
		  strerror(logfile->fd < 0 ? -logfile->fd : ENOMEM));
	return logfile_close(logfile);
}

struct logfile *logfile_close(struct logfile *logfile)
{
	if (logfile) {
		cleanup_close(&logfile->fd);
		free(logfile->path);
		free(logfile);
	}
	return NULL;
}

const char *logfile_path(const struct logfile *logfile)
{
	return logfile->path;
}

bool logfile_can_return(const struct logfile *logfile)
{
	CLEANUP_FREE char *real = realpath(logfile->path, NULL);
	struct stat st;
	char *slash;

	if (!real || stat(real, &st) < 0 || !S_ISREG(st.st_mode))
		return true;
	slash = strrchr(real, '/');
	slash[1] = '\0';
	return faccessat(AT_FDCWD, real, W_OK, AT_EACCESS) == 0;
}

void logfile_reopen(struct logfile *logfile)
{
	int fd = open_path(logfile->path);

	if (fd < 0) {
		log_warning("cannot reopen the log '%s': %s; writing to the former file",
			    logfile->path, strerror(-fd));
		return;
	}
	cleanup_close(&logfile->fd);
	logfile->fd = fd;
}

/* The file that the path names now is the one we write to. */
static bool still_there(const struct logfile *logfile)
{
	struct stat by_path, by_fd;

	return stat(logfile->path, &by_path) == 0 && fstat(logfile->fd, &by_fd) == 0 &&
	       by_path.st_ino == by_fd.st_ino && by_path.st_dev == by_fd.st_dev;
}

static char *format_record(const struct logfile *logfile, const struct record *record, bool head,
			   size_t *ret_size)
{
	char *text = NULL;
	FILE *memory = open_memstream(&text, ret_size);

	if (!memory)
		return NULL;
	if (logfile->format == LOGFILE_JSON) {
		record_write_json(record, memory);
	} else {
		if (head)
			record_write_csv_head(record->type, memory);
		record_write_csv(record, memory);
	}
	fclose(memory);
	return text;
}

static int append(const struct logfile *logfile, const char *text, size_t size)
{
	ssize_t written;

	do
		written = write(logfile->fd, text, size);
	while (written < 0 && errno == EINTR);
	if (written < 0)
		return -errno;
	if ((size_t)written == size)
		return 0;
	/* Half a record is worse than none: take it back, as far as the file allows. */
	if (ftruncate(logfile->fd, lseek(logfile->fd, 0, SEEK_END) - written) < 0)
		return -errno;
	return -ENOSPC;
}

void logfile_write(struct logfile *logfile, const struct record *record)
{
	CLEANUP_FREE char *text = NULL;
	struct stat st;
	int r, gone = 0;
	size_t size;

	if (logfile->format == LOGFILE_CSV && !record->type->csv)
		return;
	/* A file that was removed without a SIGHUP would swallow everything. */
	if (!still_there(logfile)) {
		int fd = open_path(logfile->path);

		if (fd >= 0) {
			cleanup_close(&logfile->fd);
			logfile->fd = fd;
		} else if (fstat(logfile->fd, &st) == 0 && st.st_nlink == 0) {
			gone = fd; /* what is written now, nobody will read */
		}
	}
	text = format_record(logfile, record, fstat(logfile->fd, &st) == 0 && st.st_size == 0,
			     &size);
	r = gone ? gone : text ? append(logfile, text, size) : -ENOMEM;
	if (r < 0) {
		logfile->lost++;
		if (logfile->lost_in_a_row++ == 0)
			log_warning("cannot write to the log '%s': %s; records are lost until it "
				    "works again, the filter goes on",
				    logfile->path, strerror(-r));
	} else if (logfile->lost_in_a_row) {
		log_warning("the log '%s' works again; %llu records are missing from it",
			    logfile->path, (unsigned long long)logfile->lost_in_a_row);
		logfile->lost_in_a_row = 0;
	}
}

uint64_t logfile_lost(const struct logfile *logfile)
{
	return logfile->lost;
}
