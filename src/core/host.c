/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/host.h"

enum { ROUTE_GATEWAY = 2, ROUTE_REJECT = 0x200, DNS_PORT = 53 };

const char *peer_role_name(enum peer_role role)
{
	static const char *const names[] = {
		[PEER_GATEWAY] = "the default gateway",
		[PEER_RESOLVER] = "a name server of this host",
		[PEER_SSH] = "the SSH client in use",
		[PEER_SELF] = "an address of this host",
	};
	_Static_assert(ARRAY_SIZE(names) == PEER_SELF + 1, "a name for every role");

	return names[role];
}

static void add_peer(struct peers *peers, struct address address, enum peer_role role,
		     uint16_t port)
{
	for (size_t i = 0; i < peers->count; i++)
		if (address_equal(&peers->peers[i].address, &address) &&
		    peers->peers[i].role == role)
			return;
	if (peers->count < PEERS_MAX)
		peers->peers[peers->count++] =
			(struct peer){ .address = address, .role = role, .port = port };
}

static bool is_unspecified(const struct address *address)
{
	static const struct address zero;

	return address_equal(address, &zero) || (address_is_v4(address) && !address_v4(address));
}

/* ---- routes ---------------------------------------------------------------------- */

int host_parse_route4(const char *line, char ret_interface[IF_NAMESIZE],
		      struct address *ret_gateway)
{
	unsigned destination, gateway, flags, mask;
	char name[IF_NAMESIZE];

	if (sscanf(line, "%15s %x %x %x %*u %*u %*u %x", name, &destination, &gateway, &flags,
		   &mask) != 5)
		return -ENOENT; /* the head line, for one */
	if (destination != 0 || mask != 0 || flags & ROUTE_REJECT)
		return -ENOENT;
	memcpy(ret_interface, name, IF_NAMESIZE);
	*ret_gateway = address_from_v4(flags & ROUTE_GATEWAY ? gateway : 0);
	return 0;
}

static int parse_hex_address(const char *text, struct address *ret_address)
{
	for (size_t i = 0; i < sizeof(ret_address->bytes); i++)
		if (sscanf(text + 2 * i, "%2hhx", &ret_address->bytes[i]) != 1)
			return -EINVAL;
	return 0;
}

int host_parse_route6(const char *line, char ret_interface[IF_NAMESIZE],
		      struct address *ret_gateway)
{
	char destination[33], gateway[33], name[IF_NAMESIZE];
	unsigned length, flags;

	if (sscanf(line, "%32s %x %*s %*x %32s %*x %*x %*x %x %15s", destination, &length, gateway,
		   &flags, name) != 5)
		return -ENOENT;
	if (length != 0 || strspn(destination, "0") != 32 || flags & ROUTE_REJECT ||
	    strlen(gateway) != 32 || parse_hex_address(gateway, ret_gateway) < 0)
		return -ENOENT;
	memcpy(ret_interface, name, IF_NAMESIZE);
	return 0;
}

typedef int parse_route(const char *line, char interface[IF_NAMESIZE], struct address *gateway);

static const struct {
	const char *path;
	parse_route *parse;
} route_files[] = {
	{ "/proc/net/route", host_parse_route4 },
	{ "/proc/net/ipv6_route", host_parse_route6 },
};

static void add_gateways(struct peers *peers)
{
	for (size_t i = 0; i < ARRAY_SIZE(route_files); i++) {
		CLEANUP_FCLOSE FILE *file = fopen(route_files[i].path, "re");
		char line[512], name[IF_NAMESIZE];
		struct address gateway;

		while (file && fgets(line, sizeof(line), file))
			if (route_files[i].parse(line, name, &gateway) == 0 &&
			    !is_unspecified(&gateway))
				add_peer(peers, gateway, PEER_GATEWAY, 0);
	}
}

void host_ephemeral_ports(uint32_t *ret_first, uint32_t *ret_last)
{
	CLEANUP_FCLOSE FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");

	if (!file || fscanf(file, "%u %u", ret_first, ret_last) != 2) {
		*ret_first = 32768;
		*ret_last = 60999;
	}
}

int host_default_interface(char ret_name[IF_NAMESIZE])
{
	for (size_t i = 0; i < ARRAY_SIZE(route_files); i++) {
		CLEANUP_FCLOSE FILE *file = fopen(route_files[i].path, "re");
		char line[512], name[IF_NAMESIZE];
		struct address gateway;

		while (file && fgets(line, sizeof(line), file)) {
			if (route_files[i].parse(line, name, &gateway) < 0 ||
			    strcmp(name, "lo") == 0)
				continue;
			memcpy(ret_name, name, IF_NAMESIZE);
			return 0;
		}
	}
	return -ENOENT;
}

