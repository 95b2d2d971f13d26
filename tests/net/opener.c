/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opens exactly what it is told to, a line of standard input each, and says what came of it: the
 * descriptor or the negative errno. It is linked statically, and makes no other open.
 *
 *   open PATH FLAGS MODE | creat PATH MODE | openat FD PATH FLAGS MODE
 *   openat2 FD PATH FLAGS MODE RESOLVE | handle FD PATH FLAGS
 *   thread FD PATH FLAGS MODE     openat, by another thread; its number comes behind the result
 *   storm COUNT PATH FLAGS        opens and closes; how many opens failed
 *   pace RATE COUNT PATH          the same, RATE a second
 *   close FD | chdir PATH | chroot PATH | limit FILES | user UID
 *
 * By io_uring, of which the opener has one; requests are numbered from 0 until they are handed in:
 *   ring new SETUP SLOTS | ring submit WAIT | ring result NUMBER | ring me
 *   ring openat FD PATH FLAGS MODE SLOT SQE [PERSONALITY] | ring openat2 FD PATH FLAGS MODE RESOLVE
 * SQE ring read FD SQE | ring storm COUNT PATH
 *
 * Paths are in hexadecimal; "-" is a pointer to nowhere. Numbers are decimal.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "opener.h"

enum { LINE = 65536, WORDS = 10 };

static char paths[WORDS][LINE];
char *words[WORDS];
static long thread_id;

long number(int word)
{
	return !words[word] ? 0 : strtol(words[word], NULL, 0);
}

const char *path(int word)
{
	const char *hex = words[word];
	size_t length = strlen(hex) / 2;

	if (strcmp(hex, "-") == 0)
		return (const char *)8;
	for (size_t i = 0; i < length; i++) {
		char digits[3] = { hex[2 * i], hex[2 * i + 1], 0 };

		paths[word][i] = (char)strtol(digits, NULL, 16);
	}
	paths[word][length] = 0;
	return paths[word];
}

static long result(long returned)
{
	return returned < 0 ? -errno : returned;
}

static long do_openat2(void)
{
	struct open_how how = { .flags = (unsigned long)number(3),
				.mode = (unsigned long)number(4),
				.resolve = (unsigned long)number(5) };

	return result(syscall(SYS_openat2, number(1), path(2), &how, sizeof(how)));
}

static long do_handle(void)
{
	struct {
		struct file_handle handle;
		char space[128];
	} file = { .handle.handle_bytes = 128 };
	int mount;

	if (name_to_handle_at((int)number(1), path(2), &file.handle, &mount, 0) < 0)
		return -errno;
	return result(syscall(SYS_open_by_handle_at, number(1), &file, number(3)));
}

static void *in_thread(void *argument)
{
	thread_id = syscall(SYS_gettid);
	*(long *)argument = result(syscall(SYS_openat, number(1), path(2), number(3), number(4)));
	return NULL;
}

static long do_thread(void)
{
	pthread_t thread;
	long returned = -1;

	pthread_create(&thread, NULL, in_thread, &returned);
	pthread_join(thread, NULL);
	return returned;
}

static long storm(long count, const char *what, long flags)
{
	long failed = 0;

	for (long i = 0; i < count; i++) {
		long fd = syscall(SYS_openat, AT_FDCWD, what, flags, 0);

		if (fd >= 0)
			syscall(SYS_close, fd);
		else
			failed++;
	}
	return failed;
}

static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000 + time.tv_nsec;
}

static long pace(long rate, long count, const char *what)
{
	long begun = now(), failed = 0, step = rate / 1000;

	for (long done = 0; done < count; done += step) {
		struct timespec nap = { .tv_nsec = 100000 };

		while (now() < begun + done * 1000 / rate * 1000000)
			nanosleep(&nap, NULL);
		failed += storm(step, what, O_RDONLY);
	}
	return failed;
}

static long obey(void)
{
	const char *verb = words[0];
	struct rlimit limit;

#ifdef SYS_open
	if (strcmp(verb, "open") == 0)
		return result(syscall(SYS_open, path(1), number(2), number(3)));
	if (strcmp(verb, "creat") == 0)
		return result(syscall(SYS_creat, path(1), number(2)));
#endif
	if (strcmp(verb, "openat") == 0)
		return result(syscall(SYS_openat, number(1), path(2), number(3), number(4)));
	if (strcmp(verb, "openat2") == 0)
		return do_openat2();
	if (strcmp(verb, "handle") == 0)
		return do_handle();
	if (strcmp(verb, "thread") == 0)
		return do_thread();
	if (strcmp(verb, "ring") == 0)
		return obey_ring();
	if (strcmp(verb, "storm") == 0)
		return storm(number(1), path(2), number(3));
	if (strcmp(verb, "pace") == 0)
		return pace(number(1), number(2), path(3));
	if (strcmp(verb, "close") == 0)
		return result(close((int)number(1)));
	if (strcmp(verb, "chdir") == 0)
		return result(chdir(path(1)));
	if (strcmp(verb, "chroot") == 0)
		return result(chroot(path(1)));
	if (strcmp(verb, "user") == 0)
		return result(setresuid((uid_t)number(1), (uid_t)number(1), (uid_t)number(1)));
	if (strcmp(verb, "limit") != 0)
		return -ENOSYS;
	limit.rlim_cur = limit.rlim_max = (rlim_t)number(1);
	return result(setrlimit(RLIMIT_NOFILE, &limit));
}

int main(void)
{
	static char line[LINE];

	printf("%d\n", getpid());
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		char *rest = line;

		for (int i = 0; i < WORDS; i++)
			words[i] = strsep(&rest, " \n");
		thread_id = getpid();
		printf("%ld ", obey());
		printf("%ld\n", thread_id);
		fflush(stdout);
	}
	return 7;
}
