# SPDX-License-Identifier: GPL-2.0-or-later
"""The JSON that others rely on, as issue 2 and sumun-json(5) promise it; and who may read it."""
import os
import time

import pytest

import frames
from lab import FAR4, HOST4, HOST6, NEIGHBOUR6, PEER4, PEER6
from times import seconds_of

NOBODY, READERS = 65534, 64999


def check_counter(row):
    assert {"packets", "bytes"} <= set(row)
    assert all(type(value) is int and value >= 0 for value in row.values())


def check_stats(stats):
    types = {"interfaces": list, "packets": int, "bytes": int, "protocols": dict,
             "reasons": dict, "ports": list, "bans": int, "lost": int}
    for name, kind in types.items():
        assert type(stats[name]) is kind, name
    for interface in stats["interfaces"]:
        assert set(interface) == {"name", "mode", "since"}
        assert interface["mode"] in ("native", "generic")
        seconds_of(interface["since"])
    for row in (*stats["protocols"].values(), *stats["reasons"].values()):
        check_counter(row)
    assert {"pass", "blocked-port", "banned", "malformed"} <= set(stats["reasons"])
    for port in stats["ports"]:
        assert set(port) == {"port", "protocol", "connections"}
        assert 0 < port["port"] < 65536 and port["protocol"] in ("tcp", "udp")
        assert port["connections"] > 0
    for table in ("reasons", "protocols"):
        for unit in ("packets", "bytes"):
            assert sum(row[unit] for row in stats[table].values()) == stats[unit]


def test_schema(lab):
    begun = time.time()
    lab.up(f"block-ports = tcp/8080, udp/1-9\nban = {FAR4}")
    check_stats(lab.stats())
    assert lab.json("bans")[0]["address"] == FAR4
    wire = lab.wire()
    for count, packet in enumerate((frames.tcp_packet(PEER4, HOST4, 8080),
                                    frames.tcp_packet(PEER6, HOST6, 8081),
                                    frames.udp_packet(FAR4, HOST4, 53)), 1):
        wire.send(packet, count=count)
    lab.sumun("ban", PEER4, "fd99::/64", "--for", "1h", "--why", "because")
    stats = lab.stats()
    check_stats(stats)
    assert stats["bans"] == 3 and stats["lost"] == 0 and stats["packets"] == 6
    assert begun - 1 <= seconds_of(stats["interfaces"][0]["since"]) <= time.time()
    # Most first; the banned source's attempt is none.
    assert [(port["protocol"], port["port"], port["connections"]) for port in stats["ports"]] == \
        [("tcp", 8081, 2), ("tcp", 8080, 1)]

    bans = lab.json("bans")
    assert len(bans) == 3
    for ban in bans:
        assert set(ban) == {"address", "since", "until", "why", "origin", "offences"}
        seconds_of(ban["since"])
        assert ban["origin"] in ("operator", "config", "guard", "scan")
        assert ban["until"] is None or seconds_of(ban["until"]) > time.time() + 3500
    assert {ban["address"] for ban in bans} == {FAR4, PEER4, "fd99::/64"}

    status = lab.json("status")
    assert status["mode"] == "enforce" and status["kept"] is True and status["bans"] == 3
    assert status["block-ports"] == ["tcp/8080", "udp/1-9"]
    assert status["interfaces"] == stats["interfaces"]
    seconds_of(status["since"])
    for command in ("stats", "bans", "status"):
        assert lab.sumun(command, "--json").stdout.count("\n") == 1


def test_interface_of_any_name(lab):
    """The kernel takes nearly any bytes for a name; JSON has the interface all the same."""
    odd = 'a"\udcff\\'  # a byte that is no UTF-8
    lab.ip(lab.host, "link", "add", odd, "type", "veth", "peer", "name", "other")
    lab.up("", "g0", odd)
    for words in ("status", "stats"):
        names = [row["name"] for row in lab.json(words)["interfaces"]]
        assert sorted(names) == ['a"\\xff\\\\', "g0"], words


def test_most_ports_first(lab):
    lab.up()
    wire = lab.wire()
    for port in range(1, 151):
        wire.udp(port, count=1 + (port == 77) * 5)
    ports = lab.stats()["ports"]
    assert ports[0] == {"port": 77, "protocol": "udp", "connections": 6}
    assert all(ports[n]["connections"] >= ports[n + 1]["connections"]
               for n in range(len(ports) - 1))


def let_readers_in(lab):
    """What sumun does by itself where a group `sumun` exists."""
    for directory, _, files in os.walk(lab.state):
        os.chown(directory, 0, READERS)
        os.chmod(directory, 0o750)
        for name in files:
            os.chown(f"{directory}/{name}", 0, READERS)
            os.chmod(f"{directory}/{name}", 0o660 if name.startswith("events") else 0o640)
    os.chown(os.path.dirname(lab.state), 0, READERS)
    os.chmod(os.path.dirname(lab.state), 0o750)


@pytest.fixture
def shared_parent(lab):
    """Puts the owner and mode of the directory above back as they were."""
    lab.up(f"block-ports = udp/5000\nban = {FAR4}")
    above = os.stat(os.path.dirname(lab.state))
    yield
    os.chown(os.path.dirname(lab.state), above.st_uid, above.st_gid)
    os.chmod(os.path.dirname(lab.state), above.st_mode & 0o7777)


def test_group_reads_and_changes_nothing(lab, shared_parent):
    let_readers_in(lab)
    lab.wire().udp(5000, count=7)
    reader = (NOBODY, READERS)
    stats = lab.json("stats", user=reader)
    check_stats(stats)
    assert stats == lab.stats() and stats["reasons"]["blocked-port"]["dropped"] == 7
    assert lab.json("bans", user=reader) == lab.json("bans")
    assert lab.json("status", user=reader) == lab.json("status")
    before = lab.json("status")
    for words in (["ban", NEIGHBOUR6], ["unban", FAR4], ["down"], ["up", "g0"]):
        result = lab.sumun(*words, check=False, user=reader)
        assert result.returncode == 3, (words, result)
        assert result.stderr.startswith("sumun: error: ")
    assert lab.json("status") == before and lab.attached()


def test_nobody_may_do_nothing(lab):
    lab.up()
    for words in (["stats"], ["status"], ["bans"], ["ban", PEER4], ["unban", PEER4], ["down"],
                  ["up", "g0"], ["run", "g0"], ["run"]):
        result = lab.sumun(*words, check=False, user=(NOBODY, NOBODY))
        assert result.returncode == 3, (words, result)
        assert "root" in result.stderr or "permission" in result.stderr.lower(), result.stderr
    assert lab.attached()
