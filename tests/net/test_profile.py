# SPDX-License-Identifier: GPL-2.0-or-later
"""`sumun profile`: programs of which it is known where their time goes, or where they wait.

How many samples fall where is chance: what is expected is that of so many, within five times the
deviation of a binomial distribution and a part for what the program does besides.
"""
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from lab import until
from observed import ENVIRONMENT, PATIENCE, SUMUN
from process import Process

MARKUP = "</text>]]><script>&\"alert'(1)"
BESIDE = 0.03  # of the samples: the clock, interrupts
THREE, ONE = "plus::three_parts", "oxide::one_part"
FRAME = "{http://www.w3.org/2000/svg}g"
TITLE = "{http://www.w3.org/2000/svg}title"
X86 = platform.machine() == "x86_64"
PROGRAMS = pathlib.Path(SUMUN).parents[2] / "tests/net"


@pytest.fixture(scope="module")
def truth():
    return PROGRAMS / "profile_truth"


def needs(*tools):
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


class Profile:
    """What --json printed of the whole time."""

    def __init__(self, records):
        records = [record for record in records if record["record"].startswith("profile")]
        first = max(i for i, record in enumerate(records) if record["record"] == "profile")
        self.whole = records[first]
        self.functions = [record for record in records[first:]
                          if record["record"] == "profile-function"]
        self.stacks = [record for record in records[first:] if record["record"] == "profile-stack"]
        self.value = self.whole.get("samples", self.whole.get("nanoseconds"))
        assert self.whole["all"]
        balance(self.whole)
        assert sum(row["self"] for row in self.functions) == self.value
        assert sum(row["self"] for row in self.stacks) == self.value

    def complete(self):
        ledger = self.whole["ledger"]
        assert not sum(number for name, number in ledger.items() if name.startswith("lost")), ledger
        return self

    def find(self, name, kind=None):
        rows = [row for row in self.functions
                if row["function"] == name and kind in (None, row["kind"])]
        assert len(rows) == 1, (name, self.functions)
        return rows[0]

    def of_kind(self, kind):
        return sum(row["self"] for row in self.functions if row["kind"] == kind)


def balance(whole):
    """Every sample, or every switch, is accounted for."""
    ledger = dict(whole["ledger"])
    assert ledger.pop("taken") == sum(ledger.values()), whole
    if "samples" in whole:
        assert whole["samples"] == whole["ledger"]["counted"]


def run(*words, **options):
    options = {"stdin": subprocess.DEVNULL, "env": ENVIRONMENT} | options
    return subprocess.run([SUMUN, "profile", *map(str, words)], text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE,
                          check=False, **options)


def profile(*words, options=("-F", 999)):
    """The profile of a command, and what it printed."""
    result = run("--json", "-T", 0, *options, "--", *words)
    assert result.returncode == 0, result.stderr
    return Profile([json.loads(line) for line in result.stderr.splitlines()
                    if line.startswith("{")]), result.stdout


def near(part, whole, share):
    deviation = (share * (1 - share) * whole) ** 0.5
    return abs(part - share * whole) <= 5 * deviation + BESIDE * whole


# ---- what runs -------------------------------------------------------------------------


def test_known_shares(truth):
    """Three to one, under the names that C++ and Rust have; each below what called it."""
    result, _ = profile(truth, "burn", 2000)
    result.complete()
    assert result.value > 500 and result.whole["unseen"] <= 0.01 * result.value
    assert near(result.find(THREE)["total"], result.value, 0.75)
    assert near(result.find(ONE)["total"], result.value, 0.25)
    assert result.find("burn")["total"] >= (1 - BESIDE) * result.value
    assert result.find("main")["object"] == "profile_truth"
    in_order = 0
    for stack in result.stacks:
        names = [frame["name"] for frame in stack["frames"]]
        assert names[0] in ("profile_truth", "sumun")
        if THREE in names and {"main", "burn"} <= set(names):
            assert names.index("main") < names.index("burn") < names.index(THREE)
            in_order += stack["self"]
    # In the first instructions of a function its caller is not to be seen.
    assert in_order >= (1 - BESIDE) * result.find(THREE)["total"]
    assert result.whole["incomplete"] <= BESIDE * result.value


