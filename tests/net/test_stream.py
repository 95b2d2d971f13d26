# SPDX-License-Identifier: GPL-2.0-or-later
"""`sumun events`: the live stream for whoever asks, beside `sumun run`."""
import os
import signal
import subprocess
import time

import pytest

import frames
from lab import FAR4, HOST4, HOST6, NEIGHBOUR4, PEER4, PEER6, until

NOBODY, READERS = 65534, 64998
RINGS = 4
SETTINGS = "block-ports = udp/5000\nwatch-ports = udp/7000\n"


def events(lab, *words, user=None):
    """One that listens."""
    process = lab.start("events", *words) if not user else start_as(lab, user, *words)
    until(lambda: "watching" in process.errors() or process.ended(), what="events listening")
    return process


def start_as(lab, user, *words):
    from process import Process
    process = Process(lab.line("events", *words, user=user), lab.environment(None))
    lab.processes.append(process)
    return process


def told(process):
    """The packets that were, or would have been, dropped, of all lines."""
    lines = [line for line in process.records() if line["action"] in ("DROP", "PASS")]
    return sum(line.get("packets", 1) for line in lines)


def test_every_reader_hears_all(lab):
    lab.up(SETTINGS)
    run = lab.run("--json", "-i", "3600")
    readers = [run] + [events(lab, "--json") for _ in range(2)]
    wire = lab.wire()
    for number in range(100):
        wire.udp(5000, f"10.90.0.{number + 1}")
    wire.udp(5000, count=50)
    until(lambda: all(told(reader) >= 150 for reader in readers), 4, what="telling of all 150")
    assert [reader.stop() for reader in readers] == [0, 0, 0]
    assert [told(reader) for reader in readers] == [150, 150, 150]
    # What is not a person's only terminal has no limit a second.
    assert len(readers[0].records("filter-event")) <= 50
    assert len(readers[1].records("filter-event")) >= 80
    assert len(readers[1].errors().splitlines()) == 1


def test_only_what_happens_from_now_on(lab):
    lab.up(SETTINGS)
    wire = lab.wire()
    wire.udp(5000)
    wire.udp(5000, NEIGHBOUR4)
    process = events(lab, "--json", "-n", "1")
    wire.udp(5000, FAR4)
    assert process.wait() == 0
    assert [line["source"] for line in process.records()] == [FAR4]


def test_what_is_asked_for(lab):
    lab.up(SETTINGS)
    watched = events(lab, "--json", "--kind", "watch,ban")
    network = events(lab, "--json", "--source", "10.77.1.0/24")
    malformed = events(lab, "--json", "--reason", "malformed")
    wire = lab.wire()
    wire.udp(5000, count=3)
    wire.udp(5000, FAR4, count=4)
    wire.udp(7000, PEER6, HOST6, count=5)
    wire.send(frames.ipv4(PEER4, HOST4, frames.UDP, bytes(3)))
    time.sleep(1.2)
    for process in (watched, network, malformed):
        assert process.stop() == 0
    assert {line["action"] for line in watched.records()} == {"WATCH"}
    assert {line["source"] for line in watched.records()} == {PEER6}
    assert sum(line.get("packets", 1) for line in watched.records()) == 5
    assert {line["source"] for line in network.records()} == {FAR4} and told(network) == 4
    assert [line["reason"] for line in malformed.records()] == ["malformed"]


def test_watched_packets_pass(lab):
    lab.up(SETTINGS)
    process = events(lab, "--json")
    lab.wire().udp(7000, count=7)
    until(lambda: process.records("filter-watch"), 2)
    assert process.stop() == 0
    assert told(process) == 0 and lab.stats()["dropped"]["packets"] == 0


def test_text_is_for_people(lab):
    lab.up(SETTINGS)
    process = events(lab, "-n", "2")
    wire = lab.wire()
    wire.udp(7000)
    wire.udp(5000)
    assert process.wait() == 0
    watch, drop = process.lines()
    assert watch.endswith(f" WATCH udp {PEER4}:4000 -> {HOST4}:7000 on g0")
    assert drop.endswith(f" DROP blocked-port: udp {PEER4}:4000 -> {HOST4}:5000 on g0")


