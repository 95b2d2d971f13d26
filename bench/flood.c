/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench-flood IFACE MAC syn|udp PORT spread|listed SECONDS RATE
 *
 * Floods 192.0.2.1 behind the veth IFACE of this namespace, from forged sources: of 100
 * million ones, or of the list that `bench-flood list` prints. RATE is in frames a
 * second. Says "ready" when it begins, ends by itself or on SIGTERM, prints what it sent.
 */
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "corpus.h"
#include "figures.h"
#include "measure.h"
#include "rules.h"
#include "traffic.skel.h"

enum { LISTED = 100000, SOURCES = 100000000, BATCH = 16 };

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int make_list(struct corpus *ret_list, struct error *error)
{
	return corpus_make(CORPUS_PREFIXES4, LISTED, ret_list, error);
}

static int print_list(void)
{
	CLEANUP_CORPUS struct corpus list = CORPUS_NONE;
	struct error error;

	if (make_list(&list, &error) < 0)
		return EXIT_FAILURE;
	corpus_write(&list, "", "\n", stdout);
	return EXIT_SUCCESS;
}

static void wake_up(int signal)
{
}

/* One long call, which the alarm or SIGTERM ends: to begin one takes 100 microseconds. */
static int send_flood(int fd, uint8_t *frame, size_t size, unsigned seconds, struct error *error)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = (__u32)size,
		    .repeat = INT_MAX, .batch_size = BATCH, .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
	struct sigaction action = { .sa_handler = wake_up };
	int r;

	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	alarm(seconds);
	r = bpf_prog_test_run_opts(fd, &options);
	return r < 0 && r != -EINTR ? error_set(error, r, "live frames: %s", strerror(-r)) : 0;
}

static int aim_at(struct traffic *traffic, bool listed, double rate, struct error *error)
{
	CLEANUP_CORPUS struct corpus list = CORPUS_NONE;
	struct address first;
	int r = listed ? make_list(&list, error) : 0;

	if (r == 0 && listed)
		r = traffic_aim(traffic, &list, DRAW_LISTED, NULL, &first);
	traffic->bpf->bss->aim = listed ? AIM_LISTED4 : AIM_SPREAD4;
	traffic->bpf->bss->spread = SOURCES;
	traffic->bpf->bss->vary_ports = 1;
	traffic->bpf->bss->frame_ns = (uint64_t)(1e9 / rate);
	return r;
}

static int flood(char **argv, struct error *error)
{
	static const struct lab nowhere = { .receiver_ns = -1, .generator_ns = -1 };
	struct frame_kind kind = {
		.protocol = strcmp(argv[3], "syn") == 0 ? IPPROTO_TCP : IPPROTO_UDP,
		.syn = true,
		.to_port = (uint16_t)atoi(argv[4]),
	};
	uint8_t mac[6], frame[FRAME_MAX];
	struct traffic traffic;
	double begin;
	size_t size;
	int r;

	if (sscanf(argv[2], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3],
		   &mac[4], &mac[5]) != 6)
		return error_set(error, -EINVAL, "no MAC address: %s", argv[2]);
	r = traffic_open(&nowhere, &traffic, error);
	if (r < 0)
		return r;
	r = aim_at(&traffic, strcmp(argv[5], "listed") == 0, atof(argv[7]), error);
	traffic.bpf->bss->out_ifindex = if_nametoindex(argv[1]);
	size = frame_build(&kind, 0, mac, frame);
	memcpy(traffic.bpf->bss->start, frame, sizeof(traffic.bpf->bss->start));
	begin = now();
	puts("ready");
	fflush(stdout);
	if (r == 0)
		r = send_flood(bpf_program__fd(traffic.bpf->progs.generate), frame, size,
			       (unsigned)atoi(argv[6]), error);
	printf("{\"frames\": %llu, \"seconds\": %.3f}\n", traffic.bpf->bss->generated,
	       now() - begin);
	traffic_close(&traffic);
	return r;
}

int main(int argc, char **argv)
{
	struct error error = { "" };

	if (argc == 2 && strcmp(argv[1], "list") == 0)
		return print_list();
	if (argc != 8) {
		fprintf(stderr, "usage: bench-flood IFACE MAC syn|udp PORT spread|listed SECONDS"
				" RATE\n"
				"       bench-flood list\n");
		return 2;
	}
	if (flood(argv, &error) == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "bench-flood: %s\n", error.text);
	return EXIT_FAILURE;
}
