// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes exactly known system calls: what test_syscalls.py holds the monitor against. Compiled
 * there. Prints what it made as JSON: {"name": {"calls": N, "errors": {"NAME": N}}}; only calls
 * that a C library does not make beside.
 *
 *   syscalls_truth SCENARIO COUNT [ARGUMENT...]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 3, X32_BIT = 0x40000000 };

static long count;
static char **rest;

static char name_of_system[1024], directory[4096];

static const struct {
	const char *name;
	long number;
	const char *error; /* NULL: none */
	long arguments[4];
} calls[] = {
	{ "getppid", SYS_getppid, NULL, { 0 } },
	{ "getuid", SYS_getuid, NULL, { 0 } },
	{ "geteuid", SYS_geteuid, NULL, { 0 } },
	{ "getgid", SYS_getgid, NULL, { 0 } },
	{ "getegid", SYS_getegid, NULL, { 0 } },
	{ "getpgid", SYS_getpgid, NULL, { 0 } },
	{ "getsid", SYS_getsid, NULL, { 0 } },
	{ "getpriority", SYS_getpriority, NULL, { 0 } },
	{ "sched_yield", SYS_sched_yield, NULL, { 0 } },
	{ "umask", SYS_umask, NULL, { 022 } },
	{ "times", SYS_times, NULL, { 0 } },
	{ "personality", SYS_personality, NULL, { 0xffffffff } },
	{ "sync_file_range", SYS_sync_file_range, "EBADF", { -1 } },
	{ "uname", SYS_uname, NULL, { (long)name_of_system } },
	{ "uname", SYS_uname, "EFAULT", { 1 } },
	{ "getcwd", SYS_getcwd, NULL, { (long)directory, sizeof(directory) } },
	{ "getcwd", SYS_getcwd, "ERANGE", { (long)directory, 1 } },
	{ "close", SYS_close, "EBADF", { -1 } },
	{ "lseek", SYS_lseek, "EBADF", { -1 } },
	{ "dup", SYS_dup, "EBADF", { -1 } },
	{ "fsync", SYS_fsync, "EBADF", { -1 } },
	{ "ftruncate", SYS_ftruncate, "EBADF", { -1 } },
	{ "getdents64", SYS_getdents64, "EBADF", { -1 } },
	{ "openat", SYS_openat, "ENOENT", { AT_FDCWD, (long)"/nonexistent/file" } },
	{ "openat", SYS_openat, "EFAULT", { AT_FDCWD, 1 } },
	{ "openat", SYS_openat, "EISDIR", { AT_FDCWD, (long)"/", O_WRONLY } },
	{ "openat", SYS_openat, "ENOTDIR", { AT_FDCWD, (long)"/dev/null/file" } },
	{ "faccessat", SYS_faccessat, "ENOENT", { AT_FDCWD, (long)"/nonexistent/file" } },
	{ "mkdirat", SYS_mkdirat, "EEXIST", { AT_FDCWD, (long)"/" } },
	{ "mkdirat", SYS_mkdirat, "ENOENT", { AT_FDCWD, (long)"/nonexistent/directory" } },
	{ "unlinkat", SYS_unlinkat, "ENOENT", { AT_FDCWD, (long)"/nonexistent/file" } },
	{ "unlinkat", SYS_unlinkat, "EINVAL", { AT_FDCWD, (long)"/nonexistent", -1 } },
	{ "chdir", SYS_chdir, "ENOENT", { (long)"/nonexistent" } },
	{ "fchdir", SYS_fchdir, "EBADF", { -1 } },
	{ "kill", SYS_kill, "ESRCH", { 0x7fffffff } },
	{ "kill", SYS_kill, "EINVAL", { 0, 65 } },
	{ "wait4", SYS_wait4, "ECHILD", { -1 } },
	{ "socket", SYS_socket, "EAFNOSUPPORT", { 1000 } },
	{ "bind", SYS_bind, "EBADF", { -1 } },
	{ "ioctl", SYS_ioctl, "EBADF", { -1 } },
	{ "pipe2", SYS_pipe2, "EINVAL", { (long)directory, -1 } },
	{ "eventfd2", SYS_eventfd2, "EINVAL", { 0, -1 } },
	{ "epoll_create1", SYS_epoll_create1, "EINVAL", { -1 } },
	{ "inotify_init1", SYS_inotify_init1, "EINVAL", { -1 } },
	{ "signalfd4", SYS_signalfd4, "EINVAL", { -1, 0, 0, -1 } },
	{ "mlock", SYS_mlock, "ENOMEM", { 4096, 4096 } },
	{ "msync", SYS_msync, "EINVAL", { 1, 1 } },
	{ "mincore", SYS_mincore, "EINVAL", { 1, 1 } },
	{ "setns", SYS_setns, "EBADF", { -1 } },
	{ "unshare", SYS_unshare, "EINVAL", { 1 } },
	{ "setpgid", SYS_setpgid, "ESRCH", { 0x7fffffff } },
	{ "timer_delete", SYS_timer_delete, "EINVAL", { 0x7fffffff } },
	{ "shmdt", SYS_shmdt, "EINVAL", { 1 } },
	{ "sched_setscheduler", SYS_sched_setscheduler, "EINVAL", { 0, -1 } },
	{ "clock_gettime", SYS_clock_gettime, "EINVAL", { 100 } },
	{ "sched_getparam", SYS_sched_getparam, "EINVAL", { 0 } },
	{ "io_destroy", SYS_io_destroy, "EINVAL", { 0 } },
	{ "#600", 600, "ENOSYS", { 0 } },
	{ "(no such call)", 5000, "ENOSYS", { 0 } },
#if defined(__x86_64__)
	{ "x32:getppid", X32_BIT | SYS_getppid, "ENOSYS", { 0 } },
	{ "x32:#900", X32_BIT | 900, "ENOSYS", { 0 } },
#endif
};
enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

