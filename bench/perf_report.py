# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of the performance monitor, and what it is held against, from the figures of perf.py."""
from figures import met
from observers_report import cost_table, head, row, times
from perf import FLOOR, FLOOR_WAITS

LOOPS = ("call", "fault", "switch")
TARGETS = (
    ("counters", "sumun perf, counters", FLOOR, 1.3),
    ("attribution to processes and cgroups", "sumun perf, by process and cgroup", FLOOR, 2),
    ("latency as well", "sumun perf, by process and cgroup, latency", FLOOR_WAITS, 3),
)


def targets_table(part):
    lines = head("what a call, a fault and a switch cost more, times empty programs there",
                 "at most", "measured", "")
    lines[1] = row("---", "---:", "---:", "---")
    for what, name, floor, limit in TARGETS:
        values = [times(part, name, loop, floor) for loop in LOOPS]
        measured = ", ".join("" if value is None else f"{value:.2f}" for value in values)
        lines.append(row(what, f"{limit} x", f"{measured} x", met(limit, values, "x")))
    return lines


def tables(report):
    part = report["part"]
    return ["## Performance monitor: what it adds, ns", "",
            f"Least of {report['rounds']} interleaved rounds of many short chunks, in CPU time; in "
            "brackets their median. A switch is half a round of two threads on one CPU that wait for each "
            "other, with a read and a write.", "",
            *targets_table(part), "", *cost_table(part)]
