# SPDX-License-Identifier: GPL-2.0-or-later
"""What `sumun run` costs while nothing happens: CPU time, run time of its programs, memory."""
import contextlib
import json
import os
import re
import subprocess
import time

from observer import Missing, Observer, cpu_seconds, read

SECONDS, PROGRAM_SECONDS, SETTLE_SECONDS = 30, 10, 2
WATCHED = ("syscalls", "opens")
FILTER = "[filter]\ninterfaces = lo\nbans-file = none\n"


def configuration(lab, sections):
    path = lab.directory / "sumun.conf"
    path.write_text(FILTER + "".join(f"[{section}]\nwatch = on\n" for section in sections))
    return path


def known_sections(lab):
    return [section for section in WATCHED if not subprocess.run(
        [lab.sumun, "check", configuration(lab, [section])], capture_output=True).returncode]


@contextlib.contextmanager
def running(lab, sections):
    observer = Observer("sumun run", lab.sumun, "run", "-c", configuration(lab, sections),
                        kind="sumun", hooks=0)
    try:
        observer.begin(lab.directory)
        time.sleep(SETTLE_SECONDS)
        if observer.process.poll() is not None:
            raise Missing(observer.complaint())
        yield observer.process.pid
    finally:
        observer.end()


def bpftool(*words):
    return json.loads(subprocess.run(["bpftool", "-j", *words], stdout=subprocess.PIPE,
                                     check=True, timeout=30).stdout)


def held(pid, key):
    """Numbers of the maps or programs that the process has descriptors of, or of links to."""
    found = set()
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        found |= set(re.findall(rf"^{key}:\s+(\d+)$", read(f"/proc/{pid}/fdinfo/{fd}"), re.M))
    return set(map(int, found))


def programs(pid):
    wanted = held(pid, "prog_id")
    return [program for program in bpftool("prog", "show") if program["id"] in wanted]


def memory(pid):
    """Bytes: resident, without the maps that it sees in its memory; and of the maps."""
    maps = held(pid, "map_id").union(*(program.get("map_ids", []) for program in programs(pid)))
    resident, of_map = 0, False
    for line in read(f"/proc/{pid}/smaps").splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            of_map = line.endswith("bpf-map") or line.endswith("bpf_ringbuf")
        elif line.startswith("Rss:") and not of_map:
            resident += 1024 * int(line.split()[1])
    return {"resident": resident, "maps": sum(
        entry["bytes_memlock"] for entry in bpftool("map", "show") if entry["id"] in maps)}


def cpu_share(pid):
    before, begun = cpu_seconds(pid), time.monotonic()
    time.sleep(SECONDS)
    return (cpu_seconds(pid) - before) / (time.monotonic() - begun)


def program_share(lab, pid):
    """Of a core, and runs a second. Apart from the rest, for to take the time costs time."""
    with subprocess.Popen([lab.program("bench-empty"), "run-time"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as clock:
        clock.stdout.readline()
        before, begun = run_totals(pid), time.monotonic()
        time.sleep(PROGRAM_SECONDS)
        after, seconds = run_totals(pid), time.monotonic() - begun
        clock.stdin.close()
    ns, runs = (late - early for late, early in zip(after, before))
    return ns / 1e9 / seconds, runs / seconds


def run_totals(pid):
    found = programs(pid)
    return [sum(program.get(key, 0) for program in found) for key in ("run_time_ns", "run_cnt")]


def measure(lab):
    sections = known_sections(lab)
    if not sections:
        raise Missing("knows no section [syscalls] or [opens]")
    with running(lab, []) as pid:
        without = memory(pid)
    with running(lab, sections) as pid:
        report = {"watched": sections, "seconds": SECONDS, "cpu": cpu_share(pid),
                  "memory": memory(pid), "without": without}
    with running(lab, sections) as pid:
        report["programs"], report["runs"] = program_share(lab, pid)
    return report