def test_the_kernel(truth):
    result, _ = profile(truth, "kernel", 1000)
    assert result.complete().of_kind("kernel") > 0.8 * result.value
    assert result.find("in_the_kernel")["total"] > 0.8 * result.value
    assert not result.whole["kernel_hidden"]


@pytest.mark.skipif(not X86, reason="the code that it makes is for x86")
def test_code_that_is_made(truth):
    result, _ = profile(truth, "jit", 1000)
    row = result.complete().find("made::code in a loop")
    assert row["kind"] == "jit" and row["self"] > (1 - 2 * BESIDE) * result.value
    assert result.find("in_made_code")["total"] >= row["self"]


def test_no_symbols(truth, tmp_path):
    """By where functions begin, which their unwind information still says."""
    needs("strip", "nm")
    bare = tmp_path / "bare"
    subprocess.run(["strip", "-o", bare, truth], check=True)
    names = subprocess.run(["nm", truth], check=True, text=True, stdout=subprocess.PIPE).stdout
    address = int(re.search(r"^(\w+) T _ZN4plus11three_partsEm$", names, re.M)[1], 16)
    result, _ = profile(bare, "burn", 1000)
    # Not position-independent: the file lies in memory as it is from 0x400000 on.
    row = result.complete().find(f"[unknown in bare+{hex(address - 0x400000)}]")
    assert near(row["total"], result.value, 0.75)
    # Nothing says where it begins.
    assert result.whole["incomplete"] > 0.9 * result.value


@pytest.mark.skipif(not X86, reason="there are no programs of 32 bits here")
def test_32_bits():
    result, _ = profile(PROGRAMS / "profile_truth32")
    row = result.complete().find("burn32")
    assert row["total"] > 0.9 * result.value > 50
    assert result.find("_start")["total"] >= row["total"]


class Watch(Process):
    """`sumun profile --json` beside the test, once it samples."""

    def __init__(self, *words):
        super().__init__([SUMUN, "profile", "--json", "-T", "0", "-i", "0.2",
                          *map(str, words)], ENVIRONMENT)
        until(lambda: self.records("profile") or self.ended(), what="the first report")
        assert not self.ended(), self.errors()

    def end(self):
        assert self.stop(signal.SIGINT, PATIENCE) == 0, self.errors()
        return Profile(self.records())


@pytest.fixture
def watches():
    started = []

    def start(*words):
        started.append(Watch(*words))
        return started[-1]

    yield start
    for watch in started:
        watch.kill()


def test_a_process_that_has_ended(truth, tmp_path, watches):
    """And whose file is gone too."""
    program = tmp_path / "mayfly"
    shutil.copy(truth, program)
    watch = watches("-F", 999, "-c", "mayfly", "--by", "process")
    with subprocess.Popen([program, "burn", "1000"]) as popen:
        assert popen.wait(PATIENCE) == 0
    program.unlink()
    result = watch.end().complete()
    row = result.find(THREE)
    assert row["process"] == f"mayfly {popen.pid}" and row["object"] == "mayfly"
    assert near(row["total"], result.value, 0.75) and result.value > 200


def test_who_is_looked_at(truth, watches):
    """Others are counted as filtered out; this command is, too, unless it is asked for."""
    with subprocess.Popen([truth, "burn", "100000"]) as one, \
            subprocess.Popen([truth, "burn", "100000"]) as other:
        try:
            result = run("--json", "-T", 0, "-F", 499, "-p", one.pid, "--by", "process", 1)
        finally:
            one.kill()
            other.kill()
    records = [json.loads(line) for line in result.stdout.splitlines()]
    result = Profile(records).complete()
    assert {row["process"] for row in result.functions} == {f"profile_truth {one.pid}"}
    assert result.whole["ledger"]["filtered"] > 20


