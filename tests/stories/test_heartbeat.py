# SPDX-License-Identifier: Apache-2.0
"""Heartbeats that ping: what was acknowledged is never lost, and no clock and no restart makes a
heartbeat late that came in time. Both promises have a control that breaks them."""

import json
import random
import threading
import time

import pytest

from lib.client import Client, Refused, Unreachable
from lib.forgetful import make_forgetful
from lib.sections import file_channel
from lib.tocsin import SLOW, alert, wait_until
from lib.wallclock import WallClock

pytestmark = pytest.mark.needs("heartbeat", "file", "sqlite")

HOUR, DAY, YEAR = 3600, 86400, 365 * 86400


def configure(tocsin, heartbeats, **source):
    """Heartbeats, and a file that has all alerts about them."""
    tocsin.book = tocsin.directory / "log.json"
    return tocsin.configure(channels={"log": file_channel(tocsin.book)},
                            sources={"beats": {"type": "heartbeat", "heartbeats": heartbeats,
                                               "settle": "200ms", **source}})


def told(tocsin, name=None):
    """(status, summary) of what was noted."""
    if not tocsin.book.exists():
        return []
    notes = [json.loads(line) for line in tocsin.book.read_text().splitlines()]
    return [(each["status"], each["annotations"]["summary"]) for each in notes
            if name in (None, each["labels"].get("heartbeat"))]


def show(tocsin, name):
    """One heartbeat, as soon as its source has started."""
    def answer():
        try:
            return tocsin.get(f"/api/v1/heartbeats/{name}")
        except Refused as refused:
            if refused.status != 503:
                raise
            return None
    return wait_until(answer, what=f"{name} is known")


def ping(tocsin, name, **body):
    """One ping over the API."""
    return tocsin.post(f"/api/v1/heartbeats/{name}/ping", body)


class Pinger(threading.Thread):
    """Pings as fast as it is answered, numbered; remembers the last number that was acknowledged."""

    def __init__(self, tocsin, name, pause=0.0):
        super().__init__(daemon=True)
        self.client, self.name, self.pause = Client(str(tocsin.socket)), name, pause
        self.number = self.acknowledged = 0
        self.ended = threading.Event()

    def run(self):
        while not self.ended.is_set():
            self.number += 1
            try:
                self.client.call("POST", f"/api/v1/heartbeats/{self.name}/ping",
                                 {"body": str(self.number)})
                self.acknowledged = self.number
            except (Unreachable, Refused, OSError):
                time.sleep(0.01)
            time.sleep(self.pause)

    def finish(self):
        """Stops, and gives the number that must not be lost."""
        self.ended.set()
        self.join(30)
        self.client.close()
        return self.acknowledged


def kept(tocsin, name):
    """The numbers of the pings that are listed."""
    return [int(each["body"]) for each in show(tocsin, name)["pings"] if each["body"]]


def lost_by_kills(tocsin, kills, dice):
    """Pings from all sides, SIGKILLs in between; how many acknowledged ones are missing."""
    lost = 0
    for _ in range(kills):
        pingers = [Pinger(tocsin, f"b{n}") for n in range(4)]
        for pinger in pingers:
            pinger.start()
        wait_until(lambda those=pingers: min(each.acknowledged for each in those) > 3,
                   what="acknowledged pings")
        time.sleep(dice.random() * 0.1)
        tocsin.kill()
        ends = {each.name: each.finish() for each in pingers}
        tocsin.start()
        lost += sum(end not in kept(tocsin, name) for name, end in ends.items())
    return lost


def four():
    """Four heartbeats."""
    return [{"name": f"b{n}", "period": "1h"} for n in range(4)]


def test_no_acknowledged_ping_is_lost_by_kill_9(tocsin):
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    configure(tocsin, four()).start()
    assert lost_by_kills(tocsin, 5, random.Random(seed)) == 0
    assert not told(tocsin)


def test_the_control_that_commits_later_loses_pings(tocsin):
    configure(tocsin, four())
    make_forgetful(tocsin).start()
    dice = random.Random(1)

    def forgets():
        tocsin.send(alert("begins to forget"))      # in each life anew
        return lost_by_kills(tocsin, 1, dice)

    assert any(forgets() for _ in range(10))


def jump_about(tocsin, clock, while_down=True):
    """The clock is set to and fro while pings come; over a restart, too."""
    pingers = [Pinger(tocsin, name, 0.05) for name in ("fast", "planned")]
    for pinger in pingers:
        pinger.start()
    for n, ahead in enumerate((HOUR, -HOUR, DAY, 0, -DAY, 10 * YEAR, 0)):
        before = [each.acknowledged for each in pingers]
        if while_down and n in (2, 5):
            tocsin.stop()
            clock.set(ahead)
            tocsin.start()
        else:
            clock.set(ahead)
        wait_until(lambda: all(each.acknowledged > was + 6
                               for each, was in zip(pingers, before)), what="pings")
    return pingers


def clock_beats():
    """One with a period of seconds; one that is due every minute, as the wall says."""
    return [{"name": "fast", "period": f"{int(2000 * SLOW)}ms", "grace": f"{int(2000 * SLOW)}ms"},
            {"name": "planned", "schedule": "* * * * *", "grace": "40s"},
            {"name": "quiet", "period": "1d"}]


