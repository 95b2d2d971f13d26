# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of results/latest.md and the drawing beside it, from the figures of a run."""
import statistics

import cgroups_report
import figures
import observers_report
import perf_report
import plot
import profiles_report
from figures import LIVE

FLOORS = ("no filter", "bare XDP_PASS", "bare XDP_DROP")
TARGET_NS = 20


def row(*cells):
    return "| " + " | ".join(cells) + " |"


def columns(cases):
    names = []
    for case in cases:
        names += [name for name in case["figures"] if name not in names]
    return names


def prog_run_table(report):
    names = columns(report["cases"])
    titles = [f"{name} ns" if name == "empty" else f"{name} ns (over empty)" for name in names]
    lines = [row("packet", "verdict", *titles),
             row(*["---"] * 2, *["---:"] * len(names))]
    for case in report["cases"]:
        cells = []
        for name in names:
            figure = case["figures"][name]
            text = f"{statistics.median(figure['ns']):.1f}"
            if name != "empty":
                over = sorted(figure["over_empty"])
                text += f" (+{statistics.median(over):.1f}; {over[0]:.1f} to {over[-1]:.1f})"
            cells.append(text)
        lines.append(row(case["packet"], case["verdict"], *cells))
    return lines


def ratio(case, name):
    """A filter's rate as a share of what the same verdict costs with no filter in front."""
    figures = case["figures"]
    floor = "bare XDP_DROP" if case["verdict"] == "drop" else "no filter"
    return figures[floor]["median"] / figures[name]["median"]


def live_table(report):
    names = columns(report["cases"])
    lines = [row("packet", "verdict", *names), row(*["---"] * 2, *["---:"] * len(names))]
    for case in report["cases"]:
        cells = []
        for name in names:
            figure = case["figures"].get(name)
            if figure is None:
                cells.append("")
                continue
            text = f"{figure['median']:.0f} ns, {1000 / figure['median']:.2f} Mpps"
            if name not in FLOORS:
                text += f", {ratio(case, name):.2f}"
            cells.append(text)
        lines.append(row(case["packet"], case["verdict"], *cells))
    return lines


WANTED = {
    "prog_run": {"xdp-filter"},
    "live": {"xdp-filter", "nft netdev"},
    "scale": {"nft interval", "ipset hash:net", "xdp-filter", "hashlimit"},
}


def present(result, section):
    if section == "scale":
        return set(figures.filters(result[section]["rows"]))
    return set(columns(result[section]["cases"]))


def missing(result):
    return sorted(f"{name} ({section})" for section, names in WANTED.items() if section in result
                  for name in names - present(result, section))


def misses(report):
    return [f"{case['packet']}: +{over:.1f} ns" for case in report["cases"]
            if (over := statistics.median(case["figures"]["sumun"]["over_empty"])) > TARGET_NS]


# ---- growth ---------------------------------------------------------------------------------

AXES = {
    "prefixes": "IPv4 prefixes of mixed length",
    "prefixes6": "IPv6 prefixes of mixed length",
    "addresses": "Single IPv4 addresses, in lists and as bans",
    "guards": "Guards, with limits that nobody reaches",
    "sources": "Sources, with at most 100 packets a second for each",
    "all": "All on: 1M IPv4 and 100k IPv6 prefixes, 100k bans, 16 guards, SYN cookies, scan "
           "detection",
}


def cell(line, name):
    over = figures.added(line, name)
    if over is None:
        return ""
    words = f"{over:+.0f}"
    if line["method"] == LIVE:
        words += f", {figures.share(line, name):.2f}"
        if "dropped" in line["figures"][name]:
            words += f" ({100 * line['figures'][name]['dropped']:.0f} % dropped)"
    return words


def axis_table(rows):
    names = figures.filters(rows)
    lines = [row("packet", "measured by", "number", *names),
             row("---", "---", "---:", *["---:"] * len(names))]
    kinds = []
    for line in rows:
        kind = line["packet"], line["method"]
        kinds += [kind] if kind not in kinds else []
    for packet, method in sorted(kinds, key=lambda kind: (kind[1] == LIVE, kind[0])):
        for line in rows:
            if (line["packet"], line["method"]) == (packet, method):
                lines.append(row(packet, method, plot.short(line["size"]),
                                 *(cell(line, name) for name in names)))
    return lines


