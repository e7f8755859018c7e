# SPDX-License-Identifier: Apache-2.0
"""What becomes of an accepted alert when the peers misbehave."""

import json
import statistics
import time

import pytest

from lib import rows
from lib.client import Refused
from lib.http import in_seconds
from lib.sections import file_channel, postgres_source, slack_channel, smtp_channel
from lib.slack import SlackServer, all_text
from lib.smtp import SmtpServer
from lib.tocsin import SLOW, alert, wait_until


def only(deliveries):
    """The one delivery there is."""
    assert len(deliveries) == 1, deliveries
    return deliveries[0]


def gaps(times):
    """Seconds between neighbours."""
    return [later - earlier for earlier, later in zip(times, times[1:])]


def test_a_failure_is_tried_again_with_growing_waits_until_it_is_delivered(tocsin, slack):
    """A reset, 500, 500, then ok: four attempts, each noted, one message, one delivery."""
    slack.answer(500, "rollup_error", times=2)
    slack.reset(times=1)
    tocsin.configure(channels={"chat": slack_channel(slack, retry={
        "first": "200ms", "max": "10s", "give_up_after": "1h"})}).start()
    tocsin.send(alert("disk full"))
    tocsin.wait_settled()
    waits = gaps([request.at for request in slack.requests])
    assert len(waits) == 3
    for n, wait in enumerate(waits):
        least = 0.2 * 2 ** n * 0.8
        assert least - 0.01 <= wait <= (0.2 * 2 ** n * 1.2 + 0.7) * SLOW, waits
    found = tocsin.delivery(only(tocsin.deliveries())["id"])
    assert found["state"] == "delivered" and found["attempts"] == 4
    assert [entry["outcome"] for entry in found["history"]] == ["retry"] * 3 + ["delivered"]
    assert [entry["number"] for entry in found["history"]] == [1, 2, 3, 4]
    assert "500" in found["history"][1]["detail"]
    assert len(slack.messages) == 1


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_never_undercut(tocsin, slack, form):
    tocsin.configure(channels={"chat": slack_channel(slack)}).start()
    date = int(time.time() + 1 + 2 * SLOW)
    slack.too_many(2 if form == "seconds" else in_seconds(date - time.time() + 0.1), times=1)
    tocsin.send(alert())
    tocsin.send(alert())
    slack.wait_messages(2)
    first, second = [request.at for request in slack.requests][:2]
    assert second >= (first + 1.95 if form == "seconds" else date - 0.05)
    tocsin.wait_settled()


def test_a_restart_does_not_forget_what_a_peer_asked_for(tocsin, slack):
    """Nor does a new alert find the way free after kill -9."""
    slack.too_many(4, times=1)
    tocsin.configure(channels={"chat": slack_channel(slack)}).start()
    tocsin.send(alert("one"))
    wait_until(lambda: only(tocsin.deliveries())["attempts"] == 1, what="the refusal stored")
    tocsin.kill()
    tocsin.start()
    tocsin.send(alert("two"))
    slack.wait_messages(2)
    told, *later = [request.at for request in slack.requests]
    assert len(later) == 2 and later[0] - told >= 3.95
    tocsin.wait_settled()


@pytest.mark.parametrize("between", [None, {"enabled": False}], ids=["changed", "disabled"])
def test_a_reload_does_not_forget_what_a_peer_asked_for(tocsin, slack, between):
    """Neither of a channel that changed, nor of one that is back."""
    slack.too_many(4, times=1)
    tocsin.configure(channels={"chat": slack_channel(slack)}).start()
    tocsin.send(alert("one"))
    wait_until(lambda: only(tocsin.deliveries())["attempts"] == 1, what="the refusal stored")
    if between:
        tocsin.configure(channels={"chat": slack_channel(slack, **between)})
        tocsin.post("/api/v1/reload")
    tocsin.configure(channels={"chat": slack_channel(slack, username="changed")})
    tocsin.post("/api/v1/reload")
    tocsin.wait_log("chat: its peer asked for a pause earlier; it goes on in")
    tocsin.send(alert("two"))
    slack.wait_messages(2)
    told, *later = [request.at for request in slack.requests]
    assert len(later) == 2 and later[0] - told >= 3.95
    tocsin.wait_settled()


