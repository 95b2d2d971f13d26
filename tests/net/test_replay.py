# SPDX-License-Identifier: GPL-2.0-or-later
"""tcpreplay's traffic: a capture of thousands of frames, whose maker knows each one's verdict.

Nobody answers the sources of the capture, as there is no route to them: what sumun counts is
the capture and nothing besides.
"""
import collections
import dataclasses
import json
import random
import re
import struct

import frames
from lab import HOST4, HOST6, HOST_MAC, PEER_MAC, mac

FRAMES = 8000
DOT1Q, DOT1AD, IPV4, IPV6, ARP, LLDP = 0x8100, 0x88A8, 0x0800, 0x86DD, 0x0806, 0x88CC
ROUTING, GRE, ESP = 43, 47, 50
BLOCKED = {(frames.TCP, 8080), (frames.UDP, 5000)}
NETS = {  # of the sources: nets in IPv4 and IPv6, of which the host is in neither
    "ordinary": ("10.96.{}.{}", "fd96::{:x}:{:x}"), "listed": ("10.99.{}.{}", "fd99::{:x}:{:x}"),
    "banned": ("10.98.{}.{}", "fd98::{:x}:{:x}"), "allowed": ("10.97.{}.{}", "fd97::{:x}:{:x}")}
SETTINGS = """\
block-ports = tcp/8080, udp/5000
allow = 10.97.0.0/16, fd97::/64
ban = 10.98.0.0/16, fd98::/64
"""

IP_FAULTS = {4: ("version", "header 16 bytes", "total below header", "total beyond frame", "cut",
                 "tiny fragment"),
             6: ("version", "length beyond frame", "cut", "extension beyond packet")}
TRANSPORT_FAULTS = {frames.TCP: ("cut", "data offset 4", "data offset beyond packet"),
                    frames.UDP: ("cut", "length 7", "length beyond packet"),
                    frames.ICMP: ("cut",), frames.ICMPV6: ("cut",)}


@dataclasses.dataclass
class Plan:
    """What a frame is to be; judge() knows the verdict from that, build() makes the bytes."""
    family: int = 4
    who: str = "ordinary"
    source: str = ""
    tags: tuple = ()
    protocol: int = frames.UDP
    port: int = 9
    flags: int = frames.SYN
    data: bytes = b""
    options: int = 0            # bytes of IPv4 options
    extensions: tuple = ()      # IPv6: (header, words)
    fragment: str = ""          # "first", "later"
    ip_fault: str = ""
    transport_fault: str = ""
    other: int = 0              # not IP: this Ethernet type


def judge(plan):
    """The reason that sumun(1) gives for such a frame."""
    if len(plan.tags) > 2:
        return "too-deep"
    if plan.other:
        return "non-ip"
    if plan.ip_fault:
        return "malformed"
    if plan.who in ("banned", "listed"):
        return plan.who
    if len(plan.extensions) + (plan.family == 6 and bool(plan.fragment)) > 8:
        return "too-deep"
    good = "allowed" if plan.who == "allowed" else "pass"
    if plan.fragment == "later":
        return "fragment" if good == "pass" else good
    if plan.transport_fault:
        return "malformed"
    if (plan.protocol, plan.port) in BLOCKED and good == "pass":
        return "blocked-port"
    return good


def transport(plan, target):
    fault = plan.transport_fault
    if plan.protocol == frames.TCP:
        words = {"data offset 4": 4, "data offset beyond packet": 15}.get(fault, 5)
        data = b"" if words == 15 else plan.data
        head = frames.tcp(plan.source, target, 4000, plan.port, plan.flags, data, words)
        return head[:12] if fault == "cut" else head
    if plan.protocol == frames.UDP:
        length = {"length 7": 7, "length beyond packet": 9 + len(plan.data)}.get(fault)
        head = frames.udp(plan.source, target, 4000, plan.port, plan.data, length)
        return head[:7] if fault == "cut" else head
    if plan.protocol in (frames.ICMP, frames.ICMPV6):
        kind = 8 if plan.protocol == frames.ICMP else 128
        head = struct.pack("!BBHHH", kind, 0, 0, 7, 1) + plan.data
        head = head[:2] + struct.pack("!H", frames.checksum(head)) + head[4:]
        return head[:4] if fault == "cut" else head
    return plan.data


