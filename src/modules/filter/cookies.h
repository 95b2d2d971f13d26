/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What keeps SYN cookies from being answered or from arriving, though the policy has them on. */
#pragma once

#include <stdbool.h>

#include "modules/filter/store.h"

/* net.ipv4.tcp_syncookies of this network namespace, -1 when it cannot be read. */
int cookies_sysctl(void);

/* "it is 1" where that is the reason that no cookie is made, else "". */
enum { COOKIES_TEXT = 64 };
const char *cookies_why_none(char text[COOKIES_TEXT]);

/*
 * A veth hands frames that XDP sends back to its other end only while that has an XDP program;
 * what is there is mostly in another network namespace, and not to be seen from here.
 */
bool cookies_may_be_lost(const char *interface);

/* Warns of both. */
void cookies_warn_of_kernel(void);
void cookies_warn_of_interface(const char *interface);

/* The same of the policy in force and its interfaces, when it has SYN cookies. */
void cookies_warn(const struct store *store);
