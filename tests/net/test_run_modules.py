# SPDX-License-Identifier: GPL-2.0-or-later
"""`sumun run` with more or less than the filter."""
import json
import subprocess

from lab import until
from observed import ENVIRONMENT, PATIENCE, SUMUN
from process import Process

OBSERVE = "[filter]\nenabled = off\n[opens]\nwatch = on\n[syscalls]\nwatch = on\n"


def config(directory, text):
    path = directory / "sumun.conf"
    path.write_text(text)
    return path


def names_in(path):
    return {json.loads(line)["record"] for line in path.read_text().splitlines()}


def test_nothing_to_do_is_refused(tmp_path):
    path = config(tmp_path, "[filter]\nenabled = off\n")
    result = subprocess.run([SUMUN, "run", "-c", path], capture_output=True, text=True,
                            env=ENVIRONMENT, timeout=PATIENCE)
    assert result.returncode == 2 and result.stdout == ""
    assert "nothing to do" in result.stderr and "watch = on" in result.stderr


def test_csv_log_is_of_security_events_only(tmp_path):
    """Its head names their columns; what others tell has columns of its own."""
    csv, lines = tmp_path / "log.csv", tmp_path / "log.json"
    path = config(tmp_path, f"{OBSERVE}[log]\ncsv = {csv}\njson = {lines}\n")
    run = Process([SUMUN, "run", "-i", "0.3", "-c", path], ENVIRONMENT)
    try:
        until(lambda: lines.exists() and subprocess.run(["cat", "/dev/null"]) and
              {"open", "syscalls"} <= names_in(lines),
              what="records of both")
    finally:
        run.stop()
    assert csv.read_text() == ""
