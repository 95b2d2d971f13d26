# SPDX-License-Identifier: GPL-2.0-or-later
"""Configuration files, right and wrong, as a person meets them; no privilege needed."""
import os
import random
import subprocess
import unicodedata

import pytest

from lab import SECONDS, SUMUN

NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]

FULL = """\
[filter]
interfaces = eth0, eth1
mode = enforce
block-ports = tcp/8080, tcp/1025-1099, udp/53
allow = 192.0.2.1, 2001:db8::/32
ban = 198.51.100.0/24, 2001:db8:1::1
report-interval = 1m30s

[log]
csv = /var/log/sumun.csv
json = /var/log/sumun.json
"""


@pytest.fixture
def check(tmp_path):
    """check(text) -> exit status, stdout, stderr lines without the path; run as nobody."""
    os.chmod(tmp_path, 0o755)
    for parent in list(tmp_path.parents)[:2]:
        os.chmod(parent, 0o755)
    path = tmp_path / "it.conf"

    def check(text):
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        # Read from standard input, because the way to the file may be closed to nobody.
        with open(path, "rb") as file:
            result = subprocess.run([*NOBODY, SUMUN, "check", "/proc/self/fd/0"], stdin=file,
                                    capture_output=True, timeout=SECONDS)
        errors = result.stderr.decode(errors="replace").splitlines()
        assert all(line.startswith("sumun: error: /proc/self/fd/0") for line in errors), errors
        return result.returncode, result.stdout.decode(), \
            [line.removeprefix("sumun: error: /proc/self/fd/0") for line in errors]

    return check


def test_reads_back_to_the_same(check):
    for text in (FULL, "", "# only this\n", "[filter]\nmode=observe\n",
                 "[filter]\r\nblock-ports = TCP/80\r\n"):
        status, first, errors = check(text)
        assert status == 0 and not errors, (text, errors)
        assert check(first) == (0, first, [])


def test_byte_order_mark(check):
    status, text, errors = check("\ufeff[filter]\nmode = enforce\n")
    assert (status, errors) == (0, []) and "mode = enforce" in text


def test_effective_values(check):
    _, text, _ = check(FULL)
    for line in ("interfaces = eth0, eth1", "mode = enforce", "csv = /var/log/sumun.csv",
                 "block-ports = tcp/1025-1099, tcp/8080, udp/53", "report-interval = 1m30s"):
        assert line in text.splitlines()
    _, text, _ = check("")
    assert "mode = observe" in text and "report-interval = 5s" in text


WRONG = [  # text, line, words that say what is wrong
    ("[filter]\ncolour = red\n", 2, ["colour", "block-ports"]),
    ("[fliter]\nmode = enforce\n", 1, ["fliter", "filter"]),
    ("mode = enforce\n", 1, ["section"]),
    ("[filter]\nblock-ports = tcp/80, tcp/0\n", 2, ["tcp/0"]),
    ("[filter]\nblock-ports = tcp/65536\n", 2, ["tcp/65536"]),
    ("[filter]\nblock-ports = tcp/90-80\n", 2, ["tcp/90-80"]),
    ("[filter]\nblock-ports = 80\n", 2, ["80"]),
    ("[filter]\nblock-ports = sctp/80\n", 2, ["sctp/80"]),
    ("[filter]\n\n\nban = 1.2.3\n", 4, ["1.2.3"]),
    ("[filter]\nban = 1.2.3.4/33\n", 2, ["33"]),
    ("[filter]\nallow = fe80::1::2\n", 2, ["fe80::1::2"]),
    ("[filter]\nmode = on\n", 2, ["on", "observe", "enforce"]),
    ("[filter]\nreport-interval = 5 parsecs\n", 2, ["parsecs"]),
    ("[filter]\nreport-interval = 1ms\n", 2, ["100ms"]),
    ("[filter]\ninterfaces = averyveryverylongname0\n", 2, ["averyveryverylongname0"]),
    ("[filter]\nmode = observe\nmode = enforce\n", 3, ["mode", "line 2"]),
    ("[log]\ncsv = /a\n\ncsv = /b\n", 4, ["csv", "line 2"]),
    ("[filter]\nwhat is this\n", 2, ["key = value"]),
    ("[filter\n", 1, []),
    ("[filter]\nban = " + "1" * 300 + "\n", 2, ["bytes"]),
]


