/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "modules/profile/demangle.h"
#include "modules/profile/functions.h"

struct functions {
	void *known; /* tree of tsearch(3) */
};

/* When there is no memory for another. */
static const struct function nameless = {
	.kind = FUNCTION_LABEL, .unknown = true, .object = "", .name = "[out of memory]"
};

static int compare(const void *left, const void *right)
{
	const struct function *a = left, *b = right;
	int order = (int)a->kind - (int)b->kind;

	if (!order)
		order = strcmp(a->object, b->object);
	return order ? order : strcmp(a->name, b->name);
}

/* The texts lie behind the structure. */
static struct function *copy(const struct function *like)
{
	size_t name = strlen(like->name) + 1, object = strlen(like->object) + 1;
	struct function *function = malloc(sizeof(*function) + name + object);
	char *texts;

	if (!function)
		return NULL;
	texts = (char *)(function + 1);
	*function = *like;
	function->name = memcpy(texts, like->name, name);
	function->object = memcpy(texts + name, like->object, object);
	return function;
}

static const struct function *find(struct functions *functions, const struct function *wanted)
{
	struct function *const *found = tfind(wanted, &functions->known, compare);
	CLEANUP_FREE struct function *function = NULL;

	if (found)
		return *found;
	function = copy(wanted);
	if (!function || !tsearch(function, &functions->known, compare))
		return &nameless;
	return TAKE_PTR(function);
}

const struct function *functions_find(struct functions *functions, enum function_kind kind,
				      const char *object, const char *name)
{
	char plain[DEMANGLED_TEXT], shown[DEMANGLED_TEXT], place[DEMANGLED_TEXT];
	struct function wanted = { .kind = kind };

	wanted.name = text_escape(kind == FUNCTION_LABEL ? name : demangle(name, plain), shown,
				  sizeof(shown));
	wanted.object = text_escape(object, place, sizeof(place));
	return find(functions, &wanted);
}

const struct function *functions_unknown(struct functions *functions, enum function_kind kind,
					 const char *object, unsigned long long offset)
{
	char name[DEMANGLED_TEXT] = "[unknown]", place[DEMANGLED_TEXT / 2];
	struct function wanted = { .kind = kind, .unknown = true, .name = name };

	wanted.object = text_escape(object, place, sizeof(place));
	if (*object)
		snprintf(name, sizeof(name), "[unknown in %s+0x%llx]", wanted.object, offset);
	return find(functions, &wanted);
}

struct functions *functions_new(void)
{
	return calloc(1, sizeof(struct functions));
}

struct functions *functions_free(struct functions *functions)
{
	if (functions)
		tdestroy(functions->known, free);
	free(functions);
	return NULL;
}
