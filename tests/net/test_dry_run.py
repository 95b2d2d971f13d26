# SPDX-License-Identifier: GPL-2.0-or-later
"""`up --dry-run`: says what would change, changes nothing, fails where `up` would."""
from lab import FAR4, HOST4, NEIGHBOUR4, PEER4, until
from test_lists import deny, tables, write


UNDONE = "list drop: ranges 2 -> 1; IPv4 addresses: 1 removed; " \
    "undoes what 'sumun list add' and 'sumun list del' changed since"


def dry_run(lab, settings, *interfaces, **options):
    return lab.up(settings, *interfaces, options=["--dry-run"], **options)


def test_dry_run_before_there_is_a_filter(lab):
    path = write(lab, "drop.txt", PEER4, "junk")
    result = dry_run(lab, f"deny-list = {path}\nblock-ports = tcp/23")
    assert "not up" in result.stdout and "raised on g0" in result.stdout
    for line in ("  mode = enforce", "  block-ports = tcp/23", "list drop: new, deny, 1 range"):
        assert line in result.stdout.splitlines(), result.stdout
    assert "drop.txt:2: " in result.stderr
    assert lab.pins() == [] and not lab.attached()


def test_dry_run_tells_and_does_nothing(lab):
    one, two = write(lab, "one.txt", "10.9.0.0/24", "2001:db8::/32"), \
        write(lab, "two.txt", FAR4)
    lab.up(f"block-ports = tcp/1-100\nban = 192.0.2.1, 192.0.2.2\ndeny-list = {one}, {two}",
           sections="[guard web]\nports = tcp/80\ntotal = 9/s\n[guard old]\ntotal = 1/s\n")
    path = lab.directory / "sumun.conf"
    assert lab.sumun("up", "--dry-run", "-c", path, "g0").stdout == "nothing would change\n"
    before, maps = lab.json("status"), tables(lab)
    write(lab, "one.txt", "10.9.0.0/25", "10.9.1.0/25", "2001:db8::/32", "2001:db9::/32")
    lab.cable("g1", "p1", "02:00:00:00:00:07")
    lab.ip(lab.host, "route", "add", "default", "via", NEIGHBOUR4)
    result = lab.sumun(
        "up", "--dry-run", "-c", lab.config(
            "[filter]\nmode = observe\nbans-file = none\nblock-ports = tcp/1-49, tcp/51-100\n"
            f"ban = 192.0.2.2, 192.0.2.3\ndeny-list = {one}\n"
            "[guard web]\nports = tcp/80, tcp/443\ntotal = 20/s\n[guard new]\ntotal = 2/s\n",
            "new.conf"), "g1")
    assert result.stderr == ""
    assert result.stdout.splitlines() == [
        "[filter]",
        "  mode: enforce -> observe",
        "  block-ports: - tcp/50",
        "  ban: + 192.0.2.3",
        "  ban: - 192.0.2.1",
        f"  deny-list: - {two}",
        "[guard web]",
        "  ports: + tcp/443",
        "  total: 9/s -> 20/s",
        "[guard new] is new",
        "  total = 2/s",
        "  ban = off",
        "  mode = enforce",
        "[guard old] is removed",
        "list one: ranges 2 -> 3; IPv4 addresses: 128 added, 128 removed; IPv6 ranges: 1 added",
        "list two: removed, deny, 1 range",
        f"guarded peers: + {NEIGHBOUR4}",
        "interface g1: would be attached",
        "interface g0: would be detached",
    ]
    assert lab.json("status") == before and tables(lab) == maps
    assert lab.attached() and not lab.attached("g1")


