# SPDX-License-Identifier: GPL-2.0-or-later
"""Blocked ports and what passes, by real clients and by frames that no client sends."""
import socket

import pytest

import frames
from lab import HOST4, HOST6, PEER4, PEER6, command, until

FAMILIES = ((PEER4, HOST4), (PEER6, HOST6))
Q, AD = 0x8100, 0x88A8
IPV4, IPV6 = 0x0800, 0x86DD


def dropped(lab, reason):
    return lab.stats()["reasons"][reason]["dropped"]


def received(sock, count):
    """Up to `count` datagrams that came; waits for them, not for ever."""
    data = []

    def take():
        try:
            data.append(sock.recv(65536))
        except BlockingIOError:
            pass
        return len(data) >= count

    until(take, step=0.001, what=f"{count} datagrams (so far {len(data)})")
    return data


def test_curl_blocked_and_open(lab):
    lab.serve(8080, 8081)
    lab.up("block-ports = tcp/8080")
    for host in (HOST4, f"[{HOST6}]"):
        assert lab.curl(f"http://{host}:8080/") == 28
        assert lab.curl(f"http://{host}:8081/") == 0
    stats = lab.stats()
    assert stats["reasons"]["blocked-port"]["dropped"] >= 2
    assert any((port["protocol"], port["port"]) == ("tcp", 8080) for port in stats["ports"])
    lab.sumun("down")
    assert lab.curl(f"http://{HOST4}:8080/") == 0


def test_udp_port_and_its_neighbours(lab):
    lab.up("block-ports = udp/5000")
    sockets = [lab.listen(port, kind=socket.SOCK_DGRAM) for port in (4999, 5000, 5001)]
    wire = lab.wire()
    for source, target in FAMILIES:
        for port in (5000, 4999, 5001):
            wire.udp(port, source, target, b"x")
        # The same number under the other protocol is not blocked.
        wire.send(frames.tcp_packet(source, target, 5000))
    assert received(sockets[0], 2) and received(sockets[2], 2)
    with pytest.raises(BlockingIOError):
        sockets[1].recv(1)
    assert dropped(lab, "blocked-port") == 2


def test_range_ends_where_it_says(lab):
    lab.up("block-ports = tcp/1025-1099, udp/7, tcp/65535")
    for port in (1024, 1025, 1060, 1099, 1100, 65535):
        lab.listen(port)
    for _, target in FAMILIES:
        open_ports = {port for port in (1024, 1025, 1060, 1099, 1100, 65535)
                      if lab.reaches(port, target, seconds=0.15)}
        assert open_ports == {1024, 1100}


def test_observe_passes_and_counts(lab):
    lab.sumun("up", "-c", lab.config("[filter]\nmode = observe\nblock-ports = tcp/8080\n"
                                     f"ban = {PEER6}\n"), "g0")
    lab.listen(8080)
    wire = lab.wire()
    assert lab.reaches(8080)
    wire.send(frames.udp_packet(PEER6, HOST6, 9))
    reasons = lab.stats()["reasons"]
    assert reasons["blocked-port"]["packets"] >= 3  # SYN, ACK, FIN
    assert reasons["banned"]["packets"] >= 1
    assert all(row["dropped"] == 0 for row in reasons.values())


def test_tagged(lab):
    lab.up("block-ports = udp/5000, tcp/8080")
    wire, before = lab.wire(), lab.stats()
    assert before["packets"] == 0
    tries = 0
    for tags in ([(Q, 5)], [(AD, 7), (Q, 5)], [(Q, 7), (Q, 5)]):
        for source, target in FAMILIES:
            wire.udp(5000, source, target, tags=tags)
            wire.udp(5001, source, target, tags=tags)
            wire.send(frames.tcp_packet(source, target, 8080), tags=tags)
            tries += 1
            stats = lab.stats()
            assert stats["protocols"]["udp"]["packets"] == 2 * tries
            assert stats["protocols"]["tcp"]["packets"] == tries
            assert stats["reasons"]["blocked-port"]["dropped"] == 2 * tries
            assert stats["packets"] == 3 * tries


def test_tagged_source_is_banned(lab):
    lab.up(f"ban = {PEER4}")
    wire = lab.wire()
    wire.udp(9, tags=[(AD, 7), (Q, 5)])
    wire.udp(9, tags=[(Q, 5)])
    assert dropped(lab, "banned") == 2


def test_three_tags_are_too_deep(lab):
    lab.up()
    lab.wire().udp(9, tags=[(AD, 1), (Q, 2), (Q, 3)])
    assert dropped(lab, "too-deep") == 1


