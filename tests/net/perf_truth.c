// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Does exactly known things to the machine: what test_perf.py holds the performance monitor
 * against.
 *
 *   perf_truth SCENARIO COUNT [FILE]
 *
 * A worker does it, and when its books are closed they are printed as JSON, as wait4(2) has them,
 * with the number of threads that ended beside its first.
 * `forever` does it itself until it is killed.
 */
#include <fcntl.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 4 };

static long count;
static const char *path;

static void touch(volatile char *memory, long pages)
{
	long page = sysconf(_SC_PAGESIZE);

	for (long i = 0; i < pages; i++)
		memory[i * page] = memory[i * page];
}

static char *map_pages(long pages)
{
	size_t size = (size_t)(pages * sysconf(_SC_PAGESIZE));
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		exit(1);
	madvise(memory, size, MADV_NOHUGEPAGE);
	return memory;
}

static void faults(void)
{
	volatile char *memory = map_pages(count);
	long page = sysconf(_SC_PAGESIZE);

	for (long i = 0; i < count; i++)
		memory[i * page] = 1;
}

/* Pages of a file that the kernel was told to forget, each read from the disk by itself. */
static void major(void)
{
	size_t size = (size_t)(count * sysconf(_SC_PAGESIZE));
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char *memory;

	for (long i = 0; i < count; i++)
		if (write(fd, map_pages(1), (size_t)sysconf(_SC_PAGESIZE)) < 0)
			exit(1);
	fsync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		exit(1);
	madvise(memory, size, MADV_RANDOM);
	touch(memory, count);
}

static void naps(void)
{
	const struct timespec nap = { .tv_nsec = 10 * 1000 * 1000 };

	for (long i = 0; i < count; i++)
		nanosleep(&nap, NULL);
}

static void calls(void)
{
	for (long i = 0; i < count; i++)
		syscall(SYS_getppid);
}

static void run_on(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

/* Two threads on one CPU that wait for each other. */
static int to[2], back[2];

static void *answer(void *unused)
{
	char byte;

	for (long i = 0; i < count; i++)
		if (read(to[0], &byte, 1) != 1 || write(back[1], &byte, 1) != 1)
			exit(1);
	return NULL;
}

static void switches(void)
{
	pthread_t other;
	char byte = 0;

	run_on(0);
	if (pipe(to) < 0 || pipe(back) < 0 || pthread_create(&other, NULL, answer, NULL) != 0)
		exit(1);
	for (long i = 0; i < count; i++)
		if (write(to[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			exit(1);
	pthread_join(other, NULL);
}

static void migrations(void)
{
	for (long i = 0; i < count; i++)
		run_on((int)(i % 2));
}

/* Milliseconds of CPU time. */
static void burn(void)
{
	struct timespec used;

	do
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	while (used.tv_sec * 1000 + used.tv_nsec / 1000000 < count);
}

static void *work_of_thread(void *unused)
{
	faults();
	calls();
	return NULL;
}

static void threads(void)
{
	pthread_t others[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&others[i], NULL, work_of_thread, NULL) != 0)
			exit(1);
	for (int i = 0; i < THREADS; i++)
		pthread_join(others[i], NULL);
}

static void forever(void)
{
	for (;;)
		syscall(SYS_getppid);
}

static const struct scenario {
	const char *name;
	void (*act)(void);
	int threads;
} scenarios[] = {
	{ "faults", faults, 0 }, { "major", major, 0 },           { "naps", naps, 0 },
	{ "calls", calls, 0 },   { "switches", switches, 1 },     { "migrations", migrations, 0 },
	{ "burn", burn, 0 },     { "threads", threads, THREADS }, { "forever", forever, 0 },
};

static long long nanoseconds(struct timeval time)
{
	return time.tv_sec * 1000000000LL + time.tv_usec * 1000LL;
}

/*
 * Its last switch comes after it is known to have ended, which the kernel waits for; unless
 * somebody else got its CPU before.
 */
static int report(pid_t worker, int threads)
{
	struct rusage usage;
	siginfo_t ended;
	int status;

	if (waitid(P_PID, (id_t)worker, &ended, WEXITED | WNOWAIT) < 0)
		return 1;
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	usleep(200 * 1000);
	if (wait4(worker, &status, 0, &usage) < 0 || status)
		return 1;
	printf("{\"process\": %d, \"faults_minor\": %ld, \"faults_major\": %ld, "
	       "\"voluntary\": %ld, \"involuntary\": %ld, \"time_ns\": %lld, \"threads\": %d}\n",
	       (int)worker, usage.ru_minflt, usage.ru_majflt, usage.ru_nvcsw, usage.ru_nivcsw,
	       nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime), threads);
	return 0;
}

int main(int argc, char **argv)
{
	const struct scenario *scenario = NULL;
	pid_t worker;

	for (size_t i = 0; argc > 2 && i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		if (strcmp(scenarios[i].name, argv[1]) == 0)
			scenario = &scenarios[i];
	if (!scenario)
		return 2;
	count = atol(argv[2]);
	path = argc > 3 ? argv[3] : NULL;
	if (scenario->act == forever)
		forever();
	worker = fork();
	if (worker == 0) {
		scenario->act();
		_exit(0);
	}
	return worker < 0 ? 1 : report(worker, scenario->threads);
}
