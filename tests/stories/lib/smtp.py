# SPDX-License-Identifier: Apache-2.0
"""An SMTP server on loopback that is as strict as the strictest relay, and as unreliable as told.

Strict: every violation of RFC 5321, 3207, 4954 or 5322 is noted (and fails the
story). Unreliable: `refuse`, `defer`, `drop`, `silent`, `close_421`,
`lose_reply` and `delay` script what goes wrong, where, and how often.
"""

import email
import email.policy
import functools
import re
import socket
import ssl
import time

from . import sasl
from .standin import Closed, StandIn, reset

COMMAND = 512        # bytes of a command line with CRLF, RFC 5321 4.5.3.1.4
TEXT_LINE = 1000     # bytes of a text line with CRLF, RFC 5321 4.5.3.1.6
ONCE = ("date", "from", "to", "subject", "message-id", "mime-version", "auto-submitted")
PATH = re.compile(rb"<([^<>\s\x00-\x1f\x7f]*)>")


class Mail:
    """A message as it was handed over, and when, over which connection, to whom."""

    def __init__(self, session, data):
        self.sender = session.sender
        self.recipients = list(session.recipients)
        self.connection = session.number
        self.user = session.user
        self.tls = session.encrypted
        self.at = time.time()
        self.data = data
        found = re.search(rb"^message-id:\s*(\S+)", data, re.I | re.M)
        self.message_id = found.group(1).decode("ascii", "replace") if found else ""
        self.answered = True      # False: the client never saw the reply

    @functools.cached_property
    def message(self):
        """The message, parsed."""
        return email.message_from_bytes(self.data, policy=email.policy.default)

    @property
    def key(self):
        """The idempotency key: the left side of the Message-ID."""
        return self.message_id.strip("<>").split("@")[0]

    def text(self, subtype="plain"):
        """The text of the part, decoded."""
        part = self.message.get_body(preferencelist=(subtype,))
        return part.get_content().replace("\r\n", "\n") if part else None


def mail_faults(data, eightbit):
    """What is wrong with these bytes as an Internet message; a list of sentences."""
    faults = []
    if re.search(rb"\r(?!\n)", data):
        faults.append("bare CR in the message")
    if re.search(rb"(?<!\r)\n", data):
        faults.append("bare LF in the message")
    if b"\0" in data:
        faults.append("NUL in the message")
    if not eightbit and any(byte > 127 for byte in data):
        faults.append("8-bit bytes without BODY=8BITMIME")
    if max(map(len, data.split(b"\r\n"))) > TEXT_LINE - 2:
        faults.append("a line is longer than 998 bytes")
    return faults + header_faults(data)


def header_faults(data):
    """What Python's strict parser and RFC 5322 find wrong with the header."""
    faults = []
    try:
        message = email.message_from_bytes(data, policy=email.policy.SMTP.clone(
            raise_on_defect=True))
        for name, value in message.items():
            str(value)
            if getattr(value, "defects", None):
                faults.append(f"header {name}: {value.defects[0]!r}")
    except Exception as defect:     # the parser raises its many defect classes
        return [f"header: {defect!r}"]
    names = [name.lower() for name in message.keys()]
    for name in ONCE:
        if names.count(name) != 1:
            faults.append(f"{names.count(name)} headers {name}, there must be one")
    head = data.split(b"\r\n\r\n", 1)[0]
    for line in head.split(b"\r\n"):
        if len(line) > 998 or any(byte > 126 or byte < 32 and byte != 9 for byte in line):
            faults.append(f"header line not clean: {line[:60]!r}")
        for word in re.findall(rb"=\?[^?\s]+\?[^?\s]+\?[^?\s]*\?=", line):
            if len(word) > 75:
                faults.append("encoded word longer than 75 characters")
    if not re.fullmatch(r"<[^<>@\s]+@[^<>@\s]+>", str(message["message-id"] or "").strip()):
        faults.append(f"Message-ID is malformed: {message['message-id']!r}")
    return faults


