# SPDX-License-Identifier: Apache-2.0
"""The power is cut at random moments: what was acknowledged is still there and arrives.

Virtual machines do their work under load until QEMU is killed. After each cut the disk is looked
at before the daemon may repair anything, then the daemon goes on with it.
"""

import collections
import concurrent.futures
import json
import os
import random
import re
import threading
import time

import pytest

from lib.books import copy_of, counters_of
from lib.careless import MARK, careless_library
from lib.client import Client, Refused, Unreachable
from lib.machine import HOST, Machine, lacking, make_system
from lib.sections import slack_channel
from lib.slack import SlackServer
from lib.tocsin import SLOW, alert, wait_until

pytestmark = [pytest.mark.needs("sqlite", "slack", "file"),
              pytest.mark.skipif(lacking() is not None, reason=f"power cuts: {lacking()}")]

LANES = 2            # machines at a time
CUTS = 10            # of one machine; then it delivers everything, and the next has a new disk
CONCURRENCY = 8

CONFIGURATION = """\
store: {{type: sqlite, path: /disk/tocsin.db}}
api: {{socket: /run/tocsin.sock}}
log: {{level: warning}}
channels:
  chat: {chat}
  log: {{type: file, path: /disk/alerts.json, format: json, sync: true}}
default: {{channels: [chat, log]}}
"""


@pytest.fixture(scope="module")
def system(stage, tmp_path_factory):
    """What all machines boot from."""
    return make_system(stage, tmp_path_factory.mktemp("system"))


class Sender(threading.Thread):
    """Posts numbered alerts while the machine is on; notes each number that was acknowledged."""

    def __init__(self, world, seed):
        super().__init__(daemon=True)
        self.world = world
        self.client = Client(world.machine.address, timeout=5 * SLOW)
        self.dice = random.Random(seed)
        self.trouble = None

    def run(self):
        while not self.world.dark and not self.trouble:
            try:
                self.post(self.dice.choice((1, 1, 2, 5, 20)))
            except Unreachable:                 # the power was cut, unless it is only slow
                time.sleep(0.01)
            except Refused as why:
                if why.status != 503:
                    self.trouble = why
                time.sleep(0.01)
            except AssertionError as why:
                self.trouble = why
        self.client.close()

    def post(self, n):
        numbers = self.world.take(n)
        reply = self.client.call("POST", "/api/v1/alerts", [
            alert(f"alert {number}", labels={"number": str(number)}) for number in numbers])
        assert reply["accepted"] == n
        self.world.acknowledged.update(numbers)


