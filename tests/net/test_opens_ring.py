# SPDX-License-Identifier: GPL-2.0-or-later
"""`sumun opens` and what io_uring opens: every field, whoever did the work, and the ledger."""
import errno
import os
import pathlib
import subprocess

import pytest

from lab import SUMUN, until
from test_opens import (AT_FDCWD, COMMAND, NOBODY, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_WRONLY,
                        RESOLVE_IN_ROOT, Opener, hexed, ledger, opener, place, shown, watch)

IOSQE_LINK, IOSQE_ASYNC, IOSQE_SKIP = 1 << 2, 1 << 4, 1 << 6
SQPOLL, ANY_SLOT = 1 << 1, 0xffffffff


class Ring(Opener):
    """Batches of requests: `requests` are those that are not handed in yet."""

    def __init__(self, program, setup=0, slots=0):
        super().__init__(program)
        if self.tell("ring", "new", setup, slots)[0] == -errno.EPERM:
            self.end()
            pytest.skip("no io_uring here")
        self.requests, self.thread = [], self.pid
        self.queued = 0

    def queue(self, call, *words, **expected):
        """Without anything expected it is not to be told of."""
        self.do("ring", call, *words)
        if expected:
            self.requests.append((self.queued, call, expected))
        self.queued += 1

    def submit(self, wait=None):
        assert self.do("ring", "submit", self.queued if wait is None else wait) == self.queued
        for index, call, more in self.requests:
            result, _ = self.tell("ring", "result", index)
            slot = more.pop("slot", None)
            slot = result if slot == "chosen" else slot
            error = more.pop("error", None)
            path, opened = more.pop("path"), more.pop("opened", None)
            known = not more.pop("unknown", False)
            assert not known or (errno.errorcode[-result] if result < 0 else None) == error, path
            self.expected.append({
                "record": "open", "process": self.pid, "thread": self.thread, "command": COMMAND,
                "user": "root", "call": "io_uring:" + call, "flags": "RDONLY", "mode": None,
                "descriptor": result if known and result >= 0 and slot is None else None,
                "slot": slot, "error": error, "path": shown(path),
                "opened": opened and shown(opened), "complete": "yes", "where": None, "count": 1}
                | more)
        self.requests, self.queued = [], 0


def check(one, watcher):
    """What was told is what was expected, in whatever order it was completed."""
    one.end()
    assert watcher.stop() == 0
    told = []
    for record in watcher.records():
        del record["came"], record["time"]
        assert record.pop("cgroup").startswith("/")
        told.append(record)

    def key(record):
        return record["path"], record["flags"], str(record["descriptor"]), str(record["slot"])
    assert sorted(told, key=key) == sorted(one.expected, key=key)
    _, show, _, unshown, lost = ledger(watcher.errors())
    assert (show, unshown, lost) == (len(told), 0, 0)
    return watcher.errors()


@pytest.fixture
def ring(opener):
    """Where the kernel shows what io_uring opens; what is made is ended."""
    made = []

    def make(*words, setup=0, slots=0):
        made.append(Ring(opener, setup, slots))
        watcher = watch("--json", "-p", made[0].pid, *words)
        if ", not of io_uring" in watcher.errors():
            watcher.stop()
            pytest.skip("this kernel does not show what io_uring opens")
        return made[0], watcher
    yield make
    for one in made:
        if not one.popen.stdin.closed:
            one.end()


@pytest.fixture
def files(place):
    open(place + b"/file", "w").close()
    os.symlink(place + b"/file", place + b"/link")
    os.mkdir(place + b"/in")
    open(place + b"/in/file", "w").close()
    return place


def queue_all(one, place, directory, sqe):
    file = place + b"/file"
    one.queue("openat", AT_FDCWD, hexed(file), O_WRONLY | os.O_APPEND, 0, 0, sqe, path=file,
              flags="WRONLY|APPEND")
    one.queue("openat", AT_FDCWD, hexed(b"./file"), O_RDONLY, 0, 0, sqe, path=place + b"/in/./file")
    one.queue("openat", directory, hexed(b"link"), O_RDONLY, 0, 0, sqe, path=place + b"/link",
              opened=file)
    one.queue("openat", AT_FDCWD, hexed(b"none"), O_RDONLY, 0, 0, sqe, path=place + b"/in/none",
              error="ENOENT")
    one.queue("openat", 999, hexed(b"below"), O_RDONLY, 0, 0, sqe,
              path=b"<descriptor 999>/below", complete="no", error="EBADF")
    one.queue("openat", directory, hexed(b"new"), O_RDWR | O_CREAT | O_EXCL, 0o640, 0, sqe,
              path=place + b"/new", flags="RDWR|CREAT|EXCL", mode="0640")
    one.queue("openat2", directory, hexed(b"/file"), O_RDONLY, 0, RESOLVE_IN_ROOT, sqe,
              path=place + b"//file")
    one.queue("openat2", AT_FDCWD, hexed(file), O_RDONLY, 0, 1 << 20, sqe, path=file,
              error="EINVAL")


@pytest.mark.parametrize("sqe", [0, IOSQE_ASYNC], ids=["inline", "worker"])
def test_every_way(ring, files, sqe):
    one, watcher = ring("--path", os.fsdecode(files) + "/?*")
    check_all(one, watcher, files, sqe)


