# SPDX-License-Identifier: Apache-2.0
"""The stand-ins of Discord, of a workflow of Teams and of Slack's API refuse what they must refuse."""

import json

import pytest

from lib import discord, teams
from lib.discord import DiscordServer
from lib.slack import SlackApi
from lib.teams import TeamsServer
from test_standins import fetch

NOBODY = {"parse": []}


def embed(**more):
    return {"embeds": [{"title": "x", **more}], "allowed_mentions": NOBODY}


@pytest.mark.parametrize("payload", [
    {}, {"content": "x"}, {"allowed_mentions": NOBODY}, {"content": " x", "allowed_mentions": NOBODY},
    embed(title="x" * 257), embed(title=" "), embed(description="x" * 4097), embed(color=1 << 24),
    embed(url="http://localhost/"), embed(url="https://example.com/a b"), embed(timestamp="now"),
    embed(fields=[{"name": "n", "value": "v"}] * 26), embed(fields=[{"name": "n", "value": ""}]),
    embed(fields=[{"name": "n", "value": "v" * 1000}] * 7), embed(footer={"text": ""}),
    embed(poem="x"), {"embeds": [{"color": 1}], "allowed_mentions": NOBODY},
])
def test_discord_refuses(payload):
    with pytest.raises(discord.Invalid):
        discord.check(payload)


def test_discord_takes_what_is_right_and_counts():
    server = DiscordServer(paced=True, most=1)
    body = json.dumps(embed(description="y", url="https://example.com/x?a=1")).encode()
    status, _, headers = fetch(server.webhook + "?wait=true", body)
    assert status == 200 and headers["X-RateLimit-Remaining"] == "0" and not server.violations
    status, said, _ = fetch(server.webhook + "?wait=true", body)
    assert status == 429 and 0 < json.loads(said)["retry_after"] <= 2 and server.violations
    server.stop()


def card(**more):
    return {"type": "AdaptiveCard", "version": "1.4",
            "body": [{"type": "TextBlock", "text": "x", "wrap": True}], **more}


@pytest.mark.parametrize("wrong", [
    {"type": "message"}, card(version="1.5"), card(poem="x"),
    card(body=[{"type": "TextBlock", "text": " "}]), card(body=[{"type": "Poem"}]),
    card(body=[{"type": "FactSet", "facts": []}]),
    card(body=[{"type": "TextBlock", "text": "<at>Everyone</at>"}]),
    card(actions=[{"type": "Action.OpenUrl", "title": "x", "url": "javascript:x"}]),
    card(actions=[{"type": "Action.Submit"}]),
])
def test_teams_refuses(wrong):
    with pytest.raises(teams.Failed):
        teams.check_card(wrong)


def test_a_flow_tells_nothing_of_what_is_wrong():
    server = TeamsServer()
    for body in (card(), {"type": "message", "attachments": None}, [card()]):
        assert fetch(server.webhook, json.dumps(body).encode())[0] == 202
    assert len(server.violations) == 3 and not server.cards
    server.violations.clear()
    message = {"type": "message", "attachments": [
        {"contentType": "application/vnd.microsoft.card.adaptive", "content": card()}]}
    assert fetch(server.webhook, json.dumps(message).encode())[0] == 202
    assert len(server.cards) == 1 and not server.violations
    server.stop()


def test_the_api_of_slack_answers_200_to_everything():
    server = SlackApi()
    body = json.dumps({"channel": "#ops", "text": "x"}).encode()
    status, said, _ = fetch(server.api + "/chat.postMessage", body)
    assert status == 200 and json.loads(said) == {"ok": False, "error": "invalid_auth"}
    server.stop()
