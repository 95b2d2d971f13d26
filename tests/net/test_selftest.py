# SPDX-License-Identifier: GPL-2.0-or-later
"""The selftest: its numbers are right, it says when they are not, and it leaves nothing."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess

import pytest

from groups import mount
from lab import BPFFS, SECONDS, SUMUN, command, until

NOBODY = 65534
OTHER = 64999  # the kernel remembers who loaded a program
CAPABILITIES = ("bpf", "net_admin", "net_raw", "perfmon", "sys_admin")
CORE = ["system calls", "system calls, read()", "files opened", "page faults", "context switches"]
REASONS = ["pass", "allowed", "banned", "blocked-port", "malformed", "listed", "limited"]
DROPS = REASONS[2:]
SIZES = {4: 60, 6: 80}
ELEMENTS = 16 * 3  # of the map of counters for one CPU: reasons and verdicts
PATIENCE = 12 * SECONDS  # a slow machine, and hooks are tried


def line(lab, *words, start=()):
    return ["nsenter", f"--net=/run/netns/{lab.host}", *start, SUMUN, "selftest", *map(str, words)]


def selftest(lab, *words, start=()):
    """The page and the report of two runs, which must say the same."""
    results = [subprocess.run(line(lab, *words, *more, start=start), text=True, check=False,
                              capture_output=True, timeout=PATIENCE, env=lab.environment(None))
               for more in ((), ("--json",))]
    for result in results:
        assert not result.stderr, result.stderr
    text, report = results[0].stdout, json.loads(results[1].stdout)
    assert results[0].returncode == results[1].returncode == report["status"], text
    assert all(len(line) <= 80 and line == line.rstrip() for line in text.splitlines())
    for row in report["rows"]:
        assert row["what"] in text
        check(row)
    return text, report


def check(row):
    """What holds of every row."""
    if row["verdict"] == "unable":
        assert row["note"] and row["done"] is row["counted"] is row["error"] is None
        return
    assert (row["error"] == 0) == (row["verdict"] == "right")
    assert row["by"]
    assert (row["kernel"] is None) == (row["kernel_counter"] is None)
    if row["verdict"] == "right":
        assert row["counted"] == row["done"] + row["beside"]
        assert row["kernel"] in (None, row["counted"])
        assert not row["beside"] or row["note"]


def rows(report, module):
    return {row["what"]: row for row in report["rows"] if row["module"] == module}


def all_is_right(text, report, count):
    assert report["status"] == 0 and report["count"] == count
    assert {row["verdict"] for row in report["rows"]} <= {"right", "unable"}
    core, packets = rows(report, "core"), rows(report, "filter")
    assert list(core) == CORE
    for what in ("system calls", "context switches"):
        assert core[what]["verdict"] == "right" and core[what]["done"] == count
    for reason in REASONS:
        for family, size in SIZES.items():
            row = packets[f"{reason}, IPv{family}"]
            assert row["done"] == row["counted"] == row["kernel"] == count
            row = packets[f"{reason}, IPv{family}, bytes"]
            assert row["done"] == row["counted"] == row["kernel"] == count * size
    # One more of each family uses up the limit.
    assert packets["all packets"]["done"] == 2 * len(REASONS) * count + 2
    assert packets["all dropped"]["done"] == 2 * len(DROPS) * count
    assert packets["all dropped"]["kernel_counter"]
    assert packets["events, one an episode"]["counted"] >= len(DROPS)
    assert all(row["verdict"] == "right" for row in packets.values())
    assert f"All {sum(row['verdict'] == 'right' for row in report['rows'])} numbers are right" \
        in text


@pytest.mark.parametrize("count", [1, 63, 1000])
def test_all_numbers_are_right(lab, count):
    words = [] if count == 1000 else ["-n", count]
    all_is_right(*selftest(lab, *words), count)


def test_beside_a_filter_and_another_selftest(lab):
    """A filter that is up is not touched, and those who count at the same time count apart."""
    lab.up("block-ports = udp/5000")
    before, attached, pins = lab.json("status"), lab.attached(), lab.pins()
    total = lab.stats()["packets"]
    others = [subprocess.Popen(line(lab, "--json", "-n", 5000), stdout=subprocess.PIPE)
              for _ in range(2)]
    all_is_right(*selftest(lab), 1000)
    for other in others:
        output, _ = other.communicate(timeout=PATIENCE)
        assert other.returncode == 0 and json.loads(output)["status"] == 0
    assert lab.json("status") == before and lab.attached() == attached and lab.pins() == pins
    assert lab.stats()["packets"] == total
    links = json.loads(command("ip", "-n", lab.host, "-j", "link").stdout)
    assert {link["ifname"] for link in links} == {"lo", "g0"}


def test_in_a_container(lab):
    """Process numbers are others in there."""
    text, report = selftest(lab, "-n", 100, start=["unshare", "-pf", "--mount-proc"])
    all_is_right(text, report, 100)


def test_an_ordinary_user(lab):
    text, report = selftest(lab, start=["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY),
                                        "--clear-groups"])
    assert report["status"] == 3 and "Nothing could be counted." in text
    assert {row["verdict"] for row in report["rows"]} == {"unable"}
    core, packets = rows(report, "core"), rows(report, "filter")
    assert all("CAP_BPF and CAP_PERFMON missing" in row["note"] for row in core.values())
    assert packets["filter"]["note"].startswith(
        "CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON and CAP_SYS_ADMIN missing")


@pytest.mark.parametrize("name", ["sys_admin", "net_raw"])
def test_one_capability_short(lab, name):
    """What can be counted is."""
    text, report = selftest(lab, "-n", 10, start=["setpriv", "--bounding-set", f"-{name}"])
    assert report["status"] == 3 and f"CAP_{name.upper()} missing" in text
    assert rows(report, "core")["system calls"]["verdict"] == "right"
    assert {row["verdict"] for row in rows(report, "filter").values()} == {"unable"}


def test_a_rootless_container(lab):
    _, report = selftest(lab, "-n", 10, start=["unshare", "-Ur"])
    assert report["status"] == 3
    assert {row["verdict"] for row in report["rows"]} == {"unable"}


@pytest.mark.parametrize("words", [["-n", "0"], ["-n", "1000001"], ["-n", "x"], ["-n"], ["g0"]])
def test_wrong_usage(lab, words):
    result = lab.sumun("selftest", *words, check=False)
    assert result.returncode == 2 and result.stderr and not result.stdout


# ---- what is left ------------------------------------------------------------------------


def as_other():
    held = ",".join(f"+{name}" for name in CAPABILITIES)
    return ["setpriv", "--reuid", str(OTHER), "--clear-groups", "--inh-caps", held,
            "--ambient-caps", held]


def programs():
    return [program for program in json.loads(command("bpftool", "-j", "prog", "list").stdout)
            if program["uid"] == OTHER]


def processes(mark):
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark.encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found


def nothing_is_left(lab, mark):
    until(lambda: not processes(mark), what="its processes ending")
    until(lambda: not programs(), what="its programs going")
    assert lab.pins() == []
    links = json.loads(command("ip", "-n", lab.host, "-j", "link").stdout)
    assert {link["ifname"] for link in links} == {"lo", "g0"}


def child_of(process):
    """The one that has a network namespace of its own, once it has a filter on its cable."""
    with contextlib.suppress(OSError, ValueError):
        pid = process.pid
        child, = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        there = os.readlink(f"/proc/{child}/ns/net") != os.readlink(f"/proc/{pid}/ns/net")
        if there and "near" in pathlib.Path(f"/proc/{child}/net/dev").read_text() and \
                any(program["type"] == "xdp" for program in programs()):
            return int(child)
    return None


@contextlib.contextmanager
def in_the_middle(lab, mark, count):
    """A selftest that is sending packets, and its child."""
    assert not programs()
    key, value = mark.split("=")
    with subprocess.Popen(line(lab, "--json", "-n", count, start=as_other()), text=True,
                          stdout=subprocess.PIPE, env=lab.environment({key: value})) as process:
        try:
            yield process, until(lambda: child_of(process), 2 * SECONDS, what="its packets")
        finally:
            process.kill()


def test_nothing_is_left(lab):
    before = sorted(os.listdir(BPFFS))
    mark = f"SUMUN_MARK={lab.host}"
    key, value = mark.split("=")
    result = subprocess.run(line(lab, start=as_other()), check=False, capture_output=True,
                            text=True, timeout=PATIENCE, env=lab.environment({key: value}))
    assert result.returncode == 0, result.stdout + result.stderr
    nothing_is_left(lab, mark)
    assert sorted(os.listdir(BPFFS)) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_it_is_ended(lab, number):
    mark = f"SUMUN_MARK={lab.host}"
    with in_the_middle(lab, mark, 20000) as (process, child):
        assert set(processes(mark)) == {process.pid, child} and programs()
        process.send_signal(number)
        assert process.wait(SECONDS) == -number
        nothing_is_left(lab, mark)


@pytest.mark.skipif(not mount(), reason="cgroup2 is not mounted")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_cgroup_is_left_when_it_is_ended(lab, number):
    """The kernel would not take it away."""
    with subprocess.Popen(line(lab, "--json", "-n", 20000), stdout=subprocess.DEVNULL) as process:
        path = pathlib.Path(f"{mount()}/sumun-selftest-{process.pid}")
        until(lambda: path.exists() or process.poll() is not None, PATIENCE, what="its cgroup")
        until(lambda: (path / "cgroup.procs").read_text(), what="a process in it")
        process.send_signal(number)
        assert process.wait(SECONDS) == -number
        until(lambda: not path.exists(), what="its cgroup going")


def test_a_child_that_is_ended(lab):
    mark = f"SUMUN_MARK={lab.host}"
    with in_the_middle(lab, mark, 20000) as (process, child):
        os.kill(child, signal.SIGKILL)
        report = json.loads(process.communicate(timeout=PATIENCE)[0])
        assert process.returncode == report["status"] == 1
        assert "Killed" in rows(report, "filter")["filter"]["note"]
        nothing_is_left(lab, mark)


# ---- numbers that are wrong --------------------------------------------------------------


def counters_of(pid):
    """The map of the filter's counters that this process holds."""
    for path in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        for text in path.read_text().splitlines():
            if text.startswith("map_id:"):
                info = json.loads(command("bpftool", "-j", "map", "show", "id",
                                          text.split()[1]).stdout)
                if info["name"] == "counters":
                    return info
    raise AssertionError("it has no counters")


def received(pid):
    for text in pathlib.Path(f"/proc/{pid}/net/dev").read_text().splitlines():
        name, _, numbers = text.partition(":")
        if name.strip() == "near":
            return int(numbers.split()[1])
    return 0


def test_it_says_when_numbers_are_wrong(lab):
    """Somebody takes packets out of its counters behind its back."""
    with in_the_middle(lab, f"SUMUN_MARK={lab.host}", 20000) as (process, child):
        info = counters_of(child)
        until(lambda: received(child) > 0, what="its packets arriving")
        # The first element of each CPU is that of packets that passed.
        for cpu in range(info["max_entries"] // ELEMENTS):
            key = (cpu * ELEMENTS).to_bytes(4, "little").hex(" ").split()
            command("bpftool", "map", "update", "id", str(info["id"]), "key", "hex", *key,
                    "value", *["0"] * info["bytes_value"])
        report = json.loads(process.communicate(timeout=PATIENCE)[0])
    assert process.returncode == report["status"] == 1
    row = rows(report, "filter")["all packets"]
    assert row["verdict"] == "wrong" and row["error"] < 0
    assert row["kernel"] == row["done"] == row["counted"] - row["error"]
    assert rows(report, "filter")["all dropped"]["verdict"] == "right"
