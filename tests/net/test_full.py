# SPDX-License-Identifier: GPL-2.0-or-later
"""Full tables (P13, P14): a ban that finds no room is refused aloud, and none is pushed out."""
import random
import re
import time

import pytest

from lab import HOST6, NEIGHBOUR4, NEIGHBOUR6, until

BATCH = 25000


def fill(lab, operands, refusals):
    """Bans batch after batch until so many found no room; who is banned then, and who is not."""
    held, refused = [], []
    while operands and len(refused) < refusals:
        batch, operands = operands[:BATCH], operands[BATCH:]
        result = lab.sumun("ban", *batch, "--for", "1h", check=False)
        banned = {line.split()[1] for line in result.stdout.splitlines()}
        without = [operand for operand in batch if operand not in banned]
        assert len(banned) + len(without) == len(batch)
        assert (result.returncode != 0) == bool(without), result.stderr[-500:]
        if without:
            # The first is named, and how many there are.
            assert result.returncode == 1
            assert f"{without[0]}: the ban table has no room" in result.stderr
            if len(without) > 1:
                assert f"{len(without)} of {len(batch)} are not banned" in result.stderr
        held += [operand for operand in batch if operand in banned]
        refused += without
    return held, refused


def check(lab, held, refused, send):
    """Everybody who was banned is, nobody who was refused is; sampled by packets."""
    chance = random.Random(3)
    sample = {*chance.sample(held, 500), *held[:50], *held[-50:]}
    before = lab.stats()["reasons"]["banned"]["dropped"]
    for operand in sample:
        send(operand)
    assert lab.stats()["reasons"]["banned"]["dropped"] - before == len(sample)
    for operand in refused:
        send(operand)
    assert lab.stats()["reasons"]["banned"]["dropped"] - before == len(sample)


FAMILIES = {
    "ipv4": ([f"{11 + n // 62500}.{n // 250 % 250}.{n % 250 + 1}.7" for n in range(250_000)],
             "bans4", 1 << 18, lambda wire, operand: wire.udp(9, operand)),
    "ipv6": ([f"2001:{(n >> 12) + 1:x}:{(n & 4095) + 1:x}::/64" for n in range(130_000)],
             "bans6", 1 << 17, lambda wire, operand: wire.udp(9, operand[:-3] + "7", HOST6)),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_bans_by_hand(lab, family):
    """To the first refusals."""
    operands, table, capacity, send = FAMILIES[family]
    lab.up()
    wire = lab.wire()
    lab.sumun("ban", NEIGHBOUR4, NEIGHBOUR6, "--why", "the first one")
    held, refused = fill(lab, operands, 3)
    assert len(refused) >= 3, "it never refused"
    stats = lab.stats()
    assert stats["bans"] == len(held) + 2
    assert stats["tables"][table] == {"used": len(held) + (family == "ipv4"),
                                      "capacity": capacity}
    print(f"{family}: of {len(held) + len(refused):,} bans {len(refused)} were refused, at {len(held) * 100 // capacity} %"
          " of the table")
    check(lab, held, refused, lambda operand: send(wire, operand))
    first = [entry["why"] for entry in lab.json("bans")
             if entry["address"] in (NEIGHBOUR4, NEIGHBOUR6)]
    assert first == ["the first one"] * 2
    # There is room again where bans end.
    lab.sumun("unban", *held[:20000])
    assert lab.sumun("ban", *operands[:15000]).returncode == 0
    assert lab.stats()["bans"] == len(held) + 2 - 20000 + 15000


def test_beyond_the_warning(lab):
    """A file of 250,000: what finds no room is counted, `stats` and `run` warn at 80 %, and the
    bans that guards make are refused, counted and told of."""
    path = lab.directory / "bans"
    with open(path, "w") as file:
        file.write("# sumun bans 1\n")
        for operand in FAMILIES["ipv4"][0]:
            file.write(f"{operand}\t-\t2026-01-01T00:00:00Z\toperator\t0\t-\t\n")
    begun = time.monotonic()
    result = lab.up(f"bans-file = {path}\nban-rate = 1M/s", sections="[guard dns]\nports = udp/53\n"
                    "packets-per-source = 1/min\nban = 1h\n")
    took = time.monotonic() - begun
    restored, without = re.search(r"(\d+) bans find no room.*restored (\d+) bans", result.stderr,
                                  re.S).group(2, 1)
    held = lab.stats()["bans"]
    assert held == int(restored) and int(restored) + int(without) == 250_000
    print(f"{held:,} of 250,000 restored in {took:.2f} s, {held * 100 >> 18} % of the table")
    assert held >= 0.8 * (1 << 18)
    row = next(line for line in lab.sumun("stats").stdout.splitlines()
               if "banned IPv4 addresses" in line)
    assert "WARNING" in row, row
    run = lab.run("--json", "-i", "3600")
    until(lambda: "the table of banned IPv4 addresses is" in run.errors(), what="a warning")
    wire = lab.wire()
    for number in range(2000):
        wire.udp(53, f"10.{60 + number // 250}.{number % 250}.1", count=2)
    stats = lab.stats()
    made = stats["guards"][0]["bans"]
    assert stats["actions"]["bans_refused"] == 2000 - made > 0
    assert stats["bans"] == held + made
    # Refused a ban, they are limited all the same.
    assert stats["reasons"]["limited"]["dropped"] == 2000
    told = until(lambda: run.records("filter-full"), what="telling of the full table")
    assert told[0]["table"] == "bans4" and len(told) <= 2
    assert run.stop() == 0
    print(f"of 2,000 bans by the guard {2000 - made} were refused")
