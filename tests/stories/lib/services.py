# SPDX-License-Identifier: Apache-2.0
"""Channels with a canary in every secret: of each service that is shipped, and of the webhook that
they are made of in all its ways to log in."""

import base64
import re

import yaml

from .canary import canary
from .sections import QUICK

# What tokens may hold; and passwords, which nobody writes into a URL as they are.
TOKEN = "+/=:~"
PASSWORD = '+/"\\&<%>\'='


def _word(name):
    """What tells a channel from others, in its canaries and as the name of its host."""
    return re.sub("[^a-z0-9]", "", name)


class Secretive:
    """A channel, its secrets by the names of their options, and how its answers are judged."""

    def __init__(self, name, channel, secrets, judge):
        self.name = name
        self.word = _word(name)
        self.channel = channel
        self.secrets = secrets
        self.judge = judge

    def section(self, **more):
        """The section of the configuration; unpaced, and tried again quickly."""
        return {**self.channel, "retry": dict(QUICK), "timeout": "10s", "rate": "unlimited",
                "private_addresses": "allow", **more}


def _value(name, option, about, definition):
    """What a channel of this service says for the option; None: nothing."""
    secret = canary(f"{_word(name)}X{_word(option)}")
    if about["type"] == "secret":
        return secret + (TOKEN if f"${{option:{option}}}" in definition["url"] else PASSWORD)
    if about["type"] == "secret_url":
        # as vendors give them: with some of it percent-encoded
        return (f"https://{_word(name)}.example.com/hooks/{secret}%2Bz%3D/{secret}?v=1"
                f"&token=%22{secret}%2F%22")
    if not about.get("required"):
        return None
    if about["type"] == "url":
        return f"https://{_word(name)}.example.com"
    return yaml.safe_load(about["example"])


def _service(name, about):
    options = {option: _value(name, option, each, about["channel"])
               for option, each in about["options"].items()}
    channel = {"type": name, **{option: v for option, v in options.items() if v is not None}}
    if about.get("recipients"):
        channel["to"] = ["+15550100"]
    return Secretive(name, channel, {option: options[option] for option, each
                                     in about["options"].items()
                                     if each["type"].startswith("secret")}, about["channel"])


def services(stage):
    """Of every service of this installation that has a secret."""
    found = {}
    for path in sorted((stage.path / "share" / "tocsin" / "services").glob("*.yaml")):
        found.update(yaml.safe_load(path.read_text())["services"])
    made = [_service(name, about) for name, about in found.items()]
    return [each for each in made if each.secrets]


JUDGE = {"reason": ["error.message", "why"], "success": {"json": "ok", "is": True},
         "replies": [{"json": "error.code", "in": [7], "outcome": "rejected", "why": "seven"},
                     {"contains": "busy", "outcome": "throttled", "retry_after": "error.wait"}]}

WEBHOOKS = {
    "bearer": {"auth": {"bearer": PASSWORD}},
    "basic": {"auth": {"username": "alerts", "password": PASSWORD}},
    "header": {"auth": {"header": "X-Api-Key", "token": PASSWORD}},
    "query": {"auth": {"query": "key", "token": PASSWORD}},
    "hmac": {"hmac": {"header": "X-Hub-Signature-256", "secret": PASSWORD}},
    "signature": {"signature": {"secret": None, "previous": None}},
}


def _signing(secret):
    """As Standard Webhooks write secrets."""
    return "whsec_" + base64.b64encode(secret.encode().ljust(24, b"z")[:64]).decode()


def _webhook(name, sections):
    secrets, channel = {}, {"type": "webhook", "url": f"https://{name}.example.com/hook", **JUDGE}
    for section, options in sections.items():
        channel[section] = dict(options)
        for option, more in options.items():
            if more not in (None, PASSWORD):
                continue
            secret = canary(f"{name}X{option}")
            secret = _signing(secret) if more is None else secret + more
            channel[section][option] = secrets[f"{section} {option}"] = secret
    return Secretive(name, channel, secrets, JUDGE)


def webhooks():
    """Of the webhook itself."""
    return [_webhook(name, sections) for name, sections in WEBHOOKS.items()]


def secrets_of(secretives):
    """The secrets that these channels have: {"service wecom key", ...}."""
    return {f"{'channel' if each.channel['type'] == 'webhook' else 'service'} "
            f"{each.channel['type']} {option}" for each in secretives for option in each.secrets}
