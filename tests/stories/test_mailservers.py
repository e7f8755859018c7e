# SPDX-License-Identifier: Apache-2.0
"""Mails through real servers, Postfix and Exim, read by a strict reader where they arrive."""

import re

import pytest

from lib.canary import canary
from lib.mailservers import Arrived, Exim, Postfix
from lib.tocsin import alert

WAYS = [(Postfix, "starttls", "scram-sha-256"), (Postfix, "implicit", "plain"),
        (Exim, "starttls", "xoauth2"), (Exim, "implicit", "cram-md5")]


@pytest.fixture
def servers(authority):
    """Starts servers; what is missing for one is said, and the story left out."""
    started = []

    def start(kind):
        reason = kind.missing()
        if reason:
            pytest.skip(reason)
        started.append(kind(authority.issue("127.0.0.1"), canary("mail"), canary("token")))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture(params=[Postfix, Exim], ids=["postfix", "exim"])
def server(request, servers):
    """Each of them."""
    return servers(request.param)


def assert_sound(mails):
    """No reader finds anything wrong with any of them."""
    for mail in mails:
        assert mail.faults() == [], mail.data.decode(errors="replace")


@pytest.mark.parametrize("kind, tls, auth", WAYS, ids=lambda value: str(
    getattr(value, "package", value)).split("-daemon")[0])
def test_a_mail_arrives_as_it_was_made(tocsin, servers, authority, tmp_path, kind, tls, auth):
    """Encrypted and logged in as the server wants it; the reader sees what the alert says."""
    server = servers(kind)
    more = {}
    if auth == "xoauth2":
        program = tmp_path / "token"
        program.write_text(f"#!/bin/sh\necho {server.token}\n")
        program.chmod(0o700)
        more = {"token_command": [str(program)]}
    tocsin.configure(channels={"mail": server.channel(tls, auth, authority, **more)}).start()
    tocsin.send(alert("Füllstand: 97 % — Achtung 🚨", "critical", site="db1.example.com",
                      annotations={"description": "Zeile 1\nZeile 2 <b>&amp;",
                                   "runbook_url": "https://example.com/runbook"},
                      link="https://example.com/db1?a=1&b=2"))
    mail, = server.wait_mails(1)
    assert_sound([mail])
    assert mail.message["subject"] == "[CRITICAL] Füllstand: 97 % — Achtung 🚨"
    assert mail.names == ["Date", "From", "To", "Subject", "Message-ID", "Auto-Submitted",
                          "X-Auto-Response-Suppress", "X-Priority", "Importance", "MIME-Version",
                          "Content-Type"]
    assert "Zeile 1\nZeile 2 <b>&amp;\n" in mail.text()
    assert "Link: https://example.com/db1?a=1&b=2\n" in mail.text()
    assert "Zeile 1<br>Zeile 2 &lt;b&gt;&amp;amp;</p>" in mail.text("html")
    assert 'href="https://example.com/runbook"' in mail.text("html")
    tocsin.wait_settled()
    assert re.search(r"SCRAM|PLAIN|A=cram|A=bearer", server.log())


ODD = [".", ".\n.\n..\n", "\n".join("." * n for n in range(30)), "From here", "x" * 20_000,
       "漢字" * 3000, "tab\tand  spaces \n at ends ", "a\n\n\n\nb", "\r.\r", "-- \nsignature",
       "--=_tocsin_alternative--", "=?utf-8?q?x=0d=0aBcc:_v@example.com?=",
       "x\r\nBcc: v@example.com", "x\u2028Bcc: v", "\r\n\r\nbody", "\x1b[2J\x7f\x07",
       "x" * 3000 + "\r\nBcc: v@example.com", "\u202eabc", "é" * 998, "word " * 400]


def test_odd_texts_arrive_as_texts(tocsin, server, authority):
    """In every slot; over one connection; the headers are those of a harmless mail."""
    tocsin.configure(channels={"mail": server.channel("starttls", "plain", authority)}).start()
    for text in ["plain", *ODD]:
        tocsin.send(alert(text[:900], site=text[:900], labels={"extra": text[:900]},
                          annotations={"description": text, "runbook_url": text[:900]}))
    letters = {"recipient_name": "Anna\r\nBcc: v", "message": "done", "link_title": "<b>"}
    tocsin.send(alert("Your export", annotations=letters, link="https://example.com/"))
    mails = server.wait_mails(len(ODD) + 2)
    tocsin.wait_settled()
    assert_sound(mails)
    for mail in mails:
        # Later mails of one alert refer to the first.
        names = [name for name in mail.names if name not in ("In-Reply-To", "References")]
        assert names == mails[0].names
    texts = ["\n".join(line.strip() for line in mail.text().splitlines()) for mail in mails]
    for text in ODD[:8]:
        wanted = "\n".join(line.strip() for line in text.strip().splitlines())
        assert any(wanted in each for each in texts), text[:60]
    assert server.connections() == 1


def test_refusals_are_understood(tocsin, server, authority):
    """Nobody of that name, and a mail that is too big, are dead at once; the others arrive."""
    channel = server.channel("starttls", "plain", authority,
                             to=["nobody@example.com", "ops@example.com"])
    tocsin.configure(channels={"mail": channel}).start()
    tocsin.send(alert("small"), alert("big", annotations={"description": "x" * 60_000}))
    counters = tocsin.wait_settled()
    assert (counters["delivered"], counters["dead"]) == (1, 3)
    reasons = {(each["recipient"], each["reason"]) for each in tocsin.deliveries(state="dead")}
    for recipient, words in (("nobody@example.com", "refuses the recipient: 550"),
                             ("ops@example.com", "5.3.4 it has")):
        assert any(who == recipient and words in why for who, why in reasons), reasons
    assert_sound(server.mails())


SOUND = b"""Return-Path: <alerts@example.com>
Received: by mail.example.com; a line of another's that is longer than ours may be, and says so, too
Date: Tue, 18 Nov 2025 14:30:45 +0000
From: alerts@example.com
To: ops@example.com
Subject: =?UTF-8?B?RsO8bGxzdGFuZA==?=
Message-ID: <abc@example.com>
Auto-Submitted: auto-generated
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="=_x"

--=_x
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: base64

dGV4dA==

--=_x--
"""


@pytest.mark.parametrize("what, instead", [
    (b"", b""), (b"\nDate:", b"\r\nDate:"), (b"Subject: ", b"Subject: \xc3\xa9 "),
    (b"Subject: ", b"Subject: " + b"x" * 80 + b" "), (b"To: ", b"Date: x\nTo: "),
    (b"?B?RsO8", b"?B?" + b"RsO8" * 17), (b"<abc@example.com>", b"<abc@ex ample>"),
    (b"dGV4dA==", b"dGV4dA"), (b"dGV4dA==", b"!!!!"), (b"\n--=_x--", b""),
    (b"\n--=_x\n", b"\nno boundary\n"), (b"dGV4dA==", b"x" * 1000), (b"dGV4dA==", b"\xff")])
def test_the_strict_reader_sees_what_is_wrong(tmp_path, what, instead):
    """The control: a sound mail is sound, and each of these is not."""
    path = tmp_path / "mail"
    path.write_bytes(SOUND.replace(what, instead) if what else SOUND)
    mail = Arrived(path)
    assert bool(mail.faults()) == bool(what), mail.faults()
