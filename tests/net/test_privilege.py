# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may do what, with which capabilities; and what `run` gives up.

All of it in a mount namespace with a bpffs of its own and a group `sumun` that only it knows.
"""
import ctypes
import os
import pathlib
import re
import signal
import struct
import subprocess

import pytest

from answerer import Answerer
from lab import FAR4, NEIGHBOUR4, PEER4, RINGS, SUMUN, SYS_BPF, libc, until
from process import Process

USER, GROUP, OTHER = 60123, 60321, 60777  # nobody's
NEEDED = {"bpf", "net_admin", "perfmon"}
LANDLOCK_CREATE_RULESET = 444
BPF_OBJ_GET, BPF_PROG_TEST_RUN, BPF_MAP_FREEZE, BPF_LINK_CREATE = 7, 10, 22, 28
READ_ONLY = 1 << 3
READING = (["stats"], ["status"], ["bans"], ["list"], ["list", "show", "bad"],
           ["list", "test", "198.51.100.1"])


def landlock():
    return libc.syscall(LANDLOCK_CREATE_RULESET, None, 0, 1) > 0


def set_of(capabilities):
    return ",".join(["-all", *(f"+{name}" for name in sorted(capabilities))])


class Place:
    """Commands in the guarded namespace, with these capabilities and no others."""

    def __init__(self, lab):
        self.lab = lab
        self.holder = Process(["unshare", "-m", "sleep", "1000"], lab.environment(None))
        lab.processes.append(self.holder)
        own = os.stat("/proc/self/ns/mnt").st_ino
        self.proc = f"/proc/{self.holder.popen.pid}"
        until(lambda: os.stat(f"{self.proc}/ns/mnt").st_ino != own, what="a mount namespace")
        self.mount("-t", "bpf", "-o", "mode=1777", "bpf", "/sys/fs/bpf")
        self.mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/var/tmp")
        self.directory = pathlib.Path(f"{self.proc}/root/var/tmp")  # for us; /var/tmp inside

    def mount(self, *words):
        subprocess.run(["nsenter", f"--mount={self.proc}/ns/mnt", "mount", *words], check=True)

    def make_group(self):
        (self.directory / "group").write_text(
            pathlib.Path("/etc/group").read_text() + f"sumun:x:{GROUP}:\n")
        self.mount("--bind", "/var/tmp/group", "/etc/group")

    def line(self, *words, user=0, groups=(), capabilities=None):
        start = ["nsenter", f"--mount={self.proc}/ns/mnt", f"--net=/run/netns/{self.lab.host}"]
        if user or capabilities is not None:
            names = set_of(capabilities or ())
            start += ["setpriv", "--reuid", str(user), "--regid", str(user),
                      *(["--groups", ",".join(map(str, groups))] if groups else ["--clear-groups"]),
                      f"--inh-caps={names}", f"--ambient-caps={names}", f"--bounding-set={names}"]
        return [*start, *map(str, words)]

    def command(self, *words, **options):
        return subprocess.run(self.line(*words, **options), capture_output=True, text=True,
                              timeout=60, env=self.lab.environment(None))

    def sumun(self, *words, check=True, **options):
        result = self.command(SUMUN, *words, **options)
        assert not check or result.returncode == 0, result.stderr
        return result

    def start(self, *words, **options):
        process = Process(self.line(SUMUN, *words, **options), self.lab.environment(None))
        self.lab.processes.append(process)
        return process

    def run(self, *words, **options):
        """`sumun run`, once it has given up what it does not need."""
        process = self.start("-v", "run", *words, **options)
        until(lambda: "gave up" in process.errors() or process.ended(), what="giving up")
        assert not process.ended(), process.errors()
        return process

    def config(self, settings="", sections=""):
        (self.directory / "bad").write_text("198.51.100.0/24\n")
        (self.directory / "sumun.conf").write_text(
            "[filter]\nmode = enforce\nblock-ports = udp/5000\ndeny-list = /var/tmp/bad\n"
            + ("" if "bans-file" in settings else "bans-file = none\n")
            + f"{settings}\n{sections}")
        return "/var/tmp/sumun.conf"

    def pins(self):
        """Every pin with its owner and mode, as seen from outside."""
        top = f"{self.proc}/root/sys/fs/bpf/sumun"
        found = {}
        for directory, names, files in os.walk(top):
            for name in (*names, *files):
                entry = os.stat(f"{directory}/{name}")
                found[f"{directory}/{name}".removeprefix(top)] = (
                    entry.st_uid, entry.st_gid, entry.st_mode & 0o7777, entry.st_ino)
        return found

    def filter(self):
        """The directory of the pins, for those who are inside."""
        name = next(name for name in self.pins() if re.fullmatch(r"/net-\d+/filter-v\d+", name))
        return f"/sys/fs/bpf/sumun{name}"


@pytest.fixture
def place(lab):
    return Place(lab)


@pytest.fixture
def shared(place):
    """A filter of root's that the group may read."""
    place.make_group()
    place.sumun("up", "-c", place.config(f"ban = {FAR4}"), "g0")
    return place


