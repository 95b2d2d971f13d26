/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "maps.h"
#include "sumun.h"

enum { OPERANDS = 10000 }; /* well within what execve() takes */

/* A private /run would do; the lab's mount namespace has none, so the files have its number. */
static const char *path_of(const char *what, char path[64])
{
	snprintf(path, 64, "/tmp/bench-%d-%s", getpid(), what);
	return path;
}

static const char *command(void)
{
	return getenv("SUMUN");
}

static int run_timed(const char *const argv[], double *seconds, struct error *error)
{
	struct timespec begin, end;
	int r;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	r = lab_run_quietly(argv, error);
	clock_gettime(CLOCK_MONOTONIC, &end);
	*seconds +=
		(double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
	return r;
}

/* ---- its files ------------------------------------------------------------------- */

static int write_list(const struct corpus *list, const char *path, struct error *error)
{
	FILE *out = fopen(path, "we");

	if (!out)
		return error_set(error, -errno, "cannot write %s: %s", path, strerror(errno));
	corpus_write(list, "", "\n", out);
	return fclose(out) == 0 ? 0 : error_set(error, -EIO, "cannot write %s", path);
}

static int write_lists(const struct peer_rules *rules, FILE *out, struct error *error)
{
	for (size_t i = 0; rules->lists[i]; i++) {
		char path[64];
		int r = write_list(rules->lists[i], path_of(i ? "6" : "4", path), error);

		if (r < 0)
			return r;
		fprintf(out, "%s%s", i ? ", " : "deny-list = ", path);
	}
	fprintf(out, "\n");
	return 0;
}

static int write_configuration(bool as_bans, const struct peer_rules *rules, struct error *error)
{
	char path[64];
	FILE *out = fopen(path_of("conf", path), "we");
	int r = 0;

	if (!out)
		return error_set(error, -errno, "cannot write %s: %s", path, strerror(errno));
	fprintf(out, "[filter]\ninterfaces = " LAB_RECEIVER "\nmode = enforce\nbans-file = none\n");
	if (!as_bans && rules->lists[0])
		r = write_lists(rules, out, error);
	fprintf(out, "%s", rules->sumun ? rules->sumun : "");
	if (fclose(out) != 0)
		return error_set(error, -EIO, "cannot write %s", path);
	return r;
}

/* ---- its commands ---------------------------------------------------------------- */

static int up(double *seconds, struct error *error)
{
	char path[64];
	const char *const argv[] = { command(), "up", "-c", path_of("conf", path), NULL };

	return run_timed(argv, seconds, error);
}

int sumun_again(double *seconds, struct error *error)
{
	char path[64];
	FILE *out = fopen(path_of("4", path), "ae");

	if (!out)
		return error_set(error, -errno, "cannot write %s: %s", path, strerror(errno));
	fprintf(out, "198.51.100.200\n");
	if (fclose(out) != 0)
		return error_set(error, -EIO, "cannot write %s", path);
	return up(seconds, error);
}

/* The words of a text of lines, which it takes apart; NULL behind the last. */
static char **words_of(char *text, size_t count)
{
	char **words = calloc(count + 1, sizeof(*words)), *rest = text;

	for (size_t i = 0; words && i < count; i++)
		words[i] = strsep(&rest, "\n");
	return words;
}

static int ban_words(char **words, size_t count, double *seconds, struct error *error)
{
	const char *argv[OPERANDS + 3] = { command(), "ban" };

	for (size_t done = 0; done < count; done += OPERANDS) {
		size_t some = count - done < OPERANDS ? count - done : OPERANDS;
		int r;

		memcpy(&argv[2], &words[done], some * sizeof(*words));
		argv[2 + some] = NULL;
		r = run_timed(argv, seconds, error);
		if (r < 0)
			return r;
	}
	return 0;
}

int sumun_ban(const struct corpus *list, double *seconds, struct error *error)
{
	CLEANUP_FREE char *text = NULL;
	CLEANUP_FREE char **words = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return -ENOMEM;
	corpus_write(list, "", "\n", out);
	if (fclose(out) != 0)
		return -ENOMEM;
	words = words_of(text, list->count);
	return words ? ban_words(words, list->count, seconds, error) : -ENOMEM;
}

int sumun_load(bool as_bans, const struct peer_rules *rules, struct site *site, double *seconds,
	       struct error *error)
{
	int fd, r = write_configuration(as_bans, rules, error);

	if (r == 0)
		r = up(seconds, error);
	if (r == 0 && as_bans && rules->lists[0] && rules->lists[0]->count)
		r = sumun_ban(rules->lists[0], seconds, error);
	if (r < 0)
		return r;
	fd = site_program(site, error);
	if (fd < 0)
		return fd;
	site->fd = fd;
	return 0;
}

int sumun_unload(struct site *site, struct error *error)
{
	static const char *const files[] = { "conf", "4", "6" };
	const char *const down[] = { command(), "down", NULL };
	double seconds = 0;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char path[64];

		unlink(path_of(files[i], path));
	}
	close(site->fd);
	site->fd = -1;
	return run_timed(down, &seconds, error);
}