/* ---- name servers ------------------------------------------------------------------ */

int host_parse_resolver(const char *line, struct address *ret_address)
{
	char text[64], *zone;

	if (sscanf(line, " nameserver %63s", text) != 1)
		return -ENOENT;
	zone = strchr(text, '%');
	if (zone)
		*zone = '\0';
	return address_parse(text, ret_address, NULL) < 0 ? -ENOENT : 0;
}

static void add_resolvers(struct peers *peers)
{
	/* The second holds the real servers where the first names systemd-resolved's own. */
	static const char *const paths[] = { "/etc/resolv.conf",
					     "/run/systemd/resolve/resolv.conf" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		CLEANUP_FCLOSE FILE *file = fopen(paths[i], "re");
		struct address address;
		char line[512];

		while (file && fgets(line, sizeof(line), file))
			if (host_parse_resolver(line, &address) == 0)
				add_peer(peers, address, PEER_RESOLVER, DNS_PORT);
	}
}

/* ---- SSH ----------------------------------------------------------------------------- */

int host_parse_ssh_connection(const char *text, struct peer *ret_peer)
{
	char client[64], digits[7], *zone; /* a digit more than a port has */
	int port;

	if (sscanf(text, "%63s %*u %*s %6[0-9]", client, digits) != 2)
		return -EINVAL;
	port = atoi(digits);
	if (port == 0 || port > 65535)
		return -EINVAL;
	zone = strchr(client, '%');
	if (zone)
		*zone = '\0';
	if (address_parse(client, &ret_peer->address, NULL) < 0)
		return -EINVAL;
	ret_peer->role = PEER_SSH;
	ret_peer->port = (uint16_t)port;
	return 0;
}

/* The value of a variable in a block of NUL-terminated strings, or NULL. */
static const char *find_variable(const char *block, size_t size, const char *prefix)
{
	for (const char *at = block; at < block + size; at += strlen(at) + 1)
		if (strncmp(at, prefix, strlen(prefix)) == 0)
			return at + strlen(prefix);
	return NULL;
}

pid_t host_parent_of(pid_t pid)
{
	char path[64], text[512], *after_name;
	CLEANUP_FCLOSE FILE *file = NULL;
	int parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file || !fgets(text, sizeof(text), file))
		return 0;
	after_name = strrchr(text, ')'); /* a command's name may hold anything */
	return after_name && sscanf(after_name, ") %*c %d", &parent) == 1 ? parent : 0;
}

static bool ssh_of_process(pid_t pid, struct peer *ret_peer)
{
	static char block[128 * 1024];
	CLEANUP_CLOSE int fd = -1;
	const char *value;
	char path[64];
	ssize_t size;

	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	size = fd < 0 ? -1 : read(fd, block, sizeof(block) - 1);
	if (size <= 0)
		return false;
	block[size] = '\0';
	value = find_variable(block, (size_t)size, "SSH_CONNECTION=");
	return value && host_parse_ssh_connection(value, ret_peer) == 0;
}

/* sudo takes SSH_CONNECTION out of the environment; the shell before it still has it. */
static void add_ssh_client(struct peers *peers)
{
	const char *own = getenv("SSH_CONNECTION");
	struct peer peer;

	if (own && host_parse_ssh_connection(own, &peer) == 0) {
		add_peer(peers, peer.address, peer.role, peer.port);
		return;
	}
	for (pid_t pid = getppid(); pid > 1; pid = host_parent_of(pid)) {
		if (ssh_of_process(pid, &peer)) {
			add_peer(peers, peer.address, peer.role, peer.port);
			return;
		}
	}
}

/* ---- this host ------------------------------------------------------------------------- */

static void add_own_addresses(struct peers *peers)
{
	struct ifaddrs *list, *entry;

	if (getifaddrs(&list) < 0)
		return;
	for (entry = list; entry; entry = entry->ifa_next) {
		const struct sockaddr *address = entry->ifa_addr;

		if (address && address->sa_family == AF_INET)
			add_peer(peers,
				 address_from_v4(
					 ((const struct sockaddr_in *)address)->sin_addr.s_addr),
				 PEER_SELF, 0);
		else if (address && address->sa_family == AF_INET6)
			add_peer(
				peers,
				address_from_v6(&((const struct sockaddr_in6 *)address)->sin6_addr),
				PEER_SELF, 0);
	}
	freeifaddrs(list);
}

void host_peers(struct peers *ret_peers)
{
	ret_peers->count = 0;
	add_ssh_client(ret_peers);
	add_gateways(ret_peers);
	add_resolvers(ret_peers);
	add_own_addresses(ret_peers);
}
