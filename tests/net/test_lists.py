# SPDX-License-Identifier: GPL-2.0-or-later
"""Lists of addresses: whom they silence and let through, and how they are changed."""
import ipaddress
import json
import os
import random
import re
import shutil
import subprocess
import time

import pytest

from lab import (FAR4, FAR6, HOST4, HOST6, LAYOUT, NEIGHBOUR4, NEIGHBOUR6, PEER4, PEER6, SECONDS,
                 until)
from test_bans import FAMILIES, Ears
from test_json import NOBODY, READERS, let_readers_in, shared_parent  # noqa: F401: a fixture

FAR_NET = {FAR4: "10.77.1.0/24", FAR6: "fd77:0:0:2::/64"}
TIMED_OUT = 28  # curl's exit status


def write(lab, name, *lines, end="\n"):
    path = lab.directory / name
    path.write_bytes("".join(f"{line}{end}" for line in lines).encode())
    return path


def deny(lab, *lines, settings="", **options):
    """`up` with the deny list drop."""
    return lab.up(f"deny-list = {write(lab, 'drop.txt', *lines)}\n{settings}", **options)


def shown(lab, name="drop"):
    return lab.sumun("list", "show", name).stdout.splitlines()


def packets(lab):
    return {row["name"]: row["packets"] for row in lab.json("list", "show")}


def curl(lab, source, target):
    host = f"[{target}]" if ":" in target else target
    return lab.tool("curl", "-gsS", "-o", "/dev/null", "--noproxy", "*", "--max-time", "0.3",
                    "--interface", source, f"http://{host}:8080/").returncode


def pinged(lab, source, target, *words):
    """How many of how many were answered."""
    output = lab.tool("ping", "-n", "-q", "-i", "0.01", "-W", "0.2", "-I", source, *words,
                      target).stdout
    match = re.search(r"(\d+) packets transmitted, (\d+) received", output)
    return int(match[2]), int(match[1])


def tables(lab):
    """Every list in the kernel: its file in bpffs and the id of the map behind that."""
    found = {}
    top = f"{lab.state}/{LAYOUT}/tables"
    for directory, _, names in os.walk(top):
        for name in set(names) - {"table"}:
            path = f"{directory}/{name}"
            tool = shutil.which("bpftool") or "/usr/sbin/bpftool"
            output = subprocess.run([tool, "-j", "map", "show", "pinned", path],
                                    capture_output=True, text=True, check=True, timeout=SECONDS)
            found[os.path.relpath(path, top)] = json.loads(output.stdout)["id"]
    return found


# ---- whom they silence ---------------------------------------------------------------------


@FAMILIES
def test_listed_are_silent_and_others_are_not(lab, target, source, neighbour, far):
    lab.serve(8080)
    deny(lab, "# a comment", source, FAR_NET[far])
    assert curl(lab, neighbour, target) == 0
    assert curl(lab, source, target) == TIMED_OUT
    assert pinged(lab, neighbour, target, "-c20") == (20, 20)
    before = lab.stats()["reasons"]["listed"]["dropped"]
    assert pinged(lab, source, target, "-c20") == (0, 20)
    assert pinged(lab, far, target, "-c5") == (0, 5)
    assert lab.stats()["reasons"]["listed"]["dropped"] - before == 25
    lab.up()
    assert curl(lab, source, target) == 0 and curl(lab, far, target) == 0


def test_edges_of_ranges(lab):
    """The last address before, the first and last in, and the first behind."""
    ears = Ears(lab)
    inside = ["10.77.2.3", "10.77.2.9", "10.78.0.0", "10.78.255.255", "fd77::5", "fd77::8",
              "fd77:0:0:9::", "fd77:0:0:9:ffff:ffff:ffff:ffff"]
    outside = ["10.77.2.2", "10.77.2.10", "10.77.255.254", "10.79.0.1", "fd77::4", "fd77::9",
               "fd77::8:ffff:ffff:ffff:ffff", "fd77:0:0:a::"]
    deny(lab, "10.77.2.3-10.77.2.9", "10.78.0.0/16", "fd77::5-fd77::8", "fd77:0:0:9::/64")
    assert ears.hears(*inside, *outside) == set(outside)
    assert packets(lab) == {"drop": len(inside)}


