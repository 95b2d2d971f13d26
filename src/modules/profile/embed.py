# SPDX-License-Identifier: GPL-2.0-or-later
"""A file as the bytes of a C array with a zero at its end, to be included between its braces."""
import sys

with open(sys.argv[1], "rb") as file:
    data = file.read() + b"\0"
print(",\n".join(", ".join(str(byte) for byte in data[i:i + 20]) for i in range(0, len(data), 20)))
