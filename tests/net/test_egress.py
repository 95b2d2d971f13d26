# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a cgroup may send: what a policy stops, what it lets through, and what it outlives."""
import errno
import json
import os
import signal
import socket

import pytest

from groups import Groups, mount, version_1
from lab import FAR4, HOST4, HOST6, PEER4, PEER6, SUMUN, command, until
from process import Process

pytestmark = pytest.mark.skipif(not mount(), reason="cgroup2 is not mounted")

PINS = "egress-v1"


@pytest.fixture
def groups(request):
    groups = Groups(f"e{os.getpid()}")
    groups.make("/web")
    try:
        yield groups
    finally:
        groups.remove()


def line(lab, *words):
    """Not by `ip netns exec`, whose /sys has no cgroups."""
    return ["nsenter", f"--net=/run/netns/{lab.host}", SUMUN, *words]


def sumun(lab, *words, check=True):
    return command(*line(lab, *words), check=check)


def up(lab, groups, settings, path="/web", name="web", check=True):
    text = f"[filter]\nbans-file = none\n[cgroup {name}]\npath = {groups.top}{path}\n{settings}\n"
    return sumun(lab, "up", "-c", lab.config(text), "g0", check=check)


def policies(lab):
    output = sumun(lab, "egress", "--json").stdout
    return {entry["policy"]: entry for entry in map(json.loads, output.splitlines())}


def start_run(lab, *words):
    process = Process(line(lab, "run", "--json", *words), lab.environment(None))
    lab.processes.append(process)
    return process


@pytest.fixture
def worker(lab, groups):
    return groups.worker("/web", lab.host)


@pytest.fixture
def server(lab):
    """On both families at the peer, at some ports."""
    socks = []
    for port in (80, 443, 8080):
        sock = lab.make_socket(lab.peer, socket.AF_INET6, socket.SOCK_STREAM)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("::", port))
        sock.listen(64)
        socks.append(sock)
    for port in (53, 54):
        sock = lab.make_socket(lab.peer, socket.AF_INET6, socket.SOCK_DGRAM)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("::", port))
        sock.settimeout(0.2)
        socks.append(sock)
    return socks


def connect(worker, address, port, family=None):
    family = family or ("AF_INET6" if ":" in address else "AF_INET")
    worker(f"s = socket.socket(socket.{family})")
    worker("s.settimeout(2)")
    return worker(f"attempt(s.connect, ('{address}', {port}))")


def send(worker, address, port):
    family = "AF_INET6" if ":" in address else "AF_INET"
    worker(f"s = socket.socket(socket.{family}, socket.SOCK_DGRAM)")
    return worker(f"attempt(s.sendto, b'x', ('{address}', {port}))")


def heard(sock):
    try:
        sock.recv(2048)
        return True
    except TimeoutError:
        return False


def test_deny(lab, groups, worker, server):
    up(lab, groups, f"deny-out = {PEER4}, [{PEER6}]:443, tcp/8080, udp/53")
    assert connect(worker, PEER4, 80) == errno.EPERM
    assert connect(worker, FAR4, 80) == 0
    assert connect(worker, PEER6, 443) == errno.EPERM
    assert connect(worker, PEER6, 80) == 0
    assert connect(worker, FAR4, 8080) == errno.EPERM
    assert connect(worker, PEER6, 8080) == errno.EPERM
    assert send(worker, FAR4, 53) == errno.EPERM
    assert send(worker, FAR4, 54) == 0
    assert send(worker, PEER6, 53) == errno.EPERM
    # IPv4 by a socket of IPv6 is IPv4.
    assert connect(worker, "::ffff:" + PEER4, 80) == errno.EPERM
    assert send(worker, "::ffff:" + PEER4, 54) == errno.EPERM
    assert connect(worker, "::ffff:" + FAR4, 80) == 0
    entry = policies(lab)["web"]
    assert entry["denied"] == {"connect": 5, "sendmsg": 3, "packet": 0}
    assert entry["allowed"] == {"connect": 3, "sendmsg": 1}
    assert entry["deny_out"] == f"{PEER4}, [{PEER6}]:443, tcp/8080, udp/53"