def test_observe_counts_and_drops_nothing(lab):
    ears = Ears(lab)
    path = write(lab, "drop.txt", PEER4)
    lab.sumun("up", "-c", lab.config(f"[filter]\ndeny-list = {path}\n"), "g0")
    assert ears.hears(PEER4, NEIGHBOUR4) == {PEER4, NEIGHBOUR4}
    listed = lab.stats()["reasons"]["listed"]
    assert (listed["packets"], listed["dropped"]) == (1, 0)
    test, = lab.json("list", "test", PEER4)
    assert (test["reason"], test["verdict"]) == ("listed", "passed")
    assert "would be dropped" in lab.sumun("list", "test", PEER4).stdout


@FAMILIES
def test_what_is_allowed_wins(lab, target, source, neighbour, far):
    ears = Ears(lab)
    everyone = [source, neighbour, far]
    deny(lab, *everyone, settings=f"allow = {neighbour}\n"
         f"allow-list = {write(lab, 'office.txt', FAR_NET[far])}\nblock-ports = udp/5000")
    # As with `allow`: blocked ports and bans do not matter either.
    lab.sumun("ban", far)
    assert ears.hears(*everyone) == {neighbour, far}
    tests = lab.json("list", "test", *everyone)
    assert [test["lists"] for test in tests] == [["drop"], ["drop"], ["office", "drop"]]
    assert [test["verdict"] for test in tests] == ["dropped", "passed", "passed"]
    assert [test["reason"] for test in tests] == ["listed", "allowed", "allowed"]
    assert [test["by"] for test in tests] == ["list", "allow", "list"]
    assert [test["list"] for test in tests] == ["drop", None, "office"]
    # An address counts as its first list's, and an allow list is before all others.
    assert packets(lab) == {"office": 1, "drop": 2}


def test_each_list_counts_its_own(lab):
    first = write(lab, "first.txt", PEER4, "fd77:0:0:1::2/127")
    second = write(lab, "second.txt", PEER4, NEIGHBOUR4)
    lab.up(f"deny-list = {first}, {second}")
    wire = lab.wire()
    for source, count in ((PEER4, 3), (NEIGHBOUR4, 5), (FAR4, 7)):
        wire.udp(9, source, count=count)
    wire.udp(9, PEER6, HOST6, count=11)
    assert packets(lab) == {"first": 14, "second": 5}
    assert lab.stats()["reasons"]["listed"]["dropped"] == 19
    # The other way round, the other one has it.
    lab.up(f"deny-list = {second}, {first}")
    wire.udp(9, PEER4, count=2)
    assert packets(lab) == {"first": 14, "second": 7}


# ---- files -----------------------------------------------------------------------------------


def test_bad_lines_are_told_and_left_out(lab):
    ears = Ears(lab)
    result = deny(lab, "# fine", "", PEER4, "nonsense", "10.0.0.1/8", "1.2.3.4-1.2.3.1",
                  f"  {FAR4} ; why", "256.1.1.1")
    warned = re.findall(r"drop\.txt:(\d+): ", result.stderr)
    assert warned == ["4", "5", "6", "8"], result.stderr
    assert "10.0.0.0/8" in result.stderr, "what was meant is told"
    assert ears.hears(PEER4, FAR4, NEIGHBOUR4) == {NEIGHBOUR4}
    assert shown(lab) == [PEER4, FAR4]


def test_strict_lists_refuse_and_change_nothing(lab):
    ears = Ears(lab)
    deny(lab, PEER4)
    before, maps = lab.json("status"), tables(lab)
    result = deny(lab, NEIGHBOUR4, "nonsense", settings="strict-lists = on", check=False)
    assert result.returncode == 2 and "drop.txt:2: " in result.stderr
    assert "1 of 2 lines" in result.stderr
    assert lab.json("status") == before and tables(lab) == maps
    assert ears.hears(PEER4, NEIGHBOUR4) == {NEIGHBOUR4}
    # And a file that is not there, or is no list at all.
    for path in ("/nowhere/drop.txt", str(lab.directory), "/bin/true"):
        result = lab.up(f"deny-list = {path}", check=False)
        assert result.returncode in (1, 2) and path in result.stderr, result.stderr
        assert lab.json("status") == before and tables(lab) == maps
    deny(lab, NEIGHBOUR4, settings="strict-lists = on")
    assert ears.hears(PEER4, NEIGHBOUR4) == {PEER4}


