# SPDX-License-Identifier: Apache-2.0
"""System 4, the job processor, line by line: rows of a table, a program or a request for each."""

import contextlib
import pathlib
import re
import signal
import threading
import time

import pytest
import yaml

from lib.jobs import (LEASE, JobSink, add_jobs, http_worker, job, queue_source, read_book, states,
                      wait_all)
from lib.sections import slack_channel
from lib.tocsin import wait_until

pytestmark = pytest.mark.needs("postgres", "exec", "webhook")

# Which job it is, and of whom, from the one line that it is given.
PROGRAM = r"""#!/bin/sh
IFS= read -r line
job=${{line#*'"job":"'}}; job=${{job%%'"'*}}
user=${{line#*'"user":"'}}; user=${{user%%'"'*}}
echo "begin $job $user" >> {book}
{work}
echo "end $job $user" >> {book}
"""


@pytest.fixture
def jobs(database, stage):
    """A database with the shipped tables."""
    database.sql(stage.sql.with_name("jobs.sql").read_text())
    return database


@pytest.fixture
def program(tmp_path):
    """Makes the program of a job."""
    def make(work="sleep 0.05"):
        path = tmp_path / "program"
        path.write_text(PROGRAM.format(book=tmp_path / "book", work=work))
        path.chmod(0o755)
        return path
    make.book = tmp_path / "book"
    return make


def exec_worker(tocsin, database, path, channel=None, sections=None, **queue):
    """A daemon that runs the program for each job."""
    run = {"type": "exec", "command": [str(path)], "workers": 12, "retry": {"attempts": 1},
           **(channel or {})}
    return tocsin.configure(channels={"run": run, **(sections or {}).pop("channels", {})},
                            sources={"jobs": queue_source(database, **queue)}, **(sections or {}))


def test_limits_hold_over_several_processors(make_tocsin, jobs, program):
    """Several processors at once, each with up to 6; at most 10 at once, at most 2 per user."""
    path = program("sleep 0.1")
    for name in ("one", "two"):
        exec_worker(make_tocsin(name), jobs, path, lease="10s", batch=6, prefetch=6).start()
    add_jobs(jobs, 60, users=7)     # for both of them, not for the first that is there
    wait_all(jobs)
    book = read_book(program.book)
    assert not book.twice
    assert set(book.runs.values()) == {1} and len(book.runs) == 60
    assert 6 < book.most <= 10      # more than one of them takes
    assert book.most_of_user == 2
    # the execution log per job
    assert jobs.one("SELECT count(DISTINCT job_id) FROM job_log WHERE status = 'completed'"
                    " AND attempt = 1 AND ended_at >= started_at AND error IS NULL") == 60
    # both of them worked, and neither left anything behind
    assert jobs.one("SELECT count(DISTINCT worker) FROM job_log") == 2
    assert jobs.one("SELECT count(*) FROM jobs WHERE lease_until IS NOT NULL"
                    " OR duration_ms < 100") == 0


