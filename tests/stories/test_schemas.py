# SPDX-License-Identifier: Apache-2.0
"""What the chats are sent, judged by the vendors: the types that Slack and Discord publish, and
Microsoft's library for Adaptive Cards.

They are npm packages (tests/schemas/package-lock.json has their checksums), for these tests only. Where
npm or its registry cannot be reached, the stories skip.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from lib.discord import DiscordServer
from lib.sections import discord_channel, slack_bot, slack_channel, teams_channel
from lib.slack import SlackApi, SlackServer
from lib.teams import TeamsServer
from lib.tocsin import alert

pytestmark = pytest.mark.needs("sqlite", "discord", "slack", "teams")

SCHEMAS = pathlib.Path(__file__).resolve().parent.parent / "schemas"

HOSTILE = [
    "<!channel> <@U012AB3CD> <https://evil.example.com|bank>", "@everyone @here <@1> <@&2> <#3>",
    "<at>Everyone</at>", "[x](https://evil.example.com) ![y](https://evil.example.com/z)",
    "**b** *i* _u_ ~~s~~ ||spoiler|| `c` ```block```", "# h\n## h\n> q\n>>> q\n- l\n1. n\n---\n===",
    "    code\n\tcode\n  - deeper", "<script>alert(1)</script> &lt;b&gt; &#60;", "| a | b |\n|---|---|",
    '"},"type":"poem","x":{"', "{{DATE(2017-02-14T06:00:00Z, SHORT)}} {{ .x }} ${env:HOME}",
    "\\* \\\\ \\", "\u202eevil\u2066 \u200b\ufeff", "a\x1b[31m\x00\x07b", "www.evil.example.com x@y.z",
    "[a]: https://evil.example.com\n[a]", "<https://evil.example.com>", "!@#$%^&*()_+-=[]{}|;':,./<>?",
    " ", "\n\n\n", "`", "***", "<", ">", "&", "|", "🚨" * 3000, "漢" * 7000, "*" * 7000, "x" * 60_000,
]

TYPES = """import type { KnownBlock, MessageAttachment } from "@slack/types";
import type { RESTPostAPIWebhookWithTokenJSONBody } from "discord-api-types/v10";
interface SlackMessage {
    text: string; blocks: KnownBlock[]; attachments: MessageAttachment[]; channel?: string;
    unfurl_links?: false; unfurl_media?: false; thread_ts?: string; ts?: string;
    reply_broadcast?: true;
}
"""


@pytest.fixture(scope="module")
def judges():
    """A directory with the packages, installed once for each version of their list."""
    lock = (SCHEMAS / "package-lock.json").read_bytes()
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    directory = cache / "tocsin-tests" / f"schemas-{hashlib.sha256(lock).hexdigest()[:16]}"
    if not (directory / "complete").exists():
        install(directory)
    return directory


def install(directory):
    """npm ci, which installs what the lock file names and nothing else, and runs none of it."""
    if not shutil.which("npm") or not shutil.which("node"):
        pytest.skip("no npm: install the packages nodejs and npm")
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(SCHEMAS / name, directory)
    done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], text=True,
                          cwd=directory, capture_output=True, check=False, timeout=100)
    if done.returncode != 0:
        pytest.skip(f"npm cannot install the vendors' packages: {done.stderr.strip()[-200:]}")
    (directory / "complete").touch()


def check_types(judges, directory, **messages):
    """What TypeScript says of the messages, as literals of the vendors' types: (name, sentence)."""
    source = [TYPES]
    for kind, values in messages.items():
        source += [f"export const {kind}_{n}: {kind} = {json.dumps(value)};"
                   for n, value in enumerate(values)]
    if not (directory / "node_modules").exists():
        (directory / "node_modules").symlink_to(judges / "node_modules")
    source = "\n".join(source).replace(": Discord =", ": RESTPostAPIWebhookWithTokenJSONBody =")
    (directory / "judged.ts").write_text(source)
    done = subprocess.run(
        ["node", "node_modules/typescript/bin/tsc", "--noEmit", "--strict", "--skipLibCheck",
         "--exactOptionalPropertyTypes", "--target", "es2022", "--module", "nodenext", "judged.ts"],
        cwd=directory, capture_output=True, text=True, check=False)
    found = re.findall(r"^judged\.ts\((\d+),\d+\): (.*)", done.stdout, re.MULTILINE)
    assert bool(found) == bool(done.returncode), done.stdout + done.stderr
    lines = source.split("\n")
    return [(lines[int(line) - 1].split()[2].rstrip(":"), said) for line, said in found]