def loads_table(scale):
    lines = [row("list", "number", "filter", "load, s", "again, s", "kernel memory, MiB"),
             row("---", "---:", "---", "---:", "---:", "---:")]
    for load in scale["loads"]:
        if load["size"] < 100000 and load["axis"] != "guards":
            continue
        again = f"{load['again_seconds']:.2f}" if "again_seconds" in load else ""
        lines.append(row(load["axis"], plot.short(load["size"]), load["filter"],
                         f"{load['seconds']:.2f}", again, f"{load['mebibytes']:.1f}"))
    return lines


def targets_table(scale):
    lines = [row("what", "at most", "measured", ""), row("---", "---:", "---:", "---")]
    for name, limit, values, unit in figures.targets(scale):
        known = ["" if value is None else f"{value:.2f}" if unit == "s" else f"{value:.0f}"
                 for value in values]
        lines.append(row(name, f"{limit} {unit}", " and ".join(known) + f" {unit}",
                         figures.met(limit, values, unit)))
    return lines


def scale_tables(scale):
    lines = ["## Against the targets", "",
             "Two figures are one by test_run and one by live frames; both have to be met.", "",
             *targets_table(scale), "", "## How the cost of a packet grows", "",
             "Nanoseconds over an empty XDP program (nftables, ipset: over no filter; what they "
             "drop: over a bare XDP_DROP); for live frames also the rate as a share of the "
             "floor's. One source: the least of the rounds; else the median.", ""]
    for axis, title in AXES.items():
        rows = figures.pick(scale["rows"], axis)
        if rows:
            lines += [f"### {title}", "", *axis_table(rows), ""]
    return [*lines, "## What loading takes", "", *loads_table(scale), ""]


# ---- the server ------------------------------------------------------------------------------

def server_table(server):
    lines = [row("flood", "protection", "requests/s", "range", "without flood", "sent, Mpps",
                 "received, Mpps"),
             row("---", "---", *["---:"] * 5)]
    for case in server["cases"]:
        served = case["requests"]
        lines.append(row(case["flood"] or "none", case["protection"],
                         f"{statistics.median(served):,.0f}",
                         f"{min(served):,.0f} to {max(served):,.0f}",
                         f"{case['calm']:,.0f}",
                         f"{statistics.median(case['sent']) / 1e6:.2f}",
                         f"{statistics.median(case['received']) / 1e6:.2f}"))
    return lines


def flood_range(server):
    """It gives way to the client, so it is smaller where the client is served well."""
    sent = [statistics.median(case["sent"]) / 1e6 for case in server["cases"] if case["flood"]]
    return f"{min(sent):.2f} to {max(sent):.2f} million"


def server_tables(server):
    return ["## A web server under a flood", "",
            f"nginx and wrk, a new connection for each request, {server['seconds']} s each; "
            f"median of {server['rounds']} interleaved rounds. The flood is to have "
            f"{server['rate'] / 1e6:g} million frames a second; it came to {flood_range(server)}, "
            "and rows whose \"sent\" differs had different floods. \"limit\" and \"total\" let "
            f"{server['shed']:,} a second through.", "", *server_table(server), ""]


# ---- the drawing ---------------------------------------------------------------------------------

def series(rows, axis, packet, method):
    lines = figures.pick(rows, axis, packet, method)
    sizes = sorted({line["size"] for line in lines})
    found = {line["size"]: line for line in lines}
    names = [name for name in figures.filters(lines)]
    return sizes, {name: [figures.added(found[size], name) for size in sizes] for name in names}


def scale_panels(scale):
    wanted = [
        ("prefixes", "random sources", LIVE, "Prefixes: passed, each frame another source"),
        ("prefixes", "listed", LIVE, "Prefixes: dropped, each frame another source"),
        ("addresses", "random sources", LIVE, "Addresses and bans: passed, random sources"),
        ("addresses", "listed", LIVE, "Addresses and bans: dropped, random of them"),
        ("sources", "UDP, at most 100/s for each source", LIVE,
         "Sources under a limit for each"),
        ("guards", "UDP flood of new sources", LIVE, "Guards: flood of new sources"),
    ]
    panels = []
    for axis, packet, method, title in wanted:
        sizes, lines = series(scale["rows"], axis, packet, method)
        if sizes and lines:
            panels.append(plot.lines_panel(title, "ns added to a frame over veth, by number", sizes,
                                           lines))
    return panels


