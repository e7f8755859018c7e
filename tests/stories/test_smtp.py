# SPDX-License-Identifier: Apache-2.0
"""The smtp channel against a strict mail server."""

import datetime
import json
import re
import time

import pytest

from lib.canary import canary
from lib.pki import Authority
from lib.sections import smtp_channel
from lib.smtp import SmtpServer
from lib.tocsin import SLOW, alert, wait_until

PASSWORD = f"{canary('mail')} p4ss"
USERS = {"alerts@example.com": PASSWORD}


def login(server, authority, **more):
    """A channel that logs in."""
    return smtp_channel(server, username="alerts@example.com", password=PASSWORD,
                        ca_file=str(authority.ca_file), **more)


def test_a_mail_is_complete_and_well_formed(tocsin, smtp):
    """Text and HTML, every header that people and machines need, the key as Message-ID."""
    tocsin.configure(channels={"mail": smtp_channel(smtp)}).start()
    tocsin.send(alert("Füllstand: 97 % — Achtung 🚨", "critical", site="db1.example.com",
                      annotations={"description": "Zeile 1\nZeile 2 <b>&amp;"},
                      link="https://example.com/db1?a=1&b=2"))
    mail = smtp.wait_mails(1)[0]
    message = mail.message
    assert mail.sender == "alerts@example.com" and mail.recipients == ["ops@example.com"]
    assert "Füllstand: 97 % — Achtung 🚨" in message["subject"]
    assert message["to"] == "ops@example.com"
    assert message["from"] == "Alerts <alerts@example.com>"
    assert message["auto-submitted"] == "auto-generated"
    assert message.get_content_type() == "multipart/alternative"
    kinds = [part.get_content_type() for part in message.iter_parts()]
    assert kinds == ["text/plain", "text/html"]
    for subtype in ("plain", "html"):
        assert "db1.example.com" in mail.text(subtype) and "Zeile 2" in mail.text(subtype)
    assert "<b>" in mail.text("plain") and "&lt;b&gt;&amp;amp;" in mail.text("html")
    assert mail.key == tocsin.deliveries()[0]["key"]
    assert re.fullmatch("[0-9a-f]{32}", mail.key)
    tocsin.wait_settled()


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_it_logs_in_over_tls(tocsin, standins, authority, tls, mechanism):
    server = standins(SmtpServer, tls, authority.issue("127.0.0.1"), USERS, auth=(mechanism,))
    tocsin.configure(channels={"mail": login(server, authority)}).start()
    tocsin.send(alert())
    mail = server.wait_mails(1)[0]
    assert mail.tls and server.logins == [(mechanism, "alerts@example.com")]
    tocsin.wait_settled()


@pytest.mark.parametrize("auth, mechanism", [
    ("plain", "PLAIN"), ("login", "LOGIN"), ("cram-md5", "CRAM-MD5"), ("xoauth2", "XOAUTH2")])
def test_the_mechanism_can_be_chosen(tocsin, standins, authority, auth, mechanism):
    server = standins(SmtpServer, "starttls", authority.issue("127.0.0.1"), USERS,
                      auth=("XOAUTH2", "LOGIN", "CRAM-MD5", "PLAIN"))
    tocsin.configure(channels={"mail": login(server, authority, auth=auth)}).start()
    tocsin.send(alert())
    server.wait_mails(1)
    assert server.logins[0][0] == mechanism
    tocsin.wait_settled()


def token_program(tmp_path, text):
    """A program that prints what is in a file, and notes that it was asked."""
    (tmp_path / "token").write_text(text)
    program = tmp_path / "print-token"
    program.write_text(f"#!/bin/sh\necho asked >>{tmp_path}/asked\ncat {tmp_path}/token\n")
    program.chmod(0o700)
    return str(program), lambda: len((tmp_path / "asked").read_text().splitlines())