MEMBER = {"user": USER, "groups": (GROUP,)}


# ---- reading ----------------------------------------------------------------------------


def same_but_time(text):
    """What two commands say that were not started in the same moment."""
    return re.sub(r'"(time|loaded|left|uptime)[^,}]*', "", text)


def test_the_group_reads_everything(lab, shared):
    lab.wire().udp(5000, count=7)
    for words in READING:
        ours = shared.sumun(*words, "--json").stdout
        assert same_but_time(shared.sumun(*words, "--json", **MEMBER).stdout) == same_but_time(ours)
        shared.sumun(*words, **MEMBER)
    shared.sumun("up", "-c", shared.config(), "--dry-run", "g0", **MEMBER)
    run = shared.run("-i", "0.2", "-n", "2", "--json", **MEMBER)
    lab.wire().udp(5000, count=3)
    assert run.wait() == 0 and lab.attached()
    assert len(run.records("filter-report")) == 2


def test_the_group_may_come_later(lab, place):
    place.sumun("up", "g0")
    place.sumun("down")
    place.make_group()
    place.sumun("up", "g0")
    place.sumun("stats", **MEMBER)


def test_the_group_hears_events(lab, shared):
    events = shared.start("events", "--json", **MEMBER)
    until(lambda: "watching" in events.errors(), what="events")
    lab.wire().udp(5000, count=7)
    until(lambda: events.records("filter-repeat"), what="a count")
    assert events.stop() == 0


def test_root_without_capabilities_reads(lab, place):
    place.sumun("up", "-c", place.config(f"ban = {FAR4}"), "g0")
    for words in READING:
        ours = place.sumun(*words, "--json").stdout
        bare = place.sumun(*words, "--json", capabilities=()).stdout
        assert same_but_time(bare) == same_but_time(ours)
    events = place.start("events", "--json", capabilities=())
    until(lambda: "watching" in events.errors(), what="events")
    lab.wire().udp(5000, count=7)
    until(lambda: events.records("filter-repeat"), what="a count")
    run = place.run("-i", "0.2", "-n", "1", capabilities=())
    assert run.wait() == 0 and events.stop() == 0 and lab.attached()


def test_looking_into_other_mount_namespaces_has_a_name(lab):
    """As `ip netns exec` has it: /sys is another, so bpffs is looked for outside."""
    lab.up()
    result = subprocess.run([*lab.line()[:-1], "setpriv", "--inh-caps=-all", "--bounding-set=-all",
                             SUMUN, "stats"], capture_output=True, text=True, timeout=60)
    assert result.returncode == 3 and "CAP_SYS_PTRACE" in result.stderr, result.stderr
    assert "there is no bpffs on /sys/fs/bpf here" in result.stderr


# ---- changing ---------------------------------------------------------------------------


def test_the_group_changes_nothing(lab, shared):
    before = shared.pins()
    state = shared.sumun("status", "--json").stdout, shared.sumun("bans", "--json").stdout
    config = shared.config("syn-cookies = off")
    for words in (["ban", NEIGHBOUR4], ["unban", FAR4], ["list", "add", "bad", "192.0.2.1"],
                  ["list", "del", "bad", "198.51.100.0/24"], ["up", "g0"], ["up", "-c", config, "g0"],
                  ["up", "-c", config, "--shadow"], ["up", "-c", config, "--confirm", "60", "g0"],
                  ["confirm"], ["down"], ["run", "-c", config, "g0"], ["run", "g0"]):
        result = shared.sumun(*words, check=False, **MEMBER)
        assert result.returncode == 3, (words, result)
        assert "only root may change the filter here, as the owner of '/sys/fs/bpf/sumun/net-" \
            in result.stderr and "be root" in result.stderr, (words, result.stderr)
    assert shared.pins() == before and lab.attached()
    assert (shared.sumun("status", "--json").stdout, shared.sumun("bans", "--json").stdout) == state


