# SPDX-License-Identifier: GPL-2.0-or-later
"""Ways around a policy of where a cgroup may send: what each comes to."""
import errno
import json
import os
import socket

import pytest

from groups import Groups, mount
from lab import FAR4, HOST4, PEER4, PEER6, SUMUN, command

pytestmark = pytest.mark.skipif(not mount(), reason="cgroup2 is not mounted")

MPTCP = 262
SENT = 20000 if "SUMUN_SLOW" in os.environ else 100000


@pytest.fixture
def groups(request):
    groups = Groups(f"b{os.getpid()}")
    groups.make("/web")
    try:
        yield groups
    finally:
        groups.remove()


@pytest.fixture
def worker(lab, groups):
    return groups.worker("/web", lab.host)


def sumun(lab, *words):
    """Not by `ip netns exec`, whose /sys has no cgroups."""
    return command("nsenter", f"--net=/run/netns/{lab.host}", SUMUN, *words)


def up(lab, groups, settings):
    text = f"[filter]\nbans-file = none\n[cgroup web]\npath = {groups.top}/web\n{settings}\n"
    return sumun(lab, "up", "-c", lab.config(text), "g0")


def denied(lab):
    return json.loads(sumun(lab, "egress", "--json").stdout)["denied"]


def listen(lab, *addresses, kind=socket.SOCK_STREAM, port=80):
    socks = []
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = lab.make_socket(lab.peer, family, kind)
        sock.bind((address, port))
        if kind == socket.SOCK_STREAM:
            sock.listen(64)
        sock.settimeout(0.2)
        socks.append(sock)
    return socks


def heard(sock):
    try:
        return sock.recv(4096)
    except TimeoutError:
        return None


class Capture:
    """All that leaves the host, as the peer's card sees it."""

    def __init__(self, lab):
        self.sock = lab.make_socket(lab.peer, socket.AF_PACKET, socket.SOCK_DGRAM,
                                    socket.htons(3))
        self.sock.settimeout(0.2)

    def packets(self):
        result = []
        while True:
            try:
                packet, (_, _, kind, *_) = self.sock.recvfrom(70000)
            except TimeoutError:
                return result
            if kind != 4:  # PACKET_OUTGOING
                result.append(packet)


def test_one_denied_client_does_not_close_the_port_to_all(lab, groups, worker):
    """What was decided for one client's SYN-ACK is not what a listener is remembered by."""
    up(lab, groups, f"deny-out = {FAR4}")
    worker("l = socket.create_server(('', 7000))")
    assert not lab.reaches(7000, source=FAR4)
    assert lab.reaches(7000, source=PEER4)
    assert not lab.reaches(7000, source=FAR4)


def test_a_port_that_may_answer_may_not_call(lab, groups, worker):
    """Somebody listens at the port that it calls from."""
    server, = listen(lab, PEER4)
    up(lab, groups, "allow-out = 192.0.2.1")
    capture = Capture(lab)
    worker("l = socket.socket()")
    worker("l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)")
    worker(f"l.bind(('{HOST4}', 7000)); l.listen()")
    worker("s = socket.socket()")
    worker("s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)")
    worker(f"s.bind(('{HOST4}', 7000))")
    assert worker(f"attempt(s.connect, ('{PEER4}', 80))") == errno.EPERM
    assert worker(f"attempt(s.sendto, b'x', 0x20000000, ('{PEER4}', 80))") == errno.EPERM
    # By hand, as if it answered: SYN and ACK, and data.
    worker("r = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)")
    for flags in (0x02, 0x12, 0x18):
        line = f"struct.pack('!HHIIBBHHH', 7000, 80, 1, 1, 0x50, {flags}, 1000, 0, 0)"
        assert worker(f"attempt(r.sendto, {line}, ('{PEER4}', 0))") == errno.EPERM
    assert capture.packets() == []
    with pytest.raises(TimeoutError):
        server.accept()


def test_connecting_again(lab, groups, worker):
    """What was allowed for one connection of a socket is not for the next."""
    listen(lab, PEER4, FAR4)
    up(lab, groups, f"allow-out = {PEER4}")
    worker("s = socket.socket()")
    assert worker(f"attempt(s.connect, ('{PEER4}', 80))") == 0
    worker("libc.connect(s.fileno(), b'\\0' * 16, 16)")  # AF_UNSPEC: no connection any more
    assert worker(f"attempt(s.connect, ('{FAR4}', 80))") == errno.EPERM
    assert worker(f"attempt(s.sendto, b'x', 0x20000000, ('{FAR4}', 80))") == errno.EPERM
    # TCP_FASTOPEN_CONNECT: connect() sends nothing, the first write does.
    worker("s = socket.socket(); s.setsockopt(socket.IPPROTO_TCP, 30, 1)")
    assert worker(f"attempt(s.connect, ('{FAR4}', 80))") == errno.EPERM


