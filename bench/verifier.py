#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the verifiers of this kernel and of those of the kernel tier need for the filter; JSON.

usage: bench/verifier.py BUILD. A kernel that tests/kernel/run has unpacked (build/kernel), or
that KERNEL=vmlinuz names, is booted in qemu; where there is none, this one is measured alone.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent
SECONDS = 600
LIMIT = 1000000  # BPF_COMPLEXITY_LIMIT_INSNS

sys.dont_write_bytecode = True
sys.path.insert(0, str(TOP / "tests" / "kernel"))
import image  # noqa: E402


def kernels(build):
    if named := os.environ.get("KERNEL"):
        return [pathlib.Path(named)]
    found = {}
    for directory in (build, *sorted(TOP.glob("build*"))):
        for kernel in directory.glob("kernel/root/boot/vmlinuz-*"):
            found[kernel.name] = kernel
    return list(found.values())


def boot(kernel, program):
    guest = image.Image()
    for mount in ("/dev", "/proc", "/sys", "/tmp"):
        guest.directory(mount)
    guest.add("/init", program)
    guest.libraries()
    with tempfile.TemporaryDirectory() as directory:
        initramfs = pathlib.Path(directory) / "initramfs"
        guest.write(initramfs)
        words = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", "2G", "-nodefaults",
                 "-no-user-config", "-display", "none", "-no-reboot", "-kernel", kernel,
                 "-initrd", initramfs, "-serial", "null", "-serial", "stdio", "-append",
                 "console=ttyS0 rdinit=/init panic=-1 mitigations=off no_timer_check"]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              timeout=SECONDS, check=True)
    return json.loads(done.stdout)


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    program = build / "bench" / "bench-verifier"
    here = subprocess.run([program], stdout=subprocess.PIPE, text=True, check=True)
    measured = [json.loads(here.stdout)]
    for kernel in kernels(build) if shutil.which("qemu-system-x86_64") else []:
        try:
            measured.append(boot(kernel, program))
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            print(f"verifier: {kernel.name} says nothing: {error}", file=sys.stderr)
    print(json.dumps({"unit": "instructions", "limit": LIMIT, "kernels": measured}))


main()
