/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "core/ethtool.h"

int ethtool_ask(const char *name, void *command)
{
	CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_data = command };

	snprintf(request.ifr_name, IF_NAMESIZE, "%.15s", name);
	return fd < 0 || ioctl(fd, SIOCETHTOOL, &request) < 0 ? -errno : 0;
}

struct ethtool_gstrings *ethtool_names(const char *name, unsigned set)
{
	union { /* with room for the one number that is asked for */
		struct ethtool_sset_info info;
		uint32_t words[sizeof(struct ethtool_sset_info) / sizeof(uint32_t) + 1];
	} size = { .info = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << set } };
	struct ethtool_gstrings *names;
	int r = ethtool_ask(name, &size);

	if (r == 0 && (!size.info.sset_mask || size.info.data[0] > 1024))
		r = -EOPNOTSUPP;
	names = r == 0 ? calloc(1, sizeof(*names) + size.info.data[0] * ETH_GSTRING_LEN) : NULL;
	if (r < 0 || !names) {
		errno = r < 0 ? -r : ENOMEM;
		return NULL;
	}
	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = set;
	names->len = size.info.data[0];
	r = ethtool_ask(name, names);
	if (r == 0)
		return names;
	free(names);
	errno = -r;
	return NULL;
}
