/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One measurement: a packet, from one source or from many, given to an XDP program or sent
 * through the veth of a site, on whatever that has for a filter.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "corpus.h"
#include "frames.h"
#include "lab.h"
#include "traffic.h"

struct traffic_bpf;

/* A receiver, and the XDP program in front of it; -1: none. */
struct site {
	struct lab lab;
	int fd;
	bool local; /* its filter sees only what is sent to this host */
};

enum method {
	METHOD_ONE,  /* BPF_PROG_TEST_RUN, the same frame again and again */
	METHOD_MANY, /* the same, and a program in front changes the source each time */
	METHOD_LIVE, /* frames through the veth */
	METHODS
};
const char *method_name(enum method method);

struct packet {
	const char *name;
	struct frame_kind frame;
	enum aim aim;
	uint32_t spread; /* AIM_SPREAD4 */
	bool mixed;      /* some pass and some do not: `frame.drop` says nothing */
	bool served;     /* sockets listen at its port, TCP and UDP */
};

struct outcome {
	double ns;      /* a packet */
	double dropped; /* share, METHOD_LIVE on an XDP program only */
};

struct traffic {
	struct lab lab; /* of the generator */
	struct traffic_bpf *bpf;
	uint64_t *aims4;
	uint32_t (*aims6)[4];
};

int traffic_open(const struct lab *lab, struct traffic *ret_traffic, struct error *error);
void traffic_close(struct traffic *traffic);

/*
 * What AIM_LISTED4 or AIM_LISTED6, by the kind of list, shall send from: a draw from `corpus`
 * that `but_not` (NULL: none) does not cover. `ret_first`: the first of them.
 */
int traffic_aim(struct traffic *traffic, const struct corpus *corpus, enum corpus_draw draw,
		const struct corpus *but_not, struct address *ret_first);

/*
 * Everything that comes must come, and where the packet is not `mixed` get its verdict;
 * -EBADMSG when not. The thread is then in the site's namespace.
 */
int measure(const struct traffic *traffic, const struct site *site, enum method method,
	    const struct packet *packet, struct outcome *ret_outcome, struct error *error);

/* A few such packets: they must get where they are sent to, or must not. */
int measure_check(const struct traffic *traffic, const struct site *site,
		  const struct packet *packet, struct error *error);
