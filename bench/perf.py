#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What `sumun perf` adds to a system call, a page fault and a context switch. JSON.

usage: perf.py BUILD      run by bench/run; needs root

As observers.py, with its loops on the last CPU and observers that take turns, but in CPU time of
the loops, for which others matter less. A switch is half a
round of two threads that wait for each other: a read and a write go with it.
"""
import json
import pathlib
import sys

import observers
from observed import bare, empty
from observer import Observer

# What the targets are held against (perf_report.py).
FLOOR = "empty tp_btf, call, fault and switch"
FLOOR_WAITS = "empty tp_btf, call, fault, switch and wakeups"
COUNTED = ("system_calls", "page_faults_minor", "switches")
STAT = "raw_syscalls:sys_enter,context-switches,minor-faults:u,major-faults:u,cpu-migrations"


def of_records(lines, loops):
    """What it counted of the three; a share of one or more is all, for others do things too."""
    records = (json.loads(line) for line in lines if line.startswith("{"))
    return sum(record["count"] for record in records if record["record"] == "perf" and
               record["span"] == "all" and record["metric"] in COUNTED)


def sumun(lab, *options, title, warn="none"):
    return Observer(f"sumun perf, {title}", lab.sumun, "perf", "--json", "-i", "600", "--warn",
                    warn, *options, kind="sumun", counted=of_records, every_call=True)


def bcc(name, *options):
    return Observer(f"bcc {name}", f"{name}-bpfcc", *options, package="bpfcc-tools")


def all_of_them(lab):
    hooks = ("tp_btf_enter", "fault", "switched")
    return [
        bare(),
        empty(lab, FLOOR, *hooks),
        empty(lab, FLOOR_WAITS, *hooks, "woken", "woken_new"),
        sumun(lab, title="counters"),
        sumun(lab, title="counters and warnings", warn="syscalls=10k/s"),
        sumun(lab, "--by", "process,cgroup", title="by process and cgroup"),
        sumun(lab, "--by", "process,cgroup", "-L", title="by process and cgroup, latency"),
        Observer(f"perf stat -a -e {STAT}", "perf", "stat", "-a", "-e", STAT,
                 package="linux-perf"),
        bcc("runqlat", "600", "1"),
        bcc("cpudist", "600", "1"),
        bcc("offcputime", "-f", "600"),
    ]


def loops(lab):
    return {"call": (["call", 100, 10000], lab.directory),
            "fault": (["fault", 100, 1024], lab.directory),
            "switch": (["switch", 100, 2000], lab.directory)}


def main():
    observers.prepare()
    lab = observers.Lab(pathlib.Path(sys.argv[1]).resolve())
    try:
        part = observers.compare(lab, all_of_them(lab), loops(lab))
        print(json.dumps({"rounds": observers.ROUNDS, "part": part}))
    finally:
        lab.close()


if __name__ == "__main__":
    main()