def test_allow(lab, groups, worker, server):
    up(lab, groups, f"allow-out = {PEER4}:80-443, [fd77:0:0:1::/64]:tcp/80\n"
                    f"deny-out = {PEER4}:443")
    assert connect(worker, PEER4, 80) == 0
    # What is denied is, whatever is allowed.
    assert connect(worker, PEER4, 443) == errno.EPERM
    assert connect(worker, PEER4, 8080) == errno.EPERM
    assert connect(worker, FAR4, 80) == errno.EPERM
    assert connect(worker, PEER6, 80) == 0
    assert connect(worker, "fd77:0:0:2::2", 80) == errno.EPERM
    assert send(worker, PEER6, 80) == errno.EPERM
    assert send(worker, PEER4, 80) == 0


def test_loopback_and_replies_stay(lab, groups, worker, server):
    up(lab, groups, "allow-out = 192.0.2.1")
    assert connect(worker, "127.0.0.1", 9) == errno.ECONNREFUSED
    assert connect(worker, "::1", 9) == errno.ECONNREFUSED
    assert connect(worker, "0.0.0.0", 9) == errno.ECONNREFUSED
    worker("l = socket.create_server(('::', 7000), family=socket.AF_INET6, dualstack_ipv6=True)")
    for address in (HOST4, HOST6):
        sock = socket.AF_INET6 if ":" in address else socket.AF_INET
        client = lab.make_socket(lab.peer, sock, socket.SOCK_STREAM)
        client.settimeout(5)
        client.connect((address, 7000))
        worker("c = l.accept()[0]")
        worker("c.sendall(b'hello')")
        assert client.recv(16) == b"hello"
    # It goes on once nobody listens any more.
    worker("l.close()")
    worker("c.sendall(b'more')")
    assert client.recv(16) == b"more"
    assert policies(lab)["web"]["denied"]["packet"] == 0


def test_a_connected_datagram_socket(lab, groups, worker, server):
    up(lab, groups, f"deny-out = {PEER4}")
    worker("s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)")
    assert worker(f"attempt(s.connect, ('{PEER4}', 54))") == errno.EPERM
    assert worker(f"attempt(s.connect, ('{FAR4}', 54))") == 0
    assert worker("attempt(s.send, b'x')") == 0
    # Another address than that it is connected to; and no connection any more.
    assert worker(f"attempt(s.sendto, b'x', ('{PEER4}', 54))") == errno.EPERM
    worker("libc.connect(s.fileno(), b'\\0' * 16, 16)")
    assert worker(f"attempt(s.sendto, b'x', ('{PEER4}', 54))") == errno.EPERM
    assert heard(server[4]) and not heard(server[4])


def test_fast_open(lab, groups, worker, server):
    up(lab, groups, f"deny-out = {PEER4}")
    worker("s = socket.socket()")
    fast_open = 0x20000000
    assert worker(f"attempt(s.sendto, b'x', {fast_open}, ('{PEER4}', 80))") == errno.EPERM
    assert worker(f"attempt(s.sendto, b'x', {fast_open}, ('{FAR4}', 80))") == 0


def test_what_was_connected_before(lab, groups, worker, server):
    worker("u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)")
    worker(f"u.connect(('{PEER4}', 54))")
    assert connect(worker, PEER4, 80) == 0
    taken, _ = server[0].accept()
    taken.settimeout(0.3)
    up(lab, groups, f"deny-out = {PEER4}")
    assert worker("attempt(u.send, b'x')") == errno.EPERM
    worker("s.send(b'secret')")
    with pytest.raises(TimeoutError):
        taken.recv(16)
    assert not heard(server[4])
    up(lab, groups, "deny-out = 192.0.2.0/24")
    taken.settimeout(20)
    assert taken.recv(16) == b"secret"
    assert worker("attempt(u.send, b'x')") == 0


