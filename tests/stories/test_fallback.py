# SPDX-License-Identifier: Apache-2.0
"""A channel that cannot deliver has another to stand in: for each alert that dies, and for all that
wait when it is away for too long.
"""

import os
import random

import pytest

from lib import books, rows
from lib.killing import Sender, Toll, kill_at_random, numbers_in_file
from lib.sections import file_channel, postgres_source, slack_channel, smtp_channel
from lib.tocsin import alert, wait_until

pytestmark = pytest.mark.needs("sqlite", "file", "slack", "smtp")


def by_channel(tocsin):
    """The deliveries of each channel, oldest first."""
    found = {}
    for each in sorted(tocsin.deliveries(), key=lambda delivery: delivery["id"]):
        found.setdefault(each["channel"], []).append(each)
    return found


def summaries(path):
    """What arrived in a file, as numbers of "alert N"."""
    return sorted(numbers_in_file(path)[0]) if path.exists() else []


def test_an_alert_whose_delivery_dies_goes_to_the_fallback(tocsin, slack, tmp_path):
    """The dead one stays visible and can be replayed; one that dies again does not go there again."""
    slack.answer(404, "no_service")
    log = tmp_path / "log.json"
    tocsin.configure(channels={"chat": slack_channel(slack, fallback="log"),
                               "log": file_channel(log)}).start()
    tocsin.send(alert("alert 1"))
    tocsin.wait_settled()
    found = by_channel(tocsin)
    (dead,), (fallen,) = found["chat"], found["log"]
    assert dead["state"] == "dead" and "404" in dead["reason"]
    assert fallen["state"] == "delivered" and fallen["alert"] == dead["alert"]
    assert fallen["route"] == dead["route"] and fallen["key"] != dead["key"]
    assert summaries(log) == [1]
    tocsin.post("/api/v1/dead/replay", {"all": True})
    tocsin.wait_settled()
    found = by_channel(tocsin)
    assert found["chat"][0]["state"] == "dead" and found["chat"][0]["attempts"] == 1
    assert len(found["log"]) == 1 and len(numbers_in_file(log)[0][1]) == 1


def test_a_fallback_that_the_alert_has_anyway_is_not_told_twice(tocsin, slack, tmp_path):
    slack.answer(404, "no_service")
    log = tmp_path / "log.json"
    tocsin.configure(channels={"chat": slack_channel(slack, fallback="log"),
                               "log": file_channel(log)},
                     default={"channels": ["chat", "log"]}).start()
    tocsin.send(alert("alert 1"))
    tocsin.wait_settled()
    assert len(numbers_in_file(log)[0][1]) == 1 and len(by_channel(tocsin)["log"]) == 1


def test_fallbacks_are_a_chain_and_the_last_death_is_final(tocsin, slack, smtp, tmp_path):
    slack.answer(404, "no_service")
    smtp.refuse("first@example.com")
    channels = {"chat": slack_channel(slack, fallback="mail"),
                "mail": smtp_channel(smtp, to=["first@example.com"], fallback="log"),
                "log": file_channel(tmp_path / "log.json")}
    tocsin.configure(channels=channels).start()
    tocsin.send(alert("alert 1"))
    tocsin.wait_settled()
    assert {name: [each["state"] for each in found] for name, found in by_channel(tocsin).items()} \
        == {"chat": ["dead"], "mail": ["dead"], "log": ["delivered"]}
    del channels["mail"]["fallback"]
    tocsin.configure(channels=channels)
    tocsin.hup()
    tocsin.wait_log("reloaded|configuration")
    tocsin.send(alert("alert 2"))
    tocsin.wait_counter("dead", 4)
    assert tocsin.wait_settled()["dead"] == 4


def test_who_is_meant_on_the_fallback(tocsin, slack, smtp, tmp_path):
    """Its own `to`; else the one whom the delivery did not reach; else those that the alert names."""
    smtp.refuse("one@example.com")
    smtp.refuse("two@example.com")
    slack.answer(404, "no_service")
    channels = {"mail": smtp_channel(smtp, to=["one@example.com"], fallback="second"),
                "second": smtp_channel(smtp, to=["duty@example.com"]),
                "relay": smtp_channel(smtp, to=["two@example.com"], fallback="third"),
                "third": smtp_channel(smtp, to=[]),
                "chat": slack_channel(slack, fallback="third")}
    del channels["third"]["to"]
    routes = [{"name": name, "match": [f'site="{name}"'], "channels": [name]}
              for name in ("mail", "relay", "chat")]
    tocsin.configure(channels=channels, routes=routes).start()
    tocsin.send(alert("a", site="mail", recipients=["one@example.com", "good@example.com"]),
                alert("b", site="relay", recipients=["two@example.com", "fine@example.com"]),
                alert("c", site="chat", recipients=["nice@example.com"]), alert("d", site="chat"))
    tocsin.wait_settled()
    told = {(each["channel"], each["recipient"], each["state"]) for each in tocsin.deliveries()}
    assert told == {
        ("mail", "one@example.com", "dead"), ("mail", "good@example.com", "delivered"),
        ("second", "duty@example.com", "delivered"), ("relay", "two@example.com", "dead"),
        ("relay", "fine@example.com", "delivered"), ("third", "two@example.com", "dead"),
        ("chat", "", "dead"), ("third", "nice@example.com", "delivered"), ("third", "", "dead")}


