/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XDP is tried between two ends of a cable in a network namespace of its own: attaching to an
 * interface that is in use can reset its card. A child does it, which takes the namespace with
 * it when it ends.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "core/cable.h"
#include "core/ladder_hooks.h"
#include "ladder.skel.h"

#ifndef ETH_P_802_EX1
#define ETH_P_802_EX1 0x88B5 /* for local experiments */
#endif

enum { PATIENCE_MS = 2000 };

/* ---- frames --------------------------------------------------------------------------- */

static int send_frames(unsigned count)
{
	struct ethhdr frame[5] = { { .h_proto = htons(ETH_P_802_EX1) } };
	CLEANUP_CLOSE int fd = -1;
	int r = cable_socket(&fd);

	memset(frame->h_dest, 0xff, ETH_ALEN);
	return r < 0 ? r : cable_send(fd, frame, sizeof(frame), count);
}

/* A softirq takes them from the wire, at once or a moment later. */
static void wait_for(const struct ladder_bpf *programs, unsigned count)
{
	const struct timespec moment = { .tv_nsec = 1000000 };

	for (int i = 0; i < PATIENCE_MS; i++) {
		if (__atomic_load_n(&programs->bss->counted, __ATOMIC_SEQ_CST) >= count)
			return;
		nanosleep(&moment, NULL);
	}
}

static int count_frames(struct ladder_bpf *programs, const struct rung *rung, unsigned events,
			struct rung_result *result)
{
	CLEANUP_ATTACHMENT struct attachment attachment = ATTACHMENT_NONE;
	int r = hook_attach(programs, rung, if_nametoindex(CABLE_NEAR), &attachment,
			    &result->reason);

	if (r < 0)
		return r;
	programs->bss->counted = 0;
	programs->bss->armed = 1;
	r = send_frames(events);
	if (r < 0)
		return error_set(&result->reason, r, "attached, but sending failed: %s",
				 strerror(-r));
	wait_for(programs, events);
	programs->bss->armed = 0;
	result->provoked = events;
	result->counted = programs->bss->counted;
	return 0;
}

/* Where no network can be made, the program is at least run. */
static int run_unattached(struct ladder_bpf *programs, const struct rung *rung, unsigned events,
			  int why, struct rung_result *result)
{
	char frame[64] = { 0 };
	LIBBPF_OPTS(bpf_prog_load_opts, load_options);
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = (int)events);
	CLEANUP_CLOSE int program =
		bpf_prog_load(BPF_PROG_TYPE_XDP, "sumun_ladder", "GPL",
			      bpf_program__insns(programs->progs.count_frame),
			      bpf_program__insn_cnt(programs->progs.count_frame), &load_options);
	int r;

	if (program < 0)
		return hook_refused(rung->hook, "loading", program, &result->reason);
	programs->bss->counted = 0;
	programs->bss->armed = 1;
	r = bpf_prog_test_run_opts(program, &options);
	programs->bss->armed = 0;
	if (r < 0)
		return error_set(&result->reason, r, "running: %s", strerror(-r));
	result->provoked = events;
	result->counted = programs->bss->counted;
	return error_set(&result->reason, 0,
			 "runs; attaching was not tried, as no network can be made to try it in "
			 "(%s)",
			 strerror(-why));
}

static int in_child(struct ladder_bpf *programs, const struct rung *rung, unsigned events,
		    struct rung_result *result)
{
	int r = cable_make();

	if (r < 0)
		return run_unattached(programs, rung, events, r, result);
	return count_frames(programs, rung, events, result);
}

int try_packets(struct ladder_bpf *programs, const struct rung *rung, unsigned events,
		struct rung_result *result)
{
	struct rung_result *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
					  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child;
	int status;

	if (shared == MAP_FAILED)
		return error_set(&result->reason, -errno, "no memory to try it");
	child = fork();
	if (child == 0)
		_exit(in_child(programs, rung, events, shared) < 0);
	if (child > 0 && waitpid(child, &status, 0) > 0 && WIFEXITED(status))
		*result = *shared;
	else
		error_set(&result->reason, -ECHILD, "the process that was to try it failed");
	munmap(shared, sizeof(*shared));
	return result->provoked ? 0 : -EIO;
}