def test_failures(tocsin, jobs, program, slack):
    """Retries with backoff; the last attempt's error stays; a time-out ends a job; Slack hears."""
    path = program('case $job in 1) echo "disk is full"; exit 3;; 2) exec sleep 60;; esac')
    add_jobs(jobs, 3)
    jobs.sql("UPDATE jobs SET max_attempts = 1 WHERE id = 2")
    exec_worker(tocsin, jobs, path, channel={"time_limit": "300ms"},
                sections={"channels": {"chat": slack_channel(slack)},
                          "routes": [{"name": "jobs", "match": ["alertname=jobs"],
                                      "channels": ["run"]}],
                          "default": {"channels": ["chat"]}, "dead_alerts": {"enabled": True}},
                retry={"first": "100ms", "attempts": 3}).start()
    jobs.wait("SELECT count(*) FROM jobs WHERE status IN ('completed', 'failed')", 3)
    assert job(jobs, 3, "status", "attempts", "last_error") == ("completed", 1, None)
    status, attempts, error, output = job(jobs, 1, "status", "attempts", "last_error", "output")
    assert (status, attempts, output) == ("failed", 3, "disk is full\n")
    assert "status 3" in error and "disk is full" in error
    assert "did not end within" in job(jobs, 2, "last_error") and job(jobs, 2, "status") == "failed"
    # each pause is twice the one before, give or take a fifth
    ended = [row[0] for row in jobs.sql("SELECT extract(epoch FROM started_at)::float8 FROM job_log"
                                        " WHERE job_id = 1 ORDER BY attempt")]
    assert len(ended) == 3 and ended[1] - ended[0] > 0.08 and ended[2] - ended[1] > 0.16
    slack.wait_requests(1)
    assert "run" in slack.requests[0].body.decode()
    # what failed cannot be run again but by its row
    wait_until(lambda: tocsin.log().count("no attempt is left") == 2, what=tocsin.log)
    tocsin.wait_settled()
    assert tocsin.counters()["dead"] == 0
    counted = tocsin.status()["sources"][0]["counters"]
    assert (counted["attempts_failed"], counted["failed"], counted["completed"]) == (4, 2, 1)
    assert tocsin.post("/api/v1/dead/replay", {"all": True}) == {"replayed": 0}
    jobs.sql("UPDATE jobs SET status = 'pending', attempts = 0 WHERE id = 3")
    wait_until(lambda: job(jobs, 3, "status") == "completed")


def test_stuck_jobs_are_recovered(make_tocsin, jobs, standins):
    """A job without a sign of life is recovered by any other processor, and the old one's claims are
    worth nothing after its restart."""
    gate = threading.Event()
    sink = standins(JobSink, lambda labels: gate.wait(20) and None)
    one, two = make_tocsin("one"), make_tocsin("two")
    http_worker(one, jobs, sink, worker="one", channel={"concurrency": 1}).start()
    add_jobs(jobs, 3)
    sink.wait_begun(1)
    jobs.wait("SELECT count(*) FROM jobs WHERE status = 'processing'", 3)
    one.kill()
    gate.set()
    killed = time.monotonic()
    http_worker(two, jobs, sink, worker="two").start()
    one.start()
    wait_all(jobs)
    assert time.monotonic() - killed < 15
    assert jobs.one("SELECT count(*) FROM job_log WHERE status = 'lost' AND worker = 'one'") == 3
    assert jobs.one("SELECT min(attempts) FROM jobs") == 2
    # one at the sink when the processor died; nothing that only waited ran for its old claim
    assert sum(sink.book.runs.values()) == 4
    assert not sink.book.twice
    suppressed = [d for d in one.deliveries(state="suppressed") if d["source"] == "jobs"]
    assert len(suppressed) == 3
    assert "gave no sign of life" in one.log() + two.log()


def test_graceful_shutdown_and_cancellation(tocsin, jobs, standins):
    """What runs is finished, what waits is handed back; and a waiting row that somebody takes away
    is not begun."""
    gate = threading.Event()
    sink = standins(JobSink, lambda labels: gate.wait(20) and None)
    add_jobs(jobs, 4)
    http_worker(tocsin, jobs, sink, channel={"concurrency": 1}).start()
    sink.wait_begun(1)
    jobs.wait("SELECT count(*) FROM jobs WHERE status = 'processing'", 4)
    jobs.sql("UPDATE jobs SET status = 'cancelled' WHERE id = 2")
    tocsin.wait_log("not ours any more")
    tocsin.send_signal(signal.SIGTERM)
    jobs.wait("SELECT count(*) FROM jobs WHERE status = 'pending' AND attempts = 0"
              " AND lease_until IS NULL AND claimed_by IS NULL", 2)
    time.sleep(LEASE * 1.2)     # its lease is renewed while it ends
    assert job(jobs, 1, "status") == "processing"
    gate.set()
    assert tocsin.wait_end() == 0
    assert states(jobs) == {"completed": 1, "cancelled": 1, "pending": 2}
    assert dict(sink.book.runs) == {1: 1}
    # the next one goes on
    tocsin.start()
    jobs.wait("SELECT count(*) FROM jobs WHERE status = 'completed'", 3)
    assert job(jobs, 2, "status") == "cancelled" and 2 not in sink.book.runs