def test_an_alert_without_a_recipient_goes_to_the_fallback_at_once(tocsin, smtp, tmp_path):
    mail = smtp_channel(smtp, fallback="log")
    del mail["to"]
    tocsin.configure(channels={"mail": mail, "log": file_channel(tmp_path / "log.json")}).start()
    tocsin.send(alert("alert 1"))
    tocsin.wait_settled()
    assert summaries(tmp_path / "log.json") == [1]


def away(slack, log, **more):
    """The channels of the stories about a peer that is away."""
    return {"chat": slack_channel(slack, fallback="log", retry={
        "first": "50ms", "max": "30s", "give_up_after": "1h"}, **more), "log": file_channel(log)}


def test_what_waits_for_a_channel_that_is_away_goes_to_the_fallback(tocsin, slack, tmp_path):
    """Also what would be tried again much later; a probe finds out when it is back."""
    log = tmp_path / "log.json"
    slack.answer(503, "later")
    tocsin.configure(channels=away(slack, log, fallback_after="2s", concurrency=4)).start()
    tocsin.send(*[alert(f"alert {n}") for n in range(200)])
    tocsin.wait_log("not available; deliveries wait")
    assert summaries(log) == []
    tocsin.wait_log(r"not available for 2s: what it should deliver goes to 'log'")
    tocsin.wait_settled()
    assert summaries(log) == list(range(200))
    states = {(each["channel"], each["state"]) for each in tocsin.deliveries()}
    assert states == {("chat", "suppressed"), ("log", "delivered")}
    reasons = {each["reason"] for each in tocsin.deliveries(channel="chat")}
    assert reasons == {"handed to 'log': 'chat' is not available"}
    untried = next(each for each in tocsin.deliveries(channel="chat") if each["attempts"] == 0)
    assert tocsin.delivery(untried["id"])["history"] == []
    slack.clear()

    def one_more():
        tocsin.send(alert("alert 300"))
        return slack.messages

    wait_until(one_more, 30, "the channel is back")
    tocsin.wait_log("available again")
    tocsin.wait_settled()


def test_no_fallback_before_its_time(tocsin, slack, tmp_path):
    log = tmp_path / "log.json"
    slack.answer(503, "later")
    tocsin.configure(channels=away(slack, log, fallback_after="1h")).start()
    tocsin.send(*[alert(f"alert {n}") for n in range(20)])
    tocsin.wait_log("not available; deliveries wait")
    slack.clear()
    tocsin.wait_settled()
    assert not summaries(log) and len(slack.messages) == 20


def test_a_run_for_cron_hands_over_too(tocsin, slack, tmp_path):
    log = tmp_path / "log.json"
    slack.answer(503, "later")
    tocsin.configure(channels=away(slack, log, fallback_after="1h")).start()
    tocsin.send(*[alert(f"alert {n}") for n in range(20)])
    tocsin.wait_log("not available; deliveries wait")
    tocsin.stop()
    tocsin.configure(channels=away(slack, log, fallback_after="0s"))
    run = tocsin.once()
    assert summaries(log) == list(range(20)), run


@pytest.mark.needs("postgres")
def test_a_fallback_that_died_is_tried_again_by_the_next_run_for_cron(
        tocsin, alerts_database, smtp, slack):
    """Its row is still pending, so it is emitted again."""
    rows.add_recipients(alerts_database, rows.SITE, "a@example.com")
    rows.add_rows(alerts_database, 1)
    smtp.refuse("a@example.com")
    slack.answer(404, "no_service")
    tocsin.configure(channels={"mail": smtp_channel(smtp, fallback="chat"),
                               "chat": slack_channel(slack)},
                     sources={"table": postgres_source(alerts_database)},
                     default={"channels": ["mail"]})
    tocsin.once()
    assert tocsin.counters()["dead"] == 2
    slack.clear()
    tocsin.once()
    assert len(slack.messages) == 1
    counters = tocsin.counters()
    assert (counters["dead"], counters["delivered"], counters["suppressed"]) == (1, 1, 0)


