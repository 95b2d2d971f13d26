/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Real frames through a veth pair: a BPF program in one namespace redirects frames
 * into the pair, the other end filters them. Generator and receiver share one CPU,
 * so a figure is what one frame costs altogether: making it, carrying it, judging
 * it, and, where it passes, what the stack does before it throws it away.
 *
 * Frames are addressed to another host's MAC address, so that the stack drops what
 * passed as early as it can; or to this host and a UDP socket that takes nothing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "base/cleanup.h"
#include "bare.skel.h"
#include "figures.h"
#include "frames.h"
#include "rules.h"

enum { ROUNDS = 11, FRAMES = 200000, BATCH = 64, BYSTANDERS = 16 };

static const struct live_kind {
	struct frame_kind frame;
	bool local; /* to this host and up to a socket */
} kinds[] = {
	{ { "passed v4", .protocol = IPPROTO_UDP } },
	{ { "passed v6", .v6 = true, .protocol = IPPROTO_UDP } },
	{ { "blocked port v4", .protocol = IPPROTO_UDP, .blocked_port = true, .drop = true } },
	{ { "banned v4, one source", .protocol = IPPROTO_UDP, .source = SOURCE_ONE_BANNED,
	    .drop = true } },
	{ { "banned v4, random of 100", .protocol = IPPROTO_UDP, .source = SOURCE_EACH_BANNED,
	    .drop = true } },
	{ { "banned v6, one source", .v6 = true, .protocol = IPPROTO_UDP,
	    .source = SOURCE_ONE_BANNED, .drop = true } },
	{ { "passed v4 to a socket", .protocol = IPPROTO_UDP }, .local = true },
	{ { "blocked port v4, to this host", .protocol = IPPROTO_UDP, .blocked_port = true,
	    .drop = true },
	  .local = true },
	{ { "banned v4, random of 100, to this host", .protocol = IPPROTO_UDP,
	    .source = SOURCE_EACH_BANNED, .drop = true },
	  .local = true },
};

enum setup {
	NONE,
	BARE_PASS,
	BARE_DROP,
	SUMUN,
	XDP_FILTER,
	NFTABLES_NETDEV,
	NFTABLES_INET,
	SETUPS
};

static const struct {
	const char *name;
	bool xdp;
	bool local_only;
} setups[SETUPS] = {
	[NONE] = { "no filter" },
	[BARE_PASS] = { "bare XDP_PASS", .xdp = true },
	[BARE_DROP] = { "bare XDP_DROP", .xdp = true },
	[SUMUN] = { "sumun", .xdp = true },
	[XDP_FILTER] = { "xdp-filter", .xdp = true },
	[NFTABLES_NETDEV] = { "nft netdev" },
	[NFTABLES_INET] = { "nft inet", .local_only = true },
};

struct bench {
	struct lab lab;
	struct bare_bpf *bare;
	int fds[SETUPS]; /* XDP programs; -1: none */
	bool nft;
};

/* Whether frames of this kind get behind the filter. */
static bool passes(enum setup setup, const struct live_kind *kind)
{
	return setup == NONE || setup == BARE_PASS || (setup != BARE_DROP && !kind->frame.drop);
}

static bool can(const struct bench *bench, enum setup setup, const struct live_kind *kind)
{
	if (setups[setup].local_only && !kind->local)
		return false;
	if (setup == NFTABLES_NETDEV || setup == NFTABLES_INET)
		return bench->nft;
	return !setups[setup].xdp || bench->fds[setup] >= 0;
}

static int install(const struct bench *bench, enum setup setup, struct error *error)
{
	int r = 0;

	if (setups[setup].xdp)
		r = bpf_xdp_attach((int)bench->lab.receiver_index, bench->fds[setup],
				   XDP_FLAGS_DRV_MODE, NULL);
	if (r < 0)
		return error_set(error, r, "cannot attach: %s", strerror(-r));
	if (setup == NFTABLES_NETDEV || setup == NFTABLES_INET)
		r = rules_nft(setup == NFTABLES_INET ? NFT_INET : NFT_NETDEV, error);
	return r;
}

