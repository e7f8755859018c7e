# SPDX-License-Identifier: Apache-2.0
"""A postgres source is replaced, disabled, removed or renamed: its rows, and whoever else waits."""

import collections
import re
import threading
import time

import pytest

from lib import rows
from lib.client import Refused
from lib.jobs import JobSink, add_jobs, queue_source, states, wait_all
from lib.rows import add_recipients, add_rows
from lib.sections import dispatcher, postgres_source, smtp_channel
from lib.tocsin import SLOW, wait_until

pytestmark = pytest.mark.needs("postgres", "smtp", "sqlite")


def test_rows_go_out_when_a_queue_of_the_same_name_was_there_before(
        tocsin, alerts_database, smtp, stage):
    """The lease of the queue is over; the rows of its successor have none."""
    alerts_database.sql(stage.sql.with_name("jobs.sql").read_text())
    add_recipients(alerts_database)
    tocsin.configure(channels={"mail": smtp_channel(smtp)},
                     sources={"alerts": queue_source(alerts_database)},
                     default={"channels": ["mail"]}).start()
    tocsin.wait_log("database connected")
    dispatcher(tocsin, alerts_database, smtp, source={"poll": "1s"})
    tocsin.post("/api/v1/reload")
    ids = add_rows(alerts_database, 3)
    wait_until(lambda: rows.sent(alerts_database) == set(ids), what="three marked rows")
    assert len(smtp.mails) == 3 and tocsin.counters()["delivered"] == 3


def test_a_row_that_was_not_pending_for_a_while_is_sent_when_it_is_again(
        tocsin, alerts_database, smtp):
    """Dropped by the first sweep of a new connection, and not marked as sent."""
    add_recipients(alerts_database)
    smtp.defer("rcpt", 451, times=1)
    dispatcher(tocsin, alerts_database, smtp, retry={"first": "1h", "max": "1h"}, source={
        "poll": "1s", "pending": "NOT email_sent AND triggered_at <= now()"}).start()
    ids = add_rows(alerts_database, 1)
    wait_until(lambda: tocsin.channel("mail")["retried"] == 1, what="the first attempt")
    alerts_database.sql("UPDATE alerts SET triggered_at = now() + interval '1 hour'")
    alerts_database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE application_name = 'tocsin' AND datname = current_database()")
    tocsin.wait_log("1 delivery is no longer wanted")
    tocsin.wait_settled()
    time.sleep(0.3)     # in which it would be marked
    assert rows.sent(alerts_database) == set() and not smtp.mails
    alerts_database.sql("UPDATE alerts SET triggered_at = now()")
    wait_until(lambda: rows.sent(alerts_database) == set(ids), what="the row to be marked")
    assert len(smtp.mails) == 1


def test_what_waits_for_its_turn_is_held_back_while_the_connection_is_lost(
        tocsin, alerts_database, smtp, postgres):
    """Also what a slow channel has in memory already."""
    add_recipients(alerts_database)
    dispatcher(tocsin, alerts_database, smtp, {"poll": "1s"}, rate="2/s", burst=1).start()
    ids = add_rows(alerts_database, 6)
    smtp.wait_mails(1)
    postgres.stop()
    tocsin.wait_log("alerts: .*(connection|server)")
    sent = len(smtp.mails)
    time.sleep(2)
    assert len(smtp.mails) <= sent + 1      # that may have begun
    postgres.start()
    wait_until(lambda: rows.sent(alerts_database) == set(ids), what="every row to be marked")
    assert set(smtp.by_key().values()) == {1} and len(smtp.mails) == 6


SLOWLY = {"rate": "4/s", "burst": 1}
MANY = int(12 * SLOW)   # rows: some are left when the first one has heard of the change


def change(tocsin, database, smtp, how):
    """The source of the daemon is disabled, or gone, or has another name. Its channel stays."""
    source = postgres_source(database, poll="1s", enabled=how != "disabled")
    sources = {"disabled": {"alerts": source}, "removed": {}, "renamed": {"again": source}}[how]
    mail = smtp_channel(smtp, **SLOWLY)
    del mail["to"]      # that is in the table
    tocsin.configure(channels={"mail": mail}, sources=sources, default={"channels": ["mail"]})