@pytest.mark.parametrize("mechanism", ["xoauth2", "oauthbearer"])
def test_a_program_gives_the_token_and_another_when_it_is_refused(tocsin, standins, authority,
                                                                  tmp_path, mechanism):
    """Asked once, kept over connections; a refused one is replaced within the same attempt."""
    users = {"alerts@example.com": canary("token1")}
    server = standins(SmtpServer, "starttls", authority.issue("127.0.0.1"), users,
                      auth=(mechanism.upper(),))
    program, asked = token_program(tmp_path, canary("token1") + "\n")
    channel = smtp_channel(server, username="alerts@example.com", auth=mechanism,
                           token_command=[program, "alerts@example.com"],
                           ca_file=str(authority.ca_file), max_per_connection=1)
    tocsin.configure(channels={"mail": channel}).start()
    tocsin.send(alert("one"), alert("two"))
    server.wait_mails(2)
    assert asked() == 1 and len(server.logins) == 2
    users["alerts@example.com"] = canary("token2")
    (tmp_path / "token").write_text(json.dumps({"access_token": canary("token2"),
                                                "expires_in": 3600}))
    tocsin.send(alert("three"))
    server.wait_mails(3)
    assert asked() == 2 and len(server.logins) == 3
    tocsin.wait_settled()
    assert all(each["attempts"] == 1 for each in tocsin.deliveries())


def test_a_wrong_token_is_asked_for_again_later_and_not_shown(tocsin, standins, authority,
                                                              tmp_path):
    """A fresh one that is refused is no reason to ask again at once."""
    server = standins(SmtpServer, "starttls", authority.issue("127.0.0.1"),
                      {"alerts@example.com": canary("token1")}, auth=("XOAUTH2",))
    program, asked = token_program(tmp_path, canary("wrong"))
    channel = smtp_channel(server, username="alerts@example.com", auth="xoauth2",
                           token_command=[program], ca_file=str(authority.ca_file))
    tocsin.configure(channels={"mail": channel}).start()
    tocsin.send(alert())
    wait_until(lambda: tocsin.deliveries()[0]["attempts"] >= 1)
    found = tocsin.delivery(tocsin.deliveries()[0]["id"])
    assert "refuses the login" in found["history"][0]["detail"], found["history"]
    (tmp_path / "token").write_text(canary("token1"))
    server.wait_mails(1, timeout=60)
    assert tocsin.wait_settled()["delivered"] == 1
    assert asked() == tocsin.deliveries()[0]["attempts"]


def test_scram_is_used_when_it_is_named(tocsin, standins, authority):
    """Also when a line for clients of old, which lacks it, follows the one that names it."""
    server = standins(SmtpServer, "starttls", authority.issue("127.0.0.1"), USERS,
                      auth=("SCRAM-SHA-256", "PLAIN"))
    server.old_mechanisms = ("LOGIN",)
    tocsin.configure(channels={"mail": login(server, authority, auth="scram-sha-256")}).start()
    tocsin.send(alert())
    server.wait_mails(1)
    assert server.logins == [("SCRAM-SHA-256", "alerts@example.com")]
    tocsin.wait_settled()


@pytest.mark.parametrize("host, peer", [("127.0.0.1", "127.0.0.1:1"), ("::1", "[::1]:1")])
def test_a_server_that_is_not_there_is_told_in_one_sentence(tocsin, smtp, host, peer):
    tocsin.configure(channels={"mail": smtp_channel(smtp, host=host, port=1)}).start()
    tocsin.send(alert())
    wait_until(lambda: tocsin.deliveries()[0]["reason"])
    said = tocsin.deliveries()[0]["reason"]
    assert said.startswith(f"cannot connect to {peer}: ") and len(said) < 80, said
    # without IPv6 there is no such address
    assert "Connection refused" in said or ":" in host