static int uninstall(const struct bench *bench, enum setup setup, struct error *error)
{
	if (setups[setup].xdp)
		return bpf_xdp_detach((int)bench->lab.receiver_index, XDP_FLAGS_DRV_MODE, NULL);
	return setup == NONE ? 0 : rules_nft_flush(error);
}

/* Sends from the generator's namespace and comes back. */
static int send_frames(const struct bench *bench, const struct live_kind *kind, int frames,
		       double *ret_ns, struct error *error)
{
	static const uint8_t another_host[6] = { 2, 0, 0, 0, 0, 0x77 };
	const uint8_t *mac = kind->local ? bench->lab.receiver_mac : another_host;
	size_t variants = frame_variants(&kind->frame);
	uint8_t frame[FRAME_MAX];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame,
		    .data_size_in = (__u32)frame_build(&kind->frame, 0, mac, frame),
		    .repeat = frames, .batch_size = BATCH, .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
	uint64_t begin;
	int r;

	for (size_t i = 0; variants > 1 && i < variants; i++) {
		struct address banned = rules_banned(false, i);

		bench->bare->bss->source[i] = address_v4(&banned);
	}
	bench->bare->bss->sources = variants > 1 ? (uint32_t)variants : 0;
	r = lab_enter(bench->lab.generator_ns, error);
	if (r < 0)
		return r;
	begin = figures_cpu_time();
	r = bpf_prog_test_run_opts(bpf_program__fd(bench->bare->progs.generate), &options);
	*ret_ns = (double)(figures_cpu_time() - begin) / frames;
	if (r < 0)
		return error_set(error, r, "live frames: %s", strerror(-r));
	return lab_enter(bench->lab.receiver_ns, error);
}

static int compare_counts(uint64_t seen, uint64_t expected, const char *what, struct error *error)
{
	if (seen < expected || seen > expected + BYSTANDERS)
		return error_set(error, -EBADMSG, "%lu %s instead of %lu", seen, what, expected);
	return 0;
}

/* Every measurement of an XDP program proves that all frames came and got the right verdict. */
static int measure(const struct bench *bench, enum setup setup, const struct live_kind *kind,
		   double *ret_ns, struct error *error)
{
	struct lab_counts before, after;
	int r = lab_count(&bench->lab, &before, error);

	if (r == 0)
		r = send_frames(bench, kind, FRAMES, ret_ns, error);
	if (r == 0)
		r = lab_count(&bench->lab, &after, error);
	if (r == 0)
		r = compare_counts(after.packets - before.packets, FRAMES, "frames came", error);
	if (r == 0 && setups[setup].xdp)
		r = compare_counts(after.drops - before.drops, passes(setup, kind) ? 0 : FRAMES,
				   "frames were dropped", error);
	return r;
}

/* A few frames of this kind to a socket of this host: they must arrive, or must not. */
static int verify(const struct bench *bench, enum setup setup, const struct live_kind *kind,
		  struct error *error)
{
	enum { TRIES = 8 };
	struct sockaddr_in6 here = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(kind->frame.blocked_port ? RULES_PORT : RULES_OPEN_PORT),
	};
	CLEANUP_CLOSE int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct live_kind local = { .frame = kind->frame, .local = true };
	uint8_t buffer[FRAME_MAX];
	int received = 0, r;
	double ns;

	if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof(here)) < 0)
		return error_set(error, -errno, "no socket: %s", strerror(errno));
	r = send_frames(bench, &local, TRIES, &ns, error);
	while (r == 0 && recv(fd, buffer, sizeof(buffer), 0) >= 0)
		received++;
	if (r == 0 && received != (passes(setup, kind) ? TRIES : 0))
		r = error_set(error, -EBADMSG, "%d of %d datagrams arrived", received, TRIES);
	return r;
}

/* A socket for what is sent to this host, so that nothing answers "port unreachable". */
static int take_nothing(uint16_t port, struct error *error)
{
	struct sockaddr_in6 here = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sock_filter refuse = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog filter = { 1, &refuse };
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) < 0 ||
	    bind(fd, (struct sockaddr *)&here, sizeof(here)) < 0)
		return error_set(error, -errno, "no socket: %s", strerror(errno));
	return fd;
}

