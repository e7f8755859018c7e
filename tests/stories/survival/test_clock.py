# SPDX-License-Identifier: Apache-2.0
"""The wall clock is set by hours, days and years, while the daemon runs and while it does not run.

Nothing may follow from it: no delivery lost, given up, sent in a burst or held back, no history
removed. The control lets the clocks that the daemon counts by jump along, and must see all that.
"""

import datetime
import json
import time

import pytest

from lib import books
from lib.client import Unreachable
from lib.sections import file_channel, slack_channel, smtp_channel
from lib.tocsin import SLOW, alert, wait_until
from lib.wallclock import WallClock

pytestmark = pytest.mark.needs("sqlite", "file", "slack", "smtp")

HOUR, DAY, YEAR = 3600, 86400, 365 * 86400
SETTINGS = (HOUR, -HOUR, DAY, -DAY, 10 * YEAR, -10 * YEAR)
LATE = 20           # deliveries that fail until the end
CAP = 1.2           # seconds: retry.max with its jitter
RATE = 20           # a second, of the paced channel


def configure(tocsin, slack, smtp, log):
    """`log` and `paced` deliver, `late` fails and is tried again every second."""
    late = {"first": "200ms", "max": "1s", "give_up_after": "12h"}
    tocsin.configure(
        channels={"log": file_channel(log, sync=False),
                  "paced": slack_channel(slack, rate=f"{RATE}/s", burst=RATE),
                  "late": smtp_channel(smtp, retry=late)},
        routes=[{"name": "late", "match": ['late="yes"'], "channels": ["log", "late"]},
                {"name": "paced", "channels": ["log", "paced"]}],
        default={"channels": ["log"]}, history={"keep": "6h", "keep_dead": "6h"},
        log={"level": "info"})


def attempts(tocsin):
    """How often each delivery that is late was tried."""
    return {each["id"]: each["attempts"] for each in tocsin.deliveries(channel="late")}


def wait_tried(tocsin):
    """Every late delivery is tried again, no later than its cap."""
    before = attempts(tocsin)
    wait_until(lambda: all(n > before.get(id, 0) for id, n in attempts(tocsin).items()),
               CAP + 5, lambda: f"another attempt of all ({before}, now {attempts(tocsin)})")


def due_within(tocsin, clock):
    """People are shown when the next attempt is by the clock on their wall."""
    now = time.time() + clock.ahead
    for each in tocsin.deliveries(channel="late", state="pending"):
        due = datetime.datetime.fromisoformat(each["due_at"].replace("Z", "+00:00")).timestamp()
        assert abs(due - now) < 10 * SLOW, f"due {due - now:+.1f} s from now: {each}"


def send(tocsin, sent, n, **labels):
    """Numbered alerts; their ids are remembered."""
    sent += tocsin.send(*[alert(f"alert {len(sent) + i}", labels=labels) for i in range(n)])


def set_clock(tocsin, clock, ahead, how, dice):
    """Sets the clock in one of three ways; when the daemon was started again for it, or None."""
    if how == "stopped":
        tocsin.stop()
    elif how == "killed":
        tocsin.kill()
    clock.set(ahead, rate=100 if how == "running" and dice.random() < 0.3 else 1)
    if how == "running":
        return None
    started = time.time()
    tocsin.start()
    return started


def live_through(campaign, tocsin, clock, sent):
    """All settings in a random order, from one to the next; how many, and the starts between."""
    ways = ["running", "stopped", "running", "killed"]
    done, starts = 0, []
    for turn in range(campaign.size(2, 100)):
        for ahead in campaign.dice.sample(SETTINGS, len(SETTINGS)):
            how = ways[done % len(ways)]
            print(f"turn {turn}: {ahead:+d} s while {how}", flush=True)
            starts.append(set_clock(tocsin, clock, ahead, how, campaign.dice))
            send(tocsin, sent, 5)
            wait_tried(tocsin)
            clock.set(ahead)
            done += 1
    return done, [each for each in starts if each]


