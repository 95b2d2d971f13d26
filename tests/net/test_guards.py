# SPDX-License-Identifier: GPL-2.0-or-later
"""Guards: who is over a limit, who is not, and what becomes of both. By real clients."""
import hashlib
import json
import os
import socket
import time

import pytest

import frames
from answerer import Answerer, Conversation
from lab import (FAR4, FAR6, HOST4, HOST6, NEIGHBOUR4, NEIGHBOUR6, PEER4, PEER6, until)
from process import SLOW, patient
from times import seconds_of

GUIDE = os.path.join(os.path.dirname(__file__), "../../examples/guide.conf")
WEB = "[guard web]\nports = tcp/8080\nper-source = 20/min\nburst = 5\n"


def url(target, port=8080):
    return f"http://[{target}]:{port}/" if ":" in target else f"http://{target}:{port}/"


def guard(lab, name="web"):
    return next(row for row in lab.stats()["guards"] if row["name"] == name)


def bans_told(run):
    return [(ban["source"], ban["seconds"], ban["proof"]) for ban in run.records("filter-ban")]


@pytest.mark.parametrize("target, source, neighbour, other, banned", [
    (HOST4, PEER4, None, NEIGHBOUR4, PEER4),
    (HOST6, PEER6, NEIGHBOUR6, FAR6, "fd77:0:0:1::/64")], ids=["ipv4", "ipv6"])
def test_client_over_its_limit(lab, target, source, neighbour, other, banned):
    """P3, P4, P19: the burst is answered, then its source, and no other, is banned."""
    lab.serve(8080, 8081)
    lab.up(sections=WEB + "ban = 10m\n")
    run = lab.run("--json", "-i", "3600")
    words = ("--interface", source)
    assert [lab.curl(url(target), *words, seconds="0.2") for _ in range(7)] == [0] * 5 + [28] * 2
    ban, = lab.json("bans")
    assert (ban["address"], ban["origin"], ban["why"]) == (banned, "guard", "guard web")
    assert ban["offences"] == 1
    assert 595 < seconds_of(ban["until"]) - time.time() < 602
    until(lambda: bans_told(run), what="telling of the ban")
    assert bans_told(run) == [(banned, 600, "proven")]
    # Banned is banned everywhere, and nobody else is; in IPv6 a source is its /64.
    assert lab.curl(url(target, 8081), *words, seconds="0.2") == 28
    if neighbour:
        assert lab.curl(url(target), "--interface", neighbour, seconds="0.2") == 28
    assert lab.curl(url(target), "--interface", other) == 0
    lab.sumun("unban", banned)
    assert lab.curl(url(target, 8081), *words) == 0
    row = guard(lab)
    assert row["limited"] == 1 and row["bans"] == 1


def test_two_guards_are_apart(lab):
    """P3: what is used up of one guard is not used up of another, nor of unguarded ports."""
    lab.serve(8080, 8081, 8082)
    lab.up(sections=WEB + "[guard shop]\nports = tcp/8081\nper-source = 20/min\nburst = 2\n")
    answers = [[lab.curl(url(HOST4, port), seconds="0.2") for _ in range(count)]
               for port, count in ((8080, 6), (8081, 3), (8082, 8))]
    assert answers == [[0] * 5 + [28], [0] * 2 + [28], [0] * 8]
    assert lab.json("bans") == []
    web, shop = guard(lab), guard(lab, "shop")
    assert (web["connections"], web["limited"]) == (6, 1)
    assert (shop["connections"], shop["limited"]) == (3, 1)


def test_observing_guard(lab):
    """It counts what it would drop; another one beside it drops."""
    lab.serve(8080, 8081)
    lab.up(sections=WEB + "ban = 10m\nmode = observe\n"
           "[guard shop]\nports = tcp/8081\nper-source = 20/min\nburst = 1\n")
    assert [lab.curl(url(HOST4)) for _ in range(8)] == [0] * 8
    assert [lab.curl(url(HOST4, 8081), seconds="0.2") for _ in range(2)] == [0, 28]
    assert lab.json("bans") == []
    assert guard(lab)["limited"] == 3 and guard(lab)["bans"] == 0
    limited = lab.stats()["reasons"]["limited"]
    assert limited["packets"] == 4 and limited["dropped"] == 1


