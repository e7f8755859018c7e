# SPDX-License-Identifier: Apache-2.0
"""Intake: alerts that are committed before the answer, beside SQLite alone."""

import sqlite3

import peers
from lab import CLIENTS, Daemon, Figure, Sink, hook, running
from table import compare


def tocsin(lab, alerts, batch):
    """All alerts have one delivery. The server that they are for hangs, so that only the first 64
    are on their way and the rest waits in the store: this is intake and nothing else."""
    with running(Sink(lab, most=alerts)) as sink:
        sink.pause()
        with running(Daemon(lab, channels={"hook": hook(sink.url)})) as daemon:
            lab.load(daemon.socket, alerts=CLIENTS, batch=1)        # every connection was used
            before = daemon.cpu()
            said = lab.load(daemon.socket, alerts=alerts, batch=batch, first=CLIENTS)
            return Figure.of(alerts, said["seconds"], daemon.cpu() - before, daemon.memory())


def mean_body(lab):
    """Bytes of a stored alert of the load."""
    with running(Sink(lab)) as sink:
        with running(Daemon(lab, channels={"hook": hook(sink.url)})) as daemon:
            lab.load(daemon.socket, alerts=100)
            daemon.close()
    with sqlite3.connect(daemon.store) as database:
        return round(database.execute("SELECT avg(length(json)) FROM alert").fetchone()[0])


def rows(lab):
    """Batches of 100, and one alert a request from 16 clients."""
    empty, body = lab.empty_store(), mean_body(lab)
    for scale in lab.scales:
        rounds = lab.rounds if scale == 1 else 1
        alerts = lab.size(20000) * scale
        bare, ours = lab.interleave(lambda: peers.bare_sqlite(lab, empty, alerts, 100, body),
                                    lambda: tocsin(lab, alerts, 100), rounds=rounds)
        yield compare("intake, batches of 100", alerts, ours, "bare SQLite, 100 a commit", bare,
                      rate=30000, ratio=0.5)
        alerts = lab.size(5000) * scale
        alone, shared, ours = lab.interleave(
            lambda: peers.bare_sqlite(lab, empty, alerts, 1, body),
            lambda: peers.bare_sqlite(lab, empty, alerts, CLIENTS, body),
            lambda: tocsin(lab, alerts, 1), rounds=rounds)
        yield compare("intake, 16 clients, 1 a request", alerts, ours, "bare SQLite, 1 a commit",
                      alone, rate=4000, ratio=0.5)
        yield compare("intake, 16 clients, 1 a request", alerts, ours, "bare SQLite, 16 a commit",
                      shared)
