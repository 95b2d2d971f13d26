/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/if_link.h>

#include "bare.skel.h"
#include "base/cleanup.h"
#include "maps.h"
#include "peers.h"
#include "rules.h"
#include "sumun.h"

#define SUMUN_PINS "/sys/fs/bpf/sumun"

const struct peer_info peer_infos[PEERS] = {
	[NO_FILTER] = { "no filter", "g-none" },
	[NO_FILTER_HERE] = { "no filter, to this host", "g-here", .local = true },
	[BARE_PASS] = { "bare XDP_PASS", "g-pass", .xdp = true },
	[BARE_DROP] = { "bare XDP_DROP", "g-drop", .xdp = true },
	[SUMUN] = { "sumun", "g-sumun", .xdp = true },
	[SUMUN_BANS] = { "sumun bans", "g-bans", .xdp = true, .most = 100000 },
	[TRIE] = { "BPF LPM trie", "g-trie", .xdp = true },
	[HASH] = { "BPF hash", "g-hash", .xdp = true },
	[NFT_HASH] = { "nft hash", "g-nhash", "nft", "nftables" },
	[NFT_INTERVAL] = { "nft interval", "g-ninterval", "nft", "nftables" },
	[NFT_METER] = { "nft meter", "g-nmeter", "nft", "nftables" },
	[IPSET_IP] = { "ipset hash:ip", "g-ipsetip", "ipset", "ipset", .local = true },
	[IPSET_NET] = { "ipset hash:net", "g-ipsetnet", "ipset", "ipset", .local = true },
	[HASHLIMIT] = { "hashlimit", "g-hashlimit", "iptables", "iptables", .local = true },
	[XDP_FILTER] = { "xdp-filter", "g-xdpfilter", "xdp-filter", "xdp-tools", .xdp = true,
			 .most = 10000 },
};

int peer_site(enum peer peer, const struct lab *lab, struct site *ret_site, struct error *error)
{
	struct site site = { .fd = -1, .local = peer_infos[peer].local };
	int r = lab_another(lab, peer_infos[peer].generator, &site.lab, error);

	if (r == 0)
		*ret_site = site;
	return r;
}

bool peer_installed(enum peer peer)
{
	const char *tool = peer_infos[peer].tool;
	char line[64];

	/* bench/run names it; without it, the others are measured alone. */
	if (peer == SUMUN || peer == SUMUN_BANS)
		return getenv("SUMUN") != NULL;
	if (!tool)
		return true;
	snprintf(line, sizeof(line), "command -v %s >/dev/null", tool);
	if (system(line) == 0)
		return true;
	lab_missing(tool, peer_infos[peer].package);
	return false;
}

/* ---- what a load takes ----------------------------------------------------------- */

double kernel_memory(void)
{
	static const char *const what[] = { "SUnreclaim:", "VmallocUsed:", "Percpu:" };
	CLEANUP_FCLOSE FILE *file = fopen("/proc/meminfo", "re");
	char name[32];
	double sum = 0;
	long kilobytes;

	while (file && fscanf(file, "%31s %ld%*[^\n]", name, &kilobytes) == 2)
		for (size_t i = 0; i < ARRAY_SIZE(what); i++)
			if (strcmp(name, what[i]) == 0)
				sum += 1024.0 * (double)kilobytes;
	return sum;
}

void peers_settle(void)
{
	enum { TURNS = 30, TURN_US = 100000, NOISE = 1 << 18 };
	double before = kernel_memory(), now = 0;
	int quiet = 0;

	for (int i = 0; i < TURNS && quiet < 5; i++) {
		usleep(TURN_US);
		now = kernel_memory();
		quiet = now > before - NOISE && now < before + NOISE ? quiet + 1 : 0;
		before = now;
	}
}

static double wall_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Runs a command of a peer, and adds what it took. */
static int run_timed(const char *const argv[], const char *input, struct peer_cost *cost,
		     struct error *error)
{
	double begin = wall_time();
	int r = lab_run(argv, input, error);

	cost->seconds += wall_time() - begin;
	return r;
}

/* ---- XDP programs
 * -------------------------------------------------------------------------------- */

static int attach(struct site *site, int fd, struct error *error)
{
	int r = bpf_xdp_attach((int)site->lab.receiver_index, fd, XDP_FLAGS_DRV_MODE, NULL);

	if (r < 0) {
		close(fd);
		return error_set(error, r, "cannot attach: %s", strerror(-r));
	}
	site->fd = fd;
	return 0;
}

static int detach(struct site *site)
{
	bpf_xdp_detach((int)site->lab.receiver_index, XDP_FLAGS_DRV_MODE, NULL);
	close(site->fd);
	site->fd = -1;
	return 0;
}