def test_a_clock_that_is_set_makes_nothing_late(tocsin):
    clock = WallClock(tocsin)
    configure(tocsin, clock_beats()).start()
    ping(tocsin, "quiet")
    pingers = jump_about(tocsin, clock)
    assert not told(tocsin)
    assert show(tocsin, "quiet")["state"] == "up"
    for pinger in pingers:
        pinger.finish()
    wait_until(lambda: told(tocsin, "fast"), 15 * SLOW, "one that really stays away is told")
    assert [each[0] for each in told(tocsin)] == ["firing"]
    clock.set(-HOUR)
    ping(tocsin, "fast")
    wait_until(lambda: [each[0] for each in told(tocsin, "fast")] == ["firing", "resolved"],
               what="its end, which is earlier by the clock than its beginning")


def is_down(tocsin, name):
    """Connections break when all clocks jump."""
    try:
        return show(tocsin, name)["state"] == "down"
    except Unreachable:
        return False


def test_the_control_whose_clocks_all_jump_raises_false_alarms(tocsin):
    clock = WallClock(tocsin, all_clocks=True)
    configure(tocsin, clock_beats()).start()
    ping(tocsin, "quiet")
    clock.set(10 * YEAR)
    wait_until(lambda: is_down(tocsin, "quiet"), what="a false alarm")


def test_restarts_and_the_spool(tocsin):
    """What pinged while tocsin was away is known when it is back; what was not heard is forgiven once."""
    configure(tocsin, [{"name": "kept", "period": "2s"}, {"name": "lost", "period": "2s"},
                       {"name": "gone", "period": "1h"}], outage="500ms").start()
    ping(tocsin, "gone", kind="fail")
    for name in ("kept", "lost"):
        ping(tocsin, name)
    tocsin.stop()
    time.sleep(1)
    run = tocsin.cli("ping", "kept", "--body", "from the spool", "--spool",
                     tocsin.spool)
    assert run.status == 0, run
    time.sleep(1.2)
    tocsin.start()
    wait_until(lambda: [each["body"] for each in show(tocsin, "kept")["pings"]][0]
               == "from the spool", what="the spooled ping")
    assert show(tocsin, "lost")["state"] == "up", "it may have come while nobody listened"
    assert show(tocsin, "gone")["state"] == "down"
    wait_until(lambda: told(tocsin, "lost"), what="it stays away once more")
    wait_until(lambda: told(tocsin, "kept"), what="it stays away as well")
    assert told(tocsin, "gone") == [("firing", "gone is down: it reported a failure")]
    assert tocsin.cli("ping", "gone").status == 0
    wait_until(lambda: len(told(tocsin, "gone")) == 2, what="recovery")
    assert told(tocsin, "gone")[1][1].startswith("gone is up again; it was down for")


def test_pings_are_answered_while_alerts_wait_for_a_slow_channel(tocsin):
    """All are down at once, and the channel takes one an hour: whoever pings does not wait for that."""
    beats = [{"name": f"b{n}", "period": "100ms"} for n in range(10)]
    tocsin.configure(channels={"log": file_channel(tocsin.directory / "log.json", rate="1/h")},
                     sources={"beats": {"type": "heartbeat", "heartbeats": beats, "settle": "0s",
                                        "window": 1}}).start()
    for beat in beats:
        ping(tocsin, beat["name"])
    wait_until(lambda: all(each["state"] == "down"
                           for each in tocsin.get("/api/v1/heartbeats")["heartbeats"]),
               what="all down")
    began = time.monotonic()
    assert ping(tocsin, "b0")["state"] == "up"
    assert time.monotonic() - began < 5 * SLOW


def test_words_on_the_command_line(tocsin):
    """ping with a start, an end and a run id; list, show, pause, resume."""
    configure(tocsin, [{"name": "backup", "schedule": "0 3 * * *", "grace": "1h",
                        "timezone": "Europe/Berlin", "max_run": "5h"}], create=True,
              period="1d").start()
    rid = "0b8e3b0e-6f0b-4a07-8d6c-0d9a2a4b8f11"
    assert tocsin.cli("ping", "backup", "start", "--rid", rid).status == 0
    assert show(tocsin, "backup")["state"] == "started"
    assert tocsin.cli("ping", "backup", "3", "--rid", rid, "--body", "-",
                      stdin=b"no space left").status == 0
    item = show(tocsin, "backup")
    assert (item["state"], item["reason"]) == ("down", "it ended with exit status 3")
    assert (item["schedule"], item["timezone"]) == ("0 3 * * *", "Europe/Berlin")
    assert item["last_duration_ms"] is not None and item["pings"][0]["body"] == "no space left"
    wait_until(lambda: told(tocsin, "backup"), what="the alert")
    assert tocsin.cli("ping", "fresh").status == 0
    assert "fresh" in tocsin.cli("heartbeats", "list").stdout
    assert tocsin.cli("heartbeats", "pause", "backup", "fresh").status == 0
    assert show(tocsin, "backup")["state"] == "paused"
    assert told(tocsin, "backup")[-1][0] == "resolved" or wait_until(
        lambda: told(tocsin, "backup")[-1][0] == "resolved", what="its alert ends")
    assert tocsin.cli("heartbeats", "resume", "backup").status == 0
    assert show(tocsin, "backup")["state"] == "up"
    with pytest.raises(Refused) as refused:
        tocsin.post("/api/v1/heartbeats/backup/ping", {"kind": "perhaps"})
    assert refused.value.status == 400
