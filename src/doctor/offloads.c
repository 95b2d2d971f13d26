/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ethtool would say: driver, queues, and the offloads that change what XDP sees. */
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "doctor/facts.h"

static int ask(const char *name, void *command)
{
	CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_data = command };

	snprintf(request.ifr_name, IF_NAMESIZE, "%.15s", name);
	return fd < 0 || ioctl(fd, SIOCETHTOOL, &request) < 0 ? -errno : 0;
}

void look_at_driver(const char *name, struct interface_facts *facts)
{
	struct ethtool_drvinfo driver = { .cmd = ETHTOOL_GDRVINFO };
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };

	if (ask(name, &driver) == 0)
		snprintf(facts->driver, sizeof(facts->driver), "%.31s", driver.driver);
	if (ask(name, &channels) < 0)
		return;
	facts->receive_queues = channels.rx_count + channels.combined_count;
	facts->transmit_queues = channels.tx_count + channels.combined_count;
}

/* The names of all offloads, in the order of their bits; NULL when they cannot be had. */
static struct ethtool_gstrings *read_names(const char *name)
{
	union { /* with room for the one number that is asked for */
		struct ethtool_sset_info info;
		uint32_t words[sizeof(struct ethtool_sset_info) / sizeof(uint32_t) + 1];
	} set = { .info = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_FEATURES } };
	struct ethtool_gstrings *names;
	int r = ask(name, &set);

	if (r == 0 && (!set.info.sset_mask || set.info.data[0] > 1024))
		r = -EOPNOTSUPP;
	names = r == 0 ? calloc(1, sizeof(*names) + set.info.data[0] * ETH_GSTRING_LEN) : NULL;
	if (r < 0 || !names) {
		errno = r < 0 ? -r : ENOMEM;
		return NULL;
	}
	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_FEATURES;
	names->len = set.info.data[0];
	r = ask(name, names);
	if (r == 0)
		return names;
	free(names);
	errno = -r;
	return NULL;
}

static bool bit_of(const struct ethtool_gstrings *names, const char *name, uint32_t *ret_bit)
{
	for (*ret_bit = 0; *ret_bit < names->len; ++*ret_bit)
		if (strncmp((const char *)names->data + *ret_bit * ETH_GSTRING_LEN, name,
			    ETH_GSTRING_LEN) == 0)
			return true;
	return false;
}

void look_at_offloads(const char *name, struct offload_facts *ret_facts)
{
	const struct {
		const char *name;
		bool *on;
	} wanted[] = {
		{ "rx-lro", &ret_facts->lro },
		{ "rx-gro", &ret_facts->gro },
		{ "rx-gro-hw", &ret_facts->gro_hw },
		{ "rx-vlan-hw-parse", &ret_facts->vlan },
	};
	CLEANUP_FREE struct ethtool_gstrings *names = read_names(name);
	CLEANUP_FREE struct ethtool_gfeatures *features = NULL;
	uint32_t blocks = names ? (names->len + 31) / 32 : 0, bit;

	features = calloc(1, sizeof(*features) + blocks * sizeof(features->features[0]));
	if (!names || !features) {
		ret_facts->error = -errno;
		return;
	}
	features->cmd = ETHTOOL_GFEATURES;
	features->size = blocks;
	ret_facts->error = ask(name, features);
	if (ret_facts->error)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		*wanted[i].on = bit_of(names, wanted[i].name, &bit) &&
				features->features[bit / 32].active & 1U << bit % 32;
	ret_facts->gro_hw_fixed = ret_facts->gro_hw && bit_of(names, "rx-gro-hw", &bit) &&
				  !(features->features[bit / 32].available & 1U << bit % 32);
}
