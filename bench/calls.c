/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What observers observe: exactly so many system calls, and how long each took. JSON.
 *
 * usage: bench-calls getppid|mixed|open|call|fault|switch CHUNKS CALLS [PATH]
 *        bench-calls burst OPENS RATE PATH
 *
 * Wall time, for a tracer's own time is part of what a call waits for; so the caller takes the
 * least of many short chunks. Of call (that is getppid as well), fault and switch it is CPU time,
 * with which a busy machine interferes less: who observes those does it in the kernel. All on the
 * last CPU, but a burst, which takes two.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "doings.h"
#include "figures.h"

enum { CHUNKS_MAX = 256, PROCESSES = 8, BURST_PROCESSES = 2, SLICES = 1000 /* a second */ };

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static void pin(long cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static long last_cpu(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) - 1;
}

/* ---- loops: each makes `count` of what it is named after ----------------------------------- */

static void loop_getppid(long count, const char *path)
{
	(void)path;
	while (count-- > 0)
		syscall(SYS_getppid);
}

static void loop_open(long count, const char *path)
{
	while (count-- > 0) {
		int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);

		if (fd >= 0)
			syscall(SYS_close, fd);
	}
}

/* Twenty that do little; what they are given is nothing, or is refused. */
static const long few_calls[] = {
	SYS_getppid,
	SYS_getpid,
	SYS_gettid,
	SYS_getuid,
	SYS_geteuid,
	SYS_getgid,
	SYS_getegid,
	SYS_getpgid,
	SYS_getsid,
	SYS_getpriority,
	SYS_sched_getscheduler,
	SYS_sched_get_priority_max,
	SYS_sched_get_priority_min,
	SYS_getgroups,
	SYS_sched_getparam,
	SYS_close,
	SYS_dup,
	SYS_lseek,
	SYS_fsync,
	SYS_fchdir,
};
enum { FEW_CALLS = sizeof(few_calls) / sizeof(*few_calls), FEW_HARMLESS = 15 };

/* The processes give way to each other after each round, so what belongs to one gets cold. */
static void loop_mixed(long count)
{
	for (; count >= FEW_CALLS; count -= FEW_CALLS) {
		for (int i = 0; i < FEW_CALLS; i++)
			syscall(few_calls[i], i < FEW_HARMLESS ? 0 : -1, 0, 0);
		sched_yield();
	}
}

/* ---- one process --------------------------------------------------------------------------- */

struct work {
	long chunks, calls; /* calls: of a chunk */
	const char *path;
};

/* `made` of the call that the loop is about, `all` with the others beside. */
static json_t *describe(const pid_t *pids, int processes, long made, long all)
{
	json_t *array = json_array();

	for (int i = 0; i < processes; i++)
		json_array_append_new(array, json_integer(pids[i]));
	return json_pack("{so,sI,sI}", "pids", array, "made", (json_int_t)made, "all",
			 (json_int_t)all);
}

static void print_figures(json_t *report, const double *ns, const struct work *work)
{
	json_object_set_new(report, "ns", figures_array(ns, (size_t)work->chunks));
	figures_print(report);
}

static void run_alone(void (*loop)(long, const char *), clockid_t clock, const struct work *work)
{
	double ns[CHUNKS_MAX];
	pid_t self = getpid();
	long made;

	for (long i = 0; i < work->chunks; i++) {
		uint64_t begun = clock_ns(clock);

		loop(work->calls, work->path);
		ns[i] = (double)(clock_ns(clock) - begun) / (double)work->calls;
	}
	made = work->chunks * work->calls;
	print_figures(describe(&self, 1, made, made), ns, work);
}

/* ---- several ------------------------------------------------------------------------------- */

struct shared {
	pthread_barrier_t barrier;
	uint64_t begun[PROCESSES], ended[PROCESSES];
	pid_t pids[PROCESSES];
};

static struct shared *share(unsigned processes)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_barrierattr_t attributes;

	if (shared == MAP_FAILED)
		return NULL;
	pthread_barrierattr_init(&attributes);
	pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&shared->barrier, &attributes, processes);
	return shared;
}

static double elapsed(const struct shared *shared, int processes)
{
	uint64_t begun = UINT64_MAX, ended = 0;

	for (int i = 0; i < processes; i++) {
		begun = shared->begun[i] < begun ? shared->begun[i] : begun;
		ended = shared->ended[i] > ended ? shared->ended[i] : ended;
	}
	return (double)(ended - begun);
}

