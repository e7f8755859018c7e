# SPDX-License-Identifier: Apache-2.0
"""Sick channels beside healthy ones: the healthy ones do not notice.

Two daemons, alike but for the sick channels of one, take turns under the same load, the other one
stopped meanwhile. Compared is the p99 of each healthy channel, from the moment at which an alert
was to be posted to its arrival, and from its acceptance, by the median of the turns: what disturbs
one turn from outside does not decide, and more turns are taken before sick channels get the blame.

The baseline has no channels in place of the sick ones: that is harder than with well ones, to which
each alert would have to be delivered. At full size a third daemon with such shows what they cost.
"""

import os
import signal
import socket
import statistics
import time

import pytest

from lib.http import HttpServer
from lib.sections import file_channel, smtp_channel
from lib.tocsin import wait_until
from lib.yardstick import FAVOUR, Yardstick

pytestmark = [pytest.mark.needs("sqlite", "file", "slack", "smtp"), pytest.mark.alone]

RATE = 500                  # alerts a second, each to all channels
RATIO = 1.2
# One commit sends an acceptance and its deliveries on their ways, so they arrive together, within
# tenths of a millisecond; a fifth of that says nothing: what is below a sync did not wait for one.
SYNC_MS = 2
SECONDS = 3                 # of a turn, in which the log beside sick channels becomes full
LOG = 64 * 1024 * 1024      # bytes, and no more than a quarter of the disk
SKIP = RATE // 2            # alerts of its first half second, while a daemon wakes up
CACHE = 12 * 1024           # KiB: the store's page cache fills, and no more


def webhook(url):
    """A path that looks like one of Slack's."""
    return url.rstrip("/") + "/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"