def test_a_peer_that_hangs_or_trickles_is_given_up_after_the_timeout(tocsin, slack):
    slack.trickle(1.0, times=1)
    slack.hang(times=1)
    limit = f"{1000 * SLOW:.0f}ms"
    tocsin.configure(channels={"chat": slack_channel(slack, timeout=limit)}).start()
    tocsin.send(alert())
    slack.wait_messages(1, timeout=20)
    tocsin.wait_settled()
    found = tocsin.delivery(only(tocsin.deliveries())["id"])
    assert found["attempts"] == 3
    for entry in found["history"][:2]:
        assert entry["outcome"] == "retry" and "time" in entry["detail"].lower(), entry


def test_a_refusal_is_dead_at_once_and_can_be_replayed_or_dropped(tocsin, slack):
    """404 no_service: no second attempt; the dead letter says why; replay sends, drop ends it."""
    slack.answer(404, "no_service")
    tocsin.configure(channels={"chat": slack_channel(slack)}).start()
    for n in range(3):
        tocsin.send(alert(f"number {n}"))
    tocsin.wait_counter("dead", 3)
    assert len(slack.requests) == 3
    dead = tocsin.deliveries(state="dead")
    assert all("404" in each["reason"] and "no_service" in each["reason"] for each in dead)
    assert slack.webhook not in json.dumps(dead)
    listed = tocsin.cli("dead", "list", "--json")
    assert listed.status == 0 and len(listed.json) == 3
    slack.clear()
    first, second, third = sorted(each["id"] for each in dead)
    assert tocsin.cli("dead", "show", str(first)).status == 0
    assert tocsin.cli("dead", "replay", str(first)).status == 0
    slack.wait_messages(1)
    tocsin.wait_counter("delivered", 1)
    assert tocsin.post("/api/v1/dead/drop", {"id": second}) == {"dropped": 1}
    assert tocsin.delivery(second)["state"] == "suppressed"
    assert tocsin.post("/api/v1/dead/replay", {"channel": "chat"}) == {"replayed": 1}
    counters = tocsin.wait_settled()
    assert (counters["delivered"], counters["suppressed"], counters["dead"]) == (2, 1, 0)
    assert tocsin.cli("dead", "replay", str(second)).status == 1


@pytest.mark.needs("postgres")
def test_a_source_hears_at_once_that_the_last_dead_delivery_was_dropped(tocsin, alerts_database,
                                                                        slack):
    slack.answer(404, "no_service")
    rows.add_recipients(alerts_database)
    rows.add_rows(alerts_database, 1)
    tocsin.configure(channels={"chat": slack_channel(slack)},
                     sources={"table": postgres_source(alerts_database, poll="1h")}).start()
    tocsin.wait_counter("dead", 1)
    assert tocsin.cli("dead", "drop", "--all").status == 0
    wait_until(lambda: rows.pending(alerts_database) == 0, 15, "the row is marked")


def test_a_replayed_delivery_keeps_its_key(tocsin, smtp):
    smtp.refuse("ops@example.com", times=1)
    tocsin.configure(channels={"mail": smtp_channel(smtp)}).start()
    tocsin.send(alert())
    tocsin.wait_counter("dead", 1)
    key = only(tocsin.deliveries())["key"]
    assert tocsin.post("/api/v1/dead/replay", {"all": True}) == {"replayed": 1}
    assert smtp.wait_mails(1)[0].key == key
    tocsin.wait_settled()


def test_a_replayed_delivery_has_its_time_and_its_attempts_anew(tocsin, slack):
    """It was given up for its age, and fails once more before it gets through."""
    slack.answer(500, "rollup_error")
    tocsin.configure(channels={"chat": slack_channel(slack, retry={
        "first": "200ms", "max": "200ms", "give_up_after": "500ms"})}).start()
    tocsin.send(alert())
    tocsin.wait_counter("dead", 1)
    time.sleep(1)
    before = len(slack.requests)
    slack.clear()
    slack.answer(500, "rollup_error", times=1)
    assert tocsin.post("/api/v1/dead/replay", {"all": True}) == {"replayed": 1}
    assert tocsin.wait_settled()["delivered"] == 1
    delivered = only(tocsin.deliveries())
    assert delivered["attempts"] == 2
    assert len(tocsin.delivery(delivered["id"])["history"]) == before + 2


