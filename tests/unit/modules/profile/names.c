/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where names come from: /proc/kallsyms, /proc/PID/maps, what JITs write; and how they are kept. */
#include "../../unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "modules/profile/functions.h"
#include "modules/profile/jit.h"
#include "modules/profile/kernel_symbols.h"
#include "modules/profile/maps.h"

static FILE *file_of(const char *text)
{
	FILE *file = tmpfile();

	fputs(text, file);
	rewind(file);
	return file;
}

static void kernel(void **state)
{
	FILE *file = file_of("0000000000000000 A fixed_percpu_data\n"
			     "ffffffff81000100 T second\n"
			     "ffffffff81000000 T _stext\n"
			     "ffffffff81000000 T first_too\n"
			     "ffffffff81000180 d data\n"
			     "ffffffffc0401000 t of_module\t[xfs]\n");
	struct kernel_symbols *symbols = kernel_symbols_read(file);

	assert_false(kernel_symbols_hidden(symbols));
	assert_null(kernel_symbols_find(symbols, 0xffffffff80ffffff));
	assert_string_equal(kernel_symbols_find(symbols, 0xffffffff81000000), "_stext");
	assert_string_equal(kernel_symbols_find(symbols, 0xffffffff810000ff), "_stext");
	assert_string_equal(kernel_symbols_find(symbols, 0xffffffff81000100), "second");
	assert_string_equal(kernel_symbols_find(symbols, 0xffffffff81000190), "second");
	assert_string_equal(kernel_symbols_find(symbols, ~0ULL), "of_module");
	kernel_symbols_free(symbols);
	fclose(file);
}

static void hidden_kernel(void **state)
{
	FILE *file = file_of("0000000000000000 T _stext\n0000000000000000 t other\n");
	struct kernel_symbols *symbols = kernel_symbols_read(file);

	assert_true(kernel_symbols_hidden(symbols));
	assert_null(kernel_symbols_find(symbols, 0xffffffff81000000));
	kernel_symbols_free(symbols);
	assert_null(kernel_symbols_free(NULL));
	fclose(file);
}

static void map_lines(void **state)
{
	char file[] = "7f00-8f00 r-xp 00001000 fe:01 1234   /usr/lib/a b (deleted)\n";
	char anonymous[] = "8f00-9f00 rwxp 00000000 00:00 0 \n", vdso[] = "1-2 r-xp 0 0:0 0 [vdso]";
	char empty[] = "2-2 r-xp 0 0:0 0 ", other[] = "VmFlags: rd ex", name[8];
	struct map_line line;

	assert_true(map_line_is_code(file));
	assert_true(map_line_is_code(anonymous));
	assert_false(map_line_is_code("7f00-8f00 rw-p 00001000 fe:01 1234   /usr/lib/x x\n"));
	assert_false(map_line_is_code("1-2 "));
	assert_false(map_line_is_code(""));
	assert_true(map_line_parse(file, &line));
	assert_int_equal(line.start, 0x7f00);
	assert_int_equal(line.end, 0x8f00);
	assert_int_equal(line.offset, 0x1000);
	assert_int_equal(line.device, makedev(0xfe, 1));
	assert_int_equal(line.inode, 1234);
	assert_string_equal(line.path, "/usr/lib/a b (deleted)");
	map_path_name(line.path, name, sizeof(name));
	assert_string_equal(name, "a b (de"); /* cut, before what is looked for at its end */
	assert_true(map_line_parse(anonymous, &line));
	assert_string_equal(line.path, "");
	assert_true(map_line_parse(vdso, &line));
	assert_string_equal(line.path, "[vdso]");
	assert_false(map_line_parse(empty, &line));
	assert_false(map_line_parse(other, &line));
}

static void path_names(void **state)
{
	char name[64];

	map_path_name("/usr/bin/x (deleted)", name, sizeof(name));
	assert_string_equal(name, "x");
	map_path_name("/memfd:jit (deleted)", name, sizeof(name));
	assert_string_equal(name, "memfd:jit");
	map_path_name("[vdso]", name, sizeof(name));
	assert_string_equal(name, "[vdso]");
}

static void jits(void **state)
{
	FILE *file = file_of("1000 10 old\n2000 20 Interpreter::run <a b>\nrubbish\n3000\n"
			     "1000 8 new\n4000 10 \n");
	uint64_t left = 1000;
	struct jit *jit = jit_read(file, &left);

	assert_null(jit_find(jit, 0xfff));
	assert_string_equal(jit_find(jit, 0x1007), "new");
	assert_string_equal(jit_find(jit, 0x1008), "old");
	assert_null(jit_find(jit, 0x1010));
	assert_string_equal(jit_find(jit, 0x201f), "Interpreter::run <a b>");
	assert_null(jit_find(jit, 0x4000));
	assert_true(left < 1000 - 60);
	jit_free(jit);
	fclose(file);
}

/* Made by whoever wants to be in the way. */
static void hostile_jits(void **state)
{
	FILE *file = tmpfile();
	uint64_t left = 1 << 20;
	struct jit *jit;

	fprintf(file, "1000 10 %02000d\n2000 10 within\n3000 10 beyond what is read\n", 1);
	fflush(file);
	assert_int_equal(ftruncate(fileno(file), 1LL << 40), 0);
	rewind(file);
	jit = jit_read(file, &left);
	assert_int_equal(strlen(jit_find(jit, 0x1000)), 511 - strlen("1000 10 "));
	assert_string_equal(jit_find(jit, 0x3000), "beyond what is read");
	assert_true(left > (1 << 20) - 3000); /* the hole was not */
	jit_free(jit);
	rewind(file);
	left = 2040;
	jit = jit_read(file, &left);
	assert_string_equal(jit_find(jit, 0x2000), "within");
	assert_null(jit_find(jit, 0x3000));
	assert_int_equal(left, 0);
	jit_free(jit);
	fclose(file);
}

static void functions(void **state)
{
	struct functions *functions = functions_new();
	const struct function *function =
		functions_find(functions, FUNCTION_USER, "libx.so", "_ZN3foo3barEi");

	assert_string_equal(function->name, "foo::bar");
	assert_ptr_equal(functions_find(functions, FUNCTION_USER, "libx.so", "_ZN3foo3barEi"),
			 function);
	assert_ptr_not_equal(functions_find(functions, FUNCTION_USER, "liby.so", "_ZN3foo3barEi"),
			     function);
	assert_ptr_not_equal(functions_find(functions, FUNCTION_JIT, "libx.so", "_ZN3foo3barEi"),
			     function);
	assert_string_equal(functions_find(functions, FUNCTION_LABEL, "", "_ZN3foo3barEi")->name,
			    "_ZN3foo3barEi");
	assert_string_equal(functions_find(functions, FUNCTION_USER, "", "a\033[31m\n")->name,
			    "a\\x1b[31m\\x0a");
	function = functions_unknown(functions, FUNCTION_USER, "lib\nx.so", 0x123);
	assert_string_equal(function->name, "[unknown in lib\\x0ax.so+0x123]");
	assert_true(function->unknown);
	assert_string_equal(functions_unknown(functions, FUNCTION_USER, "", 5)->name, "[unknown]");
	functions_free(functions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel),    cmocka_unit_test(hidden_kernel),
		cmocka_unit_test(map_lines), cmocka_unit_test(path_names),
		cmocka_unit_test(jits),      cmocka_unit_test(hostile_jits),
		cmocka_unit_test(functions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