@pytest.mark.parametrize("case", ["other authority", "other host", "expired", "no starttls"])
def test_a_server_that_cannot_prove_itself_gets_nothing(tocsin, standins, authority, tmp_path,
                                                        case):
    """No downgrade: neither mail nor password; the delivery waits and says why."""
    certificate = {"other authority": lambda: Authority(tmp_path, "other").issue("127.0.0.1"),
                   "other host": lambda: authority.issue("mail.example.net"),
                   "expired": lambda: authority.issue("127.0.0.1", expired=True),
                   "no starttls": lambda: None}[case]()
    server = standins(SmtpServer, "none" if case == "no starttls" else "starttls", certificate,
                      USERS)
    channel = login(server, authority)
    channel["tls"] = "starttls"
    tocsin.configure(channels={"mail": channel}).start()
    tocsin.send(alert())
    wait_until(lambda: tocsin.deliveries()[0]["attempts"] >= 1)
    found = tocsin.delivery(tocsin.deliveries()[0]["id"])
    assert found["state"] in ("pending", "claimed") and not server.mails and not server.logins
    assert server.failed_logins == 0
    assert re.search("TLS|SSL|certificate|STARTTLS", found["history"][0]["detail"], re.I), found


def test_a_wrong_password_waits_and_is_not_shown(tocsin, standins, authority):
    server = standins(SmtpServer, "starttls", authority.issue("127.0.0.1"), USERS)
    channel = login(server, authority)
    channel["password"] = canary("wrong")
    tocsin.configure(channels={"mail": channel}).start()
    tocsin.send(alert())
    wait_until(lambda: tocsin.deliveries()[0]["attempts"] >= 1)
    assert tocsin.check_books()["dead"] == 0, "a wrong password is mended by people, not mails"


def test_one_connection_is_kept_for_many_mails(tocsin, standins, authority):
    server = standins(SmtpServer, "starttls", authority.issue("127.0.0.1"), USERS)
    channel = {**login(server, authority), "server_timeout": f"{10 * SLOW:.0f}s"}
    tocsin.configure(channels={"mail": channel}).start()
    tocsin.send(*(alert(f"number {n}") for n in range(40)))
    server.wait_mails(40)
    assert server.connections == 1 and len(server.logins) == 1
    tocsin.wait_settled()


def test_a_connection_is_not_used_after_max_idle_and_closed(tocsin, smtp):
    """The second mail comes between two looks of the daemon at what is idle."""
    tocsin.configure(channels={"mail": smtp_channel(smtp, max_idle="1500ms")}).start()
    tocsin.send(alert("one"))
    smtp.wait_mails(1)
    time.sleep(2)
    tocsin.send(alert("two"))
    smtp.wait_mails(2)
    assert smtp.connections == 2
    wait_until(lambda: tocsin.log().count("SMTP connection closed") == 2)


def test_workers_are_connections(tocsin, smtp):
    smtp.delay("mail", 0.05)
    tocsin.configure(channels={"mail": smtp_channel(smtp, workers=3)}).start()
    tocsin.send(*(alert(f"number {n}") for n in range(60)))
    smtp.wait_mails(60)
    assert 2 <= smtp.connections <= 3 and smtp.most_connections <= 3
    tocsin.wait_settled()


@pytest.mark.parametrize("point", ["connect", "greeting", "ehlo", "mail", "rcpt", "data", "body",
                                   "end"])
def test_a_dropped_connection_is_made_again(tocsin, smtp, point):
    """At every stage: tried again with the same key, delivered exactly once."""
    smtp.drop(point)
    tocsin.configure(channels={"mail": smtp_channel(smtp)}).start()
    tocsin.send(alert("one"), alert("two"))
    counters = tocsin.wait_settled()
    assert counters["delivered"] == 2
    assert sorted(smtp.by_key().values()) == [1, 1]


@pytest.mark.parametrize("point", ["greeting", "ehlo", "mail", "rcpt", "data", "end"])
def test_421_is_obeyed(tocsin, smtp, point):
    smtp.close_421(point)
    tocsin.configure(channels={"mail": smtp_channel(smtp)}).start()
    tocsin.send(alert())
    assert tocsin.wait_settled()["delivered"] == 1
    assert smtp.connections == 2 and len(smtp.mails) == 1


@pytest.mark.parametrize("point", ["greeting", "ehlo", "rcpt", "end"])
def test_a_silent_server_is_given_up_after_the_timeout(tocsin, smtp, point):
    smtp.silent(point)
    tocsin.configure(channels={"mail": smtp_channel(smtp, server_timeout="1s")}).start()
    tocsin.send(alert())
    smtp.wait_mails(1, timeout=15)
    tocsin.wait_settled()
    found = tocsin.delivery(tocsin.deliveries()[0]["id"])
    assert "time" in found["history"][0]["detail"].lower(), found["history"]


