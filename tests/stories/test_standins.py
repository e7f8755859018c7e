# SPDX-License-Identifier: Apache-2.0
"""The stand-ins refuse what they must refuse: a story that passes proves something."""

import base64
import json
import smtplib
import socket
import ssl
import time
import urllib.error
import urllib.request

import pytest

from lib import sasl, slack
from lib.http import HttpServer, in_seconds
from lib.pki import Authority
from lib.slack import SlackServer
from lib.smtp import SmtpServer, mail_faults

GOOD = (b"Date: Tue, 18 Nov 2025 14:30:45 +0000\r\nFrom: a@example.com\r\nTo: b@example.com\r\n"
        b"Subject: x\r\nMessage-ID: <0123@example.com>\r\nMIME-Version: 1.0\r\n"
        b"Auto-Submitted: auto-generated\r\nContent-Type: text/plain\r\n\r\nhello\r\n")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def smtp():
    server = SmtpServer()
    yield server
    server.stop()


def talk(server, *sent):
    """Sends raw bytes, what follows DATA after 354, and returns all the server said."""
    said = b""
    before, data, message = b"".join(sent).partition(b"DATA\r\n")
    with socket.create_connection((server.host, server.port), 5) as sock:
        sock.sendall(before + data)
        while data and b"354" not in said and (more := sock.recv(65536)):
            said += more
        sock.sendall(message)
        sock.shutdown(socket.SHUT_WR)
        while more := sock.recv(65536):
            said += more
    return said.decode()


def test_a_message_that_does_not_wait_to_be_asked_for_is_noticed(smtp):
    with socket.create_connection((smtp.host, smtp.port), 5) as sock:
        sock.sendall(envelope(b"b@example.com") + GOOD + b".\r\nQUIT\r\n")
        while sock.recv(65536):
            pass
    assert any("did not wait for 354" in v for v in smtp.violations)


def envelope(*recipients):
    lines = b"EHLO client.example.com\r\nMAIL FROM:<a@example.com>\r\n"
    return lines + b"".join(b"RCPT TO:<%s>\r\n" % r for r in recipients) + b"DATA\r\n"


# SMTP: the protocol

def test_a_well_formed_mail_is_taken(smtp):
    said = talk(smtp, envelope(b"b@example.com"), GOOD, b".\r\nQUIT\r\n")
    assert "250 2.0.0 accepted" in said and smtp.violations == []
    mail = smtp.mails[0]
    assert mail.key == "0123" and mail.recipients == ["b@example.com"]
    assert mail.text() == "hello\n"


@pytest.mark.parametrize("damage, fault", [
    (lambda m: m.replace(b"hello\r\n", b"hel\nlo\r\n"), "bare LF"),
    (lambda m: m.replace(b"hello\r\n", b"hel\rlo\r\n"), "bare CR"),
    (lambda m: m.replace(b"hello", b"hel\0lo"), "NUL"),
    (lambda m: m.replace(b"hello", b"h\xc3\xa9llo"), "8-bit"),
    (lambda m: m.replace(b"hello", b"x" * 999), "longer than 998"),
    (lambda m: m.replace(b"Subject: x", b"Subject: x\r\nSubject: y"), "2 headers subject"),
    (lambda m: m.replace(b"Auto-Submitted: auto-generated\r\n", b""), "0 headers auto-submitted"),
    (lambda m: m.replace(b"<0123@example.com>", b"0123"), "Message-ID"),
    (lambda m: m.replace(b"Subject: x", b"Subject: h\xc3\xa9"), "header line not clean"),
    (lambda m: m.replace(b"Subject: x", b"Subject: =?utf-8?q?" + b"x" * 70 + b"?="), "75"),
    (lambda m: m.replace(b"Subject: x", b"Subject: x\r\nno colon here"), "header"),
])
def test_a_malformed_mail_is_noticed(damage, fault):
    assert mail_faults(GOOD, False) == []
    faults = mail_faults(damage(GOOD), False)
    assert any(fault in each for each in faults), faults


def test_smuggling_and_missing_dot_stuffing_are_noticed(smtp):
    talk(smtp, envelope(b"b@example.com"), GOOD, b"\n.\nMAIL\r\n.\r\n")
    assert any("smuggling" in v for v in smtp.violations)
    talk(smtp, envelope(b"b@example.com"), GOOD, b".unstuffed\r\n.\r\n")
    assert any("unstuffed" in v for v in smtp.violations)


def test_dot_stuffing_is_undone(smtp):
    talk(smtp, envelope(b"b@example.com"), GOOD, b"..dot\r\n.\r\nQUIT\r\n")
    assert smtp.violations == [] and smtp.mails[0].data.endswith(b"\r\n.dot\r\n")


