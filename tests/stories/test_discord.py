# SPDX-License-Identifier: Apache-2.0
"""The discord channel against a webhook that is stricter than Discord."""

import time

import pytest

from lib.discord import DiscordServer
from lib.sections import discord_channel
from lib.tocsin import alert, wait_until


@pytest.fixture
def discord(standins):
    return standins(DiscordServer)


def field(message, name):
    """The value of a field of the embed, or None."""
    found = [each["value"] for each in message["embeds"][0]["fields"] if each["name"] == name]
    return found[0] if found else None


def test_a_message_says_what_where_how_bad_and_when(tocsin, discord):
    tocsin.configure(channels={"chat": discord_channel(
        discord, thread_id="42", username="tocsin", mentions=["role:7"])}).start()
    tocsin.send(alert("disk is full", "critical", site="db1.example.com",
                      annotations={"description": "97 % of /var @everyone",
                                   "runbook_url": "https://example.com/full"},
                      link="https://example.com/db1"))
    discord.wait_messages(1)
    tocsin.send(alert("disk is full", "critical", site="db1.example.com", status="resolved"))
    first, second = discord.wait_messages(2)
    embed = first["embeds"][0]
    assert embed["title"] == "🚨 CRITICAL: disk is full"
    assert embed["description"] == "97 % of /var \\@everyone"
    assert embed["url"] == "https://example.com/db1" and "timestamp" in embed
    assert field(first, "site") == "db1.example.com"
    assert field(first, "Links") == "[Runbook](https://example.com/full)"
    assert first["content"] == "<@&7>" and first["username"] == "tocsin"
    assert first["_query"]["thread_id"] == ["42"]
    assert second["embeds"][0]["title"].startswith("✅ RESOLVED") and "content" not in second
    assert second["embeds"][0]["color"] != embed["color"]
    tocsin.wait_settled()


def test_discord_is_never_asked_before_it_takes_more(tocsin, standins):
    """Five in two seconds, although the channel's own rate would allow any number."""
    discord = standins(DiscordServer, paced=True, window=1.0)
    tocsin.configure(channels={"chat": discord_channel(discord)}).start()
    begun = time.monotonic()
    for n in range(12):
        tocsin.send(alert(f"number {n}"))
    discord.wait_messages(12)
    assert time.monotonic() - begun >= 2
    assert tocsin.wait_settled()["delivered"] == 12
    assert len(discord.requests) == 12, "it was asked too early"


def test_without_the_headers_it_would_be_asked_too_early(tocsin, standins):
    """The control: the same webhook, but it keeps its limits to itself."""
    discord = standins(DiscordServer, paced=True, window=1.0)
    told = discord.pace
    discord.pace = lambda: ({}, told()[1])
    tocsin.configure(channels={"chat": discord_channel(discord)}).start()
    for n in range(12):
        tocsin.send(alert(f"number {n}"))
    discord.wait_messages(12)
    tocsin.wait_settled()
    assert len(discord.requests) > 12 and discord.violations
    discord.violations.clear()


def test_a_fraction_of_a_second_is_waited_for(tocsin, discord):
    discord.answer(429, '{"message":"x","retry_after":0.4,"global":true}', times=1)
    tocsin.configure(channels={"chat": discord_channel(discord)}).start()
    tocsin.send(alert())
    tocsin.wait_settled()
    first, second = discord.requests
    assert 0.4 <= second.at - first.at < 5
    history = tocsin.delivery(tocsin.deliveries()[0]["id"])["history"]
    assert "global" in history[0]["detail"]


def test_a_webhook_that_is_gone_is_asked_once_until_a_reload(tocsin, discord):
    discord.vanish()
    tocsin.configure(channels={"chat": discord_channel(discord)}).start()
    for n in range(20):
        tocsin.send(alert(f"number {n}"))
    assert tocsin.wait_settled()["dead"] == 20
    assert len(discord.requests) == 1
    details = [tocsin.delivery(each["id"])["history"][-1]["detail"]
               for each in tocsin.deliveries()]
    assert all("the webhook was deleted" in detail for detail in details)
    assert sum("not sent" in detail for detail in details) == 19
    discord.gone = False
    tocsin.hup()
    wait_until(lambda: "reload" in tocsin.log().lower(), what="the reload")

    def delivered():
        tocsin.send(alert("again"))
        tocsin.wait_settled()
        return tocsin.counters()["delivered"] > 0
    wait_until(delivered, what="a delivery after the reload")


@pytest.mark.parametrize("status, body, dead", [
    (400, '{"message":"Invalid Form Body","code":50035}', True),
    (401, '{"message":"Invalid Webhook Token","code":50027}', True),
    (403, '{"message":"Missing Permissions","code":50013}', True),
    (500, "", False), (502, "<html>", False), (302, "", True),
])
def test_every_answer_of_discord_means_what_it_means(tocsin, discord, status, body, dead):
    discord.answer(status, body, {"Location": discord.webhook} if status == 302 else {}, times=1)
    tocsin.configure(channels={"chat": discord_channel(discord)}).start()
    tocsin.send(alert())
    counters = tocsin.wait_settled()
    assert (counters["dead"], counters["delivered"]) == ((1, 0) if dead else (0, 1))
    found = tocsin.delivery(tocsin.deliveries()[0]["id"])
    assert str(status) in found["history"][0]["detail"]
    assert len(discord.requests) == (1 if dead else 2)


def test_what_is_too_long_is_cut_and_never_refused(tocsin, discord):
    tocsin.configure(channels={"chat": discord_channel(discord)}).start()
    for text in ("x" * 7000, "漢" * 7000, "*" * 7000, "🚨" * 7000):
        tocsin.send(alert(text, labels={f"label{n}": "x" * 300 for n in range(60)},
                          annotations={"description": text, "extra": text}))
    assert tocsin.wait_settled()["delivered"] == 4, discord.violations
    assert "\ufffd" not in str(discord.messages)


def test_mistakes_of_the_configuration_are_told(tocsin, discord, stage):
    tocsin.configure(channels={"chat": discord_channel(discord, username="My Discord")})
    run = tocsin.run(stage.tocsin, "check", "config", tocsin.conf)
    assert run.status != 0 and "'username'" in run.stderr + run.stdout
