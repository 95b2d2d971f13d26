# SPDX-License-Identifier: GPL-2.0-or-later
"""`sumun syscalls` counts what was done: exactly, each for whom it is, with its errors."""
import json
import os
import re
import shutil
import subprocess

import pytest

from lab import until
from observed import ENVIRONMENT, PATIENCE, Lines, compiled, run_command
from process import Process

LONG = bool(os.environ.get("SUMUN_LONG"))


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("truth"), "syscalls_truth.c", "-pthread")


# ---- what is counted -------------------------------------------------------------------


@pytest.mark.parametrize("options", [("-e",), ("-e", "-L"), ()], ids=["errors", "both", "usual"])
@pytest.mark.parametrize("scenario", ["calls", "compat", "exits", "signals"])
def test_known_calls(truth, scenario, options):
    report, said = run_command(truth, scenario, 500, options=options)
    report.complete().check(json.loads(said))


def test_known_calls_without_a_compiler():
    """Where none is: only what Python itself does not do."""
    code = "import ctypes, os\nlibc = ctypes.CDLL(None)\nfor _ in range(300):\n" \
           "    os.getppid(); libc.close(-1); libc.syscall(600); libc.syscall(5000)\n"
    report, _ = run_command("/usr/bin/python3", "-c", code, options=("-e", "-L"))
    calls = report.complete().calls()
    assert calls["getppid"] == {"calls": 300, "errors": {}}
    assert calls["close"]["errors"] == {"EBADF": 300}
    assert calls["#600"] == calls["(no such call)"] == {"calls": 300, "errors": {"ENOSYS": 300}}
    assert calls["exit_group"] == {"calls": 1, "errors": {}}


def test_latency_of_calls_that_return(truth):
    report, said = run_command(truth, "calls", 200)
    for row in report.complete().rows:
        if row["call"] in json.loads(said):
            assert row["returned"] == row["calls"], row
        if row["call"] in ("exit", "exit_group"):
            assert row["returned"] == 0 and row["min_ns"] == row["max_ns"] == 0


def test_32_bit_program(tmp_path):
    program = compiled(tmp_path, "syscalls_truth32.c", "-m32", "-nostdlib", "-ffreestanding",
                       "-fno-pic", "-fno-stack-protector")
    report, _ = run_command(program)
    # Its first call, the execve that made it, is still one of 64 bits.
    assert report.complete().calls() == {
        "execve": {"calls": 1, "errors": {}},
        "i386:getppid": {"calls": 1000, "errors": {}},
        "i386:close": {"calls": 1000, "errors": {"EBADF": 1000}},
        "i386:exit": {"calls": 1, "errors": {}},
    }


def test_only_failed(truth):
    """-x: calls that end with an error, and no others."""
    report, said = run_command(truth, "calls", 100, options=("-x",))
    expected = {name: {"calls": sum(entry["errors"].values()), "errors": entry["errors"]}
                for name, entry in json.loads(said).items()}
    report.complete().check(expected)
    assert report.interval["errors"] == report.interval["calls"]
    assert report.interval["filtered"] > 0


def test_strace_sees_the_same(truth, tmp_path):
    """Call by call, but for those that strace cannot count: what never returns."""
    if not shutil.which("strace"):
        pytest.skip("there is no strace here")
    report, _ = run_command(truth, "calls", 20)
    path = tmp_path / "strace"
    subprocess.run(["strace", "-c", "-f", "-o", path, truth, "calls", "20"], check=True,
                   stdout=subprocess.PIPE, timeout=PATIENCE)
    witness = {}
    for line in path.read_text().splitlines():
        match = re.fullmatch(r" *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:(\d+) +)?(\S+)", line)
        if match and match[3] != "total":
            # x32 calls have the same names there, and come last.
            witness.setdefault(match[3], (int(match[1]), int(match[2] or 0)))
    ours = {name: (entry["calls"], sum(entry["errors"].values()))
            for name, entry in report.complete().calls().items()}
    # How often threads wait for each other is chance; exit_group and exit never return; and
    # strace has names of its own where no call is.
    left_out = {"futex", "exit", "exit_group", "madvise", "(no such call)", "#600", "x32:#900",
                "x32:getppid"}
    assert {name: ours[name] for name in ours if name not in left_out} == \
        {name: witness[name] for name in witness
         if name not in left_out and not name.startswith(("syscall_", "0x"))}
    assert len(witness) > 50


