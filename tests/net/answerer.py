# SPDX-License-Identifier: GPL-2.0-or-later
"""A server of many TCP connections inside the test: it sends back what it gets."""
import contextlib
import selectors
import socket
import threading


class Answerer:
    def __init__(self, *listeners):
        self.accepted = 0
        self.over, self.wake = socket.socketpair()
        self.selector = selectors.DefaultSelector()
        for sock in (*listeners, self.over):
            sock.setblocking(False)
            self.selector.register(sock, selectors.EVENT_READ)
        self.listeners = listeners
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def serve(self):
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.over:
                    return
                with contextlib.suppress(OSError):
                    self.attend(key.fileobj)

    def attend(self, sock):
        if sock in self.listeners:
            client = sock.accept()[0]
            client.setblocking(False)
            self.selector.register(client, selectors.EVENT_READ)
            self.accepted += 1
            return
        data = b""
        try:
            data = sock.recv(65536)
            if data:
                sock.send(data)
        finally:
            if not data:
                self.selector.unregister(sock)
                sock.close()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.wake.close()
        self.thread.join()
        for key in list(self.selector.get_map().values()):
            if key.fileobj not in self.listeners:
                key.fileobj.close()
        self.selector.close()


class Conversation:
    """A connection of the peer's that stays open."""

    def __init__(self, lab, port, source, target):
        family = socket.AF_INET6 if ":" in target else socket.AF_INET
        self.sock = lab.make_socket(lab.peer, family, socket.SOCK_STREAM)
        self.sock.settimeout(1)
        self.sock.bind((source, 0))
        self.sock.connect((target, port))
        self.number = 0

    def goes_on(self, seconds=0.3):
        """Whether a line that is sent now comes back in time."""
        self.number += 1
        line = b"%8d\n" % self.number
        self.sock.settimeout(seconds)
        data = b""
        self.sock.send(line)
        try:
            while not data.endswith(line):
                piece = self.sock.recv(4096)
                if not piece:
                    return False
                data += piece
            return True
        except TimeoutError:
            return False
