# SPDX-License-Identifier: GPL-2.0-or-later
"""What cgroups do, as `sumun cgroups` counts it, against what was done and what interfaces say."""
import json
import os

import pytest

from groups import Groups, mount, version_1
from lab import HOST4, HOST6, NEIGHBOUR4, NEIGHBOUR6, PEER4, PEER6, SUMUN, command, until
from process import Process

pytestmark = pytest.mark.skipif(not mount(), reason="cgroup2 is not mounted")


@pytest.fixture
def groups(request):
    groups = Groups(f"t{os.getpid()}")
    try:
        yield groups
    finally:
        groups.remove()


def start(lab, *words):
    """Not by `ip netns exec`, whose /sys has no cgroups."""
    line = ["nsenter", f"--net=/run/netns/{lab.host}", SUMUN, *words]
    process = Process(line, lab.environment(None))
    lab.processes.append(process)
    return process


def run(lab, *words):
    return command("nsenter", f"--net=/run/netns/{lab.host}", SUMUN, *words, check=False)


class Watch:
    """`sumun cgroups --json` beside the test; its last report is of all the time."""

    def __init__(self, lab, *words):
        self.process = start(lab, "cgroups", "--json", *words)
        until(lambda: self.reports() or self.process.ended(), what="the first report")
        assert not self.process.ended(), self.process.errors()

    def reports(self):
        return self.process.records("cgroups")

    def end(self):
        assert self.process.stop() == 0, self.process.errors()
        self.rows = [row for row in self.process.records("cgroup") if row["span"] == "all"]
        return self

    def of(self, path):
        rows = [row for row in self.rows if row["cgroup_path"] == path and row["kind"] == "cgroup"]
        assert len(rows) == 1, self.rows
        return rows[0]


@pytest.fixture
def watch(lab):
    return Watch(lab, "-i", "0.3")


def interface(lab, device="g0", host=None):
    stats = json.loads(lab.ip(host or lab.host, "-j", "-s", "link", "show", device).stdout)[0]["stats64"]
    return {way: (stats[way]["packets"], stats[way]["bytes"]) for way in ("rx", "tx")}


def test_calls_and_switches_are_exact(lab, groups, watch):
    groups.make("/a")
    groups.make("/a/b")
    outer, inner = groups.worker("/a", lab.host), groups.worker("/a/b", lab.host)
    outer("[libc.getppid() for _ in range(1000)] and None")
    line = "[resource.getrusage(0), [time.sleep(0.001) for _ in range(50)], " \
           "resource.getrusage(0)]"
    before, _, after = inner(f"(lambda l: [tuple(l[0])[14:], 0, tuple(l[2])[14:]])({line})")
    rows = watch.end()
    # The answer, and to wait for the next line.
    assert rows.of(groups.top + "/a")["calls"] == 1000 + 2
    counted = rows.of(groups.top + "/a/b")
    assert counted["calls"] == 50 + 2 + 2
    # It waits for the next line.
    assert counted["voluntary_switches"] - (after[0] - before[0]) in (0, 1)
    assert after[0] - before[0] >= 50


@pytest.mark.parametrize("family, here, there, overhead", [
    ("AF_INET", HOST4, PEER4, 28), ("AF_INET6", HOST6, PEER6, 48)])
def test_bytes_of_a_cgroup_are_those_of_the_interface(lab, groups, family, here, there, overhead):
    groups.make("/web")
    worker = groups.worker("/web", lab.host)
    lab.settle()
    watch = Watch(lab, "-i", "0.3")
    sink = lab.make_socket(lab.peer, getattr(__import__("socket"), family), 2)
    sink.bind((there, 5000))
    before = interface(lab)
    worker(f"s = socket.socket(socket.{family}, socket.SOCK_DGRAM)")
    worker(f"[s.sendto(b'x' * 100, ('{there}', 5000)) for _ in range(321)] and None")
    for _ in range(17):
        _, sender = sink.recvfrom(2048)
    for _ in range(17):
        sink.sendto(b"y" * 50, sender)
    assert worker("[len(s.recv(100)) for _ in range(17)]") == [50] * 17
    after = interface(lab)
    row = watch.end().of(groups.top + "/web")
    sent = tuple(a - b for a, b in zip(after["tx"], before["tx"]))
    got = tuple(a - b for a, b in zip(after["rx"], before["rx"]))
    assert row["packets_out"] == {"udp": 321} and row["bytes_out"] == {"udp": 321 * (100 + overhead)}
    assert row["packets_in"] == {"udp": 17} and row["bytes_in"] == {"udp": 17 * (50 + overhead)}
    # The interface counts its own header as well.
    assert sent == (321, row["bytes_out"]["udp"] + 321 * 14)
    assert got == (17, row["bytes_in"]["udp"] + 17 * 14)


