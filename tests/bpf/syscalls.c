/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The system call monitor by every rung of its ladder: each counts the same. */
#include "../unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "core/ladder.h"
#include "modules/syscalls/watcher.h"
#include "observe/call_abi.h"

enum {
	TIMES = 321,
	NO_SUCH_CALL = 600,
	I386_GETPPID = 64,
	I386_CLOSE = 6,
	ERESTARTNOHAND = 514,
	CHILDREN = 1000
};

#define HIGH_ADDRESS (-(1LL << 32))

static int memory; /* our own, as a file */

static const enum hook hooks[] = { HOOK_TP_BTF, HOOK_RAW_TP, HOOK_TRACEPOINT };

static const struct {
	bool errors, latency, failed;
} modes[] = {
	{ false, false, false }, { true, false, false }, { false, true, false },
	{ true, true, false },   { false, false, true },
};

static void call_i386(long number, long argument)
{
#if defined(__x86_64__)
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(argument)
			 : "memory", "r8", "r9", "r10", "r11");
#endif
}

static void do_nothing(int signal)
{
}

/* What the sigreturn leaves behind looks like the error of a call, and is none of its own. */
static void be_interrupted(void)
{
	sigset_t blocked, before;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	syscall(SYS_tkill, syscall(SYS_gettid), SIGUSR1);
	sigsuspend(&before);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static void make_calls(void)
{
	signal(SIGUSR1, do_nothing);
	for (int i = 0; i < TIMES; i++) {
		syscall(SYS_getppid);
		syscall(SYS_close, -1);
		syscall(NO_SUCH_CALL);
		syscall(-1L);
		call_i386(I386_GETPPID, 0);
		call_i386(I386_CLOSE, -1);
		be_interrupted();
		/* Negative, but an address. */
		syscall(SYS_lseek, memory, HIGH_ADDRESS, SEEK_SET);
	}
	signal(SIGUSR1, SIG_DFL);
}

static const struct view_row *find(const struct view *view, unsigned call)
{
	static const struct view_row none;

	for (size_t i = 0; i < view->count; i++)
		if (view->rows[i].call == call)
			return &view->rows[i];
	return &none;
}

static void check_call(const struct view *view, size_t mode, unsigned call, unsigned error)
{
	const struct view_row *row = find(view, call);
	bool told = error && (modes[mode].errors || modes[mode].failed);

	assert_int_equal(row->calls, modes[mode].failed && !error ? 0 : TIMES);
	assert_int_equal(row->errors, told ? TIMES : 0);
	assert_int_equal(row->kind_count, told);
	if (told)
		assert_int_equal(row->kinds[0].error, error);
	assert_int_equal(row->latency.returned, modes[mode].latency ? TIMES : 0);
}

static void check_view(const struct view *view, size_t mode)
{
	check_call(view, mode, SYS_getppid, 0);
	check_call(view, mode, SYS_close, EBADF);
	check_call(view, mode, NO_SUCH_CALL, ENOSYS);
	check_call(view, mode, SYS_rt_sigreturn, 0);
	check_call(view, mode, SYS_tkill, 0);
	check_call(view, mode, SYS_rt_sigsuspend, ERESTARTNOHAND);
	check_call(view, mode, SYS_lseek, 0);
	check_call(view, mode, CALL_UNKNOWN, ENOSYS);
#if defined(__x86_64__)
	check_call(view, mode, CALL_COMPAT << CALL_ABI_SHIFT | I386_GETPPID, 0);
	check_call(view, mode, CALL_COMPAT << CALL_ABI_SHIFT | I386_CLOSE, EBADF);
#endif
}

/* This process alone, by one hook and no other. */
static void count(size_t hook, size_t mode)
{
	struct monitor_options options = { .self = true,
					   .errors = modes[mode].errors,
					   .latency = modes[mode].latency,
					   .failed = modes[mode].failed,
					   .avoided = ~(1U << hooks[hook]) };
	struct watcher watcher = WATCHER_NONE;
	CLEANUP_VIEW struct view view = VIEW_NONE;
	struct call_ledger ledger;
	struct report report;
	struct error error = { "" };

	options.selection.follow = true;
	assert_row(watcher_start(&options, 0, &watcher, &error) == 0, error.text);
	assert_ok(monitor_follow_me(watcher.monitor));
	make_calls();
	assert_ok(watcher_report(&watcher, BY_CALL, SPAN_ALL, &view, NULL, &ledger, &report));
	print_message("# %s, mode %zu\n", watcher.show.hooks, mode);
	check_view(&view, mode);
	assert_int_equal(ledger.seen, ledger.counted + ledger.unknown + ledger.filtered);
	assert_int_equal(ledger.missed, 0);
	watcher_stop(&watcher);
	watcher_stop(&watcher); /* is fine */
}

static void every_rung_counts_the_same(void **state)
{
	for (size_t hook = 0; hook < ARRAY_SIZE(hooks); hook++)
		for (size_t mode = 0; mode < ARRAY_SIZE(modes); mode++)
			count(hook, mode);
}

static void without_a_rung_it_says_so(void **state)
{
	const struct monitor_options options = { .avoided = ~0U };
	struct error error = { "" };

	assert_null(monitor_new(&options, &error));
	assert_error_contains(&error, "system calls cannot be looked at here");
}

/* Processes that end while somebody else is looked at leave nothing. */
static void who_is_left_out_is_not_counted(void **state)
{
	const struct monitor_options options = { .errors = true };
	CLEANUP_VIEW struct view view = VIEW_NONE;
	struct watcher watcher = WATCHER_NONE;
	struct call_ledger ledger;
	struct report report;
	struct error error = { "" };

	assert_row(watcher_start(&options, 0, &watcher, &error) == 0, error.text);
	make_calls();
	assert_ok(watcher_report(&watcher, BY_PROCESS, SPAN_ALL, &view, NULL, &ledger, &report));
	for (size_t i = 0; i < view.count; i++)
		assert_int_not_equal(view.rows[i].owner->tgid, getpid());
	assert_true(ledger.filtered >= 6 * TIMES);
	watcher_stop(&watcher);
}

/* More processes than have room: none of their calls is lost. */
static void a_table_that_is_full_loses_nothing(void **state)
{
	struct monitor_options options = {
		.self = true, .errors = true, .latency = true, .rows = CALL_ROWS_LEAST
	};
	CLEANUP_VIEW struct view view = VIEW_NONE;
	struct watcher watcher = WATCHER_NONE;
	struct call_ledger ledger;
	struct report report;
	struct error error = { "" };

	options.selection.follow = true;
	assert_row(watcher_start(&options, 0, &watcher, &error) == 0, error.text);
	assert_ok(monitor_follow_me(watcher.monitor));
	for (int i = 0; i < CHILDREN; i++) {
		pid_t child = fork();

		if (!child) {
			syscall(SYS_getppid);
			syscall(SYS_close, -1);
			_exit(0);
		}
		assert_int_equal(waitpid(child, NULL, 0), child);
	}
	assert_ok(watcher_report(&watcher, BY_CALL, SPAN_ALL, &view, NULL, &ledger, &report));
	assert_true(ledger.unknown > 0);
	assert_int_equal(ledger.seen, ledger.counted + ledger.unknown + ledger.filtered);
	assert_int_equal(find(&view, SYS_getppid)->calls, CHILDREN);
	assert_int_equal(find(&view, SYS_close)->calls, CHILDREN);
	assert_int_equal(find(&view, SYS_close)->errors, CHILDREN);
	watcher_stop(&watcher);
}

/* Two tables for each CPU, and what stands beside them. */
static void memory_is_bounded(void **state)
{
	static const uint32_t cpus[] = { 1, 2, 16, 64, 256 };

	for (size_t i = 0; i < ARRAY_SIZE(cpus); i++)
		for (int latency = 0; latency < 2; latency++) {
			uint32_t rows = monitor_rows(cpus[i], latency);
			size_t row = sizeof(struct call_row) +
				     sizeof(struct process_row) / CALL_ROWS_EACH +
				     (latency ? sizeof(struct call_latency) : 0);

			print_message("# %u CPUs%s: %u rows, %.1f MiB\n", cpus[i],
				      latency ? ", latency" : "", rows,
				      2.0 * cpus[i] * rows * (double)row / (1 << 20));
			assert_int_equal(rows & (rows - 1), 0);
			assert_in_range(rows, CALL_ROWS_LEAST, CALL_ROWS_MOST);
			assert_true(2 * cpus[i] * rows * row <= 64 << 20);
		}
	assert_int_equal(monitor_rows(2, true), CALL_ROWS_MOST);
	assert_true(monitor_rows(256, false) < CALL_ROWS_MOST);
	assert_true(monitor_rows(256, true) < monitor_rows(256, false));
	assert_int_equal(monitor_rows(UINT16_MAX, true), CALL_ROWS_LEAST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rung_counts_the_same),
		cmocka_unit_test(without_a_rung_it_says_so),
		cmocka_unit_test(who_is_left_out_is_not_counted),
		cmocka_unit_test(a_table_that_is_full_loses_nothing),
		cmocka_unit_test(memory_is_bounded),
	};

	if (geteuid() != 0) {
		fprintf(stderr, "syscalls: cannot run: not root\n");
		return 77;
	}
	memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	libbpf_set_print(NULL); /* it complains of what is expected */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
