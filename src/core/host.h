/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts of this host that decide what must never be shut out: read from the kernel's
 * and the system's own files each time they are asked for.
 */
#pragma once

#include <net/if.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/address.h"
#include "base/error.h"

enum peer_role {
	PEER_GATEWAY,  /* of a default route */
	PEER_RESOLVER, /* of resolv.conf */
	PEER_SSH,      /* the other end of the SSH session this command runs in */
	PEER_SELF,     /* an address of this host */
};

struct peer {
	struct address address;
	enum peer_role role;
	uint16_t port; /* PEER_SSH: our port of the session; PEER_RESOLVER: 53; else 0 */
};

enum { PEERS_MAX = 512 };

struct peers {
	size_t count;
	struct peer peers[PEERS_MAX];
};

const char *peer_role_name(enum peer_role role); /* "the default gateway", "a resolver", ... */

/* What cannot be read is left out: no resolver is no error. */
void host_peers(struct peers *ret_peers);

/* The interface of the default route, IPv4 first. -ENOENT when there is none. */
int host_default_interface(char ret_name[IF_NAMESIZE]);

/*
 * The ports that our own outbound connections are given (net.ipv4.ip_local_port_range, which
 * IPv6 uses too); what the kernel comes with where that cannot be read.
 */
void host_ephemeral_ports(uint32_t *ret_first, uint32_t *ret_last);

/* The parent of a process; 0 when it cannot be told. */
pid_t host_parent_of(pid_t pid);

/* ---- parsers of the files, for tests ------------------------------------------- */

/* "client-address client-port server-address server-port", as sshd sets SSH_CONNECTION. */
int host_parse_ssh_connection(const char *text, struct peer *ret_peer);
/* A line of /proc/net/route, of /proc/net/ipv6_route: -ENOENT when it is no default route. */
int host_parse_route4(const char *line, char ret_interface[IF_NAMESIZE],
		      struct address *ret_gateway);
int host_parse_route6(const char *line, char ret_interface[IF_NAMESIZE],
		      struct address *ret_gateway);
/* A line of resolv.conf: -ENOENT when it names no server. */
int host_parse_resolver(const char *line, struct address *ret_address);