def test_total_sheds_and_bans_nobody(lab):
    """P3: whoever sends the one too many is not to blame."""
    with Answerer(lab.listen(8080)):
        lab.up(sections="[guard web]\nports = tcp/8080\ntotal = 10/s\nburst = 10\n"
               "per-source = 1000/s\nban = 10m\n")
        standing = Conversation(lab, 8080, PEER4, HOST4)
        wire = lab.wire()
        for number in range(200):
            wire.send(frames.tcp_packet(f"10.77.9.{number + 1}", HOST4, 8080))
        assert not lab.reaches(8080, source=FAR4, seconds=0.05), "there is no room for a new one"
        assert standing.goes_on(), "one that stands goes on"
        row = guard(lab)
        assert row["shed"] >= 180 and row["limited"] == 0 and row["bans"] == 0
        assert lab.json("bans") == []
        until(lambda: lab.reaches(8080, source=FAR4, seconds=0.1), 3, 0.1, "room again")


def test_udp_packets_of_a_source(lab):
    """P2, P4: hping3's datagrams: the burst and the rate come through and no more; nobody can
    tell who sent them, so the ban is the short one, however long the guard's."""
    lab.up("unproven-ban = 1s", sections="[guard dns]\nports = udp/5353\n"
           "packets-per-source = 100/s\nburst = 50\nban = 10m\n")
    run = lab.run("--json", "-i", "3600")
    server = lab.listen(5353, kind=socket.SOCK_DGRAM)
    begun = time.monotonic()
    hping = lab.tool("hping3", "-q", "--udp", "-p", "5353", "-i", "u1000", "-c", "800", HOST4)
    took = time.monotonic() - begun
    assert "800 packets transmitted" in hping.stderr, hping.stderr
    heard = 0
    while True:
        try:
            server.recv(64)
            heard += 1
        except BlockingIOError:
            break
    # Of 1,000 a second for most of a second: some 55 until the limit, then a ban of 1 s.
    assert 50 <= heard <= 50 + 100 * took, (took, lab.stats())
    until(lambda: bans_told(run), what="telling of the ban")
    assert set(bans_told(run)) == {(PEER4, 1, "unproven")}
    ears = lab.wire()

    def heard_again():
        ears.udp(5353, data=b"again")
        try:
            return server.recv(64)
        except BlockingIOError:
            return None

    until(heard_again, 3, 0.05, "being heard again")
    assert all(ban["offences"] == 0 for ban in lab.json("bans"))


def test_no_more_than_the_burst_at_any_edge(lab):
    """P1, P2: no window that can be straddled: after a silence the burst and not twice it."""
    lab.up(sections="[guard dns]\nports = udp/5353\npackets-per-source = 20/s\nburst = 40\n")
    server, wire = lab.listen(5353, kind=socket.SOCK_DGRAM), lab.wire()

    def pass_of(count):
        wire.udp(5353, count=count)
        heard = 0
        try:
            while server.recv(64) is not None:
                heard += 1
        except BlockingIOError:
            return heard

    begun = time.monotonic()
    assert 40 <= pass_of(200) <= 42
    assert pass_of(200) <= 2
    time.sleep(0.5)
    heard = pass_of(200)
    assert 9 <= heard <= 20 * (time.monotonic() - begun) + 2
    assert lab.json("bans") == []


def test_refills_with_no_process_alive(lab):
    """P1: by elapsed time, which needs nobody."""
    # One a second, or where waiting for an answer takes that long, one in many.
    lab.up(sections=f"[guard web]\nports = tcp/8080\nper-source = {round(3600 / SLOW)}/h\n"
           "burst = 5\n")
    lab.listen(8080)
    assert [lab.reaches(8080, seconds=0.05) for _ in range(6)] == [True] * 5 + [False]
    assert lab.tool("ip", "netns", "pids", lab.host).stdout.split() == [], "nobody is there"
    time.sleep(patient(2.3))
    assert [lab.reaches(8080, seconds=0.05) for _ in range(4)] == [True, True, False, False]


