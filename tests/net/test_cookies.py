# SPDX-License-Identifier: GPL-2.0-or-later
"""SYN cookies in the host's place: real clients connect while forged SYNs flood.

XDP_TX over veth needs an XDP program at the other end too, so the peer observes itself.
"""
import pathlib
import socket
import struct
import time

import pytest

import frames
from answerer import Answerer
from lab import FAR4, FAR6, HOST4, HOST6, SUMUN, until

COOKIES = "syn-cookies = on\nsyn-cookies-above = 10/s\n"
RARE = "syn-cookies = on\nsyn-cookies-above = 2/min\n"
SOL_PACKET, PACKET_AUXDATA = 263, 8


@pytest.fixture
def two(lab):
    """The lab with a filter that observes at the peer's end."""
    config = lab.config("[filter]\nmode = observe\nbans-file = none\n", "peer.conf")
    result = lab.tool(SUMUN, "up", "-c", config, "p0")
    assert result.returncode == 0, result.stderr
    # Whom the forged SYNs name is somewhere out there.
    lab.ip(lab.host, "route", "add", "default", "via", "10.77.0.9", "dev", "g0")
    lab.neighbour(lab.host, "g0", "10.77.0.9", "02:00:00:00:00:02")
    try:
        yield lab
    finally:
        lab.tool(SUMUN, "down")
        pathlib.Path(f"/var/lib/sumun/bans-{lab.peer}").unlink(missing_ok=True)


def syncookies(lab, value):
    lab.sysctl(lab.host, f"ipv4.tcp_syncookies={value}")


def nstat(lab, name):
    words = lab.tool("nstat", "-asz", name, name=lab.host).stdout.split()
    return int(words[words.index(name) + 1])


def use_up(lab, port=8080):
    """The SYNs that the host may see itself, at once."""
    lab.tool("hping3", "-q", "-S", "-p", port, "-i", "u100", "-c", "30", "-a", "10.77.8.8", HOST4)


@pytest.mark.parametrize("target, source", [(HOST4, FAR4), (HOST6, FAR6)], ids=["ipv4", "ipv6"])
def test_client_gets_our_cookie(two, target, source):
    """A client's own SYN, with all its options, is answered from here, and its connection
    stands: checksums, sequence numbers and MSS are right."""
    syncookies(two, 2)
    two.serve(8080)
    (two.directory / "file").write_bytes(bytes(200_000))
    two.up(RARE)
    use_up(two)
    before, host = two.stats(), nstat(two, "TcpExtSyncookiesSent")
    name = f"[{target}]" if ":" in target else target
    for _ in range(3):
        assert two.curl(f"http://{name}:8080/file", "--interface", source, seconds="5") == 0
    stats = two.stats()
    assert stats["actions"]["cookies_not_sent"] == before["actions"]["cookies_not_sent"]
    assert stats["answered"]["packets"] - before["answered"]["packets"] == 3
    assert nstat(two, "TcpExtSyncookiesSent") == host, "the host never saw these SYNs"
    assert nstat(two, "TcpExtSyncookiesRecv") >= 3, "but their answers"


def test_clients_under_a_flood(two):
    syncookies(two, 2)
    two.serve(8080)
    two.up(COOKIES)
    flood = two.flood("--rand-source", "-S", "-p", "8080", HOST4, seconds=3)
    until(lambda: two.stats()["answered"]["packets"] > 1000, what="answering the flood")
    begun = time.monotonic()
    for number in range(8):
        target, source = ((HOST4, FAR4), (f"[{HOST6}]", FAR6))[number % 2]
        assert two.curl(f"http://{target}:8080/", "--interface", source, seconds="2") == 0, number
        assert not flood.ended()
        time.sleep(0.1)
    took = time.monotonic() - begun
    flood.stop()
    stats = two.stats()
    seen = stats["answered"]["packets"]
    # What the host saw itself is the rate and its burst.
    assert nstat(two, "TcpExtSyncookiesSent") <= 10 + 10 * (took + 4)
    assert stats["bans"] == 0 and stats["dropped"]["packets"] == 0
    print(f"{seen:,} forged SYNs answered, 8 of 8 clients connected in {took:.2f} s")