@pytest.mark.parametrize("sent, fault", [
    (b"EHLO a\nQUIT\r\n", "bare LF"),
    (b"EHLO a\rb\r\n", "bare CR"),
    (b"EHLO " + b"a" * 600 + b"\r\n", "longer than 512"),
    (b"EHLO ()\r\n", "impossible name"),
    (b"WHAT\r\n", "unknown command"),
    (b"MAIL FROM:<a@example.com>\r\n", "MAIL out of order"),
    (b"EHLO a\r\nRCPT TO:<a@example.com>\r\n", "RCPT without MAIL"),
    (b"EHLO a\r\nMAIL FROM: a@example.com\r\n", "malformed path"),
    (b"EHLO a\r\nMAIL FROM:<h\xc3\xa9@example.com>\r\n", "SMTPUTF8"),
    (b"EHLO a\r\nAUTH XYZ\r\n", "was not offered"),
])
def test_a_broken_command_is_noticed(smtp, sent, fault):
    talk(smtp, sent)
    assert any(fault in v for v in smtp.violations), smtp.violations


def test_tls_is_demanded_before_anything_secret(authority):
    server = SmtpServer("starttls", authority.issue("127.0.0.1"), {"me": "secret"})
    token = base64.b64encode(b"\0me\0secret")
    assert "538" in talk(server, b"EHLO a\r\nAUTH PLAIN " + token + b"\r\n")
    assert "503" in talk(server, b"EHLO a\r\nMAIL FROM:<a@example.com>\r\n")
    assert any("AUTH in the clear" in v for v in server.violations)
    assert any("MAIL in the clear" in v for v in server.violations)
    server.stop()


def test_commands_behind_starttls_are_noticed(authority):
    server = SmtpServer("starttls", authority.issue("127.0.0.1"))
    talk(server, b"EHLO a\r\nSTARTTLS\r\nEHLO a\r\n")
    assert any("before the TLS handshake" in v for v in server.violations)
    server.stop()


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_tls_and_auth_work_and_the_wrong_password_does_not(authority, tls):
    server = SmtpServer(tls, authority.issue("127.0.0.1"), {"me": "secret"},
                        auth=("PLAIN", "LOGIN", "CRAM-MD5"))
    trust = ssl.create_default_context(cafile=authority.ca_file)
    for mechanism in ("plain", "login", "cram_md5"):
        for password in ("secret", "wrong"):
            client = smtplib.SMTP_SSL(server.host, server.port, context=trust) \
                if tls == "implicit" else smtplib.SMTP(server.host, server.port)
            if tls == "starttls":
                client.starttls(context=trust)
            client.ehlo("client.example.com")
            client.user, client.password = "me", password
            attempt = getattr(client, f"auth_{mechanism}")
            name = mechanism.upper().replace("_", "-")
            initial = mechanism != "cram_md5"
            if password == "secret":
                client.auth(name, attempt, initial_response_ok=initial)
                client.sendmail("a@example.com", ["b@example.com"], GOOD)
            else:
                with pytest.raises(smtplib.SMTPAuthenticationError):
                    client.auth(name, attempt, initial_response_ok=initial)
            client.close()
    assert [login[0] for login in server.logins] == ["PLAIN", "LOGIN", "CRAM-MD5"]
    assert server.failed_logins == 3 and len(server.mails) == 3 and server.violations == []
    assert all(mail.tls and mail.user == "me" for mail in server.mails)
    server.stop()


def test_a_certificate_of_another_host_or_time_does_not_verify(authority):
    trust = ssl.create_default_context(cafile=authority.ca_file)
    for certificate in (authority.issue("elsewhere.example.com"),
                        authority.issue("127.0.0.1", expired=True)):
        server = SmtpServer("implicit", certificate)
        with pytest.raises(ssl.SSLCertVerificationError):
            smtplib.SMTP_SSL(server.host, server.port, context=trust)
        server.stop()


def test_scram_takes_the_right_proof_only():
    """The exchange as in RFC 7677, with a client of our own."""
    import hashlib
    import hmac

    def client(password):
        said = []

        def challenge(text):
            server = base64.b64decode(text).decode()
            said.append(server)
            if server.startswith("v="):
                return b""
            fields = sasl._fields(server)
            salted = hashlib.pbkdf2_hmac("sha256", password, base64.b64decode(fields["s"]),
                                         int(fields["i"]))
            key = hmac.digest(salted, b"Client Key", "sha256")
            bare = f"c=biws,r={fields['r']}"
            message = f"n=me,r=abc,{server},{bare}".encode()
            signature = hmac.digest(hashlib.sha256(key).digest(), message, "sha256")
            proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature))).decode()
            return base64.b64encode(f"{bare},p={proof}".encode())

        first = base64.b64encode(b"n,,n=me,r=abc")
        return sasl.authenticate("SCRAM-SHA-256", {"me": "secret"}, first, challenge)

    assert client(b"secret") == "me" and client(b"wrong") is None


