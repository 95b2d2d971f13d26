/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "core/ladder_hooks.h"
#include "ladder.skel.h"

enum { TRIED = 5 }; /* events, to see which rung works */

struct rung_counter {
	struct ladder_bpf *programs;
	const struct rung *rung;
	struct attachment attachment;
};

/*
 * One that counts too few of what was provoked is not one to use; but where there is no other,
 * how many it counts shall be told, and not only that it is not used.
 */
static int choose(enum thing thing, struct error *error)
{
	const struct ladder *ladder = &ladders[thing];
	struct rung_result results[RUNGS_MAX];
	int taken = ladder_try(thing, TRIED, results);
	char name[RUNG_TEXT];

	for (size_t i = 0; taken < 0 && i < ladder->rung_count; i++)
		if (results[i].provoked)
			taken = (int)i;
	if (taken >= 0)
		return taken;
	return error_set(error, -EOPNOTSUPP, "%s: %s; 'sumun doctor' tells of every hook",
			 rung_name(&ladder->rungs[0], name), results[0].reason.text);
}

struct rung_counter *rung_counter_new(enum thing thing, struct error *error)
{
	CLEANUP_RUNG_COUNTER struct rung_counter *counter = calloc(1, sizeof(*counter));
	int taken = choose(thing, error), r;

	if (taken < 0)
		return NULL;
	if (counter) {
		counter->attachment = ATTACHMENT_NONE;
		counter->rung = &ladders[thing].rungs[taken];
		counter->programs = ladder_bpf__open_and_load();
	}
	if (!counter || !counter->programs) {
		error_set(error, -errno, "cannot load programs: %s", strerror(errno));
		return NULL;
	}
	r = hook_attach(counter->programs, counter->rung, 0, &counter->attachment, error);
	if (r == 0)
		r = ladder_watch_self(counter->programs);
	if (r < 0)
		return NULL;
	return TAKE_PTR(counter);
}

struct rung_counter *rung_counter_free(struct rung_counter *counter)
{
	if (!counter)
		return NULL;
	hook_detach(&counter->attachment);
	ladder_bpf__destroy(counter->programs);
	free(counter);
	return NULL;
}

const struct rung *rung_counter_rung(const struct rung_counter *counter)
{
	return counter->rung;
}

void rung_counter_arm(struct rung_counter *counter)
{
	ladder_arm(counter->programs);
}

unsigned rung_counter_hits(const struct rung_counter *counter)
{
	return counter->rung->pair ? 2 : 1;
}

uint64_t rung_counter_disarm(struct rung_counter *counter)
{
	ladder_disarm(counter->programs);
	return __atomic_load_n(&counter->programs->bss->counted, __ATOMIC_SEQ_CST);
}
