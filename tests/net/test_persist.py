# SPDX-License-Identifier: GPL-2.0-or-later
"""Bans over `down` and a reboot (P6): what comes back, for how long, and what a broken file costs.

A reboot is a `down` here: nothing but the file is left of the bans.
"""
import datetime
import os
import re
import random
import signal
import subprocess
import time

import pytest

from answerer import Answerer
from lab import FAR4, HOST4, NEIGHBOUR4, PEER4, PEER6, until
from process import patient
from times import seconds_of

HEAD = "# sumun bans 1"
WEB = "[guard web]\nports = tcp/8080\nper-source = 20/min\nburst = 3\nban = 10m\nban-max = 1h\n"


@pytest.fixture
def path(lab):
    return lab.directory / "bans"


def up(lab, path, settings="", **options):
    return lab.up(f"bans-file = {path}\n{settings}", **options)


def again(lab, path, settings="", **options):
    lab.sumun("down")
    assert lab.pins() == []
    return up(lab, path, settings, **options)


def bans(lab):
    return {ban["address"]: ban for ban in lab.json("bans")}


def utc(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).isoformat(
        timespec="milliseconds").replace("+00:00", "Z")


def line(address, until="-", since=None, origin="operator", offences=0, forced="-", why=""):
    since = utc(time.time() - 60) if since is None else since
    return "\t".join((address, until, since, origin, str(offences), forced, why)) + "\n"


def write(path, *lines):
    path.write_text(HEAD + "; by a test\n" + "".join(lines))


def test_come_back_with_the_time_left(lab, path):
    """By hand, for a time and for good, prefixes, and one that a guard made."""
    with Answerer(lab.listen(8080)):
        up(lab, path, f"ban = {NEIGHBOUR4}", sections=WEB)
        why = 'a\tb\\c "문지기"'
        lab.sumun("ban", FAR4, "fd99::/64", "--for", "1h", "--why", why, env={"LC_ALL": "C.UTF-8"})
        lab.sumun("ban", "203.0.113.0/24", "--force")
        assert [lab.reaches(8080, seconds=0.1) for _ in range(4)] == [True] * 3 + [False]
        before = bans(lab)
        assert set(before) == {FAR4, "fd99::/64", "203.0.113.0/24", NEIGHBOUR4, PEER4}
        result = again(lab, path, sections=WEB)
        assert f"restored 4 bans from '{path}'" in result.stderr
        after = bans(lab)
        assert set(after) == set(before) - {NEIGHBOUR4}, "that one was the configuration's"
        for address, ban in after.items():
            for name in ("why", "origin", "offences"):
                assert ban[name] == before[address][name], (address, name)
            for name in ("since", "until"):
                if ban[name] is None or before[address][name] is None:
                    assert ban[name] == before[address][name]
                else:
                    assert abs(seconds_of(ban[name]) - seconds_of(before[address][name])) < 1
        assert not lab.reaches(8080, seconds=0.1)
        assert path.stat().st_mode & 0o777 == 0o600
    assert not [name for name in os.listdir(path.parent) if name.startswith("bans.")]


def test_down_tells_what_it_keeps(lab, path):
    up(lab, path, f"ban = {NEIGHBOUR4}")
    assert lab.sumun("down").stdout == "down\n", "bans of the configuration are in no file"
    up(lab, path)
    lab.sumun("ban", FAR4)
    assert lab.sumun("down").stdout == \
        f"down\n1 ban is kept in {path} and comes back with the next 'sumun up'\n"
    up(lab, path)
    lab.sumun("ban", PEER4, "--for", "1h")
    assert lab.sumun("down").stdout == \
        f"down\n2 bans are kept in {path} and come back with the next 'sumun up'\n"
    up(lab, "none")
    lab.sumun("ban", FAR4)
    assert lab.sumun("down").stdout == "down\n", "they are kept nowhere"


