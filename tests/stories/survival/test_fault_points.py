# SPDX-License-Identifier: Apache-2.0
"""Death at every place that the code itself names as dangerous: with a table that is read, five
channels and a sender that goes on, through start, work, reload, shutdown and runs for cron.
"""

import os

import pytest

from lib.faults import Dying, points
from lib.forgetful import make_forgetful
from lib.parrot import SOURCE

LONG = os.environ.get("TOCSIN_LONG") == "1"
pytestmark = pytest.mark.needs("sqlite", "file", "slack", "smtp", "postgres")

LEAST = 25


@pytest.fixture
def dying(make_tocsin, stage, plugin_kit, alerts_database, standins, tmp_path, campaign):
    """A daemon that is about to die, often, and somebody who posts while it listens."""
    plugin_kit(SOURCE, "parrot")
    tocsin = make_tocsin(plugins=[stage.plugins, plugin_kit.directory])
    made = Dying(tocsin, alerts_database, standins, tmp_path, campaign.dice)
    yield made
    made.end()


@pytest.mark.timeout(14_400 if LONG else 600)
def test_fault_points(dying, campaign):
    kills = campaign.size(3, 20)
    names = points(dying.tocsin.stage)
    if not names and not os.environ.get("TOCSIN_STORIES_ALL"):
        pytest.skip("needs a build configured with --enable-fault-points")
    assert len(names) >= LEAST and len(set(names)) == len(names)
    never = []
    for name in names:
        never += filter(None, [dying.kill_at(name, kills)])
        dying.tocsin.check_books()      # of the dead: integrity, and that rows fit the counters
    dead = dying.settle_all()
    found = dying.tolls()
    forgotten = dying.forgotten()
    campaign.record(pings=len(dying.pinger.acknowledged) + len(dying.spooled), forgotten=len(forgotten),
                    points=len(names) - len(never), kills=kills * len(names),
                    alerts=len(dying.sender.acknowledged), rows=len(dying.inserted), set_aside=dead,
                    repeats=sum(toll.repeats for toll in found.values()),
                    lost=sum(len(toll.lost) for toll in found.values()),
                    made_up=sum(len(toll.made_up) for toll in found.values()))
    assert not never, never
    assert not forgotten, sorted(forgotten)[:20]
    for name, toll in found.items():
        toll.check(name, 128 * kills * len(names))


@pytest.mark.timeout(300)
def test_fault_points_control(dying, campaign):
    """The same campaign must see a loss of a daemon that acknowledges before it commits."""
    if not points(dying.tocsin.stage):
        pytest.skip("needs a build configured with --enable-fault-points")
    kills = campaign.size(5, 20)
    make_forgetful(dying.tocsin)
    preload = dict(dying.tocsin.environment)
    for _ in range(kills):
        dying.sender.allowed = len(dying.sender.acknowledged) + 300
        dying.tocsin.environment = {**preload, "TOCSIN_FAULT": "store.answer.after:20"}
        dying.tocsin.start(wait=False)
        dying.tocsin.wait_end()
    dying.tocsin.environment = {}
    dying.settle_all()
    lost = sum(len(toll.lost) for toll in dying.tolls().values())
    campaign.record(kills=kills, alerts=len(dying.sender.acknowledged), control_lost=lost)
    assert lost, "the control lost nothing: this harness cannot see a loss"