def test_xoauth2_takes_the_right_token_only():
    def attempt(token):
        text = base64.b64encode(b"user=me\x01auth=Bearer " + token + b"\x01\x01")
        return sasl.authenticate("XOAUTH2", {"me": "token"}, text, lambda text: b"")
    assert attempt(b"token") == "me" and attempt(b"other") is None


# SMTP: the script

def test_smtp_misbehaves_as_told(smtp):
    smtp.refuse("gone@example.com")
    smtp.defer(recipient="grey@example.com", times=1)
    client = smtplib.SMTP(smtp.host, smtp.port)
    to = ["gone@example.com", "grey@example.com", "b@example.com"]
    assert {who: code for who, (code, _) in client.sendmail("a@example.com", to, GOOD).items()} \
        == {"gone@example.com": 550, "grey@example.com": 451}
    assert smtp.mails[0].recipients == ["b@example.com"]
    assert client.sendmail("a@example.com", ["grey@example.com"], GOOD) == {}
    smtp.defer("end", 452, times=1)
    with pytest.raises(smtplib.SMTPDataError):
        client.sendmail("a@example.com", ["b@example.com"], GOOD)
    for stage in ("mail", "rcpt", "data", "end", "body"):
        smtp.drop(stage)
        with pytest.raises((smtplib.SMTPServerDisconnected, OSError)):
            client.sendmail("a@example.com", ["b@example.com"], GOOD)
        client = smtplib.SMTP(smtp.host, smtp.port)
    smtp.close_421("mail")
    with pytest.raises(smtplib.SMTPException):
        client.sendmail("a@example.com", ["b@example.com"], GOOD)
    assert len(smtp.mails) == 2


def test_a_lost_reply_still_keeps_the_mail(smtp):
    smtp.lose_reply()
    client = smtplib.SMTP(smtp.host, smtp.port)
    with pytest.raises((smtplib.SMTPServerDisconnected, OSError)):
        client.sendmail("a@example.com", ["b@example.com"], GOOD)
    assert not smtp.mails[0].answered


def test_a_silent_server_says_nothing(smtp):
    smtp.silent("greeting")
    with socket.create_connection((smtp.host, smtp.port), 0.3) as sock:
        with pytest.raises(TimeoutError):
            sock.recv(1)


def test_a_stopped_server_refuses_and_a_started_one_is_back(smtp):
    smtp.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((smtp.host, smtp.port), 1)
    smtp.start()
    smtplib.SMTP(smtp.host, smtp.port).quit()


# HTTP

