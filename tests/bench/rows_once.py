# SPDX-License-Identifier: Apache-2.0
"""`tocsind --once` over pending rows of a PostgreSQL table, beside programs that only send mail and
the script that teams write."""

import json

import database
import peers
from lab import Figure, Missing, Sink, median, running
from table import Row, at_most, compare, number

WORKERS = 8


def configuration(lab, table, port, workers):
    """A directory with the configuration and a new store."""
    place = lab.new_path("once")
    (place / "conf.d").mkdir(parents=True)
    sections = database.sections(table, port, workers)
    (place / "conf.d" / "bench.yaml").write_text(json.dumps({
        "store": {"type": "sqlite", "path": str(place / "tocsin.db")}, "api": {"socket": ""},
        "default": {"channels": ["mail"]}, **sections}))
    return place / "conf.d"


def once(lab, table, sink, mails, workers):
    """One run of tocsind: from its start to its end, with every row marked."""
    config = configuration(lab, table, sink.port, workers)
    status, seconds, cpu, peak = peers.spent([*lab.tocsind(config), "--once"],
                                             log=config.parent / "log")
    left = database.pending(table)
    if status or left:
        raise RuntimeError(f"tocsind --once ended with {status}, {left} rows are pending: "
                           + (config.parent / "log").read_text()[-2000:])
    return Figure.of(mails, seconds, cpu, peak)


def script(lab, table, sink, workers, size):
    """The script in Python on the same rows. On a slow disk it may not get through all of them,
    and each of its mails costs the same."""
    database.again(table)
    return peers.python_dispatcher(lab, table, sink, workers, size)


def mail_size(lab, server):
    """Bytes of a mail of tocsin."""
    with database.alerts(server) as table, running(Sink(lab, "mail_sink")) as sink:
        database.insert(table, 0, 20)
        once(lab, table, sink, 20, 1)
        return round(sink.notes.size)


def compared(lab, server, scale, size):
    """The rows of one size."""
    mails = lab.size(10000) * scale
    with database.alerts(server) as table, running(peers.PostfixSink(lab)) as sink:
        database.insert(table, 0, mails)
        database.again(table)

        def ours(workers):
            database.again(table)
            return once(lab, table, sink, mails, workers)

        rounds = lab.rounds if scale == 1 else 1
        one, source, python, pythons = lab.interleave(
            lambda: ours(1), lambda: peers.smtp_source(lab, sink, mails, 1, size),
            lambda: script(lab, table, sink, 1, size),
            lambda: script(lab, table, sink, WORKERS, size), rounds=rounds)
        # These take a second and both processors, so what else the machine does shows most.
        eight, sources = lab.interleave(
            lambda: ours(WORKERS), lambda: peers.smtp_source(lab, sink, mails, WORKERS, size),
            rounds=2 * rounds + 1)
    what = "--once, one connection"
    yield compare(what, mails, one, "smtp-source, 1 session", source, ratio=0.8)
    yield compare(what, mails, one, "Python, 1 connection", python, ratio=2)
    what = f"--once, {WORKERS} workers"
    yield compare(what, mails, eight, "smtp-source, 8 sessions", sources, ratio=0.6)
    yield compare(what, mails, eight, "Python, 1 connection", python, ratio=8)
    yield compare(what, mails, eight, "Python, 8 connections", pythons)


def rows(lab):
    """10,000 rows and 100,000."""
    try:
        with database.server() as server:
            size = mail_size(lab, server)
            for scale in lab.scales:
                yield from compared(lab, server, scale, size)
    except Missing as missing:
        yield Row("--once", "", "missing", str(missing))


def tenths(lab, table, mails):
    """The rates of the first tenth and of the last one of a run."""
    tenth = mails // 10
    database.again(table)
    with running(Sink(lab, "mail_sink", mails)) as sink:
        figure = once(lab, table, sink, mails, WORKERS)
        times = sorted(sink.notes.times())
    return (Figure(tenth / (times[tenth] - times[0]) * 1e9),
            Figure(tenth / (times[-1] - times[-tenth - 1]) * 1e9, figure.cpu, figure.peak))


def flat(lab, server, mails):
    """Memory, and the rate of the last tenth beside that of the first."""
    with database.alerts(server) as table:
        for start in range(0, mails, 100000):
            database.insert(table, start, min(100000, mails - start))
        runs = [tenths(lab, table, mails) for _ in range(lab.rounds)]
    first, last = (median(each) for each in zip(*runs))
    row = compare("--once, first and last tenth", mails, last, "its first tenth", first, ratio=0.9)
    row.wanted.append(at_most(last.peak, 64, " MiB"))
    row.size = number(mails)
    return row