@pytest.mark.parametrize("point, code, dead", [
    ("mail", 451, False), ("mail", 550, True), ("rcpt", 450, False), ("rcpt", 452, False),
    ("rcpt", 552, True), ("rcpt", 550, True), ("data", 451, False), ("data", 554, True),
    ("end", 452, False), ("end", 554, True)])
def test_replies_mean_what_rfc_5321_says(tocsin, smtp, point, code, dead):
    """4yz: later; 5yz: never; at every stage, with the reply in the history."""
    smtp.defer(point, code, "5.7.1 so there" if code >= 500 else "4.2.0 later", times=1)
    tocsin.configure(channels={"mail": smtp_channel(smtp)}).start()
    tocsin.send(alert())
    counters = tocsin.wait_settled()
    assert (counters["dead"], counters["delivered"]) == ((1, 0) if dead else (0, 1)), \
        tocsin.deliveries()
    found = tocsin.delivery(tocsin.deliveries()[0]["id"])
    assert str(code) in found["history"][0]["detail"], found["history"]


@pytest.mark.parametrize("pieces", [0, 1, 7])
@pytest.mark.parametrize("extensions", [("PIPELINING",), ("8BITMIME",)])
def test_commands_wait_for_replies_unless_the_server_pipelines(tocsin, standins, extensions,
                                                               pieces):
    """RFC 2920: together when it is offered, and never otherwise, which the server would notice."""
    server = standins(SmtpServer, extensions=extensions)
    server.pieces = pieces
    tocsin.configure(channels={"mail": smtp_channel(server)}).start()
    tocsin.send(*(alert(f"number {n}") for n in range(3)))
    server.wait_mails(3)
    assert server.groups == (3 if "PIPELINING" in extensions else 0) and server.connections == 1
    tocsin.wait_settled()


@pytest.mark.parametrize("action, connections", [
    (("reply", "554 5.7.1 not this one"), 1), (("reply", "451 4.3.0 not now"), 1), (("lose",), 2),
    (("drop",), 2), (("close", "421 4.3.2 shutting down"), 2)])
def test_the_end_of_a_message_costs_those_behind_it_nothing(tocsin, smtp, action, connections):
    """RFC 2920 3.1: their commands went out with it. What the server took is not sent again."""
    to = [f"{n}@example.com" for n in range(6)]
    smtp.on("end", action, 1, lambda who: who == "3@example.com")
    tocsin.configure(channels={"mail": smtp_channel(smtp, to=to)}).start()
    tocsin.send(alert())
    counters = tocsin.wait_settled()
    times = {"554": 0, "lose": 2}.get(action[-1][:4].strip(), 1)
    assert (counters["delivered"], counters["dead"]) == ((5, 1) if times == 0 else (6, 0))
    arrived = [mail.recipients[0] for mail in smtp.mails]
    assert [arrived.count(each) for each in to] == [1, 1, 1, times, 1, 1]
    assert smtp.behind >= 3 and smtp.connections == connections


@pytest.mark.parametrize("always_354", [False, True])
@pytest.mark.parametrize("extensions", [("PIPELINING",), ("8BITMIME",)])
def test_a_refused_recipient_costs_the_others_nothing(tocsin, standins, extensions, always_354):
    """Also when the server awaits the message of the refused one: it gets none."""
    server = standins(SmtpServer, extensions=extensions)
    server.always_354 = always_354
    server.refuse("gone@example.com")
    to = ["one@example.com", "four@example.com", "gone@example.com", "two@example.com"]
    tocsin.configure(channels={"mail": smtp_channel(server, to=to)}).start()
    tocsin.send(alert())
    counters = tocsin.wait_settled()
    assert (counters["delivered"], counters["dead"]) == (3, 1)
    assert sorted(mail.recipients[0] for mail in server.mails) == sorted(set(to) - {to[2]})
    assert "refuses the recipient: 550 5.1.1" in tocsin.deliveries(state="dead")[0]["reason"]
    assert server.connections == 1