/* One turn of one setup with one kind. */
static int take_turn(const struct bench *bench, enum setup setup, const struct live_kind *kind,
		     bool first, double *ret_ns, struct error *error)
{
	int r = install(bench, setup, error), r2;

	if (r == 0 && first)
		r = verify(bench, setup, kind, error);
	if (r == 0) {
		uint16_t port = kind->frame.blocked_port ? RULES_PORT : RULES_OPEN_PORT;
		CLEANUP_CLOSE int fd = take_nothing(port, error);

		r = fd < 0 ? fd : measure(bench, setup, kind, ret_ns, error);
	}
	r2 = uninstall(bench, setup, error);
	r = r < 0 ? r : r2;
	return r < 0 ? error_prefix(error, r, "%s, %s", setups[setup].name, kind->frame.name) : 0;
}

static void report(const struct live_kind *kind, double ns[SETUPS][ROUNDS],
		   const struct bench *bench, json_t *cases)
{
	json_t *figures = json_object();

	fprintf(stderr, "%-40s", kind->frame.name);
	for (enum setup setup = 0; setup < SETUPS; setup++) {
		double median;

		if (!can(bench, setup, kind))
			continue;
		median = figures_median(ns[setup], ROUNDS);
		fprintf(stderr, "  %s %.0f", setups[setup].name, median);
		json_object_set_new(figures, setups[setup].name,
				    json_pack("{so,sf}", "ns", figures_array(ns[setup], ROUNDS),
					      "median", (double)(int)(median * 10) / 10));
	}
	fputc('\n', stderr);
	json_array_append_new(cases,
			      json_pack("{ss,ss,so}", "packet", kind->frame.name, "verdict",
					kind->frame.drop ? "drop" : "pass", "figures", figures));
}

static int measure_all(const struct bench *bench, json_t *cases, struct error *error)
{
	static double ns[SETUPS][ROUNDS];

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (int round = 0; round < ROUNDS; round++) {
			for (enum setup setup = 0; setup < SETUPS; setup++) {
				int r = can(bench, setup, &kinds[i])
						? take_turn(bench, setup, &kinds[i], round == 0,
							    &ns[setup][round], error)
						: 0;

				if (r < 0)
					return r;
			}
		}
		report(&kinds[i], ns, bench, cases);
	}
	return 0;
}

static int prepare(struct bench *bench, struct store *store, struct error *error)
{
	int r = lab_open(&bench->lab, error);

	if (r == 0)
		r = rules_sumun(store, error);
	if (r == 0)
		r = rules_xdp_filter(&bench->lab, &bench->fds[XDP_FILTER], error);
	if (r == -ENOENT) {
		lab_missing("xdp-filter", "xdp-tools");
		r = 0;
	}
	if (r < 0)
		return r;
	r = rules_nft_flush(error);
	bench->nft = r == 0;
	if (r == -ENOENT) {
		lab_missing("nft", "nftables");
		r = 0;
	}
	if (r < 0)
		return r;
	bench->bare = bare_bpf__open();
	if (!bench->bare)
		return error_set(error, -errno, "cannot open the bare programs");
	bench->bare->rodata->out_ifindex = bench->lab.generator_index;
	r = bare_bpf__load(bench->bare);
	if (r < 0)
		return error_set(error, r, "cannot load the bare programs: %s", strerror(-r));
	bench->fds[BARE_PASS] = bpf_program__fd(bench->bare->progs.pass);
	bench->fds[BARE_DROP] = bpf_program__fd(bench->bare->progs.drop);
	bench->fds[SUMUN] = store->program_fd;
	return 0;
}

int main(void)
{
	CLEANUP_STORE struct store store = STORE_NONE;
	struct bench bench = { .fds = { [0 ... SETUPS - 1] = -1 } };
	json_t *cases = json_array();
	struct error error = { "" };
	int r = prepare(&bench, &store, &error);

	if (r == 0)
		r = measure_all(&bench, cases, &error);
	bare_bpf__destroy(bench.bare);
	if (r < 0) {
		json_decref(cases);
		fprintf(stderr, "bench-live: %s\n", *error.text ? error.text : strerror(-r));
		return EXIT_FAILURE;
	}
	return figures_print(json_pack("{ss,si,si,so}", "unit", "ns/packet", "rounds", ROUNDS,
				       "frames", FRAMES, "cases", cases));
}