/* Returns in every process, with its number; 0 is the caller, with whom all end. */
static int fork_others(int processes)
{
	for (int i = 1; i < processes; i++) {
		pid_t child = fork();

		if (child < 0)
			exit(EXIT_FAILURE);
		if (child == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			return i;
		}
	}
	return 0;
}

static void run_mixed(const struct work *work)
{
	struct shared *shared = share(PROCESSES);
	long each = work->calls / PROCESSES / FEW_CALLS * FEW_CALLS, rounds;
	double ns[CHUNKS_MAX];
	int number;

	if (!shared)
		return;
	number = fork_others(PROCESSES);
	shared->pids[number] = getpid();
	for (long i = 0; i < work->chunks; i++) {
		pthread_barrier_wait(&shared->barrier);
		shared->begun[number] = now_ns();
		loop_mixed(each);
		shared->ended[number] = now_ns();
		pthread_barrier_wait(&shared->barrier);
		ns[i] = elapsed(shared, PROCESSES) / (double)(each * PROCESSES);
		pthread_barrier_wait(&shared->barrier);
	}
	if (number != 0)
		_exit(0);
	while (wait(NULL) > 0)
		;
	rounds = work->chunks * each / FEW_CALLS * PROCESSES;
	print_figures(describe(shared->pids, PROCESSES, rounds, rounds * (FEW_CALLS + 1)), ns,
		      work);
}

/* `rate` a second, in slices of a millisecond; 0: as fast as it goes. */
static void open_paced(long count, long rate, const char *path)
{
	uint64_t begun = now_ns();

	for (long slice = 1, done = 0; done < count; slice++) {
		long due = rate ? rate * slice / SLICES : count;
		uint64_t until = begun + (uint64_t)slice * (1000000000 / SLICES);
		struct timespec when = { (time_t)(until / 1000000000), (long)(until % 1000000000) };

		due = due < count ? due : count;
		loop_open(due - done, path);
		done = due;
		if (rate)
			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
	}
}

static void run_burst(long opens, long rate, const char *path)
{
	struct shared *shared = share(BURST_PROCESSES);
	long each = opens / BURST_PROCESSES;
	json_t *report;
	int number;

	if (!shared)
		return;
	number = fork_others(BURST_PROCESSES);
	shared->pids[number] = getpid();
	pin(number % (last_cpu() + 1));
	pthread_barrier_wait(&shared->barrier);
	shared->begun[number] = now_ns();
	open_paced(each, rate / BURST_PROCESSES, path);
	shared->ended[number] = now_ns();
	pthread_barrier_wait(&shared->barrier);
	if (number != 0)
		_exit(0);
	while (wait(NULL) > 0)
		;
	report = describe(shared->pids, BURST_PROCESSES, each * BURST_PROCESSES,
			  each * BURST_PROCESSES);
	json_object_set_new(report, "seconds", json_real(elapsed(shared, BURST_PROCESSES) / 1e9));
	figures_print(report);
}

int main(int argc, char **argv)
{
	const char *name = argc > 3 ? argv[1] : "";
	long first = argc > 3 ? atol(argv[2]) : 0, second = argc > 3 ? atol(argv[3]) : 0;
	struct work work = { first, second, argc > 4 ? argv[4] : "" };

	if (!strcmp(name, "burst")) {
		run_burst(first, second, work.path);
		return EXIT_SUCCESS;
	}
	if (first < 1 || first > CHUNKS_MAX || second < 1)
		return 2;
	pin(last_cpu());
	if (!strcmp(name, "getppid"))
		run_alone(loop_getppid, CLOCK_MONOTONIC, &work);
	else if (!strcmp(name, "open"))
		run_alone(loop_open, CLOCK_MONOTONIC, &work);
	else if (!strcmp(name, "call"))
		run_alone(loop_getppid, CLOCK_PROCESS_CPUTIME_ID, &work);
	else if (!strcmp(name, "fault"))
		run_alone(loop_fault, CLOCK_PROCESS_CPUTIME_ID, &work);
	else if (!strcmp(name, "switch"))
		run_alone(loop_switch, CLOCK_PROCESS_CPUTIME_ID, &work);
	else if (!strcmp(name, "mixed"))
		run_mixed(&work);
	else
		return 2;
	return EXIT_SUCCESS;
}
