#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes down the system calls of the target, as the kernel's headers have them.

call_table.py MACHINE TABLE NUMBERS DEPFILE COMPILER...

TABLE has the names by ABI and number, for calls.c. NUMBERS has those of the few calls that the
kernel side treats apart; it defines nothing for a call that an ABI does not have.
"""
import pathlib
import re
import subprocess
import sys
import typing


class Abi(typing.NamedTuple):
    word: str  # as in enum call_abi
    prefix: str
    header: str
    options: tuple = ()
    directories: tuple = ()  # where else than beside the target's own headers; none is no error


# The numbers of x32 are wanted without the bit that marks them. The headers of arm64 do not have
# the calls of 32-bit arm; those of arm, which Debian has for arm64 too, do.
ABIS = {
    "x86_64": (
        Abi("NATIVE", "", "asm/unistd_64.h"),
        Abi("COMPAT", "i386:", "asm/unistd_32.h"),
        Abi("X32", "x32:", "asm/unistd_x32.h", ("-D__X32_SYSCALL_BIT=0",)),
    ),
    "aarch64": (
        Abi("NATIVE", "", "asm/unistd.h"),
        Abi("COMPAT", "arm:", "asm/unistd.h", ("-D__ARM_EABI__",),
            ("/usr/include/arm-linux-gnueabihf", "/usr/arm-linux-gnueabihf/include")),
    ),
}
NOT_CALLS = {"syscalls", "arch_specific_syscall"}  # a count, and where a range begins
APART = ("open", "creat", "openat", "openat2", "open_by_handle_at", "exit", "exit_group",
         "execve", "execveat", "rt_sigreturn", "sigreturn")


def preprocess(compiler, abi):
    """The header's macros, and the files that were read."""
    options = list(abi.options)
    if abi.directories:
        there = [path for path in abi.directories if pathlib.Path(path, abi.header).exists()]
        if not there:
            return {}, []
        options += ["-I", there[0]]
    output = subprocess.run([*compiler, *options, "-E", "-dD", "-x", "c", "-"],
                            input=f"#include <{abi.header}>\n", stdout=subprocess.PIPE,
                            check=True, text=True).stdout
    macros = dict(re.findall(r"^#define (\w+) (.+)$", output, re.M))
    files = re.findall(r'^# \d+ "(/[^"]+)"', output, re.M)
    return macros, files


def evaluate(text, macros):
    """A number, another macro, or a sum of such in parentheses."""
    if not re.fullmatch(r"\(?\w+(\s*\+\s*\w+)*\)?", text):
        sys.exit(f"call_table.py: what number is '{text}'?")
    return sum(int(term, 0) if term[0].isdigit() else evaluate(macros[term], macros)
               for term in re.findall(r"\w+", text))


def call_numbers(macros):
    """Numbers by name. What is defined as another call is a second name of that and left out."""
    calls = {}
    for macro, text in macros.items():
        name = macro.removeprefix("__NR_")
        if (re.fullmatch(r"__NR_[a-z_]\w*", macro) and name not in NOT_CALLS
                and not text.startswith("__NR_")):
            calls[name] = evaluate(text, macros)
    return calls


def write_table(path, tables):
    with open(path, "w", encoding="ascii") as out:
        out.write("/* Written by call_table.py. */\n")
        out.write("static const struct abi abis[CALL_ABIS] = {\n")
        for abi, calls in tables:
            out.write(f'\t[CALL_{abi.word}] = {{ .prefix = "{abi.prefix}", .names = {{\n')
            for name, number in sorted(calls.items(), key=lambda call: call[1]):
                out.write(f'\t\t[{number}] = "{name}",\n')
            out.write("\t} },\n")
        out.write("};\n")


def write_numbers(path, tables):
    with open(path, "w", encoding="ascii") as out:
        out.write("/* Written by call_table.py. */\n#pragma once\n\n")
        for abi, calls in tables:
            for name in APART:
                if name in calls:
                    out.write(f"#define {abi.word}_NR_{name} {calls[name]}\n")


def main():
    machine, table, numbers, depfile, *compiler = sys.argv[1:]
    tables, headers = [], set()
    for abi in ABIS[machine]:
        macros, files = preprocess(compiler, abi)
        calls = call_numbers(macros)
        if not calls and not abi.directories:
            sys.exit(f"call_table.py: no system call in <{abi.header}>")
        tables.append((abi, calls))
        headers.update(files)
    write_table(table, tables)
    write_numbers(numbers, tables)
    pathlib.Path(depfile).write_text(f"{table}: {' '.join(sorted(headers))}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
