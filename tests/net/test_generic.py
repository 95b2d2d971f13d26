# SPDX-License-Identifier: GPL-2.0-or-later
"""P25: where a driver has no native XDP it is said aloud, shown everywhere, and refused on request.

Devices of kinds that need no card: those that this kernel does not have are skipped.
"""
import contextlib
import fcntl
import os
import socket
import struct

import pytest

import frames
from lab import HOST6, HOST_MAC, PEER_MAC, inside, mac, until

TUNSETIFF, IFF_TUN, IFF_TAP, IFF_NO_PI = 0x400454CA, 1, 2, 0x1000
WITHOUT_NATIVE = ("lo", "bridge", "ifb", "vxlan")


def make(lab, kind):
    """A device of this kind on the guarded host, up; its name."""
    if kind == "lo":
        return "lo"
    more = ("id", "7", "dstport", "4789") if kind == "vxlan" else ()
    result = lab.ip(lab.host, "link", "add", "x0", "type", kind, *more, check=False)
    if result.returncode:
        pytest.skip(f"no {kind} in this kernel: {result.stderr.strip()}")
    lab.ip(lab.host, "link", "set", "x0", "up")
    return "x0"


@contextlib.contextmanager
def tuntap(lab, flags):
    """A tun or tap device x0, up, and what writes packets into it."""
    with inside(lab.host):
        fd = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", b"x0", flags | IFF_NO_PI))
    try:
        lab.ip(lab.host, "link", "set", "x0", "up")
        yield fd
    finally:
        os.close(fd)


@pytest.mark.parametrize("kind", WITHOUT_NATIVE)
def test_p25_generic_mode_is_never_silent(lab, kind):
    device = make(lab, kind)
    result = lab.up("block-ports = udp/5000", device, "g0")
    warned = f"sumun: warning: {device}: attached in generic mode, which is several times slower: "
    assert any(line.startswith(warned + f"the driver of {device} says: ")
               for line in result.stderr.splitlines()), result.stderr
    assert "sumun: g0: attached, native mode" in result.stderr.splitlines()
    assert f"{device} (generic)" in result.stdout and "g0 (native)" in result.stdout
    modes = {"g0": "native", device: "generic"}
    assert lab.attached(device)[1] == 2 and lab.attached("g0")[1] == 1, "and that is so"
    for words in ("status", "stats"):
        assert {row["name"]: row["mode"] for row in lab.json(words)["interfaces"]} == modes
    rows = [line.split() for line in lab.sumun("status").stdout.splitlines()]
    assert {row[0]: row[1] for row in rows if row and row[0] in modes} == modes
    assert f"{device} (generic)" in lab.sumun("stats").stdout
    # Who watches what another command attached is told as well, in every report.
    run = lab.run("-i", "0.2")
    until(lambda: any(f"{device} (generic)" in line for line in run.lines()), what="a report")
    assert run.stop() == 0


def test_big_tcp_segments_are_no_malformed_packets(lab):
    """In generic mode come segments of more than 64 KiB, for which IP headers have no number."""
    device = make(lab, "bridge")
    lab.ip(lab.host, "addr", "flush", "dev", "g0")
    lab.ip(lab.host, "link", "set", "g0", "master", device)
    lab.ip(lab.host, "addr", "add", f"{HOST6}/48", "dev", device, "nodad")
    target = lab.ip(lab.host, "-br", "link", "show", device).stdout.split()[2]
    lab.neighbour(lab.peer, "p0", HOST6, target)
    for name, end in ((lab.host, "g0"), (lab.host, device), (lab.peer, "p0")):
        if lab.ip(name, "link", "set", end, "gso_max_size", "190000", "gro_max_size", "190000",
                  check=False).returncode:
            pytest.skip("no BIG TCP here")
    lab.up("", device)
    server = lab.listen(5001, HOST6)
    server.settimeout(5)
    client = lab.make_socket(lab.peer, socket.AF_INET6, socket.SOCK_STREAM)
    client.settimeout(5)
    client.connect((HOST6, 5001))
    peer, _ = server.accept()
    peer.settimeout(5)
    data, got = bytes(1 << 20), 0
    for _ in range(20):
        client.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            client.send(data)
        got += len(peer.recv(4 << 20))
    assert got > 4 << 20
    peer.close()
    stats = lab.stats()
    assert stats["reasons"]["malformed"]["packets"] == 0
    assert stats["bytes"] > 1.0 * got