def test_a_row_that_somebody_locks_holds_up_no_other(tocsin, jobs, standins):
    """Its end is written when he lets go; meanwhile the others are worked off, and nothing is refused."""
    gate = threading.Event()
    sink = standins(JobSink, lambda labels: gate.wait(20) and None)
    add_jobs(jobs, 3)
    http_worker(tocsin, jobs, sink, lease="10s").start()
    sink.wait_begun(3)
    with contextlib.closing(jobs.server.connect(jobs.name)) as other:
        other.autocommit = False
        other.cursor().execute("SELECT FROM jobs WHERE id = 2 FOR UPDATE")
        gate.set()
        jobs.wait("SELECT count(*) FROM jobs WHERE status = 'completed'", 2, 5)
        began = time.monotonic()
        add_jobs(jobs, 30)
        jobs.wait("SELECT count(*) FROM jobs WHERE status = 'completed'", 32, 5)
        assert time.monotonic() - began < 3     # not a second for each batch
        assert job(jobs, 2, "status") == "processing"
    wait_all(jobs)
    assert sum(sink.book.runs.values()) == 33
    assert jobs.one("SELECT count(*) FROM job_log WHERE status = 'completed'") == 33
    assert "refused" not in tocsin.log()


def test_nothing_begins_when_the_lease_could_not_be_renewed(tocsin, jobs, standins):
    """However long the worker hangs in its statement: the core knows until when it may begin."""
    gate = threading.Event()
    sink = standins(JobSink, lambda labels: gate.wait(20) and None)
    add_jobs(jobs, 3)
    http_worker(tocsin, jobs, sink, channel={"concurrency": 1}).start()
    sink.wait_begun(1)
    with contextlib.closing(jobs.server.connect(jobs.name)) as other, other.cursor() as cursor:
        other.autocommit = False
        cursor.execute("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE")
        time.sleep(LEASE)
        gate.set()
        wait_until(lambda: tocsin.counters()["pending"] == 0)
        assert dict(sink.book.runs) == {1: 1}
        assert tocsin.counters()["suppressed"] == 2
    wait_all(jobs)
    # Nobody else took them meanwhile: the end of the first counts, the others are handed back.
    assert jobs.sql("SELECT job_id, attempt, status FROM job_log ORDER BY job_id") == [
        (1, 1, "completed"), (2, 1, "completed"), (3, 1, "completed")]


def test_a_worker_that_hangs_in_its_claim_holds_nobody_up(tocsin, jobs, standins):
    """The others keep what they have, though they cannot claim; and not for long."""
    gate = threading.Event()
    sink = standins(JobSink, lambda labels: gate.wait(20) and None)
    add_jobs(jobs, 1)
    http_worker(tocsin, jobs, sink).start()
    sink.wait_begun(1)
    with contextlib.closing(jobs.server.connect(jobs.name)) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(1953457009, 'jobs'::regclass::oid::int)")
        add_jobs(jobs, 1)
        time.sleep(LEASE * 1.5)
        assert states(jobs) == {"processing": 1, "pending": 1}
        gate.set()
        jobs.wait("SELECT count(*) FROM jobs WHERE status = 'completed'", 1)
    wait_all(jobs)
    assert jobs.one("SELECT sum(attempts) FROM jobs") == 2
    assert "error" not in tocsin.log()


