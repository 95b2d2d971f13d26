# SPDX-License-Identifier: GPL-2.0-or-later
"""Changes on probation: --confirm, --dry-run, --shadow; and that a change is one moment (P20)."""
import os
import socket
import struct
import threading
import time

from lab import FAR4, LAYOUT, PEER4, until

NUMBER = struct.Struct("!I")
BLOCK = "block-ports = udp/5000"


class Ear:
    def __init__(self, lab, port=5000):
        self.port, self.wire = port, lab.wire()
        self.server = lab.listen(port, kind=socket.SOCK_DGRAM)
        self.server.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE

    def hears(self, wire=None):
        """Whether a datagram that is sent now arrives: over veth that is at once."""
        (wire or self.wire).udp(self.port, data=b"x")
        time.sleep(0.002)
        try:
            return bool(self.server.recv(64))
        except BlockingIOError:
            return False


def snapshot(lab):
    """Everything that a command that changes nothing must leave as it is."""
    pins = {name: os.stat(f"{root}/{name}").st_ino
            for root, _, names in os.walk(lab.state) for name in names}
    return lab.json("status"), lab.json("bans"), pins, lab.attached()


def test_taken_back_by_the_clock_alone(lab):
    """P5: with every process dead, and not a moment of neither policy."""
    lab.up()
    ear = Ear(lab)
    assert ear.hears()
    begun = time.monotonic()
    result = lab.up(BLOCK, options=("--confirm", "1.5"))
    assert "'sumun confirm' within 1.5s" in result.stdout or "1s500ms" in result.stdout
    assert not ear.hears()
    assert lab.tool("ip", "netns", "pids", lab.host).stdout.split() == [], "nobody is there"
    until(ear.hears, 4, 0.02, "the former policy")
    assert 1.4 < time.monotonic() - begun < 2.5
    # What it says now is what it does, and the next command tidies up.
    assert lab.json("status")["block-ports"] == []
    result = lab.sumun("ban", "10.77.9.9")
    assert "nobody confirmed" in result.stderr and "taken back" in result.stderr
    assert lab.json("status")["pending"] is None and ear.hears()


def test_confirmed_stays(lab):
    lab.up()
    ear = Ear(lab)
    lab.up(BLOCK, options=("--confirm", "1"))
    assert lab.sumun("confirm").stdout == "confirmed\n"
    time.sleep(1.3)
    assert not ear.hears() and lab.json("status")["block-ports"] == ["udp/5000"]
    again = lab.sumun("confirm", check=False)
    assert again.returncode == 1 and "no change that waits" in again.stderr


def test_while_it_waits(lab):
    """`status` says so; another change is refused, a ban is not."""
    lab.up()
    assert lab.json("status")["pending"] is None
    lab.up(BLOCK, options=("--confirm", "60"))
    pending = lab.json("status")["pending"]
    assert 55 <= pending["seconds"] <= 61
    assert "not confirmed" in lab.sumun("status").stdout
    assert "not confirmed" in lab.sumun("stats").stdout
    refused = lab.up("block-ports = udp/6000", check=False)
    assert refused.returncode == 1 and "sumun confirm" in refused.stderr
    assert lab.json("status")["block-ports"] == ["udp/5000"]
    lab.sumun("ban", FAR4)
    lab.sumun("confirm")
    lab.up("block-ports = udp/6000")
    assert [ban["address"] for ban in lab.json("bans")] == [FAR4]
    assert lab.json("status")["block-ports"] == ["udp/6000"]


def test_interfaces_that_were_added(lab):
    """They pass again, and are left at the next command; those that were left come back."""
    lab.cable("g1", "p1")
    lab.up("block-ports = udp/5001")
    ear, other, wire = Ear(lab), Ear(lab, 5001), lab.wire("p1")
    lab.up(BLOCK, "g0", "g1", options=("--confirm", "1"))
    assert lab.attached("g1") and not ear.hears() and not ear.hears(wire)
    before = lab.stats()["packets"]
    until(lambda: ear.hears(wire), 3, 0.02, "the added interface passing")
    until(ear.hears, 1)
    assert other.hears(wire) and not other.hears(), "there as before the filter, here as before it"
    assert lab.attached("g1"), "nobody was there to detach it"
    lab.sumun("unban", "10.77.9.9", check=False)
    assert not lab.attached("g1") and lab.attached("g0")
    assert lab.stats()["packets"] > before
    # And the other way: what is left is left when it is confirmed.
    lab.up("", "g0", "g1")
    lab.up("", "g1", options=("--confirm", "0.5"))
    assert lab.attached("g0")
    time.sleep(0.7)
    lab.sumun("unban", "10.77.9.9", check=False)
    assert lab.attached("g0") and lab.attached("g1")
    lab.up("", "g1", options=("--confirm", "5"))
    lab.sumun("confirm")
    assert not lab.attached("g0") and lab.attached("g1")


def test_none_before(lab):
    """What was not there before is as good as not there after, and gone at the next command."""
    ear = Ear(lab)
    result = lab.up(BLOCK, options=("--confirm", "1"))
    assert "goes away again" in result.stdout and not ear.hears()
    until(ear.hears, 3, 0.02, "packets passing")
    result = lab.sumun("ban", "10.77.9.9", check=False)
    assert result.returncode == 1 and "not up" in result.stderr
    assert lab.pins() == [] and not lab.attached()