def test_raw_sockets_and_ping(lab, groups, worker, server):
    up(lab, groups, f"deny-out = {PEER4}, {PEER6}, udp/53")
    for address, kind in ((PEER4, "AF_INET"), (PEER6, "AF_INET6")):
        worker(f"r = socket.socket(socket.{kind}, socket.SOCK_RAW, 200)")
        assert worker(f"attempt(r.sendto, b'x', ('{address}', 0))") == errno.EPERM
    assert worker(f"os.system('ping -q -c 1 -W 1 {PEER4} >/dev/null 2>&1')") != 0
    assert worker(f"os.system('ping -q -c 1 -W 1 {FAR4} >/dev/null 2>&1')") == 0
    # A header of one's own: to a port that is denied, to one that is not, and a later fragment.
    worker("r = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)")
    worker("packet = lambda to, port, offset=0: struct.pack('!BBHHHBBH4s4sHHHH', 0x45, 0, 28, 7, "
           "offset, 64, 17, 0, bytes(4), socket.inet_aton(to), 1000, port, 8, 0)")
    assert worker(f"attempt(r.sendto, packet('{FAR4}', 53), ('{FAR4}', 0))") == errno.EPERM
    assert worker(f"attempt(r.sendto, packet('{FAR4}', 54), ('{FAR4}', 0))") == 0
    assert worker(f"attempt(r.sendto, packet('{FAR4}', 54, 1), ('{FAR4}', 0))") == errno.EPERM
    assert worker(f"attempt(r.sendto, packet('{PEER4}', 54), ('{PEER4}', 0))") == errno.EPERM


def test_others_are_left_alone(lab, groups, server):
    groups.make("/other")
    groups.make("/web/beneath")
    up(lab, groups, "allow-out = 192.0.2.1")
    assert connect(groups.worker("/other", lab.host), PEER4, 80) == 0
    assert connect(groups.worker("/web/beneath", lab.host), PEER4, 80) == errno.EPERM


def test_observe(lab, groups, worker, server):
    up(lab, groups, f"deny-out = {PEER4}\nmode = observe")
    assert connect(worker, PEER4, 80) == 0
    assert send(worker, PEER4, 54) == 0
    entry = policies(lab)["web"]
    assert entry["mode"] == "observe"
    assert entry["denied"]["connect"] == 1 and entry["denied"]["sendmsg"] == 1
    assert entry["denied"]["packet"] >= 3


def test_a_change_is_made_in_place(lab, groups, worker, server):
    assert "1 raised" in up(lab, groups, f"deny-out = {PEER4}").stdout
    assert connect(worker, PEER4, 80) == errno.EPERM
    assert "1 unchanged" in up(lab, groups, f"deny-out = {PEER4}").stdout
    assert "1 changed" in up(lab, groups, f"deny-out = {FAR4}").stdout
    assert connect(worker, PEER4, 80) == 0
    assert connect(worker, FAR4, 80) == errno.EPERM
    # What was counted goes on.
    assert policies(lab)["web"]["denied"]["connect"] == 2
    assert "1 raised, 1 removed" in up(lab, groups, f"deny-out = {PEER4}", name="other").stdout
    assert connect(worker, FAR4, 80) == 0
    assert connect(worker, PEER4, 80) == errno.EPERM
    sumun(lab, "down")
    assert connect(worker, PEER4, 80) == 0
    assert lab.pins() == []


def test_a_cgroup_made_anew(lab, groups, server):
    up(lab, groups, f"deny-out = {PEER4}")
    groups.take_away("/web")
    groups.make("/web")
    worker = groups.worker("/web", lab.host)
    # It is another: the policy went with the one that it was for.
    assert connect(worker, PEER4, 80) == 0
    assert "1 raised" in up(lab, groups, f"deny-out = {PEER4}").stdout
    assert connect(worker, PEER4, 80) == errno.EPERM