def test_p25_generic_mode_filters(lab):
    """A bridge: its packets come from a card with native XDP, are judged on the bridge itself."""
    device = make(lab, "bridge")
    lab.ip(lab.host, "link", "set", "g0", "master", device)
    lab.up("block-ports = udp/5000\nban = 10.77.0.3", device)
    assert lab.attached() is None
    target = lab.ip(lab.host, "-br", "link", "show", device).stdout.split()[2]
    wire = lab.wire()
    for source, port in (("10.77.0.2", 5000), ("10.77.0.2", 5001), ("10.77.0.3", 5001)):
        wire.udp(port, source, to=target)
    reasons = {name: row["packets"] for name, row in lab.stats()["reasons"].items()
               if row["packets"]}
    assert reasons == {"blocked-port": 1, "pass": 1, "banned": 1}


@pytest.mark.parametrize("kind", WITHOUT_NATIVE)
def test_p25_required_native_is_refused(lab, kind):
    device = make(lab, kind)
    required = "require-native = on\nblock-ports = udp/5000"
    for interfaces in ([device], ["g0", device]):
        result = lab.up(required, *interfaces, check=False)
        assert result.returncode == 3, result
        assert f"cannot attach to {device} natively, and 'require-native' is on" in result.stderr
        assert lab.pins() == [] and not lab.attached() and not lab.attached(device)
    # What is up stays as it is, whether or not it stands there already.
    lab.up("", "g0")
    for interfaces in (["g0"], ["g0", device]):
        lab.up("", *interfaces)
        before = lab.json("status")
        result = lab.up(required, "g0", device, check=False)
        assert result.returncode == 3 and device in result.stderr, result
        assert "'require-native' is on" in result.stderr
        assert lab.json("status") == before
    lab.up(required, "g0")
    assert lab.json("status")["block-ports"] == ["udp/5000"] and not lab.attached(device)


def test_without_ethernet_headers_is_refused(lab):
    """A tun device: its packets begin with IP, and every verdict would be by the wrong bytes."""
    config = lab.config("[filter]\nbans-file = none\n")
    with tuntap(lab, IFF_TUN):
        for words in (["up", "x0"], ["up", "g0", "x0"], ["run", "x0"],
                      ["up", "--dry-run", "-c", config, "x0"]):
            result = lab.sumun(*words, check=False)
            assert result.returncode == 1, (words, result)
            assert "'x0' have no Ethernet header" in result.stderr, result.stderr
            assert lab.pins() == [] and not lab.attached() and not lab.attached("x0")
        lab.ip(lab.host, "route", "add", "default", "dev", "x0")
        assert "no Ethernet header" in lab.sumun("up", check=False).stderr


def test_a_tap_is_an_interface_as_any_other(lab):
    with tuntap(lab, IFF_TAP) as fd:
        lab.up("block-ports = udp/5000\nban = 10.50.0.9", "x0")
        until(lambda: lab.attached("x0"), what="being attached")
        before = lab.stats()["packets"]
        head = mac(HOST_MAC) + mac(PEER_MAC) + b"\x08\x00"
        for source, port in (("10.50.0.2", 5000), ("10.50.0.2", 5001), ("10.50.0.9", 5001)):
            os.write(fd, head + frames.udp_packet(source, "10.50.0.1", port))
        reasons = lab.stats()["reasons"]
        assert (reasons["blocked-port"]["dropped"], reasons["banned"]["dropped"]) == (1, 1)
        assert lab.stats()["packets"] - before == 3
