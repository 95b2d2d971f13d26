/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a driver says of XDP, by the kernel's generic netlink family "netdev". */
#include <linux/genetlink.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/netlink.h"
#include "doctor/facts.h"

/* include/uapi/linux/netdev.h of Linux 6.3. */
enum { NETDEV_CMD_DEV_GET = 1, NETDEV_A_DEV_IFINDEX = 1, NETDEV_A_DEV_XDP_FEATURES = 3 };

const char *features_format(uint64_t features, char buffer[FEATURES_TEXT])
{
	static const char *const names[] = { "basic",      "redirect", "ndo-xmit",   "xsk-zerocopy",
					     "hw-offload", "rx-sg",    "ndo-xmit-sg" };
	size_t length = 0;

	snprintf(buffer, FEATURES_TEXT, "none");
	for (unsigned bit = 0; bit < 64; bit++) {
		const char *space = length ? " " : "";

		if (!(features & 1ULL << bit) || length > FEATURES_TEXT - 24)
			continue;
		if (bit < ARRAY_SIZE(names))
			length += (size_t)snprintf(buffer + length, FEATURES_TEXT - length, "%s%s",
						   space, names[bit]);
		else
			length += (size_t)snprintf(buffer + length, FEATURES_TEXT - length,
						   "%sbit-%u", space, bit);
	}
	return buffer;
}

static void take_family(void *context, const void *data, size_t size)
{
	const struct rtattr *attributes[CTRL_ATTR_FAMILY_ID + 1];
	const struct rtattr *id;

	netlink_attributes(data, size, sizeof(struct genlmsghdr), attributes,
			   ARRAY_SIZE(attributes));
	id = attributes[CTRL_ATTR_FAMILY_ID];
	if (id && RTA_PAYLOAD(id) >= sizeof(uint16_t))
		memcpy(context, RTA_DATA(id), sizeof(uint16_t));
}

static int find_family(uint16_t *ret_id)
{
	const struct genlmsghdr head = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 };
	struct netlink_request request;
	uint16_t id = 0;
	int r;

	netlink_begin(&request, GENL_ID_CTRL, 0, &head, sizeof(head));
	netlink_add(&request, CTRL_ATTR_FAMILY_NAME, "netdev", sizeof("netdev"));
	r = netlink_call(NETLINK_GENERIC, &request, take_family, &id);
	if (r == 0 && !id)
		r = -ENOENT;
	if (r == 0)
		*ret_id = id;
	return r;
}

struct features {
	bool told;
	uint64_t bits;
};

static void take_features(void *context, const void *data, size_t size)
{
	const struct rtattr *attributes[NETDEV_A_DEV_XDP_FEATURES + 1];
	struct features *features = context;
	const struct rtattr *bits;

	netlink_attributes(data, size, sizeof(struct genlmsghdr), attributes,
			   ARRAY_SIZE(attributes));
	bits = attributes[NETDEV_A_DEV_XDP_FEATURES];
	if (!bits || RTA_PAYLOAD(bits) < sizeof(features->bits))
		return;
	memcpy(&features->bits, RTA_DATA(bits), sizeof(features->bits));
	features->told = true;
}

int look_at_features(unsigned index, uint64_t *ret_features)
{
	const struct genlmsghdr head = { .cmd = NETDEV_CMD_DEV_GET, .version = 1 };
	struct features features = { false, 0 };
	struct netlink_request request;
	uint32_t number = index;
	uint16_t family = 0;
	int r = find_family(&family);

	if (r < 0)
		return r;
	netlink_begin(&request, family, 0, &head, sizeof(head));
	netlink_add(&request, NETDEV_A_DEV_IFINDEX, &number, sizeof(number));
	r = netlink_call(NETLINK_GENERIC, &request, take_features, &features);
	if (r == 0 && !features.told)
		r = -ENOENT;
	if (r == 0)
		*ret_features = features.bits;
	return r;
}
