/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "model.h"

enum { DEEPEST_HEADER = 0x7ff, MOST_EXTENSIONS = 8, MOST_TAGS = 2 };

/* All that was learned of one frame. */
struct facts {
	const uint8_t *bytes;
	size_t size;
	uint32_t protocol;
	bool v6;
	uint8_t source[16]; /* IPv4: the first four bytes */
	size_t at;          /* where the header being looked at begins */
	size_t left;        /* bytes from there to the end of the IP packet */
	bool fragment;
	bool later;
	uint16_t from, to;
	bool opens;
};

static uint32_t number16(const uint8_t *at)
{
	return at[0] * 256u + at[1];
}

static bool is_extension_header(uint32_t number)
{
	static const uint8_t numbers[] = { 0, 43, 44, 51, 60, 135, 139, 140 };

	return memchr(numbers, (int)number, sizeof(numbers)) != NULL;
}

static enum filter_reason look_at_ipv4(struct facts *facts)
{
	const uint8_t *ip = facts->bytes + facts->at;
	size_t on_the_wire = facts->size - facts->at, header, total, offset;

	if (on_the_wire < 20)
		return REASON_MALFORMED;
	facts->protocol = ip[9];
	memcpy(facts->source, ip + 12, 4);
	header = ip[0] % 16 * 4u;
	total = number16(ip + 2);
	if (ip[0] / 16 != 4 || header < 20 || header > total || total > on_the_wire)
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

static enum filter_reason follow_extension_headers(struct facts *facts)
{
	for (int followed = 0; is_extension_header(facts->protocol); followed++) {
		const uint8_t *header = facts->bytes + facts->at;
		size_t length;

		if (followed == MOST_EXTENSIONS)
			return REASON_TOO_DEEP;
		if (facts->left < 8)
			return REASON_MALFORMED;
		if (facts->at > DEEPEST_HEADER)
			return REASON_TOO_DEEP;
		if (facts->protocol == 44) {
			uint32_t offset = number16(header + 2) / 8 * 8;

			length = 8;
			if (offset > 0)
				facts->later = true;
			if (offset > 0 || header[3] % 2 == 1)
				facts->fragment = true;
			if (offset == 8 && header[0] == 6) {
				facts->protocol = 6;
				return REASON_MALFORMED;
			}
		} else if (facts->protocol == 51) {
			length = 8 + header[1] * 4u;
		} else {
			length = 8 + header[1] * 8u;
		}
		if (length > facts->left)
			return REASON_MALFORMED;
		facts->protocol = header[0];
		facts->at += length;
		facts->left -= length;
		if (facts->later)
			break;
	}
	return REASON_PASS;
}

static enum filter_reason look_at_ipv6(struct facts *facts)
{
	const uint8_t *ip = facts->bytes + facts->at;
	size_t on_the_wire = facts->size - facts->at;

	if (on_the_wire < 40)
		return REASON_MALFORMED;
	facts->protocol = ip[6];
	memcpy(facts->source, ip + 8, 16);
	facts->left = number16(ip + 4);
	if (ip[0] / 16 != 6 || facts->left > on_the_wire - 40)
		return REASON_MALFORMED;
	facts->at += 40;
	return follow_extension_headers(facts);
}

static enum filter_reason look_at_transport(struct facts *facts)
{
	const uint8_t *header = facts->bytes + facts->at;