def test_protocols(lab, groups, watch):
    groups.make("/p")
    worker = groups.worker("/p", lab.host)
    assert worker(f"os.system('ping -q -c 3 -i 0.01 {PEER4} >/dev/null')") == 0
    assert worker(f"os.system('ping -q -c 4 -i 0.01 {PEER6} >/dev/null')") == 0
    worker("s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 200)")
    worker(f"[s.sendto(b'z' * 80, ('{PEER4}', 0)) for _ in range(5)] and None")
    row = watch.end().of(groups.top + "/p")
    assert row["packets_out"] == {"icmp": 3, "icmpv6": 4, "other": 5}
    assert row["bytes_out"] == {"icmp": 3 * 84, "icmpv6": 4 * 104, "other": 500}
    assert row["packets_in"] == {"icmp": 3, "icmpv6": 4}


def test_connections(lab, groups, watch):
    groups.make("/client")
    groups.make("/server")
    client, server = groups.worker("/client", lab.peer), groups.worker("/server", lab.host)
    server("l = socket.create_server(('::', 7000), family=socket.AF_INET6, dualstack_ipv6=True)")
    for address in (HOST4, HOST4, HOST6):
        assert client(f"attempt(socket.create_connection, ('{address}', 7000), 5)") == 0
    for address in (HOST4, HOST6):
        assert client(f"attempt(socket.create_connection, ('{address}', 7001), 5)") == 111
    client("s = socket.socket()")
    client("s.setblocking(False)")
    assert client("attempt(s.connect, ('10.77.0.99', 7000))") == 115
    client("s.close()")
    rows = watch.end()
    row = rows.of(groups.top + "/client")
    assert (row["made"], row["accepted"], row["refused"], row["failed"]) == (3, 0, 2, 1)
    row = rows.of(groups.top + "/server")
    assert (row["made"], row["accepted"], row["refused"], row["failed"]) == (0, 3, 0, 0)


def test_a_large_transfer_is_counted_as_it_is_on_the_wire(lab, groups, watch):
    """With offloads one packet at the socket is many on the wire."""
    groups.make("/bulk")
    worker = groups.worker("/bulk", lab.host)
    sink = lab.make_socket(lab.peer, 2, 1)
    sink.bind((PEER4, 6000))
    sink.listen()
    worker(f"s = socket.create_connection(('{PEER4}', 6000))")
    taken, _ = sink.accept()
    worker.tell("s.sendall(bytes(3000000))")
    left = 3000000
    while left:
        left -= len(taken.recv(min(left, 65536)))
    worker.popen.stdout.readline()
    taken.close()
    worker("s.close()")
    row = watch.end().of(groups.top + "/bulk")
    packets, size = row["packets_out"]["tcp"], row["bytes_out"]["tcp"]
    # Each has 20 bytes of IP and 32 of TCP, the SYN 40; what is sent again is counted again.
    assert packets >= 3000000 // 1448
    assert size >= 3000000 + 52 * (packets - 1) + 60


def test_removed_while_looking(lab, groups):
    groups.make("/parent")
    watch = Watch(lab, "-i", "0.2")
    groups.make("/parent/short")
    worker = groups.worker("/parent/short", lab.host)
    worker("[libc.getppid() for _ in range(500)] and None")
    worker.end()
    until(lambda: not open(f"{groups.mount}{groups.top}/parent/short/cgroup.procs").read(),
          what="the process leaving")
    groups.take_away("/parent/short")
    reports = len(watch.reports())
    until(lambda: len(watch.reports()) > reports + 3, what="more reports")
    watch.end()
    named = [row for row in watch.process.records("cgroup")
             if row["cgroup_path"] == groups.top + "/parent/short"]
    assert sum(row["calls"] for row in named) >= 500
    gone = [row for row in watch.rows if row["kind"] == "gone-beneath"
            and row["cgroup_path"] == groups.top + "/parent"]
    assert len(gone) == 1 and gone[0]["calls"] == sum(row["calls"] for row in named)


