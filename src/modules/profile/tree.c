/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "modules/profile/tree.h"

struct tree {
	struct tree_node root;
	void *known; /* all but the root, by parent and name: a tree of tsearch(3) */
};

static int compare_names(const struct tree_node *a, const struct tree_node *b)
{
	int order = strcmp(a->function->name, b->function->name);

	return order ? order : (int)a->function->kind - (int)b->function->kind;
}

static int compare(const void *left, const void *right)
{
	const struct tree_node *a = left, *b = right;

	if (a->parent != b->parent)
		return (uintptr_t)a->parent > (uintptr_t)b->parent ? 1 : -1;
	return compare_names(a, b);
}

static struct tree_node *find_child(struct tree *tree, struct tree_node *parent,
				    const struct function *function)
{
	const struct tree_node wanted = { .function = function,
					  .parent = parent,
					  .depth = parent->depth + 1 };
	struct tree_node *const *found = tfind(&wanted, &tree->known, compare);
	CLEANUP_FREE struct tree_node *node = NULL;

	if (found)
		return *found;
	node = malloc(sizeof(*node));
	if (!node)
		return NULL;
	*node = wanted;
	if (!tsearch(node, &tree->known, compare))
		return NULL;
	node->next = parent->children;
	parent->children = node;
	return TAKE_PTR(node);
}

int tree_add(struct tree *tree, const struct function *const *frames, size_t count, uint64_t value)
{
	struct tree_node *node = &tree->root;

	node->total += value;
	for (size_t i = 0; i < count; i++) {
		node = find_child(tree, node, frames[i]);
		if (!node)
			return -ENOMEM;
		node->total += value;
	}
	node->self += value;
	return 0;
}

/* ---- order -------------------------------------------------------------------------------- */

static int compare_children(const void *left, const void *right)
{
	return compare_names(*(const struct tree_node *const *)left,
			     *(const struct tree_node *const *)right);
}

static int sort_children(struct tree_node *parent)
{
	CLEANUP_FREE struct tree_node **children = NULL;
	size_t count = 0, i = 0;

	for (struct tree_node *child = parent->children; child; child = child->next)
		count++;
	if (count < 2)
		return 0;
	children = calloc(count, sizeof(struct tree_node *));
	if (!children)
		return -ENOMEM;
	for (struct tree_node *child = parent->children; child; child = child->next)
		children[i++] = child;
	qsort(children, count, sizeof(struct tree_node *), compare_children);
	parent->children = NULL;
	while (count) {
		children[--count]->next = parent->children;
		parent->children = children[count];
	}
	return 0;
}

const struct tree_node *tree_next(const struct tree_node *node)
{
	if (node->children)
		return node->children;
	while (node && !node->next)
		node = node->parent;
	return node ? node->next : NULL;
}

int tree_sort(struct tree *tree)
{
	int r = 0;

	for (const struct tree_node *node = &tree->root; r == 0 && node; node = tree_next(node))
		r = sort_children((struct tree_node *)node);
	return r;
}

const struct tree_node *tree_root(const struct tree *tree)
{
	return &tree->root;
}

struct tree *tree_new(void)
{
	return calloc(1, sizeof(struct tree));
}

struct tree *tree_free(struct tree *tree)
{
	if (tree)
		tdestroy(tree->known, free);
	free(tree);
	return NULL;
}
