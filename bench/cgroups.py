#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What counting by cgroup and policies of cgroups add to calls, packets and connections. JSON.

usage: cgroups.py BUILD      run by bench/run; needs root

As observers.py, whose rounds these are, with the loops of bench-sockets.
"""
import json
import pathlib
import subprocess
import sys

import observers
from observed import bare, empty
from observer import Observer

LOOPS = {"getppid": (15, 20000), "datagram": (15, 3000), "sendmsg": (15, 3000),
         "udp-connect": (15, 5000), "connect": (15, 300)}
COUNTERS = ("tp_btf_enter", "fault", "switched", "connection", "made")
PACKETS = ("skb_ingress", "skb_egress")
INTERFACES = ("took", "sent")
FENCE = ("connect4", "connect6", "sendmsg4", "sendmsg6", "skb_egress")
# What the loops do is decided by none of them: all are looked through.
RULES = ", ".join(f"10.9.{number}.0/24:tcp/1-100" for number in range(10))


class Lab(observers.Lab):
    def __init__(self, build):
        super().__init__(build)
        self.policy = self.directory / "policy.conf"
        self.policy.write_text("[filter]\nbans-file = none\n[cgroup bench]\npath = /\n"
                               f"deny-out = {RULES}\n")

    def loop(self, observer, words, cwd):
        done = subprocess.run([self.program("bench-sockets"), *map(str, words)], cwd=cwd,
                              stdout=subprocess.PIPE, text=True, check=True,
                              timeout=observers.LOOP_SECONDS)
        return json.loads(done.stdout)


def counting(lab):
    return [bare(),
            empty(lab, "empty, at the same hooks", *COUNTERS, *PACKETS, *INTERFACES),
            empty(lab, "empty, without interfaces", *COUNTERS, *PACKETS),
            Observer("sumun cgroups", lab.sumun, "cgroups", "-i", 1000, kind="sumun", hooks=9),
            Observer("sumun cgroups /", lab.sumun, "cgroups", "-i", 1000, "/", kind="sumun",
                     hooks=7)]


def judging(lab):
    return [bare(),
            empty(lab, "empty, at the same hooks", *FENCE),
            Observer("a policy of ten rules", lab.sumun, "run", "-c", lab.policy, "bench0",
                     kind="sumun", hooks=len(FENCE))]


def main():
    observers.prepare()
    observers.run("ip", "link", "add", "bench0", "type", "veth", "peer", "name", "bench1")
    observers.run("ip", "link", "set", "bench0", "up")
    lab = Lab(pathlib.Path(sys.argv[1]).resolve())
    try:
        loops = {name: ([name, *size], "/") for name, size in LOOPS.items()}
        report = {"rounds": observers.ROUNDS}
        for name, who in (("counting", counting), ("judging", judging)):
            observers.progress(name)
            report[name] = observers.compare(lab, who(lab), loops)
        print(json.dumps(report))
    finally:
        lab.close()


if __name__ == "__main__":
    main()