def test_intervals(truth):
    result = run("--json", "-T", 0, "-F", 499, "-i", 0.3, "--", truth, "burn", 1500)
    records = [json.loads(line) for line in result.stderr.splitlines() if line.startswith("{")]
    wholes = [record for record in records if record["record"] == "profile"]
    assert len(wholes) > 2 and wholes[-1]["all"] and not any(row["all"] for row in wholes[:-1])
    for whole in wholes:
        balance(whole)
    # What came after the last interval is only in the whole.
    assert sum(row["samples"] for row in wholes[:-1]) <= wholes[-1]["samples"]
    assert sum(row["samples"] for row in wholes[:-1]) > 0.5 * wholes[-1]["samples"]


# ---- what waits ------------------------------------------------------------------------


def test_known_waits(truth):
    result, said = profile(truth, "wait", 20, 50, options=("--off-cpu",))
    # The kernel does not always run a program at a switch; what is lost is said.
    seen = 20 - result.whole["ledger"]["lost_unpaired"]
    row = result.find("wait_here")
    assert seen * 50_000_000 <= row["total"] <= int(said)
    waits = [names for names in ([frame["name"] for frame in stack["frames"]]
                                 for stack in result.stacks)
             if names[-1] == "do_nanosleep" and "[preempted]" not in names]
    assert len(waits) == 1
    assert 18 <= seen <= result.find("do_nanosleep")["count"]
    assert result.whole["of"] == "off-cpu" and result.whole["hook"] == "tp_btf sched_switch"


def test_a_cpu_taken_away(truth, watches):
    """Two on one CPU take it from each other, and neither gives it up."""
    cpu = min(os.sched_getaffinity(0))
    watch = watches("--off-cpu", "-c", "profile_truth")
    with subprocess.Popen(["taskset", "-c", str(cpu), truth, "burn", "700"]), \
            subprocess.Popen(["taskset", "-c", str(cpu), truth, "burn", "700"]):
        pass
    result = watch.end()
    taken = given = 0
    for stack in result.stacks:
        names = [frame["name"] for frame in stack["frames"]]
        if "burn" in names and "[preempted]" in names:
            taken += stack["self"]
        elif "burn" in names:
            given += stack["self"]
    assert taken > 100_000_000 and taken > 9 * given
    assert result.whole["preempted"] >= taken


# ---- how it is shown -------------------------------------------------------------------


def test_table(truth):
    result = run("-F", 999, "-T", 3, "--", truth, "burn", 600)
    lines = result.stderr.splitlines()
    assert re.fullmatch(r"[\d,]+ samples in all, .* s, by (cpu-clock|PMU cycles) at 999 Hz",
                        lines[0] if " s, " in lines[0] else lines[0].replace(" ms, ", " s, "))
    assert re.fullmatch(r" *SELF +TOTAL +SAMPLES  IN +FUNCTION", lines[1])
    assert re.fullmatch(rf" *7\d\.\d% +7\d\.\d% +[\d,]+  profile_truth +{THREE}", lines[2])
    assert "functions more" in lines[5]
    numbers = [int(number.replace(",", "")) for number in re.findall(
        r"[\d,]+", next(line for line in lines if line.startswith("ledger: ")))]
    assert numbers[0] == sum(numbers[1:])


def test_folded(truth):
    result = run("--folded", "-F", 999, "--", truth, "burn", 600)
    parts = {}
    for line in result.stderr.splitlines():
        assert re.fullmatch(r"[^;]+(;[^;]+)* \d+", line), line
        for name in set(line.rsplit(" ", 1)[0].split(";")):
            parts[name] = parts.get(name, 0) + int(line.rsplit(" ", 1)[1])
    assert near(parts[THREE], parts["profile_truth"], 0.75)
    assert any(name.endswith("_[k]") for name in parts) or len(parts) < 12


@pytest.fixture
def flame(truth, tmp_path):
    """A flame graph with a function whose name would be markup."""
    needs("objcopy")
    program, path = tmp_path / "evil", tmp_path / "flame.svg"
    subprocess.run(["objcopy", "--redefine-sym", f"burn={MARKUP}", truth, program],
                   check=True)
    result = run("--svg", path, "-F", 999, "--", program, "burn", 600)
    assert result.returncode == 0, result.stderr
    return path


