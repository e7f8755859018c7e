# SPDX-License-Identifier: Apache-2.0
"""What a large store costs: start, memory, idle CPU, claims."""

import statistics
import time

import fill
from lab import Daemon, Figure, Sink, hook, running
from table import Row, at_most, compare, number

IDLE_SECONDS = 10
STARTS = 5
STEADY = 2000           # alerts a second in, and deliveries a second out
BURST = 10              # of the channel: fewer than wait at the least depth. What it cannot save in
                        # a longer pause of the machine makes the queue grow a little.


def history(lab, amount):
    """Start and idle of a daemon whose store holds that much history."""
    store = fill.history(lab, amount)
    channels = {"hook": hook("http://127.0.0.1:9/")}
    starts = []
    for _ in range(STARTS):
        with running(Daemon(lab, store=store, channels=channels)) as daemon:
            starts.append(daemon.ready_ms)
            daemon.close()
    with running(Daemon(lab, store=store, channels=channels)) as daemon:
        time.sleep(2)
        before, began = daemon.cpu(), time.monotonic()
        time.sleep(1 if lab.smoke else IDLE_SECONDS)
        share = (daemon.cpu() - before) / (time.monotonic() - began) * 100
        resident = daemon.memory("VmRSS")
    yield Row("ready, with so much history", number(amount), f"{statistics.median(starts):.0f} ms",
              wanted=[at_most(statistics.median(starts), 50, " ms")])
    yield Row("idle, with so much history", number(amount), f"{share:.2f} % CPU",
              peak=f"{resident:.1f}", wanted=[at_most(resident, 12, " MiB"),
                                              at_most(share, 0.2, "% CPU")])
    store.unlink()


def memory(lab, store, amount, alerts):
    """Delivering from a queue of that many."""
    with running(Sink(lab, most=amount)) as sink:
        with running(Daemon(lab, store=store, channels={"hook": hook(sink.url)})) as daemon:
            before = daemon.cpu()
            sink.wait(alerts)
            seconds = (sink.notes.last_ns - sink.notes.first_ns) / 1e9
            done = sink.notes.distinct
            figure = Figure.of(done, seconds, daemon.cpu() - before, daemon.memory())
    return compare("deliver, so much waiting", amount, figure, "", None, peak=64)


def steady(lab, depth, alerts):
    """As many in as out, with that many waiting all the time: what one of them costs."""
    store = fill.pending(lab, depth)
    with running(Sink(lab, most=depth + alerts)) as sink:
        channel = hook(sink.url, rate=f"{STEADY}/s", burst=BURST)
        with running(Daemon(lab, store=store, channels={"hook": channel})) as daemon:
            before, began, earlier = daemon.cpu(), time.monotonic(), sink.notes.distinct
            lab.load(daemon.socket, "--rate", STEADY, alerts=alerts, batch=10, first=depth)
            seconds, done = time.monotonic() - began, sink.notes.distinct - earlier
            figure = Figure.of(done, seconds, daemon.cpu() - before, daemon.memory())
    store.unlink()
    return figure


def claims(lab):
    """The cost of a delivery at three depths of the queue."""
    first, depths = None, (100, 10000) if lab.smoke else (100, 10000, 1000000)
    for depth in depths:
        figure = steady(lab, depth, lab.size(20000, 400))
        first = first or figure
        row = compare("claim and deliver, so many waiting", depth, figure, "", None)
        if figure is not first and first.cpu:
            row.peer, row.peer_figure = "with 100 waiting", number(first.rate) + "/s"
            row.ratio = f"{figure.cpu / first.cpu:.2f}x"
            row.cpu = f"{figure.cpu:.2f} / {first.cpu:.2f}"
            row.wanted = [at_most(figure.cpu / first.cpu, 1.3, "x CPU")]
        yield row


def rows(lab):
    """History, queue, claims."""
    for scale in lab.scales:
        yield from history(lab, lab.size(100000) * scale)
    for scale in lab.scales:
        amount = lab.size(100000) * scale
        store = fill.pending(lab, amount)
        yield memory(lab, store, amount, min(amount, 50000))
        store.unlink()
    yield from claims(lab)
