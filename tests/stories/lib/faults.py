# SPDX-License-Identifier: Apache-2.0
"""Lives that end at a fault point: tocsind is told where to die, and led past that place.

The chat folds what waits into digests, and a peer that nobody ever reaches has a channel that stands in.

Needs a build with --enable-fault-points; see core/base/fault.h.
"""

import contextlib
import signal
import sqlite3
import subprocess
import time

from . import rows
from .client import Refused, Unreachable
from .killing import Sender, Toll, numbers_in_file, replay_dead
from .parrot import Pinger, parrot, pings, put, spooled, wait_empty
from .sections import file_channel, postgres_source, slack_channel, smtp_channel
from .sinks import Sink
from .tocsin import SLOW, wait_until

# Passed only by rows that an earlier life left unsettled; the second by a run for cron.
UNSETTLED = ("intake.unpark", "intake.revive")
ONCE = ("intake.revive",)

NOBODY = "http://127.0.0.1:1/"      # refuses every connection


def points(stage):
    """The names of a build; none when it was made without."""
    run = subprocess.run([stage.tocsind, "--fault-points"], capture_output=True, text=True,
                         check=False)
    return run.stdout.split() if run.returncode == 0 else []


SPOOLED = 1_000_000     # numbers of pings in the spool, apart from those that are said


