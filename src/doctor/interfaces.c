/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "core/netlink.h"
#include "doctor/facts.h"

/* What one link tells of itself. */
struct link {
	struct ifinfomsg head;
	char name[IF_NAMESIZE];
	unsigned mtu, receive_queues, transmit_queues;
	unsigned peer; /* of a veth: the index of its other end */
	bool peer_elsewhere;
	char kind[32]; /* "veth", "bridge"; "" for hardware */
};

struct links {
	struct link *links;
	size_t count;
	bool out_of_memory;
};

static void take_text(const struct rtattr *attribute, char *text, size_t size)
{
	if (attribute)
		snprintf(text, size, "%.*s", (int)RTA_PAYLOAD(attribute),
			 (const char *)RTA_DATA(attribute));
}

static void take_link(void *context, const void *data, size_t size)
{
	const struct rtattr *attributes[IFLA_LINK_NETNSID + 1], *kinds[IFLA_INFO_KIND + 1];
	struct links *links = context;
	struct link *grown = reallocarray(links->links, links->count + 1, sizeof(links->links[0])),
		    *link;

	if (!grown) {
		links->out_of_memory = true;
		return;
	}
	links->links = grown;
	link = &grown[links->count++];
	*link = (struct link){ .mtu = 0 };
	memcpy(&link->head, data, sizeof(link->head));
	netlink_attributes(data, size, sizeof(link->head), attributes, ARRAY_SIZE(attributes));
	take_text(attributes[IFLA_IFNAME], link->name, sizeof(link->name));
	link->mtu = netlink_u32(attributes[IFLA_MTU]);
	link->receive_queues = netlink_u32(attributes[IFLA_NUM_RX_QUEUES]);
	link->transmit_queues = netlink_u32(attributes[IFLA_NUM_TX_QUEUES]);
	link->peer = netlink_u32(attributes[IFLA_LINK]);
	link->peer_elsewhere = attributes[IFLA_LINK_NETNSID];
	if (attributes[IFLA_LINKINFO]) {
		netlink_attributes(RTA_DATA(attributes[IFLA_LINKINFO]),
				   RTA_PAYLOAD(attributes[IFLA_LINKINFO]), 0, kinds,
				   ARRAY_SIZE(kinds));
		take_text(kinds[IFLA_INFO_KIND], link->kind, sizeof(link->kind));
	}
}

static int read_links(struct links *links)
{
	const struct ifinfomsg all = { .ifi_family = AF_UNSPEC };
	struct netlink_request request;
	int r;

	netlink_begin(&request, RTM_GETLINK, NLM_F_DUMP, &all, sizeof(all));
	r = netlink_call(NETLINK_ROUTE, &request, take_link, links);
	return links->out_of_memory ? -ENOMEM : r;
}

static void look_at_program(struct interface_facts *facts)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	CLEANUP_CLOSE int fd = -1;
	int pinned;

	facts->program_error = attach_query(facts->index, &facts->program_mode, &facts->program);
	if (facts->program_error || !facts->program)
		return;
	fd = bpf_prog_get_fd_by_id(facts->program);
	if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
		snprintf(facts->program_name, sizeof(facts->program_name), "%s", info.name);
	pinned = is_pinned(facts->program);
	facts->program_known = pinned >= 0;
	facts->program_ours = pinned > 0;
}

static void look_at_peer(const struct links *links, const struct link *link,
			 struct interface_facts *facts)
{
	struct offload_facts offloads = { .error = 0 };
	enum attach_mode mode;
	uint32_t program = 0;

	if (strcmp(link->kind, "veth") != 0 || !link->peer)
		return;
	facts->peer = PEER_IS_ELSEWHERE;
	for (size_t i = 0; !link->peer_elsewhere && i < links->count; i++) {
		if ((unsigned)links->links[i].head.ifi_index != link->peer)
			continue;
		facts->peer = PEER_IS_HERE;
		memcpy(facts->peer_name, links->links[i].name, IF_NAMESIZE);
		look_at_offloads(facts->peer_name, &offloads);
		facts->peer_gro = offloads.gro;
		facts->peer_program = attach_query(link->peer, &mode, &program) == 0 && program;
	}
}

