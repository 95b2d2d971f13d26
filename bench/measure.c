/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <endian.h>
#include <linux/filter.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "base/cleanup.h"
#include "figures.h"
#include "measure.h"
#include "rules.h"
#include "traffic.skel.h"

enum { FRAMES = 100000, RUNS = 400000, BATCH = 64, TRIES = 32, BYSTANDERS = 16 };

/* A flood lasts: what it touches is in the caches before the clock starts. */
enum { WARM_UP = 150000 };

const char *method_name(enum method method)
{
	static const char *const names[METHODS] = {
		[METHOD_ONE] = "test_run, one source",
		[METHOD_MANY] = "test_run, many sources",
		[METHOD_LIVE] = "live frames",
	};

	return names[method];
}

/* ---- traffic --------------------------------------------------------------------- */

/*
 * The kernel keeps a table of the XDP programs that are in use, and changing it takes grace
 * periods; so one that is attached somewhere runs sooner. Nothing comes over this loopback.
 */
static int keep_in_use(const struct traffic_bpf *bpf, struct error *error)
{
	int lo = (int)if_nametoindex("lo");
	int r = bpf_xdp_attach(lo, bpf_program__fd(bpf->progs.generate), XDP_FLAGS_SKB_MODE, NULL);

	return r < 0 ? error_set(error, r, "cannot attach the generator: %s", strerror(-r)) : 0;
}

int traffic_open(const struct lab *lab, struct traffic *ret_traffic, struct error *error)
{
	struct traffic traffic = { .lab = *lab, .bpf = traffic_bpf__open_and_load() };
	void *aims4, *aims6;

	if (!traffic.bpf)
		return error_set(error, -errno, "cannot load the generator: %s", strerror(errno));
	aims4 = mmap(NULL, AIMS4 * sizeof(*traffic.aims4), PROT_READ | PROT_WRITE, MAP_SHARED,
		     bpf_map__fd(traffic.bpf->maps.aims4), 0);
	aims6 = mmap(NULL, AIMS6 * sizeof(*traffic.aims6), PROT_READ | PROT_WRITE, MAP_SHARED,
		     bpf_map__fd(traffic.bpf->maps.aims6), 0);
	if (aims4 == MAP_FAILED || aims6 == MAP_FAILED) {
		traffic_bpf__destroy(traffic.bpf);
		return error_set(error, -errno, "cannot map the sources: %s", strerror(errno));
	}
	traffic.aims4 = aims4;
	traffic.aims6 = aims6;
	*ret_traffic = traffic;
	return keep_in_use(traffic.bpf, error);
}

void traffic_close(struct traffic *traffic)
{
	if (!traffic->bpf)
		return;
	munmap(traffic->aims4, AIMS4 * sizeof(*traffic->aims4));
	munmap(traffic->aims6, AIMS6 * sizeof(*traffic->aims6));
	traffic_bpf__destroy(traffic->bpf);
	traffic->bpf = NULL;
}

static void set_aim(struct traffic *traffic, bool v6, size_t i, const uint64_t address[2])
{
	uint64_t bytes[2] = { htobe64(address[0]), htobe64(address[1]) };

	if (v6)
		memcpy(traffic->aims6[i], bytes, sizeof(bytes));
	else
		traffic->aims4[i] = htobe32((uint32_t)address[1]);
}

int traffic_aim(struct traffic *traffic, const struct corpus *corpus, enum corpus_draw draw,
		const struct corpus *but_not, struct address *ret_first)
{
	bool v6 = corpus->kind == CORPUS_PREFIXES6;
	size_t count = v6 ? AIMS6 : AIMS4, kept = 0;
	CLEANUP_FREE uint64_t(*addresses)[2] = calloc(count, sizeof(*addresses));

	if (!addresses)
		return -ENOMEM;
	corpus_draw(corpus, draw, addresses, count);
	for (size_t i = 0; i < count; i++)
		if (!but_not || !corpus_covers(but_not, addresses[i][0], addresses[i][1]))
			set_aim(traffic, v6, kept++, addresses[i]);
	traffic->bpf->bss->aims = (uint32_t)kept;
	*ret_first = v6 ? address_from_v6(traffic->aims6[0])
			: address_from_v4((uint32_t)traffic->aims4[0]);
	return 0;
}

