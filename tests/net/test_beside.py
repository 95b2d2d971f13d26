# SPDX-License-Identifier: GPL-2.0-or-later
"""Observers beside a command: its status is theirs, and its output is its own."""
import json
import os
import signal
import subprocess

import pytest

from lab import SECONDS, SUMUN

OBSERVERS = ["syscalls", "opens", "perf"]
ENVIRONMENT = {**os.environ, "LC_ALL": "C.UTF-8"}

pytestmark = pytest.mark.parametrize("observer", OBSERVERS)


def run(observer, *words):
    return subprocess.run([SUMUN, observer, *map(str, words)], capture_output=True, text=True,
                          check=False, timeout=30 * SECONDS, env=ENVIRONMENT)


@pytest.mark.parametrize("command, status", [
    (["/nonexistent/command"], 127), (["no-such-command-here"], 127), (["/etc/passwd"], 126),
    (["/etc"], 126), (["true"], 0), (["sh", "-c", "exit 3"], 3),
    (["sh", "-c", "kill -TERM $$"], 128 + signal.SIGTERM),
    (["sh", "-c", "kill -KILL $$"], 128 + signal.SIGKILL)],
    ids=["no-file", "no-name", "no-program", "directory", "0", "3", "TERM", "KILL"])
def test_status(observer, command, status):
    result = run(observer, "--", *command)
    assert (result.returncode, result.stdout) == (status, ""), result.stderr


def test_own_output(observer):
    """What the command writes is all there is on standard output; the report is beside it."""
    result = run(observer, "--json", "--", "sh", "-c", "echo mine; cat /proc/version >&2")
    assert (result.returncode, result.stdout) == (0, "mine\n")
    assert any(line.startswith("{") for line in result.stderr.splitlines())


def test_file(observer, tmp_path):
    """-o: emptied, and nothing but the report in it."""
    file = tmp_path / "report"
    file.write_text("what was there before\n" * 1000)
    result = run(observer, "--json", "-o", file, "--", "sh", "-c", "echo mine; echo his >&2; exit 3")
    assert (result.returncode, result.stdout) == (3, "mine\n")
    assert "his\n" in result.stderr and "{" not in result.stderr
    records = [json.loads(line) for line in file.read_text().splitlines()]
    assert records and all("record" in record for record in records)


def test_no_file(observer):
    result = run(observer, "-o", "/nonexistent/report", "--", "echo", "mine")
    assert (result.returncode, result.stdout) == (1, "")
    assert "-o: cannot write '/nonexistent/report': No such file" in result.stderr
    result = run(observer, "-o", "a", "-o", "b", "--", "echo", "mine")
    assert (result.returncode, result.stdout) == (2, "") and "-o is given twice" in result.stderr
