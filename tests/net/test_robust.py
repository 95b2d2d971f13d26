# SPDX-License-Identifier: GPL-2.0-or-later
"""Many at once, and the world changing underneath."""
import json
import signal
import subprocess
import time

from lab import HOST4, LAYOUT, PEER4, until


def together(lab, *commands):
    """Starts all of them at once; their exit statuses and what they complained of."""
    processes = [lab.start(*words) for words in commands]
    return [(process.wait(15), process.errors()) for process in processes]


def test_bans_at_once(lab):
    lab.up()
    results = together(lab, *[["ban", f"10.80.0.{n}", f"fd80::{n}"] for n in range(1, 17)])
    assert [status for status, _ in results] == [0] * 16, results
    assert len(lab.json("bans")) == 32


def test_ups_at_once(lab):
    configs = [lab.config(f"[filter]\nmode = enforce\nblock-ports = udp/{5000 + n}\n", f"{n}")
               for n in range(4)]
    results = together(lab, *[["up", "-c", config, "g0"] for config in configs])
    assert [status for status, _ in results] == [0] * 4, results
    status = lab.json("status")
    assert status["policy"] == 4 and len(status["block-ports"]) == 1
    assert [interface["name"] for interface in status["interfaces"]] == ["g0"]
    assert lab.pins() == [LAYOUT]


def test_a_run_that_begins_as_another_ends(lab):
    """Whoever is last turns off the light; nobody who comes in is left in the dark."""
    for milliseconds in (3, 6, 9, 12, 15, 20):
        first = lab.run("g0")
        second = lab.start("run", "-i", "0.1", "g0")
        time.sleep(milliseconds / 1000)
        first.send(signal.SIGINT)
        assert first.wait() == 0
        until(lambda: second.ended() or any("packets/s" in line for line in second.lines()))
        assert not second.ended(), second.errors()
        assert lab.attached(), "a run that reports stands on its interface"
        assert second.stop() == 0
        assert lab.pins() == []


def test_interface_vanishes_under_a_run(lab):
    run = lab.run("-i", "0.1", "--json", "g0")
    lab.ip(lab.host, "link", "del", "g0")
    count = len(run.lines())
    until(lambda: len(run.lines()) > count + 2, what="going on")
    assert run.records()[-1]["interfaces"][0]["name"] == "(gone)"
    assert run.stop() == 0
    assert lab.pins() == []


def test_interface_is_renamed(lab):
    lab.up("block-ports = udp/5000")
    lab.ip(lab.host, "link", "set", "g0", "down")
    lab.ip(lab.host, "link", "set", "g0", "name", "uplink0")
    lab.ip(lab.host, "link", "set", "uplink0", "up")
    assert [entry["name"] for entry in lab.json("status")["interfaces"]] == ["uplink0"]
    lab.wire().udp(5000)
    assert lab.stats()["reasons"]["blocked-port"]["dropped"] == 1


def test_standard_output_is_full(lab):
    lab.up()
    for words in (["stats"], ["status", "--json"], ["bans"]):
        with open("/dev/full", "w") as full:
            result = subprocess.run(lab.line(*words), stdout=full, stderr=subprocess.PIPE,
                                    text=True, timeout=10, env=lab.environment(None))
        assert result.returncode == 1 and "standard output" in result.stderr, words


def test_jumbo_frames(lab):
    """Frames in several buffers are counted whole, and blocked."""
    for name, device in ((lab.host, "g0"), (lab.peer, "p0")):
        lab.ip(name, "link", "set", device, "mtu", "9000")
    result = lab.up("block-ports = udp/5000")
    assert "native" in result.stderr
    size = lab.wire().udp(5000, data=bytes(8900), count=5)
    lab.wire().udp(5001, data=bytes(8900), count=5)
    stats = lab.stats()
    assert stats["reasons"]["blocked-port"] == \
        {"packets": 5, "bytes": 5 * size, "dropped": 5, "answered": 0}
    assert stats["bytes"] == 10 * size


def test_events_are_kept_for_the_next_reader(lab):
    """What happened while nobody read is told by the next run, with the time it happened."""
    lab.up("block-ports = udp/5000")
    lab.wire().udp(5000)
    run = lab.run("--json", "-i", "3600")
    event, = until(lambda: run.records("filter-event"))
    assert (event["source"], event["destination"]) == (PEER4, HOST4)
    assert run.stop() == 0
    assert all(json.loads(line) for line in run.lines())
