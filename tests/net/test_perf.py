# SPDX-License-Identifier: GPL-2.0-or-later
"""`sumun perf` against programs that do known things, and against the kernel's own books."""
import csv
import io
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

from lab import until
from process import Process, patient

SUMUN = os.environ["SUMUN"]
TRUTH = pathlib.Path(os.environ["SUMUN"]).parents[2] / "tests/net/perf_truth"
PATIENCE = patient(120)
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "SSH_CONNECTION"} | \
    {"LC_ALL": "C.UTF-8", "TZ": "UTC"}
TRIES = 20
SLACK = 0.001  # of what is compared with counters that are read a moment earlier or later


def run(*words, **options):
    return subprocess.run([SUMUN, "perf", *map(str, words)], text=True, errors="replace",
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=PATIENCE, env=ENVIRONMENT, check=False,
                          **options)


def records_of(text, *names):
    records = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [record for record in records if not names or record["record"] in names]


def shown(measure):
    """Its records, of a time in which the kernel showed every switch: some hide a few."""
    for _ in range(TRIES):
        result = measure()
        if not any(record.get("switches_unseen") for record in result[-1]):
            return result
    return pytest.skip("this kernel does not show every switch")


def of_command(*words, options=(), program=TRUTH):
    """What the truth program did, as it says, and the records of that."""
    def measure():
        result = run("--json", "-T", "0", *options, "--", program, *words)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout), records_of(result.stderr)

    return shown(measure)


def row_of(records, process):
    rows = [record for record in records if record["record"] == "perf_row" and
            record["process"] == process]
    assert len(rows) == 1, records
    return rows[0]


class Watch(Process):
    """`sumun perf --json` beside the test, once it has told something."""

    def __init__(self, *words):
        super().__init__([SUMUN, "perf", "--json", "-T", "0", "-i", "0.2", *map(str, words)],
                         ENVIRONMENT)

    def reports(self):
        return len(self.records("perf_interval"))

    def began(self):
        until(lambda: self.reports() or self.ended(), what="the first report")
        assert not self.ended(), self.errors()
        return self

    def end(self):
        """The records of the whole time."""
        assert self.stop(signal.SIGINT, PATIENCE) == 0, self.errors()
        return [record for record in self.records() if record.get("span") == "all"]


@pytest.fixture
def beside():
    """Starts processes and ends those that the test left."""
    started = []

    def start(process):
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()


def metrics_of(records):
    return {record["metric"]: record for record in records if record["record"] == "perf"}


# ---- one process ------------------------------------------------------------------------


@pytest.mark.parametrize("scenario, count", [
    ("faults", 5000), ("naps", 50), ("calls", 20000), ("switches", 5000), ("burn", 300),
    ("threads", 1000)])
def test_process_is_as_the_kernel_has_it(scenario, count):
    truth, records = of_command(scenario, count)
    row = row_of(records, truth["process"])
    # Before its last switch the kernel closes the books of a thread that is not its process's
    # first.
    threads = truth["threads"]
    for key in ("faults_minor", "faults_major"):
        assert row[key] == truth[key], key
    for key in ("voluntary", "involuntary"):
        assert truth[key] <= row[key] <= truth[key] + threads, key
    # The kernel tells whole microseconds, of user and of system.
    assert row["time_ns"] >= truth["time_ns"] - 2000
    assert threads or row["time_ns"] <= truth["time_ns"] * (1 + SLACK) + 2000
    least = {"faults": ("faults_minor", count), "naps": ("voluntary", count),
             "calls": ("calls", count), "threads": ("faults_minor", 4 * count)}
    if scenario in least:
        key, number = least[scenario]
        assert number <= row[key] <= number + 200
    if scenario == "switches":
        assert 2 * count <= row["voluntary"] + row["involuntary"]
        assert 4 * count <= row["calls"] <= 4 * count + 200
    if scenario == "threads":
        assert 4 * count <= row["calls"] <= 4 * count + 200
    interval = next(record for record in records if record["record"] == "perf_interval")
    assert interval["missed"] == interval["calls_process_unknown"] == interval["folded"] == 0
    assert interval["calls_counted"] + interval["calls_filtered"] + interval["calls_unseen"] <= \
        interval["calls_seen"]


