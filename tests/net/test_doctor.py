# SPDX-License-Identifier: GPL-2.0-or-later
"""What the doctor says of this kernel and of hosts with something wrong, to root and to others."""
import json
import subprocess

import pytest

from lab import SECONDS, SUMUN, command

NOBODY = 65534
FOREIGN = """
__attribute__((section("xdp"), used)) int foreign(void *ctx) { return 2; }
"""
THINGS = {"syscall-enter", "syscall-exit", "open", "fork", "exec", "exit", "switch", "fault",
          "connection", "cycles", "cgroup-egress", "cgroup-ingress", "connect4", "connect6",
          "packet"}


def doctor(lab, *words, start=(), mounts=None, user=None):
    """The page as text and as JSON, their exit statuses the same; `mounts`: a shell's words."""
    line = ["nsenter", f"--net=/run/netns/{lab.host}"]
    if mounts is not None:
        line += ["unshare", "-m", "sh", "-c", f"{mounts}; exec \"$@\"", "sh"]
    if user:
        line += ["setpriv", "--reuid", str(user), "--regid", str(user), "--clear-groups"]
    results = [subprocess.run([*line, *start, SUMUN, "doctor", *words, *more], text=True,
                              capture_output=True, timeout=12 * SECONDS,
                              env=lab.environment(None)) for more in ((), ("--json",))]
    for result in results:
        assert not result.stderr, result.stderr
    text, report = results[0].stdout, json.loads(results[1].stdout)
    assert results[0].returncode == results[1].returncode == report["status"]
    check(text, report)
    return text, report


def flat(text):
    return " ".join(text.split())


def check(text, report):
    """What holds on every host; text and JSON say the same."""
    assert all(len(line) <= 80 and line == line.rstrip() for line in text.splitlines())
    assert {thing["thing"] for thing in report["things"]} == THINGS
    for finding in report["findings"]:
        assert flat(finding["what"]) in flat(text) and flat(finding["help"] or "") in flat(text)
    for row in report["commands"]:
        words = {"works": "works", "fallback": "works, dearer", "broken": "does not work"}
        assert f"{row['commands']} {words[row['verdict']]}" in flat(text)
        assert flat(row["why"] or "") in flat(text)
    for interface in report["interfaces"]:
        if interface["exists"] and interface["ethernet"]:
            assert flat(f"{interface['native']}: {interface['native_why']}") in flat(text)
    for name in report["permissions"]["missing"]:
        assert f"{name} missing" in flat(text)
    for thing in report["things"]:
        assert f"{thing['title']} {thing['taken'] or 'nothing'}" in flat(text)
        working = [rung for rung in thing["rungs"] if rung["state"] != "no"]
        assert [rung["state"] for rung in working] == \
            ["taken"] * bool(working) + ["dearer"] * (len(working) - 1)
        assert thing["taken"] == (working[0]["name"] if working else None)
        for rung in thing["rungs"]:
            if rung in working:
                assert 0 < rung["provoked"] <= rung["counted"]
            else:
                assert rung["reason"]


def row(report, word):
    found, = [row for row in report["commands"] if word in row["commands"].split(", ")]
    return found


def thing(report, name):
    found, = [thing for thing in report["things"] if thing["thing"] == name]
    return found


def without(*capabilities):
    dropped = ",".join(f"-{name}" for name in capabilities)
    return ["setpriv", "--bounding-set", dropped]


@pytest.fixture
def foreign(lab):
    source, compiled = lab.directory / "foreign.c", lab.directory / "foreign.o"
    source.write_text(FOREIGN)
    command("clang", "-O2", "-target", "bpf", "-c", str(source), "-o", str(compiled))
    lab.ip(lab.host, "link", "set", "g0", "xdpdrv", "obj", str(compiled), "sec", "xdp")
    return lab.attached()