def test_what_cannot_be_delivered_for_too_long_is_dead_with_the_reason(tocsin, slack):
    slack.answer(503, "later")
    tocsin.configure(channels={"chat": slack_channel(slack, retry={
        "first": "100ms", "max": "200ms", "give_up_after": f"{1000 * SLOW:.0f}ms"})}).start()
    tocsin.send(alert())
    tocsin.wait_counter("dead", 1, timeout=20)
    found = tocsin.delivery(only(tocsin.deliveries())["id"])
    assert "503" in found["reason"] and found["attempts"] >= 3


def test_the_breaker_stops_asking_a_dead_peer_and_notices_when_it_is_back(tocsin, slack):
    """Many alerts for a peer that is down: few connections; when it is back all arrive."""
    slack.answer(503, "down")
    tocsin.configure(channels={"chat": slack_channel(slack)}).start()
    for n in range(60):
        tocsin.send(alert(f"number {n}"))
    wait_until(lambda: tocsin.channel("chat")["breaker"] == "open", what="an open breaker")
    time.sleep(1)
    asked = len(slack.requests)
    assert asked <= 20, "the breaker lets too much through"
    burned = [each["attempts"] for each in tocsin.deliveries()]
    assert sum(burned) == asked, "attempts were counted that were not made"
    slack.clear()
    slack.wait_messages(60, timeout=30)
    assert tocsin.wait_settled()["delivered"] == 60
    assert tocsin.channel("chat")["breaker"] == "closed"


def test_the_rate_is_kept(tocsin, slack):
    """10 a second, three at once: 25 alerts need more than two seconds, in no second more."""
    tocsin.configure(channels={"chat": slack_channel(slack, rate="10/s", burst=3)}).start()
    for n in range(25):
        tocsin.send(alert(f"number {n}"))
    slack.wait_messages(25, timeout=20)
    times = sorted(request.at for request in slack.requests)
    assert times[-1] - times[0] >= 2.1
    for i, start in enumerate(times):
        assert sum(1 for at in times[i:] if at < start + 1) <= 14, times
    tocsin.wait_settled()


def test_slack_is_not_sent_more_than_it_takes_without_being_told(tocsin, standins):
    """The preset rate of the slack plugin is Slack's own: never a 429 (but for the first burst)."""
    slack = standins(SlackServer, paced=True, burst=1)
    channel = slack_channel(slack)
    del channel["rate"]
    tocsin.configure(channels={"chat": channel}).start()
    for n in range(4):
        tocsin.send(alert(f"number {n}"))
    slack.wait_messages(4, timeout=20)
    assert tocsin.wait_settled()["delivered"] == 4
    assert [r.status for r in slack.requests].count(429) <= 1


@pytest.mark.parametrize("fault", ["down", "hang", "500", "silent mail"])
def test_a_dead_channel_slows_no_other(tocsin, standins, tmp_path, fault):
    """Four ways to be dead; the file gets all, at once, in the order they came."""
    log = tmp_path / "alerts.json"
    slack, mail = standins(SlackServer), standins(SmtpServer)
    sick = slack_channel(slack, timeout="30s")
    if fault == "down":
        slack.stop()
    elif fault == "hang":
        slack.hang()
    elif fault == "500":
        slack.answer(500)
    else:
        mail.silent("greeting", times=None)
        sick = smtp_channel(mail, server_timeout="30s")
    tocsin.configure(channels={"sick": sick, "log": file_channel(log)},
                     routes=[{"name": "all", "channels": ["sick", "log"]}],
                     default={"channels": ["log"]}).start()
    times = []
    for n in range(100):
        before = time.monotonic()
        tocsin.send(alert(f"number {n}"))
        wait_until(lambda n=n: log.exists() and log.read_text().count("\n") > n, 5, f"line {n}")
        times.append(time.monotonic() - before)
    assert statistics.median(times) < 0.25 * SLOW, statistics.median(times)
    tocsin.wait_counter("delivered", 100)
    assert tocsin.check_books()["pending"] == 100
    slack.clear()
    mail.clear()


