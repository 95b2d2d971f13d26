/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A made-up host where all is well, to be spoilt by the test. */
#pragma once

#include "../unit.h"

#include "doctor/judge.h"

struct host {
	struct facts facts;
	struct interface_facts interface;
	struct judgement judgement;
};

static const struct need host_needs[] = {
	{ .commands = "run, up",
	  .main = true,
	  .probe = true,
	  .changes = true,
	  .things = 1U << THING_PACKET },
	{ .commands = "ban", .changes = true },
	{ .commands = "status", .reads = true },
	{ .commands = "opens", .things = 1U << THING_OPEN | 1U << THING_EXEC },
	{ .commands = NULL },
};

static const struct module host_module = { .name = "made-up", .needs = host_needs };
static const struct module host_idle = { .name = "idle" };
static const struct module *const host_modules[] = { &host_idle, &host_module, NULL };

enum { ROW_RUN, ROW_BAN, ROW_STATUS, ROW_OPENS };

static inline void make_host(struct host *host)
{
	memset(host, 0, sizeof(*host));
	host->facts.interfaces = &host->interface;
	host->facts.interface_count = 1;
	host->facts.kernel = (struct kernel_facts){ .release = "6.1.0",
						    .machine = "x86_64",
						    .btf = true,
						    .jit.value = 1,
						    .lockdown = LOCKDOWN_NONE };
	host->facts.permissions = (struct permission_facts){ .held = (1U << CAPABILITIES) - 1,
							     .split = true,
							     .root = true };
	host->facts.places = (struct place_facts){ .bpffs = true,
						   .tracefs = "/sys/kernel/tracing",
						   .cgroup2 = "/sys/fs/cgroup" };
	host->interface = (struct interface_facts){ .name = "eth0",
						    .index = 2,
						    .up = true,
						    .driver = "igc",
						    .mtu = 1500,
						    .receive_queues = 4,
						    .transmit_queues = 4,
						    .features = FEATURE_BASIC };
	for (enum thing thing = 0; thing < THINGS; thing++) {
		host->facts.things[thing].results[0].state = RUNG_TAKEN;
		for (size_t i = 1; i < ladders[thing].rung_count; i++)
			host->facts.things[thing].results[i].state = RUNG_DEARER;
	}
}

static inline void judge_host_of(struct host *host)
{
	judge(&host->facts, host_modules, &host->judgement);
}

static inline void break_thing(struct host *host, enum thing thing, int rungs)
{
	struct thing_facts *facts = &host->facts.things[thing];

	for (int i = 0; i < rungs; i++) {
		facts->results[i].state = RUNG_NO;
		strcpy(facts->results[i].reason.text, "broken by the test");
	}
	facts->taken = rungs < (int)ladders[thing].rung_count ? rungs : -1;
}
