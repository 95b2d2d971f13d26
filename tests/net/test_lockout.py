# SPDX-License-Identifier: GPL-2.0-or-later
"""Peers that this host needs are not shut out by mistake, and are by force."""
import os
import socket

import pytest

import frames
from lab import FAR4, HOST4, HOST6, NEIGHBOUR4, NEIGHBOUR6, PEER4, PEER6, command

SSH4 = {"SSH_CONNECTION": f"{FAR4} 51234 {HOST4} 22"}
GATEWAY, RESOLVER = "the default gateway", "a name server of this host"
OWN, CLIENT = "an address of this host", "the SSH client in use"


@pytest.fixture
def home(lab):
    """A host with a gateway and a resolver of each family."""
    os.makedirs(f"/etc/netns/{lab.host}")
    with open(f"/etc/netns/{lab.host}/resolv.conf", "w") as file:
        file.write(f"nameserver {NEIGHBOUR4}\nnameserver {NEIGHBOUR6}\n")
    lab.ip(lab.host, "route", "add", "default", "via", PEER4)
    lab.ip(lab.host, "-6", "route", "add", "default", "via", PEER6, "dev", "g0")
    return lab


def test_bans_that_are_refused(home):
    home.up()
    guarded = {HOST4: OWN, HOST6: OWN, "127.0.0.1": OWN, "::1": OWN, PEER4: GATEWAY,
               PEER6: GATEWAY, NEIGHBOUR4: RESOLVER, NEIGHBOUR6: RESOLVER, FAR4: CLIENT}
    for address, reason in guarded.items():
        result = home.sumun("ban", "10.99.0.1", address, check=False, env=SSH4)
        assert result.returncode == 1, address
        assert f"refusing to ban {address}: it is {reason}" in result.stderr
        assert "--force" in result.stderr
    for prefix, inside in (("10.77.0.0/24", HOST4), ("10.77.1.0/24", FAR4),
                           ("fd77:0:0:1::/64", HOST6)):
        result = home.sumun("ban", prefix, check=False, env=SSH4)
        assert result.returncode == 1 and "it covers" in result.stderr, inside
    assert home.json("bans") == []
    # The client of nobody's session is an address like any other.
    home.sumun("ban", FAR4)


def test_refused_in_the_configuration_too(home):
    for address, reason in ((PEER4, GATEWAY), (NEIGHBOUR6, RESOLVER), (HOST4, OWN)):
        result = home.up(f"ban = {address}", check=False)
        assert result.returncode == 1 and reason in result.stderr
        assert home.pins() == [] and not home.attached()
    home.up("block-ports = udp/5000")
    before = home.json("status")
    result = home.up(f"ban = {PEER6}", check=False)
    assert result.returncode == 1 and home.json("status") == before
    result = home.sumun("run", "-c", home.config(f"[filter]\nban = {PEER4}\n"), check=False)
    assert result.returncode == 1 and GATEWAY in result.stderr


def test_force_does_it(home):
    home.up()
    server = home.listen(5000, kind=socket.SOCK_DGRAM)
    wire = home.wire()
    everyone = ((PEER4, HOST4), (PEER6, HOST6), (NEIGHBOUR4, HOST4), (NEIGHBOUR6, HOST6))
    for source, target in everyone:
        home.sumun("ban", source, "--force", "--for", "1m")
        wire.udp(5000, source, target)
    assert home.stats()["reasons"]["banned"]["dropped"] == 4
    with pytest.raises(BlockingIOError):
        server.recv(1)
    home.sumun("unban", *[source for source, _ in everyone])
    for source, target in everyone:
        wire.udp(5000, source, target)
    assert len([server.recv(64) for _ in everyone]) == 4


