/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions to the kernel over netlink, one at a time. */
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>

enum { NETLINK_REQUEST = 1024 };

struct netlink_request {
	struct nlmsghdr head;
	char rest[NETLINK_REQUEST];
};

/* `flags` beside NLM_F_REQUEST and NLM_F_ACK. `family` is what follows the head, as ifinfomsg. */
void netlink_begin(struct netlink_request *request, uint16_t type, uint16_t flags,
		   const void *family, size_t size);
/* Returns the attribute, for netlink_end() when others are to lie in it. */
struct rtattr *netlink_add(struct netlink_request *request, uint16_t type, const void *data,
			   size_t size);
void netlink_end(const struct netlink_request *request, struct rtattr *nest);

/* The attributes of an answer behind `family_size` bytes, by type; NULL where there is none. */
void netlink_attributes(const void *data, size_t size, size_t family_size,
			const struct rtattr *attributes[], size_t count);
uint32_t netlink_u32(const struct rtattr *attribute); /* 0 where there is none */

typedef void netlink_visit(void *context, const void *data, size_t size);

/* Calls `visit`, which may be NULL, for each answer. 0 or a negative errno, the kernel's own. */
int netlink_call(int protocol, const struct netlink_request *request, netlink_visit *visit,
		 void *context);
