# SPDX-License-Identifier: GPL-2.0-or-later
"""Bans by hand: whom they silence, for how long, and what is remembered of them."""
import socket
import time

import pytest

import frames
from lab import (FAR4, FAR6, HOST4, HOST6, NEIGHBOUR4, NEIGHBOUR6, PEER4, PEER6, command, until)
from times import seconds_of

FAMILIES = pytest.mark.parametrize(
    "target, source, neighbour, far",
    [(HOST4, PEER4, NEIGHBOUR4, FAR4), (HOST6, PEER6, NEIGHBOUR6, FAR6)], ids=["ipv4", "ipv6"])


class Ears:
    """Hears which addresses of the peer get through, by one UDP datagram each."""

    def __init__(self, lab):
        self.server = lab.listen(5000, kind=socket.SOCK_DGRAM)
        self.wire = lab.wire()

    def heard(self):
        sources = set()
        try:
            while True:
                source = self.server.recvfrom(64)[1][0]
                sources.add(source.removeprefix("::ffff:"))
        except BlockingIOError:
            return sources

    def hears(self, *sources, seconds=0.05):
        """Those of the sources whose datagram arrives; an open one ends the wait."""
        for source in sources:
            self.wire.udp(5000, source, HOST6 if ":" in source else HOST4, b"x")
        heard, deadline = set(), time.monotonic() + seconds
        while time.monotonic() < deadline and heard != set(sources):
            heard |= self.heard()
        return heard


@FAMILIES
def test_silent_until_its_expiry_and_heard_within_a_second(lab, target, source, neighbour, far):
    lab.up()
    ears = Ears(lab)
    assert ears.hears(source, neighbour) == {source, neighbour}
    before = time.time()
    lab.sumun("ban", source, "--for", "2s")
    after = time.time()
    ban, = lab.json("bans")
    until_ = seconds_of(ban["until"])
    assert before + 2 - 0.01 <= until_ <= after + 2.25
    while time.time() < before + 1.95:
        assert ears.hears(source, neighbour, seconds=0.02) == {neighbour}
    heard = until(lambda: ears.hears(source, seconds=0.01) and time.time(), 3, 0, "being heard")
    # Never early (by more than the clock's rounding), and within a second.
    assert before + 2 - 0.02 <= heard <= after + 2 + 1
    assert abs(heard - until_) < 0.3, "the ban ends when `bans` says"
    assert lab.json("bans") == [] and lab.stats()["bans"] == 0


@FAMILIES
def test_real_client_comes_back_by_itself(lab, target, source, neighbour, far):
    """ping without permanent neighbours: IPv6 neighbour discovery is silenced too, and recovers."""
    for name, device, address in ((lab.peer, "p0", target), (lab.host, "g0", source)):
        lab.ip(name, "neigh", "del", address, "dev", device)
    ping = ["ip", "netns", "exec", lab.peer, "ping", "-n", "-c1", "-W", "0.2", "-I", source, target]
    lab.up()
    until(lambda: command(*ping, check=False).returncode == 0, what="the first ping")
    lab.sumun("ban", source, "--for", "1s")
    begun = time.monotonic()
    assert command(*ping, check=False).returncode != 0
    until(lambda: command(*ping, check=False).returncode == 0, 3, 0.02, "being heard again")
    assert 0.8 < time.monotonic() - begun < 2


@FAMILIES
def test_unban_at_once(lab, target, source, neighbour, far):
    lab.up()
    ears = Ears(lab)
    lab.sumun("ban", source)
    assert ears.hears(source) == set()
    assert lab.json("bans")[0]["until"] is None
    lab.sumun("unban", source)
    assert ears.hears(source) == {source}
    again = lab.sumun("unban", source, check=False)
    assert again.returncode == 1 and f"{source} is not banned" in again.stderr


PREFIXES = [
    ("10.77.1.0/24", {FAR4}, {PEER4, NEIGHBOUR4, PEER6}),
    ("10.77.0.2/31", {PEER4, NEIGHBOUR4}, {FAR4, PEER6}),
    ("fd77:0:0:2::/64", {FAR6}, {PEER6, NEIGHBOUR6, PEER4}),
    ("fd77:0:0:1::2/127", {PEER6, NEIGHBOUR6}, {FAR6, PEER4}),
]


