/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who knocks at ports that nobody opened? Only what begins a conversation counts: a SYN, TCP
 * flags that no connection has, a UDP datagram to a port that none of our own sockets could
 * have been given. Answers to our own connections are none of these. A source is told of when
 * it tried more different pairs of port and address than the policy lets it forget.
 *
 * All of this can be forged, so a scan bans for as long as `unproven-ban` says at most.
 */
#pragma once

#include "bpf/helpers.h"
#include "modules/filter/account.bpf.h"
#include "modules/filter/ban.bpf.h"
#include "modules/filter/proof.bpf.h"

enum { SCAN_TOLD_TICKS = 6000 }; /* a scan that goes on is told of again after ten minutes */

static __always_inline struct filter_listening *listening_page(__u32 protocol, __u16 port)
{
	__u32 index = protocol * (FILTER_PORTS / LISTENING_PER_PAGE) + port / LISTENING_PER_PAGE;

	return bpf_map_lookup_elem(&listening, &index);
}

/* True when this port was looked at just now and was open: the one test that most packets need. */
static __always_inline bool known_open(const struct packet *packet)
{
	__u32 protocol = packet->protocol == IPPROTO_UDP ? FILTER_UDP : FILTER_TCP;
	struct filter_listening *page = listening_page(protocol, packet->destination_port);
	__u32 word =
		page ? READ_ONCE(page->ports[packet->destination_port % LISTENING_PER_PAGE]) : 0;

	return word & 1 && now_ticks() - (word >> 1) < LISTENING_TICKS;
}