def bpf(number, attributes):
    buffer = ctypes.create_string_buffer(attributes.ljust(128, b"\0"))
    result = libc.syscall(SYS_BPF, number, buffer, 128)
    return result if result >= 0 else -ctypes.get_errno()


def get(path, flags=0):
    name = ctypes.create_string_buffer(path.encode())
    return bpf(BPF_OBJ_GET, struct.pack("QII", ctypes.addressof(name), 0, flags))


def as_member(place, body):
    """What `body` returns of integers, called by a member of the group inside."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        libc.setns(os.open(f"{place.proc}/ns/mnt", os.O_RDONLY), 0)
        os.setgroups([GROUP])
        os.setresgid(USER, USER, USER)
        os.setresuid(USER, USER, USER)
        os.write(writer, struct.pack("i", body()))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        result, = struct.unpack("i", pipe.read(4))
    os.waitpid(child, 0)
    return result


def test_the_group_cannot_reach_around(lab, shared):
    """Nor with tools of its own: no pin is removed, written, run, attached or locked."""
    top, before = shared.filter(), shared.pins()
    key = ["key", "hex", "00", "00", "00", "00"]
    for words in (["bpftool", "map", "update", "pinned", f"{top}/lists", *key, "value", "0", "0",
                   "0", "0"], ["bpftool", "map", "delete", "pinned", f"{top}/ban_info", *key],
                  ["bpftool", "map", "freeze", "pinned", f"{top}/state"],
                  ["bpftool", "prog", "show", "pinned", f"{top}/program"],
                  ["rm", "-rf", f"{top}/state"], ["rm", f"{top}/links/*"], ["rmdir", top],
                  ["mv", top, f"{top}-x"], ["mkdir", f"{top}/x"], ["chmod", "666", f"{top}/state"],
                  ["flock", "-n", os.path.dirname(top), "true"], ["flock", "-n", top, "true"],
                  ["flock", "-n", f"{top}/reader0", "true"]):
        assert shared.command(*words, **MEMBER).returncode, words
    maps = [name.removeprefix(top.removeprefix("/sys/fs/bpf/sumun"))
            for name, (_, _, mode, _) in before.items() if mode & 0o777 == 0o640]
    assert "/state" in maps and "/bans4" in maps and "/events0" in maps
    for name in maps:
        assert as_member(shared, lambda: get(top + name)) < 0, name
        assert as_member(shared, lambda: get(top + name, READ_ONLY)) >= 0, name
        assert as_member(shared, lambda: bpf(BPF_MAP_FREEZE, struct.pack(
            "I", get(top + name, READ_ONLY)))) < 0, name
    # A descriptor of the program would do to attach and to run it, without any capability.
    assert as_member(shared, lambda: get(f"{top}/program", READ_ONLY)) < 0
    link = next(name for name in before if "/links/" in name)
    assert as_member(shared, lambda: get(f"/sys/fs/bpf/sumun{link}", READ_ONLY)) < 0
    assert shared.pins() == before
    assert shared.sumun("ban", NEIGHBOUR4).returncode == 0, "nobody holds a lock"


def test_others_read_nothing(lab, shared):
    for words in (*READING, ["events"], ["run"], ["down"], ["ban", NEIGHBOUR4]):
        result = shared.sumun(*words, check=False, user=OTHER)
        assert result.returncode == 3 and "join the group sumun" in result.stderr, (words, result)


def test_one_ring_is_not_for_the_group(lab, shared):
    """Whoever reads a ring can take its events from others: that of root's `run` is root's."""
    members = []
    for _ in range(RINGS - 1):
        members.append(shared.start("events", "--json", **MEMBER))
        until(lambda: "watching" in members[-1].errors(), what="events")
    result = shared.sumun("events", check=False, **MEMBER)
    assert result.returncode == 1 and f"{RINGS - 1} others read" in result.stderr, result.stderr
    run = shared.run("--json")
    lab.wire().udp(5000, count=7)
    for process in (*members, run):
        until(lambda: process.records("filter-event"), what="an event")
    assert run.stop() == 0 and "no events are told" not in run.errors()
    assert all(member.stop() == 0 for member in members)


# ---- raising ----------------------------------------------------------------------------


def test_three_capabilities_do(lab, place):
    """A user whom no file knows, with those three: from `up` to `down`."""
    owner = {"user": USER, "capabilities": NEEDED}
    assert place.sumun("up", "-c", place.config(), "g0", **owner).stdout.startswith("up: g0")
    lab.wire().udp(5000, count=7)
    assert '"dropped":7' in re.sub(r"\s", "", place.sumun("stats", "--json", **owner).stdout)
    place.sumun("ban", FAR4, "--for", "1h", **owner)
    place.sumun("list", "add", "bad", "192.0.2.1", **owner)
    run = place.run("-i", "0.2", "-n", "1", **owner)
    assert run.wait() == 0 and lab.attached()
    # What one owns takes no capability; others', not even root, take no part in it.
    place.sumun("unban", FAR4, user=USER)
    for words in (["stats"], ["up", "g0"]):
        result = place.sumun(*words, check=False)
        assert result.returncode == 3 and f"belongs to user {USER}" in result.stderr
        assert place.sumun(*words, check=False, user=OTHER, capabilities=NEEDED).returncode == 3
    place.sumun("down", **owner)
    assert not lab.attached()


def test_the_older_capability_does_as_well(lab, place):
    """Where a container knows but CAP_SYS_ADMIN."""
    place.sumun("up", "g0", user=USER, capabilities={"sys_admin", "net_admin"})


def test_lists_that_outgrow_their_room(lab, place):
    """Twice, because the room that was made has to be found again too."""
    owner = {"user": USER, "capabilities": NEEDED}
    config = place.config()
    place.sumun("up", "-c", config, "g0", **owner)
    for networks in (10, 30):
        (place.directory / "bad").write_text("".join(
            f"20.{a}.{b}.{c}\n" for a in range(networks) for b in range(200)
            for c in range(0, 200, 2)))
        place.sumun("up", "-c", config, "g0", **owner)
        shown = place.sumun("list", "test", f"20.{networks - 1}.199.198", **owner).stdout
        assert "dropped" in shown, shown
    place.sumun("down", **owner)


def test_run_with_three_capabilities(lab, place):
    run = place.run("-c", place.config(), "g0", user=USER, capabilities=NEEDED)
    assert lab.attached()
    assert run.stop() == 0 and not lab.attached()
    assert "detached from g0" in run.errors()


@pytest.mark.parametrize("missing", sorted(NEEDED))
def test_what_is_missing_is_named(lab, place, missing):
    """And nothing is left in the way of those who may."""
    for user in (USER, 0):
        result = place.sumun("up", "g0", check=False, user=user, capabilities=NEEDED - {missing})
        assert result.returncode == 3, result
        assert f"takes CAP_{missing.upper()}, missing here" in result.stderr, result.stderr
        assert "PRIVILEGES" in result.stderr if user else "container" in result.stderr
        assert place.pins() == {} and not lab.attached()
    place.sumun("up", "g0")


def test_the_kernel_is_asked_where_there_is_a_filter(lab, place):
    """Over what is there, a capability is missed only when it is: here nothing is loaded."""
    place.sumun("up", "g0")
    place.sumun("up", "g0", capabilities=())
    result = place.sumun("up", "-c", place.config(), "g0", check=False, capabilities=())
    assert result.returncode == 3
    assert "loading a list takes CAP_BPF, missing here" in result.stderr, result.stderr
    place.sumun("up", "-c", place.config(), "g0", capabilities={"bpf"})
    result = place.sumun("list", "add", "bad", "192.0.2.1", check=False, capabilities=())
    assert result.returncode == 3
    assert "loading a list takes CAP_BPF, missing here" in result.stderr, result.stderr
    place.sumun("list", "add", "bad", "192.0.2.1", capabilities={"bpf"})
    place.sumun("down", capabilities=())


def test_in_a_user_namespace(lab, place):
    result = place.command("unshare", "-U", "-r", SUMUN, "up", "g0", user=USER)
    if "unshare" in result.stderr:
        pytest.skip("no user namespaces for users here")
    assert result.returncode == 3 and "CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON" in result.stderr
    assert place.pins() == {}


def test_a_service_shares_with_the_group(lab, place):
    """Root with what the unit leaves it; without CAP_CHOWN all but that works, and it is said."""
    unit = (pathlib.Path(__file__).parents[2] / "data/sumun.service").read_text()
    bounds, = re.findall(r"^CapabilityBoundingSet=(.*)$", unit, re.M)
    capabilities = {word.removeprefix("CAP_").lower() for word in bounds.split()}
    assert capabilities == NEEDED | {"chown"}
    place.make_group()
    place.sumun("up", "g0", capabilities=capabilities)
    place.sumun("stats", **MEMBER)
    place.sumun("down", capabilities=capabilities)
    result = place.sumun("up", "g0", capabilities=NEEDED)
    assert "the group sumun will see nothing" in result.stderr and "CAP_CHOWN" in result.stderr


# ---- run --------------------------------------------------------------------------------


def status_of(process):
    text = pathlib.Path(f"/proc/{process.popen.pid}/status").read_text()
    return dict(re.findall(r"^(\w+):\s+(.*)$", text, re.M))


WEB = "[guard web]\nports = tcp/8080\nper-source = 20/min\nburst = 3\nban = 10m\n"


@pytest.mark.parametrize("command", ("run", "events"))
def test_nothing_is_kept(lab, place, command):
    place.sumun("up", "g0")
    process = place.run() if command == "run" else place.start("events")
    until(lambda: status_of(process)["NoNewPrivs"] == "1", what="giving up")
    status = status_of(process)
    assert all(int(status[name], 16) == 0 for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"))
    if command == "run":
        assert ("no Landlock" in process.errors()) == (not landlock())
    assert process.stop() == 0


def test_bans_are_kept_by_a_confined_run(lab, place):
    directory = place.directory / "here"
    directory.mkdir()
    run = place.run("-c", place.config("bans-file = /var/tmp/here/bans", WEB), "g0")
    with Answerer(lab.listen(8080)):
        until(lambda: not lab.reaches(8080, seconds=0.1), what="a ban")
    assert run.stop() == 0
    assert PEER4 in (directory / "bans").read_text()
    assert [path.name for path in directory.iterdir()] == ["bans"]


def test_logs_are_made_anew_and_nothing_else(lab, place):
    """After rotation; also by who put a link to elsewhere in the place of a log."""
    logs, elsewhere = place.directory / "logs", place.directory / "elsewhere"
    logs.mkdir()
    elsewhere.mkdir()
    run = place.run("-c", place.config("", "[log]\ncsv = /var/tmp/logs/a.csv\n"), "g0")
    assert "cannot be made anew" not in run.errors()
    (logs / "a.csv").rename(logs / "a.csv.1")
    run.send(signal.SIGHUP)
    until((logs / "a.csv").exists, what="a new log")
    lab.wire().udp(5000)
    until(lambda: len((logs / "a.csv").read_text().splitlines()) == 2, what="a line of it")
    if landlock():
        (logs / "a.csv").rename(logs / "a.csv.2")
        (logs / "a.csv").symlink_to("/var/tmp/elsewhere/a")
        run.send(signal.SIGHUP)
        until(lambda: "cannot reopen the log" in run.errors(), what="a refusal")
        assert list(elsewhere.iterdir()) == []
    assert run.stop() == 0


def test_log_in_the_directory_of_another(place):
    """Root may make a file there by a capability only, and so just once."""
    theirs = place.directory / "theirs"
    theirs.mkdir(mode=0o755)
    os.chown(theirs, OTHER, OTHER)
    run = place.run("-c", place.config("", "[log]\ncsv = /var/tmp/theirs/a.csv\n"), "g0")
    until(lambda: "once it is moved away, '/var/tmp/theirs/a.csv' cannot be made anew"
          in run.errors(), what="a warning")
    assert run.stop() == 0


def test_a_confined_run_takes_back(lab, place):
    """What nobody confirmed: links and pins are removed without any capability."""
    place.sumun("up", "-c", place.config(), "--confirm", "1", "g0")
    run = place.run()
    assert run.wait() == 1 and "nobody confirmed" in run.errors()
    assert not lab.attached() and not [name for name in place.pins() if "filter-v" in name]


def test_pins_are_for_whom_they_are_for(shared):
    pins = shared.pins()
    top = shared.filter().removeprefix("/sys/fs/bpf/sumun")
    assert {uid for uid, _, _, _ in pins.values()} == {0}
    modes = {name.removeprefix(top): mode for name, (_, _, mode, _) in pins.items()}
    assert modes.pop(os.path.dirname(top)) == 0o710 and modes.pop("") == 0o710
    assert modes.pop("/program") == 0o600 and modes.pop("/reader0") == 0o700
    for name, mode in modes.items():
        expected = {"links": 0o600 if name.count("/") == 2 else 0o750, "kept": 0o710}.get(
            name.split("/")[1])
        if re.fullmatch(r"/events[1-9]", name):
            expected = 0o660
        if re.fullmatch(r"/tables/\d+/table", name):
            expected = 0o600
        if not expected:
            expected = 0o750 if re.fullmatch(r"/reader\d|/tables(/\d+)?", name) else 0o640
        assert mode == expected, (name, oct(mode))
