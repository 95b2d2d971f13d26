# SPDX-License-Identifier: GPL-2.0-or-later
"""Ethernet frames, byte by byte: what no honest client would send."""
import ipaddress
import struct

TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
SYN, ACK, RST = 0x02, 0x10, 0x04
HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION = 0, 43, 44, 60


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packed(address):
    return ipaddress.ip_address(address).packed


def ipv4(source, destination, protocol, payload, fragment=0, options=b"", total=None, version=4):
    words = 5 + len(options) // 4
    length = words * 4 + len(payload) if total is None else total
    head = struct.pack("!BBHHHBBH4s4s", version << 4 | words, 0, length, 0x4242, fragment, 64,
                       protocol, 0, packed(source), packed(destination)) + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ipv6(source, destination, protocol, payload, length=None, version=6):
    size = len(payload) if length is None else length
    return struct.pack("!IHBB16s16s", version << 28, size, protocol, 64, packed(source),
                       packed(destination)) + payload


def extension(following, words=0):
    """Hop-by-hop or destination options that say nothing (PadN)."""
    room = 6 + 8 * words
    return struct.pack("!BBBB", following, words, 1, room - 2) + bytes(room - 2)


def fragment6(following, offset, more):
    return struct.pack("!BBHI", following, 0, offset << 3 | more, 0x4242)


def pseudo(source, destination, protocol, size):
    source, destination = packed(source), packed(destination)
    if len(source) == 4:
        return source + destination + struct.pack("!BBH", 0, protocol, size)
    return source + destination + struct.pack("!IHBB", size, 0, 0, protocol)


def udp(source, destination, sport, dport, data=b"", length=None):
    size = 8 + len(data)
    head = struct.pack("!HHH", sport, dport, size if length is None else length)
    total = checksum(pseudo(source, destination, UDP, size) + head + b"\0\0" + data) or 0xFFFF
    return head + struct.pack("!H", total) + data


def tcp(source, destination, sport, dport, flags=SYN, data=b"", words=5):
    head = struct.pack("!HHIIBBHHH", sport, dport, 1000, 0, words << 4, flags, 1024, 0, 0)
    total = checksum(pseudo(source, destination, TCP, len(head) + len(data)) + head + data)
    return head[:16] + struct.pack("!H", total) + head[18:] + data


def ip(source, destination, protocol, payload):
    """Of the family of the addresses."""
    build = ipv6 if ":" in source else ipv4
    return build(source, destination, protocol, payload)


def udp_packet(source, destination, dport, data=b"", sport=4000):
    return ip(source, destination, UDP, udp(source, destination, sport, dport, data))


def tcp_packet(source, destination, dport, flags=SYN, sport=4000):
    return ip(source, destination, TCP, tcp(source, destination, sport, dport, flags))
