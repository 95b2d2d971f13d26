# SPDX-License-Identifier: GPL-2.0-or-later
"""`sumun opens`: a program that opens exactly what it is told to, and every field of what is told.

What is expected is written down from what the program was told and what it says came of it.
"""
import errno
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import threading

import pytest

from lab import SECONDS, SUMUN, until
from process import Process
from times import seconds_of

HERE = pathlib.Path(__file__).parent
O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL = os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_EXCL
AT_FDCWD = -100
RESOLVE_IN_ROOT = 0x10
NOBODY = 65534
OTHER = 64999  # no such user
COMMAND = "opener"
X86 = platform.machine() == "x86_64"
ENVIRONMENT = {**os.environ, "LC_ALL": "C.UTF-8"}
LEDGER = re.compile(r"([\d,]+) opens seen = ([\d,]+) shown(?: \+ ([\d,]+) in sums)?"
                    r" \+ ([\d,]+) not asked for(?: \+ ([\d,]+) after the last line)? \+ ([\d,]+) lost")


@pytest.fixture
def opener():
    """Built with the tests, beside the program."""
    program = pathlib.Path(SUMUN).parent / "../../tests/net" / COMMAND
    assert program.exists(), f"{program}: build with -Dtests=true"
    return program.resolve()


@pytest.fixture
def place(tmp_path):
    """A directory whose path holds no link, as the kernel has it, that everybody may enter."""
    for directory in [tmp_path, *tmp_path.parents][:4]:
        if str(directory) not in ("/", "/tmp"):
            directory.chmod(0o755)
    return os.path.realpath(tmp_path).encode()


def hexed(path):
    return "-" if path is None else path.hex()


