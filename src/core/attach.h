/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XDP programs on interfaces. Attaching makes a BPF link: it belongs to whoever holds
 * it or to its pin, nobody else's program is ever replaced by it, and the kernel
 * refuses to let `ip link` remove it.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

enum attach_mode {
	ATTACH_NONE,
	ATTACH_NATIVE,  /* in the driver, before a socket buffer is made */
	ATTACH_GENERIC, /* in the network stack: works everywhere, several times slower */
	ATTACH_OFFLOAD, /* in the card */
};

const char *attach_mode_name(enum attach_mode mode); /* "native", "generic", ... */

/*
 * Attaches natively, or generically where the driver cannot; *ret_why_generic then says
 * why (text may be ""). NULL: natively or not at all. -EBUSY names the program that is there
 * already.
 */
int attach_xdp(int program_fd, unsigned ifindex, int *ret_link_fd, enum attach_mode *ret_mode,
	       struct error *ret_why_generic, struct error *error);

/* What is on an interface now; *ret_program_id is 0 for nothing. */
int attach_query(unsigned ifindex, enum attach_mode *ret_mode, uint32_t *ret_program_id);

/* The interface and the program of an XDP link; an interface that is gone has index 0. */
int attach_link_info(int link_fd, unsigned *ret_ifindex, uint32_t *ret_program_id);
