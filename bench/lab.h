/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where measurements happen: two network namespaces of this process's own with a
 * veth pair between them, and a private bpffs. They end with the process; the
 * machine's own interfaces are in neither.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define LAB_RECEIVER  "receiver"
#define LAB_GENERATOR "generator"
#define LAB_HERE_V4   "192.0.2.1"
#define LAB_HERE_V6   "2001:db8:ffff::1"

struct lab {
	int receiver_ns, generator_ns;
	unsigned receiver_index, generator_index;
	uint8_t receiver_mac[6];
};

/* Makes it, up and running; the process is then in the receiver's namespace, on one CPU. */
int lab_open(struct lab *ret_lab, struct error *error);

/*
 * Makes another receiver, in a namespace of its own, at a veth pair of its own whose other end
 * `generator` is in the same generator's namespace. The process is then in the new one.
 */
int lab_another(const struct lab *lab, const char *generator, struct lab *ret_lab,
		struct error *error);

/* Changes the namespace of the calling thread. */
int lab_enter(int ns, struct error *error);

/*
 * Runs a command with `input` (may be NULL) on its standard input, and its output
 * on our standard error. -ENOENT when it is not installed, -EIO when it failed.
 */
int lab_run(const char *const argv[], const char *input, struct error *error);
int lab_run_quietly(const char *const argv[], struct error *error); /* no output */

/* Says on standard error, loudly, that a figure will be missing. */
void lab_missing(const char *what, const char *package);

/* What the receiving veth counted: packets that its XDP program saw, and those it dropped. */
struct lab_counts {
	uint64_t packets;
	uint64_t drops;
};
int lab_count(const struct lab *lab, struct lab_counts *ret_counts, struct error *error);
