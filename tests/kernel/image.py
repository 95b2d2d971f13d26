# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the initramfs of the kernel tier: files of this machine, each at its own path.

A file brings along the symlinks on the way to it and, if it is a program, the libraries that
ldd names. Nothing is copied, compressed or unpacked in between: the archive (cpio, newc) is
written straight from where the files are.
"""
import glob
import os
import pathlib
import re
import stat
import subprocess
import sysconfig

# Programs of these packages, where they are installed, and some programs by their names.
PACKAGES = """
    bash coreutils dash findutils grep gzip hostname kmod mount procps sed util-linux
    iproute2 iputils-ping curl ncat nmap hping3 iperf3 tcpreplay tcpdump bpftool
""".split()
PROGRAMS = """
    /sbin/modprobe /bin/sh /usr/bin/awk /usr/bin/clang /usr/bin/meson /usr/bin/python3
""".split()
PYTHON_MODULES = ("pytest", "_pytest.junitxml", "mesonbuild.mesonmain", "mesonbuild.mintro")
TREES = ("/etc/iproute2", "/usr/lib/locale/C.utf8", "/usr/share/zoneinfo/Etc")
FILES = ("/etc/passwd", "/etc/group", "/etc/hosts", "/etc/nsswitch.conf", "/etc/services",
         "/etc/protocols", "/etc/ld.so.cache", "/etc/localtime",
         *glob.glob("/usr/share/nmap/nmap-*"))
LEFT_OUT = {"test", "idlelib", "ensurepip", "lib2to3"}  # of the standard library
# The kernel asks modprobe for what a test needs; these and what they depend on are there.
MODULES = """
    veth tun dummy 8021q bridge macvlan ifb bonding vxlan inet_diag tcp_diag udp_diag af_packet_diag
    netlink_diag unix_diag sch_netem sch_ingress cls_bpf act_bpf
""".split()


class Image:
    def __init__(self):
        self.entries = {}  # path -> (mode, source file or bytes; of a symlink, its target)
        self.programs = []

    def directory(self, path, mode=0o755):
        if path != "/":
            self.directory(os.path.dirname(path))
            self.entries.setdefault(path, (stat.S_IFDIR | mode, b""))

    def add(self, path, source=None):
        """A file; found through the symlinks that this machine has on the way."""
        path = os.path.abspath(path)
        if not source and self.follow(path):
            return
        self.directory(os.path.dirname(path))
        source = source or path
        mode = os.stat(source).st_mode
        self.entries[path] = (stat.S_IFREG | stat.S_IMODE(mode), pathlib.Path(source))
        if mode & 0o100 or ".so" in path:
            self.programs.append(source)

    def follow(self, path):
        """Adds the first symlink in `path`, and then what it leads to."""
        at = ""
        parts = path.split("/")[1:]
        for i, part in enumerate(parts):
            at += "/" + part
            if os.path.islink(at):
                target = os.readlink(at)
                self.directory(os.path.dirname(at))
                self.entries[at] = (stat.S_IFLNK | 0o777, target.encode())
                self.add("/".join([os.path.join(os.path.dirname(at), target), *parts[i + 1:]]))
                return True
        if os.path.isdir(path):
            self.directory(path)
            return True
        return False

    def tree(self, top):
        for directory, names, files in os.walk(top):
            names[:] = [name for name in names if name not in LEFT_OUT]
            self.directory(os.path.abspath(directory))
            for name in files:
                if os.path.exists(f"{directory}/{name}") and not name.endswith(".a"):
                    self.add(f"{directory}/{name}")

    def libraries(self):
        """What the programs so far need; done last."""
        result = subprocess.run(["ldd", *self.programs], stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, text=True, check=False)
        for path in sorted(set(re.findall(r"^\t(?:\S+ => )?(/\S+) \(", result.stdout, re.M))):
            self.add(path)

    def text(self, path, text, mode=0o644):
        self.directory(os.path.dirname(path))
        self.entries[path] = (stat.S_IFREG | mode, text.encode())

    def write(self, path):
        with open(path, "wb") as file:
            for number, (name, (mode, data)) in enumerate(sorted(self.entries.items()), 1):
                write_entry(file, number, name[1:], mode, data)
            write_entry(file, 0, "TRAILER!!!", 0, b"")


def write_entry(file, number, name, mode, data):
    seconds = 0
    if isinstance(data, pathlib.Path):
        seconds = int(data.stat().st_mtime)  # python compares it with that in a .pyc
        data = data.read_bytes()
    # magic, inode, mode, uid, gid, links, time, size, two devices, length of the name, sum
    fields = (number, mode, 0, 0, 1, seconds, len(data), 0, 0, 0, 0, len(name.encode()) + 1, 0)
    file.write(b"070701" + b"".join(b"%08X" % field for field in fields))
    file.write(name.encode() + b"\0")
    file.write(b"\0" * (-file.tell() % 4))
    file.write(data)
    file.write(b"\0" * (-file.tell() % 4))


def package_programs():
    result = subprocess.run(["dpkg-query", "-L", *PACKAGES], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True, check=False)
    return [path for path in result.stdout.splitlines()
            if re.search(r"bin/[^/]+$", path) and os.path.exists(path)]


def python_files():
    """The standard library, and whole packages of what pytest and meson import."""
    code = f"import sys, {', '.join(PYTHON_MODULES)}\nfor name, module in sys.modules.items():\n" \
           "    print(name.split('.')[0], getattr(module, '__file__', None))"
    result = subprocess.run(["/usr/bin/python3", "-c", code], stdout=subprocess.PIPE, text=True,
                            check=True)
    trees = {sysconfig.get_path("stdlib")}
    for name, file in (line.split(" ", 1) for line in result.stdout.splitlines()):
        if "/dist-packages/" in file:
            top = pathlib.Path(file.split("/dist-packages/")[0]) / "dist-packages" / name
            trees.add(str(top if top.is_dir() else file))
    return trees


def module_files(directory):
    """The modules above and what modules.dep says that they need."""
    needs = {}
    for line in (directory / "modules.dep").read_text().splitlines():
        name, _, rest = line.partition(":")
        needs[name] = rest.split()
    wanted = [name for name in needs
              if re.sub(r"\.ko.*", "", os.path.basename(name)).replace("-", "_") in MODULES]
    return {file for name in wanted for file in (name, *needs[name])}


def make(path, init, trees, files, modules=None, texts=None):
    """`modules` is the directory lib/modules/VERSION of some kernel, or None."""
    image = Image()
    for mount in ("dev", "proc", "sys", "tmp", "run", "root", "var/tmp", "var/lib", "etc/netns"):
        image.directory("/" + mount, 0o1777 if mount.endswith("tmp") else 0o755)
    for program in (*PROGRAMS, *package_programs()):
        image.add(program)
    for tree in {*TREES, *trees, *python_files()}:
        if os.path.isdir(tree):
            image.tree(tree)
        elif os.path.exists(tree):
            image.add(tree)
    for file in (*FILES, *files):
        if os.path.exists(file):
            image.add(file)
    image.libraries()
    image.add("/init", init)
    if modules:
        target = f"/lib/modules/{modules.name}"
        target = f"/usr{target}" if os.path.islink("/lib") else target
        for file in module_files(modules):
            image.add(f"{target}/{file}", modules / file)
        for file in modules.glob("modules.*"):
            image.add(f"{target}/{file.name}", file)
    image.text("/etc/resolv.conf", "")  # 'ip netns exec' mounts another over it
    for name, text in (texts or {}).items():
        image.text(name, text)
    image.write(path)