def test_made_and_removed_between_two_reports(lab, groups):
    groups.make("/quick")
    watch = Watch(lab, "-i", "0.1")
    watch.end()
    watch = Watch(lab, "-i", "1")
    groups.make("/quick/once")
    worker = groups.worker("/quick/once", lab.host)
    worker("[libc.getppid() for _ in range(700)] and None")
    worker.end()
    groups.take_away("/quick/once")
    watch.end()
    rows = [row for row in watch.rows if (row["cgroup_path"] or "").startswith(groups.top + "/quick")]
    assert sum(row["calls"] for row in rows) >= 700
    everywhere = [row["cgroup_path"] for row in watch.process.records("cgroup")]
    assert groups.top + "/quick/once" in everywhere


COME_AND_GO = """
import ctypes, os, sys
libc, top = ctypes.CDLL(None), sys.argv[1]
back = os.open(f"{top}/cgroup.procs", os.O_WRONLY)
for i in range(int(sys.argv[2])):
    os.mkdir(f"{top}/g{i}")
    there = os.open(f"{top}/g{i}/cgroup.procs", os.O_WRONLY)
    os.write(there, b"0")
    for _ in range(100):
        libc.getppid()
    os.write(back, b"0")
    os.close(there)
    os.rmdir(f"{top}/g{i}")
"""


def test_many_that_come_and_go(lab, groups):
    """None is lost, however short: what they did is all in the row of the gone."""
    groups.make("/many")
    watch = Watch(lab, "-i", "0.5")
    command("/usr/bin/python3", "-c", COME_AND_GO, f"{groups.mount}{groups.top}/many", "1000")
    reports = len(watch.reports())
    until(lambda: len(watch.reports()) > reports + 1, what="more reports")
    watch.end()
    gone = [row for row in watch.rows if row["kind"] == "gone-beneath"
            and row["cgroup_path"] == groups.top + "/many"]
    # And the one by which each left.
    assert gone[0]["calls"] == 1000 * 101
    assert watch.process.records("cgroups")[-1]["missed"] == 0


def test_cpu_time_is_the_kernels(lab, groups, watch):
    groups.make("/busy")
    groups.make("/busy/child")
    parent, child = groups.worker("/busy", lab.host), groups.worker("/busy/child", lab.host)
    parent("sum(i for i in range(2000000))")
    child("sum(i for i in range(4000000))")
    rows = watch.end()

    def used(path):
        with open(f"{groups.mount}{groups.top}{path}/cpu.stat") as file:
            words = dict(line.split() for line in file)
        return int(words["user_usec"]) + int(words["system_usec"])

    def counted(path):
        row = rows.of(groups.top + path)
        return row["user_us"] + row["system_us"]

    # Both wait meanwhile, so nothing is added after the report.
    assert counted("/busy/child") == pytest.approx(used("/busy/child"), abs=2000)
    assert counted("/busy") == pytest.approx(used("/busy") - used("/busy/child"), abs=2000)


def switches():
    with open("/proc/stat") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("ctxt "))


def test_faults_are_exact(lab, groups, watch):
    """Of memory that nobody touched before, in user mode."""
    groups.make("/f")
    worker = groups.worker("/f", lab.host)
    worker("libc.mmap.restype = ctypes.c_void_p")
    worker("memory = libc.mmap(None, ctypes.c_size_t(3000 * 4096), 3, 0x22, -1, "
           "ctypes.c_size_t(0))")
    worker("libc.madvise(ctypes.c_void_p(memory), ctypes.c_size_t(3000 * 4096), 15)")
    worker("resource.getrusage(0) and None")
    before, _, after = worker("[resource.getrusage(0).ru_minflt, "
                              "ctypes.memset(memory, 1, 3000 * 4096), "
                              "resource.getrusage(0).ru_minflt]")
    rows = watch.end()
    counted = rows.of(groups.top + "/f")["faults"]
    # What Python itself touched meanwhile, and what the kernel did for it.
    assert 3000 <= after - before <= 3000 + 20
    assert 3000 <= counted <= 3000 + 200