def check_cards(judges, directory, cards):
    """What Microsoft's library says of the cards, a sentence for each mistake."""
    (directory / "cards.json").write_text(json.dumps(cards))
    done = subprocess.run(["node", SCHEMAS / "cards.cjs", directory / "cards.json"], text=True,
                          env={**os.environ, "NODE_PATH": str(judges / "node_modules")},
                          capture_output=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.splitlines()


def send_everything(tocsin):
    """Alerts that fire, are resolved, are long and are hostile."""
    tocsin.send(alert("disk is full", "critical", site="db1.example.com",
                      annotations={"description": "97 % of /var", "metric_value": "97",
                                   "runbook_url": "https://example.com/full?a=(1)"},
                      link="https://example.com/db1?a=1&b=2"))
    tocsin.send(alert("disk is full", "critical", site="db1.example.com", status="resolved"))
    tocsin.send(alert("many", "warning", labels={f"label{n}": "x" * 900 for n in range(60)}))
    for text in HOSTILE:
        text = text.replace("\x00", "")
        tocsin.send(alert(text, "info", link="https://example.com/x",
                          labels={"l": text.encode()[:4000].decode("utf-8", "ignore")},
                          annotations={"description": text, "extra": text, "runbook_url": text}))


# The controls, which the judges must find: one mistake in each.
TEXT = {"type": "mrkdwn", "text": "x"}
BAD_MESSAGES = [
    {"text": "x", "blocks": [{"type": "header", "text": TEXT}], "attachments": []},
    {"text": "x", "blocks": [{"type": "section", "text": TEXT}], "attachments": [], "poem": 1},
]
BAD_EMBEDS = [{"embeds": [{"title": "x", "color": "#fff"}]}]
BAD_ELEMENTS = [
    ({"type": "Poem"}, "Poem"), ({"type": "TextBlock", "text": "x", "style": "heading"}, "1.5"),
    ({"type": "TextBlock", "text": "x", "size": "huge"}, "huge"),
    ({"type": "TextBlock", "text": "**x**"}, "<strong>"),
    ({"type": "TextBlock", "text": "[x](https://example.com)"}, "<a href"),
]


def test_the_vendors_find_what_was_planted_and_nothing_else(tocsin, standins, judges, tmp_path):
    web, api, discord = standins(SlackServer), standins(SlackApi), standins(DiscordServer)
    teams = standins(TeamsServer)
    channels = {"web": slack_channel(web), "bot": slack_bot(api, thread_broadcast=True),
                "discord": discord_channel(discord, mentions="role:7"),
                "teams": teams_channel(teams, mentions={"Ann": "ann@example.com"})}
    tocsin.configure(channels=channels, default={"channels": list(channels)}).start()
    send_everything(tocsin)
    counters = tocsin.wait_settled(timeout=60)
    assert counters["delivered"] == 4 * (3 + len(HOSTILE)), counters

    messages = [request.json() for request in web.requests + api.requests]
    embeds = [request.json() for request in discord.requests]
    found = check_types(judges, tmp_path, SlackMessage=messages + BAD_MESSAGES,
                        Discord=embeds + BAD_EMBEDS)
    assert [name for name, _ in found] == [
        f"SlackMessage_{len(messages)}", f"SlackMessage_{len(messages) + 1}",
        f"Discord_{len(embeds)}"], found

    planted = [{"type": "AdaptiveCard", "version": "1.4", "body": [element]}
               for element, _ in BAD_ELEMENTS]
    found = check_cards(judges, tmp_path, teams.cards + planted)
    assert len(found) == len(planted), found
    for number, (_, word) in enumerate(BAD_ELEMENTS, len(teams.cards)):
        assert any(said.startswith(f"card {number}:") and word in said for said in found), found