def test_a_host_where_all_is_well(lab):
    text, report = doctor(lab)
    assert report["status"] == 0 and "All is well." in text
    assert {row["verdict"] for row in report["commands"]} == {"works"}
    interface, = report["interfaces"]
    assert interface["name"] == "g0" and interface["driver"] == "veth"
    # Kernels before 6.3 do not say.
    assert interface["native"] == ("yes" if interface["xdp_features"] else "unknown")
    assert interface["mtu"] == 1500 and interface["up"]
    assert interface["rx_queues"] >= 1 and interface["program"] is None
    # A cable into another network namespace: what comes of frames sent back is not to be seen.
    assert interface["peer"] is None and "SYN cookies" in text
    assert thing(report, "packet")["taken"] == "XDP native"
    assert report["permissions"]["missing"] == []
    assert report["kernel"]["release"] in text
    assert row(report, "status")["why"] == "nothing is up here now"


def test_it_changes_nothing(lab):
    lab.up("block-ports = udp/5000")
    before, attached = lab.json("status"), lab.attached()
    _, report = doctor(lab)
    assert lab.json("status") == before and lab.attached() == attached
    program = report["interfaces"][0]["program"]
    assert program["id"] == attached[0] and program["ours"] is True
    assert program["mode"] == "native" and report["status"] == 0
    assert row(report, "status")["why"] is None
    links = command("ip", "-n", lab.host, "-j", "link").stdout
    assert {link["ifname"] for link in json.loads(links)} == {"lo", "g0"}


def test_a_program_of_somebody_else(lab, foreign):
    text, report = doctor(lab)
    program = report["interfaces"][0]["program"]
    assert program == {"id": foreign[0], "name": "foreign", "mode": "native", "ours": False}
    assert report["status"] == 1 and row(report, "up")["verdict"] == "broken"
    assert "ip link set dev g0 xdp off" in flat(text)
    assert lab.sumun("up", "g0", check=False).returncode == 1, "and so it is"
    assert lab.attached() == foreign


def test_the_other_end_of_a_cable(lab):
    lab.ip(lab.host, "link", "add", "near", "type", "veth", "peer", "name", "other")
    for name in ("near", "other"):
        lab.ip(lab.host, "link", "set", name, "up")
    _, report = doctor(lab, "near")
    assert report["interfaces"][0]["peer"] == {"name": "other", "gro": False, "program": False}
    help_texts = [finding["help"] for finding in report["findings"]]
    assert any("other" in text for text in help_texts)
    lab.up("", "other")
    _, report = doctor(lab, "near")
    assert report["interfaces"][0]["peer"]["program"] is True and report["findings"] == []


def test_interfaces_by_name(lab):
    text, report = doctor(lab, "lo", "nosuch0")
    lo, missing = report["interfaces"]
    assert lo["name"] == "lo" and lo["native"] == "no"
    assert missing == {"name": "nosuch0", "exists": False}
    assert report["status"] == 1 and "no such interface" in text


def test_a_tunnel(lab):
    lab.ip(lab.host, "tuntap", "add", "dev", "tun7", "mode", "tun")
    text, report = doctor(lab, "g0", "tun7")
    assert [interface["ethernet"] for interface in report["interfaces"]] == [True, False]
    assert "tun7: its packets have no Ethernet header" in flat(text)
    assert lab.sumun("up", "tun7", check=False).returncode == 1, "and so it is"


def test_an_ordinary_user(lab):
    lab.up()
    text, report = doctor(lab, user=NOBODY)
    assert report["status"] == 3
    assert report["permissions"]["missing"] == ["CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON"]
    assert report["permissions"]["held"] == []
    assert row(report, "run")["verdict"] == row(report, "status")["verdict"] == "broken"
    assert all(thing["taken"] is None for thing in report["things"])
    assert "CAP_BPF and CAP_PERFMON missing" in flat(text)
    # What it could not see is said, not guessed.
    program = report["interfaces"][0]["program"]
    assert program["ours"] is None and program["name"] is None
    assert "was not to be seen" in flat(text)
    assert report["interfaces"][0]["driver"] == "veth"


