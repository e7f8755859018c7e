# SPDX-License-Identifier: Apache-2.0
"""What all stand-in servers share: a loopback listener, a thread a connection, a script.

Stand-ins use plain blocking sockets: a story can look at every byte, and a
misbehaviour (silence, a reset, a reply that is lost) is one line of code.
"""

import socket
import struct
import threading
import time

from .tocsin import SLOW


class Closed(Exception):
    """The peer, or the script, ended the connection."""


class Rule:
    """One scripted misbehaviour: at `stage`, for `match`, the next `times` times."""

    def __init__(self, stage, action, times, match):
        self.stage = stage
        self.action = action
        self.left = times
        self.match = match


def reset(sock):
    """Closes so that the peer sees a reset instead of an orderly end."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class StandIn:
    """A TCP server on loopback that follows a script and notes every rule that a client breaks."""

    def __init__(self, host="127.0.0.1", port=0):
        self.host = host
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        self.rules = []
        self.violations = []
        self.connections = 0
        self.open_connections = 0
        self.most_connections = 0
        self.listener = None
        self.sockets = set()
        self.port = port
        self.start()

    # life

    def start(self):
        """Listens (again), on the port it always had: a server that comes back."""
        assert self.listener is None
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.host, self.port))
        listener.listen(128)
        self.port = listener.getsockname()[1]
        self.listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def stop(self):
        """Refuses new connections and resets the open ones: a server that is down."""
        with self.lock:
            listener, self.listener = self.listener, None
            sockets = list(self.sockets)
        if listener is not None:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for sock in sockets:
            try:
                reset(sock)
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        with self.lock:
            self.sockets.add(sock)
            self.connections += 1
            self.open_connections += 1
            self.most_connections = max(self.most_connections, self.open_connections)
            number = self.connections
            self.changed.notify_all()
        try:
            self.serve(sock, number)
        except (Closed, OSError):
            pass
        finally:
            with self.lock:
                self.sockets.discard(sock)
                self.open_connections -= 1
                self.changed.notify_all()
            sock.close()

    def serve(self, sock, number):
        """One connection, from accept to close."""
        raise NotImplementedError

    # script

    def on(self, stage, action, times=None, match=None):
        """Adds a rule; the newest rule that fits wins. times None: always."""
        rule = Rule(stage, action, times, match)
        with self.lock:
            self.rules.insert(0, rule)
        return rule

    def clear(self):
        """Forgets the script: the server behaves from now on."""
        with self.lock:
            self.rules.clear()

    def due(self, stage, what=""):
        """The action that the script has for this stage now, or None."""
        with self.lock:
            for rule in self.rules:
                if rule.stage != stage or rule.left == 0:
                    continue
                if rule.match is not None and not rule.match(what):
                    continue
                if rule.left is not None:
                    rule.left -= 1
                return rule.action
        return None

    def received(self):
        """What peers sent that is no place for a secret: (bytes, where), for the canaries."""
        return ()

    def violated(self, sentence):
        """Notes that the client broke a rule of the protocol."""
        with self.lock:
            self.violations.append(sentence)

    def wait_for(self, predicate, timeout=10, what="the stand-in's condition"):
        """Waits until predicate() holds; it is looked at whenever something changed."""
        end = time.monotonic() + timeout * SLOW
        with self.lock:
            while not predicate():
                left = end - time.monotonic()
                if left <= 0:
                    what = what() if callable(what) else what
                    raise AssertionError(f"{what} did not come true within {timeout * SLOW:g} s")
                self.changed.wait(min(left, 0.1))

    def hold(self, sock):
        """Goes silent: reads nothing, answers nothing, until the peer or stop() ends it."""
        while self.listener is not None:
            sock.settimeout(0.2)
            try:
                if sock.recv(65536) == b"":
                    raise Closed
            except (TimeoutError, socket.timeout):
                continue
        raise Closed
