# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of cgroups.py."""
from observers_report import cost_cell, head, notes, row, times

EMPTY = "empty, at the same hooks"
TITLES = {"getppid": "getppid", "datagram": "a datagram, sent and received",
          "sendmsg": "the same, not connected", "udp-connect": "connect, UDP",
          "connect": "a TCP connection"}


def cost_table(part):
    lines = head("", *(TITLES[loop] for loop in part["loops"]))
    for line in part["rows"]:
        if "missing" not in line:
            lines.append(row(line["name"], *(cost_cell(part, line, loop)
                                             for loop in part["loops"])))
    return [*lines, "", *notes(part)]


def ratio_line(part, name):
    ratios = {loop: times(part, name, loop, EMPTY) for loop in part["loops"]}
    return f"`{name}`, in what empty programs at the same hooks add: " + \
        ", ".join(f"{TITLES[loop]} {ratio:.2f}" for loop, ratio in ratios.items() if ratio) + "."


def tables(report):
    return ["## Cgroups: what counting and policies add, ns", "",
            f"Least of {report['rounds']} interleaved rounds of many short chunks; in brackets "
            "their median.", "",
            "### Counting", "", *cost_table(report["counting"]),
            ratio_line(report["counting"], "sumun cgroups"), "",
            "### A policy", "", *cost_table(report["judging"]),
            ratio_line(report["judging"], "a policy of ten rules"), ""]
