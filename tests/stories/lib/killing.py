# SPDX-License-Identifier: Apache-2.0
"""What stories about kill -9 share: who sends and remembers, who kills, who counts the toll.

lost = acknowledged - delivered, for each channel, when nothing is dead any more. Alerts are numbered,
their number stands in the summary ("alert 17"), and a number is never used twice.
"""

import collections
import json
import random
import re
import threading
import time

from .client import Client, Refused, Unreachable
from .tocsin import alert

BATCHES = (1, 1, 2, 5, 20)


class Sender(threading.Thread):
    """Posts numbered alerts until enough are acknowledged; remembers exactly which."""

    def __init__(self, tocsin, wanted, dice, batches=BATCHES):
        super().__init__(daemon=True)
        self.client = Client(tocsin.socket, timeout=10)
        self.wanted = wanted
        self.allowed = wanted       # lower: pauses when that many are acknowledged
        self.dice = random.Random(dice.random())
        self.batches = batches
        self.acknowledged = {}      # number -> id of the alert
        self.number = 0             # the next one
        self.stopped = False
        self.trouble = None

    def run(self):
        while len(self.acknowledged) < self.wanted and not self.stopped:
            if len(self.acknowledged) >= self.allowed:
                time.sleep(0.005)
                continue
            try:
                self.post(self.dice.choice(self.batches))
            except Unreachable:
                time.sleep(0.005)
            except Refused as why:
                if why.status != 503:
                    self.trouble = why
                    return
                time.sleep(0.01)

    def post(self, n):
        """Posts n alerts at once. Their numbers are used, answered or not."""
        numbers = range(self.number, self.number + n)
        self.number += n
        reply = self.client.call("POST", "/api/v1/alerts", [
            alert(f"alert {number}") for number in numbers])
        assert reply["accepted"] == n
        self.acknowledged.update(zip(numbers, reply["ids"]))

    @property
    def attempted(self):
        """Every number that was ever posted."""
        return range(self.number)

    def finish(self, seconds):
        """Waits until all that is wanted is acknowledged."""
        self.join(seconds)
        assert not self.trouble and not self.is_alive(), \
            self.trouble or f"{len(self.acknowledged)} of {self.wanted} acknowledged"


def kill_at_random(tocsin, dice, kills, between=lambda n: None):
    """Kills and starts again, at moments of the start-up as well as of the work. `between` is told
    how many kills there were while nothing runs."""
    for n in range(kills):
        ready = dice.random() < 0.8
        time.sleep(dice.uniform(0.01, 0.5) if ready else dice.expovariate(30))
        tocsin.kill()
        between(n + 1)
        tocsin.start(wait=dice.random() < 0.7)
    tocsin.wait_ready()


def number_of(record):
    """The number of an alert, from its JSON."""
    return int(re.search(r"alert (\d+)", record["annotations"]["summary"]).group(1))


def numbers_in_file(path):
    """number -> keys, of every whole record; how many were cut by a kill."""
    found, cut = collections.defaultdict(list), 0
    for line in path.read_text("utf-8", "replace").splitlines():
        try:
            record = json.loads(line)
            found[number_of(record)].append(record["key"])
        except ValueError:
            cut += 1
    return found, cut


def replay_dead(tocsin, seconds=60):
    """Tries again what was set aside because it was under way at three deaths, as an operator does;
    returns how many those were. Nothing is dead afterwards, so lost = acknowledged - delivered."""
    dead = tocsin.counters()["dead"]
    if dead:
        assert tocsin.post("/api/v1/dead/replay", {"all": True}) == {"replayed": dead}
        assert tocsin.wait_settled(seconds)["dead"] == 0
    return dead


class Toll:
    """What became, on one channel, of the alerts that were acknowledged, of all that were sent."""

    def __init__(self, acknowledged, attempted, arrived):
        self.lost = set(acknowledged) - set(arrived)
        self.made_up = set(arrived) - set(attempted)
        self.repeats = sum(len(keys) - 1 for keys in arrived.values())
        self.rekeyed = {n: keys for n, keys in arrived.items() if len(set(keys)) > 1}

    def check(self, name, most_repeats):
        """Nothing lost, nothing made up, repeats few and recognisable."""
        assert not self.lost, f"{name} lost {len(self.lost)}: {sorted(self.lost)[:10]}"
        assert not self.made_up, f"{name} made up {sorted(self.made_up)[:10]}"
        assert not self.rekeyed, f"{name}: repeats with another key: {self.rekeyed}"
        assert self.repeats <= most_repeats, \
            f"{name}: {self.repeats} came twice, at most {most_repeats} were under way"
