# SPDX-License-Identifier: Apache-2.0
"""The webhook channel and services on it, against a server that answers what it is told."""

import base64
import hashlib
import hmac
import json

import pytest

from lib.canary import canary
from lib.http import HttpServer
from lib.sections import QUICK
from lib.tocsin import alert, wait_until


class Receiver(HttpServer):
    """A server that is told credentials: they are for it, and nobody looks there for leaks."""

    def received(self):
        for request in list(self.requests):
            yield request.body, "the body of a request"


@pytest.fixture
def web(standins):
    """An HTTP server that may be logged in to."""
    return standins(Receiver)


def webhook(server, path="/hook", **more):
    """A channel to the stand-in; unpaced unless the story says."""
    return {"type": "webhook", "url": server.url + path, "retry": dict(QUICK), "timeout": "5s",
            "private_addresses": "allow", **more}


def detail(tocsin):
    """The reason of the first attempt of the only delivery."""
    return tocsin.delivery(tocsin.deliveries()[0]["id"])["history"][0]["detail"]


def test_a_receiver_for_alertmanager_understands_it(tocsin, web):
    tocsin.configure(channels={"hook": webhook(web)}).start()
    tocsin.send(alert("disk is full", "critical", labels={"host": "db1"}, link="https://example.com/db1"))
    web.wait_requests(1)        # else both are under way at once
    tocsin.send(alert("disk is full", "critical", labels={"host": "db1"}, status="resolved"))
    firing, resolved = (r.json() for r in web.wait_requests(2))
    assert firing["version"] == "4" and firing["receiver"] == "hook"
    assert (firing["status"], resolved["status"]) == ("firing", "resolved")
    assert firing["groupKey"] == resolved["groupKey"]
    one = firing["alerts"][0]
    assert one["labels"]["host"] == "db1" and one["labels"]["severity"] == "critical"
    assert one["annotations"]["summary"] == "disk is full"
    assert one["endsAt"] == "0001-01-01T00:00:00Z" != resolved["alerts"][0]["endsAt"]
    assert one["generatorURL"] == "https://example.com/db1"
    tocsin.wait_settled()


def test_a_request_is_what_the_configuration_says(tocsin, web):
    tocsin.configure(channels={"hook": webhook(
        web, "/a/{{ .labels.host }}", method="PUT", auth={"bearer": canary("bearer")},
        headers={"X-Severity": "{{ .severity }}"}, idempotency_header="Idempotency-Key",
        body={"text": "{{ .title }}!", "labels": "{{ .labels }}", "gone": "{{ .nothing }}"},
        resolved={"method": "DELETE"})}).start()
    web.answer(500, "not now", times=1)
    tocsin.send(alert('a "quote"\n{{ .x }}', "critical", labels={"host": "d/b?1"}))
    first, second = web.wait_requests(2)
    assert (first.method, first.path) == ("PUT", "/a/d%2Fb%3F1")
    assert first.headers["authorization"] == f"Bearer {canary('bearer')}"
    assert first.headers["x-severity"] == "critical"
    assert first.json()["text"] == 'a "quote"\n{{ .x }}!'
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    tocsin.send(alert(severity="critical", labels={"host": "d/b?1"}, status="resolved"))
    assert web.wait_requests(3)[2].method == "DELETE" and web.requests[2].body == b""
    tocsin.wait_settled()


def test_a_receiver_can_verify_who_sent_it(tocsin, web):
    """Standard Webhooks, with the old secret beside the new one."""
    keys = [hashlib.sha256(canary(name).encode()).digest() for name in ("new", "old")]
    new, old = ("whsec_" + base64.b64encode(key).decode() for key in keys)
    tocsin.configure(channels={"hook": webhook(
        web, signature={"secret": new, "previous": old})}).start()
    tocsin.send(alert())
    request = web.wait_requests(1)[0]
    signed = ".".join((request.headers["webhook-id"], request.headers["webhook-timestamp"],
                       request.body.decode()))
    proofs = [base64.b64encode(hmac.new(key, signed.encode(), hashlib.sha256).digest()).decode()
              for key in keys]
    assert request.headers["webhook-signature"] == " ".join(f"v1,{proof}" for proof in proofs)
    tocsin.wait_settled()


def test_no_spelling_of_a_private_address_is_reached(tocsin, web):
    hosts = ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"]
    channels = {f"hook{n}": {**webhook(web), "url": f"http://{host}:{web.port}/"}
                for n, host in enumerate(hosts)}
    for channel in channels.values():
        del channel["private_addresses"]
    channels["control"] = webhook(web)
    tocsin.configure(channels=channels, default={"channels": sorted(channels)}).start()
    tocsin.send(alert())
    wait_until(lambda: all(d["attempts"] >= 1 for d in tocsin.deliveries()))
    for found in map(tocsin.delivery, [d["id"] for d in tocsin.deliveries()]):
        if found["channel"] != "control":
            assert "not an address of the open Internet" in found["history"][0]["detail"]
            assert found["state"] in ("pending", "claimed")
    assert len(web.requests) == web.connections == 1, "the control alone may get through"