def test_bytes_of_a_source(lab):
    """iperf3 over UDP: what arrives is the burst and the rate."""
    lab.up(sections="[guard bulk]\nports = udp/5201\nbytes-per-source = 2M/s\n")
    server = lab.beside("iperf3", "-s", "-1", "--forceflush", name=lab.host)
    until(lambda: any("listening" in line for line in server.lines()), what="iperf3 listening")
    client = lab.tool("iperf3", "-c", HOST4, "-u", "-b", "100M", "-l", "1400", "-t", "1.5",
                      "--json", "--get-server-output")
    assert client.returncode == 0, client.stdout + client.stderr
    stats = lab.stats()
    limited = stats["reasons"]["limited"]
    udp = stats["protocols"]["udp"]
    passed = udp["bytes"] - limited["bytes"]
    seconds = json.loads(client.stdout)["end"]["sum"]["seconds"]
    assert limited["dropped"] > 1000 and lab.json("bans") == []
    # A burst is as much as the rate; the largest packet may be left over.
    assert 0.95 * 2e6 * (1 + seconds) <= passed <= 1.1 * 2e6 * (1 + seconds + 0.2), \
        (passed, seconds)


def test_connections_that_stand_go_on(lab):
    """P3: while the source's new ones are limited, and under a flood of forged SYNs."""
    data = os.urandom(3_000_000)
    (lab.directory / "file").write_bytes(data)
    lab.serve(8080)
    lab.up("unproven-ban = 5s", sections=WEB + "total = 100/s\n")
    fetched = lab.directory / "fetched"
    curl = lab.beside("curl", "-gsS", "--noproxy", "*", "--limit-rate", "900k", "--max-time",
                      patient(12), "--interface", PEER4, "-o", fetched, url(HOST4) + "file")
    until(lambda: fetched.exists() and fetched.stat().st_size, what="the download beginning")
    flood = lab.flood("--rand-source", "-S", "-p", "8080", HOST4, seconds=3)
    until(lambda: guard(lab)["shed"] > 1000, what="shedding")
    limited = [lab.reaches(8080, source=PEER4, seconds=0.02) for _ in range(10)]
    assert limited[-1] is False
    assert curl.wait(14) == 0, curl.errors()
    flood.stop()
    assert hashlib.sha256(fetched.read_bytes()).digest() == hashlib.sha256(data).digest()
    row = guard(lab)
    assert row["limited"] >= 5 and row["bans"] == 0 and lab.json("bans") == []
    print(f"shed {row['shed']:,} of {row['connections']:,} forged attempts to connect")


def test_configuration_of_the_guide(lab):
    """More than 1,000 attempts in a minute: banned for a minute; 900 are not."""
    with Answerer(lab.listen(8081)) as server:
        lab.sumun("up", "-c", GUIDE, "g0")
        run = lab.run("--json", "-i", "3600")
        assert all(lab.reaches(8081, source=NEIGHBOUR4) for _ in range(900))
        made, begun = 0, time.monotonic()
        while lab.reaches(8081, source=PEER4, seconds=0.2):
            made += 1
            assert made < 5000
        assert 1000 <= made <= 1010 + 17 * (time.monotonic() - begun), "16 come back a second"
        until(lambda: bans_told(run), what="telling of the ban")
        assert bans_told(run) == [(PEER4, 60, "proven")], (made, lab.stats()["guards"])
        ban, = lab.json("bans")
        assert 60 - patient(5) < seconds_of(ban["until"]) - time.time() < 61
        assert lab.reaches(8081, source=NEIGHBOUR4)
        until(lambda: server.accepted == 900 + made + 1, what="accepting all of them")
    assert run.records("filter-scan") == []


def test_bans_grow(lab):
    """The second is twice as long, and none longer than ban-max; each ends by itself (P5)."""
    with Answerer(lab.listen(8080)):
        lab.up(sections="[guard web]\nports = tcp/8080\nper-source = 20/s\nburst = 4\n"
               "ban = 1s\nban-max = 2s\n")
        run = lab.run("--json", "-i", "3600")
        for number in range(1, 4):
            begun = time.monotonic()
            while lab.reaches(8080, seconds=0.05):
                assert time.monotonic() < begun + 3, "the limit is not reached"
            until(lambda: len(bans_told(run)) == number, what="telling of the ban")
            if number < 3:
                until(lambda: lab.reaches(8080, seconds=0.02), 4, 0.02, "the end of the ban")
                assert time.monotonic() - begun > number - 0.1
        assert [told[1:] for told in bans_told(run)] == \
            [(1, "proven"), (2, "proven"), (2, "proven")]
        assert [ban["offences"] for ban in lab.json("bans")] == [3]