def fetch(url, data=b"{}", headers=None, timeout=5):
    request = urllib.request.Request(url, data, headers or {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as reply:
            return reply.status, reply.read(), reply.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers


def test_http_answers_as_told():
    server = HttpServer()
    server.answer(202, times=1)
    server.answer(204, times=1)
    server.answer(500, "broken", times=1)
    server.too_many(in_seconds(7), times=1)
    status, _, headers = fetch(server.url)
    assert status == 429 and headers["Retry-After"].endswith("GMT")
    assert [fetch(server.url)[0] for _ in range(4)] == [500, 204, 202, 200]
    assert [r.status for r in server.requests] == [429, 500, 204, 202, 200]
    assert len(server.accepted()) == 3
    server.stop()


def test_http_hangs_resets_and_trickles():
    server = HttpServer()
    server.hang(times=1)
    with pytest.raises(OSError):
        fetch(server.url, timeout=0.3)
    server.reset(times=1)
    with pytest.raises(OSError):
        fetch(server.url)
    server.trickle(0.01, times=1)
    before = time.monotonic()
    assert fetch(server.url)[0] == 200 and time.monotonic() - before > 0.3
    server.stop()


@pytest.mark.parametrize("sent, fault", [
    (b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "no Host"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nbroken\r\n\r\n", "malformed header"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "chunked"),
    (b"POST /\r\n\r\n", "malformed request line"),
])
def test_http_notices_broken_requests(sent, fault):
    server = HttpServer()
    with socket.create_connection((server.host, server.port), 5) as sock:
        sock.sendall(sent)
        sock.settimeout(1)
        sock.recv(1)
    assert any(fault in v for v in server.violations), server.violations
    server.stop()


def test_https_verifies_against_our_authority_only(authority):
    server = HttpServer(authority.issue("127.0.0.1"))
    trust = ssl.create_default_context(cafile=authority.ca_file)
    with urllib.request.urlopen(server.url, context=trust) as reply:
        assert reply.status == 200
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(server.url, timeout=2)
    server.stop()


# Slack

def mrkdwn(text="x"):
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def section(text="x", **more):
    return {"type": "section", "text": mrkdwn(text), **more}


@pytest.mark.parametrize("payload, word", [
    ({}, "no_text"),
    ({"text": ""}, "no_text"),
    ([], "invalid_payload"),
    ({"text": "x", "link_names": 1}, "invalid_payload"),
    ({"text": "<!channel> hello"}, "invalid_payload"),
    ({"text": "<@U123>"}, "invalid_payload"),
    ({"text": "<https://evil.example.com|x> & more"}, "invalid_payload"),
    ({"text": "a > b"}, "invalid_payload"),
    ({"text": "x" * 40_001}, "msg_too_long"),
    ({"text": "x", "blocks": []}, "invalid_blocks"),
    ({"text": "x", "blocks": [section()] * 51}, "invalid_blocks"),
    ({"text": "x", "blocks": [section("x" * 3001)]}, "invalid_blocks"),
    ({"text": "x", "blocks": [section("")]}, "invalid_blocks"),
    ({"text": "x", "blocks": [section("<!here>")]}, "invalid_payload"),
    ({"text": "x", "blocks": [section(fields=[mrkdwn()] * 11)]}, "invalid_blocks"),
    ({"text": "x", "blocks": [section(" ")]}, "invalid_blocks"),
    ({"text": "x", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x"}}]},
     "invalid_blocks"),
    ({"text": "x", "blocks": [{"type": "section",
                               "text": {"type": "plain_text", "text": ":bomb:"}}]},
     "invalid_blocks"),
    ({"text": "x", "blocks": [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}]},
     "invalid_blocks"),
    ({"text": "x", "blocks": [{"type": "header",
                               "text": {"type": "plain_text", "text": "x" * 151}}]},
     "invalid_blocks"),
    ({"text": "x", "blocks": [{"type": "poem"}]}, "invalid_blocks"),
    ({"text": "x", "blocks": [section("x" * 3000)] * 5}, "msg_blocks_too_long"),
    ({"text": "x", "attachments": [{}] * 101}, "too_many_attachments"),
    ({"text": "x", "attachments": [{"text": "<!everyone>"}]}, "invalid_payload"),
])
def test_slack_refuses(payload, word):
    server = SlackServer()
    status, said, _ = fetch(server.webhook, json.dumps(payload).encode())
    assert (status, said.decode()) == (400, word) and server.violations
    server.stop()


def test_slack_takes_what_is_right():
    server = SlackServer()
    payload = {"text": "a &lt; b &amp; <https://example.com/x|see>", "blocks": [
        {"type": "header", "text": {"type": "plain_text", "text": "A &amp; &lt;b&gt;",
                                    "emoji": False}},
        section("*x*", fields=[mrkdwn("y")]),
        {"type": "context", "elements": [mrkdwn("z")]},
        {"type": "divider"}]}
    assert fetch(server.webhook, json.dumps(payload).encode())[:2] == (200, b"ok")
    assert server.violations == []
    assert "A &amp; &lt;b&gt;" in slack.all_text(server.messages[0])
    server.stop()


def test_slack_refuses_other_paths_types_and_encodings():
    server = SlackServer()
    assert fetch(server.url + "/services/T0/B0/wrong")[:2] == (404, b"no_service")
    assert fetch(server.url + "/other")[:2] == (404, b"no_team")
    for data, kind in ((b'{"text":"x"}', "text/plain"), (b'{"text":"\xff"}', "application/json"),
                       (b'{"text":', "application/json")):
        assert fetch(server.webhook, data, {"Content-Type": kind})[:2] == (400, b"invalid_payload")
    server.stop()


def test_slack_paces_one_a_second():
    server = SlackServer(paced=True)
    answers = [fetch(server.webhook, b'{"text":"x"}') for _ in range(3)]
    assert [status for status, _, _ in answers] == [200, 429, 429]
    assert answers[1][2]["Retry-After"] == "1"
    assert json.loads(answers[1][1])["error"] == "rate_limited"
    time.sleep(1.05)
    assert fetch(server.webhook, b'{"text":"x"}')[0] == 200
    server.stop()