def test_bytes_of_one_program(lab, groups, watch):
    """A program that sends exactly so many bytes by TCP, in a cgroup that ends with it."""
    groups.make("/once")
    sink = lab.make_socket(lab.peer, 2, 1)
    sink.bind((PEER4, 6001))
    sink.listen()
    worker = groups.worker("/once", lab.host)
    worker(f"s = socket.create_connection(('{PEER4}', 6001))")
    taken, _ = sink.accept()
    for _ in range(25):
        worker("s.sendall(bytes(1000))")
        left = 1000
        while left:
            left -= len(taken.recv(left))
    row = watch.end().of(groups.top + "/once")
    # A SYN of 60 bytes, an ACK, and 25 packets; what is acknowledged by itself goes along.
    assert row["packets_out"]["tcp"] == 27
    assert row["bytes_out"]["tcp"] == 60 + 52 + 25 * 1052
    assert row["packets_in"]["tcp"] == 26 and row["bytes_in"]["tcp"] == 60 + 25 * 52
    assert (row["made"], row["failed"]) == (1, 0)


def vmstat(name):
    with open("/proc/vmstat") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name + " "))


def test_faults_of_all_are_the_hosts(lab, groups):
    """The kernel's number has those that it takes itself, for a process, as well."""
    groups.make("/w")
    worker = groups.worker("/w", lab.host)
    before = vmstat("pgfault")
    watch = Watch(lab, "-i", "0.2")
    worker("[bytearray(4 << 20).clear() for _ in range(20)] and None")
    watch.end()
    counted = sum(row["faults"] for row in watch.rows)
    assert watch.of(groups.top + "/w")["faults"] <= counted
    assert 1000 <= counted <= 1.05 * (vmstat("pgfault") - before)


def test_the_sum_is_the_hosts_total(lab, groups):
    groups.make("/w")
    worker = groups.worker("/w", lab.host)
    outside = switches()
    watch = Watch(lab, "-i", "0.2")
    inside = switches()
    worker("[time.sleep(0.0001) for _ in range(3000)] and None")
    inside = switches() - inside
    watch.end()
    outside = switches() - outside
    counted = sum(row["voluntary_switches"] + row["involuntary_switches"] for row in watch.rows)
    assert inside <= counted <= outside


def test_what_no_socket_takes_or_sends(lab, groups, watch):
    """Forwarded, and of a protocol that nobody speaks here: as interfaces count it."""
    groups.make("/sender")
    sender = groups.worker("/sender", lab.peer)
    for key in ("ipv4.ip_forward=1", "ipv4.conf.all.send_redirects=0",
                "ipv4.conf.g0.send_redirects=0", "ipv6.conf.all.forwarding=1"):
        lab.sysctl(lab.host, key)
    lab.ip(lab.host, "route", "add", "10.99.0.0/16", "via", NEIGHBOUR4)
    lab.ip(lab.peer, "route", "add", "10.99.0.0/16", "via", HOST4)
    lab.ip(lab.host, "route", "add", "fd99::/64", "via", NEIGHBOUR6)
    lab.ip(lab.peer, "route", "add", "fd99::/64", "via", HOST6)
    # A router joins groups, and says so.
    lab.settle(0.3)
    before = [interface(lab), interface(lab, "p0", lab.peer)]
    for family, to in (("AF_INET", "10.99.0.1"), ("AF_INET6", "fd99::1")):
        sender(f"s = socket.socket(socket.{family}, socket.SOCK_RAW, 253)")
        sender(f"[s.sendto(b'x' * 100, ('{to}', 0)) for _ in range(321)] and None")
    after = [interface(lab), interface(lab, "p0", lab.peer)]
    rows = watch.end()
    total = rows.process.records("cgroups")[-1]
    rest = [row for row in rows.rows if row["kind"] == "no-socket"][0]
    size = 321 * (120 + 140)
    assert rows.of(groups.top + "/sender")["bytes_out"] == {"other": size}
    # Into the host and out of it again; and nobody takes it at the peer.
    assert rest["packets_in"]["other"] == 4 * 321 and rest["bytes_in"]["other"] == 2 * size
    assert rest["packets_out"]["other"] == 2 * 321 and rest["bytes_out"]["other"] == size
    assert total["interface_packets_in"]["other"] == 4 * 321
    assert total["interface_bytes_out"]["other"] == 2 * size
    # Those count their own header as well, and nothing else was sent.
    for first, last in zip(before, after):
        for way in ("rx", "tx"):
            counted = tuple(a - b for a, b in zip(last[way], first[way]))
            assert counted == (2 * 321, size + 2 * 321 * 14), way


