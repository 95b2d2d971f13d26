# SPDX-License-Identifier: GPL-2.0-or-later
"""Lists in the forms that others publish, read here a second time and otherwise.

The files in lists/ are synthetic: the forms are those of FireHOL, Spamhaus, Team Cymru,
blocklist.de, AlienVault and DShield; the addresses are nobody's.
"""
import ipaddress
import pathlib
import re

import pytest

from lab import HOST4, HOST6

LISTS = pathlib.Path(__file__).parent / "lists"
LOOPBACK = "::1"
REFUSED = {  # lines, by what is wrong with them; of the lab's own addresses those that are covered
    "level1.netset": {},
    "drop.txt": {},
    "mirror.txt": {},
    "fullbogons-ipv6.txt": {2: LOOPBACK, 21: HOST6},
    "all.txt": {},
    "reputation.generic": {},
    "ranges.txt": {},
    "block.txt": dict.fromkeys((9, 10, 11), "write it as in"),
    "mixed.txt": {3: "192.0.2.0/24", 4: "192.0.2.300", 5: "name:192.0.2.3", 6: "add drop",
                  7: "192.0.2.6", 8: "cidr", 9: "010.0.2.7", 10: "ends before it begins",
                  11: "192.0.2", 12: "too wide", 13: "too wide", 14: HOST4, 15: HOST6,
                  16: "too wide", 17: "2001:db8::/129", 18: "list.example"},
}
WRITTEN = {
    "as it is": lambda data: data,
    "crlf": lambda data: data.replace(b"\n", b"\r\n"),
    "mark, no last line end": lambda data: b"\xef\xbb\xbf" + data.rstrip(b"\n"),
    "blanks": lambda data: b"\n".join(b"\t " + line + b" \t" for line in data.split(b"\n")),
}


def networks(entry):
    """What an entry stands for, by the standard library."""
    first, dash, last = (word.strip() for word in entry.partition("-"))
    if dash:
        return list(ipaddress.summarize_address_range(ipaddress.ip_address(first),
                                                      ipaddress.ip_address(last)))
    return [ipaddress.ip_network(entry)]


def collapsed(found):
    return [network for version in (4, 6) for network in
            ipaddress.collapse_addresses(net for net in found if net.version == version)]


def expected(path, refused):
    """The networks of all lines but the refused ones, and how many of these were entries."""
    found, count = [], 0
    for number, line in enumerate(path.read_text().splitlines(), 1):
        entry = re.split("[#;]", line)[0].strip()
        if entry and number not in refused:
            found += networks(entry)
            count += 1
    return collapsed(found), count


def ranges(found):
    """Networks that touch are one range."""
    ends = {(net.version, int(net.broadcast_address) + 1) for net in found}
    return [sum(net.version == version and (version, int(net.network_address)) not in ends
                for net in found) for version in (4, 6)]


def edges(found):
    """Addresses at the edges of a few of the networks, and whether they are inside."""
    for network in found[:8] + found[-8:]:
        for number in (int(network[0]) - 1, int(network[0]), int(network[-1]),
                       int(network[-1]) + 1):
            if 0 <= number < 1 << network.max_prefixlen:
                address = type(network[0])(number)
                yield str(address), any(net.version == address.version and address in net
                                        for net in found)


@pytest.mark.parametrize("how", WRITTEN)
@pytest.mark.parametrize("name", REFUSED)
def test_published_form_is_read(lab, name, how):
    refused, path = REFUSED[name], lab.directory / name
    path.write_bytes(WRITTEN[how]((LISTS / name).read_bytes()))
    found, _ = expected(LISTS / name, refused)
    result = lab.up(f"deny-list = {path}", check=False)
    warned = dict(re.findall(rf"{re.escape(name)}:(\d+): (.*)", result.stderr))
    assert set(map(int, warned)) == set(refused), result.stderr
    for number, part in refused.items():
        assert part in warned[str(number)], warned[str(number)]
    if not found:
        assert result.returncode == 2 and "nothing in it can be used" in result.stderr
        assert lab.pins() == []
        return
    assert result.returncode == 0, result.stderr
    label = name.rpartition(".")[0]
    shown = [ipaddress.ip_network(entry) for entry in lab.sumun("list", "show", label)
             .stdout.split()]
    assert collapsed(shown) == found
    assert len(shown) == len(set(shown)) and sum(net.num_addresses for net in shown) == \
        sum(net.num_addresses for net in found), "each address once"
    row, = lab.json("list")
    assert [row["entries-ipv4"], row["entries-ipv6"]] == ranges(found)
    asked = dict(edges(found))
    tests = lab.json("list", "test", *asked)
    assert {test["address"]: label in test["lists"] for test in tests} == \
        {str(ipaddress.ip_address(address)): there for address, there in asked.items()}
    # With strict-lists, one such line is one too many.
    strict = lab.up(f"deny-list = {path}\nstrict-lists = on", check=False)
    assert strict.returncode == (2 if refused else 0)


def test_header_says_what_is_read(lab):
    """FireHOL counts its lists at their head."""
    path = LISTS / "level1.netset"
    subnets, addresses = map(int, re.search(r"Entries +: (\d+) subnets, (\d+) unique IPs",
                                            path.read_text()).groups())
    _, entries = expected(path, {})
    lab.up(f"deny-list = {path}")
    shown = [ipaddress.ip_network(entry) for entry in
             lab.sumun("list", "show", "level1").stdout.split()]
    assert (len(shown), entries) == (subnets, subnets)
    assert sum(network.num_addresses for network in shown) == addresses
