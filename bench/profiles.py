#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What profilers cost on a busy machine, and what those add to a switch that look at each. JSON.

usage: profiles.py BUILD [running] [waiting]      run by bench/run; needs root

running: every CPU is kept busy, beside a loop of short processes, and sampled at 99 Hz: the
profiler's own CPU time and, of those that are BPF, the run time of their programs. What the
kernel does for perf record shows in neither.
waiting: two processes pass a byte to and fro on one CPU: nanoseconds of each switch.
"""
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from observer import Missing, Observer, cpu_seconds, read
from observers_idle import run_totals
from observers import complain, prepare, progress, run

HZ = 99
SECONDS, ROUNDS = 15, 3
LOADS = {"busy": False, "busy, with short processes": True}
SWITCH_ROUNDS, CHUNKS, SWITCHES = 5, 15, 4000


class Lab:
    def __init__(self, build):
        self.build = build
        self.sumun = build / "src" / "cli" / "sumun"
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="sumun-bench-"))

    def program(self, name):
        return self.build / "bench" / name

    def close(self):
        run("rm", "-r", self.directory)


def running_profilers(lab):
    data = lab.directory / "perf.data"
    return [
        Observer("sumun profile", lab.sumun, "profile", "-F", HZ, "--folded", kind="sumun"),
        Observer("bcc profile", "profile-bpfcc", "-F", HZ, "-f", "--stack-storage-size",
                 65536, package="bpfcc-tools"),
        Observer("perf record -g", "perf", "record", "-q", "-F", HZ, "-g", "-a", "-o", data,
                 package="linux-perf"),
    ]


def waiting_profilers(lab):
    return [
        Observer("bare", kind="floor"),
        Observer("empty tp_btf, switch", lab.program("bench-empty"), "switched",
                 kind="floor", until_told=True),
        Observer("sumun profile --off-cpu", lab.sumun, "profile", "--off-cpu", "--folded",
                 kind="sumun"),
        Observer("bcc offcputime", "offcputime-bpfcc", "-f", package="bpfcc-tools"),
    ]


# ---- what samples cost -------------------------------------------------------------------------

@contextlib.contextmanager
def busy(short):
    """Every CPU: a shell that goes round and round; and short processes, one after the other."""
    words = [["taskset", "-c", str(cpu), "sh", "-c", "while :; do :; done"]
             for cpu in sorted(os.sched_getaffinity(0))]
    if short:
        words += [["sh", "-c", "while :; do ls -l /usr/bin >/dev/null; done"]]
    started = []
    try:
        for line in words:
            started.append(subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *line],
                                            stdout=subprocess.DEVNULL, start_new_session=True))
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


@contextlib.contextmanager
def run_time(lab):
    """The kernel notes what its programs take, which costs a little itself."""
    with subprocess.Popen([lab.program("bench-empty"), "run-time"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as clock:
        clock.stdout.readline()
        yield
        clock.stdin.close()


def visit(lab, profiler):
    """Shares of one core: of the programs in the kernel (None: has none), of the profiler."""
    try:
        profiler.begin(lab.directory)
        pid = profiler.process.pid
        time.sleep(1)
        with run_time(lab):
            before, spent, begun = run_totals(pid), cpu_seconds(pid), time.monotonic()
            time.sleep(SECONDS)
            after, seconds = run_totals(pid), time.monotonic() - begun
            cpu = (cpu_seconds(pid) - spent) / seconds
        memory = int(read(f"/proc/{pid}/status").partition("VmRSS:")[2].split()[0]) * 1024
    finally:
        profiler.end()
    ns, runs = (late - early for late, early in zip(after, before))
    return {"programs": ns / 1e9 / seconds if runs else None, "ns": ns / runs if runs else None,
            "runs": runs / seconds, "cpu": cpu, "resident": memory}


def turns_of(lab, profiler):
    row = {"name": profiler.name, "kind": profiler.kind, "turns": []}
    for _ in range(ROUNDS):
        try:
            row["turns"].append(visit(lab, profiler))
        except (Missing, subprocess.SubprocessError) as error:
            row["missing"] = str(error)
            complain(profiler.name, error)
            break
    return row


def running(lab):
    loads = {}
    for load, short in LOADS.items():
        with busy(short):
            loads[load] = [turns_of(lab, profiler) for profiler in running_profilers(lab)]
        progress(load)
    return {"seconds": SECONDS, "rounds": ROUNDS, "hz": HZ, "cpus": os.cpu_count(),
            "loads": loads}


# ---- what is added to a switch -----------------------------------------------------------------

def switch(lab, profiler):
    try:
        profiler.begin(lab.directory)
        done = subprocess.run([lab.program("bench-switches"), str(CHUNKS), str(SWITCHES)],
                              stdout=subprocess.PIPE, check=True, timeout=60)
        return json.loads(done.stdout)["ns"]
    finally:
        profiler.end()


def waiting(lab):
    rows = [{"name": profiler.name, "kind": profiler.kind, "ns": []}
            for profiler in waiting_profilers(lab)]
    for number in range(SWITCH_ROUNDS):
        for row, profiler in zip(rows, waiting_profilers(lab)):
            if "missing" in row:
                continue
            try:
                row["ns"].append(switch(lab, profiler))
            except (Missing, subprocess.SubprocessError) as error:
                row["missing"] = str(error)
                complain(profiler.name, error)
        progress(f"switches, round {number + 1} of {SWITCH_ROUNDS}")
    return {"rounds": SWITCH_ROUNDS, "rows": rows}


PARTS = {"running": running, "waiting": waiting}


def main():
    prepare()
    lab = Lab(pathlib.Path(sys.argv[1]).resolve())
    try:
        report = {}
        for name in sys.argv[2:] or PARTS:
            progress(name)
            report[name] = PARTS[name](lab)
        print(json.dumps(report))
    finally:
        lab.close()


main()
