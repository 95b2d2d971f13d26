# SPDX-License-Identifier: GPL-2.0-or-later
"""cgroups of a test, and processes in them that do what they are told."""
import contextlib
import os
import subprocess
import sys

from lab import until

WORKER = """
import ctypes, os, resource, socket, struct, sys, time
libc = ctypes.CDLL(None, use_errno=True)
def attempt(function, *words):
    try:
        function(*words)
        return 0
    except OSError as error:
        return error.errno
while True:
    line = sys.stdin.readline()
    if not line:
        break
    try:
        answer = eval(line)
    except SyntaxError:
        exec(line)
        answer = None
    os.write(1, (repr(answer) + "\\n").encode())
"""


def mount():
    """Where cgroup2 is mounted, or None."""
    with open("/proc/self/mountinfo") as file:
        for line in file:
            if " - cgroup2 " in line:
                return line.split()[4]
    return None


@contextlib.contextmanager
def version_1(directory, controllers):
    """A cgroup of version 1 beside; None where the kernel does not have it, or it is in use."""
    directory.mkdir()
    if subprocess.run(["mount", "-t", "cgroup", "-o", controllers, "cgroup", directory],
                      capture_output=True, check=False).returncode:
        yield None
        return
    path = directory / f"sumun-{os.getpid()}"
    try:
        path.mkdir()
        yield path
    finally:
        with contextlib.suppress(OSError):
            path.rmdir()
        subprocess.run(["umount", directory], check=True)


class Groups:
    def __init__(self, name):
        self.top = f"/sumun-{name}"
        self.mount = mount()
        self.made = []
        self.workers = []
        self.make("")

    def make(self, path):
        self.made.append(path)
        os.mkdir(f"{self.mount}{self.top}{path}")
        return self.top + path

    def take_away(self, path):
        os.rmdir(f"{self.mount}{self.top}{path}")
        self.made.remove(path)

    def worker(self, path, namespace):
        worker = Worker(f"{self.mount}{self.top}{path}", namespace)
        self.workers.append(worker)
        return worker

    def remove(self):
        for worker in self.workers:
            worker.end()
        for path in reversed(sorted(self.made)):
            os.rmdir(f"{self.mount}{self.top}{path}")


class Worker:
    """Waits for lines of Python; what they say comes back."""

    def __init__(self, directory, namespace):
        self.popen = subprocess.Popen(
            ["ip", "netns", "exec", namespace, "/usr/bin/python3", "-c", WORKER], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self("0")
        self.settle()
        with open(f"{directory}/cgroup.procs", "w") as file:
            file.write(str(self.popen.pid))

    def tell(self, line):
        self.popen.stdin.write(line + "\n")
        self.popen.stdin.flush()

    def __call__(self, line):
        self.tell(line)
        answer = self.popen.stdout.readline()
        assert answer, f"the worker died of {line!r}"
        self.settle()
        return eval(answer)

    def settle(self):
        """Until it waits again, so that nothing of it is counted later."""
        until(lambda: self.state() == "S", what="the worker waiting")

    def state(self):
        with open(f"/proc/{self.popen.pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]

    def end(self):
        if self.popen.poll() is None:
            self.popen.stdin.close()
            self.popen.wait(20)
        self.popen.stdout.close()
