# SPDX-License-Identifier: Apache-2.0
"""How long an alert takes while little is going on."""

import time

import database
from lab import Daemon, Missing, Notes, Sink, hook, percentile, running
from table import Row, at_most, number


def late(earlier, later):
    """Milliseconds between two lists of times, alert by alert."""
    pairs = [(a, b) for a, b in zip(earlier, later) if a]
    lost = sum(b == 0 for _, b in pairs)
    if lost:
        raise RuntimeError(f"{lost} alerts did not arrive")
    return [max(0, b - a) / 1e6 for a, b in pairs]


def over_http(lab, rate, alerts):
    """From the answer of the API to the arrival at the sink. Arrivals before the answer count 0."""
    accepted = lab.new_path("accepted")
    with running(Sink(lab, most=alerts)) as sink:
        with running(Daemon(lab, channels={"hook": hook(sink.url)})) as daemon:
            lab.load(daemon.socket, "--rate", rate, "--notes", accepted, alerts=alerts, batch=1,
                     clients=4)
            sink.wait(alerts)
            return late(Notes(accepted).times(), sink.notes.times())


def over_mail(lab, server, rate, alerts):
    """From the return of the commit that inserted a row to the server that took its mail."""
    inserted = []
    with database.alerts(server) as table, running(Sink(lab, "mail_sink", alerts)) as sink:
        with running(Daemon(lab, **database.sections(table, sink.port))):
            time.sleep(1)                           # the first sweep is over
            began = time.monotonic()
            for n in range(alerts):
                left = began + n / rate - time.monotonic()
                if left > 0:
                    time.sleep(left)
                database.insert(table, n, 1)
                inserted.append(time.monotonic_ns())
            sink.wait(alerts)
            return late(inserted, sink.notes.times())


def row(what, rate, figures, goals):
    """p50 and p99, and the goals of both."""
    p50, p99 = percentile(figures, 0.5), percentile(figures, 0.99)
    wanted = [at_most(value, goal, f" ms ({name})")
              for name, value, goal in (("p50", p50, goals[0]), ("p99", p99, goals[1])) if goal]
    return Row(what, f"{number(rate)}/s", f"{p50:.2f} ms p50", "", f"{p99:.2f} ms p99",
               wanted=wanted)


def rows(lab):
    """At 100 alerts a second, and at ten times as many."""
    for scale in lab.scales:
        rate, alerts = 100 * scale, lab.size(1000) * scale
        yield row("accepted -> at the webhook", rate, over_http(lab, rate, alerts), (3, 15))
    try:
        with database.server() as server:
            for scale in lab.scales:
                rate, alerts = 50 * scale, lab.size(500) * scale
                yield row("row inserted -> mail accepted", rate,
                          over_mail(lab, server, rate, alerts), (None, 50))
    except Missing as missing:
        yield Row("row inserted -> mail accepted", "", "missing", str(missing))
