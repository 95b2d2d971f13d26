#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A web server under a flood: requests a second that a client gets, by what protects it.

usage: server.py BUILD [PROTECTION...]      run by bench/run; needs root

Two namespaces and one veth between them: `server` runs nginx, `client` runs wrk, a new
connection for each request. The flood enters the veth at the client's end, as if it came
over the same wire, with so many frames a second whatever becomes of them. The first CPU is
the server's: nginx, and the one kernel thread (threaded NAPI) that does all that incoming
frames need, as for a card with one queue. The last CPU is the outside world: wrk, what
receives for it, and the flood, which waits for both. Runs in a mount namespace of its own,
with which all of it ends.
"""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

SERVER, CLIENT, NOBODY_MAC = "192.0.2.1", "192.0.2.2", "02:00:00:00:00:77"
IFACE, PEER = "sbserver0", "sbclient0"  # "napi/" before and "-" behind: 15 letters
ROUNDS, SECONDS, CONNECT_SECONDS, SHED, RATE = 3, 3, 4, 20000, 1000000
SERVER_CPU, WORLD_CPU = "0", str(os.cpu_count() - 1)
MISSING = {"nginx": "nginx-light", "wrk": "wrk", "nft": "nftables", "ethtool": "ethtool"}

NGINX = """worker_processes 1; daemon off; pid {0}/pid; error_log {0}/error crit;
events {{ worker_connections 8192; }}
http {{ access_log off; client_body_temp_path {0}/b; proxy_temp_path {0}/p;
 fastcgi_temp_path {0}/f; uwsgi_temp_path {0}/u; scgi_temp_path {0}/s;
 server {{ listen {1}:80 backlog=4096; location / {{ return 200 "ok\\n"; }} }} }}
