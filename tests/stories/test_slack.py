# SPDX-License-Identifier: Apache-2.0
"""The slack channel against a webhook that is stricter than Slack."""

import json
import re

import pytest

from lib.sections import slack_channel
from lib.slack import SlackServer, all_text
from lib.tocsin import SLOW, alert, wait_until


def test_a_message_says_what_where_how_bad_and_when(tocsin, slack):
    tocsin.configure(channels={"chat": slack_channel(slack)}).start()
    tocsin.send(alert("disk is full", "critical", site="db1.example.com",
                      annotations={"description": "97 % of /var"}, link="https://example.com/db1"))
    message = slack.wait_messages(1)[0]
    text = all_text(message)
    for word in ("disk is full", "db1.example.com", "97 % of /var", "https://example.com/db1"):
        assert word in text + json.dumps(message), message
    assert "critical" in text.lower()
    assert message.get("text"), "blocks without text leave the notification of a phone empty"
    request = slack.requests[0]
    assert request.headers["content-type"].startswith("application/json")
    assert "user-agent" in request.headers
    tocsin.wait_settled()


def test_a_resolve_looks_resolved(tocsin, slack):
    tocsin.configure(channels={"chat": slack_channel(slack)}).start()
    tocsin.send(alert("disk is full", "critical"))
    slack.wait_messages(1)
    tocsin.send(alert("disk is full", "critical", status="resolved"))
    first, second = slack.wait_messages(2)
    assert "resolved" not in all_text(first).lower()
    assert "resolved" in all_text(second).lower()
    tocsin.wait_settled()


@pytest.mark.parametrize("length", [0, 1, 149, 150, 151, 2999, 3000, 3001, 13_000, 60_000])
@pytest.mark.parametrize("letter", ["x", "&", "漢"])
def test_no_length_of_text_breaks_a_limit(tocsin, slack, length, letter):
    """Cut, never refused; an entity or character is not cut in half."""
    text = letter * (length if letter == "x" else length // 3)
    label = text.encode()[:4000].decode("utf-8", "ignore") or "x"
    tocsin.configure(channels={"chat": slack_channel(slack)}).start()
    tocsin.send(alert(text, labels={"long": label},
                      annotations={"description": text, "extra": text}))
    tocsin.wait_settled()
    assert tocsin.counters()["delivered"] == 1, slack.violations
    assert "\ufffd" not in all_text(slack.messages[0])


def test_many_labels_fit(tocsin, slack):
    tocsin.configure(channels={"chat": slack_channel(slack)}).start()
    tocsin.send(alert("many", labels={f"label{n}": "x" * 300 for n in range(60)}))
    tocsin.wait_settled()
    assert tocsin.counters()["delivered"] == 1


@pytest.mark.parametrize("status, body, dead", [
    (400, "invalid_payload", True), (403, "action_prohibited", True), (403, "invalid_token", True),
    (404, "channel_not_found", True), (410, "channel_is_archived", True),
    (500, "rollup_error", False), (429, '{"retry_after":1,"ok":false}', False),
    (408, "", False), (302, "", True),
])
def test_every_answer_of_slack_means_what_it_means(tocsin, slack, status, body, dead):
    """Permanent: dead at once with the status and the word; passing: tried again and delivered."""
    slack.answer(status, body, {"Location": slack.webhook} if status == 302 else {}, times=1)
    tocsin.configure(channels={"chat": slack_channel(slack)}).start()
    tocsin.send(alert())
    counters = tocsin.wait_settled()
    assert (counters["dead"], counters["delivered"]) == ((1, 0) if dead else (0, 1))
    found = tocsin.delivery(tocsin.deliveries()[0]["id"])
    assert str(status) in found["history"][0]["detail"]
    assert body in found["history"][0]["detail"] or not dead
    assert len(slack.requests) == (1 if dead else 2), "a redirect was followed"


def test_https_is_verified(tocsin, standins, authority):
    """A webhook whose certificate nobody vouches for gets nothing."""
    slack = standins(SlackServer, certificate=authority.issue("127.0.0.1"))
    patient = slack_channel(slack, timeout=f"{20 * SLOW:.0f}s")
    tocsin.configure(channels={"chat": patient}).start()
    tocsin.send(alert())
    wait_until(lambda: tocsin.deliveries()[0]["attempts"] >= 1, 20)
    found = tocsin.delivery(tocsin.deliveries()[0]["id"])
    assert re.search("certificate|SSL|TLS", found["history"][0]["detail"])
    assert not slack.requests and found["state"] in ("pending", "claimed")


def test_connections_are_reused(tocsin, slack):
    tocsin.configure(channels={"chat": slack_channel(slack, concurrency=2)}).start()
    for n in range(50):
        tocsin.send(alert(f"number {n}"))
    slack.wait_messages(50)
    assert slack.connections <= 4 and slack.most_connections <= 2
    tocsin.wait_settled()
