# SPDX-License-Identifier: GPL-2.0-or-later
"""Scans: what nmap does is seen, what honest clients and our own peers do is not (P17, P18).

Each test of detection prints how long it took; pytest -s shows it.
"""
import contextlib
import random
import socket
import threading
import time

import pytest

import frames
from answerer import Answerer
from lab import (FAR4, FAR6, HOST4, HOST6, PEER4, PEER6, SECONDS, command, inside,
                 until)

OFF = "[scan]\ndetect = on\nban = off\n"


def events(lab):
    """Reads only, and so leaves the clock alone."""
    process = lab.start("events", "--json", "--kind", "scan,ban")
    until(lambda: "watching" in process.errors() or process.ended(), what="events listening")
    return process


def detected(process, seconds=SECONDS):
    return until(lambda: process.records("filter-scan"), seconds, what="detection")[0]


@pytest.mark.parametrize("target, kind, ports", [
    (HOST4, "-sS", "1-100"), (HOST4, "-sT", "1-100"), (HOST4, "-sU", "100-200"),
    (HOST4, "-sF", "1-100"), (HOST4, "-sX", "1-100"), (HOST4, "-sN", "1-100"),
    (HOST6, "-sS", "1-100"), (HOST6, "-sU", "100-200")])
def test_nmap(lab, target, kind, ports):
    """Told of with the tenth port, and banned, for no longer than who may be forged."""
    lab.up("unproven-ban = 30s", sections="[scan]\ndetect = on\nban = 10m\n")
    listener = events(lab)
    six = ["-6"] if ":" in target else []
    begun = time.monotonic()
    nmap = lab.beside("nmap", *six, "-n", "-Pn", "-T4", "--max-retries", "0", "-e", "p0", kind,
                      "-S", FAR6 if six else FAR4, "-p", ports, target)
    scan = detected(listener)
    assert scan["count"] == 10 and scan["scan"] == "ports" and scan["action"] == "SCAN"
    assert scan["source"] == (FAR6 if six else FAR4)
    print(f"nmap {kind} of {target}: told of after {scan['came'] - begun:.2f} s "
          f"(with nmap's own start), {scan['seconds']} s after its first probe")
    ban, = until(lambda: listener.records("filter-ban"), what="the ban")
    assert ban["seconds"] == 30 and ban["proof"] == "unproven" and ban["origin"] == "scan"
    nmap.kill()
    assert len(lab.json("bans")) == 1 and lab.stats()["actions"]["scans"] == 1


def test_nmap_of_one_port_on_many_hosts(lab):
    """Horizontal. Ports are remembered by hash, so a few more than ten addresses."""
    for number in range(1, 17):
        lab.ip(lab.host, "addr", "add", f"10.77.2.{number}/16", "dev", "g0")
        lab.neighbour(lab.peer, "p0", f"10.77.2.{number}", "02:00:00:00:00:01")
    lab.up(sections=OFF)
    listener = events(lab)
    begun = time.monotonic()
    nmap = lab.beside("nmap", "-n", "-Pn", "-T4", "--max-retries", "0", "-sS", "-p", "23",
                      "10.77.2.1-16")
    scan = detected(listener)
    assert scan["scan"] == "hosts" and scan["count"] == 10
    print(f"nmap of 16 hosts: told of after {scan['came'] - begun:.2f} s")
    nmap.kill()
    assert lab.json("bans") == []