def test_perf_counts_the_same(truth, tmp_path):
    """All calls of a command, by the kernel's own tracepoint, counted by perf."""
    if not shutil.which("perf"):
        pytest.skip("there is no perf here")
    path = tmp_path / "perf"
    result = subprocess.run(["perf", "stat", "-x", ",", "-o", path, "-e",
                             "raw_syscalls:sys_enter", truth, "signals", "3000"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    match = re.search(r"^(\d+),.*raw_syscalls:sys_enter", path.read_text(), re.M)
    if result.returncode or not match:
        pytest.skip(f"perf cannot count here: {result.stderr} {path.read_text()}")
    report, _ = run_command(truth, "signals", 3000)
    # perf begins with the return of the execve, we with its begin.
    assert report.complete().interval["calls"] - 1 == int(match[1])


# ---- processes and what becomes of them --------------------------------------------------


def test_vfork_and_exec(truth):
    shell = ["/bin/sh", "-c", "exit 0"]
    report, said = run_command(truth, "vfork", 50, *shell, options=("--by", "command,call"))
    truth_calls = json.loads(said)
    report.complete().check({"vfork": truth_calls["vfork"], "execve": truth_calls["execve"]})
    # The execve is still of the old program, what comes after it of the new.
    by = report.sums("command", "call")
    assert by["sh", "exit_group"] == 50
    assert not by.get(("sh", "execve"))


def test_exec_of_a_thread_that_is_not_the_leader(truth):
    report, _ = run_command(truth, "thread-exec", 700, truth, "churn", 3,
                            options=("--by", "process,call"))
    report.complete()
    by_call = report.sums("call")
    assert by_call["getppid"] == 703
    assert by_call["execve"] == 2
    assert by_call["exit_group"] == 4
    assert by_call.get("exit", 0) == 0


@pytest.mark.parametrize("options", [(), ("-e", "-L")], ids=["counts", "all"])
def test_many_short_lived(truth, watches, options):
    """Nothing is lost, nothing twice, and the books stay small."""
    count = 100000 if LONG else 20000 if not options else 5000
    watch = watches("-c", "syscalls_truth", "--by", "process,command,call", *options)
    result = subprocess.run([truth, "churn", str(count)], stdout=subprocess.PIPE, text=True,
                            check=True, timeout=PATIENCE * 5)
    with open(f"/proc/{watch.popen.pid}/status") as file:
        memory = int(re.search(r"VmHWM:\s+(\d+) kB", file.read())[1])
    seen = watch.reports()
    until(lambda: watch.reports() > seen + 1, what="a report that has told of all")
    report = watch.end()
    assert {row["process"] for row in report.rows} == {None}
    calls = report.sums("call")
    for call, entry in json.loads(result.stdout).items():
        assert calls[call] == entry["calls"], call
    assert calls["wait4"] == count
    # Where the kernel had no room for a process the call is counted, and so is that.
    assert report.sums("command").get(None, 0) == report.interval["process_unknown"]
    assert set(report.sums("command")) <= {"syscalls_truth", None}
    assert report.interval["missed"] == 0
    assert memory < 64 * 1024


def test_intervals_add_up_to_the_whole(truth, watches):
    watch = watches("-e", "-c", "syscalls_truth", "--by", "process,call")
    program = Lines(truth, 1000)
    program.calls()
    subprocess.run([truth, "churn", "300"], stdout=subprocess.DEVNULL, check=True)
    program.calls()
    program.end()
    seen = watch.reports()
    until(lambda: watch.reports() > seen + 1, what="the last interval")
    whole = watch.end()
    parts = watch.intervals()
    assert len(parts) >= 2
    for key in ("counted", "missed", "calls", "errors", "folded", "process_unknown"):
        assert sum(part.interval[key] for part in parts) == whole.interval[key]
    for call, number in whole.sums("call").items():
        assert sum(part.sums("call").get(call, 0) for part in parts) == number
    assert whole.sums("call")["getppid"] == 2300


USED_AGAIN = """
import os

def child(count):
    pid = os.fork()
    if pid == 0:
        for _ in range(count):
            os.getppid()
        os._exit(0)
    os.waitpid(pid, 0)
    return pid

for attempt in range(200):
    first = child(100)
    with open("/proc/sys/kernel/ns_last_pid", "w") as file:
        file.write(str(first - 1))
    if child(1000) == first:
        print(first)
        break
"""


def test_number_that_is_used_again():
    """It is another process, also in one report."""
    if not os.access("/proc/sys/kernel/ns_last_pid", os.W_OK):
        pytest.skip("numbers of processes cannot be chosen here")
    report, said = run_command("/usr/bin/python3", "-c", USED_AGAIN, options=(
        "--by", "process", "--syscall", "getppid"))
    if not said:
        pytest.skip("others took the number each time")
    calls = [row["calls"] for row in report.complete().rows if row["process"] == int(said)]
    assert sorted(calls) == [100, 1000]


@pytest.mark.parametrize("start", [
    ["unshare", "--pid", "--fork"], ["unshare", "--mount"], ["unshare", "--user"],
    ["unshare", "--user", "--pid", "--fork", "--mount", "--net", "--uts", "--ipc"]],
    ids=["pid", "mount", "user", "all"])
def test_in_other_namespaces(truth, start):
    report, said = run_command(*start, truth, "calls", 50, options=("--by", "command,call"))
    assert {call: number for (command, call), number in report.complete()
            .sums("command", "call").items()
            if command == "syscalls_truth" and call in json.loads(said)} == \
        {call: entry["calls"] for call, entry in json.loads(said).items()}


def test_name_and_user_change(truth, watches):
    """What came before a change stays where it was, once it was told of."""
    program = Lines(truth, 1000)
    try:
        watch = watches("-p", program.pid, "--syscall", "getppid", "--by",
                        "process,command,user,call")
        for line in ("go", "name other name", "user 65534"):
            program.calls(line)
            seen = watch.reports()
            until(lambda: watch.reports() > seen + 1, what="a report")
        report = watch.end()
    finally:
        program.end()
    by = report.sums("command", "user")
    assert sum(by.values()) == 3000
    assert by["syscalls_truth", "root"] == 1000
    assert by["other name", "root"] == 1000
    assert by["other name", "nobody"] == 1000


def test_call_under_way(truth, watches):
    with subprocess.Popen([truth, "read", "1"], stdin=subprocess.PIPE) as program:
        watch = watches("-p", program.pid, "-L", "--by", "process,call")
        assert watch.reports()
        # It began to read before we looked.
        program.stdin.write(b"x")
        program.stdin.flush()
        flights = until(lambda: watch.records("syscalls_under_way"), what="a call under way")
        assert flights[0]["call"] == "read"
        assert flights[0]["process"] == flights[0]["thread"] == program.pid
        program.stdin.write(b"\n")
        program.stdin.flush()
        program.wait(PATIENCE)
    report = watch.end()
    row = next(row for row in report.rows if row["call"] == "read")
    assert row["returned"] == row["calls"] == 1
    # It was under way because it had lasted longer than an interval.
    assert row["max_ns"] > min(part.interval["elapsed_ns"] for part in watch.intervals())


def test_call_under_way_as_text(truth):
    with subprocess.Popen([truth, "read", "1"], stdin=subprocess.PIPE) as program:
        watch = Process([os.environ["SUMUN"], "syscalls", "-L", "-i", "0.2", "-p",
                         str(program.pid)], ENVIRONMENT)
        try:
            until(lambda: watch.lines(), what="a report")
            program.stdin.write(b"x")
            program.stdin.flush()
            until(lambda: any(re.match(rf"under way for longer: 1; read .*process {program.pid}",
                                       line) for line in watch.lines()), what="the call")
        finally:
            program.stdin.write(b"\n")
            program.stdin.flush()
            watch.stop()
            watch.kill()


def test_overload(truth, watches):
    """Processes that make nothing but calls, more than there are CPUs."""
    watch = watches("-c", "syscalls_truth", "--by", "call")
    programs = [subprocess.Popen([truth, "calls", "5000"], stdout=subprocess.PIPE, text=True)
                for _ in range(2 * os.cpu_count())]
    said = [json.loads(program.communicate(timeout=PATIENCE)[0]) for program in programs]
    report = watch.end().complete()
    seen = report.sums("call")
    for call, entry in said[0].items():
        assert seen[call] == len(programs) * entry["calls"]
