/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "modules/filter/cookies.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "modules/filter/gate.h"
#include "modules/filter/links.h"

int cookies_sysctl(void)
{
	CLEANUP_FCLOSE FILE *file = fopen("/proc/sys/net/ipv4/tcp_syncookies", "re");
	int value;

	return file && fscanf(file, "%d", &value) == 1 ? value : -1;
}

const char *cookies_why_none(char text[COOKIES_TEXT])
{
	int value = cookies_sysctl();

	/* With 1 the kernel believes a cookie only while its own queue overflows. */
	if (value == 2)
		text[0] = '\0';
	else if (value < 0)
		snprintf(text, COOKIES_TEXT, "it cannot be read");
	else
		snprintf(text, COOKIES_TEXT, "it is %d", value);
	return text;
}

bool cookies_may_be_lost(const char *interface)
{
	CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ethtool_drvinfo driver = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq request = { .ifr_data = (void *)&driver };

	snprintf(request.ifr_name, IF_NAMESIZE, "%.15s", interface);
	return fd >= 0 && ioctl(fd, SIOCETHTOOL, &request) == 0 &&
	       strcmp(driver.driver, "veth") == 0;
}

void cookies_warn_of_kernel(void)
{
	char why[COOKIES_TEXT];

	if (*cookies_why_none(why))
		log_warning("SYN cookies are not answered until 'sysctl -w "
			    "net.ipv4.tcp_syncookies=2': %s",
			    why);
}

void cookies_warn_of_interface(const char *interface)
{
	if (cookies_may_be_lost(interface))
		log_warning("%s is a veth: SYN cookies are lost on it unless an XDP program is at "
			    "its other end",
			    interface);
}

void cookies_warn(const struct store *store)
{
	struct gate_interface interfaces[INTERFACES_MAX];
	size_t count = gate_interfaces(store, interfaces, INTERFACES_MAX);

	if (!(store_policy(store)->flags & POLICY_COOKIES))
		return;
	cookies_warn_of_kernel();
	for (size_t i = 0; i < count; i++)
		if (interfaces[i].mode == ATTACH_NATIVE)
			cookies_warn_of_interface(interfaces[i].name);
}
