# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of the observers, and what they are held against, from the figures of observers.py."""
import statistics

from figures import met
from observed import TP_BTF_BOTH, TP_BTF_ENTER, TP_BTF_EXIT

MEBIBYTE = 1 << 20
COMPLETE = 0.99  # of what was made


def row(*cells):
    return "| " + " | ".join(cells) + " |"


def head(*titles, left=1):
    return [row(*titles), row(*["---"] * left, *["---:"] * (len(titles) - left))]


def find(part, name):
    """The row of an observer, None when it took no part."""
    rows = part["rows"] if part else []
    return next((line for line in rows if line["name"] == name and "missing" not in line), None)


def rounds(line, loop):
    """Nanoseconds of the rounds that count: what is thrown away is cheap, so those that lost
    something do not, as long as there are others."""
    values = line["ns"][loop]
    complete = [ns for ns, share in zip(values, line["counted"]) if share >= COMPLETE]
    return complete or values


def added(part, name, loop, floor="bare"):
    """Nanoseconds over the floor: the least of the rounds, for nothing makes a call faster."""
    line, below = find(part, name), find(part, floor)
    return min(rounds(line, loop)) - min(rounds(below, loop)) if line and below else None


def times(part, name, loop, floor):
    """What it adds to a call, in what the floor does."""
    cost, unit = added(part, name, loop), added(part, floor, loop)
    return cost / unit if cost is not None and unit else None


# ---- the targets -------------------------------------------------------------------------------

def ratios(part, name, floor):
    return [times(part, name, loop, floor) for loop in ("getppid", "mixed")]


def open_costs(part, floor):
    costs = [added(part, "sumun opens", loop, floor) for loop in (part or {}).get("loops", [])]
    return [None if cost is None else cost / 1000 for cost in costs]


def idle_memory(idle):
    if "memory" not in idle:
        return None
    return sum(idle["memory"].values()) / MEBIBYTE - sum(idle["without"].values()) / MEBIBYTE


def idle_cpu(idle):
    return [100 * idle[key] if key in idle else None for key in ("cpu", "programs")]


def targets(report):
    """(what, at most, what was measured, unit)."""
    calls, opened = report.get("syscalls"), report.get("opens")
    idle = report.get("idle", {})
    return [
        ("system calls counted, hot and mixed, times an empty tp_btf", 1.4,
         ratios(calls, "sumun syscalls", TP_BTF_ENTER), "x"),
        ("with errors and latency, hot and mixed, times two empty tp_btf", 2,
         ratios(calls, "sumun syscalls -e -L", TP_BTF_BOTH), "x"),
        ("an open (each path), over an empty tp_btf at its end", 0.7,
         open_costs(opened, TP_BTF_EXIT), "µs"),
        ("an open (each path), in all", 1.5, open_costs(opened, "bare"), "µs"),
        ("idle: the command, and its programs in the kernel", 0.2, idle_cpu(idle),
         "% of a core"),
        ("idle: memory, resident and of maps, over `sumun run` that does not observe", 20,
         [idle_memory(idle)], "MiB"),
    ]


def targets_table(report):
    lines = head("what", "at most", "measured", "")
    lines[1] = row("---", "---:", "---:", "---")
    for name, limit, values, unit in targets(report):
        known = [value for value in values if value is not None]
        measured = ", ".join(f"{value:.2f}" for value in known)
        lines.append(row(name, f"{limit} {unit}", f"{measured} {unit}" if known else "",
                         met(limit, values, unit)))
    return lines


# ---- tables ------------------------------------------------------------------------------------

LOOP_TITLES = {"getppid": "getppid", "mixed": "mixed", "absolute": "absolute",
               "relative": "relative", "deep": "relative, deep", "missing": "not there",
               "call": "getppid", "fault": "a fault", "switch": "a switch"}


def cost_cell(part, line, loop):
    values = rounds(line, loop)
    if line["name"] == "bare":
        return f"{min(values):,.0f}"
    bare = min(rounds(find(part, "bare"), loop))
    return f"{min(values) - bare:+,.0f} ({statistics.median(values) - bare:,.0f})"


def seen_cell(line):
    if not line["counted"]:
        return ""
    share = min(line["counted"])
    return "all" if share >= 1 else f"{100 * share:.1f} %"


def cost_table(part, *more):
    """`more`: a further title and its cell of a line."""
    lines = head("observer", *(LOOP_TITLES[loop] for loop in part["loops"]), "counted",
                 *(title for title, _ in more))
    for line in part["rows"]:
        if "missing" not in line:
            lines.append(row(line["name"], *(cost_cell(part, line, loop) for loop in part["loops"]),
                             seen_cell(line), *(cell(line) for _, cell in more)))
    return [*lines, "", *notes(part)]


def notes(part):
    why = {line["name"]: line["missing"] for line in part["rows"] if "missing" in line}
    lines = [f"- **{name}: not measured**: {reason}" for name, reason in why.items()]
    if part.get("disturbed"):
        lines.append("- **Disturbed**: somebody else's programs were at the hooks: "
                     + ", ".join(part["disturbed"]))
    return [*lines, ""] if lines else []


def reader_cell(line):
    return f"{statistics.median(line['reader_ns']) / 1000:.1f}" if any(line["reader_ns"]) else ""


def loss_table(part):
    lines = head("observer", "rate asked for", "opens", "in, s", "written", "lost",
                 "reader's CPU, s", "its ledger")
    for line in part["rows"]:
        if "missing" in line:
            continue
        written = line.get("written")
        lost = "" if written is None else f"{line['made'] - written:,}"
        lines.append(row(line["name"], f"{line['rate']:,}/s" if line["rate"] else "no limit",
                         f"{line['made']:,}", f"{line['seconds']:.2f}",
                         "" if written is None else f"{written:,}", lost,
                         f"{line['reader_seconds']:.2f}", line.get("ledger", "")))
    return [*lines, "", *notes(part)]


def idle_lines(idle):
    if "missing" in idle:
        return [f"**Not measured**: {idle['missing']}", ""]
    with_, without = ({key: value / MEBIBYTE for key, value in idle[name].items()}
                      for name in ("memory", "without"))
    return [f"`sumun run` with watch = on in {' and '.join(idle['watched'])}, over "
            f"{idle['seconds']} s: {100 * idle['cpu']:.2f} % of a core; its programs in the "
            f"kernel, by their own run time, {100 * idle['programs']:.2f} % at "
            f"{idle['runs']:,.0f} runs a second. Resident "
            f"{with_['resident']:.1f} MiB ({without['resident']:.1f} without observers), maps "
            f"{with_['maps']:.1f} MiB ({without['maps']:.1f}).", ""]


def tables(report):
    lines = ["## Observers: what they add", "",
             f"Least of {report['rounds']} interleaved rounds of many short chunks; in brackets "
             "their median. `counted`: what the observer said, of what was made, in its worst "
             "round; rounds in which it missed more than 1 % count only where all did.", "",
             *targets_table(report), ""]
    if "syscalls" in report:
        lines += ["### To a system call, ns", "", *cost_table(report["syscalls"])]
    if "opens" in report:
        lines += ["### To an open and a close, ns", "",
                  *cost_table(report["opens"], ("reader's CPU, µs an open", reader_cell))]
    if "loss" in report:
        lines += ["### What they lose", "", *loss_table(report["loss"])]
    if "idle" in report:
        lines += ["### Idle", "", *idle_lines(report["idle"])]
    return lines
