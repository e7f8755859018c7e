# SPDX-License-Identifier: Apache-2.0
"""Discord's webhook, stricter than Discord: what it would trim, merge or overlook is an error.

Five messages in two seconds, told by headers with each answer: a request that comes before it may is
answered 429, and is a broken rule. So is any request after 404, and 429 is told in JSON with a
fraction of a second.
"""

import json
import re
import time
import urllib.parse

from .canary import canary
from .http import HttpServer

PATH = f"/api/webhooks/123456789012345678/{canary('discord')}"

LIMITS = {"title": 256, "description": 4096, "name": 256, "value": 1024, "text": 2048}
TOTAL, FIELDS, EMBEDS, CONTENT = 6000, 25, 10, 2000
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
URL = re.compile(r"https?://[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]+(:\d+)?([/?#][!-~]*)?")
OWN_LINK = re.compile(r"\[(Open|Runbook|Dashboard|Source)\]\(https?://[!-'*-~]+\)")


class Invalid(Exception):
    """Where and why a message is refused, as Discord tells it."""

    def __init__(self, path, why):
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why

    def body(self):
        """The JSON of the answer."""
        errors = {"_errors": [{"code": "BASE_TYPE_BAD", "message": self.why}]}
        for part in reversed(self.path.split(".")):
            errors = {part: errors}
        return json.dumps({"message": "Invalid Form Body", "code": 50035,
                           "errors": errors}).encode()


def check_text(value, limit, path):
    """A text that is there, trimmed, and within its limit; returns its length."""
    if not isinstance(value, str) or not value.strip():
        raise Invalid(path, "This field is required")
    if value != value.strip():
        raise Invalid(path, "Discord would trim this")
    if len(value) > limit:
        raise Invalid(path, f"Must be {limit} or fewer in length.")
    return len(value)


def check_keys(value, path, known):
    if not isinstance(value, dict) or set(value) - known:
        raise Invalid(path, f"not an object with {sorted(known)}: {value!r}"[:200])


def check_embed(embed, path):
    """An embed of text; returns what counts for the total."""
    check_keys(embed, path, {"title", "url", "description", "color", "fields", "footer",
                             "timestamp"})
    total = sum(check_text(embed[name], LIMITS[name], f"{path}.{name}")
                for name in ("title", "description") if name in embed)
    if "url" in embed and not (URL.fullmatch(embed["url"]) and len(embed["url"]) <= 2048):
        raise Invalid(f"{path}.url", "Not a well formed URL.")
    if "timestamp" in embed and not TIME.fullmatch(embed["timestamp"]):
        raise Invalid(f"{path}.timestamp", "Could not parse")
    if not 0 <= embed.get("color", 0) <= 0xffffff:
        raise Invalid(f"{path}.color", "int value should be less than or equal to 16777215.")
    fields = embed.get("fields", [])
    if len(fields) > FIELDS:
        raise Invalid(f"{path}.fields", f"Must be {FIELDS} or fewer in length.")
    for number, field in enumerate(fields):
        check_keys(field, f"{path}.fields.{number}", {"name", "value", "inline"})
        total += sum(check_text(field.get(name), LIMITS[name], f"{path}.fields.{number}.{name}")
                     for name in ("name", "value"))
    if "footer" in embed:
        check_keys(embed["footer"], f"{path}.footer", {"text"})
        total += check_text(embed["footer"].get("text"), LIMITS["text"], f"{path}.footer.text")
    if not total:
        raise Invalid(path, "an embed without any text")
    return total


def check(payload):
    """Refuses what Discord would not take, and what mentions more than is allowed."""
    check_keys(payload, "message", {"content", "username", "avatar_url", "embeds",
                                    "allowed_mentions"})
    allowed = payload.get("allowed_mentions")
    if not isinstance(allowed, dict) or not isinstance(allowed.get("parse"), list):
        raise Invalid("allowed_mentions", "must say whom this may mention")
    if "content" in payload:
        check_text(payload["content"], CONTENT, "content")
    embeds = payload.get("embeds", [])
    if not embeds and not payload.get("content"):
        raise Invalid("content", "Cannot send an empty message")
    if len(embeds) > EMBEDS:
        raise Invalid("embeds", f"Must be {EMBEDS} or fewer in length.")
    if sum(check_embed(embed, f"embeds.{n}") for n, embed in enumerate(embeds)) > TOTAL:
        raise Invalid("embeds", "Embed size exceeds maximum size of 6000")
    return payload


class DiscordServer(HttpServer):
    """The webhook. paced: five messages in two seconds, and a violation when one comes too early."""

    def __init__(self, paced=False, most=5, window=2.0, certificate=None):
        self.messages = []
        self.paced = paced
        self.most = most
        self.window = window
        self.used = 0
        self.reset_at = 0.0
        self.gone = False
        super().__init__(certificate)

    @property
    def webhook(self):
        """The secret URL."""
        return self.url + PATH

    def vanish(self):
        """The webhook is deleted: the first request is told so, and there may be no second."""
        self.gone = True

    def pace(self):
        """The headers of this answer, and the seconds to wait when it is 429."""
        now = time.monotonic()
        with self.lock:
            if now >= self.reset_at:
                self.used, self.reset_at = 0, now + self.window
            self.used += 1
            left, after = self.most - self.used, self.reset_at - now
        headers = {"X-RateLimit-Limit": str(self.most), "X-RateLimit-Bucket": "abcd1234",
                   "X-RateLimit-Remaining": str(max(0, left)),
                   "X-RateLimit-Reset": f"{time.time() + after:.3f}",
                   "X-RateLimit-Reset-After": f"{after:.3f}", "Content-Type": "application/json"}
        return headers, after if left < 0 else 0

    def unknown(self):
        if self.gone == "told":
            self.violated("discord: a request after 404")
        self.gone = "told"
        return 404, b'{"message":"Unknown Webhook","code":10015}', {}

    def reply(self, request):
        url = urllib.parse.urlsplit(request.path)
        query = urllib.parse.parse_qs(url.query)
        if url.path != PATH:
            return 401, b'{"message":"Invalid Webhook Token","code":50027}', {}
        if self.gone:
            return self.unknown()
        headers, wait = self.pace() if self.paced else ({"Content-Type": "application/json"}, 0)
        if wait:
            self.violated(f"discord: a request {wait:.3f} s too early")
            return 429, json.dumps({"message": "You are being rate limited.", "global": False,
                                    "retry_after": round(wait, 3)}).encode(), {
                **headers, "Retry-After": str(int(wait) + 1), "X-RateLimit-Scope": "user"}
        return (*self.judge(request, query), headers)

    def judge(self, request, query):
        """The status and the body that a message is answered with."""
        if query.get("wait") != ["true"]:
            self.violated("discord: without wait=true nobody learns of errors")
        try:
            payload = check(request.json())
        except (Invalid, ValueError) as why:
            self.violated(f"discord: {why}")
            return 400, why.body() if isinstance(why, Invalid) else b"{}"
        payload["_at"], payload["_query"] = request.at, query
        with self.lock:
            self.messages.append(payload)
            self.changed.notify_all()
            number = len(self.messages)
        return 200, json.dumps({"id": str(1000 + number), "type": 0}).encode()

    def wait_messages(self, n, timeout=15):
        """Waits for n accepted messages."""
        self.wait_for(lambda: len(self.messages) >= n, timeout,
                      lambda: f"{n} messages ({len(self.messages)} now)")
        return list(self.messages)
