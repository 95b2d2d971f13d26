# SPDX-License-Identifier: GPL-2.0-or-later
"""`up`, `down`, `status`: where it stands, what it changes, and that it changes it whole."""
import os
import socket
import struct
import threading
import time

import frames
from lab import FAR4, HOST4, LAYOUT, NEIGHBOUR4, PEER4, PEER6, command

MARKED = struct.Struct("!I")

FOREIGN = """
__attribute__((section("xdp"), used)) int foreign(void *ctx) { return 2; }
char LICENSE[] __attribute__((section("license"), used)) = "GPL";
"""


class Stream:
    """Numbered datagrams to several ports and from a banned source, and who heard them."""

    PORTS = (5000, 5001, 5002)  # blocked always, never, from some moment on

    def __init__(self, lab):
        self.servers = [lab.listen(port, kind=socket.SOCK_DGRAM) for port in self.PORTS]
        for server in self.servers:
            server.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
        self.wire, self.sent, self.over = lab.wire(), 0, False
        self.heard = {port: [] for port in self.PORTS}
        self.thread = threading.Thread(target=self.send, daemon=True)

    def send(self):
        while not self.over:
            for _ in range(20):
                data = MARKED.pack(self.sent)
                for port in self.PORTS:
                    self.wire.udp(port, data=data)
                self.wire.udp(5001, source=FAR4, data=data)
                self.sent += 1
            self.receive()
            time.sleep(0.0005)
        self.receive()

    def receive(self):
        for port, server in zip(self.PORTS, self.servers):
            try:
                while True:
                    data, source = server.recvfrom(64)
                    key = port if source[0].endswith(PEER4) else source[0]
                    self.heard.setdefault(key, []).append(MARKED.unpack(data)[0])
            except BlockingIOError:
                pass

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.thread.join()


def test_changed_without_a_gap(lab):
    always = f"ban = {FAR4}\nblock-ports = udp/5000"
    lab.up(always)
    program = lab.attached()
    with Stream(lab) as stream:
        for _ in range(10):
            lab.up(f"{always}\nallow = 10.99.0.0/16")
            lab.up(always)
        lab.up(f"{always}, udp/5002")
        for number in range(3):
            lab.up(f"{always}, udp/5002, tcp/1-65535\nban = 10.98.{number}.0/24")
    assert lab.attached() == program
    assert lab.json("status")["policy"] == 25
    assert set(stream.heard) == set(stream.PORTS), "the banned source never passed"
    assert stream.heard[5000] == [], "what both block never passed"
    assert stream.heard[5001] == list(range(stream.sent)), "what both let pass was never lost"
    assert stream.heard[5002] == list(range(len(stream.heard[5002]))), "the verdict flips once"
    assert 0 < len(stream.heard[5002]) < stream.sent


def test_what_changes_nothing_says_so(lab):
    lab.up("block-ports = udp/5000", sections="[guard web]\nports = tcp/80\ntotal = 9/s\n")
    before = lab.json("status")
    path = lab.directory / "sumun.conf"
    words = ["up", "-c", path, "g0"]
    assert lab.sumun(*words).stdout == "nothing changed: g0 (native), policy 1, enforce\n"
    assert lab.json("status") == before
    # An interface, a peer that this host needs, a ban that was ended, a shadow, a time to confirm.
    lab.cable("g1", "p1", "02:00:00:00:00:07")
    for change in (lambda: words.append("g1"), lambda: words.pop(),
                   lambda: lab.ip(lab.host, "route", "add", "default", "via", NEIGHBOUR4),
                   lambda: lab.sumun("up", "-c", path, "--shadow"),
                   lambda: path.write_text(path.read_text() + "[scan]\ndetect = on\n")):
        change()
        assert lab.sumun(*words).stdout.startswith("changed: ")
        assert lab.sumun(*words).stdout.startswith("nothing changed: ")
    assert lab.sumun(*words, "--confirm", "60").stdout.startswith("changed: ")


