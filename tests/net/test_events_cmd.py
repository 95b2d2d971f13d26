# SPDX-License-Identifier: GPL-2.0-or-later
"""`sumun events`: bans and scans for several readers; the rest is in test_stream.py (P16)."""
import json
import signal
import subprocess

import pytest

import frames
from answerer import Answerer
from lab import FAR4, HOST4, PEER4, PEER6, HOST6, RINGS, until
from times import seconds_of

SECTIONS = ("[guard web]\nports = tcp/8080\nper-source = 20/min\nburst = 5\nban = 10m\n"
            "[scan]\ndetect = on\nports = 3\nban = 30s\n")


def events(lab, *words):
    process = lab.start("events", *words)
    until(lambda: "watching" in process.errors() or process.ended(), what="events listening")
    return process


def test_all_readers_see_the_same_ban(lab):
    """`run` and three of `events`; the fifth finds no ring and says whom to end."""
    with Answerer(lab.listen(8080)):
        lab.up(sections=SECTIONS)
        run = lab.run("--json", "-i", "3600")
        readers = [run] + [events(lab, "--json") for _ in range(RINGS - 1)]
        fifth = lab.sumun("events", "--json", check=False)
        assert fifth.returncode == 1 and "end one of them" in fifth.stderr and not fifth.stdout
        while lab.reaches(8080, source=FAR4, seconds=0.1):
            pass
        seen = []
        for reader in readers:
            ban, = until(lambda: reader.records("filter-ban"), what="telling of the ban")
            ban.pop("came")
            seconds_of(ban.pop("time"))
            seconds_of(ban.pop("until"))
            seen.append(ban)
        assert all(ban == seen[0] for ban in seen)
        assert (seen[0]["source"], seen[0]["guard"], seen[0]["seconds"], seen[0]["proof"]) == \
            (FAR4, "web", 600, "proven")
        # Ctrl-C and kill are a way to end, and every line is a record.
        numbers = (signal.SIGINT, signal.SIGINT, signal.SIGTERM, signal.SIGINT)
        assert [reader.stop(number) for reader, number in zip(readers, numbers)] == [0] * RINGS
        for reader in readers:
            assert all(json.loads(text)["record"].startswith("filter-") for text in reader.lines())
        # The ring is free again.
        assert events(lab).stop() == 0


def test_filters_of_bans_and_scans(lab):
    lab.up(sections=SECTIONS)
    bans = events(lab, "--json", "--kind", "ban")
    scans = events(lab, "--json", "--kind", "scan", "--port", "tcp/1-10")
    source = events(lab, "--json", "--source", "fd77:0:0:1::/64", "--kind", "ban,scan")
    wire = lab.wire()
    for number in range(1, 9):
        wire.send(frames.tcp_packet(PEER4, HOST4, number))
    for number in range(101, 109):
        wire.send(frames.tcp_packet(PEER6, HOST6, number))
    until(lambda: len(bans.records()) >= 2 and len(source.records()) >= 2, what="being told")
    assert [process.stop() for process in (bans, scans, source)] == [0, 0, 0]
    assert {row["source"] for row in bans.records()} == {PEER4, "fd77:0:0:1::/64"}
    assert {row["record"] for row in bans.records()} == {"filter-ban"}
    assert [(row["record"], row["source"]) for row in scans.records()] == [("filter-scan", PEER4)]
    assert {row["record"] for row in source.records()} == {"filter-ban", "filter-scan"}
    assert all("fd77" in row["source"] for row in source.records())


@pytest.mark.parametrize("words", [(), ("--json",)], ids=["text", "json"])
def test_closed_pipe_is_quiet(lab, words):
    """`sumun events | head -1`."""
    lab.up("block-ports = udp/5000")
    process = subprocess.Popen(lab.line("events", *words), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, env=lab.environment(None))
    try:
        assert "watching" in process.stderr.readline()
        wire = lab.wire()
        wire.udp(5000)
        assert process.stdout.readline()
        process.stdout.close()
        wire.udp(5000, FAR4)
        assert process.wait(5) == 0
        assert process.stderr.read() == ""
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
