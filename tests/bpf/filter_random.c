/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random frames under random policies, judged by the kernel and by the model: the proof that
 * no packet is misjudged.
 *
 *	SUMUN_PACKETS=1000000000 bpf_filter_random     a long run, with its progress
 *	SUMUN_SEED=0x... bpf_filter_random             that which failed, again
 *
 * Packets come in rounds with policies, bans and buckets of their own, rounds in epochs with
 * lists of their own. Time stands still but for whole hours at a time (plan.h).
 */
#include <inttypes.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "core/pins.h"
#include "random_frame.h"
#include "random_round.h"

enum { WORKERS_MAX = 64 };
static const uint64_t packets_usual = 10500000;

/* What a worker tells the others. */
struct worker {
	pid_t pid;
	FILE *output;
	uint64_t seed;
	uint64_t packets; /* to be run */
};

static struct worker workers[WORKERS_MAX];
static size_t worker_count;
static struct progress *progress; /* shared, by worker */
static uint64_t packets_wanted;

/* ---- a worker -------------------------------------------------------------------- */

static size_t worker_index;

static void kernel_and_model_agree(void **state)
{
	struct worker *worker = &workers[worker_index];
	struct round *round = *state;
	uint64_t seed = worker->seed;

	round->progress = &progress[worker_index];
	while (round->progress->packets < worker->packets) {
		uint64_t left = worker->packets - round->progress->packets;

		run_epoch(round, seed, left);
		seed = random_next(&seed);
	}
}

static int worker_up(void **state)
{
	struct round *round = calloc(1, sizeof(*round));
	struct error error = { 0 };

	if (!round || unshare(CLONE_NEWNET) < 0)
		return -1;
	pin_to_cpu((int)worker_index);
	if (round_open(round, &error) < 0) {
		fprintf(stderr, "%s\n", error.text);
		return -1;
	}
	*state = round;
	return 0;
}

static int worker_down(void **state)
{
	round_close(*state);
	free(*state);
	return 0;
}

static int work(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(kernel_and_model_agree, worker_up, worker_down),
	};

	return _cmocka_run_group_tests("worker", tests, 1, NULL, NULL);
}

/* Its output goes into a file, so that only we speak TAP. */
static void start_worker(size_t index)
{
	struct worker *worker = &workers[index];

	worker->output = tmpfile();
	fflush(NULL);
	worker->pid = fork();
	if (worker->pid != 0)
		return;
	worker_index = index;
	if (worker->output) {
		dup2(fileno(worker->output), STDOUT_FILENO);
		dup2(fileno(worker->output), STDERR_FILENO);
	}
	exit(work());
}

/* ---- those who wait for them --------------------------------------------------------- */

static uint64_t packets_run(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < worker_count; i++)
		sum += __atomic_load_n(&progress[i].packets, __ATOMIC_RELAXED);
	return sum;
}

/* On a terminal or not: a long run says every ten seconds how far it is. */
static int wait_for(const struct worker *worker)
{
	time_t told = time(NULL);
	int status;

	while (waitpid(worker->pid, &status, WNOHANG) == 0) {
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
		if (packets_wanted <= packets_usual || time(NULL) - told < 10)
			continue;
		told = time(NULL);
		printf("# %" PRIu64 " of %" PRIu64 " million packets\n", packets_run() / 1000000,
		       packets_wanted / 1000000);
		fflush(stdout);
	}
	return status;
}

static void print_output(FILE *output)
{
	char line[8192];

	rewind(output);
	while (fgets(line, sizeof(line), output))
		printf("# %s%s", line, strchr(line, '\n') ? "" : "\n");
}

static void no_worker_finds_a_difference(void **state)
{
	bool fine = true;

	for (size_t i = 0; i < worker_count; i++) {
		int status = wait_for(&workers[i]);

		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			continue;
		fine = false;
		print_message("# worker %zu, SUMUN_SEED=0x%" PRIx64 "\n", i, workers[i].seed);
		if (workers[i].output)
			print_output(workers[i].output);
	}
	assert_true(fine);
	assert_true(packets_run() >= packets_wanted);
}

/* A test of a million packets that are all malformed would test little. */
static void every_reason_was_met(void **state)
{
	struct progress sum = { 0 };

	for (size_t i = 0; i < worker_count; i++)
		for (size_t k = 0; k < sizeof(sum) / sizeof(uint64_t); k++)
			((uint64_t *)&sum)[k] += ((const uint64_t *)&progress[i])[k];
	for (enum filter_reason reason = 0; reason < REASON_COUNT; reason++)
		print_message("# %-12s %" PRIu64 "\n", reason_name(reason), sum.reasons[reason]);
	print_message("# %" PRIu64 " packets, %" PRIu64 " policies, %" PRIu64 " bans made, %" PRIu64
		      " withheld, %" PRIu64 " journeys, %" PRIu64 " in shadows, %" PRIu64
		      " rounds given up\n",
		      sum.packets, sum.policies, sum.bans, sum.withheld, sum.journeys, sum.shadows,
		      sum.given_up);
	for (enum filter_reason reason = 0; reason < REASON_COOKIE; reason++)
		assert_true(sum.reasons[reason] > sum.packets / 500);
	assert_true(sum.bans > sum.policies / 8 && sum.withheld > 100);
	assert_true(sum.given_up <= 2 + sum.policies / 100);
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_worker_finds_a_difference),
		cmocka_unit_test(every_reason_was_met),
	};
	uint64_t seed = from_environment("SUMUN_SEED", (uint64_t)time(NULL));

	if (geteuid() != 0)
		return RUN_FILTER_TESTS(tests);
	packets_wanted = from_environment("SUMUN_PACKETS", packets_usual);
	worker_count = (size_t)sysconf(_SC_NPROCESSORS_ONLN);
	if (worker_count > WORKERS_MAX)
		worker_count = WORKERS_MAX;
	progress = mmap(NULL, WORKERS_MAX * sizeof(*progress), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (progress == MAP_FAILED)
		return 1;
	unsetenv("SUMUN_ORDER"); /* the second sums up the first */
	printf("# SUMUN_SEED=0x%" PRIx64 " SUMUN_PACKETS=%" PRIu64 "\n", seed, packets_wanted);
	for (size_t i = 0; i < worker_count; i++) {
		workers[i].seed = seed ^ i * 0x5851f42d4c957f2d;
		workers[i].packets = packets_wanted / worker_count + 1;
		start_worker(i);
	}
	/* Of fewer packets not every kind can be asked. */
	return run_filter_tests("tests", tests, packets_wanted < packets_usual ? 1 : 2, NULL);
}
