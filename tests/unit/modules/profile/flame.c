/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../unit.h"

#include <stdio.h>

#include "modules/profile/flame.h"

enum { DEPTH = 8, NAMES = 6 };

static struct function functions[NAMES];
static char names[NAMES][2];

static struct tree *random_tree(uint64_t *random)
{
	struct tree *tree = tree_new();

	for (size_t i = 0; i < NAMES; i++) {
		names[i][0] = (char)('a' + i);
		functions[i] =
			(struct function){ .kind = FUNCTION_USER, .object = "", .name = names[i] };
	}
	for (size_t i = 0; i < 200; i++) {
		const struct function *frames[DEPTH];
		size_t count = 1 + random_next(random) % DEPTH;

		for (size_t j = 0; j < count; j++)
			frames[j] = &functions[random_next(random) % NAMES];
		assert_ok(tree_add(tree, frames, count, 1 + random_next(random) % 1000));
	}
	assert_ok(tree_sort(tree));
	return tree;
}

/* Where the last box of each depth ended; and the box beneath. */
static struct {
	double ends[DEPTH + 1];
	struct flame_box below[DEPTH + 1];
	size_t boxes;
	double area; /* of the deepest boxes, counted by what ends in them */
} drawn;

static void check_box(void *context, const struct flame_box *box)
{
	size_t depth = box->node->depth;
	double slack = 1e-6;

	assert_true(box->width >= FLAME_NARROW);
	assert_true(box->x >= drawn.ends[depth] - slack); /* none overlaps */
	if (depth) {
		const struct flame_box *below = &drawn.below[depth - 1];

		assert_ptr_equal(box->node->parent, below->node);
		assert_true(box->x >= below->x - slack);
		assert_true(box->x + box->width <= below->x + below->width + slack);
	}
	drawn.ends[depth] = box->x + box->width;
	drawn.below[depth] = *box;
	drawn.boxes++;
	drawn.area += (double)box->node->self;
}

static void boxes_stand_on_each_other(void **state)
{
	uint64_t random = 1;

	for (size_t round = 0; round < 20; round++) {
		struct tree *tree = random_tree(&random);

		memset(&drawn, 0, sizeof(drawn));
		/* So wide that nothing is left out. */
		flame_layout(tree, 1e6, check_box, NULL);
		assert_true(drawn.boxes > 200);
		assert_float_equal(drawn.ends[0], 1e6, 1e-3);
		assert_float_equal(drawn.area, (double)tree_root(tree)->total, 0.5);
		tree_free(tree);
	}
}

static void nothing(void **state)
{
	struct tree *tree = tree_new();

	memset(&drawn, 0, sizeof(drawn));
	flame_layout(tree, 1000, check_box, NULL);
	assert_int_equal(drawn.boxes, 0);
	tree_free(tree);
}

static void check_xml(const char *text, const char *expected)
{
	char *written = NULL;
	size_t size;
	FILE *out = open_memstream(&written, &size);

	xml_write(text, out);
	fclose(out);
	assert_string_equal(written, expected);
	free(written);
}

static void text_in_xml(void **state)
{
	check_xml("operator<<", "operator&lt;&lt;");
	check_xml("]]></script><script>alert('1')</script>",
		  "]]&gt;&lt;/script&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;");
	check_xml("a\" onload=\"b()", "a&quot; onload=&quot;b()");
	check_xml("&amp;", "&amp;amp;");
	check_xml("a\1b\nc\x7f", "a?b?c?");
	check_xml("\xef\xbf\xbe \xef\xbf\xbf \xef\xbf\xbd", "? ? \xef\xbf\xbd");
	check_xml("\xc3\xa9", "\xc3\xa9");
}

static const char *value_text(uint64_t value, char buffer[32])
{
	snprintf(buffer, 32, "%llu samples", (unsigned long long)value);
	return buffer;
}

/* Names that would be markup or script are text, wherever they stand. */
static void a_file(void **state)
{
	static const struct function evil = { .kind = FUNCTION_USER,
					      .object = "",
					      .name = "<script>]]>&'\"</script>" };
	const struct function *frames[] = { &evil };
	const struct flame_text text = { .title = "<t>", .subtitle = "&s", .value = value_text };
	struct tree *tree = tree_new();
	char *written = NULL, *script;
	size_t size, scripts = 0;
	FILE *out = open_memstream(&written, &size);

	assert_ok(tree_add(tree, frames, 1, 12));
	flame_write(tree, &text, out);
	fclose(out);
	assert_non_null(strstr(written, ">&lt;t&gt;<"));
	assert_non_null(strstr(written, ">&amp;s<"));
	assert_non_null(strstr(written,
			       "<title>&lt;script&gt;]]&gt;&amp;&#39;&quot;&lt;/script&gt; "
			       "(12 samples, 100.00%)</title>"));
	for (script = written; (script = strstr(script, "<script")); script++)
		scripts++;
	assert_int_equal(scripts, 1);
	scripts = 0;
	for (script = written; (script = strstr(script, "]]>")); script++)
		scripts++;
	assert_int_equal(scripts, 1);
	tree_free(tree);
	free(written);
}

static void names_are_cut(void **state)
{
	static const struct function function = { .kind = FUNCTION_KERNEL,
						  .object = "",
						  .name = "\xc3\xa9t\xc3\xa9_abcdefghij" };
	const struct function *frames[] = { &function };
	const struct flame_text text = { .title = "", .subtitle = "", .value = value_text };
	struct tree *tree = tree_new();
	char *written = NULL;
	size_t size;
	FILE *out = open_memstream(&written, &size);

	/* 58 pixels: seven letters. */
	assert_ok(tree_add(tree, frames, 1, 58));
	assert_ok(tree_add(tree, frames, 0, FLAME_WIDTH - 58));
	flame_write(tree, &text, out);
	fclose(out);
	assert_non_null(strstr(written, ">\xc3\xa9t\xc3\xa9_a..</text>"));
	tree_free(tree);
	free(written);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boxes_stand_on_each_other),
		cmocka_unit_test(nothing),
		cmocka_unit_test(text_in_xml),
		cmocka_unit_test(a_file),
		cmocka_unit_test(names_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
