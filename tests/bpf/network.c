/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "network.h"

static int tun = -1;

/* ---- the namespace ---------------------------------------------------------------- */

static int open_tun(void)
{
	struct ifreq request = { .ifr_name = "client0", .ifr_flags = IFF_TUN | IFF_NO_PI };

	tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return tun < 0 || ioctl(tun, TUNSETIFF, &request) < 0 ? -1 : 0;
}

int network_up(void **state)
{
	static const char *const commands[] = {
		"ip link set lo up",
		"ip link set client0 up",
		"ip addr add " HOST_V4 "/8 dev client0",
		"ip addr add " HOST_V6 "/16 dev client0 nodad",
		"ip route add default dev client0",
		"ip -6 route add default dev client0",
	};

	if (unshare(CLONE_NEWNET) < 0 || open_tun() < 0) {
		fprintf(stderr, "no network namespace or no TUN device: %s\n", strerror(errno));
		return -1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (system(commands[i]) != 0)
			return -1;
	return 0;
}

void set_sysctl(const char *name, const char *value)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(value, file) >= 0);
	assert_ok(fclose(file));
}

static int bind_socket(int type, uint16_t port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	assert_true(fd >= 0);
	assert_ok(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
	assert_ok(bind(fd, (struct sockaddr *)&any, sizeof(any)));
	return fd;
}

int listen_at(uint16_t port, int backlog)
{
	int fd = bind_socket(SOCK_STREAM, port);

	assert_ok(listen(fd, backlog));
	return fd;
}

int listen_udp(uint16_t port)
{
	return bind_socket(SOCK_DGRAM, port);
}

/* ---- checksums ----------------------------------------------------------------------- */

static uint32_t add_words(const uint8_t *bytes, size_t size, uint32_t sum)
{
	for (size_t i = 0; i < size; i += 2)
		sum += (uint32_t)(bytes[i] << 8 | (i + 1 < size ? bytes[i + 1] : 0));
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Of what follows the IP header, and of the pseudo header in front of it (RFC 9293, RFC 8200). */
static uint16_t sum_tcp(const uint8_t *ip, size_t size)
{
	bool v6 = ip[0] >> 4 == 6;
	size_t header = v6 ? 40 : (ip[0] & 15) * 4u;
	uint32_t sum = IPPROTO_TCP + (uint32_t)(size - header);

	sum = v6 ? add_words(ip + 8, 32, sum) : add_words(ip + 12, 8, sum);
	return fold(add_words(ip + header, size - header, sum));
}

void fill_checksums(uint8_t *ip, size_t size)
{
	bool v6 = ip[0] >> 4 == 6;
	uint8_t *tcp = ip + (v6 ? 40 : (ip[0] & 15) * 4);
	uint16_t sum;

	if (!v6) {
		ip[10] = ip[11] = 0;
		sum = fold(add_words(ip, (ip[0] & 15) * 4u, 0));
		ip[10] = (uint8_t)(sum >> 8);
		ip[11] = (uint8_t)sum;
	}
	tcp[16] = tcp[17] = 0;
	sum = sum_tcp(ip, size);
	tcp[16] = (uint8_t)(sum >> 8);
	tcp[17] = (uint8_t)sum;
}

bool checksums_are_right(const uint8_t *ip, size_t size)
{
	if (ip[0] >> 4 == 4 && fold(add_words(ip, (ip[0] & 15) * 4u, 0)) != 0)
		return false;
	return sum_tcp(ip, size) == 0;
}

/* ---- segments ------------------------------------------------------------------------ */

static void put32(uint8_t *at, uint32_t number)
{
	number = htonl(number);
	memcpy(at, &number, sizeof(number));
}

static bool is_v6(const struct talk *talk)
{
	return strchr(talk->client, ':');
}

void build_segment(struct frame *frame, const struct talk *talk, uint8_t flags)
{
	struct layer layers[] = { ETHERNET(),
				  IPV4(.source = talk->client, .destination = HOST_V4),
				  TCP(.from = talk->from, .to = talk->to, .flags = flags),
				  { LAYER_END } };
	uint8_t *tcp;

	if (is_v6(talk))
		layers[1] = (struct layer)IPV6(.source = talk->client, .destination = HOST_V6);
	if (flags & TCP_SYN)
		layers[2].options = 4;
	frame_build(frame, layers);
	tcp = frame->bytes + 14 + (is_v6(talk) ? 40 : 20);
	put32(tcp + 4, talk->sequence);
	put32(tcp + 8, talk->acknowledge);
	tcp[14] = 0xfa; /* the window */
	if (flags & TCP_SYN)
		memcpy(tcp + 20, "\x02\x04\x05\xb4", 4);
	fill_checksums(frame->bytes + 14, frame->size - 14);
}

void say(const struct talk *talk, uint8_t flags)
{
	CLEANUP_FREE struct frame *frame = malloc(sizeof(*frame));

	assert_non_null(frame);
	build_segment(frame, talk, flags);
	assert_int_equal(write(tun, frame->bytes + 14, frame->size - 14), frame->size - 14);
}

/* Whether this IP packet is a TCP segment of this talk; where it begins. */
static const uint8_t *segment_of(const struct talk *talk, const uint8_t *ip, size_t size)
{
	bool v6 = size > 0 && ip[0] >> 4 == 6;
	const uint8_t *tcp = ip + (v6 ? 40 : 20);
	uint8_t client[16];

	if (v6 != is_v6(talk) || size < (v6 ? 60 : 40) || ip[v6 ? 6 : 9] != IPPROTO_TCP)
		return NULL;
	if (inet_pton(v6 ? AF_INET6 : AF_INET, talk->client, client) != 1 ||
	    memcmp(ip + (v6 ? 24 : 16), client, v6 ? 16 : 4) != 0)
		return NULL;
	return tcp[2] << 8 == (talk->from & 0xff00) && tcp[3] == (talk->from & 0xff) ? tcp : NULL;
}

bool hear(const struct talk *talk, uint8_t *ret_flags, uint32_t *ret_sequence)
{
	struct pollfd wait = { .fd = tun, .events = POLLIN };
	uint8_t packet[2048];

	while (poll(&wait, 1, 200) == 1) {
		ssize_t size = read(tun, packet, sizeof(packet));
		const uint8_t *tcp = size > 0 ? segment_of(talk, packet, (size_t)size) : NULL;

		if (!tcp)
			continue;
		memcpy(ret_sequence, tcp + 4, 4);
		*ret_sequence = ntohl(*ret_sequence);
		*ret_flags = tcp[13];
		return true;
	}
	return false;
}

void ask(struct talk *talk)
{
	uint8_t flags;
	uint32_t sequence;

	talk->sequence = 1000;
	talk->acknowledge = 0;
	say(talk, TCP_SYN);
	if (!hear(talk, &flags, &sequence))
		fail_msg("the host does not answer the SYN of %s", talk->client);
	assert_int_equal(flags, TCP_SYN | TCP_ACK);
	talk->sequence++;
	talk->acknowledge = sequence + 1;
}

void finish(struct talk *talk)
{
	say(talk, TCP_ACK);
}

bool judge(const struct store *store, const struct talk *talk, uint8_t flags)
{
	CLEANUP_FREE struct frame *frame = malloc(sizeof(*frame));

	assert_non_null(frame);
	build_segment(frame, talk, flags);
	return run_frame(store, frame) == XDP_PASS;
}
