# SPDX-License-Identifier: Apache-2.0
"""A queue of jobs in PostgreSQL, one HTTP POST each, beside two queues of npm; and one program each.

From the first request at the sink until the last job is completed in the table: all of them are in it
before the worker starts. CPU is the worker's, without that of the server.
"""

import contextlib
import os
import pathlib
import shutil
import time

import database
from lab import Daemon, Figure, Missing, Process, Sink, hook, program, running, wait_until
from table import compare

HERE = pathlib.Path(__file__).resolve().parent
SQL = HERE.parents[1] / "plugins/sources/postgres/jobs.sql"
QUEUE = {"table": "jobs", "batch": 500, "prefetch": 2000, "max_running": 0, "max_per_key": 0}
OURS = "SELECT count(*) FROM jobs WHERE status <> 'completed'"
# What each leaves of jobs that are not done.
LEFT = {"graphile": "SELECT count(*) FROM graphile_worker._private_jobs",
        "graphile-tuned": "SELECT count(*) FROM graphile_worker._private_jobs",
        "pg-boss": "SELECT count(*) FROM pgboss.job WHERE name = 'post' AND state <> 'completed'"}


def modules():
    """Where tests/bench/setup put the packages of npm."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    place = cache / "tocsin-bench-jobs" / "node_modules"
    if not (place / "graphile-worker").exists() or not (place / "pg-boss").exists():
        raise Missing("graphile-worker and pg-boss are not installed; tests/bench/setup does it")
    return place


@contextlib.contextmanager
def fresh(server):
    """A database of its own."""
    made = server.database()
    try:
        yield made
    finally:
        made.close()


def measured(sink, made, left, jobs, worker, children=False):
    """Waits for the end of all of them; the worker's CPU from its start."""
    if sink:
        sink.wait(jobs)
    wait_until(lambda: made.one(left) == 0, 600, f"all of {jobs} jobs are done")
    ended = time.monotonic_ns()
    began = sink.notes.first_ns if sink else worker.began_ns
    return Figure.of(jobs, (ended - began) / 1e9, worker.cpu(children=children), worker.memory())


def fill(made, jobs):
    """The shipped table with due jobs; each payload carries its number for the sink."""
    made.sql(SQL.read_text())
    made.sql("INSERT INTO jobs (kind, payload) SELECT 'post', jsonb_build_object('id', 'bench-' ||"
             " lpad(n::text, 9, '0'), 'text', repeat('the shop does not answer ', 8))"
             " FROM generate_series(0, %s) AS n", jobs - 1)
    made.sql("VACUUM ANALYZE jobs")


def ours(lab, server, jobs):
    """tocsin as a worker: 64 requests at a time."""
    with fresh(server) as made, running(Sink(lab, most=jobs)) as sink:
        fill(made, jobs)
        with running(Daemon(lab, channels={"post": hook(sink.url, retry={"attempts": 1})},
                            sources={"jobs": {"type": "postgres", "connection": made.conninfo,
                                              "queue": QUEUE}})) as daemon:
            return measured(sink, made, OURS, jobs, daemon)


def programs(lab, server, jobs):
    """tocsin as a worker: a program for each job, two at a time."""
    with fresh(server) as made:
        fill(made, jobs)
        channel = {"type": "exec", "command": ["/bin/true"], "workers": 2, "retry": {"attempts": 1}}
        began = time.monotonic_ns()
        with running(Daemon(lab, channels={"run": channel},
                            sources={"jobs": {"type": "postgres", "connection": made.conninfo,
                                              "queue": {**QUEUE, "batch": 200,
                                                        "prefetch": 500}}})) as daemon:
            daemon.began_ns = began
            return measured(None, made, OURS, jobs, daemon, children=True)


def theirs(lab, server, mode, jobs):
    """A worker of npm."""
    node, place = program("node", "nodejs"), lab.new_path("npm")
    place.mkdir()
    (place / "node_modules").symlink_to(modules())
    for name in ("worker.js", "package.json"):
        shutil.copy(HERE / "jobs" / name, place)
    with fresh(server) as made, running(Sink(lab, most=jobs)) as sink:
        url = (f"postgres://tocsin@127.0.0.1:{server.port}/{made.name}")
        command = [node, place / "worker.js", mode, url, sink.url, jobs]
        filling = Process(*command, "fill", log=place / "log", cwd=place)
        if filling.it.wait(600):
            raise RuntimeError(f"{mode} could not be filled: {filling.words()}")
        made.sql("VACUUM ANALYZE")
        with running(Process(*command, "work", log=place / "log", cwd=place)) as worker:
            return measured(sink, made, LEFT[mode], jobs, worker)


def rows(lab):
    """The queue beside each of them, and a program for each job."""
    with database.server() as server:
        for scale in lab.scales:
            jobs = lab.size(10000) * scale
            we, plain, tuned, boss = lab.interleave(
                lambda: ours(lab, server, jobs), lambda: theirs(lab, server, "graphile", jobs),
                lambda: theirs(lab, server, "graphile-tuned", jobs),
                lambda: theirs(lab, server, "pg-boss", jobs),
                rounds=lab.rounds if scale == 1 else 1)
            what = "job queue, a POST each, 64 at once"
            yield compare(what, jobs, we, "graphile-worker as it comes", plain, ratio=2)
            yield compare(what, jobs, we, "graphile-worker in batches", tuned, ratio=1)
            yield compare(what, jobs, we, "pg-boss in batches", boss, ratio=1)
        jobs = lab.size(2000)
        [we] = lab.interleave(lambda: programs(lab, server, jobs))
        yield compare("job queue, exec /bin/true, 2 workers", jobs, we, "", None, rate=300)
