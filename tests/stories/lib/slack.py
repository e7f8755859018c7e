# SPDX-License-Identifier: Apache-2.0
"""Slack's incoming webhook, stricter than Slack: what Slack would cut or reinterpret is an error.

Answers as Slack does: `ok`, or a status with a word of plain text; 429 as JSON
with Retry-After when a webhook is used more than once a second.
"""

import json
import re
import time

from .canary import canary
from .http import HttpServer

TOKEN = f"/services/T00000000/B00000000/{canary('slack')}"

KEYS = {"text", "blocks", "attachments", "thread_ts", "mrkdwn", "username", "icon_emoji",
        "icon_url", "channel", "unfurl_links", "unfurl_media", "response_type",
        "replace_original", "delete_original"}
TEXT, BLOCKS, ATTACHMENTS = 40_000, 50, 100
SECTION, FIELD, FIELDS, HEADER, CONTEXT = 3000, 2000, 10, 150, 10
TOTAL = 13_200       # characters over all blocks before msg_blocks_too_long
ENTITIES = re.compile(r"&(?!amp;|lt;|gt;)")
LINK = re.compile(r"<https?://[^<>|\s]+(\|[^<>|]*)?>")


class Refused(Exception):
    """A status and the word that Slack answers with; why is for the story."""

    def __init__(self, status, word, why):
        super().__init__(why)
        self.status = status
        self.word = word


def bad_blocks(why):
    """The refusal of a malformed block."""
    return Refused(400, "invalid_blocks", why)


def check_mrkdwn(text):
    """Refuses control sequences that did not come from a link of the sender, and bare & < >."""
    rest = LINK.sub("", text)
    if "<" in rest or ">" in rest:
        raise Refused(400, "invalid_payload", f"a control sequence from data: {rest[:80]!r}")
    if ENTITIES.search(rest):
        raise Refused(400, "invalid_payload", f"an unescaped &: {rest[:80]!r}")


def check_text(item, limit, kinds=("mrkdwn", "plain_text")):
    """A text object; returns its length."""
    if not isinstance(item, dict) or item.get("type") not in kinds:
        raise bad_blocks(f"not a text object of {kinds}: {item!r}")
    if set(item) - {"type", "text", "emoji", "verbatim"}:
        raise bad_blocks(f"unknown key in a text object: {sorted(item)}")
    text = item.get("text")
    if not isinstance(text, str) or not text or len(text) > limit:
        raise bad_blocks(f"a text of a block must have 1 to {limit} characters")
    if item["type"] == "mrkdwn":
        check_mrkdwn(text)
    return len(text)


def check_section(block):
    total = 0
    if "text" not in block and "fields" not in block:
        raise bad_blocks("a section needs text or fields")
    if "text" in block:
        total += check_text(block["text"], SECTION)
    fields = block.get("fields", [])
    if not isinstance(fields, list) or len(fields) > FIELDS or ("fields" in block and not fields):
        raise bad_blocks("a section has 1 to 10 fields")
    return total + sum(check_text(field, FIELD) for field in fields)


def check_context(block):
    elements = block.get("elements")
    if not isinstance(elements, list) or not 1 <= len(elements) <= CONTEXT:
        raise bad_blocks("a context has 1 to 10 elements")
    return sum(check_text(element, SECTION) for element in elements)


def check_actions(block):
    total = 0
    for element in block.get("elements") or [None]:
        if not isinstance(element, dict) or element.get("type") != "button":
            raise bad_blocks("only buttons are understood here")
        total += check_text(element.get("text"), 75, ("plain_text",))
        if len(element.get("url", "")) > 3000:
            raise bad_blocks("the URL of a button is longer than 3000")
    return total


CHECKS = {"header": lambda block: check_text(block.get("text"), HEADER, ("plain_text",)),
          "section": check_section, "context": check_context, "actions": check_actions,
          "divider": lambda block: 0}


def check_blocks(blocks):
    """Refuses what Slack would answer invalid_blocks or msg_blocks_too_long to."""
    if not isinstance(blocks, list) or not 1 <= len(blocks) <= BLOCKS:
        raise bad_blocks(f"1 to {BLOCKS} blocks")
    total = 0
    for block in blocks:
        check = CHECKS.get(block.get("type")) if isinstance(block, dict) else None
        if check is None:
            raise bad_blocks(f"unknown block: {block!r}")
        total += check(block)
    if total > TOTAL:
        raise Refused(400, "msg_blocks_too_long", f"{total} characters in blocks")


