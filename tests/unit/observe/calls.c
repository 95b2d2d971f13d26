// SPDX-License-Identifier: GPL-2.0-or-later
#include "../unit.h"

#include <stdio.h>
#include <sys/syscall.h>

#include "observe/call_numbers.h"
#include "observe/calls.h"

struct known {
	const char *name;
	enum call_abi abi;
	uint32_t number;
};

static void assert_both_ways(const struct known *known)
{
	enum call_abi abi = CALL_ABIS;
	uint32_t number = UINT32_MAX;
	char name[CALL_NAME];

	assert_row(call_find(known->name, &abi, &number, NULL) == 0, known->name);
	assert_row(abi == known->abi, known->name);
	assert_row(number == known->number, known->name);
	assert_string_equal(call_name(abi, number, name), known->name);
}

static void numbers_that_will_never_change(void **state)
{
	static const struct known rows[] = {
#ifdef __x86_64__
		{ "read", CALL_NATIVE, 0 },
		{ "open", CALL_NATIVE, 2 },
		{ "pread64", CALL_NATIVE, 17 },
		{ "newfstatat", CALL_NATIVE, 262 },
		{ "i386:restart_syscall", CALL_COMPAT, 0 },
		{ "i386:exit", CALL_COMPAT, 1 },
		{ "i386:read", CALL_COMPAT, 3 },
		{ "i386:open", CALL_COMPAT, 5 },
		{ "i386:waitpid", CALL_COMPAT, 7 },
		{ "i386:socketcall", CALL_COMPAT, 102 },
		{ "i386:_llseek", CALL_COMPAT, 140 },
		{ "i386:mmap2", CALL_COMPAT, 192 },
		{ "i386:stat64", CALL_COMPAT, 195 },
		{ "i386:openat", CALL_COMPAT, 295 },
		{ "i386:clock_gettime64", CALL_COMPAT, 403 },
		{ "x32:read", CALL_X32, 0 },
		{ "x32:rt_sigaction", CALL_X32, 512 },
		{ "x32:execve", CALL_X32, 520 },
		{ "x32:pwritev2", CALL_X32, 547 },
#elif defined(__aarch64__)
		{ "io_setup", CALL_NATIVE, 0 },  { "lseek", CALL_NATIVE, 62 },
		{ "read", CALL_NATIVE, 63 },     { "newfstatat", CALL_NATIVE, 79 },
		{ "mmap", CALL_NATIVE, 222 },
#endif
		{ "openat2", CALL_NATIVE, 437 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_both_ways(&rows[i]);
}

/* They are glibc's own list, and the compiler says the number of each. */
static void every_call_of_the_library_is_found(void **state)
{
	static const struct known rows[] = {
#define SYSTEM_CALL(name) { #name, CALL_NATIVE, SYS_##name },
#define SYSTEM_ERROR(name)
#include "system_names.h"
	};

	assert_true(ARRAY_SIZE(rows) > 300);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_both_ways(&rows[i]);
}

/* With a name or without; of arm there may be no names. */
static void every_number_finds_itself(void **state)
{
	int named[CALL_ABIS] = { 0 };

#ifdef __x86_64__
	for (int abi = 0; abi < CALL_ABIS; abi++) {
#else
	for (int abi = 0; abi < CALL_X32; abi++) {
#endif
		for (uint32_t number = 0; number < CALL_NUMBERS + 2; number++) {
			char name[CALL_NAME];

			call_name(abi, number, name);
			named[abi] += !strchr(name, '#');
			assert_both_ways(&(struct known){ name, abi, number });
		}
	}
	assert_true(named[CALL_NATIVE] > 300);
#ifdef __x86_64__
	assert_true(named[CALL_COMPAT] > 400);
	assert_true(named[CALL_X32] > 300);
#endif
}

static void calls_without_a_name(void **state)
{
	const char *compat = NATIVE_NR_openat == 257 ? "i386:" : "arm:";
	char name[CALL_NAME], text[CALL_NAME];
	enum call_abi abi;
	uint32_t number;

	assert_string_equal(call_name(CALL_NATIVE, 600, name), "#600");
	assert_string_equal(call_name(CALL_NATIVE, UINT32_MAX, name), "#4294967295");
	snprintf(text, sizeof(text), "%s#600", compat);
	assert_string_equal(call_name(CALL_COMPAT, 600, name), text);
	assert_ok(call_find("#63", &abi, &number, NULL));
	assert_int_equal(abi, CALL_NATIVE);
	assert_int_equal(number, 63);
	assert_ok(call_find("257", &abi, &number, NULL));
	assert_int_equal(abi, CALL_NATIVE);
	assert_int_equal(number, 257);
	snprintf(text, sizeof(text), "%s5", compat);
	assert_ok(call_find(text, &abi, &number, NULL));
	assert_int_equal(abi, CALL_COMPAT);
	assert_int_equal(number, 5);
}

static void what_is_no_call_is_refused(void **state)
{
	static const struct {
		const char *name;
		int code;
		const char *part;
	} rows[] = {
		{ "", -ENOENT, "no system call ''" },
		{ "raed", -ENOENT, "meant is read?" },
		{ "pread", -ENOENT, "'pread'; meant is pread64?" },
		{ "READ", -ENOENT, "no system call 'READ'" },
		{ "xyzzyplugh", -ENOENT, "goes by its number, as #450" },
		{ "syscalls", -ENOENT, "no system call 'syscalls'" },
		{ "arch_specific_syscall", -ENOENT, "no system call" },
		{ "mips:read", -ENOENT, "'mips:read': there is no such ABI here" },
		{ ":read", -ENOENT, "no such ABI" },
		{ "#", -EINVAL, "not a number" },
		{ "#-1", -EINVAL, "'#-1': not a number" },
		{ "#4294967296", -EINVAL, "not a number" },
		{ "#1x", -EINVAL, "not a number" },
		{ "1x", -EINVAL, "'1x': not a number" },
		{ "007", -EINVAL, "not a number" },
#ifdef __x86_64__
		{ "socketcall", -ENOENT, "'socketcall'; meant is i386:socketcall?" },
		{ "i386:arch_prtcl", -ENOENT, "'i386:arch_prtcl'; meant is i386:arch_prctl?" },
		{ "i386:newfstatat", -ENOENT, "meant is newfstatat?" },
#else
		{ "x32:read", -ENOENT, "no such ABI" },
		{ "x32:#1", -ENOENT, "no such ABI" },
#endif
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum call_abi abi = CALL_ABIS;
		uint32_t number = 4711;
		struct error error = {};

		assert_row(call_find(rows[i].name, &abi, &number, &error) == rows[i].code,
			   rows[i].name);
		assert_error_contains(&error, rows[i].part);
		assert_int_equal(abi, CALL_ABIS);
		assert_int_equal(number, 4711);
	}
}

/* Longer than any name and any buffer. */
static void long_names_are_refused(void **state)
{
	struct error error = {};
	enum call_abi abi;
	uint32_t number;
	char name[2000];

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(call_find(name, &abi, &number, &error), -ENOENT);
	assert_error_contains(&error, "aaa");
}

/* What the kernel side compiles in is what user space knows by name. */
static void constants_of_the_kernel_side(void **state)
{
	assert_int_equal(NATIVE_NR_openat, SYS_openat);
	assert_int_equal(NATIVE_NR_openat2, SYS_openat2);
	assert_int_equal(NATIVE_NR_open_by_handle_at, SYS_open_by_handle_at);
	assert_int_equal(NATIVE_NR_exit, SYS_exit);
	assert_int_equal(NATIVE_NR_exit_group, SYS_exit_group);
	assert_int_equal(NATIVE_NR_execve, SYS_execve);
	assert_int_equal(NATIVE_NR_execveat, SYS_execveat);
	assert_int_equal(NATIVE_NR_rt_sigreturn, SYS_rt_sigreturn);
#ifdef __x86_64__
	assert_int_equal(NATIVE_NR_open, SYS_open);
	assert_int_equal(NATIVE_NR_creat, SYS_creat);
	assert_int_equal(COMPAT_NR_open, 5);
	assert_int_equal(COMPAT_NR_creat, 8);
	assert_int_equal(COMPAT_NR_openat, 295);
	assert_int_equal(COMPAT_NR_openat2, 437);
	assert_int_equal(COMPAT_NR_open_by_handle_at, 342);
	assert_int_equal(COMPAT_NR_exit, 1);
	assert_int_equal(COMPAT_NR_exit_group, 252);
	assert_int_equal(COMPAT_NR_execve, 11);
	assert_int_equal(COMPAT_NR_execveat, 358);
	assert_int_equal(COMPAT_NR_rt_sigreturn, 173);
	assert_int_equal(COMPAT_NR_sigreturn, 119);
	assert_int_equal(X32_NR_open, SYS_open);
	assert_int_equal(X32_NR_openat, SYS_openat);
	assert_int_equal(X32_NR_exit_group, SYS_exit_group);
	assert_int_equal(X32_NR_execve, 520);
	assert_int_equal(X32_NR_execveat, 545);
	assert_int_equal(X32_NR_rt_sigreturn, 513);
#endif
#if defined(NATIVE_NR_sigreturn) || defined(X32_NR_sigreturn)
	fail_msg("only 32-bit machines have sigreturn");
#endif
}

static void whole_numbers_have_names(void **state)
{
	char name[CALL_NAME], expected[CALL_NAME];

	assert_string_equal(name_call(SYS_openat, name), "openat");
	assert_string_equal(name_call(600, name), "#600");
	assert_string_equal(name_call(CALL_UNKNOWN, name), "(no such call)");
	assert_string_equal(name_call(CALL_COMPAT << CALL_NUMBER_BITS | CALL_UNKNOWN, name),
			    "(no such call)");
	assert_string_equal(name_call(CALL_COMPAT << CALL_NUMBER_BITS | 3, name),
			    call_name(CALL_COMPAT, 3, expected));
	assert_non_null(strchr(name, ':'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_that_will_never_change),
		cmocka_unit_test(every_call_of_the_library_is_found),
		cmocka_unit_test(every_number_finds_itself),
		cmocka_unit_test(calls_without_a_name),
		cmocka_unit_test(what_is_no_call_is_refused),
		cmocka_unit_test(long_names_are_refused),
		cmocka_unit_test(constants_of_the_kernel_side),
		cmocka_unit_test(whole_numbers_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