def server_panel(server):
    bars, last = [], None
    for case in server["cases"]:
        if case["flood"] != last:
            last = case["flood"]
            bars.append((f"flood: {last}" if last else "no flood", None, ""))
        name = case["protection"]
        colour = next((plot.COLOURS[key] for key in ("sumun", "nft hash")
                       if name.split()[0] == key.split()[0]), "#999")
        bars.append((name, statistics.median(case["requests"]), colour))
    return plot.bars_panel("Requests a second that a client gets",
                           f"flood: {flood_range(server)} frames a second, not the same in all",
                           bars)


def drawing(result):
    panels = scale_panels(result["scale"]) if "scale" in result else []
    if "server" in result:
        panels.append(server_panel(result["server"]))
    return plot.drawing(panels) if panels else None


# ---- all of it --------------------------------------------------------------------------------

def prog_run_tables(prog_run):
    slow = misses(prog_run)
    return ["## `BPF_PROG_TEST_RUN`, 100 addresses", "",
            f"Nanoseconds a packet; least of {prog_run['rounds']} interleaved rounds (the median "
            "where the source changes), median and range of "
            f"{prog_run['repetitions']} repetitions.", "", *prog_run_table(prog_run), "",
            f"sumun's own target is {TARGET_NS} ns over the empty program. "
            + ("Missed by " + "; ".join(slow) + "." if slow else "Met by every packet here."), ""]


def live_tables(live):
    return ["## Live frames over veth, 100 addresses", "",
            "Generator and receiver on one core; median of "
            f"{live['rounds']} interleaved rounds of {live['frames']} frames. The last number is "
            "the rate as a share of the floor's: no filter for a packet that passes, a bare "
            "XDP_DROP for one that is dropped.", "", *live_table(live), ""]


def verifier_table(verifier):
    former = {(kernel["kernel"], name): program["verified"] for kernel in verifier["former"]
              for name, program in kernel["programs"].items()}
    lines = [row("kernel", "program", "instructions verified", "of the limit", "formerly",
                 "growth", "instructions of the program"), row("---", "---", *["---:"] * 5)]
    for kernel in verifier["kernels"]:
        for name, program in kernel["programs"].items():
            verified, before = program["verified"], former.get((kernel["kernel"], name))
            lines.append(row(kernel["kernel"], name, f"{verified:,}",
                             f"{100 * verified / verifier['limit']:.0f} %",
                             f"{before:,}" if before else "",
                             f"{100 * (verified - before) / before:+.1f} %" if before else "",
                             f"{program['xlated']:,}"))
    return lines


def verifier_tables(verifier):
    return ["## What the verifier does before a kernel takes the program", "",
            "Instructions that it walks through, each as often as a way leads to it in another "
            f"state. A kernel refuses a program that takes more than {verifier['limit']:,}.", "",
            *verifier_table(verifier), ""]


SECTIONS = {"prog_run": prog_run_tables, "live": live_tables, "scale": scale_tables,
            "server": server_tables, "observers": observers_report.tables,
            "cgroups": cgroups_report.tables,
            "perf": perf_report.tables,
            "profile": profiles_report.tables,
            "verifier": verifier_tables}


def markdown(result):
    machine = result["machine"]
    lines = ["<!-- SPDX-License-Identifier: GPL-2.0-or-later; written by bench/run -->",
             f"# Measured on {result['date']}", "",
             f"Linux {machine['kernel']}, {machine['cpu']}, {machine['cpus']} CPUs"
             f"{', virtual' if machine['virtual'] else ''}; load when it began "
             f"{machine['load_before']}, when it ended {machine['load_after']}; "
             + ", ".join(f"{name} {version}" for name, version in result["packages"].items()
                         if version) + ".", ""]
    for name in missing(result):
        lines += [f"**MISSING: {name} is not installed (make deps-bench).**", ""]
    for section, tables in SECTIONS.items():
        if section not in result:
            continue
        date = result[section].get("date", result["date"])
        if date != result["date"]:
            lines += [f"*The following section is of {date}.*", ""]
        lines += tables(result[section])
    if "scale" in result or "server" in result:
        lines += ["![the same as a drawing](latest.svg)", ""]
    return "\n".join(lines)
