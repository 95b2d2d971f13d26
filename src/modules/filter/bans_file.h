/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bans that outlive the filter and the machine's run: a text file that is written whole
 * and moved into place, one ban a line, fields apart by tabs, times on the wall clock:
 *
 *   address  until|-  since  origin  offences  forced|-  why
 *
 * Bans of the configuration are not in it: they come back with the configuration.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "core/host.h"
#include "modules/filter/saved_ban.h"
#include "modules/filter/settings.h"
#include "modules/filter/store.h"

/*
 * Where the bans of this network namespace are kept, by the configuration and else by
 * default: the namespace of process 1 has /var/lib/sumun/bans, a named one
 * /var/lib/sumun/bans-NAME, any other none. False when they are not kept.
 */
bool bans_file_path(const struct filter_config *config, char ret_path[BANS_PATH_SIZE]);

/* The default, of the namespaces that these are files of; `named` is a directory of such. */
bool bans_file_default(const char *own, const char *initial, const char *named,
		       char ret_path[BANS_PATH_SIZE]);

/*
 * The directory of such a path; the default one is made when it is missing. -ENOENT for "",
 * which stands for no file.
 */
int bans_file_directory(const char *path, char ret_directory[PATH_MAX]);

/*
 * Writes all bans of the ban tables. On failure the former file is as it was. Several may
 * write at once: the file is then one of theirs, whole.
 */
int bans_file_write(const struct store *store, const char *path, struct error *error);

struct bans_file_reader {
	void (*ban)(void *context, const struct saved_ban *ban);
	void (*bad)(void *context, size_t line, const char *why); /* a line that is no ban */
	void *context;
};

/*
 * Reads all lines, those of bans that are over too. Fine when there is no file. -EINVAL
 * for what is no file of ours, or is one of another version.
 */
int bans_file_read(const char *path, const struct bans_file_reader *reader, struct error *error);

/*
 * Adds the bans of the file that are not over. Warns of lines that it cannot read, of bans
 * that found no room, and of those that would hit a peer and were not forced, and leaves
 * these out; says how many it restored.
 */
int bans_file_restore(struct store *store, const struct peers *peers, const char *path,
		      struct error *error);