static void look_at_link(const struct links *links, const struct link *link,
			 struct interface_facts *facts)
{
	memcpy(facts->name, link->name, IF_NAMESIZE);
	facts->index = (unsigned)link->head.ifi_index;
	facts->up = link->head.ifi_flags & IFF_UP;
	facts->loopback = link->head.ifi_flags & IFF_LOOPBACK;
	facts->headless =
		link->head.ifi_type != ARPHRD_ETHER && link->head.ifi_type != ARPHRD_LOOPBACK;
	facts->mtu = link->mtu;
	facts->receive_queues = link->receive_queues;
	facts->transmit_queues = link->transmit_queues;
	look_at_driver(link->name, facts);
	if (!facts->driver[0])
		memcpy(facts->driver, link->kind, sizeof(facts->driver));
	look_at_offloads(link->name, &facts->offloads);
	facts->features_error = look_at_features(facts->index, &facts->features);
	look_at_program(facts);
	look_at_peer(links, link, facts);
}

/* Without names: what is up and leads somewhere. */
static void look_at_all(const struct links *links, struct facts *facts)
{
	for (size_t i = 0; i < links->count; i++) {
		const struct link *link = &links->links[i];

		if (link->head.ifi_flags & IFF_UP && !(link->head.ifi_flags & IFF_LOOPBACK))
			look_at_link(links, link, &facts->interfaces[facts->interface_count++]);
	}
}

static void look_at_named(const struct links *links, const char *name,
			  struct interface_facts *facts)
{
	snprintf(facts->name, sizeof(facts->name), "%.15s", name);
	for (size_t i = 0; i < links->count; i++)
		if (strcmp(links->links[i].name, name) == 0)
			look_at_link(links, &links->links[i], facts);
}

int look_at_interfaces(char **names, size_t count, struct facts *facts)
{
	struct links links = { NULL, 0, false };
	int r = read_links(&links);

	if (r == 0)
		facts->interfaces =
			calloc((count ? count : links.count) + 1, sizeof(facts->interfaces[0]));
	if (r == 0 && !facts->interfaces)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < count; i++)
		look_at_named(&links, names[i], &facts->interfaces[facts->interface_count++]);
	if (r == 0 && !count)
		look_at_all(&links, facts);
	free(links.links);
	return r;
}

/* ---- is it ours? ---------------------------------------------------------------------- */

/* Maps, links and programs are told apart by what their descriptor leads to. */
static bool is_program(int fd, uint32_t program)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	char path[32], target[64] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, target, sizeof(target) - 1) > 0 && strstr(target, "bpf-prog") &&
	       bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && info.id == program;
}

/* 1, 0, or -EACCES when what is not ours to open might have been it. */
static int directory_has(const char *directory, uint32_t program)
{
	CLEANUP_CLOSEDIR DIR *dir = opendir(directory);
	const struct dirent *entry;
	int r = dir ? 0 : -errno;

	while (dir && (entry = readdir(dir))) {
		CLEANUP_CLOSE int fd = -1;

		if (entry->d_name[0] == '.')
			continue;
		fd = pins_open(directory, entry->d_name, true);
		if (fd == -EACCES || fd == -EPERM)
			r = -EACCES;
		if (fd >= 0 && is_program(fd, program))
			return 1;
	}
	return r;
}

int is_pinned(uint32_t program)
{
	char path[PINS_PATH], child[PINS_PATH];
	CLEANUP_CLOSEDIR DIR *dir = NULL;
	const struct dirent *entry;
	int r = pins_directory(false, path, NULL);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	dir = opendir(path);
	if (!dir)
		return -errno;
	while (r <= 0 && (entry = readdir(dir))) {
		int one;

		if (entry->d_name[0] == '.' || pins_path(child, path, entry->d_name) < 0)
			continue;
		one = directory_has(child, program);
		r = one ? one : r;
	}
	return r;
}
