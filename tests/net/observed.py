# SPDX-License-Identifier: GPL-2.0-or-later
"""`sumun syscalls` beside what it looks at: its records, and programs whose calls are known."""
import json
import os
import pathlib
import shutil
import signal
import subprocess

import pytest

from process import Process, patient

SUMUN = os.environ["SUMUN"]
HERE = pathlib.Path(__file__).resolve().parent
PATIENCE = patient(120)
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "SSH_CONNECTION"} | \
    {"LC_ALL": "C.UTF-8", "TZ": "UTC"}


def compiled(directory, source, *flags):
    """A static program, so that the loader makes no calls."""
    if not shutil.which("gcc"):
        pytest.skip("there is no compiler here")
    program = directory / pathlib.Path(source).stem
    subprocess.run(["gcc", "-O1", "-Wall", "-Werror", "-static", *flags, "-o", program,
                    HERE / source], check=True)
    return str(program)


class Report:
    """What --json printed at the end of the run, or of one interval."""

    def __init__(self, records):
        self.interval = next(record for record in records
                             if record["record"] == "syscalls_interval")
        self.rows = [record for record in records if record["record"] == "syscalls"]
        self.balance()

    def balance(self):
        """What holds of every report that shows all rows."""
        head = self.interval
        assert head["seen"] == head["counted"] + head["filtered"], head
        assert head["calls"] == head["counted"], head
        assert head["rows"] == len(self.rows), head
        assert sum(row["calls"] for row in self.rows) == head["calls"]
        assert sum(row.get("errors", 0) for row in self.rows) == head.get("errors", 0)
        for row in self.rows:
            if "histogram" in row:
                assert sum(row["histogram"].values()) == row["returned"]
                assert row["min_ns"] * row["returned"] <= row["total_ns"] <= \
                    row["max_ns"] * row["returned"]

        # A call can end in another interval than it began in, or in another program (execve).
        if head["span"] == "all":
            assert sum(row.get("returned", 0) for row in self.rows) <= head["calls"]

    def complete(self):
        head = self.interval
        assert not (head["missed"] or head["process_unknown"] or head["untimed"]), head
        return self

    def sums(self, *keys):
        """{(values of the keys): calls}, or of one key {value: calls}."""
        result = {}
        for row in self.rows:
            key = tuple(row[name] for name in keys) if len(keys) > 1 else row[keys[0]]
            result[key] = result.get(key, 0) + row["calls"]
        return result

    def calls(self):
        """{call: {"calls": N, "errors": {}}}, over whatever else rows are by."""
        result = {}
        for row in self.rows:
            entry = result.setdefault(row["call"], {"calls": 0, "errors": {}})
            entry["calls"] += row["calls"]
            for name, number in row.get("by_error", {}).items():
                entry["errors"][name] = entry["errors"].get(name, 0) + number
        return result

    def check(self, truth):
        """Every call that the truth knows was made so often, with those errors."""
        seen = self.calls()
        none = {"calls": 0, "errors": {}}
        assert {name: seen.get(name, none) for name in truth} == truth


def records_of(text):
    return [json.loads(line) for line in text.splitlines()]


def final(records):
    return Report([record for record in records if record.get("span") == "all"])


def run(*words, **options):
    """`sumun syscalls` to its end."""
    options = {"stdin": subprocess.DEVNULL, "env": ENVIRONMENT} | options
    return subprocess.run([SUMUN, "syscalls", *map(str, words)], text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE,
                          check=False, **options)


def complaints(result):
    """What was said beside the records."""
    return "\n".join(line for line in result.stderr.splitlines() if not line.startswith("{"))


def run_command(*words, options=(), **others):
    """The report on a command, and what it printed."""
    result = run("--json", *options, "--", *words, **others)
    assert result.returncode == 0, complaints(result)
    return final(records_of(result.stderr)), result.stdout


class Watch(Process):
    """`sumun syscalls --json` beside the test, once it counts; -T 0 because Report adds up."""

    def __init__(self, *words, start=()):
        super().__init__([*start, SUMUN, "syscalls", "--json", "-T", "0", "-i", "0.1",
                          *map(str, words)], ENVIRONMENT)

    def reports(self):
        return len(self.records("syscalls_interval"))

    def end(self):
        assert self.stop(signal.SIGINT, PATIENCE) == 0, self.errors()
        return final(self.records())

    def intervals(self):
        """One report for each interval; the last record of all, the whole time, left out."""
        result = []
        for record in self.records():
            if record["record"] == "syscalls_interval":
                result.append([])
            result[-1].append(record)
        return [Report(records) for records in result if records[0]["span"] == "interval"]


class Lines:
    """The truth program's scenario `lines`: the same calls each time that it is told to."""

    def __init__(self, truth, count, start=()):
        self.popen = subprocess.Popen([*start, truth, "lines", str(count)], text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self.popen.pid

    def calls(self, line="go"):
        self.popen.stdin.write(line + "\n")
        self.popen.stdin.flush()
        assert self.popen.stdout.readline() == "done\n"

    def end(self):
        self.popen.stdin.close()
        self.popen.wait(PATIENCE)
        self.popen.stdout.close()
