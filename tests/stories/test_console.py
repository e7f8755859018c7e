# SPDX-License-Identifier: Apache-2.0
"""The console channel: what a person sees, and nothing else."""

import json
import os
import pty
import re
import select
import subprocess
import time

import pytest

from lib.tocsin import alert


def on_terminal(tocsin, arguments, until, seconds=15, **environment):
    """Runs a program on a pseudo terminal until it ends or `until(text)`; its output."""
    master, slave = pty.openpty()
    process = subprocess.Popen(arguments, stdin=slave, stdout=slave, stderr=slave, cwd="/",
                               env={**tocsin.env(), "TERM": "xterm", **environment},
                               start_new_session=True)
    os.close(slave)
    text, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([master], [], [], 0.1)[0]:
            try:
                text += os.read(master, 65536)
            except OSError:
                break
        elif until(text.decode("utf-8", "replace")):
            break
    process.terminate()
    process.wait(20)
    os.close(master)
    return text.decode("utf-8", "replace")


def line_of(text, word):
    """The line with the word."""
    found = [line for line in text.splitlines() if word in line]
    assert found, text
    return found[-1]


def test_one_line_an_alert(tocsin):
    tocsin.configure(channels={"screen": {"type": "console"}}, log={"level": "info"}).start()
    tocsin.send(alert("SLA Compliance", "critical", annotations={"message": "65.2 % in time"},
                      starts_at="2025-11-18T14:30:45Z"))
    tocsin.wait_settled()
    line = line_of(tocsin.log(), "SLA Compliance: ")
    assert re.match(r"2025-11-18 14:30:45 CRITICAL +SLA Compliance: 65\.2 % in time", line)
    assert "site=www.example.com" in line


@pytest.mark.parametrize("text", ["x\ny CRITICAL forged", "\x1b[2J\x1b]0;owned\x07",
                                  "\u009b31m", "a\rb", "\u202egnp.exe"])
def test_no_text_moves_the_cursor_or_starts_a_line(tocsin, text):
    tocsin.configure(channels={"screen": {"type": "console"}}).start()
    tocsin.send(alert(f"begin{text}end", annotations={"message": text}, labels={"x": text}))
    tocsin.wait_settled()
    line = line_of(tocsin.log(), "begin")
    assert "end" in line and not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e]", line)


def test_json_is_one_object_a_line(tocsin):
    tocsin.configure(channels={"screen": {"type": "console", "format": "json"}}).start()
    tocsin.send(alert("a\nb"))
    tocsin.wait_settled()
    record = json.loads(line_of(tocsin.log(), '"priority"'))
    assert record["message"] == "a\nb"


def test_colour_is_for_terminals_that_want_it(tocsin):
    """On a pseudo terminal: coloured; with NO_COLOR: not."""
    tocsin.configure(channels={"screen": {"type": "console"}})
    for environment, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        sent = []

        def seen(text, sent=sent):
            if not sent and tocsin.socket.exists():
                try:
                    tocsin.client().close()
                    sent.extend(tocsin.send(alert("paint me", "critical")))
                except Exception:      # not ready yet
                    return False
            return "paint me" in text

        text = on_terminal(tocsin, tocsin.arguments(), seen, **environment)
        tocsin.client().close()
        line = line_of(text, "paint me")
        assert ("\x1b[" in line) == coloured, line