@contextlib.contextmanager
def faster(clock, times):
    """The filter's clock goes that many times as fast."""
    over = threading.Event()

    def push():
        last = time.monotonic()
        while not over.wait(0.05):
            now = time.monotonic()
            clock.forward((now - last) * (times - 1))
            last = now

    thread = threading.Thread(target=push, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_nmap_paranoid(lab):
    """-T1, a probe every 15 s, on a clock that goes thirty times as fast."""
    lab.up(sections=OFF)
    listener = events(lab)
    with faster(lab.clock(), 30):
        nmap = lab.beside("nmap", "-n", "-Pn", "-T1", "--scan-delay", "500ms", "--max-retries",
                          "0", "-sS", "-p", "1-20", HOST4)
        scan = detected(listener)
    nmap.kill()
    assert scan["count"] == 10 and 100 < scan["seconds"] < 250
    print(f"nmap -T1: told of after {scan['seconds']} s by the filter's clock")


@pytest.mark.parametrize("spacing, most", [(60, 20), (300, 120)], ids=["1min", "5min"])
def test_slow_scan(lab, spacing, most):
    """nmap -T0 is 5 minutes. What is forgiven is one port every 6 minutes: 10 an hour. A few
    more than need be, because ports are remembered by hash."""
    lab.up(sections=OFF)
    listener, clock, wire = events(lab), lab.clock(), lab.wire()
    for number in range(1, most + 1):
        wire.send(frames.tcp_packet(PEER4, HOST4, number))
        clock.forward(spacing)
    scan = detected(listener, 2)
    assert scan["count"] <= most
    print(f"a probe every {spacing} s: told of with the {scan['count']}th, after "
          f"{scan['seconds'] / 60:.0f} min")


def test_slower_than_is_forgiven(lab):
    """No scan by what the configuration says: a port every 7 minutes, for a day."""
    lab.up(sections=OFF)
    listener, clock, wire = events(lab), lab.clock(), lab.wire()
    for number in range(1, 206):
        wire.send(frames.tcp_packet(PEER4, HOST4, number))
        clock.forward(420)
    assert listener.stop() == 0 and listener.records() == []


def test_watched_port(lab):
    """Told of with its first SYN, whether or not somebody listens there."""
    lab.listen(2323)
    lab.up("watch-ports = tcp/2323, tcp/2324", sections=OFF)
    run = lab.run("--json", "-i", "3600")
    assert lab.reaches(2323, source=FAR4)
    with contextlib.suppress(ConnectionRefusedError):
        lab.reaches(2324, HOST6, PEER6)
    until(lambda: len(run.records("filter-watch")) >= 2, what="telling of both")
    seen = {(row["source"], row["destination_port"]) for row in run.records("filter-watch")}
    assert seen == {(FAR4, 2323), (PEER6, 2324)}
    assert lab.stats()["dropped"]["packets"] == 0 and run.records("filter-scan") == []


def test_answers_to_our_own(lab):
    """P17: servers that answer us, refuse us, or answer too late, are no scanners."""
    servers = [lab.make_socket(lab.peer, socket.AF_INET, socket.SOCK_STREAM) for _ in range(20)]
    for number, server in enumerate(servers):
        server.bind((PEER4, 9000 + number))
        server.listen(8)
    lab.up(sections="[scan]\ndetect = on\nports = 3\n[guard all]\nper-source = 1000/min\n"
           "ban = 1m\n")
    listener = events(lab)
    wire = lab.wire()
    for number in range(60):
        # Open ports for the first twenty, and refused ones.
        sock = lab.make_socket(lab.host, socket.AF_INET, socket.SOCK_STREAM)
        sock.settimeout(0.5)
        try:
            sock.connect((PEER4, 9000 + number))
            assert number < 20
        except ConnectionRefusedError:
            assert number >= 20
        ours = sock.getsockname()[1]
        sock.close()
        # What still comes when nobody is there any more: data, FIN, RST, a second SYN-ACK.
        for flags in (frames.ACK, frames.ACK | 1, frames.RST, frames.SYN | frames.ACK):
            wire.send(frames.tcp(PEER4, HOST4, 9000 + number, ours, flags) and frames.ip(
                PEER4, HOST4, frames.TCP, frames.tcp(PEER4, HOST4, 9000 + number, ours, flags)))
        # A name server that answers when the one who asked has gone.
        asking = lab.make_socket(lab.host, socket.AF_INET, socket.SOCK_DGRAM)
        asking.sendto(b"question", (PEER4, 53))
        port = asking.getsockname()[1]
        asking.close()
        wire.send(frames.ip(PEER4, HOST4, frames.UDP, frames.udp(PEER4, HOST4, 53, port)))
    assert listener.stop() == 0 and listener.records() == []
    stats = lab.stats()
    assert stats["actions"]["scans"] == 0 and stats["bans"] == 0
    assert stats["dropped"]["packets"] == 0
    # The same port numbers tried on purpose are a scan: the detector was awake.
    listener = events(lab)
    for number in range(1, 9):
        wire.send(frames.tcp_packet(PEER4, HOST4, number))
    detected(listener)


CLIENTS = 200


def test_hour_of_honest_clients(lab):
    """200 clients: web, DNS, SSH, each with a mistake or two; an hour's worth at once, so that
    nothing is forgiven in between. Nobody is told of, nobody is banned."""
    chance = random.Random(7)
    clients = [f"10.77.{20 + n // 100}.{n % 100 + 1}" for n in range(CLIENTS)]
    batch = "".join(f"addr add {client}/16 dev p0\n" for client in clients)
    command("ip", "-n", lab.peer, "-batch", "-", input=batch)
    batch = "".join(f"neigh replace {client} lladdr 02:00:00:00:00:02 dev g0 nud permanent\n"
                    for client in clients)
    command("ip", "-n", lab.host, "-batch", "-", input=batch)
    many = (25, 110, 143, 465, 587, 995, 1194, 1883, 3128, 5222, 8080, 8883)
    servers = [lab.listen(port) for port in (80, 22, *many)]
    names = lab.listen(53, kind=socket.SOCK_DGRAM)
    lab.up("watch-ports = tcp/1025-1099", sections="""
[scan]
detect = on
[guard ssh]
ports = tcp/22
per-source = 20/min
burst = 10
ban = 10m
[guard web]
ports = tcp/80, tcp/443
per-source = 100/s
total = 5k/s
ban = 10m
[guard rest]
per-source = 1000/min
ban = 10m
""")
    run = lab.run("--json", "-i", "3600")
    plan = []
    for client in clients:
        plan += [(client, socket.SOCK_STREAM, 80)] * chance.randint(8, 16)
        plan += [(client, socket.SOCK_STREAM, 22)] * chance.randint(0, 4)
        plan += [(client, socket.SOCK_DGRAM, 53)] * chance.randint(5, 20)
        # Some use all that is offered, however much that is.
        plan += [(client, socket.SOCK_STREAM, port) for port in many if chance.random() < 0.7]
        # A typing error, an old bookmark, a protocol that we do not speak.
        plan += [(client, *chance.choice([(socket.SOCK_STREAM, 443), (socket.SOCK_STREAM, 8443),
                                          (socket.SOCK_STREAM, 21), (socket.SOCK_DGRAM, 443),
                                          (socket.SOCK_STREAM, 993), (socket.SOCK_DGRAM, 123)]))
                 for _ in range(chance.randint(0, 2))]
    chance.shuffle(plan)
    refused = 0
    with Answerer(*servers), inside(lab.peer):
        for client, kind, port in plan:
            with socket.socket(socket.AF_INET, kind) as sock:
                sock.settimeout(0.5)
                sock.bind((client, 0))
                try:
                    sock.connect((HOST4, port))
                    sock.send(b"x" * 40)
                except ConnectionRefusedError:
                    refused += 1
    stats = lab.stats()
    assert run.stop() == 0
    assert refused > 100
    alarms = run.records("filter-scan") + run.records("filter-ban")
    print(f"{CLIENTS} clients, {len(plan):,} conversations, {refused} refused: "
          f"{len(alarms)} false alarms, {stats['dropped']['packets']} packets dropped")
    assert alarms == [] and stats["actions"]["scans"] == 0 and stats["bans"] == 0
    assert stats["dropped"]["packets"] == 0
