# SPDX-License-Identifier: Apache-2.0
"""Many alerts become few messages, and none of them is forgotten."""

import json
import re
import time

import pytest

from lib.sections import QUICK, file_channel, slack_channel, smtp_channel
from lib.slack import SlackServer, all_text
from lib.tocsin import SLOW, alert, wait_until

pytestmark = pytest.mark.needs("sqlite", "file", "slack", "smtp")


def sizes(messages):
    """How many alerts each message says it has; 1 for one that is no digest."""
    found = [re.search(r"(\d+) alerts: ", all_text(message)) for message in messages]
    return [int(each.group(1)) if each else 1 for each in found]


@pytest.mark.hurried
@pytest.mark.timeout(60)
def test_a_thousand_alerts_at_one_a_second_become_few_messages(tocsin, standins, tmp_path):
    """The service sees no request too early, and other channels are not delayed."""
    # Half a message more than one a second: what a busy machine holds up on the way.
    slack, log = standins(SlackServer, paced=True, burst=1.5), tmp_path / "log.json"
    tocsin.configure(channels={
        "chat": slack_channel(slack, rate="1/s", digest={"over": 5, "most": 400}),
        "log": file_channel(log)}, default={"channels": ["chat", "log"]}).start()
    begun = time.monotonic()
    for first in range(0, 1000, 100):
        tocsin.send(*[alert(f"alert {n}", severity="critical" if n % 100 == 0 else "warning")
                      for n in range(first, first + 100)])
    wait_until(lambda: log.exists() and log.read_text("utf-8").count("\n") == 1000, 5,
               "the other channel")
    assert time.monotonic() - begun < 5 * SLOW
    counters = tocsin.wait_settled(30)
    assert counters["delivered"] == 2000
    assert sum(sizes(slack.messages)) == 1000 and len(slack.messages) <= 8, sizes(slack.messages)
    assert len(slack.requests) == len(slack.messages), "429 was asked for"
    largest = max(slack.messages, key=lambda message: sizes([message]))
    assert re.search(r"400 alerts: \d critical, \d+ warning", all_text(largest))
    delivered = tocsin.deliveries(channel="chat", state="delivered")
    said = {entry["reason"] for entry in delivered}
    assert any("in a digest of 400" in reason for reason in said), said


@pytest.mark.timeout(60)
def test_a_thousand_alerts_without_digests_wait_and_delay_nobody(tocsin, slack, tmp_path):
    """The control of the story above: few have gone out at the same time."""
    log = tmp_path / "log.json"
    tocsin.configure(channels={"chat": slack_channel(slack, rate="1/s"), "log": file_channel(log)},
                     default={"channels": ["chat", "log"]}).start()
    tocsin.send(*[alert(f"alert {n}") for n in range(1000)])
    wait_until(lambda: log.exists() and log.read_text("utf-8").count("\n") == 1000, 5,
               "the other channel")
    time.sleep(1)
    assert 1 <= len(slack.messages) <= 5 * SLOW and tocsin.counters()["pending"] > 900


def test_a_digest_that_was_throttled_waits_as_asked(tocsin, slack):
    slack.delay(0.3, times=1)
    slack.too_many(2, times=1)
    tocsin.configure(channels={"chat": slack_channel(
        slack, concurrency=1, digest={"over": 1})}).start()
    tocsin.send(*[alert(f"alert {n}") for n in range(50)])
    tocsin.wait_settled()
    throttled = next(n for n, request in enumerate(slack.requests) if request.status == 429)
    times = [request.at for request in slack.requests]
    assert times[throttled + 1] - times[throttled] >= 1.95
    assert sum(sizes(slack.messages)) + sum(r.status == 200 for r in slack.requests) \
        - len(slack.messages) == 50
    tried = next(each for each in tocsin.deliveries() if each["attempts"] == 2)
    first = tocsin.delivery(tried["id"])["history"][0]
    assert first["outcome"] == "retry" and "(in a digest of " in first["detail"]


