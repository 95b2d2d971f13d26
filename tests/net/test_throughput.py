# SPDX-License-Identifier: GPL-2.0-or-later
"""iperf3's traffic: what sumun counts is what the interface counts, with a limit and without."""
import json
import time

import pytest

from lab import HOST4, HOST6, until

ETHERNET = 14  # what the interface does not count and sumun does
LIMIT = 2_000_000
KINDS = pytest.mark.parametrize(
    "target, words", [(HOST4, ()), (HOST6, ()), (HOST4, ("-u", "-l", "1400")),
                      (HOST6, ("-u", "-l", "1400"))],
    ids=["ipv4-tcp", "ipv6-tcp", "ipv4-udp", "ipv6-udp"])


def received(lab):
    output = lab.ip(lab.host, "-s", "-j", "link", "show", "g0").stdout
    row = json.loads(output)[0]["stats64"]["rx"]
    assert row["dropped"] == row["errors"] == 0
    return row["packets"], row["bytes"]


def silent(lab):
    """Whether nothing is under way any more, as the last words of a connection."""
    now = received(lab)
    time.sleep(0.1)
    return received(lab) == now


def read_both(lab):
    """The interface's counters and sumun's of the same moment: TCP repeats itself much later, too."""
    while True:
        first, stats = received(lab), lab.stats()
        if received(lab) == first:
            return first, stats


def measure(lab, target, words, limit):
    """200 Mbit/s for two seconds past a guard: sumun's counts, the interface's, and iperf3's."""
    lab.up(sections=f"[guard bulk]\nports = tcp/5201, udp/5201\nbytes-per-source = {limit}\n")
    before = received(lab)
    server = lab.beside("iperf3", "-s", "-1", "--forceflush", name=lab.host)
    until(lambda: any("listening" in line for line in server.lines()), what="iperf3 listening")
    client = lab.tool("iperf3", "-c", target, "-b", "200M", "-t", "2", "--json", *words)
    assert client.returncode == 0, client.stdout + client.stderr
    assert server.wait() == 0
    until(lambda: silent(lab), what="silence")
    after, stats = read_both(lab)
    counted = [last - first for first, last in zip(before, after)]
    return stats, counted, json.loads(client.stdout)["end"]["sum_received"]


def check_sums(stats, counted):
    packets, size = counted
    assert (stats["packets"], stats["bytes"]) == (packets, size + ETHERNET * packets)
    for key in ("packets", "bytes"):
        assert stats["passed"][key] + stats["dropped"][key] == stats[key]
        assert sum(row[key] for row in stats["reasons"].values()) == stats[key]


@KINDS
def test_counts_are_the_interfaces(lab, target, words):
    stats, counted, result = measure(lab, target, words, "1G/s")
    check_sums(stats, counted)
    assert stats["dropped"]["packets"] == 0 and lab.json("bans") == []
    assert stats["passed"]["bytes"] >= result["bytes"] > 2 * LIMIT, "all that came, and headers"
    print(f"{stats['packets']:,} packets, {stats['bytes']:,} bytes")


@KINDS
def test_limit_holds_and_counts_stay_right(lab, target, words):
    """Beside the burst, which is as much as the rate, no more than the rate comes through."""
    stats, counted, result = measure(lab, target, words, f"{LIMIT // 1_000_000}M/s")
    check_sums(stats, counted)
    guard, = stats["guards"]
    assert stats["reasons"]["limited"]["dropped"] == stats["dropped"]["packets"] > 100
    assert guard["limited"] == stats["dropped"]["packets"] and lab.json("bans") == []
    seconds = result["seconds"]
    passed = stats["passed"]["bytes"]
    assert 0.3 * LIMIT * seconds <= passed <= 1.1 * LIMIT * (1 + seconds + 0.5), (passed, seconds)
    assert result["bytes"] < passed
    print(f"{passed / seconds:,.0f} bytes/s past a limit of {LIMIT:,}, "
          f"{stats['dropped']['packets']:,} packets dropped")