def test_offences_come_back(lab, path):
    """The second ban is the longer one, also when a reboot was in between."""
    with Answerer(lab.listen(8080)):
        ban_seconds = round(patient(8))
        settings = WEB.replace("10m", f"{ban_seconds}s").replace("burst = 3", "burst = 5")
        up(lab, path, sections=settings)
        while lab.reaches(8080, seconds=0.9):
            pass
        again(lab, path, sections=settings)
        ban, = bans(lab).values()
        assert ban["offences"] == 1
        until(lambda: lab.reaches(8080, seconds=0.2), 20, 0.02, "the end of the ban")
        while lab.reaches(8080, seconds=0.9):
            pass
        ban, = bans(lab).values()
        assert ban["offences"] == 2
        took = seconds_of(ban["until"]) - seconds_of(ban["since"])
        assert 2 * ban_seconds - 0.5 < took < 2 * ban_seconds + 1


def test_who_banned_and_why(lab, path):
    """In one column, without saying it twice."""
    write(path, line("203.0.113.1", origin="guard", why="guard web"),
          line("203.0.113.2", origin="guard", offences=1, why="guard web"),
          line("203.0.113.3", origin="guard", offences=2, why="guard web"),
          line("203.0.113.4", origin="scan", offences=1, why="scan"),
          line("203.0.113.5", why="guesses passwords"), line("203.0.113.6", forced="forced"),
          line("2001:db8::/56", origin="guard", offences=8, why="neighbours"))
    up(lab, path, "ban = 203.0.113.7")
    rows = [re.split(r"  +", row) for row in lab.sumun("bans").stdout.splitlines()]
    assert rows.pop(0) == ["address", "left", "since", "why"]
    assert {row[0]: row[3] for row in rows} == {
        "203.0.113.1": "guard web, may be forged", "203.0.113.2": "guard web, proven",
        "203.0.113.3": "guard web, proven 2 times", "203.0.113.4": "scan",
        "203.0.113.5": "by hand: guesses passwords", "203.0.113.6": "by hand, forced",
        "203.0.113.7": "configuration", "2001:db8::/56": "8 neighbours were banned"}


def test_wall_clock(lab, path):
    """Time goes on while nothing runs; a clock that was wrong makes no ban longer."""
    now = time.time()
    write(path, line("203.0.113.1", utc(now - 1)),
          line("203.0.113.2", utc(now + 100)),
          line("203.0.113.3", utc(now + 86400 + 60), utc(now + 86400)),
          line("203.0.113.4", "-", utc(now + 86400)))
    result = up(lab, path)
    assert "restored 3 bans" in result.stderr
    left = {address: ban["until"] and seconds_of(ban["until"]) - now
            for address, ban in bans(lab).items()}
    assert set(left) == {"203.0.113.2", "203.0.113.3", "203.0.113.4"}
    assert 98 < left["203.0.113.2"] < 110
    assert 58 < left["203.0.113.3"] < 70, "it lasts a minute, whatever the day"
    assert left["203.0.113.4"] is None
    assert all(seconds_of(ban["since"]) < time.time() + 1 for ban in bans(lab).values())
    # And it ends when it says.
    lab.sumun("ban", "203.0.113.9", "--for", "700ms")
    lab.sumun("down")
    time.sleep(0.8)
    up(lab, path)
    assert "203.0.113.9" not in bans(lab) and "203.0.113.2" in bans(lab)


def test_broken_lines_cost_themselves(lab, path):
    good = [line(f"203.0.113.{n}") for n in range(1, 6)]
    bad = ["nonsense\n", line("203.0.113.300"), line("203.0.113.9", "tomorrow"),
           line("203.0.113.9", origin="somebody"), "x" * 5000 + "\n", line("10.0.0.0/7")]
    write(path, *[text for pair in zip(good, bad) for text in pair], bad[-1])
    result = up(lab, path)
    assert "restored 5 bans" in result.stderr
    for number in (3, 5, 7, 9, 11, 12):
        assert f"line {number}: " in result.stderr, result.stderr
    assert result.stderr.count("ignoring") == 6
    assert len(bans(lab)) == 5


def test_what_is_no_file_of_ours_is_left_alone(lab, path):
    """Another version's file is neither read nor, by coming up, lost."""
    path.write_text("# sumun bans 2\nwhatever\n")
    result = up(lab, path)
    assert "another version" in result.stderr and bans(lab) == {}
    assert path.read_text() == "# sumun bans 2\nwhatever\n"