def test_all_members_share_the_end_of_their_digest(tocsin, slack):
    slack.hang(times=1)
    slack.answer(404, "no_service")
    tocsin.configure(channels={"chat": slack_channel(
        slack, concurrency=1, timeout="500ms", digest={"over": 1, "most": 20})}).start()
    tocsin.send(alert("first"))
    slack.wait_requests(1)
    tocsin.send(*[alert(f"alert {n}") for n in range(30)])
    tocsin.wait_counter("dead", 31)
    of = [re.search(r"\(in a digest of (\d+)\)", each["reason"]) for each in tocsin.deliveries()]
    counts = sorted(int(each.group(1)) for each in of if each)
    assert counts and all(counts.count(n) % n == 0 for n in set(counts)), counts
    assert max(counts) == 20


def test_recipients_are_not_mixed(tocsin, smtp):
    tocsin.configure(channels={"mail": smtp_channel(
        smtp, to=["a@example.com", "b@example.com"], rate="4/s", digest={"over": 1})}).start()
    tocsin.send(*[alert(f"alert {n}") for n in range(40)])
    tocsin.wait_settled()
    assert len(smtp.mails) < 40
    for mail in smtp.mails:
        assert len(mail.recipients) == 1
    seen = {"a@example.com": 0, "b@example.com": 0}
    for mail in smtp.mails:
        found = re.search(r"(\d+) alerts: ", mail.message["subject"])
        seen[mail.recipients[0]] += int(found.group(1)) if found else 1
    assert set(seen.values()) == {40}


def test_alerts_are_collected_for_a_while(tocsin, slack):
    """The first waits for the others; what comes later waits for the next message."""
    tocsin.configure(channels={"chat": slack_channel(slack, digest={"every": "2s"})}).start()
    begun = time.time()
    for n in range(4):
        tocsin.send(alert(f"alert {n}"))
        time.sleep(0.2)
    tocsin.wait_settled()
    assert sizes(slack.messages) == [4]
    assert slack.messages[0]["_at"] - begun >= 1.95
    tocsin.send(alert("alert 5"))
    tocsin.wait_settled()
    assert sizes(slack.messages) == [4, 1]
    assert slack.messages[1]["_at"] - slack.messages[0]["_at"] >= 1.95


def test_a_full_digest_does_not_wait(tocsin, slack):
    tocsin.configure(channels={"chat": slack_channel(
        slack, digest={"every": "1h", "most": 10})}).start()
    tocsin.send(*[alert(f"alert {n}") for n in range(25)])
    tocsin.wait_counter("delivered", 20)
    assert sorted(sizes(slack.messages)) == [10, 10]
    tocsin.configure(channels={"chat": slack_channel(slack)})
    assert tocsin.cli("reload").status == 0
    tocsin.wait_settled()
    assert sum(sizes(slack.messages)) == 25


def test_a_run_for_cron_does_not_collect(tocsin, slack):
    channel = slack_channel(slack, concurrency=1, digest={"every": "1h", "most": 100})
    tocsin.configure(channels={"chat": channel}).start()
    tocsin.send(*[alert(f"alert {n}") for n in range(30)])
    tocsin.stop()
    assert not slack.messages
    tocsin.once()
    assert sum(sizes(slack.messages)) == 30 and tocsin.counters()["pending"] == 0


def test_a_digest_under_way_at_a_crash_is_repeated_whole(tocsin, slack):
    """All of it or nothing is settled; every alert arrives, and repeats are those of one digest."""
    slack.hang(times=1)
    tocsin.configure(channels={"chat": slack_channel(
        slack, concurrency=1, digest={"over": 1, "most": 10}, timeout="20s",
        retry=QUICK)}).start()
    tocsin.send(*[alert(f"alert {n}") for n in range(40)])
    slack.wait_requests(1)
    time.sleep(0.2)
    tocsin.kill()
    slack.clear()
    tocsin.start()
    tocsin.wait_settled()
    assert sum(sizes(slack.messages)) == 40
    bodies = [json.loads(request.body) for request in slack.requests]
    assert sum(sizes(bodies)) - 40 <= 2 * 10
