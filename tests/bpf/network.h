/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network namespace with this host's own TCP in it, and clients played by the test: what
 * they say goes in by a TUN device, and what the host answers is read from it. The filter
 * sees the same segments by BPF_PROG_TEST_RUN, and asks that TCP for its sockets.
 */
#pragma once

#include "harness.h"

/* This host is 10.99.0.1 and fd99::1; everybody else is behind the TUN device. */
#define HOST_V4 "10.99.0.1"
#define HOST_V6 "fd99::1"

/* For a group's setup: this process leaves its network for a new one. */
int network_up(void **state);
#define RUN_NETWORK_TESTS(tests) run_filter_tests(#tests, tests, ARRAY_SIZE(tests), network_up)

/* `value` of /proc/sys/net/ipv4/`name`, in this network. */
void set_sysctl(const char *name, const char *value);

/* A listening socket that does not block, to be closed. */
int listen_at(uint16_t port, int backlog);
int listen_udp(uint16_t port);

struct talk {
	const char *client; /* its family is that of the talk */
	uint16_t from, to;
	uint32_t sequence; /* the client's next */
	uint32_t acknowledge;
};

/* A segment of it, for the filter; with options where it is a SYN. */
void build_segment(struct frame *frame, const struct talk *talk, uint8_t flags);

/* Says it to the host. */
void say(const struct talk *talk, uint8_t flags);
/* The host's next TCP segment to this client; false when there is none in a while. */
bool hear(const struct talk *talk, uint8_t *ret_flags, uint32_t *ret_sequence);

/* SYN and SYN-ACK, at the host alone: `acknowledge` is then what the client would say next. */
void ask(struct talk *talk);
/* And the ACK. */
void finish(struct talk *talk);

/* The segment is judged; returns whether it passed. */
bool judge(const struct store *store, const struct talk *talk, uint8_t flags);

/* Checksums that were left at zero, of an IP packet that carries TCP. */
void fill_checksums(uint8_t *ip, size_t size);
/* Whether those that are there are right. */
bool checksums_are_right(const uint8_t *ip, size_t size);