def test_first_up_without_a_list_that_cannot_be_read(lab):
    """Nothing in force yet: a filter without that list is better than none."""
    gone = lab.directory / "gone.txt"
    settings = f"deny-list = {write(lab, 'drop.txt', PEER4)}, {gone}\n"
    path = lab.config(f"[filter]\nmode = enforce\nbans-file = none\n{settings}")
    check = lab.sumun("check", path)
    no_file = "': No such file or directory"
    assert check.stderr.count("warning: list '") == 1 and check.stderr.count(no_file) == 1
    dry = lab.sumun("up", "--dry-run", "-c", path, "g0")
    result = lab.sumun("up", "-c", path, "g0")
    assert f"{no_file}: the filter goes up WITHOUT this list" in dry.stderr
    assert result.stderr.startswith(dry.stderr)
    assert Ears(lab).hears(PEER4, NEIGHBOUR4) == {NEIGHBOUR4}
    assert f"deny list {gone}: it could not be read" in lab.sumun("status").stdout
    assert lab.json("status")["lists-missing"] == [str(gone)]
    # With a filter in force the same file is refused, and that filter stays.
    before = lab.json("status")
    assert lab.up(settings + "block-ports = udp/9", check=False).returncode == 1
    assert lab.json("status") == before
    gone.write_text(f"{FAR4}\n")
    lab.up(settings)
    assert "NOT LOADED" not in lab.sumun("status").stdout
    assert lab.json("status")["lists-missing"] == []


@pytest.mark.parametrize("settings", ["strict-lists = on\ndeny-list", "allow-list"])
def test_first_up_refuses(lab, settings):
    """Strict is strict; and without an allow list, who is on it would be shut out."""
    for options in ((), ("--dry-run",)):
        result = lab.up(f"{settings} = /nowhere/office.txt", options=options, check=False)
        assert result.returncode == 1 and "/nowhere/office.txt': No such file" in result.stderr
        assert "WITHOUT" not in result.stderr and not lab.attached() and lab.pins() == []


def test_peers_are_left_out_loudly(lab):
    """P23: what holds an own address, the gateway or a name server."""
    ears = Ears(lab)
    lab.ip(lab.host, "route", "add", "default", "via", PEER4)
    result = deny(lab, "10.77.0.0/24", PEER4, HOST4, HOST6, FAR4)
    warned = dict(re.findall(r"drop\.txt:(\d+): (.*)", result.stderr))
    assert set(warned) == {"1", "2", "3", "4"}, result.stderr
    assert all("must not be listed" in text for text in warned.values())
    assert shown(lab) == [FAR4]
    assert ears.hears(PEER4, NEIGHBOUR4, FAR4) == {PEER4, NEIGHBOUR4}
    # Allowing a peer shuts nobody out.
    result = lab.up(f"allow-list = {write(lab, 'office.txt', '10.77.0.0/24')}")
    assert "10.77" not in result.stderr and shown(lab, "office") == ["10.77.0.0/24"]


def test_peer_that_was_listed_before_it_was_one(lab):
    """Guarded is guarded, whatever a list says."""
    deny(lab, PEER4)
    lab.wire().udp(9)
    assert lab.stats()["reasons"]["listed"]["dropped"] == 1
    lab.ip(lab.host, "route", "add", "default", "via", PEER4)
    lab.up(f"deny-list = {write(lab, 'other.txt', FAR4)}")
    lab.sumun("list", "add", "other", PEER4, "--force")
    lab.wire().udp(9)
    reasons = lab.stats()["reasons"]
    assert reasons["listed"]["dropped"] == 1 and reasons["allowed"]["packets"] == 1
    test, = lab.json("list", "test", PEER4)
    assert (test["by"], test["lists"], test["verdict"]) == ("guarded peer", ["other"], "passed")


def test_everything_is_refused(lab):
    """P23: one line that is all of the Internet."""
    for entry in ("0.0.0.0/0", "::/0", "0.0.0.0-255.255.255.255", "10.0.0.0/7", "2000::/3"):
        result = deny(lab, entry, check=False)
        assert result.returncode == 2 and "too wide" in result.stderr, entry
        assert lab.pins() == [] and not lab.attached()
    result = deny(lab, "0.0.0.0/0", FAR4)
    assert "drop.txt:1: " in result.stderr and shown(lab) == [FAR4]