def test_each_recipient_has_its_own_outcome(tocsin, smtp):
    """One refused for good, one deferred, two fine: one dead, one late, none twice."""
    smtp.refuse("gone@example.com")
    smtp.defer(recipient="grey@example.com", times=2)
    people = ["a@example.com", "gone@example.com", "grey@example.com", "b@example.com"]
    tocsin.configure(channels={"mail": smtp_channel(smtp, to=people)}).start()
    tocsin.send(alert())
    counters = tocsin.wait_settled()
    assert (counters["accepted"], counters["delivered"], counters["dead"]) == (4, 3, 1)
    by_recipient = {each["recipient"]: each for each in tocsin.deliveries()}
    assert by_recipient["gone@example.com"]["state"] == "dead"
    assert "550" in by_recipient["gone@example.com"]["reason"]
    assert by_recipient["grey@example.com"]["attempts"] == 3
    assert sorted(who for mail in smtp.mails for who in mail.recipients) == \
        ["a@example.com", "b@example.com", "grey@example.com"]
    assert {mail.key for mail in smtp.mails} == \
        {each["key"] for each in by_recipient.values() if each["state"] == "delivered"}


def test_recipients_of_the_alert_come_before_those_of_the_channel(tocsin, smtp):
    tocsin.configure(channels={"mail": smtp_channel(smtp)}).start()
    tocsin.send(alert(recipients=["x@example.com", "y@example.com"]))
    tocsin.wait_settled()
    assert sorted(who for mail in smtp.mails for who in mail.recipients) == \
        ["x@example.com", "y@example.com"]


def test_an_alert_goes_where_its_route_says(tocsin, tmp_path):
    """By severity and label, nested, continued; what matches nothing goes to the default."""
    names = ("low", "high", "shop", "db", "rest")
    paths = {name: tmp_path / f"{name}.json" for name in names}
    tocsin.configure(
        channels={name: file_channel(path) for name, path in paths.items()},
        routes=[
            {"name": "shop", "match": [r'site=~"(shop|pay)\.example\.com"'],
             "channels": ["shop"], "continue": True},
            {"name": "serious", "severity": "error+", "channels": ["high"],
             "routes": [{"name": "database", "match": ['team="db"'], "channels": ["db"]}]},
            {"name": "minor", "severity": ["info", "notice"], "channels": ["low"]}],
        default={"channels": ["rest"]}).start()
    tocsin.send(alert("1", "critical"), alert("2", "info"), alert("3", "warning"),
                alert("4", "high", labels={"team": "db"}),
                alert("5", "page", site="shop.example.com"),
                alert("6", "low", site="myshop.example.com"))
    tocsin.wait_settled()

    def got(name):
        text = paths[name].read_text() if paths[name].exists() else ""
        return sorted(n for n in "123456" if any(
            json.loads(line)["message"] == n for line in text.splitlines()))

    assert {name: got(name) for name in names} == {
        "low": ["2", "6"], "high": ["1", "5"], "shop": ["5"], "db": ["4"], "rest": ["3"]}


def test_an_alert_for_nobody_is_suppressed_with_the_reason(tocsin, tmp_path):
    """A route without channels silences on purpose, and the history says so."""
    tocsin.configure(channels={"log": file_channel(tmp_path / "log.json")},
                     routes=[{"name": "quiet", "severity": "debug", "channels": []}]).start()
    tocsin.send(alert("x", "debug"))
    counters = tocsin.wait_settled()
    assert (counters["accepted"], counters["suppressed"]) == (1, 1)
    found = only(tocsin.deliveries())
    assert found["state"] == "suppressed" and "quiet" in found["reason"] + found["route"]


def test_a_disabled_channel_suppresses_with_the_reason(tocsin, tmp_path):
    tocsin.configure(channels={"log": file_channel(tmp_path / "log.json"),
                               "off": file_channel(tmp_path / "off.json", enabled=False)},
                     routes=[{"name": "both", "channels": ["log", "off"]}],
                     default={"channels": ["log"]}).start()
    tocsin.send(alert())
    counters = tocsin.wait_settled()
    assert (counters["delivered"], counters["suppressed"]) == (1, 1)
    assert "disabled" in only(tocsin.deliveries(channel="off"))["reason"]
    assert not (tmp_path / "off.json").exists()


