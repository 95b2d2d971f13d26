# SPDX-License-Identifier: GPL-2.0-or-later
import hashlib
import os
import sys

import pytest

os.environ.setdefault("SUMUN", os.path.realpath(
    os.path.join(os.path.dirname(__file__), "../../build/src/cli/sumun")))
sys.dont_write_bytecode = True

from lab import Lab  # noqa: E402: needs SUMUN


@pytest.fixture
def lab(request, tmp_path):
    name = hashlib.sha256(f"{request.node.nodeid} {os.getpid()}".encode()).hexdigest()[:8]
    lab = Lab(name, tmp_path)
    try:
        yield lab.make()
    finally:
        lab.remove()
