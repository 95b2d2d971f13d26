# SPDX-License-Identifier: GPL-2.0-or-later
"""What the rows of bench-scale come to: what a filter adds to a packet, and what rate it leaves.

A row has, for each filter, one figure a round. Differences are taken within rounds, because
what disturbs the machine disturbs all of a round; the median of them counts, or, where the
same frame comes again and again, the least, because nothing makes a program faster than it is.
"""
import statistics

ONE, MANY, LIVE = "test_run, one source", "test_run, many sources", "live frames"
FLOORS = ("no filter", "no filter, to this host", "bare XDP_PASS", "bare XDP_DROP")
XDP = ("sumun", "sumun bans", "BPF LPM trie", "BPF hash", "xdp-filter")
LOCAL = ("ipset hash:net", "ipset hash:ip", "hashlimit")


def unfiltered(name):
    return "no filter, to this host" if name in LOCAL else "no filter"


def filters(rows):
    names = []
    for row in rows:
        names += [name for name in row["figures"] if name not in names and name not in FLOORS]
    return names


def pick(rows, axis, packet=None, method=None, size=None):
    return [row for row in rows if row["axis"] == axis
            and (packet is None or row["packet"] == packet)
            and (method is None or row["method"] == method)
            and (size is None or row["size"] == size)]


def middle(row, name):
    values = row["figures"][name]["ns"]
    return min(values) if row["method"] == ONE else statistics.median(values)


def floor(row, name):
    """Nanoseconds of each round for an empty program with the same verdicts, or for none."""
    figures = row["figures"]
    if row["verdict"] == "drop":
        return figures["bare XDP_DROP"]["ns"]
    if name not in XDP:
        return figures[unfiltered(name)]["ns"]
    dropped = figures[name].get("dropped", 0)
    passed = figures["bare XDP_PASS"]["ns"]
    if not dropped:
        return passed
    return [dropped * drop + (1 - dropped) * past
            for drop, past in zip(figures["bare XDP_DROP"]["ns"], passed)]


def added(row, name):
    """Nanoseconds over the floor; None where the filter took no part."""
    if not row or name not in row["figures"]:
        return None
    values, below = row["figures"][name]["ns"], floor(row, name)
    if row["method"] == ONE:
        return min(values) - min(below)
    return statistics.median(a - b for a, b in zip(values, below))


def share(row, name):
    """The rate that is left of what the same verdicts cost with an empty program, or with none."""
    dropped = row["figures"][name].get("dropped", 0)
    below = middle(row, unfiltered(name))
    if row["verdict"] == "drop":
        below = middle(row, "bare XDP_DROP")
    elif dropped:
        below = dropped * middle(row, "bare XDP_DROP") + (1 - dropped) * below
    return below / middle(row, name)


def one(rows, axis, packet, method, size):
    found = pick(rows, axis, packet, method, size)
    return found[0] if found else None


# ---- the targets --------------------------------------------------------------------------

def over_empty_list(rows, axis, packet, size, method, empty=None):
    """What a lookup adds: the list's figure less that of an empty list."""
    full = added(one(rows, axis, packet, method, size), "sumun")
    none = added(one(rows, axis, empty or packet, method, 0), "sumun")
    return None if full is None or none is None else full - none


def load_of(scale, axis, size, key, name="sumun"):
    for load in scale["loads"]:
        if (load["axis"], load["size"], load["filter"]) == (axis, size, name):
            return load.get(key)
    return None


def targets(scale):
    """(what, at most, what was measured by each method, unit): misses are for others to judge."""
    rows, million, v6 = scale["rows"], 1000000, 100000
    random, beside, near = "random sources", "right beside a listed one", "nothing listed near"

    def list_cost(axis, packet, size, methods):
        return [over_empty_list(rows, axis, packet, size, method,
                                random if packet == beside else None) for method in methods]

    def cost(packet, *methods, size=million):
        return [added(one(rows, "all", packet, method, size), "sumun") for method in methods]

    rate = [None if row is None or "sumun" not in row["figures"] else 100 * share(row, "sumun")
            for row in (one(rows, "all", "banned, one source", LIVE, v6),
                        one(rows, "all", "blocked port", LIVE, million))]
    return [
        ("1M prefixes, IPv4, nothing listed near", 8,
         list_cost("prefixes", near, million, [ONE]), "ns"),
        ("1M prefixes, IPv4, random sources", 16,
         list_cost("prefixes", random, million, [MANY, LIVE]), "ns"),
        ("1M prefixes, IPv4, right beside a listed one", 60,
         list_cost("prefixes", beside, million, [MANY, LIVE]), "ns"),
        ("100k prefixes, IPv6, random sources", 40,
         list_cost("prefixes6", random, v6, [MANY, LIVE]), "ns"),
        ("100k prefixes, IPv6, right beside a listed one", 80,
         list_cost("prefixes6", beside, v6, [MANY, LIVE]), "ns"),
        ("1M prefixes, first load", 1, [load_of(scale, "prefixes", million, "seconds")], "s"),
        ("1M prefixes, loaded again beside packets", 1,
         [load_of(scale, "prefixes", million, "again_seconds")], "s"),
        ("1M prefixes, kernel memory", 48, [load_of(scale, "prefixes", million, "mebibytes")],
         "MiB"),
        ("all on, passed, one source", 40, cost(near, ONE), "ns"),
        ("all on, passed, random sources", 40, cost("passed, random sources", MANY, LIVE), "ns"),
        ("all on, banned, one source", 25, cost("banned", ONE, size=v6), "ns"),
        ("all on, banned, random of 100k", 50, cost("banned", MANY, LIVE, size=v6), "ns"),
        ("all on, UDP flood of new sources", 60, cost("UDP flood of new sources", MANY, LIVE),
         "ns"),
        ("all on, SYN flood of new sources", 60, cost("SYN flood of new sources", MANY, LIVE),
         "ns"),
        ("all on, drop rate over veth, banned source and blocked port (at least)", 85, rate,
         "%"),
    ]


def met(limit, values, unit):
    known = [value for value in values if value is not None]
    if not known:
        return "not measured"
    good = all(value >= limit if unit == "%" else value <= limit for value in known)
    return "met" if good else "**missed**"