@pytest.mark.parametrize("name", ["net_admin", "bpf", "perfmon"])
def test_one_capability_short(lab, name):
    missing = f"CAP_{name.upper()}"
    text, report = doctor(lab, start=without(name, "sys_admin"))
    assert report["permissions"]["missing"] == [missing]
    assert report["status"] == 3 and f"{missing} missing" in flat(text)
    for affected in {"net_admin": ["packet", "connect4"], "bpf": ["fork", "packet"],
                     "perfmon": ["fork", "switch"]}[name]:
        reason = thing(report, affected)["rungs"][0]["reason"]
        assert f"{missing} missing" in reason, reason


def test_the_three_are_enough(lab):
    """Also where no network namespace can be made to try XDP in; that is said."""
    _, report = doctor(lab, start=without("sys_admin"))
    assert report["status"] == 0
    packet = thing(report, "packet")
    assert packet["taken"] == "XDP native" and "not tried" in packet["rungs"][0]["reason"]


def test_in_a_container(lab):
    """Process numbers are others in there, and events are counted all the same."""
    _, report = doctor(lab, start=["unshare", "-pf", "--mount-proc"])
    assert report["status"] == 0
    for name in ("syscall-enter", "fork", "exec", "exit"):
        rung, = [rung for rung in thing(report, name)["rungs"] if rung["state"] == "taken"]
        assert rung["counted"] == rung["provoked"]


def test_a_rootless_container(lab):
    """It holds every capability there is, and none of them counts."""
    text, report = doctor(lab, start=["unshare", "-Ur"])
    assert report["permissions"]["user_namespace"] and report["permissions"]["missing"] == []
    assert report["status"] == 3 and "rootless container" in flat(text)
    assert "user namespace" in row(report, "up")["why"]
    assert "user namespace" in thing(report, "fork")["rungs"][0]["reason"]


def test_file_systems_that_are_not_mounted(lab):
    bare = "umount -l /sys/fs/bpf; umount -l /sys/kernel/tracing 2>/dev/null; " \
        "umount -l /sys/kernel/debug 2>/dev/null; true"
    text, report = doctor(lab, mounts=bare)
    assert report["places"]["bpffs"] is None and report["places"]["tracefs"] is None
    assert "not on /sys/fs/bpf" in text and report["status"] == 0
    # Looked into without mounting it.
    rung = thing(report, "fork")["rungs"][2]
    assert rung["name"].startswith("tracepoint") and rung["state"] == "dearer"

    _, report = doctor(lab, mounts=bare, start=without("sys_admin"))
    rung = thing(report, "fork")["rungs"][2]
    assert rung["state"] == "no" and "tracefs is not mounted" in rung["reason"]
    assert thing(report, "fork")["taken"] == "tp_btf sched_process_fork"

    _, report = doctor(lab, mounts="umount -l /sys/kernel/tracing 2>/dev/null; "
                       "mount -t tracefs tracefs /sys/kernel/tracing")
    assert report["places"]["tracefs"] == "/sys/kernel/tracing"
    assert report["places"]["bpffs"] == "/sys/fs/bpf"


def test_no_cgroup2(lab):
    _, report = doctor(lab, mounts="umount -l /sys/fs/cgroup/unified /sys/fs/cgroup "
                       ">/dev/null 2>&1; true")
    assert report["places"]["cgroup2"] is None
    for name in ("cgroup-egress", "connect6"):
        assert "cgroup2 is not mounted" in thing(report, name)["rungs"][0]["reason"]
    assert report["status"] == 1
    broken = {row["commands"] for row in report["commands"] if row["verdict"] == "broken"}
    assert broken == {"cgroups", "up and run with [cgroup NAME]"}, "no other command needs it"