def test_events_and_killed_programs(lab, groups, worker, server):
    up(lab, groups, f"deny-out = {PEER4}")
    process = start_run(lab, "g0")
    until(lambda: lab.watched() or process.ended(), what="run reading events")
    assert connect(worker, PEER4, 80) == errno.EPERM
    assert send(worker, PEER4, 54) == errno.EPERM
    until(lambda: len(process.records("egress")) == 2, what="two events")
    first, second = process.records("egress")
    assert first["action"] == "denied" and first["policy"] == "web"
    assert first["hook"] == "connect" and second["hook"] == "sendmsg"
    assert (first["address"], first["port"], first["protocol"]) == (PEER4, 80, "tcp")
    assert (second["address"], second["port"], second["protocol"]) == (PEER4, 54, "udp")
    assert first["process"] == worker.popen.pid and first["command"].startswith("python3")
    assert first["user"] == "root" and first["cgroup"] == groups.top + "/web"
    process.send(signal.SIGKILL)
    process.wait()
    assert connect(worker, PEER4, 80) == errno.EPERM


def test_events_are_limited(lab, groups, worker, server):
    up(lab, groups, f"deny-out = {PEER4}")
    process = start_run(lab, "g0")
    until(lambda: lab.watched() or process.ended(), what="run reading events")
    worker("s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)")
    worker(f"[attempt(s.sendto, b'x', ('{PEER4}', 54)) for _ in range(500)] and None")
    entry = policies(lab)["web"]
    assert entry["denied"]["sendmsg"] == 500
    until(lambda: len(process.records("egress")) + entry["untold"] == 500, what="all told")
    assert entry["untold"] >= 400


def test_run_alone(lab, groups, worker, server):
    text = f"[filter]\nbans-file = none\n[cgroup web]\npath = {groups.top}/web\n" \
           f"deny-out = {PEER4}\n"
    process = start_run(lab, "-c", lab.config(text), "g0")
    until(lambda: "hold while this command runs" in process.errors() or process.ended(),
          what="the policy")
    assert connect(worker, PEER4, 80) == errno.EPERM
    until(lambda: process.records("egress"), what="an event")
    assert process.stop() == 0, process.errors()
    assert connect(worker, PEER4, 80) == 0
    assert lab.pins() == []


def test_what_is_wrong_is_said(lab, groups):
    result = up(lab, groups, "deny-out = 10.0.0.1/8", check=False)
    assert result.returncode == 2 and "10.0.0.0/8" in result.stderr
    result = up(lab, groups, "", check=False)
    assert result.returncode == 2 and "it denies nothing" in result.stderr
    result = up(lab, groups, "deny-out = 10.0.0.1:0", check=False)
    assert result.returncode == 2 and "ports go from 1 to 65535" in result.stderr
    # As where a service does not run yet: the rest holds.
    result = up(lab, groups, "deny-out = 10.0.0.1", path="/none")
    assert "holds for nobody" in result.stderr and "1 without a cgroup" in result.stdout


def test_beside_version_1(lab, groups, server):
    """Where a socket is of a class of version 1 as well, the policy is still that of cgroup2."""
    with version_1(lab.directory / "v1", "net_cls,net_prio") as path:
        if not path:
            pytest.skip("no net_cls of version 1 here")
        (path / "net_cls.classid").write_text("0x10001")
        worker = groups.worker("/web", lab.host)
        (path / "cgroup.procs").write_text(str(worker.popen.pid))
        up(lab, groups, f"deny-out = {PEER4}")
        assert connect(worker, PEER4, 80) == errno.EPERM
        assert send(worker, PEER4, 54) == errno.EPERM
        assert connect(worker, FAR4, 80) == 0
        assert policies(lab)["web"]["denied"] == {"connect": 1, "sendmsg": 1, "packet": 0}
        worker.end()


def test_a_command_killed_half_way(lab, groups, worker, server):
    """What it leaves is not taken for a policy."""
    up(lab, groups, f"deny-out = {PEER4}")
    directory = f"{lab.state}/{PINS}"
    os.mkdir(f"{directory}/making")
    os.unlink(f"{directory}/policies/web/rules")
    assert "1 raised" in up(lab, groups, f"deny-out = {FAR4}").stdout
    assert connect(worker, PEER4, 80) == 0
    assert connect(worker, FAR4, 80) == errno.EPERM
    assert sorted(os.listdir(directory)) == ["events", "policies", "reader"]
