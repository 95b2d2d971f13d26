/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../unit.h"

#include <stdio.h>

#include "core/kallsyms.h"

static int resolve(const char *table, const char *name, char ret_symbol[SYMBOL_NAME])
{
	CLEANUP_FCLOSE FILE *file = fmemopen((void *)table, strlen(table), "r");

	return kallsyms_resolve_in(file, name, ret_symbol);
}

static void names_as_the_compiler_left_them(void **state)
{
	static const struct {
		const char *table, *symbol;
	} rows[] = {
		{ "ffffffff813a2200 t work\n", "work" },
		{ "0000000000000000 T work\n", "work" }, /* addresses hidden */
		{ "1 t work.isra.0\n", "work.isra.0" },
		{ "1 t work.constprop.12\n", "work.constprop.12" },
		{ "1 t work.part.0\n", "work.part.0" },
		{ "1 t work.isra.0.constprop.0\n", "work.isra.0.constprop.0" },
		{ "1 t work.llvm.12345678901234567\n", "work.llvm.12345678901234567" },
		/* The unlikely end of a function is not the function, wherever it stands. */
		{ "1 t work.cold\n2 t work.isra.3\n", "work.isra.3" },
		{ "1 t work.isra.0.cold\n2 t work\n", "work" },
		/* The name itself beats what was made of it. */
		{ "1 t work.part.0\n2 t work\n", "work" },
		{ "1 t work.part.0\n2 t work.part.1\n", "work.part.0" },
		{ "1 t __pfx_work\n1 t workers\n1 t wor\n2 T work\t[module]\n", "work" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char symbol[SYMBOL_NAME] = "";

		assert_row(resolve(rows[i].table, "work", symbol) == 0, rows[i].table);
		assert_row(strcmp(symbol, rows[i].symbol) == 0, symbol);
	}
}

static void what_is_no_such_function(void **state)
{
	static const char *const tables[] = {
		"\n",
		"1 t work.cold\n",
		"1 t work.isra.0.cold\n",
		"1 t work.isra.\n",
		"1 t work.isra.x\n",
		"1 t work.\n",
		"1 t work_more\n",
		"1 t my_work\n",
		"1 d work\n", /* data */
		"1 r work\n",
		"zz t work\n",
		"1 t\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		char symbol[SYMBOL_NAME] = "as before";

		assert_row(resolve(tables[i], "work", symbol) == -ENOENT, tables[i]);
		assert_string_equal(symbol, "as before");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_as_the_compiler_left_them),
		cmocka_unit_test(what_is_no_such_function),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