def test_windows_line_ends_and_a_byte_order_mark(lab):
    path = write(lab, "drop.txt", f"\ufeff{PEER4}", FAR4, "# Ende", "", f"{PEER6} ", end="\r\n")
    assert lab.up(f"deny-list = {path}").stderr.count("warning") == 0
    assert shown(lab) == [PEER4, FAR4, PEER6]


# ---- changing them while they are in force -----------------------------------------------------


@FAMILIES
def test_add_and_del_at_once(lab, target, source, neighbour, far):
    ears = Ears(lab)
    deny(lab, FAR_NET[far])
    assert ears.hears(source, neighbour, far) == {source, neighbour}
    result = lab.sumun("list", "add", "drop", source, neighbour)
    assert "next 'sumun up'" in result.stdout
    assert ears.hears(source, neighbour, far) == set()
    lab.sumun("list", "del", "drop", source)
    assert ears.hears(source, neighbour, far) == {source}
    # From the middle of a range.
    lab.sumun("list", "del", "drop", far)
    assert ears.hears(source, far) == {source, far}
    entries = [ipaddress.ip_network(entry) for entry in shown(lab)]
    here, net = ipaddress.ip_address(far), ipaddress.ip_network(FAR_NET[far])
    assert not any(here in entry for entry in entries)
    assert sum(entry.num_addresses for entry in entries) == net.num_addresses - 1 + 1
    # The file wins.
    lab.up(f"deny-list = {lab.directory / 'drop.txt'}")
    assert shown(lab) == [FAR_NET[far]]
    assert ears.hears(source, neighbour, far) == {source, neighbour}


def test_every_other_list_stays(lab):
    other, office = write(lab, "other.txt", FAR4), write(lab, "office.txt", NEIGHBOUR6)
    lab.up(f"deny-list = {write(lab, 'drop.txt', PEER4)}, {other}\nallow-list = {office}\n"
           "block-ports = udp/5000\n", sections="[guard web]\nports = tcp/80\ntotal = 9/s\n")
    before, maps = lab.json("status"), tables(lab)
    for words in (["add", "drop", NEIGHBOUR4], ["del", "drop", NEIGHBOUR4]):
        lab.sumun("list", *words)
    after = lab.json("status")
    assert after["policy"] == before["policy"] + 2
    for key in ("mode", "block-ports", "allow", "guards", "scan"):
        assert after[key] == before[key]
    assert shown(lab) == [PEER4] and shown(lab, "other") == [FAR4]
    assert shown(lab, "office") == [NEIGHBOUR6]
    # Theirs are the same maps still, and nothing is left of what was in between.
    kept = {name.partition("/")[2]: number for name, number in maps.items()}
    now = {name.partition("/")[2]: number for name, number in tables(lab).items()}
    assert set(now) == set(kept) and len(tables(lab)) == 3
    changed = {name for name in now if now[name] != kept[name]}
    assert len(changed) == 1 and changed.pop().startswith("01-")
    assert "nothing would change" in lab.sumun("up", "--dry-run", "-c",
                                               lab.directory / "sumun.conf", "g0").stdout


def test_changes_that_are_refused(lab):
    lab.ip(lab.host, "route", "add", "default", "via", PEER4)
    deny(lab, FAR4, settings=f"allow-list = {write(lab, 'office.txt', FAR6)}")
    status, maps = lab.json("status"), tables(lab)
    for status_wanted, words, said in (
            (1, ["add", "drop", PEER4], "the default gateway"),
            (1, ["add", "drop", HOST6], "an address of this host"),
            (1, ["add", "drop", NEIGHBOUR4, "10.77.0.0/24"], "--force"),
            (1, ["del", "drop", FAR4, NEIGHBOUR4], "is not on the list"),
            (1, ["add", "dorp", FAR4], "there are: office, drop"),
            (1, ["show", "dorp"], "there are: office, drop"),
            (2, ["add", "drop", "0.0.0.0/0"], "too wide"),
            (2, ["add", "drop", NEIGHBOUR4, "1.2.3"], "1.2.3"),
            (2, ["add", "drop", "10.0.0.1/8"], "10.0.0.0/8"),
            (2, ["add", "drop"], "missing"),
            (2, ["test", "10.0.0.0/8"], "10.0.0.0/8"),
            (2, ["test"], "missing"),
            (2, ["shwo"], "show, test, add and del")):
        result = lab.sumun("list", *words, check=False)
        assert result.returncode == status_wanted and said in result.stderr, (words, result)
        assert result.stdout == "" and lab.json("status") == status and tables(lab) == maps
    # What allows them shuts nobody out; what is there already is no mistake.
    lab.sumun("list", "add", "office", "10.77.0.0/24")
    assert "already" in lab.sumun("list", "add", "drop", FAR4).stdout
    lab.sumun("list", "add", "drop", HOST6, "--force")