def test_flame_graph(flame):
    frames = [(frame.find(TITLE).text, int(frame.get("data-b")), int(frame.get("data-v")),
               int(frame.get("data-d"))) for frame in ElementTree.parse(flame).iter(FRAME)]
    titles = [frame[0] for frame in frames]
    assert any(title.startswith(MARKUP + " (") for title in titles), titles
    assert any(title.startswith(THREE + " (") for title in titles)
    assert frames[0][0].startswith("all (") and frames[0][3] == 0
    # Nothing overlaps, and nothing is wider than what it stands on.
    for depth in range(1, max(frame[3] for frame in frames) + 1):
        row = [frame for frame in frames if frame[3] == depth]
        below = [frame for frame in frames if frame[3] == depth - 1]
        for left, right in zip(row, row[1:]):
            assert left[1] + left[2] <= right[1]
        for frame in row:
            assert any(base[1] <= frame[1] and frame[1] + frame[2] <= base[1] + base[2]
                       for base in below)
    assert flame.read_text().count("<script") == 1


def in_browser(address, directory, *options):
    browser = shutil.which("chromium")
    if not browser:
        pytest.skip("chromium is not installed: nobody has looked at the flame graph")
    return subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", *options,
                           f"--user-data-dir={directory}", address], text=True, timeout=PATIENCE,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout


def test_search_and_zoom(flame, tmp_path):
    """In a browser: what matches is marked, and its share said; what is zoomed to fills the width."""
    pattern = pathlib.Path(flame).as_uri() + "#search=three_parts"
    page = in_browser(pattern, tmp_path / "browser", "--dump-dom")
    assert page.count("<script") == 1
    frames = list(ElementTree.parse(flame).iter(FRAME))
    titles = [frame.find(TITLE).text for frame in frames]
    values = [int(frame.get("data-v")) for frame in frames]
    number, title = next((i, title) for i, title in enumerate(titles) if title.startswith(THREE))
    found = sum(value for value, title in zip(values, titles) if title.startswith(THREE))
    assert f">matched: {100 * found / values[0]:.2f}%<" in page
    assert page.count('class="f found"') == sum(THREE in title for title in titles)
    page = in_browser(pathlib.Path(flame).as_uri() + f"#zoom={number}", tmp_path / "browser",
                      "--dump-dom")
    frame = page[page.index(f"<title>{title}"):]
    assert re.match(r'[^>]*>[^<]*</title><rect x="10" [^>]*width="1200"', frame), frame[:300]
    assert page.count('class="f hidden"') > 0 and page.count('class="f faded"') > 2
    # To be looked at, where pytest keeps what tests leave.
    for name, size in (("wide", "1300,700"), ("narrow", "500,700")):
        picture = tmp_path / f"{name}.png"
        in_browser(pattern, tmp_path / "browser", f"--window-size={size}",
                   f"--screenshot={picture}")
        assert picture.read_bytes().startswith(b"\x89PNG")


def test_wrong_words(tmp_path):
    for words, sentence in (
            (("-F", "0"), "from 1 to 100000"), (("-F", "x"), "from 1 to 100000"),
            (("--by", "call"), "command, process, cgroup"), (("0",), "0.1"),
            (("5", "--json"), "options stand before"),
            (("--folded", "--json"), "give one"),
            (("-F", "99", "--off-cpu"), "all is seen")):
        result = run(*words)
        assert result.returncode == 2 and sentence in result.stderr, (words, result.stderr)
    result = run("--svg", tmp_path / "not" / "there.svg", "1")
    assert result.returncode == 1 and "there.svg': No such file" in result.stderr


def test_without_privilege():
    result = run("1", user=65534)
    assert result.returncode == 3
    assert "CAP_BPF" in result.stderr and "CAP_PERFMON" in result.stderr, result.stderr