def test_peers_are_left_out(lab, path):
    """P4, P23: who is the gateway by now is not banned by a file; by force it is."""
    write(path, line(PEER4), line("10.77.0.0/24"), line(FAR4), line(PEER6, forced="forced"))
    lab.ip(lab.host, "route", "add", "default", "via", PEER4)
    lab.ip(lab.host, "-6", "route", "add", "default", "via", PEER6, "dev", "g0")
    result = up(lab, path)
    assert set(bans(lab)) == {FAR4, PEER6}
    assert f"the ban of {PEER4} would now shut out {PEER4}, the default gateway" in result.stderr
    assert "the ban of 10.77.0.0/24 would now shut out" in result.stderr
    wire = lab.wire()
    wire.udp(9, PEER4)
    wire.udp(9, PEER6, "fd77:0:0:1::1")
    reasons = lab.stats()["reasons"]
    assert reasons["allowed"]["packets"] == 1 and reasons["banned"]["dropped"] == 1


def whole(path):
    """The number of bans of a file that nobody was interrupted in writing."""
    lines = path.read_text().splitlines(keepends=True)
    assert lines[0].startswith(HEAD)
    for text in lines[2:]:
        assert text.endswith("\n") and text.count("\t") == 6, text
    return len(lines) - 2


def test_kill_9_while_it_is_written(lab, path):
    """It is the former file or the new one, whole, every time."""
    chance = random.Random(5)
    up(lab, path)
    seen = set()
    for turn in range(12):
        operands = [f"198.{18 + turn % 2}.{n // 250}.{n % 250 + 1}" for n in range(3000)]
        command = subprocess.Popen(lab.line("ban", *operands, "--for", "1h"),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env=lab.environment(None))
        time.sleep(patient(chance.uniform(0.01, 0.06)))
        command.send_signal(signal.SIGKILL)
        command.wait()
        if path.exists():
            seen.add(whole(path))
    held = lab.stats()["bans"]
    lab.sumun("ban", "203.0.113.1")
    assert whole(path) == held + 1
    result = again(lab, path)
    assert f"restored {held + 1} ban{'s' if held else ''}" in result.stderr
    assert lab.stats()["bans"] == held + 1
    torn = [name for name in os.listdir(path.parent) if name.startswith("bans.")]
    print(f"killed 12 times, {len(torn)} of them while writing; files held {sorted(seen)} bans")


def test_file_that_cannot_be_written(lab):
    """Said, and the ban holds."""
    up(lab, "/proc/nowhere/bans")
    result = lab.sumun("ban", FAR4)
    assert "cannot keep the bans in '/proc/nowhere/bans'" in result.stderr
    assert set(bans(lab)) == {FAR4}
    assert lab.sumun("down").returncode == 0


@pytest.mark.parametrize("make", (os.mkfifo, os.mkdir))
def test_something_else_beside_the_file_holds_nobody_up(lab, path, make):
    up(lab, path)
    make(f"{path}.new")
    assert "cannot keep the bans" in lab.sumun("ban", FAR4).stderr
    assert list(bans(lab)) == [FAR4]
    lab.sumun("down")


def test_unbanned_stays_unbanned(lab, path):
    up(lab, path)
    lab.sumun("ban", FAR4, PEER4)
    lab.sumun("unban", FAR4)
    again(lab, path)
    assert set(bans(lab)) == {PEER4}
    assert lab.json("status")["bans-file"] == str(path)


def test_default_file_of_a_named_namespace(lab):
    """None is lost for want of a setting, and namespaces do not share."""
    lab.sumun("up", "g0")
    file = f"/var/lib/sumun/bans-{lab.host}"
    assert lab.json("status")["bans-file"] == file
    lab.sumun("ban", FAR4)
    lab.sumun("down")
    lab.sumun("up", "g0")
    assert set(bans(lab)) == {FAR4}


def test_run_keeps_what_guards_ban(lab, path):
    """`run` alone, without `up`: at its end at the latest."""
    with Answerer(lab.listen(8080)):
        config = lab.config(f"[filter]\nmode = enforce\nbans-file = {path}\n{WEB}")
        run = lab.run("-c", config, "g0")
        while lab.reaches(8080, seconds=0.1):
            pass
        assert run.stop() == 0
        assert whole(path) == 1
        run = lab.run("-c", config, "g0")
        assert set(bans(lab)) == {PEER4}
        assert not lab.reaches(8080, HOST4, seconds=0.1)