class Opener:
    """The program under watch; `expected` is what sumun must say of it."""

    def __init__(self, program, start=()):
        self.popen = subprocess.Popen([*start, program], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
        self.pid = int(self.popen.stdout.readline())
        self.expected = []

    def tell(self, *words):
        print(*words, file=self.popen.stdin, flush=True)
        result, thread = map(int, self.popen.stdout.readline().split())
        return result, thread

    def do(self, *words):
        result, _ = self.tell(*words)
        assert result >= 0, (words, errno.errorcode.get(-result))
        return result

    def open(self, verb, *words, path, flags="RDONLY", opened=None, mode=None, call=None,
             error=None, close=True, **more):
        """Has it done, and notes what must be told. `error` is what must have come of it."""
        result, thread = self.tell(verb, *words)
        assert (errno.errorcode[-result] if result < 0 else None) == error, words
        self.expected.append({
            "record": "open", "process": self.pid, "thread": thread, "command": COMMAND,
            "user": "root", "call": call or verb, "flags": flags, "mode": mode,
            "descriptor": None if result < 0 else result, "slot": None, "error": error, "path": shown(path),
            "opened": opened and shown(opened), "complete": "yes", "where": None, "count": 1}
            | more)
        if result >= 0 and close:
            self.do("close", result)
        return result

    def end(self):
        if self.popen.poll() is None:
            self.popen.stdin.close()
        self.popen.stdout.close()
        return self.popen.wait()


def shown(path):
    """As JSON has it: what is no UTF-8 is escaped, and then a backslash too."""
    if isinstance(path, str):
        return path
    try:
        return path.decode()
    except UnicodeDecodeError:
        return "".join(f"\\x{ord(c) - 0xdc00:02x}" if 0xdc80 <= ord(c) <= 0xdcff else c
                       for c in path.decode(errors="surrogateescape"))


def watch(*words):
    process = Process([SUMUN, "opens", *map(str, words)], ENVIRONMENT)
    until(lambda: "watching" in process.errors() or process.ended(), what="opens watching")
    assert not process.ended(), process.errors()
    return process


def ledger(text):
    """seen, shown, filtered, unshown, lost; which must add up. What is in sums counts as shown."""
    seen, show, summed, filtered, unshown, lost = (int((part or "0").replace(",", ""))
                                           for part in LEDGER.search(text).groups())
    assert seen == show + summed + filtered + unshown + lost, text
    return seen, show + summed, filtered, unshown, lost


def check(opener, watcher):
    """Ends both; what was told is what was expected, in that order, and nothing else."""
    opener.end()
    assert watcher.stop() == 0
    records = watcher.records()
    told = []
    for record in records:
        record.pop("came")
        assert abs(seconds_of(record.pop("time")) - os.stat("/proc/self").st_mtime) < 600
        assert record.pop("cgroup").startswith("/")
        told.append(record)
    for index, (one, other) in enumerate(zip(told, opener.expected)):
        assert one == other, index
    assert len(told) == len(opener.expected)
    seen, show, *_, lost = ledger(watcher.errors())
    assert (show, lost) == (len(told), 0) and seen >= show
    return watcher.errors()


def test_every_call(opener, place):
    file, new, link = place + b"/file", place + b"/new", place + b"/link"
    pathlib.Path(os.fsdecode(file)).write_text("x")
    os.symlink(file, link)
    one = Opener(opener)
    watcher = watch("--json", "-p", one.pid)
    if X86:
        one.open("open", hexed(file), O_RDONLY, 0, path=file)
        one.open("open", hexed(new), O_RDWR | O_CREAT | O_EXCL, 0o640, path=new,
                 flags="RDWR|CREAT|EXCL", mode="0640")
        one.open("creat", hexed(new), 0o600, path=new, flags="WRONLY|CREAT|TRUNC", mode="0600")
    one.open("openat", AT_FDCWD, hexed(file), O_WRONLY | os.O_APPEND, 0, path=file,
             flags="WRONLY|APPEND")
    one.open("openat", AT_FDCWD, hexed(link), O_RDONLY, 0, path=link, opened=file)
    one.open("openat", AT_FDCWD, hexed(link), os.O_PATH | os.O_NOFOLLOW, 0, path=link,
             flags="RDONLY|NOFOLLOW|PATH")
    one.open("openat2", AT_FDCWD, hexed(file), O_RDONLY | os.O_CLOEXEC, 0, 0, path=file,
             flags="RDONLY|CLOEXEC")
    directory = one.open("openat", AT_FDCWD, hexed(place), os.O_DIRECTORY, 0, path=place,
                         flags="RDONLY|DIRECTORY", close=False)
    one.open("openat", directory, hexed(b"file"), O_RDONLY, 0, path=file)
    one.open("openat", directory, hexed(b"./link"), O_RDONLY, 0, path=place + b"/./link", opened=file)
    one.open("openat2", directory, hexed(b"file"), O_RDONLY, 0, 0, path=file)
    # Here "/" is the directory.
    one.open("openat2", directory, hexed(b"/file"), O_RDONLY, 0, RESOLVE_IN_ROOT,
             path=place + b"//file")
    one.open("thread", directory, hexed(b"file"), O_RDONLY, 0, path=file, call="openat")
    assert one.expected[-1]["thread"] != one.pid
    one.open("openat", AT_FDCWD, hexed(b"/proc/self/comm"), O_RDONLY, 0, path=b"/proc/self/comm",
             opened=b"/proc/%d/comm" % one.pid)
    check(one, watcher)


def test_handle(opener, place):
    file = place + b"/file"
    pathlib.Path(os.fsdecode(file)).write_text("x")
    one = Opener(opener)
    directory = one.do("openat", AT_FDCWD, hexed(place), os.O_DIRECTORY, 0)
    result, _ = one.tell("handle", directory, hexed(b"file"), O_RDONLY)
    if result == -errno.EOPNOTSUPP:
        one.end()
        pytest.skip("this file system has no handles")
    watcher = watch("--json", "-p", one.pid)
    one.open("handle", directory, hexed(b"file"), O_RDONLY, path="<handle>", opened=file,
             call="open_by_handle_at", complete="no")
    check(one, watcher)


def test_errors(opener, place):
    file, link = place + b"/file", place + b"/link"
    pathlib.Path(os.fsdecode(file)).write_text("x")
    os.symlink(link, link)
    one = Opener(opener)
    watcher = watch("--json", "-p", one.pid)

    def fails(asked, error, flags=0, name="RDONLY", directory=AT_FDCWD, **more):
        words = {"path": asked} | more
        one.open("openat", directory, hexed(asked), flags, 0, flags=name, error=error, **words)

    fails(place + b"/none", "ENOENT")
    fails(file + b"/below", "ENOTDIR")
    fails(link, "ELOOP")
    fails(link, "ELOOP", os.O_NOFOLLOW, "RDONLY|NOFOLLOW")
    fails(place + b"/" + b"n" * 256, "ENAMETOOLONG")
    fails(place, "EISDIR", O_RDWR, "RDWR")
    fails(file, "EEXIST", O_CREAT | O_EXCL, "RDONLY|CREAT|EXCL", mode="0000")
    fails(None, "EFAULT", path="<unreadable>", complete="no")
    fails(b"below", "EBADF", directory=999, path=b"<descriptor 999>/below", complete="no")
    fails(b"", "ENOENT", path=os.fsencode(os.getcwd()) + b"/")
    # One byte more than any path has: what there is room for, and a mark.
    fails(b"/" * 4096, "ENAMETOOLONG", path=b"/" * 4095, complete="no")
    one.do("limit", 3)
    fails(file, "EMFILE")
    text = check(one, watcher)
    assert "; 1 paths unreadable; 1 paths cut short" in text


def test_not_permitted(opener, place):
    secret = place + b"/secret"
    pathlib.Path(os.fsdecode(secret)).write_text("x")
    os.chmod(secret, 0o600)
    one = Opener(opener)
    watcher = watch("--json", "-p", one.pid)
    one.do("user", NOBODY)
    one.open("openat", AT_FDCWD, hexed(secret), O_RDONLY, 0, path=secret, error="EACCES",
             user="nobody")
    check(one, watcher)


NAMES = [b"two\nlines", b"\x1b[31mred\x1b[0m", b"\xff\xfe", b"n" * 255, "è한🙂".encode(), b"a\\b", b"q\"q"]


@pytest.mark.parametrize("name", NAMES, ids=["newline", "escape", "no-utf8", "255", "utf8", "back",
                                             "quote"])
def test_names(opener, place, name):
    file = place + b"/" + name
    open(file, "w").close()
    one = Opener(opener)
    one.do("chdir", hexed(place))
    text = watch("-p", one.pid)
    watcher = watch("--json", "-p", one.pid)
    one.open("openat", AT_FDCWD, hexed(file), O_RDONLY, 0, path=file)
    one.open("openat", AT_FDCWD, hexed(name), O_RDONLY, 0, path=file)
    check(one, watcher)
    assert text.stop() == 0
    # A line is a line, and nothing in it moves a cursor.
    assert len(text.lines()) == 1 + 2
    assert all(line.isprintable() for line in text.lines())


def test_deep(opener, place):
    """A base of 60 directories with long names and short, and a path of 4095 bytes."""
    base = place
    for number in range(60):
        base += b"/" + (b"d%d" % number if number % 3 else b"%039d" % number)
        os.mkdir(base)
    open(base + b"/file", "w").close()
    longest = b"/" * (4095 - len(place + b"/file")) + place + b"/file"
    open(place + b"/file", "w").close()
    one = Opener(opener)
    one.do("chdir", hexed(base))
    watcher = watch("--json", "-p", one.pid)
    one.open("openat", AT_FDCWD, hexed(b"file"), O_RDONLY, 0, path=base + b"/file")
    one.open("openat", AT_FDCWD, hexed(b"../none"), O_RDONLY, 0, path=base + b"/../none",
             error="ENOENT")
    one.open("openat", AT_FDCWD, hexed(longest), O_RDONLY, 0, path=longest)
    check(one, watcher)


def test_deeper_than_any_path(opener, place):
    """What lies too deep is marked, and the inner end of it is right."""
    one = Opener(opener)
    os.chdir("/")
    one.do("chdir", hexed(place))
    name = b"n" * 200
    here = os.open(place, os.O_DIRECTORY)
    for _ in range(30):
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = below
        one.do("chdir", hexed(name))
    os.close(os.open(b"file", O_CREAT | O_WRONLY, dir_fd=here))
    os.close(here)
    watcher = watch("--json", "-p", one.pid)
    one.tell("openat", AT_FDCWD, hexed(b"file"), O_RDONLY, 0)
    one.end()
    assert watcher.stop() == 0
    record, = watcher.records()
    assert record["complete"] == "no" and record["error"] is None
    assert re.fullmatch(r"<\.\.\.>(/n{200}){15,30}/file", record["path"])
    assert re.fullmatch(r"<\.\.\.>(/n{200}){15,30}/file", record["opened"])
    assert "; 1 paths cut short" in watcher.errors()


def test_mounts(opener, place):
    """Across a bind mount and a tmpfs, in a mount namespace where only the program sees them."""
    for name in ("bound", "tmpfs", "real/below"):
        os.makedirs(place + b"/" + name.encode())
    open(place + b"/real/below/file", "w").close()
    here = os.fsdecode(place)
    script = (f"mount --bind {here}/real {here}/bound && mount -t tmpfs none {here}/tmpfs && "
              f"mkdir {here}/tmpfs/in && touch {here}/tmpfs/in/file && exec {opener}")
    one = Opener(script, ["unshare", "-m", "sh", "-c"])
    watcher = watch("--json", "-p", one.pid)
    for path in (b"/bound/below/file", b"/tmpfs/in/file", b"/real/below/file"):
        one.open("openat", AT_FDCWD, hexed(place + path), O_RDONLY, 0, path=place + path,
                 where="other mount namespace")
    one.do("chdir", hexed(place + b"/bound/below"))
    one.open("openat", AT_FDCWD, hexed(b"file"), O_RDONLY, 0, path=place + b"/bound/below/file",
             where="other mount namespace")
    one.open("openat", AT_FDCWD, hexed(b"../../tmpfs/in/file"), O_RDONLY, 0,
             path=place + b"/bound/below/../../tmpfs/in/file", where="other mount namespace")
    check(one, watcher)


def test_chroot(opener, place):
    os.makedirs(place + b"/root/in")
    open(place + b"/root/in/file", "w").close()
    one = Opener(opener)
    outside = one.do("openat", AT_FDCWD, hexed(place), os.O_DIRECTORY, 0)
    one.do("chdir", hexed(place + b"/root/in"))
    one.do("chroot", hexed(place + b"/root"))
    watcher = watch("--json", "-p", one.pid)
    one.open("openat", AT_FDCWD, hexed(b"/in/file"), O_RDONLY, 0, path=b"/in/file", where="chroot")
    one.open("openat", AT_FDCWD, hexed(b"file"), O_RDONLY, 0, path=b"/in/file", where="chroot")
    one.open("openat", outside, hexed(b"root/in/file"), O_RDONLY, 0,
             path=b"<outside>" + place + b"/root/in/file", complete="no", opened=b"/in/file",
             where="chroot")
    check(one, watcher)


@pytest.mark.skipif(not X86 or not shutil.which("gcc"), reason="i386 is of x86, and takes a gcc")
def test_32_bit(opener, place, tmp_path):
    """Numbers that are other calls in the 64-bit table, and a call from there that opens nothing."""
    file = place + b"/file"
    open(file, "w").close()
    program = tmp_path / COMMAND
    source = r"""
static long call(long n, long a, long b, long c, long d)
{
	long r;
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(n), "b"(a), "c"(b), "d"(c), "S"(d) : "memory");
	return r;
}
static unsigned long long how[3];
void _start(void)
{
	static char wait;
	call(3, 0, (long)&wait, 1, 0);
	call(5, (long)FILE, 0, 0, 0);
	call(8, (long)FILE, 0644, 0, 0);
	call(295, -100, (long)"file", 2, 0);
	call(437, 3, (long)"file", (long)how, sizeof(how));
	call(5, 8, 0, 0, 0);
	call(257, -100, (long)FILE, 0, 0); /* remap_file_pages */
	call(1, 0, 0, 0, 0);
}
"""
    subprocess.run(["gcc", "-m32", "-ffreestanding", "-fno-pie", "-nostdlib", "-static", "-no-pie",
                    f"-DFILE=\"{os.fsdecode(file)}\"", "-x", "c", "-", "-o", program], input=source,
                   text=True, check=True)
    popen = subprocess.Popen([program], stdin=subprocess.PIPE, cwd=place)
    watcher = watch("--json", "-p", popen.pid)
    popen.communicate(b"x")
    assert watcher.stop() == 0
    told = [(record["call"], record["flags"], record["mode"], record["descriptor"], record["error"],
             record["path"]) for record in watcher.records()]
    path = os.fsdecode(file)
    assert told == [("i386:open", "RDONLY", None, 3, None, path),
                    ("i386:creat", "WRONLY|CREAT|TRUNC", "0644", 4, None, path),
                    ("i386:openat", "RDWR", None, 5, None, path),
                    ("i386:openat2", "RDONLY", None, None, "ENOTDIR", path + "/file"),
                    ("i386:open", "RDONLY", None, None, "EFAULT", "<unreadable>")]


# ---- what is left out ------------------------------------------------------------------------


def test_filters(opener, place):
    """Each leaves out what it must, and what it left out is counted."""
    for name in (b"a", b"b"):
        os.mkdir(place + b"/" + name)
        open(place + b"/" + name + b"/file", "w").close()
    one = Opener(opener)
    here = os.fsdecode(place)
    rules = {"all": (), "errors": ("-x",), "writes": ("--write",), "a": ("--path", f"{here}/a/*"),
             "end": ("--path", "*/file"), "user": ("-u", "nobody"), "name": ("-c", COMMAND)}
    watchers = {rule: watch("--json", "-p", one.pid, *words) for rule, words in rules.items()}
    one.do("chdir", hexed(place + b"/a"))
    one.do("openat", AT_FDCWD, hexed(place + b"/a/file"), O_RDONLY, 0)
    one.do("openat", AT_FDCWD, hexed(place + b"/b/file"), O_WRONLY, 0)
    one.do("openat", AT_FDCWD, hexed(b"file"), os.O_TRUNC, 0)
    one.do("openat", AT_FDCWD, hexed(b"new"), O_CREAT, 0o600)
    one.tell("openat", AT_FDCWD, hexed(b"none"), O_RDONLY, 0)
    one.end()
    told = {}
    for rule, watcher in watchers.items():
        assert watcher.stop() == 0
        told[rule] = [record["path"].removeprefix(here) for record in watcher.records()]
        _, show, filtered, _, lost = ledger(watcher.errors())
        assert show == len(told[rule]) and filtered >= 5 - show and not lost
    everything = ["/a/file", "/b/file", "/a/file", "/a/new", "/a/none"]
    assert told == {"all": everything, "errors": everything[4:], "writes": everything[1:4],
                    "a": [path for path in everything if path != "/b/file"],
                    "end": everything[:3], "user": [], "name": everything}


@pytest.mark.parametrize("words, said", [
    (["--path", "etc/*"], "'etc/*' matches no path: begin with '/' or '*'"),
    (["-T", "5"], "-T is of folded lines: give --fold as well"),
    (["-p", "2147483647"], "-p '2147483647': there is no such process")])
def test_refused(words, said):
    result = subprocess.run([SUMUN, "opens", *words], capture_output=True, text=True, check=False,
                            timeout=20 * SECONDS, env=ENVIRONMENT)
    assert (result.returncode, result.stdout) == (2, "") and said in result.stderr


def test_makes_no_map_that_nothing_asks_for():
    """Processes are noted only where some are to be followed."""
    def sizes(*words):
        watcher = watch("--json", "--path", "/nonexistent/*", *words)
        about = [path.read_text() for path in pathlib.Path(f"/proc/{watcher.popen.pid}/fdinfo").iterdir()]
        assert watcher.stop() == 0
        return [size for text in about for size in re.findall(r"max_entries:\t(\d+)", text)]

    assert "65536" not in sizes() and sizes()


def test_fold_and_count(opener, place):
    file = place + b"/file"
    open(file, "w").close()
    one = Opener(opener)
    folded = watch("--json", "--fold", "-i", "3600", "-p", one.pid)
    three = watch("--csv", "-n", "3", "-p", one.pid)
    one.do("storm", 1204, hexed(file), O_RDONLY)
    one.do("storm", 7, hexed(file), O_WRONLY)
    one.do("storm", 5, hexed(place + b"/none"), O_RDONLY)
    assert three.wait() == 0
    assert len(three.lines()) == 1 + 3
    _, show, _, unshown, lost = ledger(three.errors())
    assert (show, lost) == (3, 0) and unshown <= 1216 - 3
    one.end()
    assert folded.stop() == 0
    assert [(record["count"], record["flags"], record["error"]) for record in folded.records()] == \
        [(1204, "RDONLY", None), (7, "WRONLY", None), (5, "RDONLY", "ENOENT")]
    assert ledger(folded.errors())[1] == 1216


def test_command(opener, place):
    """It is followed with its children, and its exit status is passed on."""
    names = [place + b"/%d" % number for number in range(3)]
    script = "; ".join(f"(cat {os.fsdecode(name)})" for name in names) + "; exit 5"
    result = subprocess.run([SUMUN, "opens", "--json", "--path", os.fsdecode(place) + "/*", "--",
                             "sh", "-c", script], capture_output=True, text=True, check=False,
                            timeout=20 * SECONDS, env=ENVIRONMENT)
    records = [json.loads(line) for line in result.stderr.splitlines() if line.startswith("{")]
    assert result.returncode == 5
    assert [(record["path"], record["error"], record["command"]) for record in records] == \
        [(os.fsdecode(name), "ENOENT", "cat") for name in names]
    assert len({record["process"] for record in records}) == 3


def test_strace_agrees(opener, place):
    """What another witness saw of the same run: calls, paths as asked for and results."""
    if not shutil.which("strace"):
        pytest.skip("no strace here")
    output = os.fsdecode(place) + "/strace"
    result = subprocess.run([SUMUN, "opens", "--json", "-c", "ls", "--", "strace", "-f", "-o", output,
                             "-e", "trace=open,openat,openat2,creat", "ls", "-l", "/etc"],
                            capture_output=True, text=True, check=True, timeout=60 * SECONDS,
                            env=ENVIRONMENT)
    records = [json.loads(line) for line in result.stderr.splitlines() if line.startswith("{")]
    seen = re.findall(r'openat\(AT_FDCWD, "([^"]*)".* = (-?\d+)(?: (E\w+))?',
                      pathlib.Path(output).read_text())
    assert len(seen) > 5
    assert [(record["path"], record["descriptor"], record["error"]) for record in records] == \
        [(path, int(number) if int(number) >= 0 else None, error or None)
         for path, number, error in seen]


def test_closed_pipe_is_quiet(opener, place):
    one = Opener(opener)
    with subprocess.Popen([SUMUN, "opens", "-p", str(one.pid)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, env=ENVIRONMENT) as popen:
        assert "watching" in popen.stderr.readline()
        assert popen.stdout.readline().startswith("TIME")
        popen.stdout.close()
        one.do("storm", 10, hexed(place), O_RDONLY)
        assert popen.wait(20 * SECONDS) == 0
        ledger(popen.stderr.read())
    one.end()


def test_two_capabilities_do(place):
    """CAP_BPF and CAP_PERFMON, of a user who is nobody; with fewer it says which is missing."""
    def run(*capabilities):
        given = ",".join(["-all", *(f"+{name}" for name in capabilities)])
        return subprocess.run(["setpriv", "--reuid", str(OTHER), "--regid", str(OTHER),
                               "--clear-groups", f"--inh-caps={given}", f"--ambient-caps={given}",
                               f"--bounding-set={given}", SUMUN, "opens", "--json", "--path",
                               "/dev/null", "--", "cat", "/dev/null"], capture_output=True,
                              text=True, check=False, timeout=20 * SECONDS, env=ENVIRONMENT)
    result = run("bpf", "perfmon")
    assert result.returncode == 0, result.stderr
    record, = (json.loads(line) for line in result.stderr.splitlines() if line.startswith("{"))
    assert (record["path"], record["user"]) == ("/dev/null", str(OTHER))
    result = run("bpf")
    assert (result.returncode, result.stdout) == (3, "") and "CAP_PERFMON missing" in result.stderr
    result = run()
    assert result.returncode == 3 and "CAP_BPF and CAP_PERFMON missing" in result.stderr


def on_terminal(columns, command):
    result = subprocess.run(["script", "-qec", f"stty cols {columns}; {command}", "/dev/null"],
                            capture_output=True, text=True, check=True, env=ENVIRONMENT)
    lines = result.stdout.splitlines()
    assert all(len(line) <= columns for line in lines if "opens seen" not in line)
    return lines


def test_terminal(place):
    """Lines that fit, with the path's beginning and end; whole ones elsewhere."""
    long = "/dev/.." + "/dev/../dev/.." * 30 + "/dev/null"
    command = f"{SUMUN} opens --path '*/null' -- cat {long}"
    narrow, wide = (on_terminal(columns, command) for columns in (80, 120))
    assert narrow[0].split() == ["TIME", "PID", "COMMAND", "FD", "FLAGS", "PATH"]
    assert wide[0].split() == ["TIME", "PID", "COMMAND", "USER", "RESULT", "FLAGS", "PATH"]
    assert re.search(r" R +/dev/\.\./[a-z./]+…[a-z./]+/dev/null$", narrow[1]), narrow
    assert re.search(r" RDONLY +/dev/\.\./[a-z./]+…[a-z./]+/dev/null$", wide[1]), wide
    file = place + b"/report"
    on_terminal(80, f"{SUMUN} opens --path '*/null' -o {os.fsdecode(file)} -- cat {long}")
    assert pathlib.Path(os.fsdecode(file)).read_text().splitlines()[1].endswith(f" {long}")


def test_folded_page(opener, place):
    """The most frequent first, so many as are asked for, and what the others hold."""
    here = os.fsdecode(place)
    for number in range(5):
        (pathlib.Path(here) / str(number)).touch()
    one = Opener(opener)
    watcher = watch("--fold", "-i", "3600", "-T", "2", "-p", one.pid)
    for number in range(5):
        one.do("storm", number + 1, hexed(place + b"/%d" % number), O_RDONLY)
    one.do("storm", 7, hexed(place + b"/none"), O_RDONLY)
    one.do("storm", 2, hexed(place + b"/none"), O_WRONLY)
    one.end()
    assert watcher.stop() == 0
    title, head, first, second, rest, end = watcher.lines()
    assert re.fullmatch(r"opens until \d\d:\d\d:\d\d, in .*: 24, 7 different", title)
    assert head.split()[:2] == ["COUNT", "TIME"]
    assert first.split()[0] == "×7" and first.endswith(f"{here}/none") and "ENOENT" in first
    assert second.split()[0] == "×5" and second.endswith(f"{here}/4")
    assert rest == "5 more rows are not shown (see -T): 12 opens, 2 failed" and not end
    assert "= 12 shown + 12 in sums + " in watcher.errors()
    ledger(watcher.errors())


def test_in_sumun_run(lab):
    """The section [opens]: events one by one, and folded; to the JSON log as to the terminal."""
    for fold in ("off", "on"):
        log, csv = lab.directory / f"{fold}.json", lab.directory / f"{fold}.csv"
        run = lab.run("-c", lab.config(f"[opens]\nwatch = on\nfold = {fold}\ninterval = 500ms\n"
                                       f"path = {lab.directory}/none-*\nfailed = on\n"
                                       f"commands = cat\n[log]\njson = {log}\ncsv = {csv}\n"), "--json", "g0")

        def cat(*names, command="cat"):
            subprocess.run([command, *(f"{lab.directory}/{name}" for name in names)], check=False,
                           stderr=subprocess.DEVNULL)

        def told(name):
            return [record for record in run.records("open") if record["path"].endswith(name)]

        # It begins some time after the filter.
        until(lambda: told("none-0") or cat("none-0"), step=0.1, what="looking at opens")
        cat("none-1", "none-1")
        cat("none-1", "none-1")
        cat("none-1", command="wc")
        cat("other")
        until(lambda: sum(record["count"] for record in told("none-1")) >= 4,
              what="telling of four opens")
        assert run.stop() == 0
        assert len(told("none-1")) == 4 if fold == "off" else len(told("none-1")) <= 4
        assert sum(record["count"] for record in told("none-1")) == 4
        assert {record["path"].rsplit("/")[-1] for record in run.records("open")} == \
            {"none-0", "none-1"}
        logged = [record for record in map(json.loads, log.read_text().splitlines())
                  if record["record"] == "open"]
        assert [record | {"came": None} for record in run.records("open")] == \
            [record | {"came": None} for record in logged]
        assert {(record["error"], record["command"]) for record in logged} == {("ENOENT", "cat")}
        assert csv.exists() is False or "none-" not in csv.read_text()
        assert "opens seen, 0 lost" in run.errors()


def test_in_sumun_run_as_text(tmp_path):
    """The same heading and lines as the command has, and a limit; and no filter is needed."""
    for fold, head in (("off", "TIME"), ("on", "COUNT")):
        config = tmp_path / f"{fold}.conf"
        config.write_text("[filter]\nenabled = off\n[opens]\nwatch = on\npath = */none-*\ntop = 1\n"
                          f"interval = 200ms\nfold = {fold}\n")
        run = Process([SUMUN, "run", "-c", str(config)], ENVIRONMENT)

        def cat(*names):
            subprocess.run(["cat", *names], check=False, cwd=tmp_path, stderr=subprocess.DEVNULL)

        until(lambda: any("none-0" in line for line in run.lines()) or cat("none-0"), step=0.1,
              what="looking at opens")
        cat("none-1", "none-1", "none-2", "none-3")
        last = "more rows" if fold == "on" else "none-3"
        until(lambda: any(last in line for line in run.lines()), what="telling of them")
        assert run.stop() == 0
        lines = run.lines()
        if fold == "off":
            assert lines[0].split() == [head, "PID", "COMMAND", "USER", "RESULT", "FLAGS", "PATH"]
            assert lines[-1].endswith(f" {tmp_path}/none-3")
            continue
        assert re.match("opens until .* different$", lines[0]) and lines[1].split()[0] == head
        assert any(re.fullmatch(r"\d more rows are not shown \(see -T\): \d opens, \d failed", line)
                   for line in lines)


# ---- nothing is lost, or it is known ---------------------------------------------------------


def together(openers, *words):
    """All do the same at once."""
    threads = [threading.Thread(target=one.do, args=words) for one in openers]
    for thread in threads:
        thread.start()
    return threads


def watch_quietly(openers, *words):
    """To /dev/null: what matters is the ledger."""
    pids = ",".join(str(one.pid) for one in openers)
    popen = subprocess.Popen([SUMUN, "opens", "--csv", "-p", pids, *words], env=ENVIRONMENT,
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert "watching" in popen.stderr.readline()
    return popen


def test_a_million_opens_with_a_reader_that_stops(opener, place):
    file = place + b"/file"
    open(file, "w").close()
    openers = [Opener(opener), Opener(opener)]
    popen = watch_quietly(openers)
    try:
        for share, stopped in ((100_000, False), (300_000, True), (100_000, False)):
            if stopped:
                popen.send_signal(signal.SIGSTOP)
            for thread in together(openers, "storm", share, hexed(file), O_RDONLY):
                thread.join()
            popen.send_signal(signal.SIGCONT)
    finally:
        popen.send_signal(signal.SIGCONT)
        popen.send_signal(signal.SIGINT)
        complaints = popen.communicate(timeout=120 * SECONDS)[1]
        for one in openers:
            one.end()
    _, show, _, unshown, lost = ledger(complaints)
    assert show + lost == 1_000_000 and not unshown
    assert lost > 0, "the ring was never full"
    assert "opens are missing here" in complaints


def test_100000_opens_a_second(opener, place):
    file = place + b"/file"
    open(file, "w").close()
    openers = [Opener(opener), Opener(opener)]
    popen = watch_quietly(openers)
    try:
        for thread in together(openers, "pace", 50_000, 150_000, hexed(file)):
            thread.join()
    finally:
        popen.send_signal(signal.SIGINT)
        complaints = popen.communicate(timeout=60 * SECONDS)[1]
        for one in openers:
            one.end()
    _, show, _, unshown, lost = ledger(complaints)
    assert (show, unshown, lost) == (300_000, 0, 0)
