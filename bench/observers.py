#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What observers add to a system call and to an open, what they lose, what they cost idle. JSON.

usage: observers.py BUILD [syscalls] [opens] [loss] [idle]      run by bench/run; needs root

Runs in mount and network namespaces of its own, with which all of it ends. The loops
(bench-calls) are alone on the last CPU, whoever observes them is on the first. Observers take
turns; nothing makes a call faster than it is, so the least of many short chunks counts.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import observed
import observers_idle
from observer import LOOP_SECONDS, Missing, read

ROUNDS = 5
CALLS, OPENS = (15, 20000), (10, 1000)  # chunks, and calls of each
SLOW = 20                               # times less for those that take so much longer
BURST, PACED, RATE = 1000000, 500000, 100000
SETTLE_SECONDS = 8
DEPTH = 12


class Lab:
    """A directory on a tmpfs with files to open, and where the programs are."""

    def __init__(self, build):
        self.build = build
        self.sumun = build / "src" / "cli" / "sumun"
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="sumun-bench-"))
        run("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", self.directory)
        self.strace_output = self.directory / "strace"
        self.mark = "observed-"
        self.deep = self.directory.joinpath(*[f"level-{level}" for level in range(DEPTH)])
        self.deep.mkdir(parents=True)
        for where in (self.directory, self.deep):
            (where / "observed-file").touch()

    def program(self, name):
        return self.build / "bench" / name

    def close(self):
        run("umount", "-l", self.directory)
        self.directory.rmdir()

    def loop(self, observer, words, cwd):
        """Runs bench-calls under the observer; what it made and how long each took."""
        wrapper = observer.words if observer.wraps else []
        done = subprocess.run([*wrapper, self.program("bench-calls"), *map(str, words)],
                              cwd=cwd, stdout=subprocess.PIPE, text=True, timeout=LOOP_SECONDS,
                              check=True, start_new_session=True)
        loop = json.loads(done.stdout)
        if observer.wraps:
            loop["written"] = self.strace_output.read_text(errors="replace").splitlines()
        return loop


def run(*words):
    subprocess.run(words, check=True, timeout=LOOP_SECONDS)


def prepare():
    """What the peers look for; it all ends with the namespace."""
    run("mount", "-t", "bpf", "bpf", "/sys/fs/bpf")
    for kind, where in (("tracefs", "/sys/kernel/tracing"), ("debugfs", "/sys/kernel/debug")):
        if not os.path.ismount(where):
            run("mount", "-t", kind, kind, where)
    run("ip", "link", "set", "lo", "up")
    lend_headers()


def lend_headers():
    """
    bcc compiles against the headers of the running kernel. Where these are not installed,
    another kernel's do, for syscount reads nothing that they declare.
    """
    modules = pathlib.Path("/lib/modules") / os.uname().release
    others = sorted(pathlib.Path("/lib/modules").glob("*/build"))
    if (modules / "build").exists() or not others:
        return
    links = {name: (others[-1].parent / name).resolve() for name in ("build", "source")}
    run("mount", "-t", "tmpfs", "tmpfs", "/lib/modules")
    modules.mkdir()
    for name, target in links.items():
        (modules / name).symlink_to(target)


# ---- what each adds ----------------------------------------------------------------------------

def call_loops(lab):
    return {"getppid": (["getppid", *CALLS], lab.directory),
            "mixed": (["mixed", *CALLS], lab.directory)}


def open_loops(lab):
    path = lab.directory / "observed-file"
    return {"absolute": (["open", *OPENS, path], "/"),
            "relative": (["open", *OPENS, "observed-file"], lab.directory),
            "deep": (["open", *OPENS, "observed-file"], lab.deep),
            "missing": (["open", *OPENS, lab.directory / "observed-nothing"], "/")}