static int load_bare(bool pass, struct site *site, struct error *error)
{
	struct bare_bpf *bare = bare_bpf__open_and_load();
	int r;

	if (!bare)
		return error_set(error, -errno, "cannot load the bare programs");
	r = attach(site, dup(bpf_program__fd(pass ? bare->progs.pass : bare->progs.drop)), error);
	bare_bpf__destroy(bare);
	return r;
}

static int load_maps(bool tries, const struct peer_rules *rules, struct site *site,
		     struct peer_cost *cost, struct error *error)
{
	double begin = wall_time();
	int fd = maps_load(tries, rules->lists, error);

	cost->seconds += wall_time() - begin;
	return fd < 0 ? fd : attach(site, fd, error);
}

static int load_xdp_filter(const struct peer_rules *rules, struct site *site, struct error *error)
{
	const char *const load[] = { "xdp-filter", "load", "-f", "ipv4", LAB_RECEIVER, NULL };
	int fd, r = lab_run(load, NULL, error);

	if (r == 0 && rules->lists[0] && rules->lists[0]->count)
		r = maps_fill_xdp_filter(rules->lists[0], error);
	if (r < 0)
		return r;
	fd = site_program(site, error);
	if (fd < 0)
		return fd;
	site->fd = fd;
	return 0;
}

static int unload_xdp_filter(struct site *site, struct error *error)
{
	const char *const unload[] = { "xdp-filter", "unload", LAB_RECEIVER, NULL };

	close(site->fd);
	site->fd = -1;
	return lab_run(unload, NULL, error);
}

/* ---- scripts
 * -------------------------------------------------------------------------------------- */

static bool is_v6(const struct corpus *list)
{
	return list->kind == CORPUS_PREFIXES6;
}

static void write_nft_set(const struct corpus *list, const char *flags, FILE *out)
{
	fprintf(out, "set listed%d { type ipv%d_addr; %s", is_v6(list) ? 6 : 4, is_v6(list) ? 6 : 4,
		flags);
	if (list->count) {
		fprintf(out, "elements = {\n");
		corpus_write(list, "", ",\n", out);
		fprintf(out, "}\n");
	}
	fprintf(out, "}\n");
}

#define NFT_HOOK "chain c { type filter hook ingress device " LAB_RECEIVER " priority 0;\n"

static void write_nft(enum peer peer, const struct peer_rules *rules, FILE *out)
{
	fprintf(out, "table netdev bench {\n");
	if (peer == NFT_METER) {
		fprintf(out,
			"set sources { type ipv4_addr; size 131072; flags dynamic,timeout;"
			" timeout 10s; }\n" NFT_HOOK "udp dport %d update @sources"
			" { ip saddr limit rate over 100/second burst 100 packets } drop\n}\n}\n",
			RULES_OPEN_PORT);
		return;
	}
	for (size_t i = 0; rules->lists[i]; i++)
		write_nft_set(rules->lists[i], peer == NFT_INTERVAL ? "flags interval; " : "", out);
	fprintf(out, NFT_HOOK);
	for (size_t i = 0; rules->lists[i]; i++)
		fprintf(out, is_v6(rules->lists[i]) ? "ip6 saddr @listed6 drop\n"
						    : "ip saddr @listed4 drop\n");
	fprintf(out, "}\n}\n");
}

static void write_ipset(enum peer peer, const struct peer_rules *rules, FILE *out)
{
	for (size_t i = 0; rules->lists[i]; i++) {
		const struct corpus *list = rules->lists[i];
		char before[32];

		snprintf(before, sizeof(before), "add listed%d ", is_v6(list) ? 6 : 4);
		fprintf(out, "create listed%d hash:%s family %s maxelem %zu\n", is_v6(list) ? 6 : 4,
			peer == IPSET_IP ? "ip" : "net", is_v6(list) ? "inet6" : "inet",
			list->count + 1);
		corpus_write(list, before, "\n", out);
	}
}

static char *script(enum peer peer, const struct peer_rules *rules)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (peer == IPSET_IP || peer == IPSET_NET)
		write_ipset(peer, rules, out);
	else
		write_nft(peer, rules, out);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

static int load_script(enum peer peer, const struct peer_rules *rules, struct peer_cost *cost,
		       struct error *error)
{
	static const char *const nft[] = { "nft", "-f", "-", NULL };
	static const char *const ipset[] = { "ipset", "restore", NULL };
	CLEANUP_FREE char *text = script(peer, rules);

	if (!text)
		return -ENOMEM;
	return run_timed(peer == IPSET_IP || peer == IPSET_NET ? ipset : nft, text, cost, error);
}

/* ---- iptables
 * --------------------------------------------------------------------------------------- */

