/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which programs see what io_uring opens, on this kernel. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct opens_bpf;
struct bpf_program;

enum { RING_PROGRAMS = 3 };

/* In the order in which they are to be attached. To be called before loading: those that do not fit
 * are not loaded. False: none does. */
bool ring_choose(struct opens_bpf *kernel, uint32_t cpus,
		 struct bpf_program *ret_programs[RING_PROGRAMS]);