@pytest.mark.parametrize("extensions", [("PIPELINING",), ("8BITMIME",)])
def test_a_refused_reset_costs_the_next_mail_nothing(tocsin, standins, extensions):
    """It says nothing of that mail, which goes over a new connection."""
    server = standins(SmtpServer, extensions=extensions)
    server.refuse("gone@example.com")
    server.defer("rset", 502, "5.5.1 not implemented", times=1)
    tocsin.configure(channels={"mail": smtp_channel(server)}).start()
    tocsin.send(alert("one", recipients=["gone@example.com"]))
    tocsin.wait_counter("dead", 1)
    tocsin.send(alert("two"))
    counters = tocsin.wait_settled()
    assert (counters["delivered"], counters["dead"]) == (1, 1)
    assert len(server.mails) == 1 and server.connections == 2


def test_no_empty_mail_goes_out_when_only_the_sender_was_refused(tocsin, smtp):
    """A server that takes the recipient and 354 all the same would deliver it."""
    smtp.always_354 = True
    smtp.defer("mail", 550, "5.7.1 not you", times=1)
    tocsin.configure(channels={"mail": smtp_channel(smtp)}).start()
    tocsin.send(alert("one"))
    assert tocsin.wait_settled()["dead"] == 1
    tocsin.send(alert("two"))
    assert "two" in smtp.wait_mails(1)[0].message["subject"]
    tocsin.wait_settled()


@pytest.mark.parametrize("point, code", [("rcpt", 354), ("data", 250)])
def test_a_server_out_of_step_gets_a_new_connection(tocsin, smtp, point, code):
    """Its replies may be those to other commands."""
    smtp.defer(point, code, "2.0.0 fine", times=1)
    tocsin.configure(channels={"mail": smtp_channel(smtp)}).start()
    tocsin.send(alert())
    assert tocsin.wait_settled()["delivered"] == 1
    assert smtp.connections == 2 and len(smtp.mails) == 1


