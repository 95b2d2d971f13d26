# SPDX-License-Identifier: GPL-2.0-or-later
"""A process that runs beside the test, what it prints, and when."""
import json
import os
import signal
import subprocess
import threading
import time

SLOW = float(os.environ.get("SUMUN_SLOW") or 1)  # how many times slower this machine is


def patient(seconds):
    """How long to wait for what takes so long elsewhere."""
    return seconds * SLOW


class Process:
    def __init__(self, line, environment):
        self.started = time.monotonic()
        self.popen = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      stdin=subprocess.DEVNULL, text=True, errors="replace",
                                      env=environment)
        self.output = []  # (seconds by the monotonic clock, line)
        self.complaints = []
        self.readers = [threading.Thread(target=self.read, args=arguments, daemon=True)
                        for arguments in ((self.popen.stdout, self.output),
                                          (self.popen.stderr, self.complaints))]
        for reader in self.readers:
            reader.start()

    def read(self, stream, lines):
        for line in stream:
            lines.append((time.monotonic(), line.rstrip("\n")))

    def ended(self):
        return self.popen.poll() is not None

    def errors(self):
        return "\n".join(line for _, line in list(self.complaints))

    def lines(self):
        return [line for _, line in list(self.output)]

    def records(self, name=None):
        """The lines as JSON objects, each with the time it came as "came"."""
        records = [json.loads(line) | {"came": came} for came, line in list(self.output)]
        return [record for record in records if name in (None, record["record"])]

    def send(self, number):
        self.popen.send_signal(number)

    def wait(self, seconds=10):
        """The exit status, once everything that it printed was read."""
        status = self.popen.wait(patient(seconds))
        for reader in self.readers:
            reader.join(patient(seconds))
        return status

    def stop(self, number=signal.SIGINT, seconds=10):
        self.send(number)
        return self.wait(seconds)

    def kill(self):
        if not self.ended():
            self.popen.kill()
        self.wait()
        self.popen.stdout.close()
        self.popen.stderr.close()
