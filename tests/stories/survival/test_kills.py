# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments, a hundred thousand alerts on three channels: what was acknowledged
arrives, nothing is made up, and what comes twice carries the first one's key.
"""

import os
import time

import pytest

from lib import books
from lib.forgetful import make_forgetful
from lib.killing import Sender, Toll, kill_at_random, numbers_in_file, replay_dead
from lib.sections import file_channel, slack_channel, smtp_channel
from lib.sinks import Sink

LONG = os.environ.get("TOCSIN_LONG") == "1"
pytestmark = pytest.mark.needs("sqlite", "file", "slack", "smtp")

BATCHES = (1, 2, 5, 20, 100)
WORKERS, CONCURRENCY, FILE_BATCH = 4, 16, 64
# What can come twice after one kill: twice what a channel works on at once.
UNDER_WAY = {"log": 2 * FILE_BATCH, "chat": 2 * CONCURRENCY, "mail": 2 * WORKERS}


@pytest.fixture
def sinks(standins, tmp_path):
    """A fast mail server and a fast webhook."""
    return {kind: standins(Sink, kind, tmp_path) for kind in ("smtp", "web")}


def three_channels(tocsin, sinks, log):
    """Each alert goes to a file, a webhook and a mailbox."""
    quick = {"first": "50ms", "max": "200ms", "give_up_after": "1h"}
    return tocsin.configure(
        channels={"chat": slack_channel(sinks["web"], retry=quick, concurrency=CONCURRENCY),
                  "mail": smtp_channel(sinks["smtp"], retry=quick, workers=WORKERS),
                  "log": file_channel(log, retry=quick, sync=False)},
        routes=[{"name": "all", "channels": ["chat", "mail", "log"]}],
        default={"channels": ["log"]}, log={"level": "warning"})


def tolls(sender, sinks, log):
    """The toll of each channel; how many records of the file were cut by a kill."""
    in_file, cut = numbers_in_file(log)
    arrived = {"log": in_file, "chat": sinks["web"].arrived(), "mail": sinks["smtp"].arrived()}
    return {name: Toll(sender.acknowledged, sender.attempted, found)
            for name, found in arrived.items()}, cut


@pytest.mark.timeout(14_400 if LONG else 600)
def test_random_kills(tocsin, campaign, sinks, tmp_path):
    kills, wanted = campaign.size(200, 1000), campaign.size(100_000, 100_000)
    log = tmp_path / "alerts.json"
    three_channels(tocsin, sinks, log).start()
    sender = Sender(tocsin, wanted, campaign.dice, BATCHES)
    sender.allowed = wanted // kills
    sender.start()

    def between(n):
        # The alerts are spread over the kills, so that the last one still meets a daemon at work.
        sender.allowed = wanted * (n + 1) // kills
        if n % (kills // 2) == 0:
            books.balanced(books.counters_of(tocsin.store), f"the store after kill {n}")

    kill_at_random(tocsin, campaign.dice, kills, between)
    sender.finish(300)
    counters = tocsin.wait_settled(300)
    set_aside = replay_dead(tocsin)
    found, cut = tolls(sender, sinks, log)
    campaign.record(kills=kills, alerts=len(sender.acknowledged), channels=len(found),
                    deliveries=counters["accepted"], set_aside=set_aside,
                    repeats=sum(toll.repeats for toll in found.values()),
                    lost=sum(len(toll.lost) for toll in found.values()),
                    made_up=sum(len(toll.made_up) for toll in found.values()))
    for name, toll in found.items():
        toll.check(name, UNDER_WAY[name] * kills)
    assert cut <= kills
    assert counters["accepted"] == 3 * counters["alerts"]


@pytest.mark.timeout(300)
def test_random_kills_control(tocsin, campaign, sinks, tmp_path):
    """The same campaign must see a loss of a daemon that acknowledges before it commits."""
    kills = campaign.size(5, 20)
    log = tmp_path / "alerts.json"
    make_forgetful(three_channels(tocsin, sinks, log)).start()
    sender = Sender(tocsin, 1_000_000, campaign.dice, BATCHES)
    sender.start()
    for _ in range(kills):
        time.sleep(campaign.dice.uniform(0.3, 0.6))
        tocsin.kill()
        tocsin.start()
    sender.stopped = True
    sender.join(20)
    tocsin.kill()
    tocsin.environment = {}
    tocsin.start()
    tocsin.wait_settled(60)
    replay_dead(tocsin)
    found, _ = tolls(sender, sinks, log)
    lost = sum(len(toll.lost) for toll in found.values())
    campaign.record(kills=kills, alerts=len(sender.acknowledged), control_lost=lost)
    assert lost, "the control lost nothing: this harness cannot see a loss"