def test_a_server_that_greylists_is_asked_again_after_five_minutes(tocsin, smtp):
    """An early repeat would be turned away again; other recipients do not wait."""
    smtp.defer(recipient="grey@example.com", code=451, text="4.7.1 greylisted", times=1)
    tocsin.configure(channels={"mail": smtp_channel(smtp, to=["grey@example.com",
                                                              "ops@example.com"])}).start()
    tocsin.send(alert())
    assert smtp.wait_mails(1)[0].recipients == ["ops@example.com"]
    wait_until(lambda: tocsin.deliveries(state="pending")[0]["attempts"] == 1)
    waiting = tocsin.deliveries(state="pending")[0]
    due = datetime.datetime.fromisoformat(waiting["due_at"])
    left = (due - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
    assert 250 < left < 400, waiting


def test_a_server_that_comes_back_gets_everything(tocsin, smtp):
    smtp.stop()
    tocsin.configure(channels={"mail": smtp_channel(smtp)}).start()
    tocsin.send(*(alert(f"number {n}") for n in range(10)))
    wait_until(lambda: any(each["attempts"] for each in tocsin.deliveries()))
    smtp.start()
    smtp.wait_mails(10, timeout=30)
    assert tocsin.wait_settled()["delivered"] == 10


@pytest.mark.parametrize("slot", ["summary", "description", "site", "severity label", "name"])
def test_no_header_can_be_injected(tocsin, smtp, slot):
    """Every break of a line in every slot: the header's names stay what they are."""
    tocsin.configure(channels={"mail": smtp_channel(smtp)}).start()
    tocsin.send(alert("plain"))
    # The names of a first mail; later ones of the same alert refer to it.
    thread = ("in-reply-to", "references")
    wanted = [name.lower() for name in smtp.wait_mails(1)[0].message.keys()]
    attacks = ["x\r\nBcc: v@example.com", "x\nBcc: v@example.com", "x\rBcc: v@example.com",
               "x\u0085Bcc: v@example.com", "x\u2028Bcc: v@example.com", "\r\n\r\nbody",
               "=?utf-8?q?x=0d=0aBcc:_v@example.com?=", "x" * 3000 + "\r\nBcc: v@example.com"]
    for text in attacks:
        tocsin.send(alert(text if slot == "summary" else "s",
                          site=text if slot == "site" else "www.example.com",
                          labels={"severity_label": text} if slot == "severity label" else
                          {"alertname": text} if slot == "name" else {},
                          annotations={"description": text} if slot == "description" else {}))
    mails = smtp.wait_mails(1 + len(attacks))
    for mail in mails:
        names = [name.lower() for name in mail.message.keys()]
        assert [name for name in names if name not in thread] == wanted
        assert mail.recipients == ["ops@example.com"]
        assert "bcc" not in {part_name.lower() for part in mail.message.walk()
                             for part_name in part.keys()}
    tocsin.wait_settled()


@pytest.mark.parametrize("address", ["x@example.com\r\nRCPT TO:<v@example.com>", "no-at-sign",
                                     "a b@example.com", "<a@example.com>", "@example.com",
                                     "a@", "x" * 70 + "@example.com"])
def test_an_impossible_recipient_is_refused_or_dead_never_spoken(tocsin, smtp, address):
    """The address never reaches the server as it is; the other recipient gets the mail."""
    tocsin.configure(channels={"mail": smtp_channel(smtp)}).start()
    try:
        tocsin.send(alert(recipients=[address, "ok@example.com"]))
    except Exception as refused:
        assert "recipient" in str(refused) or "address" in str(refused)
        return
    counters = tocsin.wait_settled()
    taken = [who for mail in smtp.mails for who in mail.recipients]
    assert "ok@example.com" in taken and "v@example.com" not in taken
    assert counters["dead"] == 1 or taken.count("a@example.com") == 1


@pytest.mark.parametrize("threading, subject", [
    ("headers", "[RESOLVED] disk is full"), ("subject", "Re: [WARNING] disk is full")])
def test_the_mails_about_an_incident_are_one_conversation(tocsin, smtp, threading, subject):
    """Each recipient's repeats and end refer to their first mail, also after a restart; what fires
    again begins another one."""
    to = ["ops@example.com", "anna@example.com"]
    tocsin.configure(channels={"mail": smtp_channel(smtp, to=to, threading=threading)}).start()

    def hear(status):
        before = len(smtp.mails)
        tocsin.send(alert("disk is full", status=status))
        mails = smtp.wait_mails(before + 2)[before:]
        tocsin.wait_settled()
        return {mail.recipients[0]: mail.message for mail in mails}

    first, repeat = hear("firing"), hear("firing")
    tocsin.stop()
    tocsin.start()
    end, again = hear("resolved"), hear("firing")
    for who in to:
        assert first[who]["in-reply-to"] is None and again[who]["in-reply-to"] is None
        for later in (repeat[who], end[who]):
            assert later["in-reply-to"] == first[who]["message-id"] == later["references"]
        assert end[who]["subject"] == subject
    assert hear("event")["ops@example.com"]["in-reply-to"] is None


def test_large_and_odd_bodies_arrive_as_they_were(tocsin, smtp):
    """Dots at line starts, very long lines, From_, all of Unicode."""
    bodies = [".", ".\n.\n..\n", "\n".join("." * n for n in range(30)), "From here", "x" * 60_000,
              "漢字" * 5000, "tab\tand  spaces \n at ends ", "a\n\n\n\nb"]
    tocsin.configure(channels={"mail": smtp_channel(smtp)}).start()
    for body in bodies:
        tocsin.send(alert("odd", annotations={"description": body}))
    mails = smtp.wait_mails(len(bodies))
    texts = ["\n".join(line.strip() for line in mail.text().splitlines()) for mail in mails]
    for body in bodies:
        wanted = "\n".join(line.strip() for line in body.strip().splitlines())
        assert any(wanted in text for text in texts), body[:60]
    tocsin.wait_settled()