def test_ban_that_came_before_the_peer_was_needed(home):
    """A ban by no force does not hold for a peer that is guarded now."""
    home.ip(home.host, "route", "del", "default")
    home.up()
    home.sumun("ban", PEER4)
    home.wire().udp(9)
    assert home.stats()["reasons"]["banned"]["dropped"] == 1
    home.ip(home.host, "route", "add", "default", "via", PEER4)
    home.up()
    home.wire().udp(9)
    reasons = home.stats()["reasons"]
    assert reasons["banned"]["dropped"] == 1 and reasons["allowed"]["packets"] == 1


def test_port_of_the_session(lab):
    """tcp/22 is refused while it is the way in, and only then."""
    refused = lab.up("block-ports = tcp/20-25", check=False, env=SSH4)
    assert refused.returncode == 1 and lab.pins() == []
    assert f"refusing to block tcp/22: the SSH session from {FAR4}" in refused.stderr
    assert "--force" in refused.stderr
    other = {"SSH_CONNECTION": f"{FAR4} 51234 {HOST4} 2222"}
    lab.up("block-ports = tcp/22", env=other)
    lab.up("block-ports = udp/22", env=SSH4)
    forced = lab.sumun("up", "--force", "-c", lab.config(
        "[filter]\nmode = enforce\nblock-ports = tcp/22\n"), "g0", env=SSH4)
    assert forced.returncode == 0
    lab.wire().send(frames.tcp_packet(PEER4, HOST4, 22))
    assert lab.stats()["reasons"]["blocked-port"]["dropped"] == 1


def test_port_22_by_force_for_the_client_too(lab):
    lab.sumun("up", "--force", "-c", lab.config(
        "[filter]\nmode = enforce\nblock-ports = tcp/22\n"), "g0", env=SSH4)
    lab.wire().send(frames.tcp_packet(FAR4, HOST4, 22))
    assert lab.stats()["reasons"]["blocked-port"]["dropped"] == 1


def test_session_behind_sudo(lab):
    """sudo clears SSH_CONNECTION; the shell above still has it."""
    lab.up()
    line = lab.line("ban", FAR4)
    shell = ["env", f"SSH_CONNECTION={SSH4['SSH_CONNECTION']}", "sh", "-c",
             'env -u SSH_CONNECTION "$@"; exit $?', "sh", *line]
    result = command(*shell, check=False)
    assert result.returncode == 1 and CLIENT in result.stderr


def test_allow_beats_ban(lab):
    lab.up(f"allow = {PEER4}, fd77:0:0:1::/64\nban = 10.77.0.0/24\nblock-ports = udp/5000",
           "g0", check=False)
    # 10.77.0.0/24 holds our own address.
    assert lab.pins() == []
    lab.up(f"allow = {PEER4}, fd77:0:0:1::/64\nban = 10.77.0.2/31, fd77:0:0:2::/64, "
           "fd77:0:0:1::2/127\nblock-ports = udp/5000")
    # By force too: what is allowed is allowed.
    lab.sumun("up", "--force", "-c", lab.directory / "sumun.conf", "g0")
    wire = lab.wire()
    for source, target in ((PEER4, HOST4), (PEER6, HOST6), (NEIGHBOUR6, HOST6)):
        wire.udp(9, source, target)
        wire.udp(5000, source, target)
    wire.udp(9, NEIGHBOUR4)
    wire.udp(9, "fd77:0:0:2::2", HOST6)
    reasons = lab.stats()["reasons"]
    assert reasons["allowed"]["packets"] == 6 and reasons["banned"]["dropped"] == 2
    for words in ([PEER4], [PEER4, "--force"], [PEER6, "--force"]):
        result = lab.sumun("ban", *words, check=False)
        assert result.returncode == 1 and "allow" in result.stderr


def test_resolver_answers_through_a_blocked_port(home):
    home.up("block-ports = udp/1-65535")
    answer = frames.ip(NEIGHBOUR4, HOST4, frames.UDP, frames.udp(NEIGHBOUR4, HOST4, 53, 40000))
    home.wire().send(answer)
    home.wire().udp(40000, NEIGHBOUR4)
    reasons = home.stats()["reasons"]
    assert reasons["allowed"]["packets"] == 1 and reasons["blocked-port"]["dropped"] == 1