static int match_ipset(bool v6, struct error *error)
{
	const char *const match[] = { v6 ? "ip6tables" : "iptables",
				      "-t",
				      "raw",
				      "-A",
				      "PREROUTING",
				      "-m",
				      "set",
				      "--match-set",
				      v6 ? "listed6" : "listed4",
				      "src",
				      "-j",
				      "DROP",
				      NULL };

	return lab_run(match, NULL, error);
}

static int load_ipset(enum peer peer, const struct peer_rules *rules, struct peer_cost *cost,
		      struct error *error)
{
	int r = load_script(peer, rules, cost, error);

	for (size_t i = 0; r == 0 && rules->lists[i]; i++)
		r = match_ipset(is_v6(rules->lists[i]), error);
	return r;
}

static int load_hashlimit(struct error *error)
{
	char port[8];
	const char *const limit[] = { "iptables",   "-t",
				      "raw",        "-A",
				      "PREROUTING", "-p",
				      "udp",        "--dport",
				      port,         "-m",
				      "hashlimit",  "--hashlimit-above",
				      "100/sec",    "--hashlimit-burst",
				      "100",        "--hashlimit-mode",
				      "srcip",      "--hashlimit-name",
				      "bench",      "--hashlimit-htable-size",
				      "65536",      "--hashlimit-htable-max",
				      "131072",     "-j",
				      "DROP",       NULL };

	snprintf(port, sizeof(port), "%d", RULES_OPEN_PORT);
	return lab_run(limit, NULL, error);
}

static int flush_iptables(bool sets, struct error *error)
{
	static const char *const flush[] = { "iptables", "-t", "raw", "-F", NULL };
	static const char *const flush6[] = { "ip6tables", "-t", "raw", "-F", NULL };
	static const char *const destroy[] = { "ipset", "destroy", NULL };
	int r = lab_run(flush, NULL, error);

	if (r == 0)
		r = lab_run(flush6, NULL, error);
	/* The rules are gone after an RCU grace period, and refer to the sets until then. */
	usleep(200000);
	return r == 0 && sets ? lab_run(destroy, NULL, error) : r;
}

/* ---- all
 * -----------------------------------------------------------------------------------------------
 */

static int load(enum peer peer, const struct peer_rules *rules, struct site *site,
		struct peer_cost *cost, struct error *error)
{
	switch (peer) {
	case BARE_PASS:
	case BARE_DROP:
		return load_bare(peer == BARE_PASS, site, error);
	case TRIE:
	case HASH:
		return load_maps(peer == TRIE, rules, site, cost, error);
	case SUMUN:
	case SUMUN_BANS:
		return sumun_load(peer == SUMUN_BANS, rules, site, &cost->seconds, error);
	case NFT_HASH:
	case NFT_INTERVAL:
	case NFT_METER:
		return load_script(peer, rules, cost, error);
	case IPSET_IP:
	case IPSET_NET:
		return load_ipset(peer, rules, cost, error);
	case HASHLIMIT:
		return load_hashlimit(error);
	case XDP_FILTER:
		return load_xdp_filter(rules, site, error);
	case NO_FILTER:
	case NO_FILTER_HERE:
	case PEERS:
		break;
	}
	return 0;
}

int peer_load(enum peer peer, const struct peer_rules *rules, struct site *site,
	      struct peer_cost *ret_cost, struct error *error)
{
	struct peer_cost cost = { 0 };
	int r = lab_enter(site->lab.receiver_ns, error);
	double before = kernel_memory(), pinned = maps_pinned_memory(SUMUN_PINS);

	if (r == 0)
		r = load(peer, rules, site, &cost, error);
	if (r < 0)
		return error_prefix(error, r, "%s", peer_infos[peer].name);
	/* Of a trie's inner nodes the kernel keeps no account. */
	if (peer == SUMUN || peer == SUMUN_BANS)
		cost.memory = maps_pinned_memory(SUMUN_PINS) - pinned;
	else
		cost.memory = kernel_memory() - before;
	*ret_cost = cost;
	return 0;
}

int peer_unload(enum peer peer, struct site *site, struct error *error)
{
	int r = lab_enter(site->lab.receiver_ns, error);

	if (r < 0)
		return r;
	switch (peer) {
	case BARE_PASS:
	case BARE_DROP:
	case TRIE:
	case HASH:
		return detach(site);
	case SUMUN:
	case SUMUN_BANS:
		return sumun_unload(site, error);
	case NFT_HASH:
	case NFT_INTERVAL:
	case NFT_METER:
		return rules_nft_flush(error);
	case IPSET_IP:
	case IPSET_NET:
	case HASHLIMIT:
		return flush_iptables(peer != HASHLIMIT, error);
	case XDP_FILTER:
		return unload_xdp_filter(site, error);
	case NO_FILTER:
	case NO_FILTER_HERE:
	case PEERS:
		break;
	}
	return 0;
}
