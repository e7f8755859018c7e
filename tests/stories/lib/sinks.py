# SPDX-License-Identifier: Apache-2.0
"""Fast receivers for campaigns of a hundred thousand alerts: a mail server and a webhook.

The stand-ins of smtp.py and slack.py are strict and scriptable, at a millisecond a message. These
take what comes, in a process of their own, and note of each message the number in its text ("alert
17") and its idempotency key. A message counts as arrived before it is answered: a sender that dies
before it reads the answer has delivered all the same.
"""

import asyncio
import collections
import pathlib
import re
import signal
import subprocess
import sys

NUMBER = re.compile(rb"alert (\d+)")
SUBJECT = re.compile(rb"^Subject:[^\r]*?alert (\d+)", re.M)
KEY = re.compile(rb"^Message-ID: <([^@>]+)@", re.M | re.I)
LENGTH = re.compile(rb"^content-length: (\d+)", re.M | re.I)


class _Smtp(asyncio.Protocol):
    """One connection to the mail server."""

    def __init__(self, note):
        self.note = note
        self.buffer = b""
        self.in_data = False

    def connection_made(self, transport):
        self.transport = transport
        transport.write(b"220 sink.example.com ESMTP\r\n")

    def data_received(self, data):
        self.buffer += data
        while self.take_message() if self.in_data else self.take_command():
            pass

    def take_message(self):
        """Takes a whole message out of the buffer, if there is one."""
        message, dot, rest = self.buffer.partition(b"\r\n.\r\n")
        if not dot:
            return False
        self.buffer, self.in_data = rest, False
        number, key = SUBJECT.search(message), KEY.search(message)
        self.note(number.group(1) if number else b"?", key.group(1) if key else b"?")
        self.transport.write(b"250 2.0.0 ok\r\n")
        return True

    def take_command(self):
        """Takes one command out of the buffer, if there is one."""
        line, end, rest = self.buffer.partition(b"\r\n")
        if not end:
            return False
        self.buffer = rest
        verb = line[:4].upper()
        self.in_data = verb == b"DATA"
        self.transport.write({b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n",
                              b"EHLO": b"250-sink.example.com\r\n250 8BITMIME\r\n"}
                             .get(verb, b"250 2.0.0 ok\r\n"))
        if verb == b"QUIT":
            self.transport.close()
        return True


class _Web(asyncio.Protocol):
    """One connection to the webhook."""

    def __init__(self, note):
        self.note = note
        self.buffer = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        while True:
            head, end, rest = self.buffer.partition(b"\r\n\r\n")
            length = LENGTH.search(head) if end else None
            if not end or len(rest) < int(length.group(1)):
                return
            body, self.buffer = rest[:int(length.group(1))], rest[int(length.group(1)):]
            for number in sorted(set(NUMBER.findall(body))) or [b"?"]:  # a digest has many
                self.note(number, b"-")
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


async def _serve(kind, notes):
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, done.set)
    with open(notes, "wb") as file:
        def note(number, key):
            file.write(number + b" " + key + b"\n")
        protocol = {"smtp": _Smtp, "web": _Web}[kind]
        server = await loop.create_server(lambda: protocol(note), "127.0.0.1", 0, backlog=256)
        print(server.sockets[0].getsockname()[1], flush=True)
        await done.wait()


class Sink:
    """A receiver of one kind; looks like a stand-in to the fragments of sections.py."""

    host = "127.0.0.1"
    tls = "none"

    def __init__(self, kind, directory):
        self.notes = pathlib.Path(directory) / f"{kind}.notes"
        self.process = subprocess.Popen([sys.executable, __file__, kind, str(self.notes)],
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.webhook = f"http://{self.host}:{self.port}/hook"
        self.violations = []

    def stop(self):
        """Ends it; what it noted is on disk then."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
        self.process.stdout.close()

    def received(self):
        """For the canaries: of what comes only numbers and keys are kept."""
        return ()

    def arrived(self):
        """number -> keys in order of arrival. Ends the sink."""
        self.stop()
        found = collections.defaultdict(list)
        for line in self.notes.read_text("ascii").splitlines():
            number, key = line.split()
            found[int(number)].append(key)
        return found


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], sys.argv[2]))