def build4(plan):
    payload, fragment = transport(plan, HOST4), 0
    if plan.fragment == "first":
        payload, fragment = payload[:len(payload) // 2 & ~7 or 24], 0x2000
    elif plan.fragment == "later":
        payload, fragment = plan.data or b"12345678", 7
    if plan.ip_fault == "tiny fragment":
        return frames.ipv4(plan.source, HOST4, frames.TCP, bytes(16), fragment=1)
    options = b"\1" * plan.options
    size = 20 + plan.options + len(payload)
    total = {"total below header": 19 + plan.options, "total beyond frame": size + 1}
    packet = frames.ipv4(plan.source, HOST4, plan.protocol, payload, fragment, options,
                         total.get(plan.ip_fault), 6 if plan.ip_fault == "version" else 4)
    if plan.ip_fault == "header 16 bytes":
        return b"\x44" + packet[1:]
    return packet[:19] if plan.ip_fault == "cut" else packet


def build6(plan):
    payload, following = transport(plan, HOST6), plan.protocol
    if plan.fragment:
        later = plan.fragment == "later"
        payload = (plan.data or b"12345678") if later else payload[:len(payload) // 2 & ~7 or 24]
        payload = frames.fragment6(following, 7 * later, 1) + payload
        following = frames.FRAGMENT
    for number, (header, words) in enumerate(reversed(plan.extensions)):
        made = frames.extension(following, words)
        if plan.ip_fault == "extension beyond packet" and number == 0:
            made = bytes([following, 250]) + made[2:]
        if header == ROUTING:
            made = made[:2] + bytes(len(made) - 2)  # type 0, no segments left
        payload, following = made + payload, header
    length = len(payload) + 1 if plan.ip_fault == "length beyond frame" else None
    packet = frames.ipv6(plan.source, HOST6, following, payload, length,
                         4 if plan.ip_fault == "version" else 6)
    return packet[:39] if plan.ip_fault == "cut" else packet


def build(plan):
    frame = mac(HOST_MAC) + mac(PEER_MAC)
    for kind, number in plan.tags:
        frame += struct.pack("!HH", kind, number)
    if plan.other:
        return frame + struct.pack("!H", plan.other) + bytes(46)
    packet = build4(plan) if plan.family == 4 else build6(plan)
    return frame + struct.pack("!H", IPV4 if plan.family == 4 else IPV6) + packet


def random_plan(dice):
    family = dice.choice((4, 6))
    who = dice.choices(list(NETS), (60, 15, 15, 10))[0]
    icmp = frames.ICMP if family == 4 else frames.ICMPV6
    plan = Plan(family, who, NETS[who][family == 6].format(dice.randrange(256),
                                                           dice.randrange(1, 255)))
    plan.tags = tuple((dice.choice((DOT1Q, DOT1AD)), dice.randrange(1, 4095))
                      for _ in range(dice.choices(range(5), (60, 20, 14, 4, 2))[0]))
    plan.protocol = dice.choices((frames.TCP, frames.UDP, icmp, GRE, ESP), (40, 40, 10, 5, 5))[0]
    plan.port = dice.choice((9, 53, 80, 443, 5000, 5001, 8080, 8079))
    plan.flags = dice.choice((frames.SYN, frames.ACK, frames.RST, 0x18, 0x11))
    plan.data = dice.randbytes(dice.choice((40, 64, 200, 1000)))
    plan.fragment = dice.choices(("", "first", "later"), (80, 10, 10))[0]
    if family == 4:
        plan.options = 4 * dice.choices(range(11), (70, *[3] * 10))[0]
    else:
        plan.extensions = tuple(
            (dice.choice((frames.HOP_BY_HOP, frames.DESTINATION, ROUTING)), dice.randrange(4))
            for _ in range(dice.choices((0, 1, 3, 7, 8, 9, 11), (50, 20, 8, 7, 6, 6, 3))[0]))
    fault = dice.random()
    if fault < 0.08:
        plan.ip_fault = dice.choice(IP_FAULTS[family])
        if plan.ip_fault == "extension beyond packet":
            plan.extensions, plan.fragment = ((frames.DESTINATION, 0),), ""
    elif fault < 0.16 and not plan.fragment:
        plan.transport_fault = dice.choice(TRANSPORT_FAULTS.get(plan.protocol, ("",)))
    elif fault < 0.19:
        plan.other = dice.choice((ARP, LLDP))
    return plan


def conversation(dice):
    """A client's side of a connection, as it was captured."""
    plan = random_plan(dice)
    plan = Plan(plan.family, plan.who, plan.source, plan.tags, frames.TCP,
                dice.choice((22, 80, 443, 8080)))
    yield plan
    for flags, size in ((frames.ACK, 0), (0x18, 300), *[(frames.ACK, 0)] * dice.randrange(6),
                        (0x18, 1200), (0x11, 0), (frames.ACK, 0)):
        yield dataclasses.replace(plan, flags=flags, data=bytes(size))


def plans(dice):
    made = []
    while len(made) < FRAMES:
        made += conversation(dice) if dice.random() < 0.1 else [random_plan(dice)]
    return made[:FRAMES]


def write_capture(path, made):
    """The format that tcpdump began: a header, and one before each frame."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number, frame in enumerate(made):
            file.write(struct.pack("<IIII", 1700000000 + number // 1000, number % 1000 * 1000,
                                   len(frame), len(frame)) + frame)


def interface(lab, name, device):
    output = lab.ip(name, "-s", "-j", "link", "show", device).stdout
    return json.loads(output)[0]["stats64"]


def test_capture_is_counted_as_its_maker_knows(lab):
    made = plans(random.Random(25))
    capture, path = [build(plan) for plan in made], lab.directory / "traffic.pcap"
    assert max(map(len, capture)) <= 1514
    write_capture(path, capture)
    wanted = collections.defaultdict(lambda: [0, 0])
    for plan, frame in zip(made, capture):
        wanted[judge(plan)][0] += 1
        wanted[judge(plan)][1] += len(frame)
    assert min(row[0] for row in wanted.values()) > 50 and len(wanted) == 9, "a mix of all"
    drop = lab.directory / "drop.txt"
    drop.write_text("10.99.0.0/16\nfd99::/64\n")
    lab.up(f"{SETTINGS}deny-list = {drop}")
    before = interface(lab, lab.host, "g0")["rx"]["packets"]
    replay = lab.tool("tcpreplay", "-i", "p0", "--preload-pcap", "--pps=8000", path)
    assert replay.returncode == 0, replay.stderr
    assert re.search(r"Successful packets:\s+(\d+)", replay.stdout)[1] == str(FRAMES)
    assert interface(lab, lab.host, "g0")["rx"]["packets"] - before == FRAMES
    stats = lab.stats()
    found = {name: [row["packets"], row["bytes"]] for name, row in stats["reasons"].items()
             if row["packets"]}
    assert found == dict(wanted)
    drops = {"banned", "listed", "blocked-port", "malformed", "too-deep"}
    for name, row in stats["reasons"].items():
        assert row["dropped"] == (row["packets"] if name in drops else 0), name
    dropped = [sum(column) for column in zip(*(wanted[name] for name in drops))]
    assert [stats["dropped"]["packets"], stats["dropped"]["bytes"]] == dropped
    assert stats["packets"] == FRAMES == stats["passed"]["packets"] + dropped[0]
    assert stats["bytes"] == sum(map(len, capture)) == stats["passed"]["bytes"] + dropped[1]
    row, = stats["lists"]
    assert [row["packets"], row["bytes"]] == wanted["listed"]
    print(f"{FRAMES:,} frames replayed: " +
          ", ".join(f"{name} {row[0]}" for name, row in sorted(wanted.items())))
