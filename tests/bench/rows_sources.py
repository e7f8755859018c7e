# SPDX-License-Identifier: Apache-2.0
"""What it costs to watch: seconds of CPU in a minute, beside the loop that a script would be."""

import sys
import time

import database
import peers
import thresholds
from lab import Daemon, Missing, Process, running
from table import Row, at_most, number

MINUTE = 60
PING = 700      # bytes that a ping writes

# As bare as it gets: the rows, and how old each is.
LOOP = """
import sys, time, psycopg2
connection = psycopg2.connect(sys.argv[1])
connection.autocommit = True
while True:
    cursor = connection.cursor()
    cursor.execute("SELECT type, status, extract(epoch FROM now() - last_heartbeat_at)::float8"
                   " FROM beats")
    [name for name, status, age in cursor.fetchall() if age > 300 or status != 'running']
    time.sleep(5)
"""


def row(what, size, ours, peer, theirs, goal):
    """CPU of a minute is the figure; less is better."""
    return Row(what, number(size), f"{ours:.2f} s/min", peer,
               f"{theirs:.2f} s/min" if theirs is not None else "",
               f"{ours / theirs:.2f}x" if theirs else "",
               wanted=[at_most(ours, goal, " s CPU/min")] if goal else [])


def beats_in_a_table(lab, server, n, seconds):
    """n rows, read every five seconds, all of which have changed; ours and the loop's."""
    table = server.database()
    table.sql("CREATE TABLE beats (type text PRIMARY KEY, status text, last_heartbeat_at timestamptz)")
    table.sql("INSERT INTO beats SELECT 'daemon-' || n, 'running', now()"
              " FROM generate_series(1, %s) n", n)
    source = {"type": "heartbeat", "connection": table.conninfo, "query": "SELECT * FROM beats",
              "status_column": "status", "healthy_status": ["running"], "period": "5m",
              "poll": "5s"}
    log = {"type": "file", "path": str(lab.new_path("log"))}
    with running(Daemon(lab, channels={"log": log}, sources={"beats": source})) as daemon, \
            running(Process(sys.executable, "-c", LOOP, table.conninfo)) as loop:
        while len(daemon.client.call("GET", "/api/v1/heartbeats")["heartbeats"]) < n:
            time.sleep(0.1)
        before, began = daemon.cpu(), time.monotonic()
        theirs, done = loop.cpu(), 0
        while time.monotonic() - began < seconds:
            done += 1
            table.sql("UPDATE beats SET last_heartbeat_at = now()")
            time.sleep(max(0, began + done * 5 - time.monotonic()))
        minutes = (time.monotonic() - began) / MINUTE
        table.close()
        return (daemon.cpu() - before) / minutes, (loop.cpu() - theirs) / minutes


def beats_that_ping(lab, n):
    """n heartbeats that all ping once a minute, one after the other, each answered after its commit;
    ours, and what as many commits cost alone."""
    beats = [{"name": f"job-{i}", "period": "1m"} for i in range(n)]
    log = {"type": "file", "path": str(lab.new_path("log"))}
    source = {"type": "heartbeat", "heartbeats": beats, "grace": "1h"}
    with running(Daemon(lab, channels={"log": log}, sources={"beats": source})) as daemon:
        before = daemon.cpu()
        for i in range(n):
            daemon.client.call("POST", f"/api/v1/heartbeats/job-{i}/ping", {})
        ours = daemon.cpu() - before
    bare = peers.bare_sqlite(lab, lab.empty_store(), n, 1, PING)
    return ours, bare.cpu * n / 10000


def heartbeats(lab):
    """10,000 of them."""
    n, seconds = lab.size(10000), 2 if lab.smoke else 30
    try:
        with database.server() as server:
            ours, theirs = beats_in_a_table(lab, server, n, seconds)
            yield row("heartbeats in a table, read every 5 s", n, ours, "bare psycopg2 loop", theirs,
                      1)
    except Missing as missing:
        yield Row("heartbeats in a table", number(n), "missing", str(missing))
    ours, theirs = beats_that_ping(lab, n)
    yield row("heartbeats that ping, once a minute", n, ours, "bare SQLite, 1 a commit", theirs,
              None)


def rows(lab):
    """Each kind of source."""
    yield from heartbeats(lab)
    yield from thresholds.rows(lab)
