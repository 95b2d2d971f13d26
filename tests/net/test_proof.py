# SPDX-License-Identifier: GPL-2.0-or-later
"""P4: nobody can have a third party banned by writing its address on packets.

The attacker and the victim share the peer's namespace: what the host answers reaches the
victim's own kernel, which refuses it, as that of a real victim does.
"""
import time

import pytest

import frames
from answerer import Answerer, Conversation
from lab import FAR4, FAR6, HOST4, HOST6, NEIGHBOUR4, PEER4, PEER6, until
from times import seconds_of

SSH = "[guard ssh]\nports = tcp/2222\nper-source = 20/min\nburst = 10\nban = 10m\n"


def forge(lab, victim, count=400):
    """SYNs in the victim's name, from ports that it does not use itself."""
    hping = lab.tool("hping3", "-q", "-a", victim, "-S", "-p", "2222", "-s", "2000", "-i", "u500",
                     "-c", count, HOST4)
    assert f"{count} packets transmitted" in hping.stderr, hping.stderr


def told(run):
    return [(ban["source"], ban["seconds"], ban["proof"]) for ban in run.records("filter-ban")]


def longest(lab, victim):
    """Seconds left of the victim's ban; 0 when there is none."""
    ends = [ban["until"] for ban in lab.json("bans") if ban["address"] == victim]
    return max((seconds_of(end) - time.time() for end in ends), default=0)


def test_third_party_is_banned_for_short(lab):
    """It has a connection that stands, and made a few others."""
    with Answerer(lab.listen(2222)):
        lab.up("unproven-ban = 1s", sections=SSH)
        run = lab.run("--json", "-i", "3600")
        standing = Conversation(lab, 2222, FAR4, HOST4)
        assert all(lab.reaches(2222, source=FAR4) for _ in range(3))
        forge(lab, FAR4)
        assert longest(lab, FAR4) <= 1.2
        assert standing.goes_on(5), "after the ban at the latest"
        until(lambda: told(run), what="telling of the ban")
        assert set(told(run)) == {(FAR4, 1, "unproven")}
        assert longest(lab, FAR4) == 0
        # Its own next connections find the rate of 20/min, not a ban.
        until(lambda: lab.reaches(2222, source=FAR4, seconds=0.1), 5, 0.2, "connecting again")


@pytest.mark.parametrize("limit", ["per-source = 20/min\nburst = 10",
                                   "packets-per-source = 100/s\nburst = 50"],
                         ids=["connections", "packets"])
def test_third_party_is_never_banned(lab, limit):
    """unproven-ban = off: what is over the limit is dropped, and that is all."""
    with Answerer(lab.listen(2222)):
        lab.up("unproven-ban = off",
               sections=f"[guard ssh]\nports = tcp/2222\n{limit}\nban = 10m\n")
        run = lab.run("--json", "-i", "3600")
        standing = Conversation(lab, 2222, FAR4, HOST4)
        flood = lab.beside("hping3", "-q", "-a", FAR4, "-S", "-p", "2222", "-s", "2000", "-i",
                           "u500", "-c", "2000", HOST4)
        until(lambda: guard_row(lab)["limited"] > 100, what="the flood being limited")
        went = []
        while not flood.ended() and len(went) < 5:
            went.append(standing.goes_on(0.1))
            time.sleep(0.05)
        # Where its packets are limited, it has its share of what comes in its name.
        assert limit.startswith("packets") or all(went), went
        flood.wait()
        assert lab.json("bans") == [] and told(run) == []
        assert guard_row(lab)["limited"] > 100
        assert standing.goes_on(5), "when the flood is over"


def guard_row(lab):
    return lab.stats()["guards"][0]


def test_gateway_and_allowed_are_never_banned(lab):
    lab.ip(lab.host, "route", "add", "default", "via", PEER4)
    with Answerer(lab.listen(2222)) as server:
        lab.up(f"allow = {NEIGHBOUR4}", sections=SSH)
        run = lab.run("--json", "-i", "3600")
        for victim in (PEER4, NEIGHBOUR4):
            forge(lab, victim, 100)
            # Nor by themselves.
            assert all(lab.reaches(2222, source=victim) for _ in range(30))
        assert lab.json("bans") == [] and told(run) == [] and guard_row(lab)["limited"] == 0
        assert lab.stats()["reasons"]["allowed"]["packets"] > 200 and server.accepted == 60


@pytest.mark.parametrize("cookies", [1, 2], ids=["", "tcp_syncookies=2"])
@pytest.mark.parametrize("source, target, banned", [(FAR4, HOST4, FAR4),
                                                    (PEER6, HOST6, "fd77:0:0:1::/64")],
                         ids=["ipv4", "ipv6"])
def test_client_that_answers_is_banned_for_long(lab, source, target, banned, cookies):
    """It completes its handshakes, also where the host answered with cookies."""
    lab.sysctl(lab.host, f"ipv4.tcp_syncookies={cookies}")
    with Answerer(lab.listen(2222)) as server:
        lab.up("unproven-ban = 1s", sections=SSH)
        run = lab.run("--json", "-i", "3600")
        assert [lab.reaches(2222, target, source, 0.1) for _ in range(12)] == \
            [True] * 10 + [False] * 2
        assert server.accepted == 10
        until(lambda: told(run), what="telling of the ban")
        assert told(run) == [(banned, 600, "proven")]
        assert 595 < longest(lab, banned) < 602
    sent = lab.tool("nstat", "-asz", "TcpExtSyncookiesSent", name=lab.host).stdout.split()
    assert int(sent[sent.index("TcpExtSyncookiesSent") + 1]) == (10 if cookies == 2 else 0)


def test_acknowledgements_prove_nothing(lab):
    """ACKs that answer none of our SYN-ACKs, in the name of who sent SYNs in that name."""
    lab.listen(2222)
    lab.up("unproven-ban = 1s", sections=SSH)
    run = lab.run("--json", "-i", "3600")
    wire = lab.wire()
    for number in range(12):
        wire.send(frames.tcp_packet("10.77.5.5", HOST4, 2222, sport=3000 + number))
        wire.send(frames.tcp_packet("10.77.5.5", HOST4, 2222, frames.ACK, sport=3000 + number))
    until(lambda: told(run), what="telling of the ban")
    assert told(run) == [("10.77.5.5", 1, "unproven")]


def test_ipv6_third_party(lab):
    """The same in IPv6, where a whole /64 would be banned."""
    with Answerer(lab.listen(2222)):
        lab.up("unproven-ban = off", sections=SSH)
        standing = Conversation(lab, 2222, FAR6, HOST6)
        wire = lab.wire()
        for number in range(500):
            wire.send(frames.tcp_packet(FAR6, HOST6, 2222, sport=2000 + number))
        assert lab.json("bans") == [] and guard_row(lab)["limited"] > 400
        assert standing.goes_on()
