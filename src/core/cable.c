/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "base/cleanup.h"
#include "core/cable.h"
#include "core/ethtool.h"
#include "core/netlink.h"

enum { BURST = 64, PATIENCE_MS = 10000 };

/* Below what IPv6 wants, so that it does not begin here: it would speak unasked. */
static const uint32_t mtu = 1279;

static int make_ends(void)
{
	const struct ifinfomsg link = { .ifi_family = AF_UNSPEC };
	struct rtattr *information, *data, *other;
	struct netlink_request request;

	netlink_begin(&request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof(link));
	netlink_add(&request, IFLA_IFNAME, CABLE_NEAR, sizeof(CABLE_NEAR));
	netlink_add(&request, IFLA_MTU, &mtu, sizeof(mtu));
	information = netlink_add(&request, IFLA_LINKINFO, NULL, 0);
	netlink_add(&request, IFLA_INFO_KIND, "veth", sizeof("veth"));
	data = netlink_add(&request, IFLA_INFO_DATA, NULL, 0);
	other = netlink_add(&request, VETH_INFO_PEER, &link, sizeof(link));
	netlink_add(&request, IFLA_IFNAME, CABLE_FAR, sizeof(CABLE_FAR));
	netlink_add(&request, IFLA_MTU, &mtu, sizeof(mtu));
	netlink_end(&request, other);
	netlink_end(&request, data);
	netlink_end(&request, information);
	return netlink_call(NETLINK_ROUTE, &request, NULL, NULL);
}

static int bring_up(const char *name)
{
	CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_flags = IFF_UP };

	strcpy(request.ifr_name, name);
	return fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
}

/* The far end is opened last: its carrier is there at once. */
int cable_make(void)
{
	int r = unshare(CLONE_NEWNET) < 0 ? -errno : make_ends();

	if (r == 0)
		r = bring_up(CABLE_NEAR);
	return r == 0 ? bring_up(CABLE_FAR) : r;
}

/* ---- what is received ------------------------------------------------------------------ */

static void read_link(void *context, const void *data, size_t size)
{
	const struct rtattr *attributes[IFLA_STATS64 + 1];
	struct cable_counters *counters = context;
	struct rtnl_link_stats64 stats = { 0 };

	netlink_attributes(data, size, sizeof(struct ifinfomsg), attributes,
			   ARRAY_SIZE(attributes));
	if (!attributes[IFLA_STATS64])
		return;
	memcpy(&stats, RTA_DATA(attributes[IFLA_STATS64]),
	       RTA_PAYLOAD(attributes[IFLA_STATS64]) < sizeof(stats)
		       ? RTA_PAYLOAD(attributes[IFLA_STATS64])
		       : sizeof(stats));
	counters->packets = stats.rx_packets;
	counters->bytes = stats.rx_bytes;
}

static int count_received(struct cable_counters *counters)
{
	const struct ifinfomsg link = { .ifi_family = AF_UNSPEC,
					.ifi_index = (int)if_nametoindex(CABLE_NEAR) };
	struct netlink_request request;

	netlink_begin(&request, RTM_GETLINK, 0, &link, sizeof(link));
	return netlink_call(NETLINK_ROUTE, &request, read_link, counters);
}

static bool counts_drops(const char *name)
{
	static const char suffix[] = "_xdp_drops";
	size_t length = strnlen(name, ETH_GSTRING_LEN);

	return strncmp(name, "rx_queue_", strlen("rx_queue_")) == 0 && length >= strlen(suffix) &&
	       memcmp(name + length - strlen(suffix), suffix, strlen(suffix)) == 0;
}

static void count_drops(struct cable_counters *counters)
{
	CLEANUP_FREE struct ethtool_gstrings *names = ethtool_names(CABLE_NEAR, ETH_SS_STATS);
	CLEANUP_FREE struct ethtool_stats *stats =
		names ? calloc(1, sizeof(*stats) + names->len * sizeof(stats->data[0])) : NULL;

	if (!stats)
		return;
	stats->cmd = ETHTOOL_GSTATS;
	stats->n_stats = names->len;
	if (ethtool_ask(CABLE_NEAR, stats) < 0)
		return;
	for (uint32_t i = 0; i < names->len; i++) {
		if (!counts_drops((const char *)names->data + i * ETH_GSTRING_LEN))
			continue;
		counters->drops += stats->data[i];
		counters->drops_known = true;
	}
}

int cable_count(struct cable_counters *ret_counters)
{
	struct cable_counters counters = { .packets = 0 };
	int r = count_received(&counters);

	if (r < 0)
		return r;
	count_drops(&counters);
	*ret_counters = counters;
	return 0;
}

/* ---- what is sent ---------------------------------------------------------------------- */

int cable_socket(int *ret_fd)
{
	/* Protocol 0: it receives nothing. */
	CLEANUP_CLOSE int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	const struct sockaddr_ll far = { .sll_family = AF_PACKET,
					 .sll_ifindex = (int)if_nametoindex(CABLE_FAR) };

	if (fd < 0 || bind(fd, (const struct sockaddr *)&far, sizeof(far)) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static void wait_a_moment(void)
{
	const struct timespec moment = { .tv_nsec = 1000000 };

	nanosleep(&moment, NULL);
}

/* A softirq takes them from the wire, at once or, on a busy machine, later. */
static int wait_for(uint64_t packets)
{
	struct cable_counters now = { .packets = 0 };

	for (int i = 0; i < PATIENCE_MS; i++) {
		int r = count_received(&now);

		if (r < 0 || now.packets >= packets)
			return r;
		wait_a_moment();
	}
	return -ETIMEDOUT;
}

static int send_one(int fd, const void *frame, size_t size)
{
	for (int i = 0; i < PATIENCE_MS; i++) {
		if (send(fd, frame, size, 0) >= 0)
			return 0;
		if (errno != ENOBUFS && errno != EINTR)
			return -errno;
		wait_a_moment();
	}
	return -ETIMEDOUT;
}

int cable_send(int fd, const void *frame, size_t size, uint64_t count)
{
	struct cable_counters before;
	int r = count_received(&before);

	for (uint64_t i = 0; r == 0 && i < count; i++) {
		r = send_one(fd, frame, size);
		if (r == 0 && ((i + 1) % BURST == 0 || i + 1 == count))
			r = wait_for(before.packets + i + 1);
	}
	return r;
}
