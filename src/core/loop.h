/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event loop of `sumun run`: descriptors, timers and signals, one thread. Handlers
 * run one after the other; a signal is a descriptor like any other (signalfd), so it
 * arrives between two handlers and never in the middle of one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct loop;

/* Called with the argument given when the handler was added; negative ends loop_run() with it. */
typedef int loop_handler(void *argument);
typedef int loop_signal_handler(void *argument, int signal);

/* Blocks SIGINT, SIGTERM and SIGHUP: from now on they go to `on_signal`. NULL with the reason. */
struct loop *loop_new(loop_signal_handler *on_signal, void *argument, struct error *error);
struct loop *loop_free(struct loop *loop); /* unblocks the signals; NULL is fine; returns NULL */

/* Calls `handler` whenever `fd` is readable. The descriptor stays the caller's. */
int loop_add_fd(struct loop *loop, int fd, loop_handler *handler, void *argument);

/* Calls `handler` every `interval` nanoseconds; what was missed is not made up for. */
int loop_add_timer(struct loop *loop, uint64_t interval, loop_handler *handler, void *argument);

/* Until loop_stop() or a handler's error. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