def test_major_faults(tmp_path):
    directory = tmp_path if os.statvfs(tmp_path).f_fsid else pathlib.Path("/var/tmp")
    truth, records = of_command("major", 200, directory / "pages")
    row = row_of(records, truth["process"])
    assert (row["faults_minor"], row["faults_major"]) == \
        (truth["faults_minor"], truth["faults_major"])
    if truth["faults_major"] < 200:
        pytest.skip("files here are in memory: nothing is ever read")


def test_migrations():
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one CPU")
    truth, records = of_command("migrations", 200)
    # It may have begun on the one that is asked for first.
    assert 199 <= row_of(records, truth["process"])["migrations"] <= 230


def test_strangers_are_left_out(beside):
    stranger = beside(Process([str(TRUTH), "forever", "1"], ENVIRONMENT))
    truth, records = of_command("calls", 1000)
    processes = {record["process"] for record in records if record["record"] == "perf_row"}
    assert truth["process"] in processes and stranger.popen.pid not in processes
    assert not metrics_of(records)


def test_process_that_runs_on_is_told(beside):
    """Its time is told while it runs, and in the end is not more than it had."""
    hog = beside(Process([str(TRUTH), "forever", "1"], ENVIRONMENT))

    def time_of():
        with open(f"/proc/{hog.popen.pid}/schedstat") as file:
            return int(file.read().split()[0])

    until(lambda: time_of() > 0, what="the other process")
    before = time_of()
    watch = beside(Watch("-p", hog.popen.pid)).began()
    middle = time_of()
    seen = watch.reports()
    until(lambda: watch.reports() > seen + 3, what="reports")
    least = time_of() - middle
    records = watch.end()
    # Some of it is not known where the kernel does not show every switch.
    unseen = sum(record.get("switches_unseen", 0) for record in records)
    assert least / (2 if unseen else 1) <= row_of(records, hog.popen.pid)["time_ns"] <= \
        time_of() - before
    parts = [record for record in watch.records("perf_row") if record["span"] == "interval"]
    assert all(part["time_ns"] < 2 ** 62 and part["calls"] < 2 ** 62 for part in parts)
    assert sum(part["time_ns"] for part in parts) <= row_of(records, hog.popen.pid)["time_ns"]
    assert sum(part["calls"] > 0 for part in parts) > 1


# ---- all of them ------------------------------------------------------------------------


def kernel_books():
    with open("/proc/stat") as file:
        stat = dict(line.split()[:2] for line in file)
    with open("/proc/vmstat") as file:
        pages = dict(line.split() for line in file)
    return {"switches": int(stat["ctxt"]), "interrupts": int(stat["intr"]),
            "softirqs": int(stat["softirq"]), "faults": int(pages["pgfault"])}


def test_totals_are_those_of_the_kernel(beside):
    """What was counted is between what the kernel counted for less long, and for longer."""
    books = [kernel_books()]
    watch = beside(Watch("--by", "process", "--warn", "none")).began()
    books.append(kernel_books())
    for scenario, count in (("switches", 50000), ("faults", 50000), ("naps", 20)):
        subprocess.run([TRUTH, scenario, str(count)], check=True, stdout=subprocess.DEVNULL)
    books.append(kernel_books())
    records = watch.end()
    books.append(kernel_books())
    counted = {name: record["count"] for name, record in metrics_of(records).items()}
    for name in ("switches", "interrupts", "softirqs"):
        inner, outer = books[2][name] - books[1][name], books[3][name] - books[0][name]
        assert inner * (1 - SLACK) <= counted[name] <= outer * (1 + SLACK) + 2, name
    assert counted["switches"] == sum(counted[f"switches_{kind}"] for kind in
                                      ("voluntary", "involuntary", "idle", "unseen"))
    assert counted["switches"] >= 100000
    # Those of the kernel's own, as when it copies to user memory, are no user faults; they are
    # of the process, though. What fails is no fault of either.
    rows = [record for record in records if record["record"] == "perf_row"]
    of_rows = sum(row["faults_minor"] + row["faults_major"] for row in rows)
    user = counted["page_faults_minor"] + counted["page_faults_major"]
    outer = books[3]["faults"] - books[0]["faults"]
    assert 50000 <= user <= outer * (1 + SLACK)
    assert 50000 <= of_rows or counted["switches_unseen"]
    assert of_rows <= outer * (1 + SLACK)
    for record in metrics_of(records).values():
        if record["count"] is not None:
            assert sum(record["per_cpu"].values()) == record["count"]


