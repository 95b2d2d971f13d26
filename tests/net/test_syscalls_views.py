# SPDX-License-Identifier: GPL-2.0-or-later
"""Which calls `sumun syscalls` looks at, and what its rows are by: every sum is the same."""
import contextlib
import itertools
import os
import pathlib
import re
import subprocess

import pytest

from lab import until
from observed import records_of, run, run_command

KINDS = ("process", "command", "call", "cgroup", "user")


def cgroup2():
    """Where it is mounted, or None."""
    with open("/proc/mounts") as file:
        mounts = [line.split() for line in file]
    return next((pathlib.Path(words[1]) for words in mounts if words[2] == "cgroup2"), None)


def native(count):
    """A program of Python, so that it needs no compiler: so many getppid."""
    return f"import os\nfor _ in range({count}): os.getppid()\n"


@contextlib.contextmanager
def worker():
    """A process that makes as many getppid as it is told, each time."""
    code = "import os, sys\nfor line in sys.stdin:\n    for _ in range(int(line)): os.getppid()\n" \
           "    print('done', flush=True)\n"
    with subprocess.Popen(["/usr/bin/python3", "-c", code], stdin=subprocess.PIPE, text=True,
                          stdout=subprocess.PIPE) as process:
        def make(count):
            process.stdin.write(f"{count}\n")
            process.stdin.flush()
            assert process.stdout.readline() == "done\n"

        make.pid = process.pid
        make(1)
        yield make
        process.stdin.close()


@contextlib.contextmanager
def cgroup(*names):
    """A nested cgroup of cgroup2; its path."""
    top = cgroup2()
    if not top:
        pytest.skip("there is no cgroup2 here")
    made = []
    try:
        path = top
        for name in names:
            path = path / name
            path.mkdir()
            made.append(path)
        yield path
    except OSError as error:
        pytest.skip(f"cgroups cannot be made here: {error}")
    finally:
        for path in reversed(made):
            if path.exists():
                path.rmdir()


def enter(path):
    """For preexec_fn."""
    return lambda: (path / "cgroup.procs").write_text(str(os.getpid()))


# ---- views -------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [",".join(kinds) for size in (1, 2, 5)
                                for kinds in itertools.combinations(KINDS, size)])
def test_every_view_has_the_same_sum(by):
    """Of the same work; Report holds the rows against the sum."""
    script = f"{'/usr/bin/env true;' * 5} exit 0"
    report, _ = run_command("/bin/sh", "-c", script, options=("--by", by))
    report.complete()
    keys = [key for key in KINDS if key in by.split(",")]
    if "process" in keys:
        keys.append("command")
    for row in report.rows:
        assert set(keys) <= set(row)
        assert not (set(KINDS) - set(keys)) & set(row)
    shown = {tuple(row[key] for key in keys) for row in report.rows}
    assert by != "process" or len({process for process, *_ in shown}) >= 6
    assert "process" in keys or len(shown) == len(report.rows)


def test_whole_machine(watches):
    """By whatever it is told of, and also where processes come and go."""
    watch = watches("-e", "-L", "--by", "process,command,call,cgroup,user", "--self")
    for _ in range(20):
        subprocess.run(["true"], check=True)
    report = watch.end()
    assert report.interval["filtered"] == 0
    assert report.sums("command").get("true")


@pytest.mark.parametrize("by", ["user", "command", "process"])
def test_csv(by):
    result = run("--csv", "--self", "-T", "0", "--by", by, "-n", "1", "-i", "0.2")
    assert result.returncode == 0, result.stderr
    head, *rows = result.stdout.splitlines()
    assert head == "time,span,elapsed ns,process,command,user,cgroup,call,calls,errors," \
                   "by error,returned,total ns,min ns,max ns,histogram"
    assert {row.split(",")[1] for row in rows} == {"interval", "all"}
    for row in rows:
        assert len(row.split(",")) == len(head.split(",")) or '"' in row


def test_csv_of_nothing():
    with worker() as quiet:
        result = run("--csv", "-p", quiet.pid, "-n", "2", "-i", "0.1")
    assert result.returncode == 0, result.stderr
    assert [line[:10] for line in result.stdout.splitlines()] == ["time,span,"]


# ---- filters -----------------------------------------------------------------------------


def test_process(watches):
    with worker() as one, worker() as other:
        watch = watches("-p", one.pid, "--by", "process,call")
        one(500), other(700)
        report = watch.end().complete()
    assert set(report.sums("process")) == {one.pid}
    assert report.sums("call")["getppid"] == 500


def test_two_processes_and_calls(watches):
    with worker() as one, worker() as other, worker() as third:
        watch = watches("-p", f"{one.pid},{other.pid}", "--syscall", "getppid", "--by", "process")
        one(500), other(700), third(900)
        report = watch.end().complete()
    assert report.sums("process") == {one.pid: 500, other.pid: 700}


def test_quiet_selection_counts_nothing(watches):
    """What we do ourselves is left out, so that nothing feeds itself."""
    with worker() as quiet:
        watch = watches("-p", quiet.pid)
        until(lambda: watch.reports() > 3, what="reports")
        report = watch.end()
    assert report.interval["calls"] == 0
    assert report.interval["filtered"] > 0