def test_a_channel_that_has_to_wait_costs_no_attempt(tocsin, jobs, standins):
    """The claim is kept, longer than a lease."""
    sink = standins(JobSink)
    sink.too_many(1, times=2)
    http_worker(tocsin, jobs, sink, channel={"concurrency": 1}, lease="400ms").start()
    add_jobs(jobs, 3)
    wait_all(jobs)
    assert jobs.one("SELECT sum(attempts) FROM jobs") == 3
    assert jobs.one("SELECT count(*) FROM job_log") == 3


def test_a_reload_finishes_what_runs(tocsin, jobs, standins):
    """The worker before the reload keeps the row until its job has ended; its own is next."""
    gate = threading.Event()
    sink = standins(JobSink, lambda labels: gate.wait(20) and None)
    add_jobs(jobs, 2)
    http_worker(tocsin, jobs, sink, channel={"concurrency": 1}, worker="before").start()
    sink.wait_begun(1)
    http_worker(tocsin, jobs, sink, channel={"concurrency": 1}, worker="after")
    tocsin.hup()
    jobs.wait("SELECT count(*) FROM jobs WHERE id = 2 AND claimed_by IS NULL", 1)
    time.sleep(LEASE * 1.2)
    assert job(jobs, 1, "status", "claimed_by") == ("processing", "before")
    gate.set()
    wait_all(jobs)
    assert jobs.sql("SELECT job_id, attempt, worker, status FROM job_log ORDER BY job_id") == [
        (1, 1, "before", "completed"), (2, 1, "after", "completed")]


def test_once(tocsin, jobs, program):
    """tocsind --once works off all that is due, whatever the limits, and says how it went."""
    add_jobs(jobs, 25, users=2)
    jobs.sql("INSERT INTO jobs (scheduled_at) VALUES (now() + interval '1 hour')")
    exec_worker(tocsin, jobs, program("true"), max_running=4, retry={"first": "1h"})
    run = tocsin.once()
    assert run.status == 0, run
    assert states(jobs) == {"completed": 25, "pending": 1}
    assert not read_book(program.book).twice
    program("exit 9")
    add_jobs(jobs, 1)
    run = tocsin.once()
    assert run.status == 1, run
    assert job(jobs, 27, "status", "attempts") == ("pending", 1)
    database_gone = tocsin.conf / "10-story.yaml"
    database_gone.write_text(database_gone.read_text().replace("dbname=", "dbname=no"))
    assert tocsin.once().status == 2


def test_a_run_that_is_once_does_not_count_what_it_let_go_as_sent(tocsin, jobs, standins):
    """It was stopped for longer than its leases: what waited for its turn is for the next run."""
    gate = threading.Event()
    sink = standins(JobSink, lambda labels: gate.wait(20) and None)
    add_jobs(jobs, 3)
    http_worker(tocsin, jobs, sink, channel={"concurrency": 1})
    run = tocsin.start_once()
    sink.wait_begun(1)
    run.send_signal(signal.SIGSTOP)
    gate.set()
    time.sleep(LEASE * 1.2)
    run.send_signal(signal.SIGCONT)
    said, _ = run.communicate(timeout=60)
    done = states(jobs).get("completed", 0)
    assert f"Summary: {done} sent, {3 - done} failed, 3 total" in said, said
    assert run.returncode == (1 if done < 3 else 0), said
    jobs.wait("SELECT count(*) FROM jobs WHERE status = 'pending' AND scheduled_at > now()", 0)
    again = tocsin.once()
    assert again.status == 0, again
    assert states(jobs) == {"completed": 3}, again


TASKS = """
CREATE SCHEMA app;
CREATE TYPE app.state AS ENUM ('new', 'running', 'ok', 'broken');
CREATE TABLE app."Task" ("taskId" uuid PRIMARY KEY DEFAULT gen_random_uuid(), state app.state
    NOT NULL DEFAULT 'new', "runAt" timestamptz NOT NULL DEFAULT now(), tries smallint, owner text,
    title varchar(80), "ownerId" int, queue text NOT NULL DEFAULT 'ours');
ALTER TABLE app."Task" ADD COLUMN claim text, ADD COLUMN "leaseUntil" timestamptz;
INSERT INTO app."Task" (title, "ownerId", queue) SELECT 'task ' || n, n % 2,
    CASE WHEN n > 6 THEN 'theirs' ELSE 'ours' END FROM generate_series(1, 8) AS n;
"""