class Dying:
    """A daemon with five channels, a table, and a source that hears words, whose lives end where they
    are told to."""

    def __init__(self, tocsin, database, standins, directory, dice):
        self.tocsin = tocsin
        self.database = database
        self.sinks = {kind: standins(Sink, kind, directory) for kind in ("smtp", "web")}
        self.log = directory / "alerts.json"
        self.spare = directory / "spare.json"
        self.dice = dice
        self.inserted = range(1_000_000, 1_000_000)    # numbers apart from what is posted
        self.turn = 0
        tocsin.prunes = True
        rows.add_recipients(database)
        self.configure()
        self.sender = Sender(tocsin, 10_000_000, dice, (1, 2, 5))
        self.sender.allowed = 0
        self.sender.start()
        self.spooled = range(SPOOLED, SPOOLED)
        self.pinger = Pinger(tocsin, "backup", pause=0.005, alarms=False)
        self.pinger.start()

    def end(self):
        """Nobody posts any more."""
        self.sender.stopped = True
        self.sender.join(20)
        self.pinger.end()

    def configure(self):
        """The configuration of this turn: from one to the next every channel and the source
        change, so that a reload closes and opens all of them."""
        self.turn += 1
        quick = {"first": f"{50 + self.turn % 2}ms", "max": "200ms", "give_up_after": "1h"}
        self.tocsin.configure(
            channels={"chat": slack_channel(self.sinks["web"], retry=quick, concurrency=2,
                                            digest={"over": 1, "most": 20}),
                      "away": {**slack_channel(self.sinks["web"], retry=quick, fallback="spare",
                                               fallback_after="0s"), "url": NOBODY},
                      "spare": file_channel(self.spare, retry=quick, sync=False),
                      "mail": smtp_channel(self.sinks["smtp"], retry=quick, workers=2),
                      "log": file_channel(self.log, retry=quick, sync=False)},
            sources={"table": postgres_source(self.database, poll=f"{1 + self.turn % 2}s"),
                     "parrot": parrot("backup", f"turn {self.turn}")},
            routes=[{"name": "all", "channels": ["chat", "away", "mail", "log"]}],
            default={"channels": ["log"]}, log={"level": "warning"}, history={"keep": "0s"})

    def add_rows(self, n):
        """More rows for the table."""
        self.database.sql(
            "INSERT INTO alerts (site_url, severity, message) SELECT %s, 'warning', 'alert ' || n"
            " FROM generate_series(%s, %s - 1) AS n", rows.SITE, self.inserted.stop,
            self.inserted.stop + n)
        self.inserted = range(self.inserted.start, self.inserted.stop + n)

    def add_files(self, n):
        """More pings in the spool."""
        for number in range(self.spooled.stop, self.spooled.stop + n):
            put(self.tocsin, spooled(number))
        self.spooled = range(SPOOLED, self.spooled.stop + n)

    def live(self, point, n, patience):
        """One life that is to end at the n-th passing of the point; did it?"""
        self.add_rows(2)
        self.add_files(2)
        self.sender.allowed = len(self.sender.acknowledged) + 30
        self.tocsin.environment = {"TOCSIN_FAULT": f"{point}:{n}"}
        try:
            return self.run_once() if point in ONCE else self.run_daemon(point, patience)
        finally:
            self.tocsin.environment = {}

    def run_daemon(self, point, patience):
        """Start, work, a reload, a shutdown, unless it dies before."""
        self.tocsin.start(wait=False)
        if not self.dies(0 if point.startswith(("reload", "stop")) else patience):
            self.configure()
            self.tocsin.hup()
        if not self.dies(0 if point.startswith("stop") else patience):
            self.tocsin.send_signal(signal.SIGTERM)
        status = self.tocsin.wait_end()
        assert status in (0, -signal.SIGKILL), f"{point}: status {status}\n{self.tocsin.log()}"
        return status != 0

    def run_once(self):
        """A run for cron."""
        run = self.tocsin.start_once()
        run.communicate()
        return run.returncode == -signal.SIGKILL

    def dies(self, seconds):
        """Waits until it is at work, and that long; whether it is dead then."""
        end = None
        while self.tocsin.process.poll() is None:
            now = time.monotonic()
            if end is None and self.answers():
                end = now + seconds * SLOW
            if end is not None and now >= end:
                return False
            time.sleep(0.005)
        return True

    def answers(self):
        """Is it at work?"""
        try:
            return self.tocsin.get("/api/v1/health")["status"] == "ok"
        except (Unreachable, Refused):
            return False

    def kill_at(self, point, kills):
        """Dies there that often; the error is a sentence when the place is never reached."""
        for _ in range(kills):
            for patience in (0.3, 1, 5):
                if point in UNSETTLED:
                    self.leave_unsettled()
                n = self.dice.choice((1, 1, 2, 3, 7)) if patience < 1 else 1
                if self.live(point, n, patience):
                    break
            else:
                return f"{point} is never reached"
        return None

    def leave_unsettled(self):
        """Lives that end after a commit of some source, until one leaves a row that is not settled."""
        for n in range(1, 9):
            assert self.live("source.emit.after", n, 10), "no source emitted anything"
            with contextlib.closing(sqlite3.connect(self.tocsin.store)) as store:
                left, = store.execute(
                    "SELECT count(*) FROM delivery JOIN alert ON alert.number = delivery.alert"
                    " JOIN name ON name.id = alert.source"
                    " WHERE delivery.state = 0 AND name.text = 'table'").fetchone()
            if left:
                return
        raise AssertionError("no life left a row that is not settled")

    def settle_all(self):
        """The last life: everything is worked off, and what was set aside as a suspect is tried
        again. Returns how many those were."""
        self.tocsin.start()
        self.end()
        self.tocsin.wait_settled(60)
        dead = replay_dead(self.tocsin)
        wait_until(lambda: rows.pending(self.database) == 0, 30, "every row marked")
        self.tocsin.wait_settled(60)
        return dead

    def forgotten(self):
        """Pings that were acknowledged, or taken out of the spool, and are not remembered."""
        assert self.pinger.statuses <= {200, 503}, self.pinger.statuses
        wait_empty(self.tocsin)
        return (self.pinger.acknowledged | set(self.spooled)) - {
            each["n"] for each in pings(self.tocsin, "backup")}

    def tolls(self):
        """The toll of each channel, posted alerts and rows together."""
        arrived = {"log": numbers_in_file(self.log)[0], "spare": numbers_in_file(self.spare)[0],
                   "chat": self.sinks["web"].arrived(),
                   "mail": self.sinks["smtp"].arrived()}
        promised = set(self.sender.acknowledged) | set(self.inserted)
        attempted = set(self.sender.attempted) | set(self.inserted)
        return {name: Toll(promised, attempted, found) for name, found in arrived.items()}
