# SPDX-License-Identifier: GPL-2.0-or-later
"""`sumun run`: what it adopts, what it leaves, and how it dies."""
import json
import random
import signal
import socket
import subprocess
import threading
import time

import pytest

from lab import HOST4, PEER4, until
from times import seconds_of

BLOCK = "[filter]\nmode = enforce\nblock-ports = udp/5000\n"


class Load:
    """Packets to a blocked port from a thread, for as long as the block stands."""

    def __init__(self, lab, port=5000):
        self.wire, self.port, self.sent, self.over = lab.wire(), port, 0, False
        self.thread = threading.Thread(target=self.flood, daemon=True)

    def flood(self):
        while not self.over:
            self.wire.udp(self.port, data=b"x", count=20)
            self.sent += 20
            time.sleep(0.001)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.thread.join()


def dropped(lab):
    return lab.stats()["reasons"]["blocked-port"]["dropped"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ends_cleanly(lab, number):
    run = lab.run("-i", "0.2", "g0")
    assert "native" in run.errors()
    status = lab.json("status")
    assert status["mode"] == "observe" and not status["kept"]
    until(lambda: any("g0 (native)" in line for line in run.lines()), what="a report")
    assert run.stop(number) == 0
    assert lab.pins() == [] and not lab.attached()


@pytest.mark.parametrize("seed", [42, 43])
def test_signals_at_any_moment(lab, seed):
    """10 tries each: SIGINT and SIGTERM, also while it loads and attaches."""
    chance = random.Random(seed)
    for number in [signal.SIGINT, signal.SIGTERM] * 5:
        delay = chance.uniform(0, 0.3)
        run = lab.start("run", "g0")
        time.sleep(delay)
        status = run.stop(number)
        # A signal before main() has taken charge ends a process that has done nothing yet.
        unborn = status == -number and not run.errors() and delay < 0.1
        assert status == 0 or unborn, f"{number!r} after {delay:.3f} s: {status} {run.errors()}"
        assert lab.pins() == [] and not lab.attached(), f"{number!r} after {delay:.3f} s"


def test_signals_while_reporting_under_load(lab):
    chance = random.Random(44)
    config = lab.config(BLOCK)
    with Load(lab):
        for number in [signal.SIGINT, signal.SIGTERM]:
            run = lab.run("-c", config, "-i", "0.1", "--json", "g0")
            time.sleep(chance.uniform(0, 0.3))
            assert run.stop(number) == 0
            assert lab.pins() == [] and not lab.attached()


def test_kill_9_changes_nothing_for_packets(lab):
    server = lab.listen(5000, kind=socket.SOCK_DGRAM)
    run = lab.run("-c", lab.config(BLOCK), "g0")
    program = lab.attached()
    with Load(lab) as load:
        until(lambda: dropped(lab) > 100)
        run.send(signal.SIGKILL)
        assert run.wait() == -signal.SIGKILL
        before = dropped(lab)
        until(lambda: dropped(lab) > before + 500, what="dropping after kill -9")
        assert lab.attached() == program
        status = lab.json("status")
        assert status["block-ports"] == ["udp/5000"] and not status["kept"]
        assert not status["run"]
        assert "left by a 'sumun run' that died; 'sumun down'" in lab.sumun("status").stdout
        with pytest.raises(BlockingIOError):
            server.recv(1)
        again = lab.run("-i", "0.2", "--json")
        reports = until(lambda: again.records("filter-report"), what="a report")
        assert reports[0]["mode"] == "enforce" and reports[0]["dropped"]["packets"] > before
        assert lab.attached() == program, "adopted, not attached anew"
    assert dropped(lab) == load.sent
    assert again.stop() == 0
    assert lab.pins() == [] and not lab.attached()


def test_kill_9_of_run_while_up(lab):
    lab.up("block-ports = udp/5000")
    program = lab.attached()
    run = lab.run()
    run.send(signal.SIGKILL)
    run.wait()
    again = lab.run()
    assert again.stop() == 0
    assert lab.attached() == program and lab.json("status")["kept"]
    assert "left in place" in again.errors()
    lab.wire().udp(5000)
    assert dropped(lab) == 1


def test_run_adopts_what_is_up(lab):
    lab.up("block-ports = udp/5000")
    before = lab.json("status")
    run = lab.run()
    assert run.stop() == 0
    assert lab.json("status") == before


def test_run_with_a_configuration_while_up(lab):
    lab.up("block-ports = udp/5000")
    lab.wire().udp(5000)
    run = lab.start("run", "-c", lab.config(BLOCK.replace("5000", "5001")), "g0")
    until(lambda: lab.json("status")["block-ports"] == ["udp/5001"], what="the new policy")
    until(lab.watched)
    lab.wire().udp(5001)
    assert run.stop() == 0
    status = lab.json("status")
    assert status["kept"] and status["policy"] == 2 and lab.attached()
    assert dropped(lab) == 2, "counters go on"


def test_run_on_one_more_interface(lab):
    lab.up("block-ports = udp/5000")
    lab.cable("g1", "p1")
    run = lab.start("run", "g1")
    until(lambda: lab.attached("g1"))
    until(lab.watched)
    lab.wire("p1").udp(5000)
    assert dropped(lab) == 1, "the policy that is in force holds there too"
    assert run.stop() == 0
    assert lab.attached("g0") and not lab.attached("g1")


def test_two_runs_at_once(lab):
    """Each has a ring of events of its own."""
    first = lab.run("g0")
    second = lab.run("-i", "0.2", "g0")
    assert lab.readers() == 2
    until(lambda: any("packets/s" in line for line in second.lines()), what="a report")
    assert first.stop() == 0
    assert lab.attached(), "the second still needs it"
    assert second.stop() == 0
    assert lab.pins() == [] and not lab.attached()


def test_two_runs_end_at_once(lab):
    for _ in range(2):
        runs = [lab.start("run", "g0") for _ in range(2)]
        until(lambda: lab.readers() == 2, what="both watching")
        for run in runs:
            run.send(signal.SIGINT)
        assert [run.wait() for run in runs] == [0, 0]
        assert lab.pins() == [] and not lab.attached()


def test_down_under_a_run(lab):
    run = lab.run("-i", "0.1", "g0")
    lab.sumun("down")
    assert not lab.attached()
    assert run.stop() == 0
    assert lab.pins() == []


def test_json_lines(lab):
    config = lab.config(BLOCK + f"ban = {PEER4}\n")
    run = lab.start("run", "-c", config, "--json", "-i", "0.3", "-n", "4", "g0")
    until(lab.watched)
    lab.wire().udp(5000, count=10)
    assert run.wait() == 0, "-n ends it"
    records = [json.loads(line) for line in run.lines()]
    assert all(isinstance(record, dict) for record in records)
    reports = [record for record in records if record["record"] == "filter-report"]
    assert len(reports) == 4
    for report in reports:
        seconds_of(report["time"])
        assert 0.2 < report["seconds"] < 0.9
        assert sum(row["packets"] for row in report["reasons"].values()) == report["packets"]
    assert reports[-1]["dropped"]["packets"] == 10
    rate = sum(report["dropped_per_second"] * report["seconds"] for report in reports)
    assert round(rate) == 10
    event, = [record for record in records if record["record"] == "filter-event"]
    assert event["source"] == PEER4 and event["destination"] == HOST4
    assert event["action"] == "DROP" and event["reason"] == "banned"
    assert lab.pins() == []


def test_text_report_names_things(lab):
    run = lab.start("run", "-c", lab.config(BLOCK), "-i", "0.4", "-n", "2", "g0")
    until(lab.watched)
    lab.wire().udp(5000, count=3)
    assert run.wait() == 0
    text = "\n".join(run.lines())
    for word in ("g0 (native)", "enforce", "packets/s", "udp", "drop: blocked-port", "udp/5000",
                 "blocked", "DROP blocked-port: udp 10.77.0.2:4000 -> 10.77.0.1:5000 on g0"):
        assert word in text, f"{word!r} is missing in:\n{text}"


def test_report_interval_of_the_configuration(lab):
    begun = time.monotonic()
    run = lab.start("run", "-c", lab.config(BLOCK + "report-interval = 200ms\n"), "-n", "3", "g0")
    assert run.wait() == 0 and time.monotonic() - begun < 8
    assert sum("packets/s" in line for line in run.lines() if "g0 (" in line) == 3


def test_reader_of_the_pipe_leaves(lab):
    """`sumun run --json | head -1` ends, and takes the gate with it."""
    process = subprocess.Popen(lab.line("run", "--json", "-i", "0.1", "g0"),
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               env=lab.environment(None))
    try:
        assert json.loads(process.stdout.readline())["record"] == "filter-report"
        process.stdout.close()
        process.wait(5)
    finally:
        process.kill()
        process.wait()
    assert lab.pins() == [] and not lab.attached()


def test_default_interface_is_that_of_the_default_route(lab):
    refused = lab.sumun("run", "-n", "1", "-i", "0.1", check=False)
    assert refused.returncode == 1 and "default route" in refused.stderr
    lab.ip(lab.host, "route", "add", "default", "via", PEER4)
    run = lab.run()
    assert lab.attached("g0")
    assert run.stop() == 0
    assert lab.pins() == []
