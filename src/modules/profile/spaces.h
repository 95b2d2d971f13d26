/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What lies where in the memory of programs that were met, kept beyond their end. A program is one
 * incarnation of one process (bpf/process.bpf.h); what /proc says of a process is not believed
 * when by then it has become another program.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modules/profile/functions.h"
#include "modules/profile/images.h"

struct spaces;
struct space;

struct spaces *spaces_new(void);                   /* NULL when out of memory */
struct spaces *spaces_free(struct spaces *spaces); /* NULL is fine; returns NULL */

/* A program that was met. NULL when out of memory, or when there are too many. */
struct space *spaces_find(struct spaces *spaces, uint32_t tgid, uint64_t incarnation);

/*
 * Makes sure that addresses can be named later, when the process may have ended: opens files, and
 * looks at the process if something lies where nothing was known. `start_stack` tells whether it
 * is this program still (profile.h). Looking takes a part of the time and no more, whatever
 * processes do; a program that was not looked at then may be the next time.
 */
void space_see(struct spaces *spaces, struct space *space, uint64_t start_stack,
	       const uint64_t *addresses, size_t count);

/* Whether there is anything known of it: a program may end before it can be looked at. */
bool space_is_known(const struct space *space);

/* What the function at an address is called; NULL where nothing is. */
const struct function *space_function(struct spaces *spaces, struct space *space,
				      struct functions *functions, uint64_t address);