	if (facts->at > DEEPEST_HEADER)
		return REASON_TOO_DEEP;
	if (facts->protocol == 6) {
		size_t length;

		if (facts->left < 20)
			return REASON_MALFORMED;
		length = header[12] / 16 * 4u;
		if (length < 20 || (length > facts->left && !facts->fragment))
			return REASON_MALFORMED;
		facts->opens = (header[13] & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	} else if (facts->protocol == 17) {
		size_t length;

		if (facts->left < 8)
			return REASON_MALFORMED;
		length = number16(header + 4);
		if (length < 8 && !(facts->v6 && length == 0))
			return REASON_MALFORMED;
		if (length > facts->left && !facts->fragment)
			return REASON_MALFORMED;
		facts->opens = true;
	} else {
		if (facts->protocol == (facts->v6 ? 58 : 1) && facts->left < 8)
			return REASON_MALFORMED;
		return REASON_PASS;
	}
	facts->from = (uint16_t)number16(header);
	facts->to = (uint16_t)number16(header + 2);
	return REASON_PASS;
}

/* Bit by bit. IPv4 and IPv6 are apart, whatever their bits. */
static bool covers(const struct prefix *prefix, const struct facts *facts)
{
	bool v4 = prefix->length >= 96 &&
		  memcmp(prefix->address.bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0;
	uint32_t first = v4 ? 96 : 0;

	if (v4 == facts->v6)
		return false;
	for (uint32_t bit = first; bit < prefix->length; bit++) {
		uint32_t theirs = bit - first;
		int a = prefix->address.bytes[bit / 8] >> (7 - bit % 8) & 1;
		int b = facts->source[theirs / 8] >> (7 - theirs % 8) & 1;

		if (a != b)
			return false;
	}
	return true;
}

struct source {
	bool allowed, guarded, banned, forced;
};

static struct source look_up_source(const struct model *model, const struct facts *facts)
{
	struct source source = { 0 };

	for (size_t i = 0; i < model->roles; i++)
		if (covers(&model->role[i].prefix, facts)) {
			source.allowed |= model->role[i].allow;
			source.guarded |= !model->role[i].allow;
		}
	for (size_t i = 0; i < model->bans; i++)
		if (covers(&model->ban[i].prefix, facts) &&
		    (model->ban[i].end == BAN_FOREVER || model->ban[i].end > model->now)) {
			source.banned = true;
			source.forced |= model->ban[i].forced;
		}
	return source;
}

static bool own_service(const struct model *model, const struct facts *facts)
{
	for (size_t i = 0; i < model->roles; i++) {
		const struct model_role *role = &model->role[i];

		if (!covers(&role->prefix, facts))
			continue;
		if (role->source_port && role->source_port == facts->from)
			return true;
	}
	return false;
}

static enum filter_reason judge(const struct model *model, struct facts *facts,
				struct answer *answer)
{
	enum filter_reason reason;
	struct source source;
	uint32_t type;
	int ports;

	if (facts->size < 14)
		return REASON_MALFORMED;
	type = number16(facts->bytes + 12);
	facts->at = 14;
	for (int tags = 0; type == 0x8100 || type == 0x88a8; tags++) {
		if (tags == MOST_TAGS)
			return REASON_TOO_DEEP;
		if (facts->size < facts->at + 4)
			return REASON_MALFORMED;
		type = number16(facts->bytes + facts->at + 2);
		facts->at += 4;
	}
	if (type != 0x0800 && type != 0x86dd) {
		facts->protocol = type == 0x0806 ? PROTOCOL_ARP : PROTOCOL_NON_IP;
		return REASON_NON_IP;
	}
	facts->v6 = type == 0x86dd;
	reason = facts->v6 ? look_at_ipv6(facts) : look_at_ipv4(facts);
	if (reason == REASON_MALFORMED)
		return reason;

	source = look_up_source(model, facts);
	if (source.banned && !source.allowed && (source.forced || !source.guarded))
		return REASON_BANNED;
	if (reason != REASON_PASS)
		return reason;
	if (facts->later)
		return source.allowed || source.guarded ? REASON_ALLOWED : REASON_FRAGMENT;
	reason = look_at_transport(facts);
	if (reason != REASON_PASS)
		return reason;

	if (facts->protocol == 6 || facts->protocol == 17) {
		ports = facts->protocol == 6 ? FILTER_TCP : FILTER_UDP;
		if (facts->opens) {
			answer->attempt = ports;
			answer->port = facts->to;
		}
		if (model->blocked[ports][facts->to] && !source.allowed &&
		    !own_service(model, facts))
			return REASON_BLOCKED_PORT;
	}
	return source.allowed || source.guarded ? REASON_ALLOWED : REASON_PASS;
}

struct answer model_judge(const struct model *model, const struct frame *frame)
{
	struct facts facts = { .bytes = frame->bytes,
			       .size = frame->size,
			       .protocol = PROTOCOL_UNKNOWN };
	struct answer answer = { .attempt = -1 };

	answer.reason = judge(model, &facts, &answer);
	answer.protocol = facts.protocol;
	switch (answer.reason) {
	case REASON_BANNED:
	case REASON_BLOCKED_PORT:
	case REASON_MALFORMED:
	case REASON_TOO_DEEP:
		answer.dropped = model->enforce;
		break;
	default:
		break;
	}
	return answer;
}

const char *reason_name(enum filter_reason reason)
{
	static const char *const names[REASON_COUNT] = {
		"pass",   "allowed",      "non-ip",    "fragment",
		"banned", "blocked-port", "malformed", "too-deep",
	};

	return reason < REASON_COUNT ? names[reason] : "?";
}