class SmtpServer(StandIn):
    """A mail server. tls: none, starttls or implicit; users: name -> password (or token)."""

    def __init__(self, tls="none", certificate=None, users=None, auth=("PLAIN", "LOGIN"),
                 size=10_000_000, extensions=("PIPELINING", "8BITMIME"), max_recipients=1000):
        self.tls = tls
        self.users = users or {}
        self.mechanisms = auth
        self.old_mechanisms = ()  # said once more in the way of old, as some do for Outlook
        self.size = size
        self.extensions = extensions
        self.max_recipients = max_recipients
        self.pieces = 0           # replies arrive in pieces of so many bytes; 0: whole
        self.always_354 = False   # DATA is answered 354 whatever was refused before it
        self.groups = 0           # mails whose commands came together
        self.behind = 0           # mails whose commands came with the message before
        self.check_every = 1      # look closely at every n-th mail only: parsing takes its time
        self.mails = []
        self.logins = []          # (mechanism, user) of every successful AUTH
        self.failed_logins = 0
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate)
        super().__init__()

    def serve(self, sock, number):
        _Session(self, sock, number).run()

    # what goes wrong, in the words of a story; stages: connect, greeting, ehlo, starttls, auth,
    # mail, rcpt, data, body, end, rset

    def refuse(self, recipient, code=550, text="5.1.1 no such user", times=None):
        """Refuses one recipient for good."""
        self.on("rcpt", ("reply", f"{code} {text}"), times, lambda who: who == recipient)

    def defer(self, stage="rcpt", code=451, text="4.3.0 try again later", times=None,
              recipient=None):
        """Answers 4xx at a stage; recipient: only for this one."""
        match = None if recipient is None else lambda who: recipient in who.split(",")
        self.on(stage, ("reply", f"{code} {text}"), times, match)

    def drop(self, stage, times=1):
        """Resets the connection at a stage."""
        self.on(stage, ("drop",), times)

    def silent(self, stage, times=1):
        """Says nothing any more from a stage on."""
        self.on(stage, ("silent",), times)

    def close_421(self, stage, times=1):
        """Says 421 and closes, as a server does that goes down."""
        self.on(stage, ("close", "421 4.3.2 shutting down"), times)

    def lose_reply(self, times=1):
        """Takes the message, then resets before the client can read the reply."""
        self.on("end", ("lose",), times)

    def delay(self, stage, seconds, times=None):
        """Answers slowly."""
        self.on(stage, ("delay", seconds), times)

    def keep(self, mail):
        """The message is ours now."""
        with self.lock:
            self.mails.append(mail)
            self.changed.notify_all()

    # what arrived

    def received(self):
        """The mails; passwords belong into the login."""
        return ((mail.data, "a mail") for mail in list(self.mails))

    def wait_mails(self, n, timeout=15):
        """Waits for n mails and returns them in order of arrival."""
        self.wait_for(lambda: len(self.mails) >= n, timeout,
                      lambda: f"{n} mails ({len(self.mails)} now)")
        return list(self.mails)

    def by_key(self):
        """key -> how often it arrived; more than once is a repeat."""
        counts = {}
        for mail in list(self.mails):
            counts[mail.key] = counts.get(mail.key, 0) + 1
        return counts


