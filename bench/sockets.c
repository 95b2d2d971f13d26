/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What those that count or judge by cgroup stand in the way of: exactly so many of it, and how long
 * each took. JSON, as bench-calls.
 *
 * usage: bench-sockets getppid|datagram|sendmsg|udp-connect|connect CHUNKS COUNT
 *
 * Over the loopback, on the last CPU, so that what is sent is received before the call returns.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "figures.h"

enum { CHUNKS_MAX = 256, SIZE = 64 };

static struct sockaddr_in address; /* of `server` */
static int server, client;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void stay_on_the_last_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)sysconf(_SC_NPROCESSORS_ONLN) - 1, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static bool make_server(int type)
{
	socklen_t size = sizeof(address);

	address = (struct sockaddr_in){ .sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	server = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return server >= 0 && client >= 0 && bind(server, (struct sockaddr *)&address, size) == 0 &&
	       getsockname(server, (struct sockaddr *)&address, &size) == 0 &&
	       (type != SOCK_STREAM || listen(server, 16) == 0);
}

/* ---- each makes one ------------------------------------------------------------------------ */

static bool call(void)
{
	syscall(SYS_getppid);
	return true;
}

/* One packet sent and received, by a socket that is connected. */
static bool datagram(void)
{
	char bytes[SIZE] = "";

	return send(client, bytes, SIZE, 0) == SIZE && recv(server, bytes, SIZE, 0) == SIZE;
}

/* The same by one that is not. */
static bool datagram_to(void)
{
	char bytes[SIZE] = "";

	return sendto(client, bytes, SIZE, 0, (struct sockaddr *)&address, sizeof(address)) ==
		       SIZE &&
	       recv(server, bytes, SIZE, 0) == SIZE;
}

static bool connect_datagrams(void)
{
	return connect(client, (struct sockaddr *)&address, sizeof(address)) == 0;
}

/* Ended by a reset, so that no port is in use for longer. */
static bool connect_stream(void)
{
	const struct linger now = { .l_onoff = 1 };
	CLEANUP_CLOSE int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), taken = -1;

	setsockopt(made, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	if (connect(made, (struct sockaddr *)&address, sizeof(address)) < 0)
		return false;
	taken = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	return taken >= 0;
}

static const struct {
	const char *name;
	bool (*make)(void);
	int type; /* of the server */
	bool connected;
} loops[] = {
	{ "getppid", call, SOCK_DGRAM, false },
	{ "datagram", datagram, SOCK_DGRAM, true },
	{ "sendmsg", datagram_to, SOCK_DGRAM, false },
	{ "udp-connect", connect_datagrams, SOCK_DGRAM, false },
	{ "connect", connect_stream, SOCK_STREAM, false },
};

static int run(bool (*make)(void), long chunks, long count)
{
	double ns[CHUNKS_MAX];
	json_t *report;

	for (long i = 0; i < chunks; i++) {
		uint64_t begun = now_ns();

		for (long k = 0; k < count; k++)
			if (!make())
				return EXIT_FAILURE;
		ns[i] = (double)(now_ns() - begun) / (double)count;
	}
	report = json_pack("{s[I],sI,sI}", "pids", (json_int_t)getpid(), "made",
			   (json_int_t)(chunks * count), "all", (json_int_t)(chunks * count));
	json_object_set_new(report, "ns", figures_array(ns, (size_t)chunks));
	figures_print(report);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	long chunks = argc == 4 ? atol(argv[2]) : 0, count = argc == 4 ? atol(argv[3]) : 0;

	if (chunks < 1 || chunks > CHUNKS_MAX || count < 1)
		return 2;
	stay_on_the_last_cpu();
	for (size_t i = 0; i < ARRAY_SIZE(loops); i++) {
		if (strcmp(argv[1], loops[i].name))
			continue;
		if (!make_server(loops[i].type) || (loops[i].connected && !connect_datagrams()))
			return EXIT_FAILURE;
		return run(loops[i].make, chunks, count);
	}
	return 2;
}