def test_a_run_becomes_an_up(lab):
    run = lab.run("-c", lab.config("[filter]\nmode = enforce\nbans-file = none\n"), "g0")
    assert lab.json("status")["run"] and "goes with the last" in lab.sumun("status").stdout
    assert lab.up().stdout.startswith("changed: ") and lab.json("status")["kept"]
    assert lab.up().stdout.startswith("nothing changed: ")
    assert run.stop() == 0 and lab.attached()
    assert "left in place on g0 (native), with the policy that this run was given" in run.errors()
    assert not lab.json("status")["run"]


def test_logs_are_for_run(lab):
    log = f"[log]\njson = {lab.directory}/log\n"
    words = "logs are written only while 'sumun run -c FILE' runs"
    assert words in lab.up(sections=log).stderr and words not in lab.up().stderr
    assert not (lab.directory / "log").exists()


def test_a_wrong_configuration_changes_nothing(lab):
    lab.up("block-ports = udp/5000")
    before, counters = lab.json("status"), lab.stats()
    for text in ("[filter]\nblock-ports = tcp/0\n", "[filter]\nmode = off\n", "junk"):
        assert lab.sumun("up", "-c", lab.config(text), "g0", check=False).returncode == 2
    assert lab.up("", "g0", "nosuch0", check=False).returncode == 1
    assert lab.json("status") == before and lab.stats() == counters


def test_stays_and_goes(lab):
    result = lab.up("block-ports = tcp/8080")
    assert result.stdout.startswith("up: g0 (native), policy 1, enforce")
    status = lab.sumun("status").stdout
    for word in ("enforce", "g0", "native", "tcp/8080", "yes, until 'sumun down'"):
        assert word in status
    assert lab.sumun("down").stdout == "down\n"
    assert not os.path.exists(lab.state), "not even an empty directory is left"
    assert lab.pins() == [] and not lab.attached()


def test_several_interfaces(lab):
    lab.cable("g1", "p1")
    lab.up("interfaces = g0\nblock-ports = udp/5000", "g0", "g1")
    assert lab.attached("g0") and lab.attached("g1")
    lab.wire("p0").udp(5000)
    lab.wire("p1").udp(5000, count=2)
    stats = lab.stats()
    assert stats["reasons"]["blocked-port"]["dropped"] == 3
    assert [interface["name"] for interface in stats["interfaces"]] == ["g0", "g1"]
    result = lab.up("block-ports = udp/5000", "g1")
    assert "g0: detached" in result.stderr
    assert not lab.attached("g0") and lab.attached("g1")
    lab.sumun("down")
    assert not lab.attached("g1")


def test_interface_of_the_configuration(lab):
    lab.cable("g1", "p1")
    lab.sumun("up", "-c", lab.config("[filter]\ninterfaces = g1\n"))
    assert lab.attached("g1") and not lab.attached("g0")


def test_interface_that_does_not_exist(lab):
    result = lab.sumun("up", "g0", "nosuch0", check=False)
    assert result.returncode == 1 and "nosuch0" in result.stderr
    assert lab.pins() == [] and not lab.attached()


def test_interface_that_vanishes(lab):
    lab.cable("g1", "p1")
    lab.up("block-ports = udp/5000", "g0", "g1")
    run = lab.start("run", "-i", "0.2")
    lab.ip(lab.host, "link", "del", "g1")
    names = {interface["name"] for interface in lab.json("status")["interfaces"]}
    assert names == {"g0", "(gone)"}
    assert "(gone)" in lab.sumun("status").stdout
    lab.wire().udp(5000)
    assert lab.stats()["reasons"]["blocked-port"]["dropped"] == 1
    # It comes back by the same name: another interface, to be named again.
    lab.cable("g1", "p1")
    lab.up("block-ports = udp/5000", "g0", "g1")
    assert lab.attached("g1")
    names = {interface["name"] for interface in lab.json("status")["interfaces"]}
    assert names == {"g0", "g1"}
    lab.ip(lab.host, "link", "del", "g0")
    assert run.stop() == 0
    lab.sumun("down")
    assert lab.pins() == [] and not lab.attached("g1")


