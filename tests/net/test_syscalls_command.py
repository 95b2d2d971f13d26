# SPDX-License-Identifier: GPL-2.0-or-later
"""`sumun syscalls` as a command: what it runs for you, what it refuses, who may use it."""
import json
import os
import re
import signal
import subprocess

import pytest

from lab import until
from observed import ENVIRONMENT, PATIENCE, SUMUN, complaints, final, records_of, run, run_command
from process import Process

NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
NEEDED = "+bpf,+perfmon"
REPORT = "system calls in all, "


# ---- the command that it runs ------------------------------------------------------------


@pytest.mark.parametrize("words, status", [
    (["true"], 0), (["false"], 1), (["sh", "-c", "exit 3"], 3), (["sh", "-c", "exit 255"], 255),
    (["sh", "-c", "kill -TERM $$"], 128 + signal.SIGTERM),
    (["sh", "-c", "kill -KILL $$"], 128 + signal.SIGKILL)])
def test_exit_status_is_passed_on(words, status):
    result = run("--", *words)
    assert result.returncode == status
    assert REPORT in result.stderr and not result.stdout


@pytest.mark.parametrize("words, status, said", [
    (["/nonexistent/command"], 127, "there is no such command"),
    (["no-such-command-here"], 127, "there is no such command"),
    (["/etc/passwd"], 126, "Permission denied"),
    (["/etc"], 126, "Permission denied")])
def test_what_cannot_be_run(words, status, said):
    """As a shell has it."""
    result = run("--", *words)
    assert result.returncode == status, result.stderr
    assert re.search(rf"cannot run .*{words[0]}.*: {said}", result.stderr), result.stderr
    assert REPORT not in result.stderr


def test_what_the_kernel_will_not_run(tmp_path):
    """Executable, but no program."""
    path = tmp_path / "nothing"
    path.write_bytes(b"\x00\x01\x02")
    path.chmod(0o755)
    result = run("--", path)
    assert result.returncode == 126
    assert "cannot run" in result.stderr and "Exec format error" in result.stderr


def test_input_and_output_are_its_own(tmp_path):
    """Byte for byte; the report goes to standard error."""
    data = bytes(range(256)) * 100
    result = subprocess.run([SUMUN, "syscalls", "--", "cat"], input=data, capture_output=True,
                            env=ENVIRONMENT, timeout=PATIENCE)
    assert result.returncode == 0
    assert result.stdout == data
    assert REPORT.encode() in result.stderr


def test_signals_are_the_usual_ones():
    """None is blocked, and only those are ignored that were ignored for us."""
    words = ["grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"]
    plain = subprocess.run(words, capture_output=True, text=True, env=ENVIRONMENT).stdout
    assert run("--", *words).stdout == plain


def test_broken_pipe_ends_it():
    result = subprocess.run(["sh", "-c", f"{SUMUN} syscalls -- yes 2>/dev/null | head -1"],
                            capture_output=True, text=True, env=ENVIRONMENT, timeout=PATIENCE)
    assert result.stdout == "y\n"


def test_no_descriptors_are_left_to_it():
    listing = ["sh", "-c", "exec ls /proc/self/fd"]
    plain = subprocess.run(listing, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                           env=ENVIRONMENT).stdout
    assert run("--", *listing).stdout == plain


def test_children_are_followed():
    """Also those whose parents are gone, as long as the command runs."""
    script = "(setsid sh -c 'sleep 0.1; exec /usr/bin/env -u A true' &) ; sleep 0.4; exit 0"
    report, _ = run_command("sh", "-c", script, options=("--by", "command,call"))
    report.complete()
    assert report.sums("command", "call").get(("true", "exit_group")) == 1
    assert set(report.sums("command")) >= {"sh", "sleep", "true"}
    assert report.interval["filtered"] > 0  # others, who are none of its


def started(*words, **options):
    """With a command that says when it stands."""
    process = Process([SUMUN, "syscalls", *options.get("options", ()), "--", *words], ENVIRONMENT)
    until(lambda: "ready" in process.lines() or process.ended(), what="the command")
    assert not process.ended(), process.errors()
    return process


def test_interrupt_from_the_terminal_does_not_lose_the_report():
    """The whole group gets it, and the command decides."""
    script = "trap 'exit 5' INT; echo ready; while :; do sleep 0.05; done"
    process = subprocess.Popen([SUMUN, "syscalls", "--", "sh", "-c", script], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT,
                               start_new_session=True)
    try:
        assert process.stdout.readline() == "ready\n"
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 5
    assert REPORT in errors


def test_interrupt_of_us_alone_leaves_the_command():
    process = started("sh", "-c", "echo ready; read line < /dev/null; sleep 0.3; exit 6")
    process.send(signal.SIGINT)
    assert process.wait(PATIENCE) == 6
    assert REPORT in process.errors()
    process.kill()