def check_all(one, watcher, files, sqe):
    one.do("chdir", hexed(files + b"/in"))
    directory = one.do("openat", AT_FDCWD, hexed(files), os.O_DIRECTORY, 0)
    queue_all(one, files, directory, sqe)
    one.submit()
    # Of no such directory: the pattern does not match.
    one.expected = [record for record in one.expected if record["path"].startswith("/")]
    check(one, watcher)


def test_by_a_thread_of_the_kernel(ring, files):
    """Which is one of the process, and has its directory."""
    one, watcher = ring("--path", os.fsdecode(files) + "/?*", setup=SQPOLL)
    tasks = pathlib.Path(f"/proc/{one.pid}/task")
    one.thread, = (int(task.name) for task in tasks.iterdir()
                   if (task / "comm").read_text().startswith("iou-sqp"))
    check_all(one, watcher, files, 0)


def test_slots(ring, files):
    """A slot is no descriptor, whether asked for or chosen by the kernel."""
    file = files + b"/file"
    one, watcher = ring(slots=4)
    one.queue("openat", AT_FDCWD, hexed(file), O_RDONLY, 0, 3, 0, path=file, slot=2)
    one.submit()
    one.queue("openat", AT_FDCWD, hexed(file), O_RDONLY, 0, ANY_SLOT, 0, path=file, slot="chosen")
    one.queue("openat", AT_FDCWD, hexed(file), O_RDONLY, 0, 9, 0, path=file, error="EINVAL")
    one.submit()
    check(one, watcher)


def test_cancelled_and_refused(ring, files):
    """The one before failed; and what is refused is not seen, nor taken for another."""
    file = files + b"/file"
    one, watcher = ring()
    one.queue("read", 999, IOSQE_LINK)
    one.queue("openat", AT_FDCWD, hexed(file), O_RDONLY, 0, 0, 0, path=file, error="ECANCELED")
    one.submit()
    for _ in range(40):
        one.queue("openat", AT_FDCWD, hexed(file), O_RDONLY, 0, 0, IOSQE_SKIP, path=file,
                  unknown=True)
    one.submit(0)
    for _ in range(40):
        one.queue("openat", AT_FDCWD, hexed(None), O_RDONLY, 0, 0, 0)
        one.submit()
    assert "; 40 without a result" in check(one, watcher)


def test_silent_that_fails(ring, files):
    one, watcher = ring()
    one.queue("openat", AT_FDCWD, hexed(files + b"/none"), O_RDONLY, 0, 0, IOSQE_SKIP,
              path=files + b"/none", error="ENOENT")
    one.submit()
    check(one, watcher)


def test_silent_is_told_of_soon(ring, files):
    one, watcher = ring()
    one.queue("openat", AT_FDCWD, hexed(files + b"/file"), O_RDONLY, 0, 0, IOSQE_SKIP,
              path=files + b"/file", unknown=True)
    one.submit(0)
    until(watcher.records, what="telling of a silent open")
    check(one, watcher)


def test_as_another_user(ring, files):
    """Whose credentials the ring has kept."""
    os.chmod(files + b"/file", 0o600)
    one, watcher = ring()
    one.do("user", NOBODY)
    number = one.do("ring", "me")
    one.queue("openat", AT_FDCWD, hexed(files + b"/file"), O_RDONLY, 0, 0, 0, number,
              path=files + b"/file", user="nobody", error="EACCES")
    one.submit()
    check(one, watcher)


def test_filters(ring, files):
    """What cannot be known before the result is filtered behind it."""
    one, failed = ring("-x")
    writes = watch("--json", "-p", one.pid, "--write")
    other = watch("--json", "-p", one.pid, "-u", "nobody")
    below = watch("--json", "-p", one.pid, "--path", os.fsdecode(files) + "/f*")
    for name, flags in ((b"file", O_RDONLY), (b"link", O_WRONLY), (b"none", O_RDONLY)):
        one.do("ring", "openat", AT_FDCWD, hexed(files + b"/" + name), flags, 0, 0, 0)
    assert one.do("ring", "submit", 3) == 3
    for watcher, names in ((failed, ["none"]), (writes, ["link"]), (other, []), (below, ["file"])):
        assert watcher.stop() == 0
        assert [record["path"].rsplit("/")[-1] for record in watcher.records()] == names
        _, show, filtered, unshown, lost = ledger(watcher.errors())
        assert (show, unshown, lost) == (len(names), 0, 0) and filtered >= 3 - show


def test_10000(ring, files):
    one, watcher = ring("--fold", "-i", "3600")
    assert one.do("ring", "storm", 10_000, hexed(files + b"/file")) == 0
    assert one.do("ring", "storm", 100, hexed(files + b"/none")) == 100
    one.end()
    assert watcher.stop() == 0
    assert [(record["count"], record["error"]) for record in watcher.records()] == \
        [(10_000, None), (100, "ENOENT")]
    _, show, _, unshown, lost = ledger(watcher.errors())
    assert (show, unshown, lost) == (10_100, 0, 0)


def test_command(ring, opener, files):
    """A command that is followed, and its ring."""
    ring()
    script = f"ring new 0 0\nring openat -100 {hexed(files + b'/none')} 0 0 0 0\nring submit 1\n"
    result = subprocess.run([SUMUN, "opens", "--csv", "-x", "--", opener], input=script, text=True,
                            capture_output=True, check=False)
    assert result.returncode == 7
    assert sum("io_uring:openat," in line and "/none" in line
               for line in result.stderr.splitlines()) == 1
