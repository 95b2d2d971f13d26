/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "core/netlink.h"

void netlink_begin(struct netlink_request *request, uint16_t type, uint16_t flags,
		   const void *family, size_t size)
{
	memset(request, 0, sizeof(*request));
	request->head.nlmsg_len = (uint32_t)NLMSG_LENGTH(size);
	request->head.nlmsg_type = type;
	request->head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	memcpy(NLMSG_DATA(&request->head), family, size);
}

struct rtattr *netlink_add(struct netlink_request *request, uint16_t type, const void *data,
			   size_t size)
{
	size_t at = NLMSG_ALIGN(request->head.nlmsg_len);
	struct rtattr *attribute = (struct rtattr *)((char *)request + at);

	attribute->rta_type = type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(size);
	if (size)
		memcpy(RTA_DATA(attribute), data, size);
	request->head.nlmsg_len = (uint32_t)(at + RTA_SPACE(size));
	return attribute;
}

void netlink_end(const struct netlink_request *request, struct rtattr *nest)
{
	nest->rta_len = (unsigned short)((const char *)request + request->head.nlmsg_len -
					 (const char *)nest);
}

void netlink_attributes(const void *data, size_t size, size_t family_size,
			const struct rtattr *attributes[], size_t count)
{
	const char *at = (const char *)data + NLMSG_ALIGN(family_size);
	int left = (int)size - (int)NLMSG_ALIGN(family_size);

	for (size_t i = 0; i < count; i++)
		attributes[i] = NULL;
	for (const struct rtattr *attribute = (const struct rtattr *)at; RTA_OK(attribute, left);
	     attribute = RTA_NEXT(attribute, left)) {
		size_t type = attribute->rta_type & NLA_TYPE_MASK;

		if (type < count)
			attributes[type] = attribute;
	}
}

uint32_t netlink_u32(const struct rtattr *attribute)
{
	uint32_t value = 0;

	if (attribute && RTA_PAYLOAD(attribute) >= sizeof(value))
		memcpy(&value, RTA_DATA(attribute), sizeof(value));
	return value;
}

/* -EAGAIN while more is to come. */
static int read_answers(const char *buffer, size_t size, netlink_visit *visit, void *context)
{
	int left = (int)size;

	for (const struct nlmsghdr *head = (const struct nlmsghdr *)buffer;
	     left >= (int)sizeof(*head) && head->nlmsg_len >= sizeof(*head) &&
	     head->nlmsg_len <= (unsigned)left;
	     head = NLMSG_NEXT(head, left)) {
		if (head->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(head))->error;
		if (head->nlmsg_type == NLMSG_DONE)
			return 0;
		if (visit)
			visit(context, NLMSG_DATA(head), NLMSG_PAYLOAD(head, 0));
	}
	return -EAGAIN;
}

int netlink_call(int protocol, const struct netlink_request *request, netlink_visit *visit,
		 void *context)
{
	CLEANUP_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	CLEANUP_FREE char *buffer = malloc(1 << 16);
	int r = -EAGAIN;

	if (fd < 0 || send(fd, request, request->head.nlmsg_len, 0) < 0)
		return -errno;
	if (!buffer)
		return -ENOMEM;
	while (r == -EAGAIN) {
		ssize_t size = recv(fd, buffer, 1 << 16, 0);

		if (size < 0)
			return -errno;
		r = read_answers(buffer, (size_t)size, visit, context);
	}
	return r;
}