def test_send_resolved_false_suppresses_the_resolve_only(tocsin, tmp_path):
    loud, quiet = tmp_path / "loud.json", tmp_path / "quiet.json"
    tocsin.configure(channels={"loud": file_channel(loud),
                               "quiet": file_channel(quiet, send_resolved=False)},
                     routes=[{"name": "both", "channels": ["loud", "quiet"]}],
                     default={"channels": ["loud"]}).start()
    tocsin.send(alert("down"))
    tocsin.send(alert("down", status="resolved"))
    counters = tocsin.wait_settled()
    assert (counters["delivered"], counters["suppressed"]) == (3, 1)
    assert loud.read_text().count("\n") == 2 and quiet.read_text().count("\n") == 1
    found = only(tocsin.deliveries(state="suppressed"))
    assert found["channel"] == "quiet" and "resolved" in found["reason"]


def test_pending_deliveries_survive_a_restart(tocsin, slack):
    slack.stop()
    tocsin.configure(channels={"chat": slack_channel(slack)}).start()
    ids = [tocsin.send(alert(f"number {n}"))[0] for n in range(20)]
    tocsin.stop()
    assert tocsin.check_books()["pending"] == 20
    slack.start()
    tocsin.start()
    slack.wait_messages(20, timeout=30)
    assert tocsin.wait_settled()["delivered"] == 20
    assert {each["alert"] for each in tocsin.deliveries()} == set(ids)


def test_a_stop_is_orderly_while_a_peer_hangs(tocsin, slack):
    """SIGTERM with a delivery under way ends within its time-out, nothing lost."""
    slack.hang()
    tocsin.configure(channels={"chat": slack_channel(slack, timeout="3s")}).start()
    tocsin.send(alert())
    slack.wait_requests(1)
    before = time.monotonic()
    tocsin.stop()
    assert time.monotonic() - before < 6 * SLOW
    assert tocsin.check_books()["pending"] == 1


# the API

@pytest.mark.parametrize("value, sentence", [
    ({}, "label"),
    ({"labels": {}}, "label"),
    ({"labels": {"a": "b"}, "severity": "loud"}, "loud"),
    ({"labels": {"a": 1}}, "a"),
    ({"labels": {"a": "b"}, "status": "broken"}, "broken"),
    ({"labels": {"a": "b"}, "starts_at": "yesterday"}, "yesterday"),
    ({"labels": {"a": "b"}, "surprise": 1}, "surprise"),
    ({"labels": {"a": "x" * 5000}}, "4096"),
    ({"labels": {f"n{i}": "x" for i in range(70)}}, "64"),
    ({"labels": {"a": "b\0c"}}, "u0000"),
    ("text", ""),
    (7, ""),
])
def test_an_invalid_alert_is_refused_with_a_sentence(tocsin, tmp_path, value, sentence):
    tocsin.configure(channels={"log": file_channel(tmp_path / "log.json")}).start()
    with pytest.raises(Refused) as refused:
        tocsin.post("/api/v1/alerts", value)
    assert refused.value.status == 400
    assert sentence in json.dumps(refused.value.reply), refused.value.reply


def test_one_invalid_alert_of_many_takes_none(tocsin, tmp_path):
    tocsin.configure(channels={"log": file_channel(tmp_path / "log.json")}).start()
    with pytest.raises(Refused) as refused:
        tocsin.post("/api/v1/alerts", [alert("good"), {"labels": {}}, alert("good")])
    assert [error["index"] for error in refused.value.reply["errors"]] == [1]
    assert tocsin.check_books()["accepted"] == 0


def test_the_api_refuses_what_is_no_request_for_it(tocsin, tmp_path):
    tocsin.configure(channels={"log": file_channel(tmp_path / "log.json")}).start()
    client = tocsin.client()
    body = json.dumps(alert()).encode()
    json_type = {"Content-Type": "application/json"}

    def status(*arguments):
        code, _, data = client.raw(*arguments)
        assert "error" in json.loads(data), data
        return code

    assert status("POST", "/api/v1/alerts", body, {"Content-Type": "text/plain"}) == 415
    assert status("POST", "/api/v1/alerts", b"{" * 100, json_type) == 400
    assert status("POST", "/api/v1/alerts", b"[" * 10_000 + b"]" * 10_000, json_type) == 400
    assert status("POST", "/api/v1/alerts", b'{"labels":{"a":"b","a":"c"}}', json_type) == 400
    assert status("POST", "/api/v1/alerts", b" " * (5 << 20), json_type) == 413
    for length in ("5000000", str(1 << 63)):    # who asks first is told before anything is sent
        asks = {**json_type, "Content-Length": length, "Expect": "100-continue"}
        assert status("POST", "/api/v1/alerts", None, asks) == 413
        client.close()
    assert status("GET", "/api/v1/nothing") == 404
    assert status("DELETE", "/api/v1/alerts") == 405
    assert status("GET", "/api/v1/deliveries?stat=dead") == 400
    assert status("GET", "/api/v1/deliveries/999999") == 404
    assert tocsin.check_books()["accepted"] == 0
    tocsin.send(alert())
    tocsin.wait_settled()


