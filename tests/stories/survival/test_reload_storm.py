# SPDX-License-Identifier: Apache-2.0
"""Hundreds of reloads under load, a third of them of a configuration that is wrong.

Each valid configuration names its routes after itself, so that the store can say at the end which
one decided each alert: exactly one, never a refused one, and all of its channels got the alert once.
"""

import collections
import json
import os
import shutil
import signal
import threading
import time

import pytest

from lib import books, rows
from lib.client import Client, Refused, Unreachable
from lib.forgetful import make_forgetful
from lib.rows import add_recipients, add_rows
from lib.sections import file_channel, postgres_source, slack_channel, smtp_channel
from lib.tocsin import SLOW, alert, wait_until
from test_config_errors import CASES, place_of

pytestmark = pytest.mark.needs("sqlite", "file", "slack", "smtp")

RATE = 500          # alerts a second
BATCH = 25          # in one request
EXTRAS = ("extra0", "extra1", "extra2")
QUICK = {"first": "50ms", "max": "200ms", "give_up_after": "1h"}


class Sender(threading.Thread):
    """Posts alerts at a steady rate; remembers those that were acknowledged."""

    def __init__(self, tocsin):
        super().__init__(daemon=True)
        self.client = Client(tocsin.socket)
        self.sent = {}              # id -> part
        self.stopping = threading.Event()
        self.trouble = None
        self.began = time.monotonic()

    def run(self):
        due, number = time.monotonic(), 0
        while not self.stopping.wait(max(0, due - time.monotonic())):
            due += BATCH / RATE
            number = self.post(number)

    def post(self, number):
        parts = ["mail" if n % 25 == 0 else "chat" if n % 10 == 1 else "plain"
                 for n in range(number, number + BATCH)]
        try:
            reply = self.client.call("POST", "/api/v1/alerts", [
                alert(f"alert {number + i}", labels={"part": part})
                for i, part in enumerate(parts)])
            self.sent.update(zip(reply["ids"], parts))
        except Unreachable:         # of the control, which is killed
            time.sleep(0.05)
        except Refused as why:
            self.trouble = why
            self.stopping.set()
        return number + BATCH

    def stop(self):
        self.stopping.set()
        self.join(20)
        assert not self.trouble and not self.is_alive(), self.trouble


class Shapes:
    """Makes configurations, and knows what each valid one wants."""

    def __init__(self, tocsin, smtp, slack, place, database=None):
        self.tocsin, self.smtp, self.slack, self.place = tocsin, smtp, slack, place
        self.database = database
        self.wanted = {}            # generation -> part -> channels
        self.number = 0

    def path(self, channel):
        return self.place / f"{channel}.json"

    def write(self, extras, dice=None, source=True):
        """The next configuration; with dice its channels have new options. Its number."""
        self.number += 1
        number = self.number
        pick = dice.choice if dice else lambda options: options[0]
        # Time-outs that no slow machine reaches: what they repeat is not the reload's.
        channels = {
            "log": file_channel(self.path("log"), sync=False,
                                retry={"max": pick(["1s", "2s"])}),
            "mail": smtp_channel(self.smtp, retry=QUICK, workers=pick([2, 1]),
                                 server_timeout=pick(["300s", "301s", "302s"])),
            "chat": slack_channel(self.slack, retry=QUICK, concurrency=pick([8, 4]),
                                  timeout=pick(["300s", "301s"])),
            **{name: file_channel(self.path(name), sync=False) for name in extras}}
        wants = {"mail": {"log", "mail"}, "chat": {"log", "chat"}, "rows": {"log"},
                 "plain": {"log", *extras}}
        sources = {}
        if self.database and source:
            sources["rows"] = postgres_source(self.database, labels={"part": "rows"},
                                              poll=pick(["1s", "2s"]))
        self.tocsin.configure(
            channels=channels, sources=sources or None, log={"level": "info"},
            routes=[{"name": f"{part}-{number}", "match": [f'part="{part}"'],
                     "channels": sorted(names)} for part, names in wants.items()],
            default={"channels": ["log"]})
        return number, wants