def once_under(tocsin, clock, ahead):
    """A run that is once: each late delivery is tried once, and none is given up."""
    before = attempts_in(tocsin)
    clock.set(ahead)
    run = tocsin.once()
    assert run.status == 1, run
    assert attempts_in(tocsin) == {id: n + 1 for id, n in before.items()}, run


def attempts_in(tocsin):
    """As attempts, from the store of a daemon that does not run."""
    with books.copy_of(tocsin.store) as store:
        return dict(store.execute("SELECT d.id, d.attempt FROM delivery d JOIN name n"
                                  " ON n.id = d.channel WHERE n.text = 'late' AND d.state = 0"))


def most_within(times, seconds, starts):
    """The most of these moments that lie within so many seconds of one life of the daemon."""
    times, most, first = sorted(times), 0, 0
    for i, at in enumerate(times):
        began = max((start for start in starts if start <= at), default=0)
        while at - times[first] > seconds or times[first] < began:
            first += 1
        most = max(most, i - first + 1)
    return most


def keep_up(tocsin, clock, ahead):
    """Upkeep at that time: the rate makes its minute pass within a second, from the next wait."""
    clock.set(ahead, rate=100)
    tocsin.hup()
    time.sleep(3 * SLOW)


def dead_now(tocsin):
    """How many were given up; connections break when all clocks jump."""
    try:
        return tocsin.status()["counters"]["dead"]
    except Unreachable:
        return 0


def history_is_whole(tocsin):
    """Every delivery that was ever settled is still there; counters_of compares."""
    return books.counters_of(tocsin.store)


@pytest.mark.timeout(7200)
def test_clock(campaign, tocsin, slack, smtp, tmp_path):
    log = tmp_path / "log.json"
    clock, sent = WallClock(tocsin), []
    configure(tocsin, slack, smtp, log)
    smtp.defer()
    tocsin.start()
    send(tocsin, sent, LATE, late="yes")
    send(tocsin, sent, 15 * RATE)
    done, starts = live_through(campaign, tocsin, clock, sent)
    due_within(tocsin, clock)

    keep_up(tocsin, clock, 10 * YEAR)
    tocsin.stop()
    assert history_is_whole(tocsin)["dead"] == 0
    for ahead in (10 * YEAR, -DAY, 0):
        starts.append(time.time())
        once_under(tocsin, clock, ahead)
        done += 1

    smtp.clear()
    starts.append(time.time())
    tocsin.start()
    counters = tocsin.wait_settled(60 + len(sent) / RATE)
    tocsin.stop()
    history_is_whole(tocsin)
    assert counters["delivered"] == 2 * len(sent) == counters["accepted"], counters
    assert counters["stale"] == 0, "a lease ended although its holder lived"
    in_log = [json.loads(line)["id"] for line in log.read_text().splitlines()]
    killed = len(in_log) - len(set(in_log))     # a kill may repeat what was under way
    assert set(in_log) == set(sent)
    assert len(smtp.by_key()) == LATE and len(slack.messages) >= len(sent) - LATE
    times = [request.at for request in slack.requests]
    for seconds in (1, 5):
        most = most_within(times, seconds, starts)
        assert most <= RATE + RATE * seconds + 2, f"{most} within {seconds} s"
    campaign.record(jumps=done, alerts=len(sent), lost=0, repeated_after_kill=killed)


@pytest.mark.timeout(120)
def test_the_control_whose_clocks_all_jump_gives_up_and_forgets(tocsin, slack, smtp, tmp_path):
    """A daemon that counts by a clock that is set: the story above must see what that does."""
    clock, sent = WallClock(tocsin, all_clocks=True), []
    configure(tocsin, slack, smtp, tmp_path / "log.json")
    smtp.defer()
    tocsin.start()
    send(tocsin, sent, LATE)
    tocsin.wait_settled()
    send(tocsin, sent, LATE, late="yes")
    wait_tried(tocsin)
    clock.set(10 * YEAR)
    wait_until(lambda: dead_now(tocsin) == LATE, 20, "all late ones given up")
    keep_up(tocsin, clock, 10 * YEAR)
    tocsin.stop()
    with pytest.raises(AssertionError, match="rows are"):
        history_is_whole(tocsin)
    tocsin.store.unlink()       # its books do not balance, as they should not