def test_fragments_of_a_real_ping(lab):
    lab.up("block-ports = udp/5000")
    for _, target in FAMILIES:
        ping = command("ip", "netns", "exec", lab.peer, "ping", "-c", "2", "-i", "0.05", "-W", "2",
                       "-s", "4000", target, check=False)
        assert ping.returncode == 0, ping.stdout
    stats = lab.stats()
    assert stats["protocols"]["icmp"]["packets"] == 6
    assert stats["protocols"]["icmpv6"]["packets"] == 6
    assert stats["reasons"]["fragment"]["packets"] == 8
    assert stats["reasons"]["pass"]["packets"] == 4


def test_fragments_of_blocked_and_banned(lab):
    lab.up(f"block-ports = udp/5000\nban = {PEER6}")
    wire = lab.wire()
    data = frames.udp(PEER4, HOST4, 4000, 5000, bytes(64))
    wire.send(frames.ipv4(PEER4, HOST4, frames.UDP, data[:32], fragment=0x2000))
    wire.send(frames.ipv4(PEER4, HOST4, frames.UDP, data[32:], fragment=4))
    # A later fragment of a banned source is banned all the same.
    wire.send(frames.ipv6(PEER6, HOST6, frames.FRAGMENT,
                          frames.fragment6(frames.UDP, 4, 0) + bytes(32)))
    # The fragment that would rewrite TCP flags (RFC 3128).
    wire.send(frames.ipv4(PEER4, HOST4, frames.TCP, bytes(16), fragment=1))
    reasons = lab.stats()["reasons"]
    assert {name: row["packets"] for name, row in reasons.items() if row["packets"]} == \
        {"blocked-port": 1, "fragment": 1, "banned": 1, "malformed": 1}


def test_ipv6_extension_headers_hide_nothing(lab):
    lab.up("block-ports = tcp/8080, udp/5000")
    wire = lab.wire()
    tcp = frames.tcp(PEER6, HOST6, 4000, 8080)
    udp = frames.udp(PEER6, HOST6, 4000, 5000)
    chains = [
        (frames.HOP_BY_HOP, frames.extension(frames.TCP) + tcp),
        (frames.DESTINATION, frames.extension(frames.UDP, 3) + udp),
        (frames.HOP_BY_HOP, frames.extension(frames.DESTINATION) +
         frames.extension(frames.FRAGMENT) + frames.fragment6(frames.TCP, 0, 0) + tcp),
        (frames.FRAGMENT, frames.fragment6(frames.UDP, 0, 1) + udp),
    ]
    for following, payload in chains:
        wire.send(frames.ipv6(PEER6, HOST6, following, payload))
    deep = frames.extension(frames.DESTINATION) * 8 + frames.extension(frames.TCP) + tcp
    wire.send(frames.ipv6(PEER6, HOST6, frames.DESTINATION, deep))
    stats = lab.stats()
    assert stats["reasons"]["blocked-port"]["dropped"] == 4
    assert stats["reasons"]["too-deep"]["dropped"] == 1
    assert stats["protocols"]["tcp"]["packets"] == 2
    assert stats["protocols"]["udp"]["packets"] == 2


def test_ipv4_options_hide_nothing(lab):
    lab.up("block-ports = tcp/8080")
    tcp = frames.tcp(PEER4, HOST4, 4000, 8080)
    for options in (b"\1\1\1\0", b"\1" * 39 + b"\0"):
        lab.wire().send(frames.ipv4(PEER4, HOST4, frames.TCP, tcp, options=options))
    assert dropped(lab, "blocked-port") == 2