def test_says_what_else_has_it(lab):
    """Somebody who takes an address from one list is told that another has it still."""
    lab.up(f"deny-list = {write(lab, 'drop.txt', PEER4)}, "
           f"{write(lab, 'other.txt', '10.77.0.2/31')}\n"
           f"allow-list = {write(lab, 'office.txt', FAR4)}")
    assert "on the list 'other' as well" in lab.sumun("list", "del", "drop", PEER4).stderr
    assert "'office' allows" in lab.sumun("list", "add", "drop", FAR4).stderr
    assert lab.sumun("list", "add", "drop", NEIGHBOUR6).stderr == ""


def test_a_list_may_become_empty_and_full_again(lab):
    ears = Ears(lab)
    deny(lab, PEER4)
    lab.sumun("list", "del", "drop", "0.0.0.0/0")
    assert shown(lab) == [] and ears.hears(PEER4) == {PEER4}
    lab.sumun("list", "add", "drop", PEER4, PEER6)
    assert shown(lab) == [PEER4, PEER6] and ears.hears(PEER4, PEER6) == set()


def test_not_while_a_change_waits(lab):
    ears = Ears(lab)
    deny(lab, PEER4)
    path = write(lab, "drop.txt", NEIGHBOUR4)
    lab.up(f"deny-list = {path}", options=["--confirm", "2"])
    assert ears.hears(PEER4, NEIGHBOUR4) == {PEER4}
    for words in (["add", "drop", FAR4], ["del", "drop", NEIGHBOUR4]):
        result = lab.sumun("list", *words, check=False)
        assert result.returncode == 1 and "sumun confirm" in result.stderr
    result = lab.up(f"deny-list = {path}", options=["--dry-run"], check=False)
    assert result.returncode == 1 and "sumun confirm" in result.stderr
    until(lambda: ears.hears(PEER4, NEIGHBOUR4) == {NEIGHBOUR4}, what="going back")
    assert shown(lab) == [PEER4], "the former list is back with its policy"
    lab.sumun("list", "add", "drop", FAR4)
    assert ears.hears(PEER4, NEIGHBOUR4, FAR4) == {NEIGHBOUR4}
    assert len(tables(lab)) == 1


def test_a_shadow_has_lists_of_its_own(lab):
    ears = Ears(lab)
    deny(lab, FAR4)
    other = write(lab, "other.txt", PEER4)
    lab.sumun("up", "--shadow", "-c",
              lab.config(f"[filter]\nmode = enforce\ndeny-list = {other}\n", "shadow.conf"))
    lab.sumun("list", "add", "drop", NEIGHBOUR4)
    lab.sumun("list", "del", "drop", FAR4)
    assert ears.hears(PEER4, NEIGHBOUR4, FAR4) == {PEER4, FAR4}
    differ = {(row["now"], row["shadow"]): row["packets"]
              for row in lab.stats()["shadow"]["differ"]}
    assert differ == {("pass", "listed"): 1, ("listed", "pass"): 1}
    assert [row["name"] for row in lab.json("list")] == ["drop"]
    lab.up(f"deny-list = {other}")
    assert shown(lab, "other") == [PEER4] and len(tables(lab)) == 1


# ---- showing them ------------------------------------------------------------------------------


