/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../unit.h"

#include <stdio.h>

#include "modules/profile/tree.h"

static const struct function a = { .kind = FUNCTION_USER, .object = "x", .name = "a" },
			     b = { .kind = FUNCTION_USER, .object = "x", .name = "b" },
			     other_b = { .kind = FUNCTION_USER, .object = "y", .name = "b" },
			     kernel_b = { .kind = FUNCTION_KERNEL, .object = "", .name = "b" };

static void add(struct tree *tree, uint64_t value, size_t count, const struct function *first,
		const struct function *second)
{
	const struct function *frames[] = { first, second };

	assert_ok(tree_add(tree, frames, count, value));
}

static void stacks_are_put_together(void **state)
{
	struct tree *tree = tree_new();
	const struct tree_node *node = tree_root(tree);

	add(tree, 3, 2, &b, &a);
	add(tree, 5, 2, &a, &b);
	add(tree, 7, 1, &a, NULL);
	add(tree, 11, 2, &a, &other_b); /* looks the same */
	add(tree, 13, 2, &a, &kernel_b);
	assert_ok(tree_sort(tree));
	assert_int_equal(node->total, 39);
	assert_int_equal(node->self, 0);
	node = tree_next(node);
	assert_ptr_equal(node->function, &a);
	assert_int_equal(node->total, 36);
	assert_int_equal(node->self, 7);
	node = tree_next(node);
	assert_string_equal(node->function->name, "b");
	assert_int_equal(node->function->kind, FUNCTION_USER);
	assert_int_equal(node->self, 16);
	assert_int_equal(node->depth, 2);
	node = tree_next(node);
	assert_int_equal(node->function->kind, FUNCTION_KERNEL);
	assert_int_equal(node->self, 13);
	node = tree_next(node);
	assert_ptr_equal(node->function, &b);
	assert_int_equal(node->depth, 1);
	node = tree_next(node);
	assert_int_equal(node->self, 3);
	assert_null(tree_next(node));
	tree_free(tree);
}

static void an_empty_tree(void **state)
{
	struct tree *tree = tree_new();

	assert_ok(tree_sort(tree));
	assert_null(tree_next(tree_root(tree)));
	tree_free(tree);
	assert_null(tree_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stacks_are_put_together),
		cmocka_unit_test(an_empty_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