static void make_call(size_t i)
{
	const long *a = calls[i].arguments;

	syscall(calls[i].number, a[0], a[1], a[2], a[3]);
}

static void check_calls(void)
{
	for (size_t i = 0; i < CALLS; i++) {
		const long *a = calls[i].arguments;
		long result = syscall(calls[i].number, a[0], a[1], a[2], a[3]);
		const char *error = result == -1 ? strerrorname_np(errno) : NULL;

		if (!error != !calls[i].error || (error && strcmp(error, calls[i].error) != 0)) {
			fprintf(stderr, "%s: %s\n", calls[i].name, error ? error : "no error");
			exit(1);
		}
	}
}

static void *make_calls(void *unused)
{
	for (long n = 0; n < count; n++)
		for (size_t i = 0; i < CALLS; i++)
			make_call(i);
	return NULL;
}

/* All rows of a name are one entry; they follow each other. */
static void print_calls(long times)
{
	printf("{");
	for (size_t i = 0; i < CALLS;) {
		const char *name = calls[i].name, *part = "";
		size_t last = i;

		while (last < CALLS && strcmp(calls[last].name, name) == 0)
			last++;
		printf("%s\"%s\": {\"calls\": %ld, \"errors\": {", i ? ", " : "", name,
		       times * (long)(last - i));
		for (; i < last; i++)
			if (calls[i].error) {
				printf("%s\"%s\": %ld", part, calls[i].error, times);
				part = ", ";
			}
		printf("}}");
	}
	printf("}\n");
}

/* Every call once by the first thread, and `count` times by each of the others. */
static int run_calls(void)
{
	pthread_t threads[THREADS];

	check_calls();
	for (size_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, make_calls, NULL);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	print_calls(1 + THREADS * count);
	return 0;
}

#if defined(__x86_64__)
static long call_i386(long number, long argument)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(argument), "c"(0L), "d"(0L)
			 : "memory", "r8", "r9", "r10", "r11");
	return result;
}

/* A 64-bit program that makes 32-bit calls: 64 is getppid, 6 close, 5 open. */
static int run_compat(void)
{
	for (long n = 0; n < count; n++) {
		call_i386(64, 0);
		call_i386(6, -1);
		call_i386(5, 0);
		call_i386(1000, 0);
	}
	printf("{\"i386:getppid\": {\"calls\": %ld, \"errors\": {}}, "
	       "\"i386:close\": {\"calls\": %ld, \"errors\": {\"EBADF\": %ld}}, "
	       "\"i386:open\": {\"calls\": %ld, \"errors\": {\"EFAULT\": %ld}}, "
	       "\"i386:#1000\": {\"calls\": %ld, \"errors\": {\"ENOSYS\": %ld}}, "
	       "\"getppid\": {\"calls\": 0, \"errors\": {}}}\n",
	       count, count, count, count, count, count, count);
	return 0;
}
#endif