def test_large_packets_are_the_same_at_interfaces(lab, groups, watch):
    """What is cut later, and has an offload's length: sockets and interfaces agree."""
    groups.make("/bulk")
    worker = groups.worker("/bulk", lab.host)
    sink = lab.make_socket(lab.peer, 2, 1)
    sink.bind((PEER4, 6000))
    sink.listen()
    worker(f"s = socket.create_connection(('{PEER4}', 6000))")
    taken, _ = sink.accept()
    worker.tell("s.sendall(bytes(3000000))")
    left = 3000000
    while left:
        left -= len(taken.recv(min(left, 65536)))
    worker.popen.stdout.readline()
    rows = watch.end()
    rest = [row for row in rows.rows if row["kind"] == "no-socket"]
    # Others on this machine may forward; not a tenth of this.
    assert sum(row["bytes_out"].get("tcp", 0) for row in rest) < 300000
    assert sum(row["bytes_in"].get("tcp", 0) for row in rest) < 300000
    total = rows.process.records("cgroups")[-1]
    assert total["interface_bytes_out"]["tcp"] > 3000000


def test_the_tree_has_sums(lab, groups):
    for path in ("/s", "/s/one", "/s/two", "/s/two/deep"):
        groups.make(path)
    workers = [groups.worker(path, lab.host) for path in ("/s/one", "/s/two/deep")]
    process = start(lab, "cgroups", "-T", "0", "-i", "100", groups.top + "/s")
    ready = Watch(lab, "-i", "0.2")
    for worker in workers:
        worker("[libc.getppid() for _ in range(3000)] and None")
    ready.end()
    assert process.stop() == 0
    names = [line.split()[0] for line in process.lines()[2:] if line]
    assert names[0].endswith("/s") and sorted(names[1:4]) == ["deep", "one", "two"]
    assert names[4] == "all"
    shown = {line.split()[0]: line for line in process.lines()[2:] if line}
    assert shown["two"].startswith("  two") and shown["deep"].startswith("    deep")
    flat = run(lab, "cgroups", "--flat", "-i", "0.2", "-n", "1", groups.top)
    assert "with all beneath" not in flat.stdout
    shallow = run(lab, "cgroups", "--depth", "1", "-i", "0.2", "-n", "1", "/")
    assert "sumun-" not in shallow.stdout


def test_where_cgroup2_is_not_mounted(lab, groups):
    """As under `ip netns exec`, which mounts a /sys of its own."""
    output = lab.sumun("cgroups", "-i", "0.2", "-n", "1", "--json").stdout
    result = [json.loads(line) for line in output.splitlines()]
    assert [row for row in result if row.get("cgroup_path") == "/" and row["calls"]]


def test_beside_version_1(lab, groups, watch):
    """A socket that is of a class of version 1 as well counts for its cgroup2."""
    with version_1(lab.directory / "v1", "net_cls,net_prio") as path:
        if not path:
            pytest.skip("no net_cls of version 1 here")
        groups.make("/both")
        worker = groups.worker("/both", lab.host)
        (path / "net_cls.classid").write_text("0x10001")
        (path / "cgroup.procs").write_text(str(worker.popen.pid))
        worker("s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)")
        worker(f"[s.sendto(b'x' * 100, ('{PEER4}', 5000)) for _ in range(50)] and None")
        worker("[libc.getppid() for _ in range(500)] and None")
        row = watch.end().of(groups.top + "/both")
        assert row["packets_out"]["udp"] == 50 and row["calls"] >= 550
        worker.end()


def test_no_such_cgroup(lab):
    result = run(lab, "cgroups", "/no/such")
    assert result.returncode != 0 and "there is no cgroup" in result.stderr


def test_as_a_part_of_run(lab, groups):
    path = lab.config("[filter]\nbans-file = none\n[cgroups]\nwatch = on\ninterval = 300ms\n")
    process = start(lab, "run", "--json", "-c", path, "g0")
    until(lambda: process.records("cgroup") or process.ended(), what="a report")
    assert process.stop() == 0, process.errors()
    assert [row for row in process.records("cgroup") if row["kind"] == "idle"]
