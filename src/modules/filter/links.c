/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/text.h"
#include "core/host.h"
#include "modules/filter/links.h"

/* What begins with another header than Ethernet's would be judged by the wrong bytes. */
static bool has_ethernet(const char *name)
{
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { 0 };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request) < 0)
		return true;
	return request.ifr_hwaddr.sa_family == ARPHRD_ETHER ||
	       request.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK;
}

int links_find(const char *name, unsigned *ret_ifindex, struct error *error)
{
	unsigned ifindex = if_nametoindex(name);
	char quoted[QUOTE_TEXT];

	if (!ifindex)
		return error_set(error, -ENODEV,
				 "there is no interface %s in this network namespace; "
				 "'ip -brief link' lists them",
				 text_quote(name, quoted));
	if (!has_ethernet(name))
		return error_set(error, -ENODEV,
				 "the packets of %s have no Ethernet header, as those of a tunnel: "
				 "none would be judged rightly; guard the interface that the "
				 "tunnel runs over",
				 text_quote(name, quoted));
	*ret_ifindex = ifindex;
	return 0;
}

static int add_wanted(struct interface_set *wanted, const char *name, struct error *error)
{
	unsigned ifindex;
	int r = links_find(name, &ifindex, error);

	if (r < 0)
		return r;
	for (size_t i = 0; i < wanted->count; i++)
		if (wanted->ifindexes[i] == ifindex)
			return 0;
	if (wanted->count == INTERFACES_MAX)
		return error_set(error, -ENOSPC, "more than %d interfaces", INTERFACES_MAX);
	wanted->ifindexes[wanted->count++] = ifindex;
	return 0;
}

int links_find_wanted(const struct gate_options *options, struct interface_set *wanted,
		      struct error *error)
{
	char *const *names = options->interfaces;
	size_t count = options->interface_count;
	char name[IF_NAMESIZE];
	int r = 0;

	if (!count) {
		names = options->config->interfaces.items;
		count = options->config->interfaces.count;
	}
	for (size_t i = 0; r == 0 && i < count; i++)
		r = add_wanted(wanted, names[i], error);
	if (r < 0 || count)
		return r;
	if (host_default_interface(name) < 0)
		return error_set(error, -ENODEV,
				 "there is no default route to take the interface from; name one");
	return add_wanted(wanted, name, error);
}

static int link_path(const struct store *store, unsigned ifindex, char ret_path[PINS_PATH])
{
	char name[32];

	snprintf(name, sizeof(name), "links/%u", ifindex);
	return pins_path(ret_path, store->directory, name);
}

bool links_is_alive(const struct store *store, unsigned ifindex)
{
	char name[32];
	unsigned now = 0;
	uint32_t id;
	CLEANUP_CLOSE int fd = -1;

	snprintf(name, sizeof(name), "links/%u", ifindex);
	fd = pins_open(store->directory, name, true);
	return fd >= 0 && attach_link_info(fd, &now, &id) == 0 && now == ifindex;
}

int gate_detach(const struct store *store, unsigned ifindex)
{
	char path[PINS_PATH];
	int r = link_path(store, ifindex, path);

	if (r < 0)
		return r;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

static int attach_one(struct store *store, unsigned ifindex, bool native, struct error *error)
{
	struct error why_generic = { "" };
	CLEANUP_CLOSE int fd = -1;
	char name[32], interface[IF_NAMESIZE] = "?";
	enum attach_mode mode;
	int r;

	gate_detach(store, ifindex); /* a dead link's pin */
	r = attach_xdp(store->program_fd, ifindex, &fd, &mode, native ? NULL : &why_generic, error);
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "links/%u", ifindex);
	r = pins_add(fd, store->directory, name, PINS_OWNER, error);
	if (r < 0)
		return r;
	if_indextoname(ifindex, interface);
	if (mode == ATTACH_GENERIC)
		log_warning("%s: attached in generic mode, which is several times slower: %s",
			    interface, why_generic.text);
	else
		log_info("%s: attached, %s mode", interface, attach_mode_name(mode));
	return 0;
}

/* One that was attached before it had to be native. */
static int refuse_generic(unsigned ifindex, struct error *error)
{
	enum attach_mode mode = ATTACH_NONE;
	char name[IF_NAMESIZE] = "?";
	uint32_t id;

	if (attach_query(ifindex, &mode, &id) < 0 || mode != ATTACH_GENERIC)
		return 0;
	if_indextoname(ifindex, name);
	return error_set(error, -EOPNOTSUPP,
			 "%s is attached in generic mode, and 'require-native' is on", name);
}

int links_attach_missing(struct store *store, const struct interface_set *wanted, bool native,
			 struct gate_report *report, struct error *error)
{
	for (size_t i = 0; i < wanted->count; i++) {
		bool alive = links_is_alive(store, wanted->ifindexes[i]);
		int r = 0;

		if (!alive)
			r = attach_one(store, wanted->ifindexes[i], native, error);
		else if (native)
			r = refuse_generic(wanted->ifindexes[i], error);
		if (r < 0) {
			while (report->attached)
				gate_detach(store, report->ifindexes[--report->attached]);
			return r;
		}
		if (!alive)
			report->ifindexes[report->attached++] = wanted->ifindexes[i];
	}
	return 0;
}

bool interface_set_has(const struct interface_set *wanted, unsigned ifindex)
{
	for (size_t i = 0; i < wanted->count; i++)
		if (wanted->ifindexes[i] == ifindex)
			return true;
	return false;
}

void links_for_each(const struct store *store,
		    void (*visit)(void *context, const struct store *store, unsigned ifindex),
		    void *context)
{
	CLEANUP_CLOSEDIR DIR *dir = NULL;
	const struct dirent *entry;
	char path[PINS_PATH];

	if (pins_path(path, store->directory, "links") < 0)
		return;
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		unsigned ifindex = (unsigned)strtoul(entry->d_name, NULL, 10);

		if (ifindex)
			visit(context, store, ifindex);
	}
}

struct listing {
	struct gate_interface *interfaces;
	size_t size;
	size_t count;
};

static void list_link(void *context, const struct store *store, unsigned ifindex)
{
	struct listing *listing = context;
	struct gate_interface *interface;
	char path[PINS_PATH];
	struct stat st;
	uint32_t id;

	if (listing->count == listing->size || link_path(store, ifindex, path) < 0 ||
	    stat(path, &st) < 0)
		return;
	interface = &listing->interfaces[listing->count++];
	*interface = (struct gate_interface){ .ifindex = ifindex };
	interface->since =
		(uint64_t)st.st_mtim.tv_sec * NSEC_PER_SEC + (uint64_t)st.st_mtim.tv_nsec;
	if (!if_indextoname(ifindex, interface->name))
		interface->name[0] = '\0';
	else if (attach_query(ifindex, &interface->mode, &id) < 0)
		interface->mode = ATTACH_NONE;
}

static int compare_interfaces(const void *a, const void *b)
{
	return strcmp(((const struct gate_interface *)a)->name,
		      ((const struct gate_interface *)b)->name);
}

size_t gate_interfaces(const struct store *store, struct gate_interface *interfaces, size_t size)
{
	struct listing listing = { .interfaces = interfaces, .size = size };

	links_for_each(store, list_link, &listing);
	qsort(interfaces, listing.count, sizeof(*interfaces), compare_interfaces);
	return listing.count;
}