def test_alerts_in_the_form_of_alertmanager_are_taken(tocsin, tmp_path):
    log = tmp_path / "log.json"
    tocsin.configure(channels={"log": file_channel(log)}).start()
    tocsin.send({"labels": {"alertname": "HighLoad", "severity": "critical", "instance": "a:9100"},
                 "annotations": {"summary": "load is high"}, "startsAt": "2025-11-18T14:30:45Z",
                 "endsAt": "2025-11-18T15:00:00Z", "generatorURL": "https://example.com/graph"})
    tocsin.wait_settled()
    found = tocsin.get("/api/v1/alerts")["alerts"][0]
    assert found["status"] == "resolved" and found["severity"] == "critical"
    assert found["starts_at"].startswith("2025-11-18T14:30:45")
    assert found["link"] == "https://example.com/graph"


def test_lists_are_paged(tocsin, tmp_path):
    tocsin.configure(channels={"log": file_channel(tmp_path / "log.json")}).start()
    tocsin.send(*(alert(f"number {n}") for n in range(25)))
    tocsin.wait_settled()
    seen, before = [], ""
    for _ in range(5):
        page = tocsin.get(f"/api/v1/alerts?limit=10{before}")
        seen += [found["number"] for found in page["alerts"]]
        if not page["next"]:
            break
        before = f"&before={page['next']}"
    assert len(seen) == len(set(seen)) == 25 and seen == sorted(seen, reverse=True)


def test_both_outcomes_of_a_message_whose_answer_was_lost_have_one_key(tocsin, smtp):
    """The server took the mail, the reply was lost: it comes again, with the same Message-ID."""
    smtp.lose_reply()
    tocsin.configure(channels={"mail": smtp_channel(smtp)}).start()
    tocsin.send(alert())
    first, second = smtp.wait_mails(2)
    assert first.message_id == second.message_id and not first.answered
    tocsin.wait_settled()


def test_text_of_alerts_is_data_everywhere(tocsin, slack, smtp, tmp_path):
    """Control sequences of every peer, in every slot: each peer gets them as plain text."""
    log = tmp_path / "alerts.log"
    tocsin.configure(channels={"chat": slack_channel(slack), "mail": smtp_channel(smtp),
                               "log": file_channel(log, "text"),
                               "screen": {"type": "console"}},
                     routes=[{"name": "all", "channels": ["chat", "mail", "log", "screen"]}],
                     default={"channels": ["log"]}).start()
    hostile = ["<!channel> <@U1> <https://evil.example.com|click>", "a & b < c > d",
               "x\r\nBcc: victim@example.com\r\n\r\nbody", "\r\n.\r\nMAIL FROM:<x@example.com>",
               "\x1b]8;;https://evil.example.com\x07click\x1b[31m", "\u202egnp.exe", "{{ .env }}",
               "${env:HOME}", "%s%n%x", "=" * 60, "x" * 20_000, "Füße 🚨 漢字", "\t"]
    for text in hostile:
        tocsin.send(alert(text, "critical", site=text[:1000] or "x", labels={"extra": text[:1000]},
                          annotations={"description": text, "message": text}))
    counters = tocsin.wait_settled()
    assert counters["delivered"] == 4 * len(hostile), counters
    assert b"\x1b" not in log.read_bytes() and "\x1b]8" not in tocsin.log()
    for mail in smtp.mails:
        assert mail.recipients == ["ops@example.com"] and "bcc" not in mail.message
    assert any("&lt;!channel&gt;" in all_text(message) for message in slack.messages)
