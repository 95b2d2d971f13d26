# SPDX-License-Identifier: GPL-2.0-or-later
"""What `stats` and `status` say of guards, lists, sources, tables and of policies on trial."""
import pathlib
import re
import time

import frames
from lab import FAR4, HOST4, NEIGHBOUR4, PEER4, PEER6, HOST6, until
from times import seconds_of

SETTINGS = "block-ports = udp/5000\nwatch-ports = udp/7000\n"
GUARDS = """[guard dns]
ports = udp/53
per-source = 5/min
[guard web]
ports = tcp/80, tcp/8000-8010
per-source = 50/s
total = 3/s
mode = observe
"""


def balance(stats):
    """All sums are the total."""
    for unit in ("packets", "bytes"):
        for rows in (stats["reasons"].values(), stats["protocols"].values(),
                     [stats["passed"], stats["dropped"], stats["answered"]]):
            assert sum(row[unit] for row in rows) == stats[unit]
    for verdict in ("dropped", "answered"):
        assert sum(row[verdict] for row in stats["reasons"].values()) == stats[verdict]["packets"]


def test_guards(lab):
    lab.up(SETTINGS, sections=GUARDS)
    wire = lab.wire()
    wire.udp(53, count=8)
    wire.send(frames.tcp_packet(NEIGHBOUR4, HOST4, 8001), count=10)
    wire.udp(5000, FAR4, count=2)
    stats = lab.stats()
    balance(stats)
    dns, web = stats["guards"]
    assert (dns["name"], dns["limits"], dns["connections"], dns["limited"], dns["shed"]) == \
        ("dns", "5/min", 8, 3, 0)
    assert (web["name"], web["limits"], web["limited"]) == ("web", "50/s, 3/s in all", 0)
    assert web["connections"] == 10 and 6 <= web["shed"] <= 7
    # The guard that observes lets pass what it is against.
    assert stats["reasons"]["limited"] == {"packets": 3, "bytes": 126, "dropped": 3, "answered": 0}
    assert stats["reasons"]["shed"]["packets"] == web["shed"]
    assert stats["reasons"]["shed"]["dropped"] == 0 and stats["dropped"]["packets"] == 5
    connecting = {row["source"]: row["connections"] for row in stats["sources"]["connecting"]}
    assert connecting == {NEIGHBOUR4: 10, PEER4: 8, FAR4: 2} or \
        connecting == {NEIGHBOUR4: 10, PEER4: 8}
    dropped = {row["source"]: (row["packets"], row["reason"])
               for row in stats["sources"]["dropped"]}
    assert dropped[PEER4] == (3, "limited") and dropped[FAR4] == (2, "blocked-port")
    assert stats["tables"]["meters"]["used"] >= 2
    assert all(row["capacity"] > 1000 for row in stats["tables"].values())

    text = lab.sumun("stats").stdout
    assert re.search(r"^  dns +8 +3 +0 +0  5/min$", text, re.M)
    assert re.search(r"^  would drop: shed +\d+ ", text, re.M) and "(observes)" in text
    assert max(len(line) for line in text.splitlines()) <= 100
    status = lab.json("status")
    assert [guard["ports"] for guard in status["guards"]] == [["udp/53"],
                                                              ["tcp/80", "tcp/8000-8010"]]
    assert status["guards"][1]["mode"] == "observe" and status["guards"][1]["total"] == "3/s"
    assert status["watch-ports"] == ["udp/7000"] and status["bans-file"] is None
    text = lab.sumun("status").stdout
    assert "  guard web      tcp/80, tcp/8000-8010; 50/s, 3/s in all; observes\n" in text
    assert "scan" not in text and "SYN" not in text, "nothing is said of what is off"


def test_limits_as_they_were_given(lab):
    """60/min is not 1/s, and what was given as burst is shown."""
    lab.up(sections="[guard web]\nports = tcp/80\nper-source = 60/min\nburst = 5\n"
                    "total = 3600/h\n[guard dns]\nports = udp/53\nper-source = 60/min\n")
    text = lab.sumun("status").stdout
    assert "  guard web      tcp/80; 60/min, burst 5, 3600/h in all\n" in text
    assert "  guard dns      udp/53; 60/min\n" in text
    assert "60/min, burst 5, 3600/h in all\n" in lab.sumun("stats").stdout
    web, dns = lab.json("status")["guards"]
    assert (web["connections"], web["total"], web["burst"]) == ("60/min", "3600/h", "5")
    assert (dns["connections"], dns["burst"]) == ("60/min", None)


def test_a_blocked_port_has_no_guard(lab):
    """Its packets are dropped before a guard counts them, so none is named."""
    lab.up("block-ports = udp/5000\nwatch-ports = udp/5001",
           sections="[guard all]\nports = udp/5000-5002\nper-source = 100/s\n")
    wire = lab.wire()
    for port, count in ((5000, 3), (5001, 2), (5002, 1)):
        wire.udp(port, count=count)
    text = lab.sumun("stats").stdout
    for row in ("udp/5000 +3  blocked", "udp/5001 +2  watched, guard all", "udp/5002 +1  guard all"):
        assert re.search(f"^  {row}$", text, re.M), text


