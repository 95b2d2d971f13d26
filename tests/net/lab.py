# SPDX-License-Identifier: GPL-2.0-or-later
"""Two network namespaces and a cable: the guarded host, and the peer that tries it.

`host` has the interface g0 and runs sumun; `peer` has p0 and several addresses. Neighbour
entries are permanent and nothing speaks unasked, so that what is counted is what was sent.
"""
import contextlib
import ctypes
import json
import mmap
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import time

import frames
from process import Process, patient

SUMUN = os.environ["SUMUN"]
BPFFS = "/sys/fs/bpf"
LAYOUT = "filter-v3"
RINGS = 4
SECONDS = patient(15)  # what any one command may take
SYN_AGAIN = 0.9  # seconds; a SYN without an answer is sent again after one

HOST4, PEER4, NEIGHBOUR4, FAR4 = "10.77.0.1", "10.77.0.2", "10.77.0.3", "10.77.1.2"
HOST6, PEER6, NEIGHBOUR6, FAR6 = "fd77:0:0:1::1", "fd77:0:0:1::2", "fd77:0:0:1::3", "fd77:0:0:2::2"
HOST_MAC, PEER_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"

CLONE_NEWNET, SO_NETNS_COOKIE = 0x40000000, 71
SYS_BPF, BPF_OBJ_GET = 321, 7
libc = ctypes.CDLL(None, use_errno=True)


def command(*words, check=True, **options):
    result = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, **options)
    if check and result.returncode:
        raise RuntimeError(f"{' '.join(words)}: {result.returncode}: {result.stderr}")
    return result


def until(condition, seconds=20, step=0.01, what="what was waited for"):
    """What `condition` returned once that was true; fails when it never was."""
    seconds = patient(seconds)
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(step)


def for_answer(seconds):
    """How long to wait for one; who would not have a SYN sent again still need not."""
    return patient(seconds) if seconds > SYN_AGAIN else min(patient(seconds), SYN_AGAIN)


def setns(fd):
    if libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def inside(name):
    """Sockets that are made in here belong to that namespace for ever."""
    with open("/proc/thread-self/ns/net") as before, open(f"/run/netns/{name}") as there:
        setns(there.fileno())
        try:
            yield
        finally:
            setns(before.fileno())


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


