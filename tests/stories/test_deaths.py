# SPDX-License-Identifier: Apache-2.0
"""A delivery that is given up raises an alert, which goes to anybody but the channel that gave up."""

import json

import pytest

from lib.sections import file_channel, slack_channel, smtp_channel
from lib.tocsin import alert, wait_until

pytestmark = pytest.mark.needs("sqlite", "file", "slack", "smtp")


def records(path):
    """What arrived in a file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] \
        if path.exists() else []


def own(path):
    """The alerts about deaths in a file."""
    return [each for each in records(path) if each["source"] == "tocsin"]


def stored(tocsin):
    """The newest of these alerts as it is kept."""
    newest = tocsin.deliveries(source="tocsin")[0]
    return tocsin.delivery(newest["id"])["alert"]


def configure(tocsin, slack, log, dead_alerts=None):
    """Everything goes to a chat that refuses it; the alerts about that have a route of their own."""
    slack.answer(404, "no_service")
    return tocsin.configure(
        channels={"chat": slack_channel(slack), "log": file_channel(log)},
        routes=[{"name": "deaths", "match": ['alertname="DeliveryDead"'], "channels": ["log"]}],
        default={"channels": ["chat"]}, dead_alerts=dead_alerts)


def test_a_death_is_told_on_another_channel(tocsin, slack, tmp_path):
    log = tmp_path / "log.json"
    configure(tocsin, slack, log).start()
    tocsin.send(alert("alert 1"))
    told, = wait_until(lambda: own(log), what="the alert about it")
    number = tocsin.deliveries(state="dead")[0]["id"]
    assert told["labels"] == {"alertname": "DeliveryDead", "channel": "chat"}
    assert stored(tocsin)["severity"] == "error" and stored(tocsin)["status"] == "event"
    assert told["annotations"]["summary"] == "chat: a delivery was given up"
    assert "404" in told["annotations"]["description"]
    assert f"see 'tocsin deliveries {number}'" in told["annotations"]["description"]
    tocsin.wait_settled()


def test_many_deaths_are_one_alert_in_a_time(tocsin, slack, tmp_path):
    log = tmp_path / "log.json"
    configure(tocsin, slack, log, dead_alerts={"every": "4s", "severity": "critical"}).start()
    tocsin.send(*[alert(f"alert {n}") for n in range(50)])
    tocsin.wait_counter("dead", 50)
    tocsin.send(alert("alert 50"))
    tocsin.wait_counter("dead", 51)
    assert len(own(log)) <= 1
    wait_until(lambda: len(own(log)) == 1, what="the first alert")
    first = int(own(log)[0]["annotations"]["count"])
    assert stored(tocsin)["severity"] == "critical"

    def told_of_all():
        tocsin.send(alert("one more"))
        return len(own(log)) >= 2
    wait_until(told_of_all, 15, "the second alert")
    second = own(log)[1]["annotations"]
    assert first + int(second["count"]) >= 51
    assert second["summary"] == f"chat: {second['count']} deliveries were given up"
    assert second["description"].startswith("The first of them: ")


def test_the_only_channel_that_dies_does_not_beget_alerts(tocsin, slack):
    slack.answer(404, "no_service")
    tocsin.configure(channels={"chat": slack_channel(slack)}, dead_alerts={"every": "0s"}).start()
    tocsin.send(*[alert(f"alert {n}") for n in range(5)])
    tocsin.wait_counter("dead", 5)
    counters = tocsin.wait_settled()
    assert counters["alerts"] == 5 and len(slack.requests) == 5


def test_the_death_of_such_an_alert_is_not_told(tocsin, slack, smtp):
    """Two channels that die, each told of the other: no more than one alert about each."""
    slack.answer(404, "no_service")
    smtp.refuse("ops@example.com")
    tocsin.configure(channels={"chat": slack_channel(slack), "mail": smtp_channel(smtp)},
                     default={"channels": ["chat", "mail"]}, dead_alerts={"every": "0s"}).start()
    tocsin.send(alert("alert 1"))
    tocsin.wait_counter("dead", 4)
    counters = tocsin.wait_settled()
    assert counters["alerts"] == 3 and counters["dead"] == 4, counters


def test_it_can_be_switched_off_by_a_reload(tocsin, slack, tmp_path):
    log = tmp_path / "log.json"
    configure(tocsin, slack, log, dead_alerts={"every": "0s"}).start()
    tocsin.send(alert("alert 1"))
    wait_until(lambda: own(log), what="the alert about it")
    configure(tocsin, slack, log, dead_alerts={"enabled": False})
    assert tocsin.cli("reload").status == 0
    tocsin.send(alert("alert 2"))
    tocsin.wait_counter("dead", 2)
    tocsin.wait_settled()
    assert len(own(log)) == 1


def test_an_alert_without_a_recipient_is_a_death_too(tocsin, smtp, tmp_path):
    mail = smtp_channel(smtp)
    del mail["to"]
    log = tmp_path / "log.json"
    tocsin.configure(channels={"mail": mail, "log": file_channel(log)},
                     dead_alerts={}, routes=[{
                         "name": "deaths", "match": ['alertname="DeliveryDead"'],
                         "channels": ["log", "mail"]}]).start()
    tocsin.send(alert("alert 1"))
    told, = wait_until(lambda: own(log), what="the alert about it")
    assert "no recipient" in told["annotations"]["description"]
    assert tocsin.wait_settled()["dead"] == 1


def test_a_run_for_cron_tells_of_its_deaths(tocsin, slack, tmp_path):
    log = tmp_path / "log.json"
    configure(tocsin, slack, log).start()
    slack.clear()
    slack.answer(503, "later", times=1)
    tocsin.send(alert("alert 1"))
    slack.wait_requests(1)
    tocsin.kill()
    slack.clear()
    slack.answer(404, "no_service")
    tocsin.once()
    assert len(own(log)) == 1 and tocsin.counters()["pending"] == 0