def test_why_a_peer_is_guarded(lab):
    names = pathlib.Path(f"/etc/netns/{lab.host}")
    names.mkdir(parents=True)
    (names / "resolv.conf").write_text(f"nameserver {FAR4}\n")
    lab.ip(lab.host, "route", "add", "default", "via", NEIGHBOUR4)
    session = {"SSH_CONNECTION": f"{PEER4} 50000 {HOST4} 22"}
    lab.up(env=session)
    line = re.search(r"^  guarded +(.*)$", lab.sumun("status", env=session).stdout, re.M)[1]
    assert sorted(line.split(", ")) == sorted([f"{FAR4} (name server)", f"{NEIGHBOUR4} (gateway)",
                                               f"{PEER4} (SSH client)"])
    # The session is over: nobody knows any more.
    line = re.search(r"^  guarded +(.*)$", lab.sumun("status").stdout, re.M)[1]
    assert PEER4 in line.split(", ")


def test_lists(lab):
    (lab.directory / "bad.txt").write_text("10.77.1.0/24\n203.0.113.7\n")
    lab.up(SETTINGS + f"deny-list = {lab.directory}/bad.txt\n")
    lab.wire().udp(9, FAR4, count=3)
    stats = lab.stats()
    balance(stats)
    row, = stats["lists"]
    assert (row["name"], row["packets"], row["entries"]) == ("bad", 3, 2)
    assert stats["reasons"]["listed"]["dropped"] == 3
    assert re.search(r"^  bad +3 ", lab.sumun("stats").stdout, re.M)
    assert re.search(r"^  deny list +bad, 2 entries, loaded ", lab.sumun("status").stdout, re.M)


def test_lists_of_a_change_that_was_taken_back(lab):
    """What is in force is shown, though nobody has tidied up after the change yet."""
    path = lab.directory / "bad.txt"
    path.write_text("203.0.113.0/24\n")
    lab.up(f"deny-list = {path}\n")
    before = [lab.json("status")["lists"], lab.stats()["lists"], lab.json("list", "show")]
    time.sleep(0.01)
    path.write_text("203.0.113.1\n203.0.113.3\n2001:db8::/32\n")
    lab.up(f"deny-list = {path}\n", options=("--confirm", "0.5"))
    row, = lab.json("status")["lists"]
    assert (row["entries-ipv4"], row["entries-ipv6"]) == (2, 1)
    assert row["loaded"] > before[0][0]["loaded"]
    until(lambda: not lab.json("status")["pending"], what="taking it back")
    assert [lab.json("status")["lists"], lab.stats()["lists"],
            lab.json("list", "show")] == before
    assert "bad, 1 entry, loaded" in lab.sumun("status").stdout
    assert re.search(r"^  bad +0 +0 B +1 ", lab.sumun("stats").stdout, re.M)
    # And what was changed by hand.
    lab.sumun("list", "add", "bad", "198.51.100.9")
    row, = lab.json("status")["lists"]
    assert row["entries-ipv4"] == 2 and row["loaded"] > before[0][0]["loaded"]


def test_shadow(lab):
    lab.up(SETTINGS)
    assert lab.stats()["shadow"] is None and "shadow" not in lab.sumun("stats").stdout
    shadow = lab.config("[filter]\nmode = enforce\nblock-ports = udp/5001\n", "shadow.conf")
    lab.sumun("up", "-c", shadow, "--shadow")
    wire = lab.wire()
    wire.udp(5000, count=4)
    wire.udp(5001, PEER6, HOST6, count=2)
    wire.udp(9)
    stats = lab.stats()
    balance(stats)
    assert stats["shadow"]["agree"]["packets"] == 1
    assert {(row["now"], row["shadow"], row["packets"]) for row in stats["shadow"]["differ"]} == \
        {("blocked-port", "pass", 4), ("pass", "blocked-port", 2)}
    text = lab.sumun("stats").stdout
    assert re.search(r"passes now, shadow would drop: blocked-port +2 ", text)
    assert re.search(r"drops now: blocked-port, shadow would pass +4 ", text)
    assert "shadow" in lab.sumun("status").stdout


def test_pending(lab):
    lab.up(SETTINGS)
    assert lab.stats()["pending"] is None
    lab.up(SETTINGS + "ban = 192.0.2.1\n", options=("--confirm", "100"))
    for command in ("stats", "status"):
        pending = lab.json(command)["pending"]
        assert 80 < pending["seconds"] <= 101  # rounded up, as the tick is
        assert "not confirmed: the former policy comes back in 1m" in lab.sumun(command).stdout
    lab.sumun("confirm")
    assert lab.json("status")["pending"] is None


def test_bans_of_the_configuration_count(lab):
    lab.up(SETTINGS + "ban = 192.0.2.1\n")
    assert "; 1 ban\n" in lab.sumun("stats").stdout
    lab.up(SETTINGS + "ban = 192.0.2.1, 192.0.2.2\n")
    lab.sumun("ban", FAR4)
    stats = lab.stats()
    assert stats["bans"] == 3 and lab.json("status")["bans"] == 3
    assert stats["tables"]["bans4"]["used"] == 1 and stats["next_end"] is None
    lab.sumun("ban", PEER6, "--for", "1h")
    row = next(line for line in lab.sumun("bans").stdout.splitlines() if PEER6 in line)
    assert row.endswith("  by hand")
    lab.sumun("ban", PEER4, "--for", "10m")
    assert 590 < seconds_of(lab.stats()["next_end"]) - time.time() <= 601
    assert "; 5 bans, the next ends in " in lab.sumun("stats").stdout
