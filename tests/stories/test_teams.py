# SPDX-License-Identifier: Apache-2.0
"""The teams channel against a workflow that is stricter than the real ones."""

import json

import pytest

from lib.sections import teams_channel
from lib.teams import TeamsServer, check_card
from lib.tocsin import alert


@pytest.mark.parametrize("envelope", ["message", "card"])
def test_a_card_says_what_where_how_bad_and_when(tocsin, standins, envelope):
    teams = standins(TeamsServer, envelope)
    tocsin.configure(channels={"chat": teams_channel(
        teams, envelope=envelope, mentions={"Ann": "ann@example.com"})}).start()
    tocsin.send(alert("disk is full", "critical", site="db1.example.com",
                      annotations={"description": "97 % of /var <at>Everyone</at>",
                                   "runbook_url": "https://example.com/full"},
                      link="https://example.com/db1"))
    teams.wait_cards(1)
    tocsin.send(alert("disk is full", "critical", site="db1.example.com", status="resolved"))
    first, second = teams.wait_cards(2)
    texts = check_card(first)
    assert texts[0] == "🚨 CRITICAL: disk is full" and "<at>Ann</at>" in texts
    assert "97 % of /var \\<at\\>Everyone\\</at\\>" in texts and "db1.example.com" in texts
    assert [action["url"] for action in first["actions"]] == [
        "https://example.com/db1", "https://example.com/full"]
    assert check_card(second)[0].startswith("✅ RESOLVED")
    assert first["body"][0]["style"] == "attention" and second["body"][0]["style"] == "good"
    tocsin.wait_settled()


def test_the_wrong_envelope_fails_where_nobody_is_told(tocsin, standins):
    """The control: the stand-in does see what a real flow tells in its run history only."""
    teams = standins(TeamsServer, "card")
    tocsin.configure(channels={"chat": teams_channel(teams)}).start()
    tocsin.send(alert())
    assert tocsin.wait_settled()["delivered"] == 1
    assert "must be 'AdaptiveCard'" in teams.violations[0]
    teams.violations.clear()


def test_what_is_too_large_is_shortened(tocsin, standins):
    teams = standins(TeamsServer)
    tocsin.configure(channels={"chat": teams_channel(teams)}).start()
    for text in ("x" * 60_000, "漢" * 20_000, "*" * 60_000, '"' * 60_000):
        tocsin.send(alert(text[:4000], labels={f"label{n}": text[:300] for n in range(60)},
                          annotations={"description": text}))
    assert tocsin.wait_settled()["delivered"] == 4
    assert len(teams.wait_cards(4)) == 4
    assert all("cut here" in json.dumps(card) for card in teams.cards)


@pytest.mark.parametrize("status, code, dead, words", [
    (400, "TriggerInputSchemaMismatch", True, "other 'envelope'"),
    (401, "DirectApiInvalidAuthorization", True, "copy the flow's URL again"),
    (404, "WorkflowNotFound", True, "make one and use its URL"),
    (429, "TooManyRequests", False, "too many"), (503, "ServiceUnavailable", False, "trouble"),
])
def test_every_answer_of_a_flow_means_what_it_means(tocsin, standins, status, code, dead, words):
    teams = standins(TeamsServer)
    body = json.dumps({"error": {"code": code, "message": "x"}})
    teams.answer(status, body, {"Retry-After": "1"} if status == 429 else {}, times=1)
    tocsin.configure(channels={"chat": teams_channel(teams)}).start()
    tocsin.send(alert())
    counters = tocsin.wait_settled()
    assert (counters["dead"], counters["delivered"]) == ((1, 0) if dead else (0, 1))
    found = tocsin.delivery(tocsin.deliveries()[0]["id"])
    assert code in found["history"][0]["detail"] and words in found["history"][0]["detail"]


def test_a_connector_that_says_200_to_everything_is_not_believed(tocsin, standins):
    teams = standins(TeamsServer)
    teams.answer(200, "1")
    teams.answer(200, "Webhook message delivery failed with error: Microsoft Teams endpoint "
                      "returned HTTP error 429 with ContextId x", times=1)
    tocsin.configure(channels={"chat": teams_channel(teams, legacy=True)}).start()
    tocsin.send(alert())
    assert tocsin.wait_settled()["delivered"] == 1
    assert len(teams.requests) == 2