class Reloads:
    """Asks for reloads, and checks what the daemon says of each."""

    def __init__(self, tocsin, dice):
        self.tocsin, self.dice = tocsin, dice
        self.offset = len(tocsin.log())
        self.times = []
        self.done = collections.Counter()

    def ask(self):
        """Some way to ask for one; returns when it is over."""
        before = time.monotonic()
        how = self.dice.choice(("signal", "signal", "command", "api", "api", "api"))
        if how == "signal":
            self.tocsin.send_signal(signal.SIGHUP)
        elif how == "command":
            self.tocsin.cli("reload")
        else:
            try:
                self.tocsin.post("/api/v1/reload")
            except Refused as why:
                assert why.status == 422, why
        lines = wait_until(self.verdict, 20, lambda: f"an answer in {self.log()[-2000:]}")
        self.times.append(time.monotonic() - before)
        return lines

    def log(self):
        with open(self.tocsin.output[-1], "rb") as log:
            log.seek(self.offset)
            return log.read().decode("utf-8", "replace")

    def verdict(self):
        """What was logged since the last reload, once its last line is there."""
        text = self.log()
        if "configuration reloaded" not in text and "not reloaded" not in text:
            return None
        end = text.rfind("\n") + 1
        self.offset += len(text[:end].encode())
        return text[:end].splitlines()

    def good(self):
        lines = self.ask()
        said = [line for line in lines if "reloaded" in line]
        assert len(said) == 1 and "not reloaded" not in said[0], lines
        self.done["valid"] += 1

    def bad(self):
        """Refused, and the reason is told once."""
        lines = [line.split(" ", 2)[-1] for line in self.ask()]
        said = [line for line in lines if "reloaded" in line]
        assert len(said) == 1 and "not reloaded" in said[0], lines
        reasons = [line for line in lines if " config: " in line or "not reloaded" in line]
        assert len(set(reasons)) == len(reasons), f"told twice: {reasons}"
        self.done["refused"] += 1


def spoil(tocsin, shapes, dice):
    """Something wrong, of any kind; returns how to undo it."""
    path = tocsin.conf / "20-wrong.yaml"
    kind = dice.randrange(len(CASES) + 4)
    if kind < len(CASES):
        text, _ = place_of(CASES[sorted(CASES)[kind]][0])
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    elif kind == len(CASES):
        tocsin.write(path.name, {"channels": {"deep": file_channel(shapes.place / "no" / "x")}})
    elif kind == len(CASES) + 1:
        path.write_bytes(dice.randbytes(2000))
    elif kind == len(CASES) + 2:
        story = tocsin.conf / "10-story.yaml"
        story.write_text(story.read_text().replace("tocsin.sock", "other.sock"))
    else:
        story = tocsin.conf / "10-story.yaml"
        story.write_text(story.read_text().replace("tocsin.db", "other.db"))
    return lambda: path.unlink(missing_ok=True)


def juggle_plugins(plugins, stage, dice):
    """Plugin files come and go: what is loaded stays, what is new waits for the next start."""
    if dice.random() < 0.5:
        (plugins / "slack.so").unlink(missing_ok=True)
        (plugins / "later.so").write_bytes(dice.randbytes(500))
    else:
        fresh = plugins / "fresh"
        shutil.copyfile(stage.plugins / "slack.so", fresh)
        fresh.chmod(0o644)
        os.replace(fresh, plugins / "slack.so")
        (plugins / "later.so").unlink(missing_ok=True)


def held(tocsin):
    """Descriptors, threads and resident KiB of the daemon."""
    path = f"/proc/{tocsin.pid}"
    with open(f"{path}/status", encoding="ascii") as status:
        rss = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    return len(os.listdir(f"{path}/fd")), len(os.listdir(f"{path}/task")), rss


def ids_in(path):
    """How often each alert is in a file."""
    if not path.exists():
        return collections.Counter()
    return collections.Counter(json.loads(line)["id"] for line in path.read_text().splitlines())


def check_arrivals(sent, arrived):
    """Each alert once: arrived counts them, sent is what was acknowledged."""
    lost, repeated = set(sent) - set(arrived), {id: n for id, n in arrived.items() if n > 1}
    assert not lost, f"{len(lost)} lost, such as {sorted(lost)[:3]}"
    assert not repeated, f"{len(repeated)} repeated, such as {sorted(repeated.items())[:3]}"


def decided(store):
    """alert id -> the (route, channel) of its deliveries, from the store."""
    found = collections.defaultdict(list)
    with books.copy_of(store) as db:
        for id, route, channel in db.execute(
                "SELECT a.id, r.text, c.text FROM delivery d JOIN alert a ON a.number = d.alert"
                " JOIN name r ON r.id = d.route JOIN name c ON c.id = d.channel"):
            found[id].append((route, channel))
    return found


def check_decisions(sent, found, wanted):
    """One configuration decided each alert, and all of its channels have it."""
    for id, part in sent.items():
        numbers = {route.removeprefix(f"{part}-") for route, _ in found[id]}
        assert len(numbers) == 1, f"{id} was decided by {sorted(numbers)}"
        number = int(numbers.pop())
        assert number in wanted, f"{id} was decided by {number}, which was refused"
        channels = sorted(channel for _, channel in found[id])
        assert channels == sorted(wanted[number][part]), f"{id}: {channels} of {number}"


def storm(campaign, tocsin, shapes, reloads, turns, each):
    """The reloads; each: called between them."""
    dice = campaign.dice
    for turn in range(turns):
        each(turn)
        extras = dice.sample(EXTRAS, dice.randrange(len(EXTRAS) + 1))
        number, wants = shapes.write(extras, dice, source=dice.random() < 0.8)
        if turn % 3 == 2:
            undo = spoil(tocsin, shapes, dice)
            reloads.bad()
            undo()
        else:
            shapes.wanted[number] = wants
            reloads.good()