def tagged_answer(sock):
    """The next SYN-ACK, and the tag that the kernel took from it."""
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        data, ancillary, _, _ = sock.recvmsg(2048, 256)
        tags = [struct.unpack("IIIHHHH", value[:20])[5] for level, kind, value in ancillary
                if (level, kind) == (SOL_PACKET, PACKET_AUXDATA)]
        offset = 14 + (20 if data[12:14] == b"\x08\x00" else 40)
        if len(data) > offset + 13 and data[offset + 13] == frames.SYN | frames.ACK:
            return data, tags[0]
    raise AssertionError("no SYN-ACK came")


@pytest.mark.parametrize("source, target", [(FAR4, HOST4), (FAR6, HOST6)], ids=["ipv4", "ipv6"])
def test_behind_a_vlan_tag(two, source, target):
    """A tagged SYN gets a tagged answer, with right checksums."""
    syncookies(two, 2)
    two.listen(8080)
    two.up(RARE)
    use_up(two)
    sock = two.make_socket(two.peer, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    sock.bind(("p0", 3))
    sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    sock.settimeout(1)
    two.wire().send(frames.tcp_packet(source, target, 8080), tags=[(0x8100, 5)])
    data, tag = tagged_answer(sock)
    packet = data[14:]
    assert tag == 5
    head = 20 if packet[0] >> 4 == 4 else 40
    if head == 20:
        assert frames.checksum(packet[:20]) == 0
        packet = packet[:int.from_bytes(packet[2:4], "big")]
    else:
        packet = packet[:40 + int.from_bytes(packet[4:6], "big")]
    tcp = packet[head:]
    assert frames.checksum(frames.pseudo(target, source, frames.TCP, len(tcp)) + tcp) == 0
    assert (int.from_bytes(tcp[:2], "big"), int.from_bytes(tcp[2:4], "big")) == (8080, 4000)
    assert int.from_bytes(tcp[8:12], "big") == 1001, "it acknowledges the SYN"
    assert two.stats()["reasons"]["syn-cookie"]["answered"] >= 1


@pytest.mark.parametrize("value", [0, 1])
def test_left_to_the_kernel(two, value):
    """Where the kernel makes no cookie, SYNs go to it as they are, and `status` says why."""
    syncookies(two, value)
    hint = f"sysctl -w net.ipv4.tcp_syncookies=2': it is {value}"
    assert f"SYN cookies are not answered until '{hint}" in \
        two.up(RARE, options=["--dry-run"]).stderr
    assert f"SYN cookies are not answered until '{hint}" in two.up(RARE).stderr
    assert hint in two.sumun("status").stdout
    assert two.json("status")["syn-cookies"]["tcp_syncookies"] == value
    run = two.run()
    assert run.stop() == 0 and hint in run.errors()
    with Answerer(two.listen(8080)):
        use_up(two)
        assert all(two.reaches(8080, source=FAR4, seconds=1) for _ in range(3))
    stats = two.stats()
    assert stats["answered"]["packets"] == 0 and stats["actions"]["cookies_not_sent"] >= 20
    assert " SYNs passed on: no cookie is made until 'sysctl -w net." in two.sumun("stats").stdout
    syncookies(two, 2)
    assert " SYNs passed on that a cookie could not be made" in two.sumun("stats").stdout
    assert "sysctl" not in two.sumun("status").stdout
    assert "sysctl" not in two.up(RARE).stderr


def test_lost_on_a_veth(lab):
    """It is said where answers may be lost: on a veth, and not on other interfaces."""
    words = "XDP program is at its other end"
    syncookies(lab, 2)
    assert words not in lab.up().stderr + lab.sumun("status").stdout
    assert f"g0 is a veth: SYN cookies are lost on it unless an {words}" in \
        lab.up(COOKIES, options=["--dry-run"]).stderr
    assert words in lab.up(COOKIES).stderr and f"lost on g0, a veth, unless an {words}" in \
        lab.sumun("status").stdout
    assert lab.json("status")["syn-cookies"]["lossy"] == ["g0"]
    run = lab.run()
    assert run.stop() == 0 and words in run.errors()
    lab.ip(lab.host, "tuntap", "add", "d0", "mode", "tap")
    assert lab.up(COOKIES, "d0", options=["--dry-run"]).stderr == ""
    assert words not in lab.up(COOKIES, "lo").stderr + lab.sumun("status").stdout
    assert lab.json("status")["syn-cookies"]["lossy"] == []


def test_closed_ports_are_refused_as_ever(two):
    syncookies(two, 2)
    two.listen(8080)
    two.up(COOKIES)
    use_up(two)
    with pytest.raises(ConnectionRefusedError):
        two.reaches(8081, source=FAR4)
