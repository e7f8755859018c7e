# SPDX-License-Identifier: Apache-2.0
"""The syslog channel, read by the daemons that people run: rsyslogd and syslog-ng."""

import time

import pytest

from lib.sections import QUICK
from lib.syslogd import Rsyslog, SyslogNg
from lib.tocsin import alert, wait_until

HOSTILE = ['a "quoted\\" ] text', "x\n<0>1 - - - - - - forged", "12 <0>1 - - - - - - forged",
           "]] [labels@32473 forged=\"yes\"]", "\x1b[2J\x07\u2028\u202e", "%m %n $MSG $(format-json)",
           "\U0001f525 \u00e4\u20ac", "\\", '"', "]", " ", "a=\"b\""]


@pytest.fixture
def syslogd(tmp_path):
    """Makes daemons and ends them."""
    made = []

    def make(kind, name="syslogd", **more):
        made.append(kind(tmp_path / name, **more))
        return made[-1]

    yield make
    for daemon in made:
        daemon.kill()


def sends(tocsin, to, **more):
    """A daemon with one syslog channel."""
    return tocsin.configure(channels={"logs": {
        "type": "syslog", "to": to, "hostname": "monitor.example.com", "retry": dict(QUICK),
        "server_timeout": "2s", **more}})


def address(server, way):
    """What to write behind `to:`, and the options that go with it."""
    if way in ("unix", "stream"):
        return f"unix:{server.unix if way == 'unix' else server.stream}", {}
    more = {"framing": "lines"} if way == "lines" else {}
    return f"{'tcp' if way == 'lines' else way}:127.0.0.1:{server.port[way]}", more


@pytest.mark.parametrize("kind", [Rsyslog, SyslogNg])
@pytest.mark.parametrize("way", ["tcp", "lines", "udp"])
def test_daemons_read_rfc_5424(tocsin, syslogd, kind, way):
    """Header, words and structured data arrive as they were meant, whatever an alert says."""
    server = syslogd(kind).start()
    to, more = address(server, way)
    sends(tocsin, to, facility="local3", **more).start()
    tocsin.send(alert("disk is full", "critical", starts_at="2025-11-18T14:30:45.123Z",
                      annotations={"message": "97 % of /var"}))
    for text in HOSTILE:
        tocsin.send(alert(text, labels={"data": text}))
    tocsin.wait_settled()
    messages = server.wait(1 + len(HOSTILE))
    assert len(messages) == 1 + len(HOSTILE)
    first = next(each for each in messages if "disk is full" in each["msg"])
    assert int(first["pri"]) == 19 * 8 + 2 and first["host"] == "monitor.example.com"
    assert first["app"] == "tocsin" and first["msgid"] == "Story"
    assert first["msg"].lstrip() == "disk is full: 97 % of /var"
    assert first["time"].startswith("2025-11-18T14:30:45")
    data = server.structured(first)
    assert data["labels@32473"] == {"alertname": "Story", "site": "www.example.com"}
    assert data["tocsin@32473"]["severity"] == "critical"
    keys = {server.structured(each)["tocsin@32473"]["key"] for each in messages}
    assert keys == {each["key"] for each in tocsin.deliveries()}
    check_hostile(server, messages)


def check_hostile(server, messages):
    """Each text came back from the field where it was, with its controls made visible."""
    def visible(text):
        for character in set(text):
            if character == "\n":
                text = text.replace(character, "\\n")
            elif ord(character) < 32 or character in "\u2028\u202e":
                code = ord(character)
                text = text.replace(character, f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")
        return text

    values = sorted(server.structured(each)["labels@32473"].get("data", "") for each in messages)
    assert values == sorted([""] + [visible(text) for text in HOSTILE])
    for each in messages:
        assert set(server.structured(each)) == {"tocsin@32473", "labels@32473"}
        assert "forged" not in server.structured(each)["labels@32473"]


@pytest.mark.parametrize("kind,way", [(Rsyslog, "unix"), (SyslogNg, "unix"), (SyslogNg, "stream")])
def test_the_local_socket_is_read(tocsin, syslogd, kind, way):
    """The form of /dev/log, to a socket of either kind; the daemon may be started anew."""
    server = syslogd(kind).start()
    to, _ = address(server, way)
    sends(tocsin, to, app_name="alerts").start()
    tocsin.send(alert("disk is full", "warning"))
    tocsin.send(alert("x\n<0>Jan  1 00:00:00 forged"))
    tocsin.wait_settled()
    messages = server.wait(2)
    first = next(each for each in messages if "disk is full" in each["msg"])
    assert int(first["pri"]) == 3 * 8 + 4 and first["app"].split("[")[0] == "alerts"
    assert first["msg"].strip() == "disk is full [alertname=Story site=www.example.com]"
    assert any("x\\n<0>Jan  1 00:00:00 forged" in each["msg"] for each in messages)
    server.kill()
    tocsin.send(alert("while it was away"))
    wait_until(lambda: any(each["attempts"] for each in tocsin.deliveries(state="pending")),
               what="an attempt")
    server.start()
    tocsin.wait_settled()
    assert any("while it was away" in each["msg"] for each in server.wait(3))


def test_tls_is_verified(tocsin, syslogd, authority):
    """RFC 5425 to syslog-ng; with another authority nothing is sent."""
    server = syslogd(SyslogNg, certificate=authority.issue("localhost", "127.0.0.1")).start()
    to = f"tls:localhost:{server.port['tls']}"
    sends(tocsin, to).start()
    tocsin.send(alert("secret"))
    wait_until(lambda: tocsin.deliveries()[0]["attempts"] >= 1, what="an attempt")
    assert "certificate" in tocsin.channel("logs")["last_failure"]
    assert server.messages() == []
    sends(tocsin, to, ca_file=str(authority.ca_file))
    tocsin.hup()
    tocsin.wait_settled()
    assert server.wait(1)[0]["msg"].lstrip() == "secret"


def test_a_receiver_that_is_killed_and_comes_back_gets_all(tocsin, syslogd):
    """Killed between messages and under them; what was delivered is there, some of it twice."""
    server = syslogd(SyslogNg).start()
    to, _ = address(server, "tcp")
    sends(tocsin, to).start()
    wanted = set()

    def send(*words):
        tocsin.send(*(alert(word) for word in words))
        wanted.update(words)

    def wait_written():     # what it took and did not write yet dies with it
        tocsin.wait_settled()
        wait_until(lambda: {each["msg"].strip() for each in server.messages()} >= wanted,
                   what="all of them")

    for turn in range(3):
        send(*(f"alert {turn}.{n}" for n in range(100)))
        wait_written()
        server.kill()
        send(f"alert {turn}.away")
        time.sleep(0.2)
        server.start()
    wait_written()


def test_mistakes_are_named(tocsin):
    for changes, words in (({"to": "logs.example.com"}, "not an address"),
                           ({"app_name": "a b"}, "app_name"),
                           ({"to": "tcp:a", "format": "local"}, "format: local")):
        sends(tocsin, **{"to": "unix:/dev/log", **changes})
        run = tocsin.tocsind("--check")
        assert run.status == 2 and words in run.stdout + run.stderr, run