class World:
    """A machine, the people who send to it, and those who get its messages."""

    def __init__(self, make_machine, seed):
        self.dice = random.Random(seed)
        self.slack = SlackServer()
        self.machine = make_machine(self.slack)
        self.client = None
        self.lock = threading.Lock()
        self.taken = 0
        self.acknowledged = set()
        self.dark = True
        self.cuts = 0
        self.lost = set()
        self.late = 0                          # cuts while the daemon was starting

    def take(self, n):
        """Numbers that nobody had before, acknowledged or not."""
        with self.lock:
            self.taken += n
            return range(self.taken - n, self.taken)

    def boot(self):
        """Switches the machine on; what is on its disk."""
        self.machine.boot()
        self.client = Client(self.machine.address, timeout=5 * SLOW)
        return self.machine.wait_found()

    def wait_ready(self):
        """Waits until the daemon answers."""
        def healthy():
            self.machine.alive()
            try:
                return self.client.call("GET", "/api/v1/health")["status"] == "ok"
            except (Unreachable, Refused):
                return False
        wait_until(healthy, 120, lambda: f"health ok\n{self.machine.console}\n")

    def cut(self):
        """Cuts the power."""
        self.machine.cut()
        self.dark = True
        self.cuts += 1
        self.client.close()

    def load(self, least, blink):
        """Sends as fast as the machine takes it; cuts the power in the middle of it, a blink
        after this many more alerts were acknowledged."""
        self.dark = False
        least += len(self.acknowledged)
        senders = [Sender(self, self.dice.random()) for _ in range(2)]
        for sender in senders:
            sender.start()
        wait_until(lambda: len(self.acknowledged) >= least or not self.machine.alive()
                   or any(sender.trouble for sender in senders), 120, "enough acknowledged")
        time.sleep(blink)
        self.cut()
        for sender in senders:
            sender.join(20 * SLOW)
            assert not sender.is_alive() and not sender.trouble, sender.trouble

    def arrived(self):
        """number -> how often it arrived at the webhook."""
        return collections.Counter(int(re.search(r"alert (\d+)", json.dumps(message)).group(1))
                                   for message in list(self.slack.messages))

    def examine(self, found):
        """Looks at the disk as a cut left it. Notes what is lost, fails when it is damaged, and
        when something counts as delivered that nobody got."""
        store = found / "tocsin.db"
        if not has_tables(store):              # the cut came before they were there, or ...
            self.lost |= self.acknowledged
            return None
        counters = counters_of(store)
        with copy_of(store) as rows:
            assert_no_deaths(rows)
            stored = {int(number) for number, in rows.execute(
                "SELECT json_extract(json, '$.labels.number') FROM alert")}
            delivered = rows.execute(
                "SELECT name.text, json_extract(json, '$.labels.number') FROM delivery"
                " JOIN name ON name.id = channel JOIN alert ON alert.number = delivery.alert"
                " WHERE state = 2").fetchall()
        self.lost |= self.acknowledged - stored
        got = {"chat": set(self.arrived()), "log": numbers_in(found / "alerts.json")}
        missing = [(channel, number) for channel, number in delivered
                   if int(number) not in got[channel]]
        assert not missing, f"delivered, says the store, but nobody has them: {missing[:20]}"
        return counters


def has_tables(store):
    """Is there a store, as far as that it has tables?"""
    if not store.exists():
        return False
    with copy_of(store) as rows:
        return rows.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] > 0


def assert_no_deaths(rows):
    """Nothing was given up, and there are no alerts but ours: those that tell of it have no number."""
    dead = rows.execute(
        "SELECT delivery.id, name.text, crashes, delivery.attempt, detail FROM delivery"
        " JOIN name ON name.id = channel LEFT JOIN attempt ON attempt.delivery = delivery.id"
        " AND attempt.token = delivery.token WHERE delivery.state = 3").fetchall()
    others = rows.execute("SELECT json FROM alert"
                          " WHERE json_extract(json, '$.labels.number') IS NULL").fetchall()
    assert not dead and not others, f"dead: {dead[:5]}, other alerts: {others[:5]}"


def numbers_in(path):
    """The numbers of all whole records of the file channel; a cut may have torn one."""
    found = set()
    if path.exists():
        for line in path.read_text("utf-8", "replace").splitlines():
            try:
                found.add(int(json.loads(line)["labels"]["number"]))
            except ValueError:
                pass
    return found


def one_life(world):
    """Boots, examines what the last cut left, works for a moment, cuts again."""
    world.examine(world.boot())
    # A webhook that is down keeps alerts in the store, one that is up moves them out of it.
    world.slack.clear()
    if world.dice.random() < 0.4:
        world.slack.answer(503)
    if world.dice.random() < 0.2 and world.cuts:
        world.late += 1
        time.sleep(world.dice.uniform(0, 0.5))
        world.cut()
        return
    world.wait_ready()
    world.load(world.dice.randrange(1, 150), world.dice.uniform(0, 0.3))