def test_shown_as_it_can_be_read(lab):
    deny(lab, "44.0.0.0/8", "45.0.0.0/8", "192.0.2.1-192.0.2.6", "2001:db8::-2001:db8::2",
         "240.0.0.0/4", "fe00::/9", "8000::/2")
    first = shown(lab)
    assert first == ["44.0.0.0/8", "45.0.0.0/8", "192.0.2.1", "192.0.2.2/31", "192.0.2.4/31",
                     "192.0.2.6", "240.0.0.0/4", "2001:db8::/127", "2001:db8::2", "8000::/2",
                     "fe00::/9"]
    assert lab.up(f"deny-list = {write(lab, 'drop.txt', *first)}").stderr == ""
    assert shown(lab) == first
    row, = lab.json("list")
    assert (row["name"], row["kind"], row["entries-ipv4"], row["entries-ipv6"]) == \
        ("drop", "deny", 3, 3)
    assert lab.json("list", "show", "drop")["entries"] == first
    lab.up()
    assert lab.json("list") == [] and lab.sumun("list").stdout == "no lists\n"


def test_test_says_why(lab):
    lab.ip(lab.host, "route", "add", "default", "via", PEER4)
    deny(lab, "10.77.1.0/24", NEIGHBOUR6, settings=f"ban = {FAR6}\nallow = fd77:0:0:3::/64")
    lab.sumun("ban", "10.77.1.0/25", "--for", "1h")
    lab.sumun("ban", "fd77:0:0:4::/62")
    addresses = [FAR4, "10.77.1.200", NEIGHBOUR4, PEER4, FAR6, NEIGHBOUR6, "fd77:0:0:3::7",
                 "fd77:0:0:5::7"]
    tests = lab.json("list", "test", *addresses)
    assert [test["address"] for test in tests] == addresses
    assert [(test["reason"], test["by"]) for test in tests] == [
        ("banned", "ban"), ("listed", "list"), ("pass", None), ("allowed", "guarded peer"),
        ("banned", "ban"), ("listed", "list"), ("allowed", "allow"), ("banned", "ban")]
    # What is said is what happens.
    ears = Ears(lab)
    passed = {test["address"] for test in tests if test["verdict"] == "passed"}
    assert ears.hears(*addresses) == passed
    lab.sumun("ban", PEER4, "--force")
    test, = lab.json("list", "test", PEER4)
    assert (test["by"], test["verdict"]) == ("ban by force", "dropped")


def test_a_hundred_thousand(lab):
    """Loads, is shown to whoever reads it and to whoever stops, and holds what it should."""
    chosen = random.Random(5).sample(range(1 << 21), 60000)
    entries = [str(ipaddress.ip_address(0x14000000 + 2 * i)) for i in chosen]
    entries += [f"2001:db8:{i:x}::/48" for i in range(2, 1 << 16, 2)]
    entries += [f"198.{18 + (i >> 13)}.{i >> 5 & 255}.{(i & 31) * 8}/30" for i in range(7000)]
    assert len(entries) == 99767
    deny(lab, *entries, PEER4, PEER6)
    ears = Ears(lab)
    sample = random.Random(6).sample(entries[:60000], 50)
    there = [PEER4, PEER6, *sample[:5]]
    assert ears.hears(*there, NEIGHBOUR4, NEIGHBOUR6) == {NEIGHBOUR4, NEIGHBOUR6}
    assert set(shown(lab)) == {*entries, PEER4, PEER6}
    neighbours = [str(ipaddress.ip_address(address) + 1) for address in sample]
    assert all(test["lists"] == ["drop"] for test in lab.json("list", "test", *sample))
    assert all(test["lists"] == [] for test in lab.json("list", "test", *neighbours))
    # Somebody who has seen enough.
    line = " ".join(lab.line("list", "show", "drop"))
    result = subprocess.run(f"{line} | head -1", shell=True, capture_output=True, text=True,
                            timeout=SECONDS)
    assert result.stdout.strip() == PEER4 and result.stderr == ""
    lab.sumun("list", "del", "drop", sample[0])
    assert len(shown(lab)) == len(entries) + 1


