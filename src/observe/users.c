/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "observe/users.h"

enum {
	SLOTS = 1024,
	RECORD_FIRST = 1024, /* bytes for a record of the database, which does not say how many */
	RECORD_MAX = 256 * 1024, /* it wants */
};

/* (uid_t)-1 is no user: system calls take it for "none". */
#define UID_LAST (UINT32_MAX - 1)

struct users {
	struct {
		uid_t uid;
		char name[USER_TEXT]; /* "" in a slot that was never used */
	} slots[SLOTS];
};

/* By name, or without one by number. 0 when there is such a user; the record lies in *ret_space. */
static int look_up(const char *name, uid_t uid, struct passwd *ret_user, char **ret_space)
{
	for (size_t size = RECORD_FIRST; size <= RECORD_MAX; size *= 2) {
		CLEANUP_FREE char *space = malloc(size);
		struct passwd *found = NULL;
		int r;

		if (!space)
			return -ENOMEM;
		r = name ? getpwnam_r(name, ret_user, space, size, &found)
			 : getpwuid_r(uid, ret_user, space, size, &found);
		if (r == ERANGE)
			continue;
		if (!found)
			return -ENOENT; /* or the database does not answer, which is no better */
		*ret_space = TAKE_PTR(space);
		return 0;
	}
	return -ENOENT;
}

struct users *users_new(void)
{
	return calloc(1, sizeof(struct users));
}

struct users *users_free(struct users *users)
{
	free(users);
	return NULL;
}

const char *users_name(struct users *users, uid_t uid, char buffer[USER_TEXT])
{
	CLEANUP_FREE char *space = NULL;
	char *name = users->slots[uid % SLOTS].name;
	struct passwd user;

	if (!name[0] || users->slots[uid % SLOTS].uid != uid) {
		users->slots[uid % SLOTS].uid = uid;
		if (look_up(NULL, uid, &user, &space) == 0 && user.pw_name[0] &&
		    strlen(user.pw_name) < USER_TEXT)
			snprintf(name, USER_TEXT, "%s", user.pw_name);
		else
			snprintf(name, USER_TEXT, "%u", uid);
	}
	memcpy(buffer, name, USER_TEXT);
	return buffer;
}

static int parse_number(const char *text, uid_t *ret_uid, struct error *error)
{
	const char *cursor = text;
	char quoted[QUOTE_TEXT];
	uint64_t number;

	if (text_take_number(&cursor, UID_LAST, &number) < 0 || *cursor)
		return error_set(error, -EINVAL,
				 "%s is not a user: give a name, or a number up to %u",
				 text_quote(text, quoted), UID_LAST);
	*ret_uid = (uid_t)number;
	return 0;
}

int user_find(const char *text, uid_t *ret_uid, struct error *error)
{
	CLEANUP_FREE char *space = NULL;
	char quoted[QUOTE_TEXT];
	struct passwd user;

	if (*text && look_up(text, 0, &user, &space) == 0) {
		*ret_uid = user.pw_uid;
		return 0;
	}
	if (!*text || isdigit((unsigned char)*text))
		return parse_number(text, ret_uid, error);
	return error_set(error, -ENOENT, "there is no user %s here; 'getent passwd' lists them",
			 text_quote(text, quoted));
}