def last_life(world):
    """Delivers everything; that it did must survive one more cut."""
    world.slack.clear()
    world.examine(world.boot())
    world.wait_ready()
    wait_until(lambda: world.client.call("GET", "/api/v1/status")["counters"]["pending"] == 0,
               300, lambda: f"nothing is pending ({world.client.call('GET', '/api/v1/status')})")
    world.cut()
    found = world.boot()
    counters = world.examine(found)
    world.machine.cut()
    assert counters["pending"] == 0 and counters["dead"] == 0, counters
    return numbers_in(found / "alerts.json")


def survive(world, cuts):
    """The story of one machine."""
    try:
        for _ in range(cuts - 1):
            one_life(world)
            assert not world.lost, f"lost: {sorted(world.lost)[:20]}"
        in_file = last_life(world)
    finally:
        world.machine.cut()
        world.slack.stop()
    arrived = world.arrived()
    world.lost |= (world.acknowledged - set(arrived)) | (world.acknowledged - in_file)
    assert not world.lost, f"lost: {sorted(world.lost)[:20]}"
    assert not set(arrived) - set(range(world.taken)), "an alert was made up"
    repeats = sum(arrived.values()) - len(arrived)
    # What the channel works on at once is under way or waits for the commit of its outcome.
    assert repeats <= 2 * CONCURRENCY * world.cuts, f"{repeats} repeats in {world.cuts} cuts"
    assert not world.slack.violations, world.slack.violations[:5]
    return collections.Counter(cuts=world.cuts, cuts_while_starting=world.late, repeats=repeats,
                               acknowledged=len(world.acknowledged), lost=len(world.lost))


def make_world(system, directory, seed, filesystem="ext4", preload=None):
    """A machine with the usual configuration; preload: a library for the daemon."""
    def make_machine(slack):
        chat = slack_channel(slack, concurrency=CONCURRENCY)
        chat["url"] = chat["url"].replace("127.0.0.1", HOST)
        files = {"conf.d/10-power.yaml": CONFIGURATION.format(chat=json.dumps(chat))}
        if preload:
            files["preload.so"] = preload
        return Machine(system, directory, files, filesystem, "/preload.so" if preload else "")
    return World(make_machine, seed)


@pytest.mark.timeout(14400 if os.environ.get("TOCSIN_LONG") == "1" else 1200)
def test_power_cuts_lose_nothing(system, tmp_path, campaign):
    """20 cuts at the gate, 300 in full; some of these on xfs."""
    machines = campaign.size(20, 300) // CUTS
    jobs = [(tmp_path / f"machine{number}", campaign.dice.random(),
             "xfs" if number % 5 == 4 and not lacking("xfs") else "ext4")
            for number in range(machines)]

    def job(directory, seed, filesystem):
        figures = survive(make_world(system, directory, seed, filesystem), CUTS)
        figures[f"cuts_{filesystem}"] = figures["cuts"]
        return figures

    with concurrent.futures.ThreadPoolExecutor(LANES) as lanes:
        total = sum(lanes.map(lambda each: job(*each), jobs), collections.Counter())
    campaign.record(**total, lost=total["lost"])
    assert total["cuts"] == CUTS * machines and total["acknowledged"] > 10 * total["cuts"], total


@pytest.mark.timeout(1200)
def test_power_cuts_without_synchronous_full_lose(system, tmp_path, campaign):
    """The control: the same machine must lose here, or it could not see a loss above."""
    world = make_world(system, tmp_path / "machine", campaign.dice.random(),
                       preload=careless_library(tmp_path))
    losing = 0
    try:
        for _ in range(campaign.size(3, 20)):
            before = len(world.lost)
            one_life(world)
            assert world.late or MARK in world.machine.console, world.machine.console
            losing += len(world.lost) > before
        before = len(world.lost)
        world.examine(world.boot())
        losing += len(world.lost) > before
    finally:
        world.machine.cut()
        world.slack.stop()
    campaign.record(cuts=world.cuts, cuts_that_lost=losing, acknowledged=len(world.acknowledged),
                    control_lost=len(world.lost))
    assert world.lost, "the control lost nothing: this harness cannot see a loss"