def test_termination_is_passed_on():
    process = started("sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done")
    process.send(signal.SIGTERM)
    assert process.wait(PATIENCE) == 7
    assert REPORT in process.errors()
    process.kill()


def test_no_line_is_torn():
    """The command writes to standard error as well, all the time."""
    script = "i=0; while [ $i -lt 150000 ]; do echo noise >&2; i=$((i + 1)); done"
    result = run("--json", "-i", "0.1", "--", "sh", "-c", script)
    lines = result.stderr.splitlines()
    assert lines.count("noise") == 150000
    records = records_of("\n".join(line for line in lines if line != "noise"))
    assert len([record for record in records if record["record"] == "syscalls_interval"]) > 1


def test_reports_while_it_runs():
    result = run("--json", "-i", "0.1", "--", "sleep", "0.5")
    heads = [record for record in records_of(result.stderr)
             if record["record"] == "syscalls_interval"]
    assert len(heads) >= 3
    assert [head["span"] for head in heads] == ["interval"] * (len(heads) - 1) + ["all"]


# ---- what is refused ---------------------------------------------------------------------


@pytest.mark.parametrize("words, said", [
    (["-p", "x"], "-p 'x': give the number of a process"),
    (["-p", "0"], "-p '0'"),
    (["-p", "1,,2"], "-p: nothing stands between two commas"),
    (["-p", ",".join(map(str, range(1, 18)))], "more than 16 processes"),
    (["-c", "a-name-that-is-too-long"], "only 15 characters"),
    (["-u", "no-such-user-here"], "there is no user 'no-such-user-here'"),
    (["--cgroup", "no-such-cgroup-here"], "no-such-cgroup-here"),
    (["--syscall", "opennat"], "opennat"),
    (["--syscall", "5000"], "5000"),
    (["--syscall", ","], "give the names"),
    (["--by", "thread"], "--by 'thread': give process, command, call, cgroup, user"),
    (["--by", ""], "--by"),
    (["-x", "-L"], "-x counts calls when they fail"),
    (["-i", "0.01"], "give seconds from 0.1 to 86400"),
    (["-n", "x"], "x"),
    (["-T", "x"], "give a whole number"),
    (["--nonsense"], "unrecognized option"),
    (["--json", "--csv"], "--csv"),
])
def test_bad_usage(words, said):
    result = run(*words)
    assert result.returncode == 2, result
    assert said in result.stderr, result.stderr
    assert not result.stdout and "\x1b" not in result.stderr


def test_reader_that_goes():
    """`| head -1` is no error, however it is shown."""
    for options in ("-i 0.1", "-i 0.1 --json", "-i 0.1 --csv", "-n 50 -i 0.1"):
        result = subprocess.run(["bash", "-c", f"set -o pipefail; {SUMUN} syscalls {options} "
                                 "| head -1"], capture_output=True, text=True, env=ENVIRONMENT,
                                timeout=PATIENCE)
        assert result.returncode == 0, (options, result.stderr)
        assert len(result.stdout.splitlines()) == 1 and not result.stderr


def test_reader_that_goes_leaves_the_command():
    """Nobody reads the reports, but it runs to its end."""
    line = f"set -o pipefail; {SUMUN} syscalls -i 0.1 -- sh -c 'sleep 0.7; exit 5' 2>&1 | head -1"
    result = subprocess.run(["bash", "-c", line], capture_output=True, text=True,
                            env=ENVIRONMENT, timeout=PATIENCE)
    assert result.returncode == 5
    assert len(result.stdout.splitlines()) == 1


# ---- who may -----------------------------------------------------------------------------


def as_nobody(*words, capabilities=None):
    start = list(NOBODY)
    if capabilities:
        start += ["--inh-caps", capabilities, "--ambient-caps", capabilities, "--bounding-set",
                  f"-all,{capabilities}"]
    return subprocess.run([*start, SUMUN, "syscalls", *words], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, env=ENVIRONMENT, timeout=PATIENCE)


def test_ordinary_user():
    result = as_nobody("-n", "1")
    assert result.returncode == 3, result
    assert "CAP_BPF" in result.stderr and "CAP_PERFMON" in result.stderr
    assert not result.stdout


@pytest.mark.parametrize("options", [(), ("-e", "-L"), ("-x",)], ids=["counts", "all", "failed"])
def test_two_capabilities_do(options):
    result = as_nobody("--json", "-n", "1", "-i", "0.2", "-T", "0", *options,
                       capabilities=NEEDED)
    assert result.returncode == 0, complaints(result)
    assert not result.stderr
    assert final(records_of(result.stdout)).interval["seen"] > 0


def test_two_capabilities_run_a_command():
    result = as_nobody("--json", "--", "true", capabilities=NEEDED)
    assert result.returncode == 0, complaints(result)
    assert final(records_of(result.stderr)).calls()["exit_group"]["calls"] == 1


