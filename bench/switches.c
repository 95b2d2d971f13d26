/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a switch costs: two processes on the last CPU pass a byte to and fro, each time giving the
 * CPU to the other. JSON: nanoseconds of one switch, the least of many short chunks and all.
 *
 * usage: bench-switches CHUNKS SWITCHES
 */
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void stay_on_last_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)sysconf(_SC_NPROCESSORS_ONLN) - 1, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void pass_on(int from, int to)
{
	char byte;

	if (read(from, &byte, 1) != 1 || write(to, &byte, 1) != 1)
		exit(0);
}

int main(int argc, char **argv)
{
	long chunks = argc == 3 ? atol(argv[1]) : 0, switches = argc == 3 ? atol(argv[2]) : 0;
	double least = 0, sum = 0;
	int there[2], back[2];

	if (chunks < 1 || switches < 2 || pipe(there) < 0 || pipe(back) < 0)
		return 2;
	stay_on_last_cpu();
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pass_on(there[0], back[1]);
	}
	for (long i = 0; i < chunks; i++) {
		uint64_t begun = now_ns();
		double ns;

		for (long j = 0; j < switches / 2; j++) {
			if (write(there[1], "", 1) != 1)
				return 1;
			if (read(back[0], &(char){ 0 }, 1) != 1)
				return 1;
		}
		ns = (double)(now_ns() - begun) / (double)switches;
		least = i && least < ns ? least : ns;
		sum += ns;
	}
	printf("{\"ns\": %.1f, \"mean_ns\": %.1f, \"switches\": %ld}\n", least,
	       sum / (double)chunks, chunks * switches);
	return 0;
}
