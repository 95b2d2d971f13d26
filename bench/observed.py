# SPDX-License-Identifier: GPL-2.0-or-later
"""Who observes: empty programs, sumun and its peers, each with how it is asked what it saw."""
import os
import platform
import re

from observer import Observer

GETPPID = {"x86_64": 110, "aarch64": 173}[platform.machine()]
SLOW_TRACE = 8192  # pages of perf trace's buffers: what it loses in smaller ones costs nothing


# ---- what they counted: of their output and the loops that ran, one number --------------------

def first_number(pattern):
    """The sum of the numbers that the pattern finds."""
    wanted = re.compile(pattern, re.MULTILINE)
    return lambda output, loops: sum(int(found.replace(",", ""))
                                     for found in wanted.findall(output))


def of_pids(pattern):
    """The same, of lines that begin with the PID of a loop."""
    wanted = re.compile(pattern, re.MULTILINE)

    def count(output, loops):
        pids = {str(pid) for loop in loops for pid in loop["pids"]}
        return sum(int(number) for pid, number in wanted.findall(output) if pid in pids)
    return count


def lines_of(word):
    return lambda output, loops: sum(word in line for line in output.splitlines())


def lines_of_pids(pattern):
    wanted = re.compile(pattern)

    def count(output, loops):
        pids = {str(pid) for loop in loops for pid in loop["pids"]}
        return sum(bool(found and found[1] in pids)
                   for found in map(wanted.search, output.splitlines()))
    return count


def perf_summary(output, loops):
    """getppid in the sections of the loops' threads; a section begins " name (PID), N events"."""
    pids = {str(pid) for loop in loops for pid in loop["pids"]}
    total, inside = 0, False
    for line in output.splitlines():
        if section := re.match(r" \S.* \((\d+)\), \d+ events", line):
            inside = section[1] in pids
        elif inside and (row := re.match(r"\s+getppid\s+(\d+)", line)):
            total += int(row[1])
    return total


# ---- floors ------------------------------------------------------------------------------------

def empty(lab, name, *programs):
    return Observer(name, lab.program("bench-empty"), *programs, kind="floor",
                    hooks=len(programs), until_told=True)


def bare():
    return Observer("bare", kind="floor")


# ---- who counts system calls -------------------------------------------------------------------

def bcc_syscount(*options, **how):
    return Observer(" ".join(["bcc syscount", *options]), "syscount-bpfcc", "-T", "10000",
                    *options, package="bpfcc-tools", **how)


def libbpf_syscount(*options, **how):
    return Observer(" ".join(["libbpf-tools syscount", *options]), "syscount", "-T", "10000",
                    *options, package="libbpf-tools", **how)


def syscount_variants(tool):
    by_name, by_pid = first_number(r"^getppid +(\d+)"), of_pids(r"^(\d+) +\S+ +(\d+)")
    return [tool(counted=by_name), tool("-P", counted=by_pid, every_call=True),
            tool("-L", counted=by_name)]


def bpftrace_count(name, key, pattern):
    return Observer(f"bpftrace, {name}", "bpftrace", "-e",
                    f"tracepoint:raw_syscalls:sys_enter {{ @[{key}] = count(); }}",
                    package="bpftrace", counted=first_number(pattern))


def perf_trace_summary():
    return Observer("perf trace -s -a", "perf", "trace", "-s", "-a", package="linux-perf",
                    counted=perf_summary, slow=True)


def perf_stat():
    return Observer("perf stat -a -e raw_syscalls:sys_enter", "perf", "stat", "-a", "-e",
                    "raw_syscalls:sys_enter", package="linux-perf", every_call=True,
                    counted=first_number(r"^ *([\d,]+) +raw_syscalls:sys_enter"))


def strace_count(lab):
    return Observer("strace -c -f", "strace", "-c", "-f", "-o", lab.strace_output,
                    package="strace", wraps=True, slow=True,
                    counted=first_number(r"(\d+) +(?:\d+ +)?getppid$"))


def sumun_syscalls(lab, *options, name=None, **how):
    return Observer(" ".join(["sumun syscalls", *(name or options)]), lab.sumun, "syscalls",
                    "-T", "0", "--by", "call", *options, kind="sumun", **how)


def call_observers(lab):
    by_name = first_number(r"^ *getppid +([\d,]+)")
    return [
        bare(),
        empty(lab, "empty tp_btf, enter", "tp_btf_enter"),
        empty(lab, "empty tp_btf, enter and exit", "tp_btf_enter", "tp_btf_exit"),
        empty(lab, "empty raw_tp, enter", "raw_tp_enter"),
        empty(lab, "empty tracepoint, enter", "tracepoint_enter"),
        sumun_syscalls(lab, counted=by_name),
        sumun_syscalls(lab, "-e", counted=by_name),
        sumun_syscalls(lab, "-e", "-L", counted=by_name),
        sumun_syscalls(lab, "-p", str(os.getpid()), name=["-p", "another"]),
        *syscount_variants(libbpf_syscount),
        *syscount_variants(bcc_syscount),
        bpftrace_count("by call", "args->id", rf"^@\[{GETPPID}\]: (\d+)"),
        bpftrace_count("by call and process", "args->id, pid", rf"^@\[{GETPPID}, \d+\]: (\d+)"),
        perf_stat(),
        perf_trace_summary(),
        strace_count(lab),
    ]


# ---- who sees opens ----------------------------------------------------------------------------

def sumun_opens(lab, *options):
    return Observer(" ".join(["sumun opens", *options]), lab.sumun, "opens", *options,
                    kind="sumun", counted=lines_of(lab.mark))


def libbpf_opensnoop(lab):
    return Observer("libbpf-tools opensnoop", "opensnoop", package="libbpf-tools",
                    counted=lines_of(lab.mark))


def bcc_opensnoop(lab):
    return Observer("bcc opensnoop", "opensnoop-bpfcc", package="bpfcc-tools",
                    counted=lines_of(lab.mark))


def bpftrace_opensnoop(lab):
    return Observer("bpftrace opensnoop.bt", "opensnoop.bt", package="bpftrace", hooks=3,
                    counted=lines_of(lab.mark))


def perf_trace_opens():
    return Observer("perf trace -a -e openat", "perf", "trace", "-a", "-m", SLOW_TRACE, "-e",
                    "openat", package="linux-perf",
                    counted=lines_of_pids(r"bench-calls/(\d+) openat\("))


def strace_opens(lab):
    return Observer("strace -f -e trace=openat", "strace", "-f", "-e", "trace=openat", "-o",
                    lab.strace_output, package="strace", wraps=True, slow=True,
                    counted=lines_of(lab.mark))


def reading_observers(lab):
    """Those that write a line for each open."""
    return [sumun_opens(lab), sumun_opens(lab, "--json"), libbpf_opensnoop(lab),
            bcc_opensnoop(lab), bpftrace_opensnoop(lab), perf_trace_opens()]


def open_observers(lab):
    return [
        bare(),
        empty(lab, "empty tp_btf, exit", "tp_btf_exit"),
        empty(lab, "empty tp_btf, enter and exit", "tp_btf_enter", "tp_btf_exit"),
        *reading_observers(lab),
        strace_opens(lab),
    ]