class _Session:
    """One connection: reads commands, keeps the state that RFC 5321 asks for."""

    def __init__(self, server, sock, number):
        self.server = server
        self.sock = sock
        self.number = number
        self.buffer = b""
        self.encrypted = False
        self.greeted = False
        self.user = None
        self.reset_transaction()

    def reset_transaction(self):
        self.sender = None
        self.mail_refused = False
        self.recipients = []
        self.eightbit = False

    # bytes

    def fill(self):
        self.sock.settimeout(None)
        more = self.sock.recv(65536)
        if not more:
            raise Closed
        self.buffer += more

    def line(self, limit):
        while b"\n" not in self.buffer:
            if len(self.buffer) > limit:
                self.server.violated(f"a line is longer than {limit} bytes")
                raise Closed
            self.fill()
        line, self.buffer = self.buffer.split(b"\n", 1)
        if not line.endswith(b"\r"):
            self.server.violated(f"a line ends with a bare LF: {line[:60]!r}")
        elif b"\r" in line[:-1]:
            self.server.violated(f"bare CR in a line: {line[:60]!r}")
        if len(line) + 1 > limit:
            self.server.violated(f"a line is longer than {limit} bytes")
        return line[:-1] if line.endswith(b"\r") else line

    def say(self, *lines):
        out = []
        for i, text in enumerate(lines):
            code, rest = text[:3], text[4:]
            out.append(f"{code}{' ' if i == len(lines) - 1 else '-'}{rest}\r\n")
        data = "".join(out).encode()
        piece = self.server.pieces or len(data)
        for start in range(0, len(data), piece):
            self.sock.sendall(data[start:start + piece])
            time.sleep(0.001 if piece < len(data) else 0)

    def scripted(self, stage, what=""):
        """Does what the script has for this stage; True when that was the answer."""
        action = self.server.due(stage, what)
        if action is None:
            return False
        if action[0] == "delay":
            time.sleep(action[1])
            return False
        if action[0] == "silent":
            self.server.hold(self.sock)
        if action[0] in ("drop", "lose"):
            reset(self.sock)
            raise Closed
        self.say(action[1])
        if action[0] == "close" or action[1].startswith("421"):
            raise Closed
        return True

    def secure(self):
        self.sock = self.server.context.wrap_socket(self.sock, server_side=True)
        self.encrypted = True

    # the dialogue

    def run(self):
        self.scripted("connect")
        if self.server.tls == "implicit":
            self.secure()
        if self.scripted("greeting"):
            return
        self.say("220 mail.example.com ESMTP stand-in")
        try:
            while True:
                line = self.line(COMMAND)
                if self.buffer and "PIPELINING" not in self.server.extensions:
                    self.server.violated(f"a command did not wait for the reply to {line!r}")
                self.command(line)
        finally:
            if isinstance(self.sock, ssl.SSLSocket):
                self.sock.close()

    def command(self, line):
        verb, _, rest = line.partition(b" ")
        verb = verb.upper().decode("ascii", "replace")
        handler = getattr(self, f"do_{verb.lower()}", None)
        if handler is None or not verb.isalpha():
            self.server.violated(f"unknown command {line[:60]!r}")
            self.say("500 5.5.1 unknown command")
            return
        handler(rest)

    def out_of_order(self, sentence):
        self.server.violated(sentence)
        self.say("503 5.5.1 bad sequence of commands")

    def do_ehlo(self, rest):
        if not re.fullmatch(rb"[A-Za-z0-9.:_\[\]-]+", rest):
            self.server.violated(f"EHLO with an impossible name: {rest!r}")
        if self.scripted("ehlo"):
            return
        self.greeted = True
        self.reset_transaction()
        lines = ["mail.example.com"] + list(self.server.extensions) + [f"SIZE {self.server.size}"]
        if self.server.tls == "starttls" and not self.encrypted:
            lines.append("STARTTLS")
        elif self.server.users:
            lines.append("AUTH " + " ".join(self.server.mechanisms))
            lines += [f"AUTH={each}" for each in self.server.old_mechanisms]
        self.say(*(f"250 {line}" for line in lines))

    do_helo = do_ehlo

    def do_starttls(self, rest):
        if self.server.tls != "starttls" or self.encrypted or rest:
            self.out_of_order("STARTTLS that was not offered")
            return
        if self.scripted("starttls"):
            return
        if self.buffer:
            self.server.violated("commands sent before the TLS handshake")
        self.buffer = b""
        self.greeted = False
        self.say("220 2.0.0 go ahead")
        self.secure()

    def do_auth(self, rest):
        if not self.greeted or self.user or self.sender is not None:
            return self.out_of_order("AUTH out of order")
        if self.server.tls != "none" and not self.encrypted:
            self.server.violated("AUTH in the clear")
            return self.say("538 5.7.11 encryption required")
        if self.scripted("auth"):
            return None
        mechanism, _, initial = rest.partition(b" ")
        mechanism = mechanism.decode("ascii", "replace").upper()
        if mechanism not in self.server.mechanisms:
            self.server.violated(f"AUTH {mechanism} was not offered")
            return self.say("504 5.5.4 unknown mechanism")
        user = sasl.authenticate(mechanism, self.server.users, initial, self.challenge)
        if user is None:
            with self.server.lock:
                self.server.failed_logins += 1
            return self.say("535 5.7.8 authentication failed")
        self.user = user
        with self.server.lock:
            self.server.logins.append((mechanism, user))
        return self.say("235 2.7.0 welcome")

    def challenge(self, text):
        self.sock.sendall(b"334 " + text + b"\r\n")
        return self.line(12288)

    def path(self, rest, word):
        """The address and parameters of MAIL FROM:<...> and RCPT TO:<...>."""
        prefix, rest = rest[:len(word)], rest[len(word):]
        match = PATH.match(rest)
        if prefix.upper() != word or not match:
            self.server.violated(f"malformed path: {rest[:80]!r}")
            return None, b""
        address = match.group(1)
        if any(byte > 127 for byte in address):
            self.server.violated("non-ASCII address without SMTPUTF8")
        return address.decode("utf-8", "replace"), rest[match.end():].strip()

    def do_mail(self, rest):
        if not self.greeted or self.sender is not None:
            return self.out_of_order("MAIL out of order")
        if self.server.tls != "none" and not self.encrypted:
            return self.out_of_order("MAIL in the clear")
        if self.server.users and not self.user:
            self.server.violated("MAIL without AUTH")
            return self.say("530 5.7.0 authentication required")
        self.server.groups += bool(self.buffer)
        sender, parameters = self.path(rest, b"FROM:")
        if sender is None:
            return self.say("501 5.5.4 syntax error")
        self.mail_refused = self.scripted("mail", sender)
        if self.mail_refused:
            return None
        size = re.search(rb"SIZE=(\d+)", parameters, re.I)
        if size and int(size.group(1)) > self.server.size:
            return self.say("552 5.3.4 message too big")
        self.eightbit = b"BODY=8BITMIME" in parameters.upper()
        self.sender = sender
        return self.say("250 2.1.0 ok")

    def do_rcpt(self, rest):
        lenient = self.mail_refused and self.server.always_354
        if self.sender is None and self.mail_refused and not lenient:
            return self.say("503 5.5.1 no sender")     # it was pipelined: RFC 2920 3.1
        if self.sender is None and not lenient:
            return self.out_of_order("RCPT without MAIL")
        recipient, _ = self.path(rest, b"TO:")
        if not recipient:
            return self.say("501 5.5.4 syntax error")
        if self.scripted("rcpt", recipient):
            return None
        if len(self.recipients) >= self.server.max_recipients:
            return self.say("452 4.5.3 too many recipients")
        self.recipients.append(recipient)
        return self.say("250 2.1.5 ok")

    def do_data(self, rest):
        if self.server.always_354 and (self.sender is None or not self.recipients):
            self.say("354 go ahead")
            if self.body() or self.recipients:
                self.server.violated("a message although something was refused")
            self.reset_transaction()
            self.say("554 5.5.1 no valid recipients")
            return
        if not self.recipients:
            # Legal when commands are pipelined, so no violation: RFC 2920 3.1.
            self.say("503 5.5.1 no valid recipients")
            return
        if self.scripted("data", ",".join(self.recipients)):
            return
        self.say("354 go ahead")
        if self.buffer:
            self.server.violated("a message that did not wait for 354")
        if self.server.due("body"):
            self.fill()
            reset(self.sock)
            raise Closed
        self.take(self.body())

    def body(self):
        """The bytes up to CRLF.CRLF, dot-stuffing undone and checked."""
        while not re.search(rb"(^|\r\n)\.\r\n", self.buffer):
            self.fill()
        end = re.search(rb"(^|\r\n)\.\r\n", self.buffer)
        data = self.buffer[:end.start()] + (b"\r\n" if end.group(1) else b"")
        self.buffer = self.buffer[end.end():]
        self.server.behind += bool(self.buffer)
        if re.search(rb"(^|\r|\n)\.(\r|\n)", data):
            self.server.violated("a lone dot inside the message: smuggling")
        if re.search(rb"(^|\r\n)\.[^.]", data):
            self.server.violated("a line starts with an unstuffed dot")
        return re.sub(rb"(^|\r\n)\.\.", rb"\1.", data)

    def take(self, data):
        who = ",".join(self.recipients)
        if len(self.server.mails) % self.server.check_every == 0:
            for fault in mail_faults(data, self.eightbit):
                self.server.violated(f"mail to {who}: {fault}")
        mail = Mail(self, data)
        action = self.server.due("end", who)
        if action and action[0] in ("reply", "close"):
            self.reset_transaction()
            self.say(action[1])
            if action[0] == "close" or action[1].startswith("421"):
                raise Closed
            return
        if action and action[0] == "delay":
            time.sleep(action[1])
        elif action and action[0] == "silent":
            self.server.hold(self.sock)
        elif action and action[0] == "drop":
            reset(self.sock)
            raise Closed
        mail.answered = not (action and action[0] == "lose")
        self.reset_transaction()
        if mail.answered:
            self.server.keep(mail)
            self.say("250 2.0.0 accepted")
            return
        self.server.keep(mail)
        reset(self.sock)
        raise Closed

    def do_rset(self, rest):
        self.reset_transaction()
        if self.scripted("rset"):
            return
        self.say("250 2.0.0 ok")

    def do_noop(self, rest):
        self.say("250 2.0.0 ok")

    def do_quit(self, rest):
        self.say("221 2.0.0 bye")
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        raise Closed