def test_wrong_names_say_which_there_are(lab):
    for words, part in ((("--kind", "bans"), "packet, ban, scan, full, watch"),
                        (("--reason", "pass"), "banned, blocked-port, malformed"),
                        (("--source", "10.0.0.1/8"), "10.0.0.0/8"), (("--port", "22"), "tcp/22")):
        result = lab.sumun("events", *words, check=False)
        assert result.returncode == 2 and part in result.stderr, result


def test_no_more_readers_than_rings(lab):
    lab.up(SETTINGS)
    processes = [events(lab) for _ in range(RINGS)]
    result = lab.sumun("events", check=False)
    assert result.returncode == 1 and "end one of them" in result.stderr
    assert len(lab.stats()["events"]["readers"]) == RINGS
    assert processes[1].stop() == 0
    assert events(lab).stop() == 0
    assert len(lab.stats()["events"]["readers"]) == RINGS - 1


def test_ends_with_its_pipe_and_its_filter(lab):
    lab.up(SETTINGS)
    piped = subprocess.Popen(lab.line("events"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             env=lab.environment(None))
    until(lambda: lab.stats()["events"]["readers"])
    piped.stdout.close()
    assert piped.wait(3) == 0
    process = events(lab)
    lab.sumun("down")
    assert process.wait() == 1 and "taken down" in process.errors()
    result = lab.sumun("events", check=False)
    assert result.returncode == 1 and "not up" in result.stderr


def test_lost_events_are_told(lab):
    """A reader that is stopped for a while: its ring fills, and it says so at its end."""
    lab.up(SETTINGS)
    process = events(lab, "--json")
    wire, processors, sent = lab.wire(), sorted(os.sched_getaffinity(0)), 0
    process.send(signal.SIGSTOP)
    try:
        while not lab.stats()["events"]["readers"][0]["lost"]:
            assert sent < 40000, "the ring takes no end of events"
            if sent:
                time.sleep(4.5)  # until the slots of sightings are free again
            for processor in processors:
                os.sched_setaffinity(0, {processor})
                for number in range(sent, sent + 2500):
                    wire.udp(5000, f"10.91.{number // 250}.{number % 250 + 1}")
                sent += 2500
    finally:
        os.sched_setaffinity(0, processors)
        process.send(signal.SIGCONT)
    until(lambda: told(process) >= sent, 5, what="telling of all")
    lost = lab.stats()["events"]["readers"][0]["lost"]
    assert process.stop() == 0
    assert f"{lost:,} events are missing" in process.errors()
    assert told(process) == sent


@pytest.fixture
def shared_parent(lab):
    """As where a group `sumun` exists; puts the directory above back as it was."""
    lab.up(SETTINGS)
    above = os.stat(os.path.dirname(lab.state))
    for directory, _, files in os.walk(lab.state):
        os.chown(directory, 0, READERS)
        os.chmod(directory, 0o750)
        for name in files:
            os.chown(f"{directory}/{name}", 0, READERS)
            os.chmod(f"{directory}/{name}", 0o660 if name.startswith("events") else 0o640)
    os.chown(os.path.dirname(lab.state), 0, READERS)
    os.chmod(os.path.dirname(lab.state), 0o750)
    yield
    os.chown(os.path.dirname(lab.state), above.st_uid, above.st_gid)
    os.chmod(os.path.dirname(lab.state), above.st_mode & 0o7777)


def test_the_group_listens_and_nobody_else(lab, shared_parent):
    process = events(lab, "--json", user=(NOBODY, READERS))
    assert not process.ended(), process.errors()
    lab.wire().udp(5000, count=9)
    until(lambda: told(process) >= 9, 4)
    assert process.stop() == 0 and told(process) == 9
    result = lab.sumun("events", check=False, user=(NOBODY, NOBODY))
    assert result.returncode == 3, result
