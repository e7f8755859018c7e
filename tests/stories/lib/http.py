# SPDX-License-Identifier: Apache-2.0
"""An HTTP server on loopback that notes what it is sent and misbehaves as told."""

import email.utils
import json
import ssl
import time

from .standin import Closed, StandIn, reset

REASONS = {200: "OK", 202: "Accepted", 204: "No Content", 301: "Moved Permanently",
           302: "Found", 400: "Bad Request", 403: "Forbidden", 404: "Not Found",
           408: "Request Timeout", 410: "Gone", 429: "Too Many Requests",
           500: "Internal Server Error", 503: "Service Unavailable"}


class Request:
    """A request as it arrived."""

    def __init__(self, method, path, headers, body, connection):
        self.method = method
        self.path = path
        self.headers = headers        # names in lower case
        self.body = body
        self.connection = connection
        self.at = time.time()
        self.status = None            # what it was answered with

    def json(self):
        """The body as JSON."""
        return json.loads(self.body)


def in_seconds(seconds):
    """A Retry-After header as an HTTP date."""
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


class HttpServer(StandIn):
    """Answers 200 unless the script, or `reply` of a subclass, says otherwise."""

    def __init__(self, certificate=None):
        self.requests = []
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate)
        super().__init__()

    @property
    def url(self):
        """Where it listens."""
        return f"http{'s' if self.context else ''}://{self.host}:{self.port}"

    # script

    def answer(self, status, body=b"", headers=None, times=None):
        """Answers with this status from now on, or the next `times` times."""
        body = body.encode() if isinstance(body, str) else body
        self.on("request", ("reply", status, body, headers or {}), times)

    def too_many(self, retry_after, times=None):
        """429 with a Retry-After: seconds, or text such as in_seconds(5)."""
        self.answer(429, b"slow down", {"Retry-After": str(retry_after)}, times)

    def hang(self, times=None):
        """Reads the request and never answers."""
        self.on("request", ("hang",), times)

    def reset(self, times=None):
        """Reads the request and resets the connection: the outcome is unknown to the client."""
        self.on("request", ("reset",), times)

    def trickle(self, seconds=1.0, times=None):
        """Answers, one byte at a time."""
        self.on("request", ("trickle", seconds), times)

    def delay(self, seconds, times=None):
        """Answers 200, but late."""
        self.on("request", ("delay", seconds), times)

    # what arrived

    def received(self):
        """Bodies and headers; a secret URL is known by its path only."""
        for request in list(self.requests):
            yield request.body, "the body of a request"
            yield "\n".join(request.headers.values()).encode(), "the headers of a request"

    def wait_requests(self, n, timeout=15):
        """Waits for n requests and returns all there are."""
        self.wait_for(lambda: len(self.requests) >= n, timeout,
                      lambda: f"{n} requests ({len(self.requests)} now)")
        return list(self.requests)

    def accepted(self):
        """The requests that were answered 2xx."""
        return [r for r in list(self.requests) if r.status and 200 <= r.status < 300]

    # the protocol

    def reply(self, request):
        """(status, body, headers) for a request that the script leaves alone."""
        return 200, b"ok", {}

    def serve(self, sock, number):
        if self.context:
            sock = self.context.wrap_socket(sock, server_side=True)
        stream = sock.makefile("rb")
        while True:
            request = self.read(stream, number)
            self.act(sock, request)

    def read(self, stream, number):
        """One request; Closed at the end of the connection."""
        line = stream.readline(65536)
        if not line:
            raise Closed
        try:
            method, path, version = line.decode("ascii").rstrip("\r\n").split(" ")
        except (UnicodeDecodeError, ValueError):
            self.violated(f"malformed request line {line[:80]!r}")
            raise Closed from None
        if version not in ("HTTP/1.1", "HTTP/1.0") or not line.endswith(b"\r\n"):
            self.violated(f"malformed request line {line[:80]!r}")
        headers = self.headers(stream)
        if version == "HTTP/1.1" and "host" not in headers:
            self.violated("no Host header")
        return Request(method, path, headers, self.body(stream, headers), number)

    def headers(self, stream):
        headers = {}
        while True:
            line = stream.readline(65536)
            if line == b"\r\n":
                return headers
            name, colon, value = line.partition(b":")
            if not colon or not line.endswith(b"\r\n") or b"\r" in line[:-2] or b" " in name:
                self.violated(f"malformed header {line[:80]!r}")
                raise Closed
            headers[name.decode("latin-1").lower()] = value.strip().decode("latin-1")

    def body(self, stream, headers):
        if "transfer-encoding" in headers:
            self.violated("a chunked request body")
            raise Closed
        length = int(headers.get("content-length", "0"))
        body = stream.read(length)
        if len(body) != length:
            raise Closed
        return body

    def act(self, sock, request):
        action = self.due("request", request.path) or ("normal",)
        kind = action[0]
        if kind == "delay":
            time.sleep(action[1])
        if kind == "reply":
            status, body, headers = action[1:]
        elif kind in ("normal", "delay"):
            status, body, headers = self.reply(request)
        else:
            status, body, headers = (200, b"ok", {}) if kind == "trickle" else (None, b"", {})
        request.status = status
        with self.lock:
            self.requests.append(request)
            self.changed.notify_all()
        if kind == "hang":
            self.hold(sock)
        if kind == "reset":
            reset(sock)
            raise Closed
        self.write(sock, status, body, headers, action[1] if kind == "trickle" else 0)

    @staticmethod
    def write(sock, status, body, headers, pause):
        head = [f"HTTP/1.1 {status} {REASONS.get(status, 'Whatever')}"]
        if status != 204:
            head.append(f"Content-Length: {len(body)}")
        head += [f"{name}: {value}" for name, value in headers.items()]
        data = "\r\n".join(head).encode() + b"\r\n\r\n" + (b"" if status == 204 else body)
        if not pause:
            sock.sendall(data)
            return
        for i in range(len(data)):
            sock.sendall(data[i:i + 1])
            time.sleep(pause)
