# SPDX-License-Identifier: Apache-2.0
"""Schedules and clocks: nothing is lost and nothing comes in a storm when somebody sets the wall clock,
and what is planned for an hour that summer time skips or repeats happens once.

The controls: a job that makes up for nothing loses what was leapt over, one that makes up for all of it
storms, and one that follows the clock to the letter skips and repeats.
"""

import calendar
import time

import pytest

from lib.sections import file_channel
from lib.tocsin import SLOW, wait_until
from lib.wallclock import WallClock

pytestmark = pytest.mark.needs("cron", "file", "sqlite")

HOUR, DAY, YEAR = 3600, 86400, 365 * 86400
JUMPS = (HOUR, -HOUR, DAY, -DAY, 10 * YEAR, -10 * YEAR)
TICK = 8 * SLOW  # seconds in which a job starts that is due


def configure(tocsin, jobs):
    """Jobs that tocsin runs itself; they do nothing."""
    jobs = [{"command": ["/bin/true"], "overlap": "skip", **each} for each in jobs]
    return tocsin.configure(channels={"log": file_channel(tocsin.directory / "log.json")},
                            sources={"jobs": {"type": "cron", "jobs": jobs}})


def runs(tocsin):
    """How often each job ran; the question also wakes the source."""
    return {each["name"]: each["total"] for each in tocsin.get("/api/v1/jobs")["jobs"]}


def settled(tocsin):
    """The same, when it has not changed for a moment."""
    before = None
    while (now := runs(tocsin)) != before:
        before = now
        time.sleep(0.4 * SLOW)
    return now


def test_a_clock_that_is_set_loses_nothing_and_causes_no_storm(tocsin):
    clock = WallClock(tocsin)
    middle = HOUR // 3 - int(time.time()) % HOUR  # twenty past, far from the moments of the jobs
    clock.set(middle)
    configure(tocsin, [{"name": "hourly", "schedule": "0 * * * *", "timezone": "UTC"},
                       {"name": "interval", "schedule": "every 1h"},
                       {"name": "careless", "schedule": "0 * * * * UTC", "catch_up": "none"},
                       {"name": "eager", "schedule": "0 * * * * UTC", "catch_up": "all"}]).start()
    ahead, before = middle, settled(tocsin)
    assert not any(before.values()), "nothing was due yet"
    for jump in JUMPS:
        ahead += jump
        clock.set(ahead)
        if jump > 0:
            wait_until(lambda: runs(tocsin)["hourly"] > before["hourly"], TICK, "what was leapt over")
        now = settled(tocsin)
        once = 1 if jump > 0 else 0
        assert now["hourly"] - before["hourly"] == once, f"after {jump} s: {before}, {now}"
        assert now["interval"] - before["interval"] == once, f"after {jump} s: {before}, {now}"
        before = now
    # and it goes on by the clock as it is now, not as it once was
    clock.set(ahead + HOUR)
    wait_until(lambda: runs(tocsin)["hourly"] > before["hourly"], TICK, "the next hour")
    assert before["careless"] == 0, "the control makes up for nothing"
    assert before["eager"] > 24, "the control makes up for all"


class Calendar:
    """Sets the clock of a daemon right before a moment of UTC, and lets it pass."""

    def __init__(self, tocsin, clock):
        self.tocsin, self.clock = tocsin, clock

    def go_to(self, moment, before=1.5 * SLOW):
        """So many seconds before it, to half a second; gives the runs so far."""
        at = calendar.timegm(time.strptime(moment, "%Y-%m-%dT%H:%M"))
        self.clock.set(round(at - time.time() - before))
        return settled(self.tocsin)

    def expect(self, moment, *names):
        """At that moment these jobs start, and no others."""
        before = self.go_to(moment)
        wait_until(lambda: all(runs(self.tocsin)[name] > before[name] for name in names), TICK,
                   f"{names} at {moment}")
        now = settled(self.tocsin)
        assert {name for name in now if now[name] > before[name]} == set(names), moment


def test_summer_time_neither_skips_nor_repeats_a_job(tocsin):
    clock = WallClock(tocsin)
    days = Calendar(tocsin, clock)
    zone = {"timezone": "Europe/Berlin", "catch_up": "none"}
    configure(tocsin, [{"name": "nightly", "schedule": "30 2 * * *", **zone},
                       {"name": "exact", "schedule": "30 2 * * * exact", **zone}])
    clock.set(round(calendar.timegm((2027, 3, 28, 0, 0, 0)) - time.time()))
    tocsin.start()
    days.expect("2027-03-28T01:00", "nightly")  # 02:30 was skipped
    days.expect("2027-03-29T00:30", "nightly", "exact")
    days.expect("2027-10-31T00:30", "nightly", "exact")
    days.expect("2027-10-31T01:30", "exact")  # 02:30 came again
