/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Users by number and by name, as this system's databases (nsswitch.conf) have them. */
#pragma once

#include <sys/types.h>

#include "base/error.h"

enum { USER_TEXT = 64 };

/* The names that were asked for last, a bounded number: a database can be behind a network. */
struct users;

struct users *users_new(void);                 /* NULL when out of memory */
struct users *users_free(struct users *users); /* NULL is fine; returns NULL */

/*
 * The name of a user; the number where there is none, or none that fits. What was found is kept.
 * The name goes through text_escape() before it is shown. Returns `buffer`.
 */
const char *users_name(struct users *users, uid_t uid, char buffer[USER_TEXT]);

/*
 * A name or a number; what is both is the name, as POSIX has it for chown. -ENOENT when there is
 * no such user, -EINVAL for what is neither. A number need not have a name.
 */
int user_find(const char *text, uid_t *ret_uid, struct error *error);

static inline void cleanup_users(struct users **users)
{
	users_free(*users);
}
#define CLEANUP_USERS __attribute__((cleanup(cleanup_users)))
