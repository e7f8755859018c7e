# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments: what was acknowledged arrives, and repeats can be recognised.

TOCSIN_SEED replays a run; TOCSIN_KILLS and TOCSIN_ALERTS make it longer.
"""

import collections
import json
import os
import pathlib
import random
import re
import signal
import time

import pytest

from lib import rows
from lib.faults import Dying, points
from lib.forgetful import make_forgetful
from lib.killing import Sender, Toll, kill_at_random, numbers_in_file, replay_dead
from lib.parrot import SOURCE
from lib.rows import add_recipients, add_rows
from lib.sections import file_channel, postgres_source, slack_channel, smtp_channel
from lib.tocsin import SLOW, alert, wait_until

pytestmark = pytest.mark.needs("sqlite")

KILLS = int(os.environ.get("TOCSIN_KILLS", "50"))
ALERTS = int(os.environ.get("TOCSIN_ALERTS", "5000"))


@pytest.fixture
def dice():
    """Random moments that can be had again."""
    seed = int(os.environ.get("TOCSIN_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
    print(f"TOCSIN_SEED={seed}")
    return random.Random(seed)


def numbers_in_mails(smtp):
    """number -> keys, of every mail."""
    found = collections.defaultdict(list)
    for mail in smtp.mails:
        number = int(mail.message["subject"].split("alert ")[1].split()[0])
        found[number].append(mail.key)
    return found


def numbers_in_slack(slack):
    """number -> a dash for each time; a webhook message has no place for a key."""
    found = collections.defaultdict(list)
    for message in slack.messages:
        found[int(re.search(r"alert (\d+)", json.dumps(message)).group(1))].append("-")
    return found


def three_channels(tocsin, slack, smtp, log):
    smtp.check_every = 25
    quick = {"first": "50ms", "max": "200ms", "give_up_after": "1h"}
    tocsin.configure(
        channels={"chat": slack_channel(slack, retry=quick, concurrency=8),
                  "mail": smtp_channel(smtp, retry=quick, workers=2),
                  "log": file_channel(log, retry=quick, sync=False)},
        routes=[{"name": "all", "channels": ["chat", "mail", "log"]}],
        default={"channels": ["log"]}, log={"level": "warning"})


@pytest.mark.timeout(240)
def test_no_acknowledged_alert_is_lost_and_repeats_have_the_first_ones_key(
        tocsin, slack, smtp, tmp_path, dice):
    log = tmp_path / "alerts.json"
    three_channels(tocsin, slack, smtp, log)
    tocsin.start()
    sender = Sender(tocsin, ALERTS, dice)
    sender.start()
    kill_at_random(tocsin, dice, KILLS)
    sender.finish(90)
    tocsin.wait_settled(90)
    replay_dead(tocsin)
    counters = tocsin.counters()

    in_file, cut = numbers_in_file(log)
    # What is under way or waits for the commit of its outcome: twice what a channel works on at
    # once, which is a batch of 64 records and eight requests; four times of mail with two workers.
    for name, arrived, most in (("file", in_file, 128), ("mail", numbers_in_mails(smtp), 8),
                                ("slack", numbers_in_slack(slack), 16)):
        Toll(sender.acknowledged, sender.attempted, arrived).check(name, most * KILLS)
    assert cut <= KILLS
    assert counters["dead"] == 0 and counters["accepted"] == 3 * counters["alerts"]


@pytest.mark.timeout(120)
def test_the_control_that_acknowledges_before_it_commits_loses(tocsin, slack, smtp, tmp_path, dice):
    """The same story must see a loss here, or it could not see one above."""
    log = tmp_path / "alerts.json"
    three_channels(tocsin, slack, smtp, log)
    make_forgetful(tocsin).start()
    sender = Sender(tocsin, 1_000_000, dice)
    sender.start()
    for _ in range(5):
        time.sleep(0.3)
        # A channel that is down keeps alerts in the store, where they can be forgotten.
        slack.answer(503)
        time.sleep(0.3)
        tocsin.kill()
        slack.clear()
        tocsin.start()
    sender.stopped = True
    sender.join(20)
    tocsin.kill()
    tocsin.environment = {}
    tocsin.start()
    tocsin.wait_settled(60)
    lost = set(sender.acknowledged) - set(numbers_in_slack(slack))
    assert lost, "the control lost nothing: this harness cannot see a loss"


@pytest.mark.timeout(150)
@pytest.mark.needs("postgres", "smtp")
def test_no_row_is_lost_or_stuck_when_one_shot_runs_are_killed(tocsin, alerts_database, smtp, dice):
    """cron starts runs, something kills them at random moments; in the end all rows are sent."""
    smtp.check_every = 10
    add_recipients(alerts_database)
    ids = add_rows(alerts_database, 1000)
    tocsin.configure(channels={"mail": smtp_channel(smtp, to=["ops@example.com"])},
                     sources={"alerts": postgres_source(alerts_database)},
                     log={"level": "warning"})
    kills = 0
    for _ in range(KILLS):
        run = tocsin.start_once()
        time.sleep(dice.uniform(0.005, 0.25))
        if run.poll() is None:
            run.kill()
            kills += 1
        run.communicate()
        if rows.pending(alerts_database) == 0:
            ids += add_rows(alerts_database, 200, text=f"more {len(ids)}")
    last = tocsin.once()
    if last.status == 1:    # the next run tries again what was under way at three deaths
        last = tocsin.once()
    assert last.status == 0, last
    assert rows.sent(alerts_database) == set(ids) and kills > 5
    assert set(smtp.by_key()) and len(smtp.by_key()) == len(ids), "lost, or another key"
    repeats = sum(n - 1 for n in smtp.by_key().values())
    # One worker: two mails at most are under way or wait for the commit of their outcome.
    assert repeats <= 2 * kills, f"{repeats} repeats in {kills} kills"
    counters = tocsin.check_books()
    assert counters["pending"] == 0 and counters["dead"] == 0


@pytest.mark.timeout(90)
@pytest.mark.needs("postgres", "smtp")
def test_a_killed_daemon_loses_no_row(tocsin, alerts_database, smtp, dice):
    smtp.check_every = 10
    add_recipients(alerts_database)
    tocsin.configure(channels={"mail": smtp_channel(smtp)}, log={"level": "warning"},
                     sources={"alerts": postgres_source(alerts_database, poll="1s")}).start()
    ids = []
    for turn in range(15):
        ids += add_rows(alerts_database, 40, text=f"turn {turn}")
        time.sleep(dice.uniform(0.01, 0.3))
        tocsin.kill()
        tocsin.start(wait=False)
    tocsin.wait_ready()

    def all_sent():     # also what was set aside because it was under way at three deaths
        tocsin.post("/api/v1/dead/replay", {"all": True})
        return rows.sent(alerts_database) == set(ids)
    wait_until(all_sent, 40, "all rows sent")
    tocsin.wait_settled()
    assert len(smtp.by_key()) == len(ids)
    assert sum(n - 1 for n in smtp.by_key().values()) <= 15 * 2


def test_a_build_that_was_not_made_for_it_has_no_fault_points(stage):
    """Neither the list nor the names: they cost nothing there."""
    names = points(stage)
    assert (b"store.commit.after" in stage.tocsind.read_bytes()) == bool(names)


@pytest.mark.timeout(180)
@pytest.mark.needs("postgres", "smtp", "slack", "file")
def test_no_fault_point_loses(stage, make_tocsin, plugin_kit, alerts_database, standins, tmp_path,
                              dice):
    """A dozen of them by lot, under whatever this build looks for; the campaign takes them all."""
    names = points(stage)
    if not names:
        pytest.skip("needs a build configured with --enable-fault-points")
    plugin_kit(SOURCE, "parrot")
    tocsin = make_tocsin(plugins=[stage.plugins, plugin_kit.directory])
    dying = Dying(tocsin, alerts_database, standins, tmp_path, dice)
    try:
        never = [dying.kill_at(name, 1) for name in dice.sample(names, 12)]
        dying.settle_all()
    finally:
        dying.end()
    assert not any(never), [each for each in never if each]
    for name, toll in dying.tolls().items():
        toll.check(name, 128 * len(never))


def test_deaths_at_the_start_accuse_nobody(stage, tocsin, slack):
    """What was under way at one death is not to blame for those that follow before it is tried."""
    if not points(stage):
        pytest.skip("needs a build configured with --enable-fault-points")
    slack.hang()
    tocsin.configure(channels={"chat": slack_channel(slack, timeout="60s")}).start()
    tocsin.send(alert("innocent"))
    slack.wait_requests(1)
    tocsin.kill()
    for name in ["start.scratch", "start.recover"] + ["start.recovered"] * 3 + ["start.channels"]:
        tocsin.environment = {"TOCSIN_FAULT": name}
        tocsin.start(wait=False)
        assert tocsin.wait_end() == -signal.SIGKILL
    tocsin.environment = {}
    slack.clear()
    tocsin.start()
    slack.wait_messages(1)
    assert tocsin.wait_settled()["dead"] == 0


@pytest.mark.needs("postgres", "file")
def test_a_run_serves_a_route_that_was_added_before_its_row_was_marked(stage, tocsin, alerts_database,
                                                                       tmp_path):
    """All was delivered, and the run before died on the way to the table."""
    if "tell.before" not in points(stage):
        pytest.skip("needs a build configured with --enable-fault-points")
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    channels = {"first": file_channel(first), "second": file_channel(second)}
    add_recipients(alerts_database)
    add_rows(alerts_database, 1)
    tocsin.environment = {"TOCSIN_FAULT": "tell.before"}
    for served in (["first"], ["first", "second"]):
        # Without a lock: the server may hold that of the dead for a moment.
        source = postgres_source(alerts_database, lock=False)
        tocsin.configure(channels=channels, sources={"alerts": source},
                         default={"channels": served})
        run = tocsin.start_once()
        run.communicate(timeout=60 * SLOW)
        assert run.returncode == (-signal.SIGKILL if tocsin.environment else 0)
        tocsin.environment = {}
    assert rows.pending(alerts_database) == 0
    assert [len(path.read_text().splitlines()) for path in (first, second)] == [1, 1]


def test_a_delivery_that_kills_the_daemon_is_set_aside(tocsin, slack, smtp):
    """Poison: what is under way each time the daemon dies is dead the third time; others go on."""
    slack.hang()
    tocsin.configure(channels={"chat": slack_channel(slack, timeout="60s", concurrency=1),
                               "mail": smtp_channel(smtp)},
                     routes=[{"name": "poison", "match": ['poison="yes"'], "channels": ["chat"]}],
                     default={"channels": ["mail"]}).start()
    tocsin.send(alert("poison", labels={"poison": "yes"}))
    for turn in range(3):
        slack.wait_requests(turn + 1)
        tocsin.kill()
        tocsin.start()
    tocsin.wait_counter("dead", 1)
    assert len(slack.requests) == 3
    tocsin.send(alert("after"))
    smtp.wait_mails(1)
    dead = tocsin.deliveries(state="dead")
    assert len(dead) == 1 and dead[0]["reason"]
    slack.clear()
    assert tocsin.post("/api/v1/dead/replay", {"id": dead[0]["id"]}) == {"replayed": 1}
    slack.wait_messages(1)
    tocsin.wait_settled()


def test_a_power_cut_is_no_deliverys_fault(tocsin, slack):
    """What was under way when the machine went down, as the boot's id says, is not to blame."""
    slack.hang()
    tocsin.configure(channels={"chat": slack_channel(slack, timeout="60s", concurrency=1)},
                     default={"channels": ["chat"]}).start()
    tocsin.send(alert("unlucky"))
    underway = tocsin.store.with_name("tocsin.db.underway")
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()
    for cuts in range(1, 5):
        slack.wait_requests(cuts)
        tocsin.kill()
        left = underway.read_bytes()
        assert boot in left
        underway.write_bytes(left.replace(boot, bytes(reversed(boot))))
        if cuts == 4:
            slack.clear()
        tocsin.start()
    slack.wait_messages(1)
    tocsin.wait_settled()
    assert tocsin.counters()["dead"] == 0
