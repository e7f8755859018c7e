# SPDX-License-Identifier: Apache-2.0
"""Slack's incoming webhook and API, stricter than Slack: what Slack would cut or reinterpret is an
error.

The webhook answers as Slack does: `ok`, or a status with a word of plain text; 429 as JSON
with Retry-After when it is used more than once a second. The API answers 200 to everything, with
the word in JSON.
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
LINK = re.compile(r"<https?://[^<>|\s]+(\|[^<>|]*)?>"
                  r"|<!date\^\d+\^\{date_num\} \{time_secs\}\|[-0-9:.TZ]+>")


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
    if not text.strip():
        raise bad_blocks("a text of nothing but spaces")
    if item["type"] == "plain_text" and item.get("emoji") is not False:
        raise bad_blocks("plain text in which :names: become emoji")
    if item["type"] == "mrkdwn" and item.get("verbatim") is not True:
        raise bad_blocks("mrkdwn in which Slack makes links and mentions of bare words")
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
    return total


def check_attachments(attachments):
    """Attachments: colour plus blocks, or fallback and text. Returns what the blocks hold."""
    total = 0
    if not isinstance(attachments, list) or len(attachments) > ATTACHMENTS:
        raise Refused(400, "too_many_attachments", "more than 100 attachments")
    for attachment in attachments:
        if not isinstance(attachment, dict):
            raise Refused(400, "invalid_attachments", "an attachment is an object")
        if "blocks" in attachment:
            total += check_blocks(attachment["blocks"])
        for name in ("text", "pretext", "fallback", "title", "footer"):
            if name in attachment:
                check_mrkdwn(attachment[name])
    return total


def check(body, content_type, keys=KEYS):
    """Refuses a request body that the webhook, or a method of the API with these keys, would not
    take."""
    if content_type.split(";")[0].strip().lower() != "application/json":
        raise Refused(400, "invalid_payload", f"content type {content_type!r}")
    try:
        payload = json.loads(body.decode("utf-8"))
    except ValueError as why:
        raise Refused(400, "invalid_payload", f"no JSON: {why}") from None
    if not isinstance(payload, dict):
        raise Refused(400, "invalid_payload", "not an object")
    if set(payload) - keys:
        raise Refused(400, "invalid_payload", f"unknown keys {sorted(set(payload) - keys)}")
    if not payload.get("text") and not payload.get("blocks"):
        raise Refused(400, "no_text", "neither text nor blocks")
    text = payload.get("text", "")
    if not isinstance(text, str) or len(text) > TEXT:
        raise Refused(400, "msg_too_long", "text must be at most 40000 characters")
    check_mrkdwn(text)
    total = check_blocks(payload["blocks"]) if "blocks" in payload else 0
    total += check_attachments(payload.get("attachments", []))
    if total > TOTAL:
        raise Refused(400, "msg_blocks_too_long", f"{total} characters in all blocks")
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


class SlackApi(SlackServer):
    """The methods chat.postMessage and chat.update, for the bot of one workspace."""

    bearer = canary("xoxb")
    channels = {"#ops": "C0000001", "C0000001": "C0000001", "#other": "C0000002",
                "C0000002": "C0000002"}
    methods = {"/api/chat.postMessage": KEYS | {"reply_broadcast"},
               "/api/chat.update": {"channel", "ts", "text", "blocks", "attachments"}}

    @property
    def api(self):
        """Where the methods are."""
        return f"{self.url}/api"

    def received(self):
        """All but the header that is the place for the token."""
        for request in list(self.requests):
            headers = {**request.headers, "authorization": ""}
            yield request.body, "the body of a request"
            yield "\n".join(headers.values()).encode(), "the headers of a request"

    def forget(self):
        """Somebody deletes all messages."""
        with self.lock:
            self.messages.clear()

    def find(self, channel, ts):
        """The message of this number, or None."""
        return next((m for m in self.messages if m["channel"] == channel and m["ts"] == ts), None)

    def reply(self, request):
        if self.paced and self.too_fast():
            return 429, b'{"ok":false,"error":"ratelimited"}', {"Retry-After": "1"}
        try:
            answer = {"ok": True, **self.call(request)}
        except Refused as why:
            if why.status == 400:
                self.violated(f"slack: {why}")
            answer = {"ok": False, "error": why.word}
        return 200, json.dumps(answer).encode(), {"Content-Type": "application/json"}

    def call(self, request):
        """What the method does; a word of refusal that is the client's mistake has status 400."""
        if request.headers.get("authorization") != f"Bearer {self.bearer}":
            raise Refused(200, "invalid_auth", "not the bot's token")
        if request.path not in self.methods:
            raise Refused(400, "unknown_method", request.path)
        kind = request.headers.get("content-type", "")
        if "charset=utf-8" not in kind:
            raise Refused(400, "missing_charset", kind)
        payload = check(request.body, kind, self.methods[request.path])
        if payload.get("channel") not in self.channels:
            raise Refused(200, "channel_not_found", "no such channel")
        channel = self.channels[payload["channel"]]
        with self.lock:
            if request.path.endswith("update"):
                return self.change(channel, payload)
            return self.post(channel, payload)

    def change(self, channel, payload):
        message = self.find(channel, payload.get("ts"))
        if message is None:
            raise Refused(200, "message_not_found", "nothing to change")
        message.update(payload, channel=channel, _changed=message.get("_changed", 0) + 1)
        self.changed.notify_all()
        return {"channel": channel, "ts": message["ts"]}

    def post(self, channel, payload):
        first = payload.get("thread_ts")
        if first is not None and self.find(channel, first) is None:
            raise Refused(200, "thread_not_found", "nothing to reply to")
        ts = f"{1763476245 + len(self.messages)}.{time.monotonic_ns() % 1000000:06d}"
        self.messages.append({**payload, "channel": channel, "ts": ts})
        self.changed.notify_all()
        return {"channel": channel, "ts": ts,
                "message": {**payload, "type": "message", "bot_id": "B01", "ts": ts}}


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