static void *end_thread(void *unused)
{
	syscall(SYS_exit, 0);
	return NULL;
}

/* Calls that never return: exit by every thread but the last, exit_group by the process. */
static int run_exits(void)
{
	for (long n = 0; n < count; n++) {
		pthread_t thread;

		pthread_create(&thread, NULL, end_thread, NULL);
		pthread_join(thread, NULL);
	}
	printf("{\"exit\": {\"calls\": %ld, \"errors\": {}}, "
	       "\"exit_group\": {\"calls\": 1, \"errors\": {}}}\n",
	       count);
	return 0;
}

static void ignore(int signal)
{
}

/* sigreturn: what it leaves is no result; and a call that a signal interrupts. */
static int run_signals(void)
{
	struct sigaction action = { .sa_handler = ignore };

	sigaction(SIGUSR1, &action, NULL);
	for (long n = 0; n < count; n++)
		syscall(SYS_tkill, syscall(SYS_gettid), SIGUSR1);
	printf("{\"rt_sigreturn\": {\"calls\": %ld, \"errors\": {}}, "
	       "\"tkill\": {\"calls\": %ld, \"errors\": {}}}\n",
	       count, count);
	return 0;
}

/* Short-lived children as fast as possible, one after the other. */
static int run_churn(void)
{
	for (long n = 0; n < count; n++) {
		pid_t child = fork();

		if (child == 0) {
			syscall(SYS_getppid);
			_exit(0);
		}
		if (child < 0 || waitpid(child, NULL, 0) != child)
			return 1;
	}
	printf("{\"getppid\": {\"calls\": %ld, \"errors\": {}}, "
	       "\"exit_group\": {\"calls\": %ld, \"errors\": {}}}\n",
	       count, count + 1);
	return 0;
}

/* vfork and exec of what stands in the arguments. */
static int run_vfork(void)
{
	for (long n = 0; n < count; n++) {
		pid_t child = vfork();

		if (child == 0) {
			execv(rest[0], rest);
			_exit(127);
		}
		waitpid(child, NULL, 0);
	}
	printf("{\"vfork\": {\"calls\": %ld, \"errors\": {}}, "
	       "\"execve\": {\"calls\": %ld, \"errors\": {}}}\n",
	       count, count + 1);
	return 0;
}

static void *exec_rest(void *unused)
{
	execv(rest[0], rest);
	return NULL;
}

/* A thread that is not the leader goes on as another program. */
static int run_thread_exec(void)
{
	pthread_t thread;

	for (long n = 0; n < count; n++)
		syscall(SYS_getppid);
	pthread_create(&thread, NULL, exec_rest, NULL);
	pause();
	return 1;
}

static void getppids(void)
{
	for (long n = 0; n < count; n++)
		syscall(SYS_getppid);
}

static void wait_for_line(void)
{
	char byte;

	while (read(0, &byte, 1) == 1 && byte != '\n')
		;
}

/* The same calls each time that a line comes: the caller changes something in between. */
static int run_lines(void)
{
	char line[64];

	while (fgets(line, sizeof(line), stdin)) {
		char *argument = strchr(line, ' ');

		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "name", 4) == 0)
			prctl(PR_SET_NAME, argument + 1);
		if (strncmp(line, "user", 4) == 0 && setuid((uid_t)atoi(argument)) < 0)
			return 1;
		getppids();
		puts("done");
		fflush(stdout);
	}
	return 0;
}

/* A call that lasts: a read until a line comes. */
static int run_read(void)
{
	wait_for_line();
	return 0;
}

static const struct {
	const char *name;
	int (*run)(void);
} scenarios[] = {
	{ "calls", run_calls },   { "exits", run_exits }, { "signals", run_signals },
	{ "churn", run_churn },   { "vfork", run_vfork }, { "thread-exec", run_thread_exec },
	{ "lines", run_lines },   { "read", run_read },
#if defined(__x86_64__)
	{ "compat", run_compat },
#endif
};

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	count = atol(argv[2]);
	rest = argv + 3;
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		if (strcmp(scenarios[i].name, argv[1]) == 0)
			return scenarios[i].run();
	return 2;
}
