# SPDX-License-Identifier: Apache-2.0
"""A workflow of Power Automate that posts to Teams, stricter than both.

It answers 202 to whatever has a valid signature, as a real one does; what would fail afterwards, in its
run history or silently in Teams, is a broken rule here.
"""

import json
import re
import urllib.parse

from .canary import canary
from .http import HttpServer

PATH = "/powerautomate/automations/direct/workflows/0a1b/triggers/manual/paths/invoke"
LARGEST = 28 * 1024
KINDS = {
    "TextBlock": {"text", "wrap", "weight", "size", "color", "isSubtle"},
    "Container": {"items", "style", "bleed"},
    "FactSet": {"facts"},
}
CARD = {"type", "$schema", "version", "fallbackText", "body", "actions", "msteams"}
AT = re.compile(r"<at>.*?</at>")


class Failed(Exception):
    """What the run history of the flow says."""


def check_element(element):
    """An element of the body; gives the texts in it."""
    kind = element.get("type") if isinstance(element, dict) else None
    if kind not in KINDS:
        raise Failed(f"unknown element {element!r}"[:200])
    if set(element) - KINDS[kind] - {"type"}:
        raise Failed(f"unknown keys in {kind}: {sorted(element)}")
    if kind == "TextBlock":
        if not isinstance(element.get("text"), str) or not element["text"].strip():
            raise Failed("a TextBlock without text")
        return [element["text"]]
    if kind == "FactSet":
        texts = [fact[name] for fact in element["facts"] for name in ("title", "value")]
        if not texts or not all(isinstance(text, str) and text for text in texts):
            raise Failed("a fact without text")
        return texts
    return [text for item in element["items"] for text in check_element(item)]


def check_card(card):
    """An Adaptive Card as Teams shows it; gives the texts in it."""
    if not isinstance(card, dict) or card.get("type") != "AdaptiveCard":
        raise Failed("Property 'type' must be 'AdaptiveCard'")
    if set(card) - CARD or card.get("version") != "1.4":
        raise Failed(f"not a card of version 1.4: {sorted(card)}")
    texts = [text for element in card["body"] for text in check_element(element)]
    for action in card.get("actions", []):
        if action.get("type") != "Action.OpenUrl" or set(action) != {"type", "title", "url"}:
            raise Failed(f"an action that is not understood: {action!r}")
        if urllib.parse.urlsplit(action["url"]).scheme not in ("http", "https"):
            raise Failed(f"a button to {action['url']!r}")
    if len(card.get("actions", [])) > 6:
        raise Failed("more than six buttons")
    mentioned = [one["text"] for one in card.get("msteams", {}).get("entities", [])]
    if [at for text in texts for at in AT.findall(text)] != mentioned:
        raise Failed("mentions in the text and in entities differ")
    return texts


class TeamsServer(HttpServer):
    """The flow. envelope: what it takes, `message` or `card`."""

    def __init__(self, envelope="message", certificate=None):
        self.envelope = envelope
        self.cards = []
        super().__init__(certificate)

    @property
    def webhook(self):
        """The secret URL."""
        return f"{self.url}{PATH}?api-version=1&sp=%2Ftriggers&sv=1.0&sig={canary('teams')}"

    def reply(self, request):
        url = urllib.parse.urlsplit(request.path)
        query = urllib.parse.parse_qs(url.query)
        if url.path != PATH:
            return self.error(404, "WorkflowNotFound", "The workflow could not be found.")
        if query.get("sig") != [canary("teams")]:
            return self.error(401, "DirectApiInvalidAuthorization", "The signature is not valid.")
        if request.headers.get("content-type", "").split(";")[0] != "application/json":
            return self.error(400, "InvalidRequestContent", "not JSON")
        try:
            self.run(request)
        except (Failed, AttributeError, ValueError, KeyError, TypeError) as why:
            self.violated(f"teams: {why!r}")
        return 202, b"", {}

    @staticmethod
    def error(status, code, message):
        """As the front of Power Automate answers."""
        return status, json.dumps({"error": {"code": code, "message": message}}).encode(), {
            "Content-Type": "application/json"}

    def run(self, request):
        """What the flow does with the message."""
        if len(request.body) > LARGEST:
            raise Failed(f"{len(request.body)} bytes: Teams drops this")
        cards = [request.json()]
        if self.envelope == "message":
            if cards[0].get("type") != "message" or not cards[0].get("attachments"):
                raise Failed("attachments is Null")
            cards = [each["content"] for each in cards[0]["attachments"]
                     if each["contentType"] == "application/vnd.microsoft.card.adaptive"]
        for card in cards:
            check_card(card)
        with self.lock:
            self.cards += cards
            self.changed.notify_all()

    def wait_cards(self, n, timeout=15):
        """Waits for n cards that were posted."""
        self.wait_for(lambda: len(self.cards) >= n, timeout,
                      lambda: f"{n} cards ({len(self.cards)} now)")
        return list(self.cards)