MALFORMED = {
    "version 5": (IPV4, frames.ipv4(PEER4, HOST4, 17, bytes(20), version=5)),
    "longer than the frame": (IPV4, frames.ipv4(PEER4, HOST4, 17, bytes(20), total=200)),
    "shorter than its header": (IPV4, frames.ipv4(PEER4, HOST4, 17, bytes(20), total=19)),
    "half an IPv4 header": (IPV4, frames.ipv4(PEER4, HOST4, 17, b"")[:10]),
    "half a UDP header": (IPV4, frames.ipv4(PEER4, HOST4, 17, bytes(4))),
    "UDP length 7": (IPV4, frames.ipv4(PEER4, HOST4, 17, frames.udp(PEER4, HOST4, 1, 2, b"",
                                                                    length=7))),
    "UDP longer than IP": (IPV4, frames.ipv4(PEER4, HOST4, 17, frames.udp(PEER4, HOST4, 1, 2, b"",
                                                                          length=9))),
    "half a TCP header": (IPV4, frames.ipv4(PEER4, HOST4, 6, bytes(12))),
    "TCP data offset 4": (IPV4, frames.ipv4(PEER4, HOST4, 6, frames.tcp(PEER4, HOST4, 1, 2,
                                                                       words=4))),
    "TCP data offset 15": (IPV4, frames.ipv4(PEER4, HOST4, 6, frames.tcp(PEER4, HOST4, 1, 2,
                                                                        words=15))),
    "4 bytes of ICMP": (IPV4, frames.ipv4(PEER4, HOST4, 1, bytes(4))),
    "IPv6 with version 4": (IPV6, frames.ipv6(PEER6, HOST6, 17, bytes(20), version=4)),
    "IPv6 longer than the frame": (IPV6, frames.ipv6(PEER6, HOST6, 17, bytes(20), length=21)),
    "half an IPv6 header": (IPV6, frames.ipv6(PEER6, HOST6, 17, b"")[:20]),
    "extension longer than IPv6": (IPV6, frames.ipv6(PEER6, HOST6, 0,
                                                     frames.extension(17, 5)[:16])),
    "a tag and nothing": (Q, b"\0"),
}


def test_malformed_counted_and_dropped(lab):
    lab.up()
    wire = lab.wire()
    seen = 0
    for name, (kind, packet) in MALFORMED.items():
        wire.send(packet, kind=kind)
        now = dropped(lab, "malformed")
        assert now == seen + 1, f"{name}: {lab.stats()['reasons']}"
        seen = now
    stats = lab.stats()
    assert stats["packets"] == len(MALFORMED)


def test_what_is_not_ip_passes(lab):
    lab.up("block-ports = tcp/1-65535, udp/1-65535")
    wire = lab.wire()
    wire.send(bytes(28), kind=0x0806)
    wire.send(bytes(46), kind=0x88CC)
    stats = lab.stats()
    assert stats["reasons"]["non-ip"] == \
        {"packets": 2, "bytes": 102, "dropped": 0, "answered": 0}
    assert stats["protocols"]["arp"]["packets"] == 1
    assert stats["protocols"]["non-ip"]["packets"] == 1


def test_counts_are_exact(lab):
    """10,000 frames of known kinds: packets, bytes, protocols and reasons, none more, none less."""
    lab.up(f"block-ports = tcp/8080, udp/5000\nban = {PEER6}")
    wire = lab.wire()
    plan = [  # name, packet, reason
        ("udp", frames.udp_packet(PEER4, HOST4, 5000, b"a" * 10), "blocked-port"),
        ("udp", frames.udp_packet(PEER4, HOST4, 9, b"a" * 700), "pass"),
        ("tcp", frames.tcp_packet(PEER4, HOST4, 8080), "blocked-port"),
        ("tcp", frames.tcp_packet(PEER4, HOST4, 8080, frames.RST), "blocked-port"),
        ("udp", frames.udp_packet(PEER6, HOST6, 9, b"a" * 33), "banned"),
        ("sctp", frames.ipv4(PEER4, HOST4, 132, bytes(12)), "pass"),
        ("proto-253", frames.ipv4(PEER4, HOST4, 253, bytes(100)), "pass"),
        ("malformed", frames.ipv4(PEER4, HOST4, 17, bytes(3)), "malformed"),
    ]
    rounds, packets, total = 1250, {}, 0
    reasons = {}
    for _ in range(rounds):
        for name, packet, reason in plan:
            size = wire.send(packet)
            total += size
            name = "udp" if name == "malformed" else name
            packets.setdefault(name, [0, 0])
            packets[name][0] += 1
            packets[name][1] += size
            reasons.setdefault(reason, [0, 0])
            reasons[reason][0] += 1
            reasons[reason][1] += size
    stats = lab.stats()
    assert stats["packets"] == 10_000 and stats["bytes"] == total
    assert stats["lost"] == 0, "an event a source, not a packet: the ring has room for 3,000"
    protocols = {name: [row["packets"], row["bytes"]] for name, row in stats["protocols"].items()}
    assert protocols == packets
    assert {name: [row["packets"], row["bytes"]] for name, row in stats["reasons"].items()
            if row["packets"]} == reasons
    assert sum(row["packets"] for row in stats["reasons"].values()) == stats["packets"]
    assert sum(row["bytes"] for row in stats["reasons"].values()) == stats["bytes"]
    attempts = {(port["protocol"], port["port"]): port["connections"] for port in stats["ports"]}
    assert attempts == {("udp", 5000): rounds, ("udp", 9): rounds, ("tcp", 8080): rounds}
