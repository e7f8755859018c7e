# SPDX-License-Identifier: Apache-2.0
"""A stand-in for tocsind: a unix socket that notes what it is told and answers as it was scripted."""

import http.server
import json
import socketserver
import threading


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "unix"

    def log_message(self, format, *args):   # noqa: A002, the name is http.server's
        pass

    def _answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            told = json.loads(body) if body else None
        except ValueError:
            told = body
        status, value = self.server.daemon_of.take(self.command, self.path, told)
        reply = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    do_GET = do_POST = _answer


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        """Clients that go away without an answer are what stories are about."""


class FakeDaemon:
    """`told` holds (method, path, body) in order; `reply(method, path, body)` gives (status, JSON)."""

    def __init__(self, path):
        self.path = path
        self.told = []
        self.reply = lambda method, path, body: (200, {})
        self.hanging = threading.Event()
        self.released = threading.Event()
        self.server = _Server(str(path), _Handler)
        self.server.daemon_of = self
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def take(self, method, path, body):
        """On the thread of a connection."""
        health = path == "/api/v1/health"   # asked before a request that may take long
        if not health:
            self.told.append((method, path, body))
        if self.hanging.is_set():
            self.released.wait()
        if health:
            return 200, {}
        return self.reply(method, path, body)

    def answer(self, status, value=None):
        """The same to everything from now on."""
        self.reply = lambda method, path, body: (status, value or {})

    def hang(self):
        """Reads requests and does not answer until it stops."""
        self.hanging.set()

    def bodies(self):
        """What was told, without how."""
        return [body for _, _, body in self.told]

    def stop(self):
        """Takes the socket away."""
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self.path.unlink(missing_ok=True)