"""

HOOK = f'chain c {{ type filter hook ingress device "{IFACE}" priority 0; '


def run(*words, stdin=None, check=True):
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=120)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(words[:6])}: {done.stderr.strip()}")
    return done.stdout


def inside(name, *words, cpu=None):
    pin = ["taskset", "-c", cpu] if cpu else []
    return ["nsenter", f"--net=/run/netns/{name}", *pin, *words]


class Lab:
    def __init__(self, build):
        self.flood_program = build / "bench" / "bench-flood"
        self.pass_object = build / "bench" / "bare.bpf.o"
        self.sumun_program = build / "src" / "cli" / "sumun"
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="sumun-bench-"))
        self.list = self.directory / "list"
        self.list.write_text(run(str(self.flood_program), "list"))
        self.nginx = None

    def server(self, *words, **options):
        return run(*inside("server", *words), **options)

    def sysctl(self, *settings):
        for setting in settings:
            key, value = setting.split("=")
            path = "/proc/sys/net/" + key.replace(".", "/")
            self.server("sh", "-c", f"echo {value} > {path}")

    def make(self):
        for name in ("server", "client"):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "link", "add", IFACE, "netns", "server", "numrxqueues", "1", "numtxqueues", "1",
            "type", "veth", "peer", "name", PEER, "netns", "client",
            "numrxqueues", "1", "numtxqueues", "1")
        for name, device, address in (("server", IFACE, SERVER), ("client", PEER, CLIENT)):
            run("ip", "-n", name, "addr", "add", f"{address}/24", "dev", device)
            run(*inside(name, "ethtool", "-K", device, "gro", "on"))
            # What a checksum-offloading veth leaves undone no SYN proxy could check.
            run(*inside(name, "ethtool", "-K", device, "tx", "off", "tso", "off", "gso", "off"))
            run("ip", "-n", name, "link", "set", device, "up")
        # What XDP sends back over a veth (SYN cookies) wakes only a peer with an XDP program.
        run("ip", "-n", "client", "link", "set", PEER, "xdpdrv", "object", str(self.pass_object),
            "program", "pass")
        # Answers to forged sources leave over the wire, for a host that is not there.
        run("ip", "-n", "server", "neigh", "replace", "192.0.2.254", "lladdr", NOBODY_MAC,
            "dev", IFACE, "nud", "permanent")
        run("ip", "-n", "server", "route", "add", "default", "via", "192.0.2.254")
        self.sysctl("ipv4.conf.all.rp_filter=0", f"ipv4.conf.{IFACE}.rp_filter=0",
                    "core.somaxconn=4096", "ipv4.tcp_max_syn_backlog=4096")
        run(*inside("client", "sh", "-c",
                    "echo 1024 65535 > /proc/sys/net/ipv4/ip_local_port_range"))
        self.mac = json.loads(run("ip", "-n", "server", "-j", "link", "show", IFACE))[0]["address"]
        conf = self.directory / "nginx.conf"
        conf.write_text(NGINX.format(self.directory, SERVER))
        self.nginx = subprocess.Popen(inside("server", "nginx", "-c", str(conf), cpu=SERVER_CPU))
        time.sleep(0.5)
        if self.nginx.poll() is not None:
            raise RuntimeError("nginx did not start")

    def close(self):
        if self.nginx:
            self.nginx.terminate()
            self.nginx.wait(10)
        shutil.rmtree(self.directory, ignore_errors=True)

    def pin_receivers(self):
        """Each end has a thread that receives; attaching a program may make it anew."""
        for name, device, cpu in (("server", IFACE, SERVER_CPU), ("client", PEER, WORLD_CPU)):
            # Its /sys is that of the namespace; ours shows the machine's.
            run("ip", "netns", "exec", name, "sh", "-c",
                f"echo 1 > /sys/class/net/{device}/threaded")
            for comm in pathlib.Path("/proc").glob("[0-9]*/comm"):
                if read(comm).startswith(f"napi/{device}-"[:15]):
                    run("taskset", "-pc", cpu, comm.parent.name)
                    if name == "client":
                        run("chrt", "-rp", "2", comm.parent.name)

    # ---- protections -------------------------------------------------------------------

    def sumun(self, settings):
        conf = self.directory / "sumun.conf"
        conf.write_text(f"[filter]\ninterfaces = {IFACE}\nmode = enforce\nbans-file = none\n"
                        + settings)
        self.server(str(self.sumun_program), "up", "-c", str(conf))

    def nft(self, script):
        self.server("nft", "-f", "-", stdin=script)

    def unprotect(self):
        self.server(str(self.sumun_program), "down", check=False)
        self.server("nft", "flush", "ruleset")
        self.sysctl("ipv4.tcp_syncookies=1")

    # ---- one measurement ---------------------------------------------------------------

    def flood(self, kind):
        port, protocol, sources = {"syn, listed sources": ("80", "syn", "listed"),
                                   "syn": ("80", "syn", "spread"),
                                   "udp": ("53", "udp", "spread")}[kind]
        flood = subprocess.Popen(
            inside("client", str(self.flood_program), PEER, self.mac, protocol, port, sources,
                   str(SECONDS + CONNECT_SECONDS + 2), str(RATE), cpu=WORLD_CPU),
            stdout=subprocess.PIPE, text=True)
        flood.stdout.readline()  # it is ready
        return flood

    def came(self):
        """Frames that the server has received."""
        for line in self.server("cat", "/proc/net/dev").splitlines():
            if IFACE in line:
                return int(line.split(":")[1].split()[1])
        return 0

    def requests(self, seconds=SECONDS):
        """A second; none when the server cannot be reached at all, or not for long enough."""
        wrk = inside("client", "timeout", str(seconds + CONNECT_SECONDS), "chrt", "-r", "1", "wrk",
                     "-t1", "-c32", f"-d{seconds}s", "--timeout", "3s", "-H", "Connection: close",
                     f"http://{SERVER}/", cpu=WORLD_CPU)
        for line in run(*wrk, check=False).splitlines():
            if line.startswith("Requests/sec"):
                return float(line.split()[1])
        return 0.0

    def measure(self, kind):
        flood = self.flood(kind) if kind else None
        time.sleep(0.5)  # what it fills is full
        before, begin = self.came(), time.monotonic()
        served = self.requests()
        came = (self.came() - before) / (time.monotonic() - begin)
        if not flood:
            return served, 0, came
        flood.terminate()
        sent = json.loads(flood.communicate(timeout=60)[0])
        return served, sent["frames"] / sent["seconds"], came


def read(path):
    with contextlib.suppress(OSError):
        return path.read_text()
    return ""


def nft_list(lab):
    elements = ",\n".join(lab.list.read_text().split())
    lab.nft("table netdev bench {\nset s { type ipv4_addr; flags interval; elements = {"
            f"{elements}\n}} }}\n{HOOK}ip saddr @s drop\n}}\n}}\n")


def nft_limit(match):
    def protect(lab):
        lab.nft(f"table netdev bench {{ {HOOK}{match} limit rate over {SHED}/second "
                f"burst {SHED} packets drop\n}}\n}}\n")
    return protect


def nft_synproxy(lab):
    lab.nft("table ip bench { chain raw { type filter hook prerouting priority raw; "
            "tcp dport 80 tcp flags syn notrack\n}\n"
            "chain c { type filter hook input priority filter; tcp dport 80 "
            "ct state invalid,untracked synproxy mss 1460 wscale 7 timestamp sack-perm\n"
            "tcp dport 80 ct state invalid drop\n}\n}\n")
    lab.sysctl("netfilter.nf_conntrack_tcp_loose=0")


def sumun_list(lab):
    lab.sumun(f"deny-list = {lab.list}\n")


def sumun_guard(ports):
    return lambda lab: lab.sumun(f"[guard g]\nports = {ports}\nper-source = 10k/s\n"
                                 f"total = {SHED}/s\n")


def sumun_cookies(lab):
    lab.sysctl("ipv4.tcp_syncookies=2")
    lab.sumun("syn-cookies = on\n")


def nothing(lab):
    pass


FLOODS = [
    ("", {"nothing": nothing}),
    ("syn, listed sources", {"nothing": nothing, "sumun list": sumun_list, "nft set": nft_list}),
    ("syn", {"nothing": nothing, "sumun syn-cookies": sumun_cookies,
             "sumun guard, total": sumun_guard("tcp/80"), "nft synproxy": nft_synproxy,
             "nft limit": nft_limit("tcp dport 80 tcp flags syn")}),
    ("udp", {"nothing": nothing, "sumun guard, total": sumun_guard("udp/53"),
             "nft limit": nft_limit("udp dport 53")}),
]


def turn(lab, kind, protect, first):
    """One protection under one flood; in the first round it must serve well without one."""
    protect(lab)
    time.sleep(0.2)
    lab.pin_receivers()
    calm = lab.requests(1) if first else None
    if calm == 0:
        raise RuntimeError("nothing is served even without a flood")
    figures = lab.measure(kind)
    lab.unprotect()
    return calm, figures


def measure(lab):
    cases = [{"flood": kind, "protection": name, "requests": [], "sent": [], "received": []}
             for kind, protections in FLOODS for name in protections
             if not sys.argv[2:] or name in sys.argv[2:]]
    for number in range(ROUNDS):
        for case in cases:
            kind, name = case["flood"], case["protection"]
            calm, (served, sent, came) = turn(lab, kind, dict(FLOODS)[kind][name], number == 0)
            case.setdefault("calm", calm)
            case["requests"].append(served)
            case["sent"].append(round(sent))
            case["received"].append(round(came))
            print(f"{kind or 'no flood':20} {name:20} {served:8.0f} requests/s "
                  f"{sent / 1e6:6.2f} Mpps sent {came / 1e6:6.2f} Mpps received",
                  file=sys.stderr)
    return cases


def main():
    for tool, package in MISSING.items():
        if not shutil.which(tool):
            sys.exit(f"server.py: {tool} is not installed: package {package} (make deps-bench)")
    run("mount", "-t", "bpf", "bpf", "/sys/fs/bpf")
    run("mkdir", "-p", "/run/netns")
    run("mount", "-t", "tmpfs", "tmpfs", "/run/netns")
    lab = Lab(pathlib.Path(sys.argv[1]).resolve())
    try:
        lab.make()
        print(json.dumps({"rounds": ROUNDS, "seconds": SECONDS, "shed": SHED, "rate": RATE,
                          "cases": measure(lab)}))
    finally:
        lab.close()


main()
