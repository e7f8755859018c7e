# SPDX-License-Identifier: Apache-2.0
"""The whole Internet on loopback, as a proxy, and every service there quotes what it was sent.

A service is known by its own canaries in the request, so it answers in its own way only to those who
really sent its credentials.
"""

import base64
import binascii
import html
import json
import re
import ssl
import threading
import urllib.parse

from . import canary
from .http import HttpServer

# How far before the secret a quotation begins; and what stands before it, so that those who cut
# after 160 or 200 bytes cut within the secret.
BEFORE = 24
PADDING = (0, 90, 105, 120, 135, 150, 165)

OWNER = re.compile(canary.WORD + "([a-z0-9]+)X")


def put(tree, path, value):
    """The tree with the value at a path such as errors[0].message; as it was when that is taken."""
    steps = [name or int(n) for name, n in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path)]

    def grow(node, rest):
        if not rest:
            return value if node is None else node
        step = rest[0]
        if node is None:
            node = [] if isinstance(step, int) else {}
        if isinstance(step, int) and isinstance(node, list):
            return [grow(node[0] if node else None, rest[1:])]
        if isinstance(step, str) and isinstance(node, dict):
            return {**node, step: grow(node.get(step), rest[1:])}
        return node

    return grow(tree, steps)


def _one_status(rule, otherwise):
    """A status that fits 202, [202, 409], 5xx or 500-504."""
    status = rule.get("status", otherwise)
    return int(str(status[0] if isinstance(status, list) else status)[:3].replace("x", "0"))


def _fitting(rule, judge, otherwise=200):
    """Makes answers that a rule fits, with a quotation wherever there is room for one."""
    def answer(quotation):
        tree = None
        if "json" in rule:
            wanted = rule.get("is", rule.get("in", [quotation])[0])
            tree = put(None, rule["json"], rule.get("contains", wanted))
        for path in (*judge.get("reason", ()), *filter(None, (
                rule.get("retry_after"), rule.get("retry_after_ms")))):
            tree = put(tree, path, quotation)
        headers = {rule["retry_after_header"]: "1"} if "retry_after_header" in rule else {}
        if tree is None or ("contains" in rule and "json" not in rule):
            return _one_status(rule, otherwise), rule.get("contains", "") + quotation, headers
        return _one_status(rule, otherwise), json.dumps(tree), headers
    return answer


def _plain(status, before=""):
    return lambda quotation: (status, before + quotation, {})


def _explained(status, path):
    return lambda quotation: (status, json.dumps(put(None, path, quotation)), {})


def answers(judge):
    """What a service that is judged so may answer: a list of functions of a quotation that give
    status, body and headers; and another of those after which it gets nothing for a while."""
    success = judge.get("success", {})
    final = [_plain(400), _plain(401), _plain(404, "<html>"), _plain(500), _plain(302)]
    final += [_explained(status, path) for path in judge.get("reason", ()) for status in (400, 401)]
    # the right status, and otherwise wrong; what is right otherwise
    final += [_plain(_one_status(success, 200)), _fitting(success, judge),
              _fitting({name: value for name, value in success.items()
                        if name not in ("is", "in", "contains")}, judge)]
    pausing = [_plain(429)]
    for rule in judge.get("replies", ()):
        waits = rule["outcome"] in ("throttled", "unavailable")
        (pausing if waits else final).append(_fitting(rule, judge))
    return final, pausing