def test_multipath_tcp(lab, groups, worker):
    server, far = listen(lab, PEER4, FAR4)
    up(lab, groups, f"deny-out = {FAR4}:tcp/80")
    try:
        worker(f"s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, {MPTCP})")
    except AssertionError:
        pytest.skip("this kernel has no MPTCP")
    worker("s.settimeout(0.3)")
    assert worker(f"attempt(s.connect, ('{FAR4}', 80))") != 0
    worker(f"s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, {MPTCP})")
    assert worker(f"attempt(s.connect, ('{PEER4}', 80))") == 0
    server.accept()
    with pytest.raises(TimeoutError):
        far.accept()


def test_a_device_of_its_own(lab, groups, worker):
    """SO_BINDTODEVICE, and an address of the loopback that is sent through another device."""
    up(lab, groups, f"allow-out = {PEER4}:53")
    far, = listen(lab, FAR4, kind=socket.SOCK_DGRAM, port=53)
    capture = Capture(lab)
    worker("s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)")
    worker("s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'g0')")
    assert worker(f"attempt(s.sendto, b'x', ('{FAR4}', 53))") == errno.EPERM
    lab.sysctl(lab.host, "ipv4.conf.all.route_localnet=1")
    worker("attempt(s.sendto, b'loop', ('127.0.0.9', 53))")
    # A header of its own goes where the call says, and says what it likes.
    worker("r = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)")
    worker("packet = lambda to: struct.pack('!BBHHHBBH4s4sHHHH', 0x45, 0, 28, 7, 0, 64, 17, 0, "
           "bytes(4), socket.inet_aton(to), 1000, 53, 8, 0)")
    for to in ("127.0.0.1", "0.0.0.0", FAR4):
        assert worker(f"attempt(r.sendto, packet('{to}'), ('{PEER4}', 0))") == errno.EPERM
    assert worker(f"attempt(r.sendto, packet('{PEER4}'), ('{PEER4}', 0))") == 0
    assert len(capture.packets()) == 1
    assert not heard(far)


def test_where_a_control_message_says(lab, groups, worker):
    """IP_PKTINFO chooses the device and our address, not theirs."""
    server, far = listen(lab, PEER4, FAR4, kind=socket.SOCK_DGRAM, port=53)
    up(lab, groups, f"deny-out = {FAR4}")
    worker("s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)")
    worker(f"info = struct.pack('i4s4s', 0, socket.inet_aton('{HOST4}'), "
           f"socket.inet_aton('{PEER4}'))")
    line = "attempt(s.sendmsg, [b'x'], [(0, 8, info)], 0, ('{}', 53))"
    assert worker(line.format(FAR4)) == errno.EPERM
    assert worker(line.format(PEER4)) == 0
    worker(f"s.connect(('{PEER4}', 53))")
    assert worker(line.format(FAR4)) == errno.EPERM
    assert heard(server) == b"x" and not heard(far)


def test_large_datagrams(lab, groups, worker):
    """They are cut into fragments behind the policy: all of one pass, or none."""
    server, far = listen(lab, PEER4, FAR4, kind=socket.SOCK_DGRAM, port=53)
    server6, = listen(lab, PEER6, kind=socket.SOCK_DGRAM, port=53)
    up(lab, groups, f"allow-out = {PEER4}:udp/53, [{PEER6}]:udp/53")
    worker("s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)")
    worker("s6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)")
    assert worker(f"attempt(s.sendto, bytes(4000), ('{PEER4}', 53))") == 0
    assert worker(f"attempt(s6.sendto, bytes(4000), ('{PEER6}', 53))") == 0
    assert worker(f"attempt(s.sendto, bytes(4000), ('{FAR4}', 53))") == errno.EPERM
    assert worker(f"attempt(s.sendto, bytes(4000), ('{PEER4}', 54))") == errno.EPERM
    assert heard(server) == bytes(4000) and heard(server6) == bytes(4000) and not heard(far)
    assert denied(lab)["packet"] == 0


@pytest.mark.parametrize("header, before", [
    (60, "bytes([17, 0, 1, 4, 0, 0, 0, 0])"),       # destination options
    (0, "bytes([17, 0, 1, 4, 0, 0, 0, 0])"),        # hop by hop
    (51, "bytes([17, 1]) + bytes(10)"),             # authentication
    (44, "bytes([17, 0, 0, 1, 0, 0, 0, 7])"),       # a first fragment
    (44, "bytes([17, 0, 0, 9, 0, 0, 0, 7])"),       # a later one
    (60, "bytes([60, 0, 1, 4, 0, 0, 0, 0]) * 9 + bytes([17, 0, 1, 4, 0, 0, 0, 0])"),
    (60, "bytes([17, 250])"),                       # it ends somewhere outside
])
def test_headers_of_ipv6(lab, groups, worker, header, before):
    up(lab, groups, "deny-out = udp/53")
    capture = Capture(lab)
    worker("r = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)")
    worker(f"data = {before} + struct.pack('!HHHH', 1000, 53, 8, 0)")
    worker(f"data = struct.pack('!IHBB', 6 << 28, len(data), {header}, 64) + bytes(16) + "
           f"socket.inet_pton(socket.AF_INET6, '{PEER6}') + data")
    assert worker(f"attempt(r.sendto, data, ('{PEER6}', 0))") == errno.EPERM
    assert capture.packets() == []


