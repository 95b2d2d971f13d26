# SPDX-License-Identifier: GPL-2.0-or-later
import hashlib
import os
import sys

import pytest

os.environ.setdefault("SUMUN", os.path.realpath(
    os.path.join(os.path.dirname(__file__), "../../build/src/cli/sumun")))
sys.dont_write_bytecode = True

from lab import Lab, until  # noqa: E402: needs SUMUN
from observed import Watch  # noqa: E402


def named_in(path):
    """The tests that a list names; every file with tests must have one there."""
    with open(path) as file:
        return {line.strip() for line in file if line.strip() and line[0] != "#"}


def name_of(item):
    return f"{item.fspath.basename}::{item.name}"


def pytest_collection_modifyitems(config, items):
    """Leaves out what SUMUN_FEW (a list's path) does not name, and others' shares (SUMUN_SHARE)."""
    whole = list(items)
    if os.environ.get("SUMUN_FEW"):
        names = named_in(os.environ["SUMUN_FEW"])
        items[:] = [item for item in items if name_of(item) in names]
        unknown = names - {name_of(item) for item in items}
        files = {item.fspath.basename for item in whole} - {item.fspath.basename for item in items}
        if unknown or files:
            raise pytest.UsageError(f"{os.environ['SUMUN_FEW']}: there is no {sorted(unknown)}; "
                                    f"no test of {sorted(files)} is named")
    if os.environ.get("SUMUN_SHARE"):
        number, shares = map(int, os.environ["SUMUN_SHARE"].split("/"))
        items[:] = items[number - 1::shares]
    left = {item.nodeid for item in items}
    config.hook.pytest_deselected(items=[item for item in whole if item.nodeid not in left])


@pytest.fixture
def lab(request, tmp_path):
    name = hashlib.sha256(f"{request.node.nodeid} {os.getpid()}".encode()).hexdigest()[:8]
    lab = Lab(name, tmp_path)
    try:
        yield lab.make()
    finally:
        lab.remove()


@pytest.fixture
def watches():
    """Starts watches, each with its options; ends those that the test left."""
    started = []

    def start(*words):
        started.append(Watch(*words))
        until(lambda: started[-1].reports() or started[-1].ended(), what="the first report")
        assert not started[-1].ended(), started[-1].errors()
        return started[-1]

    yield start
    for watch in started:
        watch.kill()
