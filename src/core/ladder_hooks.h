/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of ladder.c: attaching to one hook, and provoking the events of one thing. */
#pragma once

#include "core/ladder.h"

struct ladder_bpf;

/* Programs, links and perf events of one rung under trial; -1 where there is none. */
struct attachment {
	int fds[6];
	size_t count;
	int counter; /* one of them: to be read; or -1 */
};
#define ATTACHMENT_NONE                   \
	(struct attachment)               \
	{                                 \
		.count = 0, .counter = -1 \
	}

/* 0, or a negative errno with the reason in words. `ifindex` is for XDP only. */
int hook_attach(struct ladder_bpf *programs, const struct rung *rung, unsigned ifindex,
		struct attachment *ret_attachment, struct error *error);
void hook_detach(struct attachment *attachment);

/* The reason in words; `step` is what was refused, as "attaching". Returns `error`. */
int hook_refused(enum hook hook, const char *step, int error, struct error *ret_reason);

static inline void cleanup_attachment(struct attachment *attachment)
{
	hook_detach(attachment);
}
#define CLEANUP_ATTACHMENT __attribute__((cleanup(cleanup_attachment)))

/*
 * Makes events happen while the programs are armed; *ret_provoked is how many there must have
 * been. Packets have their own way, because they need a network first.
 */
int provoke(struct ladder_bpf *programs, enum thing thing, unsigned events, uint64_t *ret_provoked,
	    struct error *error);

/* From now on events of the calling thread count, while armed; arming begins at zero. */
int ladder_watch_self(const struct ladder_bpf *programs);
void ladder_arm(struct ladder_bpf *programs);
void ladder_disarm(struct ladder_bpf *programs);

/* Tries an XDP rung in a network namespace of its own. */
int try_packets(struct ladder_bpf *programs, const struct rung *rung, unsigned events,
		struct rung_result *result);
