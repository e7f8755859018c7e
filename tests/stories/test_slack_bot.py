# SPDX-License-Identifier: Apache-2.0
"""The slack channel as a bot, against an API that is stricter than Slack's."""

import json

import pytest

from lib.sections import slack_bot
from lib.slack import SlackApi, all_text
from lib.tocsin import alert


@pytest.fixture
def api(standins):
    return standins(SlackApi)


def tell(tocsin, api, *statuses, summary="disk is full"):
    """One alert that repeats, and perhaps resolves, each time after the time before was settled."""
    for status in statuses:
        tocsin.send(alert(summary, "critical", status=status, labels={"disk": summary}))
        tocsin.wait_settled()
    return list(api.messages)


def test_repeats_and_the_resolve_are_replies_to_the_first_message(tocsin, api):
    tocsin.configure(channels={"chat": slack_bot(api)}).start()
    first, repeat, resolve, again = tell(tocsin, api, "firing", "firing", "resolved", "firing")
    assert "thread_ts" not in first and first["channel"] == "C0000001"
    assert repeat["thread_ts"] == resolve["thread_ts"] == first["ts"]
    assert "RESOLVED" in all_text(resolve)
    assert "thread_ts" not in again, "after the resolve there is a new story"
    other = tell(tocsin, api, "firing", summary="another")[-1]
    assert "thread_ts" not in other


def test_the_thread_survives_a_crash(tocsin, api):
    tocsin.configure(channels={"chat": slack_bot(api)}).start()
    first = tell(tocsin, api, "firing")[0]
    tocsin.kill()
    tocsin.start()
    assert tell(tocsin, api, "resolved")[1]["thread_ts"] == first["ts"]


def test_the_first_message_changes_its_colour(tocsin, api):
    tocsin.configure(channels={"chat": slack_bot(api, update=True)}).start()
    red = tell(tocsin, api, "firing")[0]["attachments"][0]["color"]
    message, = tell(tocsin, api, "firing", "resolved")
    assert message["_changed"] == 2 and "RESOLVED" in all_text(message)
    assert message["attachments"][0]["color"] != red


@pytest.mark.parametrize("update", [False, True])
def test_a_deleted_message_is_followed_by_a_new_one(tocsin, api, update):
    tocsin.configure(channels={"chat": slack_bot(api, update=update)}).start()
    tell(tocsin, api, "firing")
    api.forget()
    message, = tell(tocsin, api, "firing")
    assert "thread_ts" not in message
    tell(tocsin, api, "resolved")
    assert len(api.messages) == (1 if update else 2)
    assert tocsin.counters()["delivered"] == 3


def test_a_long_message_that_slack_repeats_is_posted_once(tocsin, api):
    """Each letter is \\uXXXX in Slack's answer, which is longer than what is kept of it."""
    words = {"title": "{{ .title }}", "message": "{{ .annotations.description }}"}
    tocsin.configure(channels={"chat": slack_bot(api, templates=words)}).start()
    notes = {"description": "Ж" * 4000, **{f"n{i}": "Ж" * 900 for i in range(18)}}
    for _ in range(2):
        tocsin.send(alert("Ж" * 3000, annotations=notes))
        tocsin.wait_settled()
    assert len(json.dumps(api.messages[0])) > 64 * 1024
    assert [m.get("thread_ts") for m in api.messages] == [None, api.messages[0]["ts"]]
    assert tocsin.counters()["delivered"] == 2


def test_another_channel_in_the_configuration_begins_anew(tocsin, api):
    tocsin.configure(channels={"chat": slack_bot(api)}).start()
    tell(tocsin, api, "firing")
    tocsin.configure(channels={"chat": slack_bot(api, channel="#other")})
    tocsin.cli("reload")
    message = tell(tocsin, api, "firing")[1]
    assert message["channel"] == "C0000002" and "thread_ts" not in message


@pytest.mark.parametrize("word, dead", [
    ("not_in_channel", True), ("is_archived", True), ("missing_scope", True),
    ("token_revoked", True), ("ratelimited", False), ("internal_error", False),
    ("team_added_to_org", False),
])
def test_every_error_of_the_api_means_what_it_means(tocsin, api, word, dead):
    api.answer(200, f'{{"ok":false,"error":"{word}"}}', times=1)
    tocsin.configure(channels={"chat": slack_bot(api)}).start()
    tocsin.send(alert())
    counters = tocsin.wait_settled()
    assert (counters["dead"], counters["delivered"]) == ((1, 0) if dead else (0, 1))
    found = tocsin.delivery(tocsin.deliveries()[0]["id"])
    assert word in found["history"][0]["detail"]


def test_a_bot_needs_a_channel(tocsin, api, stage):
    tocsin.configure(channels={"chat": slack_bot(api, channel="")})
    run = tocsin.run(stage.tocsin, "check", "config", tocsin.conf)
    assert run.status != 0 and "'channel'" in run.stderr + run.stdout