@pytest.mark.needs("postgres")
@pytest.mark.timeout(7200)
def test_reload_storm(campaign, stage, make_tocsin, smtp, slack, alerts_database, tmp_path):
    plugins = tmp_path / "plugins"
    shutil.copytree(stage.plugins, plugins)
    tocsin = make_tocsin(plugins=[plugins])
    smtp.check_every = 20
    add_recipients(alerts_database)
    shapes = Shapes(tocsin, smtp, slack, tmp_path, alerts_database)
    inserted = []

    def each(turn):
        if turn % 5 == 0:
            inserted.extend(add_rows(alerts_database, 5, text=f"turn {turn}"))
        if turn % 10 == 0:
            juggle_plugins(plugins, stage, campaign.dice)

    def plain():
        number, wants = shapes.write(EXTRAS)
        shapes.wanted[number] = wants
        reloads.good()

    number, wants = shapes.write(EXTRAS)
    shapes.wanted[number] = wants
    tocsin.start()
    reloads, sender = Reloads(tocsin, campaign.dice), Sender(tocsin)
    sender.start()
    turns = campaign.size(300, 10_000)
    storm(campaign, tocsin, shapes, reloads, turns // 3, each)
    plain()
    before = held(tocsin)
    storm(campaign, tocsin, shapes, reloads, turns - turns // 3, each)
    plain()
    sender.stop()
    seconds = time.monotonic() - sender.began
    wait_until(lambda: rows.sent(alerts_database) == set(inserted), 30, "all rows sent")
    counters = tocsin.wait_settled(60)
    after = held(tocsin)
    tocsin.stop()

    sent = sender.sent
    assert counters["delivered"] == counters["accepted"], counters
    found = decided(tocsin.store)
    check_decisions(sent, found, shapes.wanted)
    in_log = ids_in(shapes.path("log"))
    check_arrivals(sent, in_log)
    assert len(in_log) == len(sent) + len(inserted), "a row came as two alerts, or not at all"
    for name in EXTRAS:
        check_arrivals([id for id in found if any(c == name for _, c in found[id])],
                       ids_in(shapes.path(name)))
    assert set(smtp.by_key().values()) == {1}
    assert len(smtp.mails) == list(sent.values()).count("mail")
    assert len(slack.messages) == list(sent.values()).count("chat")
    # Of the connections to the peers those are kept that are wanted: a few more or less.
    assert after[0] < before[0] + 16 and after[1] == before[1], f"{before} became {after}"
    # The store's page cache may have filled meanwhile: 8 MiB.
    assert after[2] < before[2] + 12 * 1024, f"{before} became {after}: it grows"
    p99 = sorted(reloads.times)[int(len(reloads.times) * 0.99)]
    campaign.record(reloads=turns + 2, **reloads.done, alerts=len(sent),
                    alerts_per_second=round(len(sent) / seconds), lost=0, repeated=0,
                    p99_ms=round(p99 * 1000), grown_kib=after[2] - before[2])


@pytest.mark.timeout(120)
def test_the_control_that_is_killed_to_reload_loses(tocsin, smtp, slack, tmp_path):
    """Reloading by SIGKILL, of a daemon that forgets: the checks above must see the loss."""
    shapes = Shapes(tocsin, smtp, slack, tmp_path)
    shapes.write(EXTRAS)
    make_forgetful(tocsin).start()
    sender = Sender(tocsin)
    sender.start()
    for _ in range(5):
        time.sleep(0.6)
        slack.answer(503)       # what waits can be forgotten
        time.sleep(0.3)
        tocsin.kill()
        slack.clear()
        shapes.write(EXTRAS)
        tocsin.start()
    sender.stop()
    tocsin.kill()
    tocsin.environment = {}
    tocsin.start()
    tocsin.wait_settled(60)
    tocsin.stop()
    with pytest.raises(AssertionError, match="lost"):
        check_arrivals(sender.sent, dict.fromkeys(decided(tocsin.store), 1))


def test_the_checks_of_the_storm_see_what_is_wrong():
    """A repeat, a loss, a second decision and a refused one."""
    check_arrivals({"a": "plain"}, {"a": 1})
    with pytest.raises(AssertionError, match="repeated"):
        check_arrivals({"a": "plain"}, {"a": 2})
    with pytest.raises(AssertionError, match="lost"):
        check_arrivals({"a": "plain"}, {})
    wanted = {1: {"plain": {"log", "extra0"}}, 3: {"plain": {"log"}}}
    check_decisions({"a": "plain"}, {"a": [("plain-3", "log")]}, wanted)
    for wrong, what in (([("plain-1", "log"), ("plain-3", "extra0")], "decided by"),
                        ([("plain-2", "log")], "refused"), ([("plain-1", "log")], "of 1"),
                        ([("plain-3", "log"), ("plain-3", "log")], "of 3")):
        with pytest.raises(AssertionError, match=what):
            check_decisions({"a": "plain"}, {"a": wrong}, wanted)