def test_group_may_look(lab, shared_parent):  # noqa: F811: that is how fixtures are asked for
    deny(lab, PEER4, "2001:db8::/32")
    let_readers_in(lab)
    reader = (NOBODY, READERS)
    for words in (["list"], ["list", "show", "drop"], ["list", "test", PEER4, NEIGHBOUR4]):
        assert lab.sumun(*words, user=reader).stdout == lab.sumun(*words).stdout
    for words in (["add", "drop", FAR4], ["del", "drop", PEER4]):
        result = lab.sumun("list", *words, check=False, user=reader)
        assert result.returncode == 3 and result.stderr.startswith("sumun: error: ")
    for directory in (lab.directory, *list(lab.directory.parents)[:2]):
        os.chmod(directory, 0o755)
    write(lab, "drop.txt", PEER4)
    result = lab.sumun("up", "--dry-run", "-c", lab.directory / "sumun.conf", "g0", user=reader)
    assert "list drop: ranges 2 -> 1; IPv6 ranges: 1 removed" in result.stdout.splitlines()


def test_shown_while_it_changes(lab):
    """Whoever reads sees the list as it was or as it is, and never fails."""
    deny(lab, PEER4)
    both = (f"{PEER4}\n", f"{PEER4}\n{FAR4}\n")
    writer = lab.beside("sh", "-c", f"""for i in 1 2 3 4 5 6 7 8 9 10; do
        {os.environ["SUMUN"]} list add drop {FAR4} && {os.environ["SUMUN"]} list del drop {FAR4} ||
        exit 1; done""", name=lab.host)
    seen = set()
    while not writer.ended():
        seen.add(lab.sumun("list", "show", "drop").stdout)
    assert writer.wait() == 0 and seen == set(both)


# ---- without a gap -------------------------------------------------------------------------------


def test_flood_while_the_list_changes(lab):
    """Never on a list: no echo is lost. Always on one: none comes through. Counters agree."""
    extra = [f"203.0.113.{i}" for i in range(0, 256, 2)]
    deny(lab, PEER4, *extra)
    ping = ["ping", "-n", "-q", "-f", "-W", "1", "-I"]
    passes = lab.beside(*ping, NEIGHBOUR4, "-c", "60000", HOST4)
    drops = lab.beside(*ping, PEER4, "-c", "300", HOST4)
    changes = 0
    while not (passes.ended() and drops.ended()):
        if changes % 3:
            lab.sumun("list", "add" if changes % 2 else "del", "drop", FAR4, check=changes % 2)
        else:
            deny(lab, *extra[changes % 100:], PEER4, *[FAR4] * (changes % 2))
        changes += 1
    passes.wait()
    drops.wait()
    assert changes > 3
    sent = [re.search(r"(\d+) packets transmitted, (\d+) received", "\n".join(process.lines()))
            for process in (passes, drops)]
    assert sent[0][1] == sent[0][2] == "60000"
    assert sent[1][1] == "300" and sent[1][2] == "0"
    reasons = lab.stats()["reasons"]
    assert reasons["pass"]["packets"] == 60000 and reasons["pass"]["dropped"] == 0
    assert reasons["listed"]["dropped"] == 300 == packets(lab)["drop"]


def test_what_did_not_change_is_shared(lab):
    one, two = write(lab, "one.txt", PEER4, PEER6), write(lab, "two.txt", NEIGHBOUR4)
    settings = f"deny-list = {one}, {two}"
    lab.up(settings)
    maps, loaded = tables(lab), lab.json("list")
    time.sleep(0.01)
    lab.up(settings)
    assert tables(lab) == maps and lab.json("list") == loaded
    # Written otherwise, and the same addresses.
    write(lab, "one.txt", "# again", f"{PEER6}/128", PEER4, PEER4, end="\r\n")
    lab.up(settings + "\nblock-ports = udp/7")
    assert tables(lab) == maps and lab.json("list") == loaded
    write(lab, "two.txt", FAR4)
    lab.up(settings)
    now = {name.partition("/")[2]: number for name, number in tables(lab).items()}
    before = {name.partition("/")[2]: number for name, number in maps.items()}
    same = [name for name in before if now[name] == before[name]]
    assert len(now) == 2 and len(same) == 1 and same[0].startswith("00-")
    rows = {row["name"]: row for row in lab.json("list")}
    assert rows["one"] == loaded[0] and rows["two"]["loaded"] > loaded[1]["loaded"]
    ears = Ears(lab)
    assert ears.hears(PEER4, PEER6, NEIGHBOUR4, FAR4) == {NEIGHBOUR4}