def test_an_existing_table_is_used_as_it_is(tocsin, database, standins):
    """Other names, an enum, a text as token, no log, a condition of its own."""
    database.sql(TASKS)
    sink = standins(JobSink)
    sink.reply = lambda request: (200, b"ok", {})
    columns = {"status": "state", "scheduled_at": "runAt", "attempts": "tries", "token": "claim",
               "lease_until": "leaseUntil", "owner": ""}
    http_worker(tocsin, database, sink, table="app.Task", key="taskId", columns=columns,
                values={"pending": "new", "processing": "running", "completed": "ok",
                        "failed": "broken"},
                per_key="ownerId", condition="queue = 'ours' -- not theirs", listen="", worker="w")
    tocsin.start()
    database.wait("""SELECT count(*) FROM app."Task" WHERE state = 'ok' AND tries = 1""", 6)
    assert database.one("""SELECT count(*) FROM app."Task" WHERE state = 'new'""") == 2
    assert database.one("""SELECT count(*) FROM app."Task" WHERE owner IS NOT NULL""") == 0
    said = sink.wait_requests(6)[0].json()["alerts"][0]
    assert len(said["labels"]["job"]) == 36


def test_the_page_is_right(tocsin):
    """Every configuration of doc/coming-from-job-processors.md can be used."""
    page = pathlib.Path(__file__).resolve().parents[2] / "doc/coming-from-job-processors.md"
    found = re.findall(r"```yaml\n(.*?)```", page.read_text(), re.S)
    assert len(found) == 3
    assert "\ndefault:" in found[0]     # without it the daemon would not start; we would add one
    for n, text in enumerate(found):
        value = yaml.safe_load(text.replace("${cred:slack-url}", "https://hooks.example.com/x"))
        tocsin.configure(**value)
        run = tocsin.tocsind("--check")
        assert run.status == 0, (n, run)


def test_mistakes_are_said_before_a_row_is_claimed(tocsin, jobs, standins):
    """One sentence, where and what."""
    sink = standins(JobSink)
    add_jobs(jobs, 1)
    for queue, sentence in (
            ({"table": "job"}, "has no table job that the role can see"),
            ({"columns": {"token": "kind2"}}, "option 'queue.columns.token': table jobs has no "
                                              "column 'kind2'"),
            ({"columns": {"token": "attempts"}}, "must be of type uuid or text, not integer"),
            ({"key": "kind"}, "is not unique"),
            ({"values": {"pending": "new"}, "columns": {"status": "attempts"}}, "integer"),
            ({"log_table": "history"}, "option 'queue.log_table': there is no table history"),
            ({"condition": "kind = 7"}, "option 'queue': operator does not exist")):
        http_worker(tocsin, jobs, sink, **queue)
        run = tocsin.once()
        assert run.status == 2 and sentence in run.stdout + run.stderr, (queue, run)
    for queue, sentence in (
            ({"values": {"failed": "pending"}}, "two of them are the same"),
            ({"batch": 20, "prefetch": 5}, "'queue.prefetch' is less than 'queue.batch'"),
            ({"retry": {"first": "1h", "max": "1m"}}, "max is shorter than first"),
            ({"columns": {"status": "a b"}}, "'queue.columns.status' must be a plain name")):
        http_worker(tocsin, jobs, sink, **queue)
        run = tocsin.tocsind("--check")
        assert run.status == 2 and sentence in run.stdout + run.stderr, (queue, run)
    assert states(jobs) == {"pending": 1} and not sink.requests