def test_prefixes(lab):
    lab.up()
    ears = Ears(lab)
    for prefix, hit, spared in PREFIXES:
        lab.sumun("ban", prefix)
        assert ears.hears(*hit, *spared) == spared
        assert [ban["address"] for ban in lab.json("bans")] == [prefix]
        covered = lab.sumun("unban", min(hit), check=False)
        assert covered.returncode == 1 and prefix in covered.stderr
        lab.sumun("unban", prefix)
        assert ears.hears(*hit) == hit


def test_why_and_origin_are_remembered(lab):
    lab.up(f"ban = {FAR4}")
    why = 'tried "admin" 문지기, <b>often</b>'
    lab.sumun("ban", PEER4, NEIGHBOUR6, "--why", why, "--for", "10m", env={"LC_ALL": "C.UTF-8"})
    bans = {ban["address"]: ban for ban in lab.json("bans")}
    assert set(bans) == {PEER4, NEIGHBOUR6, FAR4}
    assert set(bans[PEER4]) == {"address", "since", "until", "why", "origin", "offences"}
    assert bans[PEER4]["why"] == bans[NEIGHBOUR6]["why"] == why
    assert bans[PEER4]["origin"] == "operator" and bans[FAR4]["origin"] == "config"
    assert 599 < seconds_of(bans[PEER4]["until"]) - seconds_of(bans[PEER4]["since"]) < 601
    assert abs(seconds_of(bans[PEER4]["since"]) - time.time()) < 5
    table = lab.sumun("bans", env={"LC_ALL": "C.UTF-8"}).stdout
    assert PEER4 in table and "admin" in table


def test_ban_again_changes_the_time(lab):
    lab.up()
    ears = Ears(lab)
    lab.sumun("ban", PEER4, PEER6)
    lab.sumun("ban", PEER4, PEER6, "--for", "300ms")
    assert ears.hears(PEER4, PEER6) == set()
    assert len(lab.json("bans")) == 2
    until(lambda: ears.hears(PEER4, PEER6, seconds=0.02) == {PEER4, PEER6}, 2)


def test_wrong_address_changes_nothing(lab):
    lab.up()
    for words in (["10.77.0.2", "10.77.0.256"], ["10.77.0.2", "10.77.0.3/33"], ["fd77::1::2"],
                  ["10.77.0.2", "--for", "soon"], [], ["64.0.0.0/7"], ["2000::/31"]):
        result = lab.sumun("ban", *words, check=False)
        assert result.returncode == 2, (words, result.stderr)
        assert result.stderr.startswith("sumun: error: ")
        assert lab.json("bans") == [], words


def test_static_bans_follow_the_configuration(lab):
    lab.up(f"ban = {PEER4}, {PEER6}")
    ears = Ears(lab)
    lab.sumun("ban", NEIGHBOUR4)
    assert ears.hears(PEER4, PEER6, NEIGHBOUR4, NEIGHBOUR6) == {NEIGHBOUR6}
    lab.up(f"ban = {PEER6}, {NEIGHBOUR6}")
    assert ears.hears(PEER4, PEER6, NEIGHBOUR4, NEIGHBOUR6) == {PEER4}
    assert {ban["address"]: ban["origin"] for ban in lab.json("bans")} == \
        {PEER6: "config", NEIGHBOUR6: "config", NEIGHBOUR4: "operator"}


def test_a_thousand_bans_and_a_neighbour(lab):
    lab.up()
    ears = Ears(lab)
    many = [f"10.78.{n // 256}.{n % 256}" for n in range(1000)]
    lab.sumun("ban", *many, PEER4, "--for", "1h")
    assert lab.stats()["bans"] == 1001
    for source in many[::50]:
        ears.wire.udp(5000, source, HOST4)
    assert ears.hears(PEER4, NEIGHBOUR4) == {NEIGHBOUR4}
    assert lab.stats()["reasons"]["banned"]["dropped"] == 21


def test_ban_when_down(lab):
    for words in (["ban", PEER4], ["unban", PEER4], ["bans"], ["stats"], ["status"], ["down"]):
        result = lab.sumun(*words, check=False)
        assert result.returncode == 1 and "not up" in result.stderr, words
    assert lab.pins() == []


def test_banned_frame_with_a_spoofed_twin(lab):
    """The ban is on the source address of the packet, whatever else is in it."""
    lab.up(f"ban = {PEER4}")
    wire = lab.wire()
    wire.send(frames.ipv4(PEER4, HOST4, 253, b""))
    wire.send(frames.ipv4(HOST4, PEER4, 253, b""))
    reasons = lab.stats()["reasons"]
    assert reasons["banned"]["dropped"] == 1 and reasons["pass"]["packets"] == 1