def shorter(words):
    name, chunks, calls, *rest = words
    return [name, max(chunks // 3, 1), calls // SLOW, *rest]


def visit(lab, observer, loops):
    """One turn of an observer: nanoseconds of each loop, and the share that it counted."""
    done = {}
    try:
        observer.begin(lab.directory)
        before = observer.cpu_seconds()
        for name, (words, cwd) in loops.items():
            done[name] = lab.loop(observer, shorter(words) if observer.slow else words, cwd)
        time.sleep(0.1)  # what it has not yet read
        spent = observer.cpu_seconds() - before
    finally:
        observer.end()
    made = sum(loop["all" if observer.every_call else "made"] for loop in done.values())
    turn = {"ns": {name: min(loop["ns"]) for name, loop in done.items()},
            "reader_ns": 1e9 * spent / sum(loop["all"] for loop in done.values())}
    if observer.counted:
        loops_done = list(done.values())
        lines = (line for loop in loops_done for line in loop["written"]) if observer.wraps \
            else observer.lines()
        turn["counted"] = observer.counted(lines, loops_done) / made
    return turn


def others():
    """Programs that somebody else has at our hooks: they cost, and may hide events from perf."""
    done = subprocess.run(["bpftool", "-j", "prog", "show"], stdout=subprocess.PIPE, check=True)
    return sorted({program.get("name", "?") for program in json.loads(done.stdout)
                   if program["type"] in ("tracepoint", "raw_tracepoint", "tracing", "kprobe")})


def compare(lab, observers, loops):
    disturbed = set()
    rows = [{"name": observer.name, "kind": observer.kind, "ns": {name: [] for name in loops},
             "reader_ns": [], "counted": []} for observer in observers]
    for number in range(ROUNDS):
        disturbed.update(others())
        for row, observer in zip(rows, observers):
            if "missing" in row:
                continue
            try:
                turn = visit(lab, observer, loops)
                if turn.get("counted") == 0:
                    raise Missing("saw nothing of the loops")
            except (Missing, subprocess.SubprocessError) as error:
                row["missing"] = str(error)
                complain(observer.name, error)
                continue
            for name, ns in turn["ns"].items():
                row["ns"][name].append(round(ns, 1))
            row["reader_ns"].append(round(turn["reader_ns"]))
            if "counted" in turn:
                row["counted"].append(round(turn["counted"], 4))
        progress(f"round {number + 1} of {ROUNDS}")
    return {"loops": list(loops), "rows": rows, "disturbed": sorted(disturbed)}


def syscalls(lab):
    return compare(lab, observed.call_observers(lab), call_loops(lab))


def opens(lab):
    return compare(lab, observed.open_observers(lab), open_loops(lab))


# ---- what they lose ----------------------------------------------------------------------------

def settle(observer):
    """Waits until it has written all that it will."""
    if not observer.process:
        return
    size, until = -1, time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < until and (now := observer.output.stat().st_size) != size:
        size = now
        time.sleep(0.5)


def lose(lab, observer, opens_made, rate):
    try:
        observer.begin(lab.directory)
        before = observer.cpu_seconds()
        loop = lab.loop(observer, ["burst", opens_made, rate, lab.directory / "observed-file"],
                        "/")
        settle(observer)
        spent = observer.cpu_seconds() - before
    finally:
        observer.end()
    row = {"made": loop["made"], "seconds": round(loop["seconds"], 2),
           "reader_seconds": round(spent, 2)}
    if observer.counted:
        row["written"] = observer.counted(observer.lines(), [loop])
    if observer.kind == "sumun":
        row["ledger"] = ledger(observer)
    return row


def ledger(observer):
    """Its last words."""
    lines = [line for line in read(observer.errors).splitlines() if "lost" in line]
    return lines[-1].strip() if lines else ""


def loss(lab):
    rows = []
    for opens_made, rate in ((BURST, 0), (PACED, RATE)):
        for observer in observed.burst_observers(lab):
            row = {"name": observer.name, "kind": observer.kind, "rate": rate}
            try:
                row |= lose(lab, observer, opens_made, rate)
            except (Missing, subprocess.SubprocessError) as error:
                row["missing"] = str(error)
                complain(observer.name, error)
            rows.append(row)
            progress(f"{observer.name}, {rate or 'all'} a second")
    return {"rows": rows}


def idle(lab):
    try:
        return observers_idle.measure(lab)
    except Missing as error:
        complain("sumun run", error)
        return {"missing": str(error)}


def progress(text):
    print(f"   {text}", file=sys.stderr, flush=True)


def complain(name, error):
    print(f"*** {name}: {error} ***", file=sys.stderr, flush=True)


PARTS = {"syscalls": syscalls, "opens": opens, "loss": loss, "idle": idle}


def main():
    prepare()
    lab = Lab(pathlib.Path(sys.argv[1]).resolve())
    try:
        report = {"rounds": ROUNDS, "depth": DEPTH}
        for name in sys.argv[2:] or PARTS:
            progress(name)
            report[name] = PARTS[name](lab)
        print(json.dumps(report))
    finally:
        lab.close()


if __name__ == "__main__":
    main()