def test_without_tracefs():
    """The first rung needs none."""
    script = "umount -l /sys/kernel/tracing 2>/dev/null; umount -lR /sys/kernel/debug 2>/dev/null;" \
             f" exec {SUMUN} syscalls --json -- true"
    result = subprocess.run(["unshare", "--mount", "sh", "-c", script], capture_output=True,
                            text=True, env=ENVIRONMENT, timeout=PATIENCE)
    assert result.returncode == 0, complaints(result)
    report = final(records_of(result.stderr))
    assert report.interval["hooks"] == "tp_btf sys_enter, tp_btf sys_exit"
    assert report.calls()["exit_group"]["calls"] == 1


# ---- beside the other commands -------------------------------------------------------------


def test_selftest_has_its_rows(lab):
    report = json.loads(lab.sumun("selftest", "--json", check=False).stdout)
    rows = {row["what"]: row for row in report["rows"] if row["module"] == "syscalls"}
    assert set(rows) == {"calls of a process", "calls that fail", "errors, by name",
                         "calls that were timed"}
    for row in rows.values():
        assert row["verdict"] == "right" and row["done"] == row["counted"] > 0, row


def test_doctor_names_it(lab):
    result = lab.sumun("doctor", check=False)
    assert re.search(r"syscalls", result.stdout), result.stdout


def test_check_prints_the_section(lab):
    path = lab.config("[syscalls]\nwatch = on\nerrors = yes\nby = command,call\ntop = 7\n"
                      "interval = 500ms\n")
    result = lab.sumun("check", path)
    assert "[syscalls]" in result.stdout
    for line in ("watch = on", "errors = on", "latency = off", "by = command,call", "top = 7",
                 "interval = 500ms"):
        assert re.search("^" + line.replace(" = ", " *= *") + "$", result.stdout, re.M), \
            (line, result.stdout)


@pytest.mark.parametrize("line, said", [
    ("by = thread", "give process, command, call"), ("top = 0", "from 1 to 1000 rows"),
    ("top = 1001", "from 1 to 1000 rows"), ("interval = 10ms", "100ms at most"),
    ("watch = perhaps", "perhaps")])
def test_check_refuses(lab, line, said):
    path = lab.config(f"[syscalls]\n{line}\n")
    result = lab.sumun("check", path, check=False)
    assert result.returncode == 2
    assert said in result.stderr and f"{path}:2" in result.stderr, result.stderr


@pytest.mark.parametrize("json_wanted", [False, True], ids=["text", "json"])
def test_run_reports(lab, json_wanted):
    path = lab.config("[filter]\nbans-file = none\n[syscalls]\nwatch = on\ninterval = 300ms\n"
                      "errors = on\nlatency = on\n")
    process = lab.run("-c", path, "g0", *(["--json"] if json_wanted else []))
    if json_wanted:
        until(lambda: len(process.records("syscalls_interval")) >= 2, what="two reports")
        until(lambda: process.records("syscalls"), what="rows")
        head = process.records("syscalls_interval")[0]
        assert head["seen"] == head["counted"] + head["filtered"] and head["missed"] == 0
    else:
        until(lambda: any(line.startswith("system calls in ") for line in process.lines()),
              what="a table")
        until(lambda: any("SYSTEM CALL" in line for line in process.lines()), what="its head")
    assert process.stop() == 0, process.errors()
    if json_wanted:
        *intervals, whole = process.records("syscalls_interval")
        assert {head["span"] for head in intervals} == {"interval"} and whole["span"] == "all"
        # What went by between the last two reports is only in the whole.
        assert sum(head["seen"] for head in intervals) <= whole["seen"]
        assert whole["seen"] == whole["counted"] + whole["filtered"]
    else:
        *_, last = [line for line in process.lines() if line.startswith("system calls in ")]
        assert last.startswith("system calls in all, ")
        assert any(line.startswith("ledger: ") for line in process.lines())


def test_run_counts_what_is_chosen(lab):
    path = lab.config("[filter]\nbans-file = none\n[syscalls]\nwatch = on\ninterval = 200ms\n"
                      "failed = on\nsyscalls = openat,257\ncommands = stat\nusers = root\n"
                      "by = command,call\n")
    process = lab.run("-c", path, "g0", "--json")
    until(lambda: process.records("syscalls_interval"), what="a report")
    for _ in range(3):
        subprocess.run(["/usr/bin/stat", "/nonexistent"], capture_output=True)
        subprocess.run(["/usr/bin/cat", "/nonexistent"], capture_output=True)
    until(lambda: process.records("syscalls"), what="a row")
    assert process.stop() == 0, process.errors()
    rows = process.records("syscalls")
    assert {(row["command"], row["call"]) for row in rows} == {("stat", "openat")}
    assert all(row["errors"] == row["calls"] for row in rows)