def rows_sent(smtp):
    """number of the row -> how many mails"""
    return collections.Counter(re.search(r"number (\d+)", mail.text())[1] for mail in smtp.mails)


@pytest.mark.parametrize("when", ["reload", "restart"])
@pytest.mark.parametrize("how", ["disabled", "removed", "renamed"])
def test_rows_of_a_source_that_is_gone_are_left_to_whoever_reads_them_next(
        make_tocsin, alerts_database, smtp, how, when):
    add_recipients(alerts_database)
    one = dispatcher(make_tocsin("one"), alerts_database, smtp, {"poll": "1s"}, **SLOWLY).start()
    ids = add_rows(alerts_database, MANY)
    smtp.wait_mails(2)
    two = dispatcher(make_tocsin("two"), alerts_database, smtp, {"poll": "1s"}).start()
    if when == "restart":
        one.kill()
    change(one, alerts_database, smtp, how)
    if when == "restart":
        one.start()
    else:
        one.post("/api/v1/reload")
    wait_until(lambda: rows.sent(alerts_database) == set(ids), what="every row to be marked")
    time.sleep(1)       # in which the first one would go on, with four mails
    mails = len(smtp.mails)
    # one that was killed may have sent what it could not mark any more
    assert len(rows_sent(smtp)) == MANY and mails <= MANY + (2 if when == "restart" else 0)
    if how == "disabled":       # they wait for a decision, and then their rows decide
        one.wait_log("deliveries of this source wait: it is disabled")
        assert one.counters()["pending"] > 0
        two.stop()
        dispatcher(one, alerts_database, smtp, {"poll": "1s"}).post("/api/v1/reload")
    one.wait_settled()
    assert one.counters()["suppressed"] > 0 and len(smtp.mails) == mails


@pytest.mark.parametrize("how", ["disabled", "removed", "renamed", "stopped"])
def test_what_is_under_way_when_its_source_goes_is_marked_first(
        make_tocsin, alerts_database, smtp, how):
    """The mail is accepted while the source is leaving; who reads its row next need not send it."""
    add_recipients(alerts_database)
    smtp.delay("end", 1, times=1)
    one = dispatcher(make_tocsin("one"), alerts_database, smtp, {"poll": "1s"}, **SLOWLY).start()
    ids = add_rows(alerts_database, 1)
    wait_until(lambda: one.channel("mail")["in_flight"] == 1, what="the mail to be under way")
    two = dispatcher(make_tocsin("two"), alerts_database, smtp, {"poll": "1s"}).start()
    if how == "stopped":
        one.stop()
    else:
        change(one, alerts_database, smtp, how)
        one.post("/api/v1/reload")
    wait_until(lambda: rows.sent(alerts_database) == set(ids), what="the row to be marked")
    time.sleep(1.2)     # in which the other one would send it
    assert len(smtp.mails) == 1
    assert one.counters()["delivered"] == 1 and two.counters()["delivered"] == 0


@pytest.mark.needs("webhook", "heartbeat")
def test_a_job_that_runs_long_holds_up_the_reload_of_its_own_source_only(
        tocsin, database, standins, stage):
    """Heartbeats that changed in the same reload are back at once, and answer."""
    database.sql(stage.sql.with_name("jobs.sql").read_text())
    gate = threading.Event()
    sink = standins(JobSink, lambda labels: gate.wait(30) and None)

    def configure(pause, *names):
        beats = {"type": "heartbeat", "heartbeats": [{"name": n, "period": "1h"} for n in names]}
        hook = {"type": "webhook", "url": f"{sink.url}/job", "private_addresses": "allow"}
        tocsin.configure(channels={"run": hook}, sources={
            "beats": beats, "jobs": queue_source(database, retry={"first": pause})})

    def answers(name):
        try:
            return tocsin.post(f"/api/v1/heartbeats/{name}/ping", {})
        except Refused:
            return None

    configure("1s", "old")
    tocsin.start()
    add_jobs(database, 1)
    sink.wait_begun(1)
    configure("2s", "old", "new")
    tocsin.hup()
    wait_until(lambda: answers("new"), 5, "the new heartbeat answers")
    assert answers("old")
    assert states(database) == {"processing": 1}
    gate.set()
    wait_all(database)
    add_jobs(database, 1)
    wait_all(database)      # by the successor
