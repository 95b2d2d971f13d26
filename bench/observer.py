# SPDX-License-Identifier: GPL-2.0-or-later
"""One that watches system calls or opens, as a process: begin, wait until it stands, end, ask.

Each ends by SIGINT, as at a terminal, and by SIGKILL when it does not; and dies with us.
"""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import time

TOOL_CPU = "0"  # the loops have the last
READY_SECONDS, END_SECONDS, LOOP_SECONDS = 20, 15, 60
ATTACHED = ("anon_inode:[perf_event]", "anon_inode:bpf_link", "anon_inode:bpf-raw-tracepoint",
            "anon_inode:bpf-raw-tp", "anon_inode:[bpf_link]")


class Missing(Exception):
    """Why an observer takes no part."""


class Observer:
    def __init__(self, name, *words, package=None, counted=None, every_call=False, wraps=False,
                 slow=False, kind="peer", hooks=1, until_told=False):
        self.name, self.words, self.package = name, [str(word) for word in words], package
        self.counted = counted        # from the lines it wrote and the loops to a number
        self.every_call = every_call  # it counts all calls of the loops, not only getppid
        self.wraps = wraps            # it starts the loop itself
        self.slow, self.kind = slow, kind
        self.hooks = hooks            # descriptors of what it attaches, when it stands
        self.until_told = until_told  # it ends with its standard input
        self.process = None
        self.broken = None            # why what it wrote is not all

    def begin(self, directory):
        """Returns when it observes. `bare` has nothing to begin, and strace begins the loop."""
        if not self.words:
            return
        if not shutil.which(self.words[0]):
            raise Missing(f"{self.words[0]} is not installed ({self.package})")
        if self.wraps:
            return
        self.broken = None
        self.output, self.errors = directory / "output", directory / "errors"
        self.output.unlink(missing_ok=True)
        with self.output.open("w") as output, self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "taskset", "-c", TOOL_CPU, *self.words],
                stdin=subprocess.PIPE if self.until_told else subprocess.DEVNULL,
                stdout=output, stderr=errors, cwd="/",
                env=os.environ | {"PYTHONUNBUFFERED": "1"}, start_new_session=True)
        self.await_hooks()

    def await_hooks(self):
        seen, since, until = 0, 0, time.monotonic() + READY_SECONDS
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise Missing(self.complaint())
            now = attachments(self.process.pid)
            if now != seen:
                seen, since = now, time.monotonic()
            elif seen >= self.hooks and time.monotonic() - since > 0.15:
                return
            time.sleep(0.03)
        raise Missing(f"attached nothing in {READY_SECONDS} s")

    def complaint(self):
        lines = [line.strip() for line in read(self.errors).splitlines() if line.strip()]
        if not lines:
            return "ended by itself, in silence"
        # What went wrong, and, of those that say more, what they made of it.
        return "; ".join(dict.fromkeys([lines[0], lines[-1]]))

    def end(self):
        if not self.process:
            return
        process, self.process = self.process, None
        if self.until_told:
            process.stdin.close()
        else:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self.broken = f"did not end within {END_SECONDS} s of SIGINT"
        else:
            if process.returncode < 0 and process.returncode != -signal.SIGINT:
                self.broken = f"died of {signal.Signals(-process.returncode).name}"

    def lines(self):
        """What it wrote: standard output, then standard error."""
        if self.broken:
            raise Missing(self.broken)
        for path in (self.output, self.errors):
            with path.open(errors="replace") as file:
                yield from file

    def cpu_seconds(self):
        return cpu_seconds(self.process.pid) if self.process else 0


def read(path):
    with contextlib.suppress(OSError):
        return pathlib.Path(path).read_text(errors="replace")
    return ""


def attachments(pid):
    count = 0
    with contextlib.suppress(OSError):
        for fd in os.scandir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                count += os.readlink(fd.path) in ATTACHED
    return count


def cpu_seconds(pid):
    """User and system time of a process."""
    fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK") if fields else 0
