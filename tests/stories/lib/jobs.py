# SPDX-License-Identifier: Apache-2.0
"""A table of jobs, its workers, and who notes when each job began and ended."""

import collections
import json
import threading

from .http import HttpServer
from .sections import postgres_source
from .tocsin import wait_until

LEASE = 1.0     # seconds, in stories


def add_jobs(database, n, users=0, kind="job", **more):
    """n due jobs, the oldest first, of so many users (0: of nobody); their ids in that order."""
    columns = "".join(f", {name}" for name in more)
    values = "".join(", %s" for _ in more)
    return [row[0] for row in database.sql(
        f"INSERT INTO jobs (kind, user_id, scheduled_at{columns})"
        f" SELECT %s, CASE WHEN %s > 0 THEN 'user' || n %% greatest(%s, 1) END,"
        f" now() - make_interval(secs => %s - n){values}"
        " FROM generate_series(1, %s) AS n RETURNING id",
        kind, users, users, n, *more.values(), n)]


def job(database, number, *columns):
    """These columns of one job; a single value when it is one column."""
    row = database.sql(f"SELECT {', '.join(columns)} FROM jobs WHERE id = %s", number)[0]
    return row[0] if len(columns) == 1 else row


def states(database):
    """status -> number of jobs."""
    return dict(database.sql("SELECT status, count(*) FROM jobs GROUP BY 1"))


def wait_all(database, status="completed", timeout=30):
    """Waits until every job has that status."""
    database.wait(f"SELECT count(*) FROM jobs WHERE status <> '{status}'", 0, timeout)


def queue_source(database, **queue):
    """A worker that looks often and gives up its rows soon."""
    return postgres_source(database, queue={
        "table": "jobs", "poll": "50ms", "lease": f"{int(LEASE * 1000)}ms",
        "retry": {"first": "50ms", "attempts": 3}, **queue})


def http_worker(tocsin, database, sink, channel=None, **queue):
    """A daemon that posts each job to the sink."""
    hook = {"type": "webhook", "url": f"{sink.url}/job", "private_addresses": "allow",
            "concurrency": 16, "retry": {"first": "50ms", "max": "200ms", "attempts": 1},
            "timeout": "10s", **(channel or {})}
    return tocsin.configure(channels={"run": hook}, sources={"jobs": queue_source(database, **queue)})


class Book:
    """Who runs when: notes each begin and end, and what must not be."""

    def __init__(self):
        self.lock = threading.Lock()
        self.running = collections.Counter()
        self.runs = collections.Counter()
        self.users = collections.Counter()
        self.most = self.most_of_user = 0
        self.twice = []     # jobs that began while they ran

    def begin(self, number, user=None):
        """It runs from now on."""
        with self.lock:
            if self.running[number]:
                self.twice.append(number)
            self.running[number] += 1
            self.runs[number] += 1
            self.most = max(self.most, sum(self.running.values()))
            if user:
                self.users[user] += 1
                self.most_of_user = max(self.most_of_user, self.users[user])

    def end(self, number, user=None):
        """It does not any more."""
        with self.lock:
            self.running[number] -= 1
            if user:
                self.users[user] -= 1


class JobSink(HttpServer):
    """Does the jobs that are posted to it. `work` is called with the labels of each, and may wait,
    or return a status."""

    def __init__(self, work=lambda labels: None):
        self.book = Book()
        self.work = work
        super().__init__()

    def wait_begun(self, n):
        """Waits until so many runs began."""
        wait_until(lambda: sum(self.book.runs.values()) >= n, 15, lambda: f"{n} runs")

    def reply(self, request):
        labels = json.loads(request.body)["alerts"][0]["labels"]
        number, user = int(labels["job"]), labels.get("user")
        self.book.begin(number, user)
        try:
            status = self.work(labels)
        finally:
            self.book.end(number, user)
        return status or 200, b"done", {}


def read_book(path):
    """The book of programs that wrote lines such as "begin 17 user3"."""
    book = Book()
    for line in path.read_text().splitlines():
        what, number, user = (line.split() + [""])[:3]
        getattr(book, what)(int(number), user or None)
    return book
