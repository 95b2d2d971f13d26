# SPDX-License-Identifier: GPL-2.0-or-later
"""P22: a large list is loaded, swapped and freed beside the packets, and takes nothing along."""
import json
import os
import shutil
import subprocess
import time

from lab import FAR4, LAYOUT, NEIGHBOUR4, SECONDS, until
from test_lists import tables
from test_up import Stream

LARGE = 300_000
TOOL = shutil.which("bpftool") or "/usr/sbin/bpftool"


def bpftool(*words):
    result = subprocess.run([TOOL, "-j", *map(str, words)], capture_output=True, text=True,
                            timeout=SECONDS)
    return json.loads(result.stdout) if result.returncode == 0 else None


def list_maps(lab):
    """The maps of the lists: what is on each, and the tables that packets are looked up in."""
    ids = set(tables(lab).values())
    for row in bpftool("map", "dump", "pinned", f"{lab.state}/{LAYOUT}/lists"):
        ids.add(int.from_bytes(bytes(int(byte, 16) for byte in row["value"]), "little"))
    return ids


def maps_of_program(lab):
    return bpftool("prog", "show", "id", lab.attached()[0])["map_ids"]


def memory(ids):
    """What the kernel holds for these maps, in bytes, each with its size."""
    there = {row["id"]: row["bytes_memlock"] for row in bpftool("map", "show")}
    return {number: there[number] for number in ids if number in there}


def write_large(lab, name, first):
    """Every other /25 from 20.0.0.0 on, and the source that is always listed."""
    path = lab.directory / name
    path.write_text("".join(f"{20 + (i >> 16)}.{i >> 8 & 255}.{i & 255}.0/25\n"
                            for i in range(first, first + LARGE)) + f"{FAR4}\n")
    return path


def pauses(stream, begin):
    """The longest time between two rounds of the stream from one of them on."""
    times = stream.times[begin:]
    return max((after - before for before, after in zip(times, times[1:])), default=0)


class TimedStream(Stream):
    """As that, and when each round was over."""

    def __init__(self, lab):
        super().__init__(lab)
        self.times = []

    def receive(self):
        super().receive()
        self.times.append(time.monotonic())


def test_p22_large_lists_stall_no_packet(lab):
    small = lab.directory / "list.txt"
    small.write_text(f"{FAR4}\n")
    large = [write_large(lab, f"large{i}.txt", i) for i in range(2)]
    target = lab.directory / "drop.txt"

    def apply(path):
        target.unlink(missing_ok=True)
        os.link(path, target)
        lab.up(f"deny-list = {target}\nblock-ports = udp/5000")

    def gone(ids):
        until(lambda: not memory(ids), what="the kernel giving back former tables")

    lab.up("block-ports = udp/5000")
    assert list_maps(lab) == set()
    before = memory(maps_of_program(lab))
    apply(small)
    former, moved, largest = list_maps(lab), [], 0
    with TimedStream(lab) as stream:
        until(lambda: stream.sent > 2000, what="the stream")
        quiet = pauses(stream, 0)
        begin = len(stream.times)
        for path in (*large, *large, small, large[0]):
            sent = stream.sent
            apply(path)
            now = list_maps(lab)
            assert len(now) == 2, "a table, and what is on the list"
            largest = max(largest, sum(memory(now).values()))
            # All that the last change replaced is given back, while packets go on.
            gone(former - now)
            former = now
            moved.append(stream.sent - sent)
        busy = pauses(stream, begin)
    row, = lab.json("list")
    assert row["entries-ipv4"] == LARGE + 1
    # Never lost, never late behind another, and never of another verdict.
    assert set(stream.heard) == set(stream.PORTS), "the listed source never passed"
    assert stream.heard[5000] == [] and stream.heard[5001] == list(range(stream.sent))
    assert stream.heard[5002] == list(range(stream.sent))
    assert min(moved) > 0, "packets went on during each of the changes"
    reasons = {name: row["packets"] for name, row in lab.stats()["reasons"].items()
               if row["packets"]}
    assert reasons == {"pass": 2 * stream.sent, "listed": stream.sent,
                       "blocked-port": stream.sent}
    # Without the list there is what was there before it.
    lab.up("block-ports = udp/5000")
    gone(former)
    assert list_maps(lab) == set()
    assert sorted(memory(maps_of_program(lab)).values()) == sorted(before.values())
    assert largest > LARGE * 4, "that was a large one"
    print(f"{4 * stream.sent:,} packets beside 6 changes of {LARGE:,} prefixes, 0 lost; longest "
          f"pause {1000 * quiet:.1f} ms without, {1000 * busy:.1f} ms with them; "
          f"{largest / 2**20:.1f} MiB given back")


def test_p22_down_gives_everything_back(lab):
    lab.up(f"deny-list = {write_large(lab, 'drop.txt', 0)}")
    lab.sumun("list", "add", "drop", "10.99.0.0/16")
    maps = list_maps(lab) | set(maps_of_program(lab))
    assert len(memory(maps)) == len(maps) > 10
    lab.sumun("down")
    until(lambda: not memory(maps), what="the kernel giving back all maps")


def test_growing_that_fails_on_the_way_leaves_no_list_behind(lab):
    """Where a larger table could not be put in its place, the next list is where packets look."""
    lab.listen(5001)
    small, other = lab.directory / "small.txt", lab.directory / "other.txt"
    small.write_text(f"{FAR4}\n")
    other.write_text("198.51.100.1\n")
    large = write_large(lab, "large.txt", 0)
    lab.up(f"deny-list = {other}")
    # A directory is in the way of the new pin; by then, packets already look at the new tables.
    os.mkdir(f"{lab.state}/{LAYOUT}/fresh")
    assert lab.up(f"deny-list = {large}", check=False).returncode != 0
    os.rmdir(f"{lab.state}/{LAYOUT}/fresh")
    lab.up(f"deny-list = {small}")
    assert not lab.reaches(5001, source=FAR4), "listed"
    assert lab.reaches(5001, source=NEIGHBOUR4), "not listed"
    assert lab.json("list")[0]["packets"] > 0
