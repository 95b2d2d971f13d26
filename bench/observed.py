# SPDX-License-Identifier: GPL-2.0-or-later
"""Who observes: empty programs, sumun and its peers, each with how it is asked what it saw."""
import os
import platform
import re

from observer import Observer

# What the targets are held against (observers_report.py).
TP_BTF_ENTER, TP_BTF_EXIT = "empty tp_btf, enter", "empty tp_btf, exit"
TP_BTF_BOTH = "empty tp_btf, enter and exit"

GETPPID = {"x86_64": 110, "aarch64": 173}[platform.machine()]
TRACE_PAGES = 8192  # of a buffer of perf trace: with few it loses most, and that costs nothing


# ---- what they counted: of the lines they wrote and the loops that ran, one number -------------

def number_of(pattern):
    """The sum of the numbers that the pattern finds at the beginning of a line."""
    wanted = re.compile(pattern)
    return lambda lines, loops: sum(int(found[1].replace(",", ""))
                                    for found in map(wanted.match, lines) if found)


def number_of_pids(pattern):
    """The same, where the pattern finds the PID of a loop before the number."""
    wanted = re.compile(pattern)

    def count(lines, loops):
        pids = pids_of(loops)
        return sum(int(found[2]) for found in map(wanted.match, lines)
                   if found and found[1] in pids)
    return count


def lines_with(word):
    return lambda lines, loops: sum(word in line for line in lines)


def lines_of_pids(pattern):
    wanted = re.compile(pattern)

    def count(lines, loops):
        pids = pids_of(loops)
        return sum(found[1] in pids for found in map(wanted.search, lines) if found)
    return count


def pids_of(loops):
    return {str(pid) for loop in loops for pid in loop["pids"]}


def perf_summary(lines, loops):
    """getppid in the sections of the loops' threads; a section begins " name (PID), N events"."""
    pids, total, inside = pids_of(loops), 0, False
    for line in lines:
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
    by_name, by_pid = number_of(r"getppid +(\d+)"), number_of_pids(r"(\d+) +\S+ +(\d+)")
    return [tool(counted=by_name), tool("-P", counted=by_pid, every_call=True),
            tool("-L", counted=by_name)]


def bpftrace_count(name, key, pattern):
    return Observer(f"bpftrace, {name}", "bpftrace", "-e",
                    f"tracepoint:raw_syscalls:sys_enter {{ @[{key}] = count(); }}",
                    package="bpftrace", counted=number_of(pattern))


def perf_trace_summary():
    return Observer("perf trace -s -a", "perf", "trace", "-s", "-a", package="linux-perf",
                    counted=perf_summary, slow=True)


def perf_stat():
    return Observer("perf stat -a -e raw_syscalls:sys_enter", "perf", "stat", "-a", "-e",
                    "raw_syscalls:sys_enter", package="linux-perf", every_call=True,
                    counted=number_of(r" *([\d,]+) +raw_syscalls:sys_enter"))


def strace_count(lab):
    return Observer("strace -c -f", "strace", "-c", "-f", "-o", lab.strace_output,
                    package="strace", wraps=True, slow=True,
                    counted=number_of(r" *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?getppid$"))


def sumun_syscalls(lab, *options, name=None, **how):
    return Observer(" ".join(["sumun syscalls", *(name or options)]), lab.sumun, "syscalls",
                    "-T", "0", "--by", "call", *options, kind="sumun", **how)


def call_observers(lab):
    by_name = number_of(r" *getppid +([\d,]+)")
    return [
        bare(),
        empty(lab, TP_BTF_ENTER, "tp_btf_enter"),
        empty(lab, TP_BTF_BOTH, "tp_btf_enter", "tp_btf_exit"),
        empty(lab, "empty raw_tp, enter", "raw_tp_enter"),
        empty(lab, "empty tracepoint, enter", "tracepoint_enter"),
        sumun_syscalls(lab, counted=by_name),
        sumun_syscalls(lab, "-e", counted=by_name),
        sumun_syscalls(lab, "-e", "-L", counted=by_name),
        sumun_syscalls(lab, "-p", str(os.getpid()), name=["-p", "another"], every_call=True,
                       counted=number_of(r"ledger: ([\d,]+) seen")),
        *syscount_variants(libbpf_syscount),
        *syscount_variants(bcc_syscount),
        bpftrace_count("by call", "args->id", rf"@\[{GETPPID}\]: (\d+)"),
        bpftrace_count("by call and process", "args->id, pid", rf"@\[{GETPPID}, \d+\]: (\d+)"),
        perf_stat(),
        perf_trace_summary(),
        strace_count(lab),
    ]


# ---- who sees opens ----------------------------------------------------------------------------

def sumun_opens(lab, *options):
    return Observer(" ".join(["sumun opens", *options]), lab.sumun, "opens", *options,
                    kind="sumun", counted=lines_with(lab.mark))


def libbpf_opensnoop(lab):
    return Observer("libbpf-tools opensnoop", "opensnoop", package="libbpf-tools",
                    counted=lines_with(lab.mark))


def bcc_opensnoop(lab):
    return Observer("bcc opensnoop", "opensnoop-bpfcc", package="bpfcc-tools",
                    counted=lines_with(lab.mark))


def bpftrace_opensnoop(lab):
    return Observer("bpftrace opensnoop.bt", "opensnoop.bt", package="bpftrace", hooks=3,
                    counted=lines_with(lab.mark))


def perf_trace_opens():
    return Observer("perf trace -a -e openat", "perf", "trace", "-a", "-m", TRACE_PAGES, "-e",
                    "openat", package="linux-perf",
                    counted=lines_of_pids(r"/(\d+) openat\("))


def strace_opens(lab):
    return Observer("strace -f -e trace=openat", "strace", "-f", "-e", "trace=openat", "-o",
                    lab.strace_output, package="strace", wraps=True, slow=True,
                    counted=lines_with(lab.mark))


def burst_observers(lab):
    return [bare(), sumun_opens(lab), libbpf_opensnoop(lab), bcc_opensnoop(lab),
            bpftrace_opensnoop(lab)]


def open_observers(lab):
    return [
        bare(),
        empty(lab, TP_BTF_EXIT, "tp_btf_exit"),
        empty(lab, TP_BTF_BOTH, "tp_btf_enter", "tp_btf_exit"),
        sumun_opens(lab),
        sumun_opens(lab, "--json"),
        libbpf_opensnoop(lab),
        bcc_opensnoop(lab),
        bpftrace_opensnoop(lab),
        perf_trace_opens(),
        strace_opens(lab),
    ]