/* Builds the frame, and tells the generator what it looks like. */
static size_t build(const struct traffic *traffic, const struct packet *packet,
		    const uint8_t mac[6], uint8_t frame[FRAME_MAX])
{
	size_t size = frame_build(&packet->frame, 0, mac, frame);

	memcpy(traffic->bpf->bss->start, frame, sizeof(traffic->bpf->bss->start));
	return size;
}

static void instruct(const struct traffic *traffic, const struct site *site,
		     const struct packet *packet)
{
	traffic->bpf->bss->out_ifindex = site->lab.generator_index;
	traffic->bpf->bss->aim = packet->aim;
	traffic->bpf->bss->spread = packet->spread;
}

/* ---- BPF_PROG_TEST_RUN ----------------------------------------------------------- */

/* With its own namespace, because that is the one whose loopback the kernel takes. */
static int run(const struct traffic *traffic, int fd, const struct site *site,
	       const struct packet *packet, int times, struct error *error)
{
	uint8_t frame[FRAME_MAX];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame,
		    .data_size_in = (__u32)build(traffic, packet, site->lab.receiver_mac, frame),
		    .repeat = times);
	int expected = packet->frame.drop ? XDP_DROP : XDP_PASS;
	int r = bpf_prog_test_run_opts(fd, &options);

	if (r < 0)
		return error_set(error, r, "BPF_PROG_TEST_RUN: %s", strerror(-r));
	if (!packet->mixed && (int)options.retval != expected)
		return error_set(error, -EBADMSG, "wrong verdict: %u instead of %d", options.retval,
				 expected);
	return 0;
}

/* The program that gives a site's program its packets. */
static int program_before(const struct traffic *traffic, int fd, struct error *error)
{
	__u32 zero = 0, target = (__u32)fd;
	int r = bpf_map_update_elem(bpf_map__fd(traffic->bpf->maps.target), &zero, &target, 0);

	if (r == 0)
		return bpf_program__fd(traffic->bpf->progs.many);
	r = bpf_map_update_elem(bpf_map__fd(traffic->bpf->maps.target_plain), &zero, &target, 0);
	if (r == 0)
		return bpf_program__fd(traffic->bpf->progs.many_plain);
	return error_set(error, r, "cannot be called by another program: %s", strerror(-r));
}

static int measure_run(const struct traffic *traffic, const struct site *site, enum method method,
		       const struct packet *packet, struct outcome *ret_outcome,
		       struct error *error)
{
	int fd = site->fd, r = lab_enter(site->lab.receiver_ns, error);
	uint64_t begin;

	if (r == 0 && method == METHOD_MANY)
		fd = r = program_before(traffic, fd, error);
	if (r < 0)
		return r;
	if (method == METHOD_MANY)
		r = run(traffic, fd, site, packet, WARM_UP, error);
	if (r < 0)
		return r;
	begin = figures_cpu_time();
	r = run(traffic, fd, site, packet, RUNS, error);
	*ret_outcome = (struct outcome){ (double)(figures_cpu_time() - begin) / RUNS, 0 };
	return r;
}

/* ---- live frames ----------------------------------------------------------------- */

/* Sends from the generator's namespace and comes back to the site's. */
static int send_frames(const struct traffic *traffic, const struct site *site,
		       const struct packet *packet, bool local, int frames, double *ret_ns,
		       struct error *error)
{
	static const uint8_t another_host[6] = { 2, 0, 0, 0, 0, 0x77 };
	const uint8_t *mac = local ? site->lab.receiver_mac : another_host;
	uint8_t frame[FRAME_MAX];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame,
		    .data_size_in = (__u32)build(traffic, packet, mac, frame), .repeat = frames,
		    .batch_size = BATCH, .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
	uint64_t begin;
	int r = lab_enter(traffic->lab.generator_ns, error);

	if (r < 0)
		return r;
	begin = figures_cpu_time();
	r = bpf_prog_test_run_opts(bpf_program__fd(traffic->bpf->progs.generate), &options);
	*ret_ns = (double)(figures_cpu_time() - begin) / frames;
	if (r < 0)
		return error_set(error, r, "live frames: %s", strerror(-r));
	return lab_enter(site->lab.receiver_ns, error);
}