def check_attachments(attachments):
    """Attachments: colour plus blocks, or fallback and text."""
    if not isinstance(attachments, list) or len(attachments) > ATTACHMENTS:
        raise Refused(400, "too_many_attachments", "more than 100 attachments")
    for attachment in attachments:
        if not isinstance(attachment, dict):
            raise Refused(400, "invalid_attachments", "an attachment is an object")
        if "blocks" in attachment:
            check_blocks(attachment["blocks"])
        for name in ("text", "pretext", "fallback", "title", "footer"):
            if name in attachment:
                check_mrkdwn(attachment[name])


def check(body, content_type):
    """Refuses a request body that the webhook would not take."""
    if content_type.split(";")[0].strip().lower() != "application/json":
        raise Refused(400, "invalid_payload", f"content type {content_type!r}")
    try:
        payload = json.loads(body.decode("utf-8"))
    except ValueError as why:
        raise Refused(400, "invalid_payload", f"no JSON: {why}") from None
    if not isinstance(payload, dict):
        raise Refused(400, "invalid_payload", "not an object")
    if set(payload) - KEYS:
        raise Refused(400, "invalid_payload", f"unknown keys {sorted(set(payload) - KEYS)}")
    if not payload.get("text") and not payload.get("blocks"):
        raise Refused(400, "no_text", "neither text nor blocks")
    text = payload.get("text", "")
    if not isinstance(text, str) or len(text) > TEXT:
        raise Refused(400, "msg_too_long", "text must be at most 40000 characters")
    check_mrkdwn(text)
    if "blocks" in payload:
        check_blocks(payload["blocks"])
    if "attachments" in payload:
        check_attachments(payload["attachments"])
    return payload


class SlackServer(HttpServer):
    """The webhook. paced: 429 at more than one a second; burst: how many at once are tolerated."""

    def __init__(self, paced=False, burst=1, certificate=None):
        self.messages = []
        self.paced = paced
        self.burst = burst
        self.tokens = float(burst)
        self.last = time.monotonic()
        super().__init__(certificate)

    @property
    def webhook(self):
        """The secret URL."""
        return self.url + TOKEN

    def too_fast(self):
        with self.lock:
            now = time.monotonic()
            # Four per cent of slack: the pace is measured here, after the network.
            self.tokens = min(self.burst, self.tokens + (now - self.last) * 1.04)
            self.last = now
            if self.tokens < 1:
                return True
            self.tokens -= 1
            return False

    def reply(self, request):
        if request.path != TOKEN:
            return (404, b"no_service", {}) if request.path.startswith("/services/") \
                else (404, b"no_team", {})
        if request.method != "POST":
            return 400, b"invalid_payload", {}
        if self.paced and self.too_fast():
            return 429, b'{"retry_after":1,"ok":false,"error":"rate_limited"}', {
                "Retry-After": "1", "Content-Type": "application/json"}
        try:
            payload = check(request.body, request.headers.get("content-type", ""))
        except Refused as why:
            self.violated(f"slack: {why}")
            return why.status, why.word.encode(), {"Content-Type": "text/html"}
        payload["_at"] = request.at
        with self.lock:
            self.messages.append(payload)
            self.changed.notify_all()
        return 200, b"ok", {"Content-Type": "text/html"}

    def wait_messages(self, n, timeout=15):
        """Waits for n accepted messages."""
        self.wait_for(lambda: len(self.messages) >= n, timeout,
                      lambda: f"{n} messages ({len(self.messages)} now)")
        return list(self.messages)


def all_text(payload):
    """Every text of a message, joined: what a reader sees somewhere."""
    found = []

    def walk(item):
        if isinstance(item, dict):
            for name, value in item.items():
                if name in ("text", "title", "fallback", "footer") and isinstance(value, str):
                    found.append(value)
                else:
                    walk(value)
        elif isinstance(item, list):
            for value in item:
                walk(value)

    walk(payload)
    return "\n".join(found)
