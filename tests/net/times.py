# SPDX-License-Identifier: GPL-2.0-or-later
"""Times as sumun writes them for programs."""
import datetime
import re

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def seconds_of(text):
    """Since 1970; fails for anything but RFC 3339."""
    assert RFC3339.fullmatch(text), f"not RFC 3339: {text!r}"
    return datetime.datetime.fromisoformat(text).timestamp()
