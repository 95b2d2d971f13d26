/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filters that hold a list: what loads it into each, what that takes, and how it is taken
 * out again. Each has a site of its own, so all can be in force at the same time.
 */
#pragma once

#include <stdint.h>

#include "measure.h"

enum peer {
	NO_FILTER,
	NO_FILTER_HERE, /* the same, and packets are sent to this host */
	BARE_PASS,
	BARE_DROP,
	SUMUN,      /* lists, guards and all else that its configuration says */
	SUMUN_BANS, /* bans, by its command */
	TRIE,       /* BPF_MAP_TYPE_LPM_TRIE */
	HASH,       /* BPF_MAP_TYPE_HASH */
	NFT_HASH,
	NFT_INTERVAL,
	NFT_METER, /* a limit for each source, in a dynamic set */
	IPSET_IP,
	IPSET_NET,
	HASHLIMIT,
	XDP_FILTER,
	PEERS
};

struct peer_info {
	const char *name;
	const char *generator; /* its veth's other end */
	const char *tool;      /* the command that it needs, NULL: none */
	const char *package;   /* which that is in */
	bool xdp;
	bool local;
	size_t most; /* entries; 0: any number */
};
extern const struct peer_info peer_infos[PEERS];

/* What one load took. */
struct peer_cost {
	double seconds; /* by the clock on the wall */
	double memory;  /* bytes of the kernel's */
};

/*
 * What to filter: any number of lists, NULL at the end; and for sumun the lines that its
 * configuration has besides.
 */
struct peer_rules {
	const struct corpus *lists[3];
	const char *sumun;
};

/* Makes the site's namespace and veth; loads nothing. */
int peer_site(enum peer peer, const struct lab *lab, struct site *ret_site, struct error *error);

/* Whether it is installed; says so when it is not. */
bool peer_installed(enum peer peer);

/* -ENOENT when its command is not installed. The thread is then in the site's namespace. */
int peer_load(enum peer peer, const struct peer_rules *rules, struct site *site,
	      struct peer_cost *ret_cost, struct error *error);
int peer_unload(enum peer peer, struct site *site, struct error *error);

/* What was unloaded is freed behind our back: waits until that is over, 3 s at most. */
void peers_settle(void);

/* Bytes that the kernel itself uses: slabs, vmalloc, per-CPU areas. */
double kernel_memory(void);