def decoded(value):
    """What is behind the base64 at the end of a header, or nothing."""
    try:
        return base64.b64decode(value.rsplit(" ", 1)[-1], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def spellings(secret):
    """A secret as programs write it into what they say."""
    return (secret, urllib.parse.quote(secret, safe=""), urllib.parse.quote_plus(secret, "/:"),
            urllib.parse.unquote(secret), secret.removeprefix("whsec_"), json.dumps(secret)[1:-1],
            json.dumps(secret)[1:-1].replace("/", "\\/"), html.escape(secret),
            base64.b64encode(secret.encode()).decode(),
            base64.b64encode(f"user:{secret}".encode()).decode())


def quotations(request, secrets):
    """All that one can say about a request, from shortly before a secret on."""
    pieces = [f"{name}: {value}" for name, value in request.headers.items()]
    pieces += [decoded(value) for value in request.headers.values()]
    pieces += [request.path, urllib.parse.unquote(request.path), request.body.decode(),
               urllib.parse.unquote_plus(request.body.decode())]
    for secret in secrets:
        pieces += spellings(secret)
    found = []
    for piece in pieces:
        sign = canary.SIGNS.search(piece.encode())
        if sign:
            start = len(piece.encode()[:sign.start()].decode())
            found.append(piece[max(0, start - BEFORE):])
    return found


class Talker:
    """One service: what it knows, and how far it got with what it has to say."""

    def __init__(self, number, secretive):
        self.secrets = list(secretive.secrets.values())
        self.final, self.pausing = answers(secretive.judge)
        self.said = {"final": 0, "pausing": 0}
        self.number = number    # each begins elsewhere

    def speak(self, kind, request):
        """The next answer of this kind."""
        n = self.said[kind]
        ways, texts = getattr(self, kind), quotations(request, self.secrets)
        text = texts[(n + self.number) % len(texts)]
        status, body, headers = ways[n % len(ways)](
            "x" * PADDING[(n + 2 * self.number) % len(PADDING)] + text)
        self.said[kind] += 1
        line = text[:60].replace("\n", " ")
        return status, body.encode(), {**headers, "X-Said": line,
                                       "Location": f"https://example.com/{line}"}

    def left(self, kind):
        """How many answers of this kind were never given."""
        return max(0, len(getattr(self, kind)) - self.said[kind])


class Internet(HttpServer):
    """A proxy behind which there are all services, each with a certificate of the authority."""

    def __init__(self, authority, secretives):
        self.authority = authority
        self.contexts = {}
        self.talkers = {secretive.word: Talker(number, secretive)
                        for number, secretive in enumerate(secretives)}
        self.kind = "final"     # of answers
        self.lets_through = lambda host: True
        self.talking = threading.Lock()
        super().__init__()

    @property
    def proxy(self):
        """What the environment of programs has to say."""
        return f"http://{self.host}:{self.port}"

    def received(self):
        """Credentials are for the services, so nobody looks there for leaks."""
        return ()

    def context_of(self, host):
        """A server's side of TLS under this name."""
        with self.talking:
            if host not in self.contexts:
                self.contexts[host] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                self.contexts[host].load_cert_chain(self.authority.issue(host))
            return self.contexts[host]

    def serve(self, sock, number):
        request = self.read(sock.makefile("rb"), number)
        if request.method != "CONNECT":
            self.violated(f"{request.method} {request.path} of a proxy")
            return
        host = request.path.rsplit(":", 1)[0]
        if not self.lets_through(host):
            self.write(sock, 403, f"no way to {request.path}".encode(), {}, 0)
            return
        sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        sock = self.context_of(host).wrap_socket(sock, server_side=True)
        stream = sock.makefile("rb")
        while True:
            self.act(sock, self.read(stream, number))

    def owner(self, request):
        """Whose credentials these are; of those that are never sent, whose name it is."""
        text = "\n".join((request.path, *request.headers.values(), request.body.decode(),
                          *map(decoded, request.headers.values())))
        found = OWNER.search(text)
        return found[1] if found else request.headers["host"].split(".")[0]

    def reply(self, request):
        with self.talking:
            return self.talkers[self.owner(request)].speak(self.kind, request)

    def all_spoke(self):
        """Has each service given an answer of the present kind?"""
        return all(talker.said[self.kind] for talker in self.talkers.values())

    def left(self):
        """The answers that services have still to give, of the present kind."""
        return {word: talker.left(self.kind) for word, talker in self.talkers.items()
                if talker.left(self.kind)}