class Unroutable:
    """A port whose queue of connections is full: what knocks there is not even refused."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
            self.fillers.append(filler)

    def close(self):
        """The port is free again."""
        for each in (*self.fillers, self.listener):
            each.close()


class HttpServerAt(HttpServer):
    """On a given port."""

    def __init__(self, port):
        self.given = port
        super().__init__()

    def start(self):
        self.port = self.given
        super().start()


class Peers:
    """All that the two daemons deliver to."""

    def __init__(self, yard, standins, place):
        self.yard, self.standins, self.place = yard, standins, place
        self.healthy = {}
        self.hole, self.mail_hole = yard.sink("hole"), yard.sink("mail_hole", "mail_sink")
        self.failing, self.trickling = standins(HttpServer), standins(HttpServer)
        self.unroutable = Unroutable()
        self.hole.pause()
        self.mail_hole.pause()
        self.failing.answer(500, b"no")
        self.trickling.trickle(10.0)

    def healthy_channels(self, name):
        """One of every make, with sinks of their own."""
        sinks = {"log": self.yard.follow(self.place / f"{name}.json"),
                 "chat": self.yard.sink(f"{name}_chat"),
                 "mail": self.yard.sink(f"{name}_mail", "mail_sink")}
        self.healthy[name] = sinks
        return {"log": file_channel(self.place / f"{name}.json", sync=False),
                "chat": {"type": "slack", "url": webhook(sinks["chat"].url),
                         "rate": "unlimited", "concurrency": 16},
                "mail": smtp_channel(sinks["mail"], workers=4)}

    def other_channels(self):
        """As many as the sick ones, and well."""
        chats = {f"other{i}": {"type": "slack", "url": webhook(self.yard.sink(f"other{i}").url),
                               "rate": "unlimited", "concurrency": 16} for i in range(4)}
        mail = smtp_channel(self.yard.sink("other_mail", "mail_sink"), workers=4)
        return {**chats, "other_mail": mail}

    def sick_channels(self):
        """One that never answers, one that is never reached, one that fails, one that trickles, and
        a mail server that never says a word."""
        common = {"type": "slack", "rate": "unlimited", "concurrency": 16, "timeout": "3s",
                  "retry": {"first": "1s", "max": "10s"}}
        return {"hole": {**common, "url": webhook(self.hole.url)},
                "unroutable": {**common,
                               "url": webhook(f"http://127.0.0.1:{self.unroutable.port}")},
                "failing": {**common, "url": webhook(self.failing.url)},
                "trickling": {**common, "url": webhook(self.trickling.url)},
                "mail_hole": smtp_channel(self.mail_hole, workers=4, server_timeout="3s")}

    def heal(self):
        """All of them are well."""
        self.hole.resume()
        self.mail_hole.resume()
        self.failing.answer(200, b"ok")
        self.trickling.clear()
        self.unroutable.close()
        self.standins(HttpServerAt, self.unroutable.port)


@pytest.fixture
def yard(tmp_path):
    """The load and the sinks."""
    made = Yardstick(tmp_path / "yard")
    yield made
    made.stop()


@pytest.fixture
def start(make_tocsin, yard):
    """Starts daemons whose alerts all go to all of their channels, on disks that others do not slow
    down."""
    made = []

    def make(name, channels):
        made.append(make_tocsin(name).configure(
            channels=channels, default={"channels": list(channels)}, log={"level": "warning"}))
        yard.give_even_disk(made[-1])
        return made[-1].start(wrapper=FAVOUR)

    yield make
    for tocsin in made:
        if tocsin.running():
            tocsin.send_signal(signal.SIGCONT)


def p99(values):
    """99 of 100 are at most this."""
    return sorted(values)[int(len(values) * 0.99)]


def resident_kib(tocsin):
    """What the daemon holds in memory."""
    with open(f"/proc/{tocsin.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def has_filled_its_log(tocsin):
    """Only then there were alerts that waited for it to be moved."""
    disk = os.statvfs(tocsin.directory)
    most = min(LOG, disk.f_blocks * disk.f_frsize // 4)
    return os.path.getsize(f"{tocsin.store}-wal") > 0.99 * most


class Turns:
    """Daemons that take turns under load."""

    def __init__(self, yard, healthy):
        self.yard, self.healthy = yard, healthy
        self.number = 0
        self.sent = {name: 0 for name in healthy}
        self.posted = {}            # (daemon, channel) -> p99 in ms of each turn
        self.accepted = {}          # the same from acceptance

    def take(self, name, tocsin):
        """One turn of one daemon, which runs only meanwhile."""
        first, alerts = self.number, RATE * SECONDS
        self.number += alerts
        self.sent[name] += alerts
        tocsin.send_signal(signal.SIGCONT)
        accepted, said = self.yard.load(tocsin, first, alerts, RATE)
        posted = [said["began_ns"] + i * 10**9 // RATE for i in range(alerts)]
        for channel, sink in self.healthy[name].items():
            wait_until(lambda: sink.notes.distinct >= self.sent[name], 30,
                       lambda: f"{channel}: {sink.notes.distinct} of {self.sent[name]} alerts")
            arrived = sink.notes.times(first, first + alerts)
            for figures, since in ((self.posted, posted), (self.accepted, accepted)):
                took = [(there - here) / 1e6 for here, there in zip(since, arrived)]
                figures.setdefault((name, channel), []).append(p99(took[SKIP:]))
        tocsin.send_signal(signal.SIGSTOP)

    def compare(self, figures):
        """channel -> the medians of all daemons, in ms."""
        return {channel: [round(statistics.median(figures[name, channel]), 2)
                          for name in self.healthy] for channel in self.healthy["sick"]}

    def slower(self):
        """The healthy channels that are slower than they may be, in words."""
        return [f"{channel}: p99 {base} ms since {since} without, {sick} ms with sick channels"
                for since, figures in (("posted", self.posted), ("accepted", self.accepted))
                for channel, (base, sick, *_) in self.compare(figures).items()
                if sick > max(RATIO * base, SYNC_MS)]


def take_turns(turns, daemons, least, most):
    """So many turns each, the first by turns; more when a disturbance may have decided."""
    for n in range(most):
        order = list(daemons.items())
        for name, tocsin in order if n % 2 else reversed(order):
            turns.take(name, tocsin)
        if n + 1 >= least and not turns.slower():
            break


def all_pending(sick, channels, alerts):
    """Every delivery to a sick channel waits, and none of another does."""
    wanted = len(channels) * alerts
    wait_until(lambda: sick.check_books()["pending"] == wanted, 20,
               lambda: f"{wanted} pending ({sick.counters()})")
    counters = sick.counters()
    assert counters["dead"] == 0, counters


def all_arrive(tocsin, peers, alerts):
    """Every delivery to every channel, once the sick ones are well."""
    peers.heal()
    tocsin.stop()               # a start does not wait for the next probe
    tocsin.start()
    counters = tocsin.wait_settled(60 + alerts / 100)
    assert counters["dead"] == 0 and counters["delivered"] == counters["accepted"], counters
    for sink in (peers.hole, peers.mail_hole):
        assert sink.notes.distinct == alerts


@pytest.mark.timeout(3600)
def test_isolation(campaign, start, yard, standins, tmp_path):
    peers = Peers(yard, standins, tmp_path)
    ill = peers.sick_channels()
    others = {"base": {}, "sick": ill}
    if campaign.size(False, True):
        others["well"] = peers.other_channels()
    daemons = {name: start(name, {**peers.healthy_channels(name), **more})
               for name, more in others.items()}
    for tocsin in daemons.values():
        tocsin.client().close()         # it would idle for too long
        tocsin.send_signal(signal.SIGSTOP)
    sick, turns = daemons["sick"], Turns(yard, peers.healthy)
    take_turns(turns, daemons, 1, 1)
    before = resident_kib(sick)
    take_turns(turns, daemons, campaign.size(2, 20), campaign.size(6, 30))
    after = resident_kib(sick)
    for tocsin in daemons.values():
        tocsin.send_signal(signal.SIGCONT)
    all_pending(sick, ill, turns.sent["sick"])
    assert has_filled_its_log(sick)
    beside = "without_and_with" + "_and_well" * ("well" in daemons)
    campaign.record(**{
        "alerts": turns.number, "turns": len(turns.accepted["sick", "log"]),
        "grown_kib": after - before,
        f"accepted_p99_ms_{beside}": turns.compare(turns.accepted),
        f"posted_p99_ms_{beside}": turns.compare(turns.posted)})
    all_arrive(sick, peers, turns.sent["sick"])
    campaign.record(lost=0)
    assert not turns.slower(), (turns.slower(), turns.accepted, turns.posted)
    assert after < before + CACHE, f"{before} KiB became {after}"


class Moody(HttpServer):
    """Notes arrivals as the sinks do; one that is ill says nothing to every fiftieth alert."""

    def __init__(self, ill):
        self.ill = ill
        self.arrived = {}
        super().__init__()

    @property
    def notes(self):
        """Itself."""
        return self

    @property
    def distinct(self):
        """How many different alerts came."""
        return len(self.arrived)

    def times(self, first, end):
        """When each came."""
        return [self.arrived[number] for number in range(first, end)]

    def act(self, sock, request):
        number = int(request.body.split(b"bench-")[1][:9])
        self.arrived.setdefault(number, time.monotonic_ns())
        if self.ill and number % 50 == 0:
            self.hold(sock)
        super().act(sock, request)


def test_the_control_whose_channel_is_shared_with_the_sick_is_slower(start, yard, standins):
    """Where one of fifty alerts goes nowhere, those behind it wait: the comparison must see it."""
    peers = {"base": {"chat": standins(Moody, False)}, "sick": {"chat": standins(Moody, True)}}
    turns = Turns(yard, peers)
    for name, sinks in peers.items():
        tocsin = start(name, {"chat": {
            "type": "slack", "url": webhook(sinks["chat"].url), "rate": "unlimited",
            "concurrency": 8, "timeout": "1s", "retry": {"first": "1h", "max": "1h"}}})
        turns.take(name, tocsin)
    assert len(turns.slower()) == 2, (turns.slower(), turns.accepted, turns.posted)