@pytest.mark.needs("postgres")
def test_what_waits_for_the_fallback_when_the_daemon_is_killed_goes_on(tocsin, alerts_database, smtp,
                                                                       slack):
    """No route leads to the fallback: the row that is read again does not name it."""
    rows.add_recipients(alerts_database, rows.SITE, "a@example.com")
    rows.add_rows(alerts_database, 1)
    smtp.refuse("a@example.com")
    slack.answer(503, "down")
    tocsin.configure(channels={"mail": smtp_channel(smtp, fallback="chat"),
                               "chat": slack_channel(slack)},
                     sources={"table": postgres_source(alerts_database, poll="1h")},
                     default={"channels": ["mail"]}).start()
    wait_until(lambda: slack.requests, what="the fallback was tried")
    tocsin.kill()
    slack.clear()
    tocsin.start().wait_settled()
    assert len(slack.messages) == 1
    assert tocsin.counters()["known"] == 1


def test_a_fallback_that_is_gone_or_disabled(tocsin, slack, tmp_path):
    """What was handed to a channel that is gone waits for it; a disabled one suppresses."""
    log, other = tmp_path / "log.json", tmp_path / "other.json"
    slack.answer(404, "no_service")
    channels = {"chat": slack_channel(slack, fallback="log"),
                "log": file_channel(log, enabled=False)}
    tocsin.configure(channels=channels).start()
    tocsin.send(alert("alert 1"))
    tocsin.wait_settled()
    assert by_channel(tocsin)["log"][0]["state"] == "suppressed"
    channels = {"chat": slack_channel(slack, fallback="other"), "other": file_channel(other)}
    tocsin.configure(channels=channels)
    tocsin.hup()
    wait_until(lambda: len(tocsin.status()["channels"]) == 2, what="the reload")

    def through_other():
        tocsin.send(alert("alert 2"))
        return summaries(other)

    assert wait_until(through_other, what="the new fallback") == [2]
    tocsin.wait_settled()


def test_what_was_under_way_at_each_of_three_deaths_goes_to_the_fallback(tocsin, slack, tmp_path):
    """It may be their cause, so it is not tried a fourth time."""
    log = tmp_path / "log.json"
    slack.hang(times=3)
    tocsin.configure(channels={"chat": slack_channel(slack, fallback="log"),
                               "log": file_channel(log)}).start()
    tocsin.send(alert("alert 1"))
    for _ in range(3):
        wait_until(lambda: tocsin.channel("chat")["in_flight"] == 1, what="it to be under way")
        tocsin.kill()
        tocsin.start()
    tocsin.wait_settled()
    found = by_channel(tocsin)
    (dead,), (fallen,) = found["chat"], found["log"]
    assert dead["state"] == "dead" and dead["attempts"] == 0
    assert dead["reason"] == "the process ended 3 times while this delivery was under way"
    assert fallen["state"] == "delivered" and summaries(log) == [1]
    tocsin.post("/api/v1/dead/replay", {"all": True})
    tocsin.wait_settled()
    assert by_channel(tocsin)["chat"][0]["state"] == "delivered"


KILLS = int(os.environ.get("TOCSIN_KILLS", "50")) // 5


def unpaired(store):
    """Alerts whose delivery died and that do not have the one of the fallback, or have it although
    none died."""
    with books.copy_of(store) as connection:
        return connection.execute(
            "SELECT alert FROM delivery d JOIN name c ON c.id = d.channel GROUP BY alert"
            " HAVING sum(c.text = 'chat' AND state = 3) != sum(c.text = 'log')").fetchall()


@pytest.mark.timeout(120)
def test_the_dead_and_its_fallback_are_both_there_or_neither(tocsin, slack, tmp_path):
    seed = int(os.environ.get("TOCSIN_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
    print(f"TOCSIN_SEED={seed}")
    dice = random.Random(seed)
    log = tmp_path / "log.json"
    slack.answer(404, "no_service")
    tocsin.configure(channels={"chat": slack_channel(slack, fallback="log", concurrency=8),
                               "log": file_channel(log, sync=False)},
                     log={"level": "warning"}).start()
    sender = Sender(tocsin, 600, dice)
    sender.start()
    kill_at_random(tocsin, dice, KILLS, lambda n: check_pairs(tocsin))
    sender.finish(60)
    tocsin.wait_settled(60)
    Toll(sender.acknowledged, sender.attempted, numbers_in_file(log)[0]).check("log", 128 * KILLS)
    tocsin.stop()
    check_pairs(tocsin)


def check_pairs(tocsin):
    found = unpaired(tocsin.store)
    assert not found, f"{len(found)} alerts, such as {found[:5]}"