static __always_inline bool look_for_socket(struct xdp_md *ctx, const struct packet *packet)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *socket;
	__u32 size = read_tuple(ctx, packet, &tuple);

	if (!size)
		return true;
	if (packet->protocol == IPPROTO_UDP)
		socket = bpf_sk_lookup_udp(ctx, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	else
		socket = bpf_skc_lookup_tcp(ctx, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	if (!socket)
		return false;
	bpf_sk_release(socket);
	return true;
}

/* Looks at most every LISTENING_TICKS, however many packets ask for the port. */
static __always_inline bool is_open(struct xdp_md *ctx, const struct packet *packet)
{
	__u32 protocol = packet->protocol == IPPROTO_UDP ? FILTER_UDP : FILTER_TCP;
	__u32 port = packet->destination_port, now = now_ticks(), word;
	struct filter_listening *page = listening_page(protocol, port);
	bool open;

	if (!page)
		return true;
	word = READ_ONCE(page->ports[port % LISTENING_PER_PAGE]);
	if (word && now - (word >> 1) < LISTENING_TICKS)
		return word & 1;
	open = look_for_socket(ctx, packet);
	page->ports[port % LISTENING_PER_PAGE] = now << 1 | open;
	return open;
}

static __always_inline bool to_many(struct xdp_md *ctx)
{
	struct ethernet_header *ethernet = frame_start(ctx);

	/* The group bit of the first byte: broadcast and multicast. */
	return (void *)(ethernet + 1) > frame_end(ctx) ||
	       ethernet->addresses[0] & bpf_htons(0x0100);
}

/* A late answer to a datagram of ours comes to such a port. */
static __always_inline bool could_be_answer(const struct filter_policy *policy,
					    const struct packet *packet)
{
	return packet->protocol == IPPROTO_UDP &&
	       packet->destination_port >= policy->ephemeral[0] &&
	       packet->destination_port <= policy->ephemeral[1];
}

static __always_inline struct filter_scanner *find_scanner(__u64 key, __u64 now)
{
	__u32 home = filter_scanner_home(key, seed), least = METER_COUNT_MAX;
	struct filter_scanner_group *group = bpf_map_lookup_elem(&scanners, &home);
	struct filter_scanner *best = NULL;
	struct filter_tally *tally;

	if (!group)
		return NULL;
	for (int i = 0; i < SCANNER_SLOTS; i++)
		if (READ_ONCE(group->slot[i].key) == key)
			return &group->slot[i];
	for (int i = 0; i < SCANNER_SLOTS; i++) {
		struct filter_scanner *scanner = &group->slot[i];
		__u32 probes = READ_ONCE(scanner->due) <= now ? 0 : READ_ONCE(scanner->probes);

		if (probes < least) {
			least = probes;
			best = scanner;
		}
	}
	/* As in free_meter(): newcomers take room from newcomers. */
	if (!best || (least > 1 && (least >= METER_KNOWN || bpf_get_prandom_u32() & 15))) {
		tally = own_tally();
		if (tally)
			tally->scanners_untracked++;
		tell_full(TABLE_SCANNERS);
		return NULL;
	}
	__builtin_memset(best, 0, sizeof(*best));
	best->key = key;
	return best;
}

/* Sets the bit of this pair; false when it was set before. */
static __always_inline bool note_pair(struct filter_scanner *scanner, __u64 hash)
{
	/* By multiplication, whose bound the verifier knows, not by division. */
	__u32 bit = (hash >> 48) * (64 * SCANNER_PAIR_WORDS) >> 16;
	__u64 *word = &scanner->pairs[bit / 64];

	if (*word >> (bit % 64) & 1)
		return false;
	*word |= 1ULL << (bit % 64);
	return true;
}

static __always_inline void forget_pairs(struct filter_scanner *scanner)
{
	for (int i = 0; i < SCANNER_PAIR_WORDS; i++)
		scanner->pairs[i] = 0;
	scanner->noted = 0;
}

static __always_inline __u32 count_bits(__u32 word)
{
	__u32 count = 0;

	for (int i = 0; i < 32; i++)
		count += word >> i & 1;
	return count;
}

static __always_inline void send_scan(struct xdp_md *ctx, const struct packet *packet,
				      const struct filter_scanner *scanner, bool bans)
{
	struct filter_event *event = draft_event(FILTER_EVENT_SCAN);
	__u32 ports = count_bits(scanner->ports), hosts = count_bits(scanner->hosts);

	if (!event)
		return;
	describe_packet(ctx, packet, event);
	event->detail = hosts > ports ? SCAN_HOSTS : SCAN_PORTS;
	event->count = scanner->probes;
	event->ticks = now_ticks() - scanner->first;
	event->dropped = bans;
	send_event(event);
}

static __always_inline void ban_scanner(struct xdp_md *ctx, const struct packet *packet,
					const struct filter_policy *policy,
					struct filter_key source)
{
	struct filter_ban_info info = { .origin = ORIGIN_SCAN, .why = "scan", .offences = 1 };
	struct filter_ban_key key = banned_key(packet->family, source);
	struct filter_tally *tally = own_tally();
	__u32 ticks = ban_length(policy, policy->scan.ban, 0, 0, false), end;

	if (!ticks || !tally || is_nobody(packet->family, source))
		return;
	if (!spend(&globals.bans.due, &policy->ban_rate, 1, now_fine())) {
		tally->bans_withheld++;
		return;
	}
	end = now_ticks() + ticks + 1;
	hint_at(packet->family, source);
	if (packet->family == FAMILY_V4 ? put_ban4(source.low, end) : put_ban6(source.high, end)) {
		tally->bans_refused++;
		tell_full(packet->family == FAMILY_V4 ? TABLE_BANS4 : TABLE_BANS6);
		return;
	}
	info.since = bpf_ktime_get_boot_ns();
	info.offences = 0;
	bpf_map_update_elem(&ban_info, &key, &info, BPF_NOEXIST);
	tally->bans++;
	send_ban(ctx, packet, &key, end, 0, false, NULL);
}

static __always_inline void count_probe(struct xdp_md *ctx, const struct packet *packet,
					const struct filter_policy *policy)
{
	struct filter_key source = read_address(ctx, packet->ip_offset, packet->family, false);
	struct filter_key ours = read_address(ctx, packet->ip_offset, packet->family, true);
	__u64 now = now_fine(), key = filter_source_key(packet->family, source);
	struct filter_scanner *scanner = find_scanner(key, now);
	__u64 host = filter_hash(ours.high ^ ours.low, seed);
	__u64 port = filter_hash(packet->destination_port, seed);
	struct filter_tally *tally;
	__u32 tick = now_ticks();
	bool bans;

	if (!scanner)
		return;
	if (READ_ONCE(scanner->due) <= now) {
		/* All that it did is forgiven. */
		forget_pairs(scanner);
		scanner->ports = scanner->hosts = scanner->probes = 0;
		scanner->told = 0;
		scanner->first = tick;
	}
	if (!note_pair(scanner, filter_hash(host + packet->destination_port, seed)))
		return;
	scanner->ports |= 1U << (port >> 59);
	scanner->hosts |= 1U << (host >> 59);
	scanner->probes++;
	/*
	 * The more bits are set, the more of what is new looks old. Who has tried more than a
	 * scan takes will hardly try the same again.
	 */
	if (++scanner->noted >= policy->scan.noted_max)
		forget_pairs(scanner);
	if (spend(&scanner->due, &policy->scan.limit, 1, now))
		return;
	bans = policy->mode == MODE_ENFORCE && policy->scan.mode == MODE_ENFORCE &&
	       policy->scan.ban && policy->unproven_ban;
	if (!scanner->told || tick - scanner->told >= SCAN_TOLD_TICKS) {
		scanner->told = tick;
		tally = own_tally();
		if (tally)
			tally->scans++;
		send_scan(ctx, packet, scanner, bans);
	}
	if (bans)
		ban_scanner(ctx, packet, policy, source);
}

/* A packet that begins something came to a port; is that a probe? `action`: PORT_*. */
__noinline int knock(struct xdp_md *ctx, const struct packet *packet, __u32 slot, __u32 action)
{
	const struct filter_policy *policy = &globals.policies[slot % FILTER_POLICY_SLOTS];

	if (!packet || to_many(ctx))
		return 0;
	if (action & PORT_WATCHED && packet->connects)
		sight(ctx, packet, SIGHT_WATCHED, false, slot);
	if (!(policy->flags & POLICY_SCAN) || could_be_answer(policy, packet))
		return 0;
	if (!(action & (PORT_WATCHED | PORT_BLOCKED)) && is_open(ctx, packet))
		return 0;
	count_probe(ctx, packet, policy);
	return 0;
}
