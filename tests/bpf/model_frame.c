/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of the model that reads frames. */
#include <string.h>

#include "model.h"

enum { DEEPEST_HEADER = 0x7ff, MOST_EXTENSIONS = 8, MOST_TAGS = 2 };

static uint32_t number16(const uint8_t *at)
{
	return at[0] * 256u + at[1];
}

static number128 number_of(const uint8_t *bytes, size_t count)
{
	number128 number = 0;

	for (size_t i = 0; i < count; i++)
		number = number * 256 + bytes[i];
	return number;
}

static bool is_extension_header(uint32_t number)
{
	static const uint8_t numbers[] = { 0, 43, 44, 51, 60, 135, 139, 140 };

	return memchr(numbers, (int)number, sizeof(numbers)) != NULL;
}

/* Whether so many bytes from here lie in the frame's first buffer. */
static bool in_reach(const struct facts *facts, size_t count)
{
	return facts->at + count <= facts->first_buffer;
}

static enum filter_reason read_ipv4(struct facts *facts)
{
	const uint8_t *ip = facts->bytes + facts->at;
	size_t header, total, offset;

	if (!in_reach(facts, 20))
		return REASON_MALFORMED;
	facts->ip = true;
	facts->protocol = ip[9];
	facts->source = number_of(ip + 12, 4);
	header = ip[0] % 16 * 4u;
	total = number16(ip + 2);
	if (ip[0] / 16 != 4 || header < 20 || header > total || total > facts->size - facts->at)
		return REASON_MALFORMED;
	offset = number16(ip + 6) % 0x2000 * 8;
	facts->later = offset > 0;
	facts->fragment = facts->later || number16(ip + 6) / 0x2000 % 2;
	if (offset == 8 && facts->protocol == 6)
		return REASON_MALFORMED;
	facts->at += header;
	facts->left = total - header;
	return REASON_PASS;
}

/* How long this extension header is; 0: such a header is malformed. */
static size_t read_extension(struct facts *facts)
{
	const uint8_t *header = facts->bytes + facts->at;
	uint32_t offset;

	if (facts->protocol == AUTHENTICATION)
		return 8 + header[1] * 4u;
	if (facts->protocol != FRAGMENT)
		return 8 + header[1] * 8u;
	offset = number16(header + 2) / 8 * 8;
	if (offset > 0)
		facts->later = true;
	if (offset > 0 || header[3] % 2 == 1)
		facts->fragment = true;
	if (offset != 8 || header[0] != 6)
		return 8;
	facts->protocol = 6;
	return 0;
}

static enum filter_reason follow_extension_headers(struct facts *facts)
{
	for (int followed = 0; is_extension_header(facts->protocol); followed++) {
		const uint8_t *header = facts->bytes + facts->at;
		size_t length;

		if (followed == MOST_EXTENSIONS)
			return REASON_TOO_DEEP;
		if (facts->left < 8)
			return REASON_MALFORMED;
		if (facts->at > DEEPEST_HEADER || !in_reach(facts, 8))
			return REASON_TOO_DEEP;
		length = read_extension(facts);
		if (length == 0 || length > facts->left)
			return REASON_MALFORMED;
		facts->protocol = header[0];
		facts->at += length;
		facts->left -= length;
		if (facts->later)
			break;
	}
	return REASON_PASS;
}

static enum filter_reason read_ipv6(struct facts *facts)
{
	const uint8_t *ip = facts->bytes + facts->at;

	if (!in_reach(facts, 40))
		return REASON_MALFORMED;
	facts->ip = true;
	facts->protocol = ip[6];
	facts->source = number_of(ip + 8, 16);
	facts->left = number16(ip + 4);
	if (ip[0] / 16 != 6 || facts->left > facts->size - facts->at - 40)
		return REASON_MALFORMED;
	facts->at += 40;
	return follow_extension_headers(facts);
}

enum filter_reason model_read_network(struct facts *facts, const struct frame *frame)
{
	uint32_t type;

	*facts = (struct facts){
		.bytes = frame->bytes,
		.size = frame->size,
		.first_buffer = frame->linear ? frame->linear : frame->size,
		.protocol = PROTOCOL_UNKNOWN,
	};
	if (!in_reach(facts, 14))
		return REASON_MALFORMED;
	type = number16(facts->bytes + 12);
	facts->at = 14;
	for (int tags = 0; type == 0x8100 || type == 0x88a8; tags++) {
		if (tags == MOST_TAGS)
			return REASON_TOO_DEEP;
		if (!in_reach(facts, 4))
			return REASON_MALFORMED;
		type = number16(facts->bytes + facts->at + 2);
		facts->at += 4;
	}
	if (type != 0x0800 && type != 0x86dd) {
		facts->protocol = type == 0x0806 ? PROTOCOL_ARP : PROTOCOL_NON_IP;
		return REASON_NON_IP;
	}
	facts->v6 = type == 0x86dd;
	return facts->v6 ? read_ipv6(facts) : read_ipv4(facts);
}

static enum filter_reason read_tcp(struct facts *facts)
{
	const uint8_t *header = facts->bytes + facts->at;
	size_t length;

	if (facts->left < 20)
		return REASON_MALFORMED;
	if (!in_reach(facts, 20))
		return REASON_TOO_DEEP;
	length = header[12] / 16 * 4u;
	if (length < 20 || (length > facts->left && !facts->fragment))
		return REASON_MALFORMED;
	facts->opens = (header[13] & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	return REASON_PASS;
}

static enum filter_reason read_udp(struct facts *facts)
{
	const uint8_t *header = facts->bytes + facts->at;
	size_t length;

	if (facts->left < 8)
		return REASON_MALFORMED;
	if (!in_reach(facts, 8))
		return REASON_TOO_DEEP;
	length = number16(header + 4);
	if (length < 8 && !(facts->v6 && length == 0))
		return REASON_MALFORMED;
	if (length > facts->left && !facts->fragment)
		return REASON_MALFORMED;
	facts->opens = true;
	return REASON_PASS;
}

/* ICMP wants 8 bytes. Of ICMPv6 133 to 137 hold the link together. */
static enum filter_reason read_other(struct facts *facts)
{
	uint8_t type = facts->bytes[facts->at];

	if (facts->protocol != (facts->v6 ? 58 : 1))
		return REASON_PASS;
	if (facts->left < 8)
		return REASON_MALFORMED;
	facts->discovery = facts->v6 && in_reach(facts, 1) && type >= 133 && type <= 137;
	return REASON_PASS;
}

enum filter_reason model_read_transport(struct facts *facts)
{
	enum filter_reason reason;

	if (facts->at > DEEPEST_HEADER)
		return REASON_TOO_DEEP;
	if (facts->protocol != 6 && facts->protocol != 17)
		return read_other(facts);
	reason = facts->protocol == 6 ? read_tcp(facts) : read_udp(facts);
	if (reason != REASON_PASS)
		return reason;
	facts->from = (uint16_t)number16(facts->bytes + facts->at);
	facts->to = (uint16_t)number16(facts->bytes + facts->at + 2);
	return REASON_PASS;
}