class PerfStat:
    """`perf stat -a` from now until end()."""

    EVENTS = {"raw_syscalls:sys_enter": ("system_calls",), "context-switches": ("switches",),
              "cpu-migrations": ("migrations",), "minor-faults:u": ("page_faults_minor",)}

    def __init__(self, path):
        self.path = path
        self.popen = subprocess.Popen(
            ["perf", "stat", "-a", "-x", ",", "-o", path, "-e", ",".join(self.EVENTS), "--",
             "sh", "-c", "echo ready; exec cat >/dev/null"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.popen.stdout.readline() != "ready\n":
            pytest.skip(f"perf cannot count here: {self.popen.communicate()[1]}")

    def end(self):
        self.popen.communicate()
        result = {}
        for line in self.path.read_text().splitlines():
            fields = line.split(",")
            if len(fields) > 2 and fields[2] in self.EVENTS:
                if not fields[0].isdigit():
                    pytest.skip(f"perf cannot count here: {line}")
                result[self.EVENTS[fields[2]][0]] = int(fields[0])
        return result


def test_perf_counts_the_same(tmp_path, beside):
    if not shutil.which("perf"):
        pytest.skip("there is no perf here")
    outer = PerfStat(tmp_path / "outer")
    watch = beside(Watch("--warn", "none")).began()
    inner = PerfStat(tmp_path / "inner")
    for scenario, count in (("switches", 30000), ("faults", 50000), ("calls", 200000)):
        subprocess.run([TRUTH, scenario, str(count)], check=True, stdout=subprocess.DEVNULL)
    least = inner.end()
    counted = metrics_of(watch.end())
    most = outer.end()
    for name, number in least.items():
        assert number * (1 - SLACK) <= counted[name]["count"] <= most[name] * (1 + SLACK), name
    assert least["system_calls"] >= 200000


def test_every_number_has_a_source():
    result = run("--json", "-i", "0.2", "-n", "1")
    assert result.returncode == 0, result.stderr
    found = metrics_of(records_of(result.stdout))
    assert len(found) == 18
    for name, record in found.items():
        assert record["by"], name
        if record["count"] is None:
            assert "no PMU here" in record["by"] and name in ("cycles", "instructions")


# ---- warnings ---------------------------------------------------------------------------


def test_warning_begins_and_ends_with_its_cause(beside):
    load = beside(Process([str(TRUTH), "forever", "1"], ENVIRONMENT))
    result = run("--json", "-i", "0.5", "-n", "1", "--by", "process", "-T", "0")
    rows = records_of(result.stdout, "perf_row")
    row = row_of([record for record in rows if record["span"] == "interval"], load.popen.pid)
    rate = row["calls"] * 10 ** 9 // row["elapsed_ns"]
    others = metrics_of(records_of(result.stdout))["system_calls"]["count"] - row["calls"]
    if others > row["calls"] / 4:
        pytest.skip("others make too many system calls here")
    watch = beside(Watch("--warn", f"none,syscalls={rate // 2}/s"))
    until(lambda: watch.records("perf_warning"), what="a warning")
    load.kill()
    until(lambda: len(watch.records("perf_warning")) > 1, what="the end of it")
    watch.end()
    begun, ended = watch.records("perf_warning")[:2]
    assert (begun["state"], ended["state"]) == ("begun", "ended")
    assert begun["what"] == ended["what"] == "system calls" and begun["cpu"] is None
    assert begun["per_second"] > begun["limit"] == rate // 2
    assert ended["peak"] >= begun["per_second"] and ended["lasted_ns"] > 0
    assert list(begun["processes"])[0] == f"perf_truth({load.popen.pid})"
    assert list(begun["commands"])[0] == "perf_truth"
    assert list(begun["calls"])[0] == "getppid" and begun["cgroups"]


def test_warnings_in_text_and_of_one_cpu(beside):
    beside(Process(["taskset", "-c", "0", str(TRUTH), "forever", "1"], ENVIRONMENT))
    result = run("-i", "0.5", "-n", "1", "--warn", "none,syscalls=1/min/cpu")
    output = re.sub(r"\n  +", " ", result.stdout)  # lines that go on
    assert re.search(r"warning: system calls [\d.,kM ]+/s on cpu0, over <?0\S*/s \(.* in .*\);\s+processes: "
                     r".*; commands: .*; cgroups: .*; calls: .*", output), result.stdout
    assert "page faults, minor" in result.stdout and "warning: page faults" not in result.stdout


# ---- waits ------------------------------------------------------------------------------


def test_waits_are_as_many_as_switches(tmp_path):
    program = tmp_path / "napper"
    shutil.copy(TRUTH, program)
    truth, records = of_command("naps", 20, options=["-L"], program=program)
    switches = {"voluntary": 0, "involuntary": 0}
    for row in records:
        if row["record"] == "perf_row":
            for key in switches:
                switches[key] += row[key]
    waits = {record["kind"]: record for record in records
             if record["record"] == "perf_wait" and record["command"] == "napper"}
    everything = {record["kind"]: record for record in records
                  if record["record"] == "perf_wait" and record["command"] is None}
    # Two processes end by a switch that nothing follows; one begins before it is the command.
    off = waits["off_cpu_voluntary"]
    assert switches["voluntary"] - 3 <= everything["off_cpu_voluntary"]["count"] <= \
        switches["voluntary"]
    assert truth["voluntary"] - 1 <= off["count"]
    for record in waits.values():
        assert sum(record["histogram"].values()) == record["count"]
        assert record["max_ns"] <= record["total_ns"]
    # Each nap takes ten milliseconds, or longer.
    # One that is preempted on its way takes two.
    naps = sum(number for bound, number in off["histogram"].items() if int(bound) >= 2 ** 23)
    assert naps >= 20 - truth["involuntary"]
    assert off["total_ns"] >= 20 * 10 ** 7
    assert waits["run_queue"]["count"] >= 20
    assert waits["run_queue"]["total_ns"] < off["total_ns"]


# ---- the command ------------------------------------------------------------------------


@pytest.mark.parametrize("words, why", [
    (("--by", "call"), "sumun syscalls"),
    (("--by", "color"), "give process"),
    (("--warn", "syscalls"), "syscalls=RATE"),
    (("--warn", "heat=1/s"), "syscalls=RATE"),
    (("--warn", "faults=0/s"), "more than nothing"),
    (("--warn", "faults=10/s", "-p", "1"), "whole host"),
    (("--json", "--csv"), "one of them"),
    (("-x",), "invalid option"),
])
def test_wrong_usage(words, why):
    result = run(*words)
    assert result.returncode == 2 and why in result.stderr, result.stderr


def test_status_of_the_command_is_passed_on():
    assert run("--", "sh", "-c", "exit 7").returncode == 7
    assert run("--", "/nonexistent/program").returncode == 127


def test_csv():
    result = run("--csv", "-i", "0.2", "-n", "1", "--warn", "none")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert {row["span"] for row in rows} == {"interval", "all"}
    assert [row["metric"] for row in rows[:2]] == ["system_calls", "page_faults_minor"]
    result = run("--csv", "-i", "0.2", "-n", "1", "--by", "command,user")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert rows and all(row["command"] and row["user"] for row in rows)


def test_reader_that_goes_ends_it(beside):
    result = subprocess.run(["sh", "-c", f"{SUMUN} perf -i 0.1 --warn none | head -n 1"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            timeout=PATIENCE, env=ENVIRONMENT, check=True)
    assert result.stdout.startswith("performance in ") and not result.stderr


def test_part_of_run(tmp_path, beside):
    log = tmp_path / "log.json"
    config = tmp_path / "perf.conf"
    config.write_text(f"""
[filter]
enabled = off
[perf]
watch = on
by = command
latency = on
top = 5
interval = 300ms
warn-syscalls = 1/min
warn-faults = none
warn-switches = 1/min/cpu
[log]
json = {log}
""")
    check = subprocess.run([SUMUN, "check", config], env=ENVIRONMENT, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True)
    assert check.returncode == 0, check.stdout
    for line in ("warn-syscalls = 1/min", "warn-faults = none", "warn-switches = 1/min/cpu",
                 "by = command"):
        assert line in check.stdout, check.stdout
    process = beside(Process([SUMUN, "run", "-c", str(config)], ENVIRONMENT))
    beside(Process([str(TRUTH), "forever", "1"], ENVIRONMENT))
    until(lambda: process.ended() or (log.exists() and "perf_warning" in log.read_text()),
          what="a warning in the log")
    assert process.stop() == 0, process.errors()
    records = records_of(log.read_text())
    assert {"perf", "perf_interval", "perf_row", "perf_wait", "perf_warning"} <= \
        {record["record"] for record in records}
    assert {record["what"] for record in records if record["record"] == "perf_warning"} <= \
        {"system calls", "context switches"}
    assert any("context switches" in line for line in process.lines())