def test_headers_of_ipv6_of_what_may_pass(lab, groups, worker):
    up(lab, groups, "deny-out = udp/53")
    worker("s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)")
    for option in (54, 59):  # IPV6_HOPOPTS, IPV6_DSTOPTS
        worker(f"s.setsockopt(socket.IPPROTO_IPV6, {option}, bytes([0, 0, 1, 4, 0, 0, 0, 0]))")
    assert worker(f"attempt(s.sendto, b'x', ('{PEER6}', 54))") == 0
    assert worker(f"attempt(s.sendto, b'x', ('{PEER6}', 53))") == errno.EPERM
    worker(f"r = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 60)")
    line = "bytes([17, 0, 1, 4, 0, 0, 0, 0]) + struct.pack('!HHHH', 1000, 54, 8, 0)"
    assert worker(f"attempt(r.sendto, {line}, ('{PEER6}', 0))") == 0


def test_sockets_that_are_handed_over(lab, groups, worker):
    """A socket is of the cgroup whose process made it, whoever has it."""
    groups.make("/outside")
    outside = groups.worker("/outside", lab.host)
    server, = listen(lab, PEER4)
    up(lab, groups, f"deny-out = {PEER4}")
    path = f"{lab.directory}/door"
    outside(f"d = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); d.bind('{path}')")
    worker("d = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)")
    worker("s = socket.socket(); d.connect(" + repr(path) + ")")
    worker("socket.send_fds(d, [b'x'], [s.fileno()])")
    outside("s = socket.socket(fileno=socket.recv_fds(d, 1, 1)[1][0])")
    assert outside(f"attempt(s.connect, ('{PEER4}', 80))") == errno.EPERM
    # Made outside: it is nobody's within.
    outside("s = socket.socket()")
    assert outside(f"attempt(s.connect, ('{PEER4}', 80))") == 0
    server.accept()


RING = """
import mmap
def by_ring(opcode, fd, address, size, offset):
    parameters = bytearray(120)
    there = (ctypes.c_char * 120).from_buffer(parameters)
    ring = libc.syscall(425, 1, there)
    if ring < 0:
        return -ctypes.get_errno()
    numbers = struct.unpack('30I', parameters)
    sq, cq = numbers[10:20], numbers[20:30]
    length = max(sq[6] + 4 * numbers[0], cq[5] + 16 * numbers[1])
    shared = mmap.mmap(ring, length)
    entries = mmap.mmap(ring, 64, offset=0x10000000)
    entries[:] = struct.pack('BBHiQQII', opcode, 0, 0, fd, offset, address, size, 0).ljust(64, b'\\0')
    struct.pack_into('I', shared, sq[6], 0)
    struct.pack_into('I', shared, sq[1], 1)
    libc.syscall(426, ring, 1, 1, 1, None, 0)
    result = struct.unpack_from('Qi', shared, cq[5])[1]
    shared.close(); entries.close(); os.close(ring)
    return result
"""


def test_io_uring(lab, groups, worker):
    server, = listen(lab, PEER4)
    up(lab, groups, f"deny-out = {FAR4}")
    worker(f"exec({RING!r}, globals())")
    for to, wanted in ((FAR4, -errno.EPERM), (PEER4, 0)):
        worker(f"a = ctypes.create_string_buffer(struct.pack('=HHI', 2, socket.htons(80), 0) "
               f"+ bytes(8)); a[4:8] = socket.inet_aton('{to}')")
        worker("s = socket.socket()")
        result = worker("by_ring(16, s.fileno(), ctypes.addressof(a), 0, 16)")
        if result in (-errno.ENOSYS, -errno.EPERM) and to == PEER4:
            pytest.skip("no io_uring here")
        assert result == wanted
    server.accept()


def test_a_change_while_it_sends(lab, groups, worker):
    """What both policies deny never passes, whichever is in force."""
    server, far = listen(lab, PEER4, FAR4, kind=socket.SOCK_DGRAM, port=53)
    worker("u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)")
    worker(f"u.connect(('{FAR4}', 53))")
    up(lab, groups, f"deny-out = {FAR4}, 192.0.2.1")
    worker.tell(f"[(attempt(u.send, b'x'), attempt(u.sendto, b'x', ('{FAR4}', 53))) "
                f"for _ in range({SENT})] and None")
    for i in range(12):
        up(lab, groups, f"deny-out = {FAR4}:udp/53" if i % 2 else f"allow-out = {PEER4}")
    worker.popen.stdout.readline()
    worker.settle()
    counted = denied(lab)
    assert counted["sendmsg"] == counted["packet"] == SENT
    assert not heard(far)