def test_another_program_is_never_replaced(lab):
    source, compiled = lab.directory / "foreign.c", lab.directory / "foreign.o"
    source.write_text(FOREIGN)
    command("clang", "-O2", "-target", "bpf", "-c", str(source), "-o", str(compiled))
    lab.cable("g1", "p1")
    for kind in ("xdp", "xdpgeneric"):
        lab.ip(lab.host, "link", "set", "dev", "g1", kind, "obj", str(compiled), "sec", "xdp")
        foreign = lab.attached("g1")
        for words in (["up", "g0", "g1"], ["run", "g1"]):
            result = lab.sumun(*words, check=False)
            assert result.returncode == 1
            assert "g1" in result.stderr and f"id {foreign[0]} " in result.stderr
            assert lab.attached("g1") == foreign
            assert not lab.attached("g0"), "what was attached before the failure is taken back"
            assert lab.pins() == []
        lab.ip(lab.host, "link", "set", "dev", "g1", kind, "off")
    # And nobody replaces ours.
    lab.up("", "g0")
    ours = lab.attached()
    result = lab.ip(lab.host, "link", "set", "dev", "g0", "xdp", "obj", str(compiled), "sec",
                    "xdp", check=False)
    assert result.returncode != 0 and lab.attached() == ours


def test_up_extended_onto_a_taken_interface(lab):
    """While up: an error leaves everything as it was, the policy included."""
    source, compiled = lab.directory / "foreign.c", lab.directory / "foreign.o"
    source.write_text(FOREIGN)
    command("clang", "-O2", "-target", "bpf", "-c", str(source), "-o", str(compiled))
    lab.cable("g1", "p1")
    lab.cable("g2", "p2")
    lab.up("block-ports = udp/5000")
    before = lab.json("status")
    lab.ip(lab.host, "link", "set", "dev", "g2", "xdp", "obj", str(compiled), "sec", "xdp")
    result = lab.up(f"block-ports = udp/6000\nban = {PEER6}", "g0", "g1", "g2", check=False)
    assert result.returncode == 1
    assert lab.json("status") == before and not lab.attached("g1")
    assert lab.json("bans") == []


def test_generic_where_native_cannot_be(lab):
    """The loopback device has no native XDP. It says so, and it works."""
    lab.serve(8080, 8081)
    result = lab.up("block-ports = tcp/8080", "lo", "g0")
    assert "lo: attached in generic mode" in result.stderr
    assert "g0: attached, native mode" in result.stderr
    assert lab.attached("lo")[1] == 2 and lab.attached("g0")[1] == 1
    modes = {entry["name"]: entry["mode"] for entry in lab.json("status")["interfaces"]}
    assert modes == {"lo": "generic", "g0": "native"}
    for host in ("127.0.0.1", "[::1]"):
        for port, status in ((8080, 28), (8081, 0)):
            curl = command("ip", "netns", "exec", lab.host, "curl", "-gsS", "-o", "/dev/null",
                           "--noproxy", "*", "--max-time", "0.4", f"http://{host}:{port}/",
                           check=False)
            assert curl.returncode == status, (host, port)


def test_namespaces_are_apart(lab):
    lab.up("block-ports = udp/5000")
    there = command("ip", "netns", "exec", lab.peer, os.environ["SUMUN"], "status", check=False)
    assert there.returncode == 1 and "not up" in there.stderr
    lab.sumun("ban", PEER4)
    lab.wire().send(frames.udp_packet(PEER4, HOST4, 9))
    assert lab.stats()["reasons"]["banned"]["dropped"] == 1


def test_what_a_dead_command_left_is_in_nobodys_way(lab):
    lab.sumun("up", "nosuch0", check=False)
    os.makedirs(f"{lab.state}/new/links")
    lab.up("block-ports = udp/5000")
    assert lab.pins() == [LAYOUT]
