# SPDX-License-Identifier: Apache-2.0
"""A small HTTP client for the daemon's unix socket, or a TCP port that leads to it."""

import http.client
import json
import select
import socket

from . import canary
from .pace import SLOW

# Seconds for an answer, more of them where machines are slow.
PATIENCE = 20 * SLOW


class Unreachable(Exception):
    """No answer: the daemon is down, or went away before it answered."""


class Refused(Exception):
    """The daemon answered with an error; `status` and `reply` say which."""

    def __init__(self, status, reply):
        super().__init__(f"{status}: {reply}")
        self.status = status
        self.reply = reply


class _Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path if isinstance(path, tuple) else str(path)

    def connect(self):
        if isinstance(self.path, tuple):
            self.sock = socket.create_connection(self.path, self.timeout)
            return
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Client:
    """Keeps one connection and opens a new one when it broke; one thread uses it.
    path: of the socket, or (host, port)."""

    def __init__(self, path, timeout=PATIENCE):
        self.path = path
        self.timeout = timeout
        self.connection = None

    def close(self):
        """Lets go of the connection."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def _was_closed(self):
        """Did the daemon close the connection while it was idle? Nobody else would say something."""
        sock = self.connection.sock
        return sock is not None and bool(select.select([sock], [], [], 0)[0])

    def raw(self, method, target, body=None, headers=None):
        """(status, headers, bytes) as they came; Unreachable when nothing came."""
        try:
            if self.connection is not None and self._was_closed():
                self.close()
            if self.connection is None:
                self.connection = _Connection(self.path, self.timeout)
            self.connection.request(method, target, body, headers or {})
            reply = self.connection.getresponse()
            data = reply.read()
        except (OSError, http.client.HTTPException) as why:
            self.close()
            raise Unreachable(f"{method} {target}: {why!r}") from None
        canary.refuse("answers", data, f"the answer to {method} {target}")
        return reply.status, reply.headers, data

    def call(self, method, target, value=None):
        """The answer as JSON; Refused when it is not 2xx."""
        body = None if value is None else json.dumps(value).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        status, _, data = self.raw(method, target, body, headers)
        try:
            reply = json.loads(data) if data else None
        except ValueError:
            raise AssertionError(f"{method} {target}: {status} with a body that is not JSON: "
                                 f"{data[:200]!r}") from None
        if not 200 <= status < 300:
            raise Refused(status, reply)
        return reply