def test_own_calls(watches):
    without, others = watches("--by", "process"), watches("--by", "process", "--self")
    until(lambda: others.reports() > 3 and without.reports() > 3, what="reports")
    without_pid, others_pid = without.popen.pid, others.popen.pid
    # While both live: who has ended has no number of its own any more.
    seen, seen_by_others = ({row["process"] for row in watch.records("syscalls")}
                            for watch in (without, others))
    assert {without_pid, others_pid} <= seen_by_others
    assert others_pid in seen and without_pid not in seen


def test_command_and_user(watches):
    """Of one kind any will do, of several all must hold."""
    code = native(300)
    watch = watches("-c", "python3,no such", "-u", "nobody", "--syscall", "getppid", "--by",
                    "command,user")
    start = ["setpriv", "--reuid", "65534", "--clear-groups"]
    subprocess.run(["/usr/bin/python3", "-c", code], check=True)
    subprocess.run([*start, "/usr/bin/python3", "-c", code], check=True)
    report = watch.end().complete()
    assert report.sums("command", "user") == {("python3", "nobody"): 300}


def test_failed_of_one_call(watches):
    with worker() as one:
        watch = watches("-x", "-p", one.pid, "--syscall", "getppid,read", "--by", "call")
        one(100)
        report = watch.end()
    assert report.interval["calls"] == 0


def test_cgroup_and_what_lies_beneath(watches):
    name = f"snt-{os.getpid()}"
    with cgroup(name, "inner", "innermost") as path:
        outer = f"/{name}"
        watch = watches("--cgroup", outer, "--syscall", "getppid", "--by", "cgroup,call")
        for count, place in ((100, path), (200, path.parent), (400, path.parent.parent)):
            subprocess.run(["/usr/bin/python3", "-c", native(count)], check=True,
                           preexec_fn=enter(place))
        subprocess.run(["/usr/bin/python3", "-c", native(800)], check=True)
        report = watch.end().complete()
    assert sum(report.sums("call").values()) == 700
    paths = report.sums("cgroup_path")
    assert {path[path.index(name):]: count for path, count in paths.items()} == {
        name: 400, f"{name}/inner": 200, f"{name}/inner/innermost": 100}


def test_cgroup_that_goes_while_we_look(watches):
    """Seen once, it keeps its name."""
    name = f"snt-gone-{os.getpid()}"
    watch = watches("--syscall", "getppid", "--by", "cgroup")
    made = 0

    def is_named():
        nonlocal made
        subprocess.run(["/usr/bin/python3", "-c", native(600)], check=True, preexec_fn=enter(path))
        made += 600
        return any(name in row["cgroup_path"] for row in watch.records("syscalls"))

    with cgroup(name) as path:
        until(is_named, what="its row")
    report = watch.end()
    assert [row["calls"] for row in report.rows if name in row["cgroup_path"]] == [made]


def test_process_that_moves(watches):
    """By process it is one; by cgroup its calls are where they were made, once told of."""
    name = f"snt-move-{os.getpid()}"
    with cgroup(name) as path, worker() as one:
        watch = watches("-p", one.pid, "--syscall", "getppid", "--by", "process,cgroup")
        one(300)
        seen = watch.reports()
        until(lambda: watch.reports() > seen + 1, what="a report")
        (path / "cgroup.procs").write_text(str(one.pid))
        one(500)
        report = watch.end()
        with contextlib.suppress(ProcessLookupError):
            (path.parent / "cgroup.procs").write_text(str(one.pid))
    paths = report.sums("cgroup_path")
    assert sum(paths.values()) == 800
    assert [count for path, count in paths.items() if name in path] == [500]


# ---- reports -----------------------------------------------------------------------------


def test_count_and_interval():
    result = run("-n", "3", "-i", "0.1", "--json", "-T", "1")
    assert result.returncode == 0, result.stderr
    heads = [record for record in records_of(result.stdout)
             if record["record"] == "syscalls_interval"]
    assert [head["span"] for head in heads] == ["interval"] * 3 + ["all"]
    rows = [record for record in records_of(result.stdout) if record["record"] == "syscalls"]
    assert len(rows) <= 4
    assert all(head["seen"] == head["counted"] + head["filtered"] for head in heads)
    # The whole time holds them all, and what went by between the last two reports.
    assert sum(head["elapsed_ns"] for head in heads[:3]) <= heads[3]["elapsed_ns"]


def test_top_says_what_is_not_shown():
    result = run("-T", "1", "--", "true")
    assert result.returncode == 0
    assert re.search(r"^\d+ more rows: \d+ calls, \d+\.\d % of the time \(-T 0 shows all\)$",
                     result.stderr, re.M), result.stderr
    assert "ledger: " in result.stderr


def test_names_cannot_reach_the_terminal():
    """A command chooses its name: no line and no escape of its own."""
    code = "import ctypes; libc = ctypes.CDLL(None)\n" \
           "libc.prctl(15, b'a\\n\\x1b[2J\\xff', 0, 0, 0)\n" \
           "import os, time; time.sleep(0.3)\nfor _ in range(50): os.getpgrp()"
    words = ["/usr/bin/python3", "-c", code]
    result = run("--by", "command,call", "-i", "0.1", "--", *words)
    assert result.returncode == 0, result.stderr
    assert "\x1b" not in result.stderr and "a\\x0a\\x1b[2J" in result.stderr
    report, _ = run_command(*words, options=("--by", "command,call", "-i", "0.1"))
    assert "a\\x0a\\x1b[2J\\xff" in report.sums("command")
