# SPDX-License-Identifier: Apache-2.0
"""Two workers of one table of jobs, killed and stopped at random: no job runs twice at once, none is
forgotten, and the end of a claim that is over is refused. Controls: without the fence it is not, and
without leases jobs do run twice at once.
"""

import os
import signal
import threading
import time

import pytest

from lib.jobs import JobSink, add_jobs, http_worker, job, states, wait_all
from lib.tocsin import wait_until

LONG = os.environ.get("TOCSIN_LONG") == "1"
pytestmark = pytest.mark.needs("sqlite", "postgres", "webhook")

USERS, MOST, MOST_OF_USER = 12, 24, 4
LIMITS = {"batch": 20, "prefetch": 20, "max_running": MOST, "max_per_key": MOST_OF_USER,
          "lease": "1s", "retry": {"first": "10ms", "max": "50ms", "attempts": 1000}}


@pytest.fixture
def jobs(database, stage):
    """A database with the shipped tables."""
    database.sql(stage.sql.with_name("jobs.sql").read_text())
    return database


def refused(tocsins):
    """How many ends were refused, as all the logs say."""
    return sum(path.read_text("utf-8", "replace").count("was refused")
               for tocsin in tocsins for path in tocsin.output)


def stop_for_longer_than_a_lease(tocsin):
    """As a machine that hangs: what it did before it may only be written afterwards."""
    tocsin.send_signal(signal.SIGSTOP)
    time.sleep(2)
    tocsin.send_signal(signal.SIGCONT)


@pytest.mark.timeout(3600 if LONG else 240)
def test_jobs(make_tocsin, campaign, jobs, standins):
    kills, hangs = campaign.size(30, 200), campaign.size(2, 20)
    wanted = kills * 100
    sink = standins(JobSink, lambda labels: time.sleep((int(labels["job"]) * 7 % 90) / 1000))
    workers = [http_worker(make_tocsin(name), jobs, sink, worker=name, **LIMITS)
               for name in ("one", "two")]
    for worker in workers:
        worker.start()
    for n in range(kills):
        add_jobs(jobs, wanted // kills, users=USERS)
        victim = campaign.dice.choice(workers)
        time.sleep(campaign.dice.uniform(0.02, 0.5))
        if n % (kills // hangs) == 1:
            stop_for_longer_than_a_lease(victim)
        victim.kill()
        victim.start(wait=campaign.dice.random() < 0.7)
    wait_all(jobs, timeout=60)
    for worker in workers:
        worker.wait_ready()
        worker.wait_settled()
    book = sink.book
    campaign.record(kills=kills, hangs=hangs, jobs=wanted, runs=sum(book.runs.values()),
                    forgotten=wanted - len(book.runs), at_once=len(book.twice),
                    recovered=jobs.one("SELECT count(*) FROM job_log WHERE status = 'lost'"),
                    refused=refused(workers), most=book.most, most_of_user=book.most_of_user)
    assert len(book.runs) == wanted
    assert not book.twice, f"ran twice at once: {book.twice}"
    assert jobs.one("SELECT count(*) FROM jobs WHERE lease_until IS NOT NULL") == 0
    # each was completed once, by whoever had it then
    assert jobs.one("SELECT count(*) FROM job_log WHERE status = 'completed'") == wanted
    assert jobs.one("SELECT count(*) FROM (SELECT job_id FROM job_log WHERE status = 'completed'"
                    " GROUP BY 1 HAVING count(*) > 1) AS twice") == 0


# Every claim has the same token, so that nobody can be told from anybody.
NO_FENCE = """
CREATE FUNCTION no_fence() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.claim_token IS NOT NULL THEN
        NEW.claim_token = '00000000-0000-4000-8000-000000000000'; END IF;
    RETURN NEW; END $$;
CREATE TRIGGER no_fence BEFORE UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION no_fence();
"""


@pytest.mark.parametrize("fence", [True, False], ids=["fenced", "control"])
def test_a_late_end_is_refused(make_tocsin, jobs, standins, fence):
    """One worker hangs while its job runs; the other one has the row when it comes back."""
    gates = [threading.Event(), threading.Event()]
    order = iter(gates)
    sink = standins(JobSink, lambda labels: next(order).wait(30) and None)
    if not fence:
        jobs.sql(NO_FENCE)
    one = http_worker(make_tocsin("one"), jobs, sink, worker="one", lease="500ms").start()
    add_jobs(jobs, 1)
    sink.wait_begun(1)
    one.send_signal(signal.SIGSTOP)
    two = http_worker(make_tocsin("two"), jobs, sink, worker="two", lease="500ms").start()
    sink.wait_begun(2)
    gates[0].set()
    one.send_signal(signal.SIGCONT)
    wait_until(lambda: one.counters()["pending"] == 0)
    if fence:
        one.wait_log("its end \\(done\\) was refused")
        assert job(jobs, 1, "status", "claimed_by") == ("processing", "two")
    else:
        wait_all(jobs)
        assert jobs.one("SELECT worker FROM job_log WHERE status = 'completed'") == "one", \
            "the control refused it, too: this story cannot see the fence"
    gates[1].set()
    wait_all(jobs)
    two.wait_settled()
    assert jobs.one("SELECT count(*) FROM job_log WHERE status = 'completed'") == 1
    # without the fence nobody can be told from anybody, and both ends are taken for the same
    wait_until(lambda: refused([one, two]) == (1 if fence else 0))
    assert states(jobs) == {"completed": 1}


def test_without_leases_jobs_run_twice_at_once(make_tocsin, jobs, standins):
    """The control of test_jobs: its book sees what it is there to see."""
    jobs.sql("CREATE FUNCTION no_lease() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
             " NEW.lease_until = now() - interval '1 second'; RETURN NEW; END $$;"
             "CREATE TRIGGER no_lease BEFORE UPDATE ON jobs FOR EACH ROW WHEN (NEW.lease_until IS"
             " NOT NULL) EXECUTE FUNCTION no_lease()")
    sink = standins(JobSink, lambda labels: time.sleep(0.3))
    add_jobs(jobs, 20)
    workers = [http_worker(make_tocsin(name), jobs, sink, worker=name, **LIMITS).start()
               for name in ("one", "two")]
    wait_until(lambda: sink.book.twice, 20, "a job that runs twice at once")
    for worker in workers:
        worker.kill()