class Lab:
    def __init__(self, name, directory):
        self.host, self.peer = f"snt-{name}-h", f"snt-{name}-p"
        self.directory = directory
        self.processes, self.sockets = [], []
        self.state = None

    # ---- the two hosts -------------------------------------------------------------

    def make(self):
        for name in (self.host, self.peer):
            command("ip", "netns", "add", name)
            for key, value in (("all", "disable_ipv6=0"), ("default", "router_solicitations=0"),
                               ("default", "accept_ra=0"), ("default", "accept_dad=0"),
                               # Those are not to be stopped, but to be over at once.
                               ("default", "mldv1_unsolicited_report_interval=1"),
                               ("default", "mldv2_unsolicited_report_interval=1")):
                self.sysctl(name, f"ipv6.conf.{key}.{value}")
        with inside(self.host), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            cookie = struct.unpack("Q", probe.getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8))[0]
        self.state = f"{BPFFS}/sumun/net-{cookie}"
        self.cable("g0", "p0")
        peers = (PEER4, NEIGHBOUR4, FAR4, PEER6, NEIGHBOUR6, FAR6)
        for name, device, addresses, others, at in (
                (self.host, "g0", (HOST4, HOST6), peers, PEER_MAC),
                (self.peer, "p0", peers, (HOST4, HOST6), HOST_MAC)):
            self.ip_batch(name, ["link set lo up"] + [
                f"addr add {address}/48 dev {device} nodad" if ":" in address else
                f"addr add {address}/16 dev {device}" for address in addresses] + [
                f"neigh replace {address} lladdr {at} dev {device} nud permanent"
                for address in others])
        self.settle()
        return self

    def settle(self, silence=0.04):
        """Waits until the kernel has reported its multicast groups."""
        sock = self.make_socket(self.host, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        sock.settimeout(silence)
        with contextlib.suppress(TimeoutError):
            for _ in range(100):
                sock.recv(64)
        sock.close()

    def cable(self, here, there, address=HOST_MAC):
        command("ip", "link", "add", here, "netns", self.host, "address", address, "type", "veth",
                "peer", "name", there, "netns", self.peer, "address", PEER_MAC)
        for name, device in ((self.host, here), (self.peer, there)):
            self.ip(name, "link", "set", device, "addrgenmode", "none", "up")

    def neighbour(self, name, device, address, at):
        self.ip(name, "neigh", "replace", address, "lladdr", at, "dev", device, "nud", "permanent")

    def ip(self, name, *words, check=True):
        return command("ip", "-n", name, *words, check=check)

    def ip_batch(self, name, lines):
        """All of them by one process; where machines are emulated that is what counts."""
        command("ip", "-n", name, "-batch", "-", input="\n".join(lines))

    def sysctl(self, name, setting):
        key, value = setting.split("=")
        with inside(name):
            with contextlib.suppress(OSError):
                with open("/proc/sys/net/" + key.replace(".", "/"), "w") as file:
                    file.write(value)

    def remove(self):
        for process in self.processes:
            process.kill()
        for sock in self.sockets:
            sock.close()
        if self.state and os.path.exists(self.state):
            self.sumun("down", check=False)
            shutil.rmtree(self.state, ignore_errors=True)
        for name in (self.host, self.peer):
            command("ip", "netns", "del", name, check=False)
            shutil.rmtree(f"/etc/netns/{name}", ignore_errors=True)
            # The default of those who were given no configuration.
            pathlib.Path(f"/var/lib/sumun/bans-{name}").unlink(missing_ok=True)

    # ---- sumun -----------------------------------------------------------------------

    def line(self, *words, user=None):
        """A command line in the guarded namespace; with `user`, {uid: gid} of nobody's kind."""
        start = ["nsenter", f"--net=/run/netns/{self.host}"] if user else \
            ["ip", "netns", "exec", self.host]
        if user:
            uid, gid = user
            start += ["setpriv", "--reuid", str(uid), "--regid", str(gid), "--clear-groups"]
        return [*start, SUMUN, *map(str, words)]

    def environment(self, extra):
        return {key: value for key, value in os.environ.items()
                if key != "SSH_CONNECTION"} | {"LC_ALL": "C", "TZ": "UTC"} | (extra or {})

    def sumun(self, *words, check=True, user=None, env=None):
        """Runs it to its end; with check it must succeed."""
        result = subprocess.run(self.line(*words, user=user), capture_output=True, text=True,
                                timeout=SECONDS, errors="replace", env=self.environment(env))
        assert not check or result.returncode == 0, result.stderr
        return result

    def json(self, *words, **options):
        return json.loads(self.sumun(*words, "--json", **options).stdout)

    def stats(self):
        return self.json("stats")

    def start(self, *words, env=None):
        """Starts it and goes on; what it prints is kept with the time it came."""
        process = Process(self.line(*words), self.environment(env))
        self.processes.append(process)
        return process

    def run(self, *words, env=None, policies=None):
        """`sumun run`, once it stands on its interfaces."""
        before = self.readers()
        process = self.start("run", *words, env=env)
        until(lambda: self.attached() or process.ended(), what="run attaching")
        until(lambda: self.readers() > before or process.ended(), what="run reading events")
        assert not process.ended(), process.errors()
        return process

    def config(self, text, name="sumun.conf"):
        path = self.directory / name
        path.write_text(text)
        return str(path)

    def up(self, settings="", *interfaces, sections="", options=(), **others):
        """`up` in enforce mode with these settings of [filter], and other sections behind."""
        keep = "" if "bans-file" in settings else "bans-file = none\n"
        text = f"[filter]\nmode = enforce\n{keep}{settings}\n{sections}"
        return self.sumun("up", "-c", self.config(text), *options, *(interfaces or ["g0"]),
                          **others)

    def attached(self, device="g0", name=None):
        """The id of the XDP program there and its mode (1 native, 2 generic), or None."""
        result = self.ip(name or self.host, "-j", "link", "show", device, check=False)
        entry = json.loads(result.stdout)[0] if result.returncode == 0 else {}
        return (entry["xdp"]["prog"]["id"], entry["xdp"]["mode"]) if "xdp" in entry else None

    def readers(self):
        """How many read events: who holds the lock of a ring is past its start."""
        with open("/proc/locks") as file:
            locks = file.read()
        count = 0
        for ring in range(RINGS):
            with contextlib.suppress(FileNotFoundError):
                entry = os.stat(f"{self.state}/{LAYOUT}/reader{ring}")
                device = f"{os.major(entry.st_dev):02x}:{os.minor(entry.st_dev):02x}"
                count += f" {device}:{entry.st_ino} " in locks
        return count

    def watched(self):
        return self.readers() > 0

    def pins(self):
        """What is pinned for this namespace."""
        return sorted(os.listdir(self.state)) if os.path.isdir(self.state) else []

    def clock(self):
        return Clock(f"{self.state}/{LAYOUT}/state")

    # ---- traffic ---------------------------------------------------------------------

    def tool(self, *words, check=False, seconds=SECONDS, name=None):
        """Runs a client's program to its end, in the peer's namespace unless told."""
        return subprocess.run(["ip", "netns", "exec", name or self.peer, *map(str, words)],
                              capture_output=True, text=True, timeout=max(seconds, SECONDS),
                              check=check, errors="replace", stdin=subprocess.DEVNULL)

    def beside(self, *words, name=None):
        """The same, and goes on."""
        process = Process(["ip", "netns", "exec", name or self.peer, *map(str, words)],
                          self.environment(None))
        self.processes.append(process)
        return process

    def flood(self, *words, seconds):
        """hping3 as fast as it can, for so long and no longer."""
        return self.beside("timeout", "-s", "INT", "-k", "1", patient(seconds), "hping3", "-q", "--flood",
                           *words)

    def make_socket(self, name, *kind):
        with inside(name):
            sock = socket.socket(*kind)
        self.sockets.append(sock)
        return sock

    def wire(self, device="p0"):
        """Sends whole frames from the peer."""
        sock = self.make_socket(self.peer, socket.AF_PACKET, socket.SOCK_RAW)
        sock.bind((device, 0))
        return Wire(sock)

    def listen(self, port, address="::", kind=socket.SOCK_STREAM):
        """A server on the guarded host, for both families; TCP ones answer by accepting."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = self.make_socket(self.host, family, kind)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        if kind == socket.SOCK_STREAM:
            sock.listen(1024)
        sock.setblocking(False)
        return sock

    def reaches(self, port, address=HOST4, source=None, seconds=0.25):
        """Whether a TCP connection from the peer is made."""
        sock = self.make_socket(self.peer, socket.AF_INET6 if ":" in address else socket.AF_INET,
                           socket.SOCK_STREAM)
        sock.settimeout(for_answer(seconds))
        try:
            if source:
                sock.bind((source, 0))
            sock.connect((address, port))
            return True
        except TimeoutError:
            return False
        finally:
            sock.close()

    def serve(self, *ports):
        """Real web servers (python's http.server) on the guarded host, both families."""
        for port in ports:
            line = ["ip", "netns", "exec", self.host, "/usr/bin/python3", "-m", "http.server",
                    "--bind", "::", "--directory", str(self.directory), str(port)]
            self.processes.append(Process(line, self.environment(None)))
        for port in ports:
            until(lambda: self.curl(f"http://{HOST4}:{port}/") == 0, what=f"a server on {port}")

    def curl(self, url, *words, seconds="0.5"):
        """curl's exit status: 0 well, 28 timed out, 7 refused."""
        most = for_answer(float(seconds))
        return command("ip", "netns", "exec", self.peer, "curl", "-gsS", "-o", "/dev/null",
                       "--noproxy", "*", "--max-time", str(most), *words, url,
                       check=False).returncode


class Clock:
    """The filter's clock, put forward as the time that a machine is suspended does it.

    Every command sets it right again; what only reads, as `events`, does not.
    """

    OFFSET, HZ = 16, 44  # of tick_offset and jiffies_hz in struct filter_state

    def __init__(self, path):
        name = ctypes.create_string_buffer(path.encode())
        attributes = struct.pack("QII", ctypes.addressof(name), 0, 0).ljust(128, b"\0")
        fd = libc.syscall(SYS_BPF, BPF_OBJ_GET, attributes, len(attributes))
        if fd < 0:
            raise OSError(ctypes.get_errno(), path)
        self.memory = mmap.mmap(fd, mmap.PAGESIZE)
        os.close(fd)
        self.hz, = struct.unpack_from("I", self.memory, self.HZ)
        assert self.hz in (100, 250, 300, 1000), "struct filter_state looks otherwise"

    def forward(self, seconds):
        jiffies, = struct.unpack_from("Q", self.memory, self.OFFSET)
        struct.pack_into("Q", self.memory, self.OFFSET, jiffies + round(seconds * self.hz))


class Wire:
    def __init__(self, sock):
        self.sock = sock

    def send(self, packet, kind=None, tags=(), count=1, to=HOST_MAC):
        """A packet as a frame, `count` times; returns the frame's bytes."""
        if kind is None:
            kind = 0x86DD if packet[0] >> 4 == 6 else 0x0800
        head = mac(to) + mac(PEER_MAC)
        for protocol, vlan in tags:
            head += struct.pack("!HH", protocol, vlan)
        return self.raw(head + struct.pack("!H", kind) + packet, count)

    def raw(self, frame, count=1):
        for _ in range(count):
            self.sock.send(frame)
        return len(frame)

    def udp(self, port, source=PEER4, target=HOST4, data=b"", count=1, **options):
        return self.send(frames.udp_packet(source, target, port, data), count=count, **options)
