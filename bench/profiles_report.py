# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of the profilers, from the figures of profiles.py."""
import statistics

from figures import met
from observers_report import MEBIBYTE, head, notes, row

LIMIT = 0.5  # percent of a core


def middle(line, key):
    values = [turn[key] for turn in line["turns"]]
    return None if not values or None in values else statistics.median(values)


def percent(value):
    return "" if value is None else f"{100 * value:.2f} %"


def share(line):
    """Of a core: in the kernel, as far as it is known, and beside it."""
    return (middle(line, "programs") or 0) + middle(line, "cpu")


def running_tables(part):
    lines = [f"At {part['hz']} Hz on {part['cpus']} CPUs, shares of one core; the median of "
             f"{part['rounds']} times {part['seconds']} s. What the kernel does for perf record is "
             "not known, and so not in it.", ""]
    for load, rows in part["loads"].items():
        lines += [f"### {load.capitalize()}", "",
                  *head("profiler", "its programs", "ns a sample", "its process", "together",
                        "resident, MiB")]
        for line in rows:
            if line["turns"]:
                ns = middle(line, "ns")
                lines.append(row(line["name"], percent(middle(line, "programs")),
                                 "" if ns is None else f"{ns:,.0f}",
                                 percent(middle(line, "cpu")), percent(share(line)),
                                 f"{middle(line, 'resident') / MEBIBYTE:.0f}"))
        lines += ["", *notes({"rows": rows})]
        ours = [100 * share(line) for line in rows if line["kind"] == "sumun" and line["turns"]]
        lines += [f"At most {LIMIT} % of a core: {met(LIMIT, ours, '% of a core')}", ""]
    return lines


def waiting_table(part):
    lines = ["### Added to a switch by looking at each, ns", "",
             *head("profiler", "least", "median")]
    bare = next(line["ns"] for line in part["rows"] if line["name"] == "bare")
    for line in part["rows"]:
        if line["ns"]:
            least, median = min(line["ns"]), statistics.median(line["ns"])
            lines.append(row(line["name"], f"{least:,.0f}", f"{median:,.0f}")
                         if line["name"] == "bare" else
                         row(line["name"], f"{least - min(bare):+,.0f}",
                             f"{median - statistics.median(bare):+,.0f}"))
    return [*lines, "", *notes(part)]


def tables(report):
    lines = ["## Profilers: what they cost", ""]
    if "running" in report:
        lines += running_tables(report["running"])
    if "waiting" in report:
        lines += waiting_table(report["waiting"])
    return lines