def test_status_after_none_before(lab):
    """Nobody tidied up yet: `status` must not say that what is written there is in force."""
    lab.up(BLOCK, options=("--confirm", "0.5"))
    time.sleep(0.8)
    result = lab.sumun("status", check=False)
    assert "udp/5000" not in result.stdout
    assert result.returncode == 1 or "taken back" in result.stdout + result.stderr


def test_run_takes_back_too(lab):
    lab.up()
    run = lab.run("-i", "3600")
    lab.cable("g1", "p1")
    lab.up(BLOCK, "g0", "g1", options=("--confirm", "0.5"))
    until(lambda: not lab.attached("g1"), 4, what="run tidying up")
    assert "nobody confirmed" in run.errors()
    assert lab.json("status")["pending"] is None
    assert run.stop() == 0


def test_dry_run_changes_nothing(lab):
    lab.up(f"block-ports = udp/5000\nban = {FAR4}")
    lab.sumun("ban", "10.77.9.9", "--for", "1h")
    before = snapshot(lab)
    result = lab.up("block-ports = udp/6000\nallow = 10.1.2.3", options=("--dry-run",))
    for word in ("udp/5000", "udp/6000", "10.1.2.3", FAR4):
        assert word in result.stdout, result.stdout
    assert snapshot(lab) == before
    # Also what would be refused is.
    lab.ip(lab.host, "route", "add", "default", "via", PEER4)
    refused = lab.up(f"ban = {PEER4}", options=("--dry-run",), check=False)
    assert refused.returncode == 1 and "gateway" in refused.stderr
    assert snapshot(lab) == before


def test_dry_run_of_a_first_policy(lab):
    result = lab.up(BLOCK, options=("--dry-run",), check=False)
    assert lab.pins() == [] and not lab.attached() and not os.path.exists(
        f"{lab.state}/{LAYOUT}")
    assert result.returncode == 0, result.stderr


def test_shadow_drops_nothing(lab):
    """What a policy would do, counted beside the one in force; bans and limits too."""
    lab.up("block-ports = udp/6000")
    ear = Ear(lab)
    config = lab.config(f"[filter]\nmode = enforce\nbans-file = none\nban = {FAR4}\n"
                        "block-ports = udp/5000\n[guard one]\nports = udp/5001\n"
                        "packets-per-source = 1/min\nburst = 2\nban = 10m\n", "shadow.conf")
    result = lab.sumun("up", "--shadow", "-c", config)
    assert "shadow" in result.stdout
    wire = lab.wire()
    assert all(ear.hears() for _ in range(5))
    wire.udp(6000, count=3)
    wire.udp(9, FAR4, count=4)
    wire.udp(5001, count=7)
    stats = lab.stats()
    assert stats["dropped"]["packets"] == 3 and stats["bans"] == 0
    differ = {(row["now"], row["shadow"]): row["packets"] for row in stats["shadow"]["differ"]}
    assert differ == {("pass", "blocked-port"): 5, ("blocked-port", "pass"): 3,
                      ("pass", "banned"): 4, ("pass", "limited"): 5}
    assert stats["shadow"]["agree"]["packets"] == 2
    assert lab.json("status")["shadow"] == {"mode": "enforce"}
    lab.up("block-ports = udp/6000")
    assert lab.json("status")["shadow"] is None and ear.hears()


class Stream(threading.Thread):
    """Numbered datagrams without a pause, and which of them arrived."""

    def __init__(self, lab):
        super().__init__(daemon=True)
        self.ear = Ear(lab)
        self.sent, self.heard, self.over = 0, [], False

    def run(self):
        while not self.over:
            for _ in range(20):
                self.ear.wire.udp(5000, data=NUMBER.pack(self.sent))
                self.sent += 1
            self.listen()
        time.sleep(0.01)
        self.listen()

    def listen(self):
        try:
            while True:
                self.heard.append(NUMBER.unpack(self.ear.server.recv(64))[0])
        except BlockingIOError:
            pass

    def runs(self):
        """The stretches that arrived, [first, last]."""
        runs = []
        for number in self.heard:
            if runs and runs[-1][1] == number - 1:
                runs[-1][1] = number
            else:
                runs.append([number, number])
        return runs

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.join()


def test_a_change_is_one_moment(lab):
    """P20, P21: under load the verdict flips once with each change, in both directions, also
    when the clock takes it back; every packet is judged once."""
    many = "ban = " + ", ".join(f"10.98.{n}.0/24" for n in range(200))
    lab.up(f"block-ports = tcp/1-65535\n{many}")
    with Stream(lab) as stream:
        pause = 0.15
        for settings in (BLOCK, "", f"{BLOCK}, tcp/1-65535\n{many}", many):
            time.sleep(pause)
            lab.up(settings)
        time.sleep(pause)
        lab.up(BLOCK, options=("--confirm", "0.4"))
        time.sleep(0.8)
    runs = stream.runs()
    assert stream.heard == sorted(set(stream.heard)), "none twice, none out of order"
    assert len(runs) == 4, runs
    assert runs[0][0] == 0 and runs[-1][1] == stream.sent - 1
    stats = lab.stats()
    assert stats["packets"] == stream.sent, "none judged twice, none not at all"
    assert stats["reasons"]["blocked-port"]["dropped"] == stream.sent - len(stream.heard)
    print(f"{stream.sent:,} packets, 6 changes, 0 lost or judged twice")