def test_a_redirect_is_not_followed(tocsin, web, standins):
    elsewhere = standins(HttpServer)
    web.answer(302, "", {"Location": elsewhere.url + "/stolen"})
    tocsin.configure(channels={"hook": webhook(web, auth={"bearer": canary("bearer")})}).start()
    tocsin.send(alert())
    assert tocsin.wait_settled()["dead"] == 1
    assert "redirects are not followed" in detail(tocsin)
    assert not elsewhere.requests


def test_answers_mean_what_the_rules_say(tocsin, web):
    tocsin.configure(channels={"hook": webhook(
        web, auth={"bearer": canary("echo")}, success={"json": "ok", "is": True},
        reason=["error.text"], replies=[
            {"json": "error.code", "in": [7, 8], "outcome": "throttled",
             "retry_after": "error.wait", "why": "too much"},
            {"status": 409, "outcome": "delivered"}])}).start()
    web.answer(200, json.dumps({"ok": True}), times=1)
    web.answer(200, json.dumps({"error": {"code": 8, "wait": 0.7, "text": "slow down"}}), times=1)
    tocsin.send(alert("first"))
    early, late = web.wait_requests(2)
    assert late.at - early.at >= 0.7
    tocsin.wait_settled()
    assert detail(tocsin) == "status 200: too much: slow down"
    web.answer(409, "there already", times=1)
    tocsin.send(alert("second"))
    tocsin.wait_settled()
    web.answer(200, json.dumps({"ok": False, "error": {"text": f"no {canary('echo')}"}}))
    tocsin.send(alert("third"))
    assert tocsin.wait_settled()["dead"] == 1 and tocsin.counters()["delivered"] == 2


def test_hostile_answers_hurt_nobody(tocsin, web):
    answers = ["[" * 60_000, '{"ok":' * 9_000, "\0" * 500, "\xff\xfe{", '{"ok":1e999}',
               '{"ok":"' + "\\u0000" * 9_000 + '"}', "x" * 300_000, '{"n":' + "9" * 30_000 + "}"]
    tocsin.configure(channels={"hook": webhook(
        web, success={"json": "ok", "is": "yes"}, reason=["ok", "n"],
        replies=[{"json": "n", "is": 1, "outcome": "throttled", "retry_after": "n"}])}).start()
    for answer in answers:
        web.answer(200, answer.encode("latin-1"), times=1)
    for n in range(len(answers)):
        tocsin.send(alert(f"number {n}"))
    web.wait_requests(len(answers))
    web.answer(200, '{"ok":"yes"}')
    tocsin.send(alert("and on it goes"))
    tocsin.wait_settled()
    counters = tocsin.counters()
    assert counters["dead"] + counters["delivered"] == len(answers) + 1
    assert counters["delivered"] >= 1


def test_a_service_is_used_like_a_plugin(tocsin, web):
    """Telegram, whose requests come here."""
    telegram = {"type": "telegram", "token": canary("telegram"), "chat": "-100", "thread": 7,
                "url": web.url + "/sendMessage", "private_addresses": "allow",
                "rate": "unlimited", "retry": dict(QUICK)}
    tocsin.configure(channels={"ops": telegram}).start()
    web.answer(200, json.dumps({"ok": True, "result": {}}))
    web.answer(429, json.dumps({"ok": False, "error_code": 429,
                                "parameters": {"retry_after": 1}}), times=1)
    tocsin.send(alert("a <b> & c", "critical"))
    early, late = web.wait_requests(2)
    assert late.at - early.at >= 1
    message = late.json()
    assert message["chat_id"] == "-100" and message["message_thread_id"] == 7
    assert message["disable_notification"] is False and message["parse_mode"] == "HTML"
    assert "<b>CRITICAL: a &lt;b&gt; &amp; c</b>" in message["text"]
    tocsin.wait_settled()


SHOP = {"plugin": "webhook", "summary": "tells the shop", "recipients": True,
        "options": {"key": {"type": "secret", "required": True, "help": "Key.", "example": "x"}},
        "channel": {"url": "${option:url}", "auth": {"bearer": "${option:key}"},
                    "private_addresses": "allow", "form": {"to": "{{ .recipient }}"}}}


def test_a_service_can_stand_in_conf_d(tocsin, web):
    options = {**SHOP["options"], "url": {"type": "url", "required": True, "help": "Where.",
                                          "example": "https://example.com"}}
    tocsin.configure(services={"shop": {**SHOP, "options": options}}, channels={"till": {
        "type": "shop", "key": canary("shop"), "url": web.url + "/till", "to": ["a&b", "c"]}})
    tocsin.start()
    tocsin.send(alert())
    assert {r.body for r in web.wait_requests(2)} == {b"to=a%26b", b"to=c"}
    assert web.requests[0].headers["authorization"] == f"Bearer {canary('shop')}"
    tocsin.wait_settled()


def test_mistakes_in_a_service_have_their_place(tocsin):
    tocsin.configure(services={"shop": SHOP}, channels={"till": {
        "type": "shop", "key": canary("shop"), "to": ["a"]}})
    run = tocsin.run(tocsin.stage.tocsin, "check", "config", tocsin.conf)
    assert run.status == 1
    assert "service 'shop': there is no option 'url'; add it to options" in run.stdout, run
    assert ".yaml:" in run.stdout