def test_dry_run_after_changes_by_hand(lab):
    """What was changed since by commands comes back with the configuration, and that is told."""
    deny(lab, PEER4, settings="ban = 192.0.2.1")
    path = lab.directory / "sumun.conf"
    lab.sumun("list", "add", "drop", FAR4)
    assert lab.sumun("up", "--dry-run", "-c", path, "g0").stdout == \
        f"{UNDONE}\n"
    lab.sumun("unban", "192.0.2.1")
    lines = lab.sumun("up", "--dry-run", "-c", path, "g0").stdout.splitlines()
    assert UNDONE in lines
    assert "ban: + 192.0.2.1, which 'sumun unban' had ended" in lines
    result = lab.sumun("up", "-c", path, "g0")
    assert result.stderr.count("list drop: what 'sumun list add' and 'sumun list del' changed "
                               "since is undone") == 1
    assert result.stdout.startswith("changed: ")
    assert lab.sumun("up", "--dry-run", "-c", path, "g0").stdout == "nothing would change\n"


def test_an_edit_that_the_file_has_too(lab):
    """What was changed by hand and then written into the file is an edit no more."""
    deny(lab, PEER4)
    path = lab.directory / "sumun.conf"
    lab.sumun("list", "add", "drop", FAR4)
    write(lab, "drop.txt", PEER4, FAR4)
    result = lab.sumun("up", "-c", path, "g0")
    assert (result.stdout, result.stderr) == \
        ("nothing changed: g0 (native), policy 2, enforce\n", "")
    write(lab, "drop.txt", PEER4)
    assert lab.sumun("up", "--dry-run", "-c", path, "g0").stdout == \
        "list drop: ranges 2 -> 1; IPv4 addresses: 1 removed\n"
    assert lab.sumun("up", "-c", path, "g0").stderr == ""


def test_dry_run_after_unban_alone(lab):
    """A policy that was copied to be changed is of the same configuration still."""
    deny(lab, PEER4, settings="ban = 192.0.2.1")
    lab.sumun("unban", "192.0.2.1")
    result = lab.sumun("up", "--dry-run", "-c", lab.directory / "sumun.conf", "g0")
    assert result.stdout == "ban: + 192.0.2.1, which 'sumun unban' had ended\n"
    assert result.stderr == ""


def test_dry_run_of_what_was_taken_back(lab):
    """Nobody has tidied up yet after the time of an unconfirmed change."""
    deny(lab, PEER4, options=["--confirm", "0.3"])
    until(lambda: "nobody confirmed" in lab.sumun("status", check=False).stderr,
          what="the time of the change")
    path = lab.directory / "sumun.conf"
    assert "not up" in lab.sumun("up", "--dry-run", "-c", path, "g0").stdout
    deny(lab, PEER4)
    other = lab.config("[filter]\nmode = observe\nbans-file = none\n", "other.conf")
    lab.sumun("up", "--confirm", "0.3", "-c", other, "g0")
    until(lambda: lab.json("status")["mode"] == "enforce", what="going back")
    assert lab.sumun("up", "--dry-run", "-c", path, "g0").stdout == "nothing would change\n"


def test_dry_run_fails_as_up_would(lab):
    lab.up("block-ports = udp/5000")
    before = lab.json("status")
    lengths = ", ".join(f"2001:db8::/{length}" for length in range(32, 64))
    for settings, interface in (
            (f"ban = {HOST4}", "g0"), ("deny-list = /nowhere/drop.txt", "g0"),
            (f"strict-lists = on\ndeny-list = {write(lab, 'bad.txt', 'junk', FAR4)}", "g0"),
            (f"deny-list = {write(lab, 'all.txt', '0.0.0.0/0')}", "g0"),
            (f"ban = {lengths}", "g0"), ("mode = nonsense", "g0"), ("", "g9")):
        dry = dry_run(lab, settings, interface, check=False)
        real = lab.up(settings, interface, check=False)
        assert (dry.returncode, dry.stderr) == (real.returncode, real.stderr)
        assert dry.returncode in (1, 2) and dry.stderr and dry.stdout == ""
    assert lab.json("status") == before
    result = lab.up(f"ban = {FAR4}", options=["--dry-run", "--force"])
    assert f"ban: + {FAR4}" in result.stdout