def test_what_is_wrong_and_where(check):
    for text, line, words in WRONG:
        status, out, errors = check(text)
        assert status == 2 and out == "", text
        assert errors[0].startswith(f":{line}: "), (text, errors)
        assert all(word in errors[0] for word in words), (text, errors)


def test_every_error_is_told(check):
    status, _, errors = check("[filter]\nmode = x\nban = y\nblock-ports = z\nq = 1\n")
    assert status == 2
    assert [error[:3] for error in errors] == [":2:", ":3:", ":4:", ":5:"]


def test_lists_go_on(check):
    """A list may be given twice, go on in an indented line, and be longer than 200 characters."""
    many = ", ".join(f"tcp/{port}" for port in range(2, 2000, 2))
    status, text, errors = check(f"[filter]\nblock-ports = {many}\nblock-ports = udp/1\n"
                                 "ban = 192.0.2.1,\n  192.0.2.2\n  192.0.2.3\n")
    assert status == 0, errors
    ports = next(line for line in text.splitlines() if line.startswith("block-ports"))
    assert ports.count("tcp/") == 999 and ports.endswith("udp/1")
    assert "ban = 192.0.2.1, 192.0.2.2, 192.0.2.3" in text
    assert check(text) == (0, text, [])


def test_junk(check):
    for junk in (random.Random(1).randbytes(4096), bytes(range(256)) * 8, b"\0" * 100,
                 b"\x7fELF" + bytes(500), b"[" * 5000, b"=" * 5000, b"[filter]\nmode\0 = enforce\n", b"\xff\xfe[\0f\0"):
        status, out, errors = check(junk)
        assert status == 2 and out == "" and errors, junk[:20]
        kinds = {unicodedata.category(character) for character in "".join(errors)}
        assert not kinds & {"Cc", "Cf", "Zl", "Zp"}, errors


def test_what_memory_does_not_hold_is_no_configuration():
    """A line without an end: what was read up to there is not taken for all of it."""
    result = subprocess.run(["prlimit", f"--as={1 << 30}", SUMUN, "check", "/dev/zero"],
                            capture_output=True, text=True, timeout=SECONDS)
    assert result.returncode == 2 and result.stdout == ""
    assert result.stderr == "sumun: error: /dev/zero:1: Cannot allocate memory\n"


def test_no_such_file_and_wrong_usage(tmp_path):
    def sumun(*words):
        result = subprocess.run([SUMUN, *words], capture_output=True, text=True, timeout=SECONDS)
        return result.returncode, result.stderr

    for words in (["check", str(tmp_path / "none")], ["check", str(tmp_path)], ["check"],
                  ["check", "a", "b"], ["chekc"], [], ["run", "-i", "0"], ["run", "-n", "0"],
                  ["run", "--nonsense"], ["stats", "eth0"], ["run", "-c", str(tmp_path / "none")],
                  ["up", "-c", str(tmp_path / "none")], ["ban", "--for", "-1s", "192.0.2.1"]):
        status, errors = sumun(*words)
        assert status == 2 and errors, (words, status, errors)
    for words in (["help"], ["--help"], ["--version"], ["run", "--help"], ["bans", "--usage"]):
        assert sumun(*words)[0] == 0


def test_guide_configuration_is_right(check):
    path = os.path.join(os.path.dirname(__file__), "../../examples/guide.conf")
    if not os.path.exists(path):
        pytest.skip("examples/guide.conf is not there yet")
    with open(path) as file:
        status, text, errors = check(file.read())
    assert (status, errors) == (0, [])
    for line in ("mode = enforce", "block-ports = tcp/8080", "report-interval = 5s"):
        assert line in text.splitlines()
