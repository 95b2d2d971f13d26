/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ethtool would say: driver, queues, and the offloads that change what XDP sees. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/ethtool.h"
#include "doctor/facts.h"

void look_at_driver(const char *name, struct interface_facts *facts)
{
	struct ethtool_drvinfo driver = { .cmd = ETHTOOL_GDRVINFO };
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };

	if (ethtool_ask(name, &driver) == 0)
		snprintf(facts->driver, sizeof(facts->driver), "%.31s", driver.driver);
	if (ethtool_ask(name, &channels) < 0)
		return;
	facts->receive_queues = channels.rx_count + channels.combined_count;
	facts->transmit_queues = channels.tx_count + channels.combined_count;
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
	CLEANUP_FREE struct ethtool_gstrings *names = ethtool_names(name, ETH_SS_FEATURES);
	CLEANUP_FREE struct ethtool_gfeatures *features = NULL;
	uint32_t blocks = names ? (names->len + 31) / 32 : 0, bit;

	features = calloc(1, sizeof(*features) + blocks * sizeof(features->features[0]));
	if (!names || !features) {
		ret_facts->error = -errno;
		return;
	}
	features->cmd = ETHTOOL_GFEATURES;
	features->size = blocks;
	ret_facts->error = ethtool_ask(name, features);
	if (ret_facts->error)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		*wanted[i].on = bit_of(names, wanted[i].name, &bit) &&
				features->features[bit / 32].active & 1U << bit % 32;
	ret_facts->gro_hw_fixed = ret_facts->gro_hw && bit_of(names, "rx-gro-hw", &bit) &&
				  !(features->features[bit / 32].available & 1U << bit % 32);
}
