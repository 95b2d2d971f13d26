# SPDX-License-Identifier: GPL-2.0-or-later
"""Log files of `sumun run`."""
import csv
import json
import os
import re
import signal

from lab import FAR4, HOST4, HOST6, NEIGHBOUR4, PEER4, PEER6, until
from times import seconds_of

HEAD = "time,action,source,source port,destination,destination port,protocol"


def start(lab, **logs):
    lines = "".join(f"{kind} = {path}\n" for kind, path in logs.items())
    text = f"[filter]\nmode = enforce\nblock-ports = udp/5000\n[log]\n{lines}"
    return lab.run("-c", lab.config(text), "g0")


def lines_of(path):
    return path.read_text().splitlines() if path.exists() else []


def test_csv_of_the_guide(lab):
    path = lab.directory / "events.csv"
    run = start(lab, csv=path)
    wire = lab.wire()
    wire.udp(5000, count=3)
    wire.udp(5000, PEER6, HOST6)
    wire.udp(9)
    until(lambda: len(lines_of(path)) >= 3)
    assert run.stop() == 0
    lines = lines_of(path)
    assert lines[0] == HEAD
    first, second = csv.DictReader(lines)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", first.pop("time"))
    assert first == {"action": "DROP", "source": PEER4, "source port": "4000",
                     "destination": HOST4, "destination port": "5000", "protocol": "udp"}
    assert (second["source"], second["destination"]) == (PEER6, HOST6)
    # Another run appends, without another head.
    run = start(lab, csv=path)
    lab.wire().udp(5000)
    until(lambda: len(lines_of(path)) >= 4)
    assert run.stop() == 0
    assert lines_of(path)[:3] == lines and lines_of(path).count(HEAD) == 1


def test_json_log(lab):
    path = lab.directory / "records.json"
    run = start(lab, json=path)
    lab.wire().udp(5000, count=10)
    until(lambda: len(lines_of(path)) >= 2)
    assert run.stop() == 0
    event, repeat = map(json.loads, lines_of(path))
    assert event["record"] == "filter-event" and event["source"] == PEER4
    assert repeat["record"] == "filter-repeat" and repeat["packets"] == 9
    seconds_of(event["time"])


def test_rotation(lab):
    path, rotated = lab.directory / "events.csv", lab.directory / "events.csv.1"
    run = start(lab, csv=path)
    wire = lab.wire()
    wire.udp(5000)
    until(lambda: len(lines_of(path)) == 2)
    path.rename(rotated)
    run.send(signal.SIGHUP)
    until(path.exists, what="reopening at SIGHUP")
    wire.udp(5000, NEIGHBOUR4)
    until(lambda: len(lines_of(path)) == 2)
    assert not run.ended()
    assert run.stop() == 0
    assert lines_of(path)[0] == HEAD and NEIGHBOUR4 in lines_of(path)[1]
    assert len(lines_of(rotated)) == 2 and PEER4 in lines_of(rotated)[1]


def test_full_disk(lab):
    """Said once; the filter and the other log go on."""
    good = lab.directory / "records.json"
    run = start(lab, csv="/dev/full", json=good)
    wire = lab.wire()
    for number, source in enumerate((PEER4, NEIGHBOUR4, FAR4)):
        wire.udp(5000, source)
        until(lambda: len(lines_of(good)) > number)
    assert lab.stats()["reasons"]["blocked-port"]["dropped"] == 3
    assert run.stop() == 0
    warnings = [line for line in run.errors().splitlines() if "/dev/full" in line]
    assert len(warnings) == 1 and "No space left" in warnings[0]


def test_log_that_cannot_be_opened(lab):
    config = lab.config("[log]\ncsv = /nonexistent/events.csv\n")
    result = lab.sumun("run", "-c", config, "g0", check=False)
    assert result.returncode == 1 and "/nonexistent/events.csv" in result.stderr
    assert lab.pins() == [] and not lab.attached()


def test_removed_log_comes_back(lab):
    path = lab.directory / "events.csv"
    run = start(lab, csv=path)
    wire = lab.wire()
    wire.udp(5000)
    until(lambda: len(lines_of(path)) == 2)
    os.unlink(path)
    wire.udp(5000, NEIGHBOUR4)
    until(lambda: len(lines_of(path)) == 2)
    assert run.stop() == 0 and lines_of(path)[0] == HEAD
