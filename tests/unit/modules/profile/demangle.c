/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../unit.h"

#include <stdio.h>

#include "modules/profile/demangle.h"

static void names(void **state)
{
	static const struct {
		const char *name, *plain;
	} rows[] = {
		{ "main", "main" },
		{ "_start", "_start" },
		{ "", "" },
		{ "_ZN3foo3barEi", "foo::bar" },
		{ "_ZNSt6vectorIiSaIiEE9push_backERKi",
		  "std::vector<int, std::allocator<int> >::push_back" },
		{ "_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE",
		  "core::fmt::Write::write_fmt" },
		{ "_RNvCs15kBYyAo9fc_7mycrate7example", "mycrate::example" },
		{ "_Z", "_Z" },
		{ "_Zgarbage", "_Zgarbage" },
		{ "_R", "_R" },
		{ "_R9", "_R9" },
	};
	char plain[DEMANGLED_TEXT];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(demangle(rows[i].name, plain), rows[i].plain);
}

/* Each substitution stands for twice the one before: written out, more than memory holds. */
static void a_name_that_would_never_end(void **state)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char name[1024] = "_Z1fI1aIiiE", plain[DEMANGLED_TEXT];

	for (const char *digit = digits; *digit; digit++) {
		char part[32];

		snprintf(part, sizeof(part), "S0_IS%c_S%c_E", *digit, *digit);
		strcat(name, part);
	}
	strcat(name, "EvT_");
	assert_string_equal(demangle(name, plain), name);
}

static void long_names(void **state)
{
	char name[3 * DEMANGLED_TEXT], plain[DEMANGLED_TEXT];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	demangle(name, plain);
	assert_int_equal(strlen(plain), DEMANGLED_TEXT - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(a_name_that_would_never_end),
		cmocka_unit_test(long_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
