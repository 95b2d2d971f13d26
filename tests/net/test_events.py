# SPDX-License-Identifier: GPL-2.0-or-later
"""The event stream: once at once, then counts, and the sum is right."""
import os
import time

import pytest

import frames
from lab import FAR4, HOST4, HOST6, NEIGHBOUR4, PEER4, PEER6, until
from times import seconds_of

ENFORCE = "[filter]\nmode = enforce\nblock-ports = udp/5000\n"


def watch(lab, settings="", mode="enforce"):
    text = ENFORCE.replace("enforce", mode) + settings
    return lab.run("-c", lab.config(text), "--json", "-i", "3600", "g0")


def told(run):
    """Events, and the packets of all lines."""
    events = run.records("filter-event")
    counts = run.records("filter-repeat") + run.records("filter-rest")
    return len(events), len(counts), len(events) + sum(line["packets"] for line in counts)


def test_first_at_once_then_counts(lab):
    run = watch(lab)
    wire = lab.wire()
    begun, clock = time.monotonic(), time.time()
    wire.udp(5000, count=5000)
    took = time.monotonic() - begun
    until(lambda: told(run)[2] >= 5000, 4, what="telling of all 5,000")
    event, = run.records("filter-event")
    assert event["came"] - begun < 0.2
    assert event["source"] == PEER4 and event["source_port"] == 4000
    assert event["destination"] == HOST4 and event["destination_port"] == 5000
    assert event["protocol"] == "udp" and event["interface"] == "g0"
    assert event["action"] == "DROP" and event["reason"] == "blocked-port"
    assert abs(seconds_of(event["time"]) - clock) < 0.2
    assert run.stop() == 0
    events, counts, packets = told(run)
    assert packets == 5000 and events == 1 and 1 <= counts <= took + 2
    assert all(line["source"] == PEER4 for line in run.records("filter-repeat"))


def test_no_line_a_packet_over_seconds(lab):
    """2.5 s of packets: an event, and a count a second."""
    run = watch(lab)
    wire, sent = lab.wire(), 0
    begun = time.monotonic()
    while time.monotonic() - begun < 2.5:
        wire.udp(5000, count=5)
        sent += 5
        time.sleep(0.002)
    assert run.stop() == 0
    events, counts, packets = told(run)
    assert events == 1 and counts <= 4 and packets == sent


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two CPUs")
def test_source_that_moves_to_another_cpu(lab):
    """The second CPU's first packet is no event of its own, and is not lost either."""
    first, second = sorted(os.sched_getaffinity(0))[:2]
    run = watch(lab)
    wire = lab.wire()
    try:
        os.sched_setaffinity(0, {first})
        wire.udp(5000)
        until(lambda: told(run)[0] == 1)
        time.sleep(1.2)  # into another second of the reader
        os.sched_setaffinity(0, {second})
        wire.udp(5000, count=50)
    finally:
        os.sched_setaffinity(0, {first, second})
    until(lambda: told(run)[1] >= 1, 3)
    assert run.stop() == 0
    events, counts, packets = told(run)
    assert events == 1 and counts <= 3 and packets == 51


def test_each_source_and_reason_by_itself(lab):
    run = watch(lab, f"ban = {FAR4}\n")
    wire = lab.wire()
    wire.udp(5000)
    wire.udp(5000, NEIGHBOUR4)
    wire.udp(9, FAR4)
    wire.udp(5000, PEER6, HOST6)
    wire.send(frames.ipv4(PEER4, HOST4, frames.UDP, bytes(3)))
    wire.udp(9)
    until(lambda: told(run)[0] >= 5, 2)
    assert run.stop() == 0
    seen = {(event["source"], event["reason"]) for event in run.records("filter-event")}
    assert seen == {(PEER4, "blocked-port"), (NEIGHBOUR4, "blocked-port"), (FAR4, "banned"),
                    (PEER6, "blocked-port"), (PEER4, "malformed")}
    assert told(run) == (5, 0, 5)


def test_observe_says_pass(lab):
    run = watch(lab, mode="observe")
    lab.wire().udp(5000)
    until(lambda: run.records("filter-event"), 1)
    assert run.stop() == 0
    assert run.records("filter-event")[0]["action"] == "PASS"


def test_thousands_of_sources_are_a_few_lines(lab):
    """Forged sources: not a line for each for ever, and nothing uncounted."""
    run = watch(lab)
    wire = lab.wire()
    for number in range(6000):
        wire.udp(5000, f"10.90.{number // 250}.{number % 250 + 1}")
    until(lambda: told(run)[2] >= 6000, 4, what="telling of all 6,000")
    assert run.stop() == 0
    events, _, packets = told(run)
    assert packets == 6000, "events, repeats and rest add up"
    assert events <= 2 * 1024, "no more than there are slots"