static struct sockaddr_in6 port_of(const struct packet *packet)
{
	uint16_t port = packet->frame.to_port ? packet->frame.to_port : RULES_OPEN_PORT;

	return (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port) };
}

/* A socket that takes all of it, or, for measurements, throws it away as it comes. */
static int listen_there(const struct packet *packet, bool take, struct error *error)
{
	struct sockaddr_in6 here = port_of(packet);
	struct sock_filter refuse = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog filter = { 1, &refuse };
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
	    (!take && setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) < 0) ||
	    bind(fd, (struct sockaddr *)&here, sizeof(here)) < 0)
		return error_set(error, -errno, "no socket: %s", strerror(errno));
	return fd;
}

static int serve(const struct packet *packet, struct error *error)
{
	struct sockaddr_in6 here = port_of(packet);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof(here)) < 0 || listen(fd, 1) < 0)
		return error_set(error, -errno, "no server: %s", strerror(errno));
	return fd;
}

static int compare_counts(uint64_t seen, uint64_t expected, const char *what, struct error *error)
{
	if (seen < expected || seen > expected + BYSTANDERS)
		return error_set(error, -EBADMSG, "%lu %s instead of %lu", seen, what, expected);
	return 0;
}

static int measure_live(const struct traffic *traffic, const struct site *site,
			const struct packet *packet, struct outcome *ret_outcome,
			struct error *error)
{
	struct lab_counts before, after;
	uint64_t drops;
	double ns;
	int r = lab_enter(site->lab.receiver_ns, error);

	if (r == 0)
		r = send_frames(traffic, site, packet, site->local, WARM_UP, &ns, error);
	if (r == 0)
		r = lab_count(&site->lab, &before, error);
	if (r == 0)
		r = send_frames(traffic, site, packet, site->local, FRAMES, &ns, error);
	if (r == 0)
		r = lab_count(&site->lab, &after, error);
	if (r < 0)
		return r;
	drops = after.drops - before.drops;
	r = compare_counts(after.packets - before.packets, FRAMES, "frames came", error);
	if (r == 0 && site->fd >= 0 && !packet->mixed)
		r = compare_counts(drops, packet->frame.drop ? FRAMES : 0, "frames were dropped",
				   error);
	*ret_outcome = (struct outcome){ ns, (double)drops / FRAMES };
	return r;
}

/* ---- both
 * ---------------------------------------------------------------------------------------- */

int measure(const struct traffic *traffic, const struct site *site, enum method method,
	    const struct packet *packet, struct outcome *ret_outcome, struct error *error)
{
	CLEANUP_CLOSE int socket = -1, server = -1;
	int r = lab_enter(site->lab.receiver_ns, error);

	if (r == 0 && (method == METHOD_LIVE || packet->served))
		socket = r = listen_there(packet, false, error);
	if (r >= 0 && packet->served)
		server = r = serve(packet, error);
	if (r < 0)
		return r;
	instruct(traffic, site, packet);
	if (method == METHOD_LIVE)
		return measure_live(traffic, site, packet, ret_outcome, error);
	return measure_run(traffic, site, method, packet, ret_outcome, error);
}

int measure_check(const struct traffic *traffic, const struct site *site,
		  const struct packet *packet, struct error *error)
{
	CLEANUP_CLOSE int socket = -1;
	int received = 0, r = lab_enter(site->lab.receiver_ns, error);
	uint8_t buffer[FRAME_MAX];
	double ns;

	instruct(traffic, site, packet);
	if (r == 0)
		socket = r = listen_there(packet, true, error);
	if (r >= 0)
		r = send_frames(traffic, site, packet, true, TRIES, &ns, error);
	while (r == 0 && recv(socket, buffer, sizeof(buffer), 0) >= 0)
		received++;
	if (r == 0 && received != (packet->frame.drop ? 0 : TRIES))
		r = error_set(error, -EBADMSG, "%d of %d datagrams arrived", received, TRIES);
	return r;
}
