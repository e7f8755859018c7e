# SPDX-License-Identifier: Apache-2.0
"""System 1 continuously: the daemon mails a row within moments, and survives its peers."""

import threading
import time

import pytest

from lib import rows
from lib.rows import SITE, add_recipients, add_rows
from lib.sections import dispatcher
from lib.tocsin import SLOW, wait_until

pytestmark = pytest.mark.needs("postgres", "smtp", "sqlite")


def test_the_daemon_mails_a_row_within_moments(tocsin, alerts_database, smtp):
    """LISTEN is the hint: with a poll of a minute a new row is still mailed at once."""
    add_recipients(alerts_database)
    dispatcher(tocsin, alerts_database, smtp, source={"poll": "60s"}).start()
    add_rows(alerts_database, 1)
    smtp.wait_mails(1)
    alerts_database.wait("SELECT count(*) FROM alerts WHERE NOT email_sent", 0)
    times = []
    for n in range(2, 12):
        before = time.monotonic()
        add_rows(alerts_database, 1, text=f"late {n}")
        smtp.wait_mails(n)
        times.append(time.monotonic() - before)
    assert sorted(times)[5] < 1.0 * SLOW, times
    alerts_database.wait("SELECT count(*) FROM alerts WHERE NOT email_sent", 0)
    tocsin.wait_settled()


def test_polling_alone_is_enough(tocsin, alerts_database, smtp):
    """Without the trigger, without LISTEN: the poll finds the row."""
    alerts_database.sql("DO $$ DECLARE t name; BEGIN FOR t IN SELECT tgname FROM pg_trigger WHERE"
                        " tgrelid = 'alerts'::regclass AND NOT tgisinternal LOOP EXECUTE"
                        " format('DROP TRIGGER %I ON alerts', t); END LOOP; END $$")
    add_recipients(alerts_database)
    dispatcher(tocsin, alerts_database, smtp, source={"poll": "1s", "listen": ""}).start()
    for n in range(1, 4):
        add_rows(alerts_database, 1)
        smtp.wait_mails(n, timeout=10)
    alerts_database.wait("SELECT count(*) FROM alerts WHERE NOT email_sent", 0)


def test_rows_that_commit_late_are_not_missed(tocsin, alerts_database, smtp, postgres):
    """A transaction that began first commits last, with an old triggered_at."""
    add_recipients(alerts_database)
    dispatcher(tocsin, alerts_database, smtp, source={"poll": "1s"}).start()
    slow = postgres.connect(alerts_database.name)
    slow.autocommit = False
    with slow.cursor() as cursor:
        cursor.execute("INSERT INTO alerts (site_url, severity, message, triggered_at) VALUES"
                       " (%s, 'warning', 'the slow one', now() - interval '1 hour')", (SITE,))
    add_rows(alerts_database, 5)
    smtp.wait_mails(5)
    slow.commit()
    slow.close()
    mails = smtp.wait_mails(6)
    assert "the slow one" in mails[5].text()
    alerts_database.wait("SELECT count(*) FROM alerts WHERE NOT email_sent", 0)
    assert set(smtp.by_key().values()) == {1}


def test_postgresql_is_restarted_under_load(tocsin, alerts_database, smtp, postgres):
    """Restarted twice, away for two seconds, while rows come in: all sent once, all marked."""
    add_recipients(alerts_database)
    dispatcher(tocsin, alerts_database, smtp, source={"poll": "1s"}).start()
    ids = add_rows(alerts_database, 20, text="before")
    for turn in range(2):
        ids += add_rows(alerts_database, 20, text=f"turn {turn}")
        smtp.wait_mails(10)
        postgres.restart(down=2 * turn)
        ids += add_rows(alerts_database, 20, text=f"after {turn}")
    wait_until(lambda: rows.sent(alerts_database) == set(ids), 40, "all rows sent")
    assert set(smtp.by_key().values()) == {1} and len(smtp.mails) == 100
    tocsin.wait_settled()


def test_the_daemon_starts_before_its_database(tocsin, alerts_database, smtp, postgres):
    """No database is no reason to end: other sources go on, this one comes back by itself."""
    add_recipients(alerts_database)
    add_rows(alerts_database, 1)
    dispatcher(tocsin, alerts_database, smtp)
    postgres.stop()
    tocsin.start()
    tocsin.wait_log("(?i)cannot connect|refused|could not connect")
    postgres.start()
    smtp.wait_mails(1, timeout=40)
    alerts_database.wait("SELECT count(*) FROM alerts WHERE NOT email_sent", 0)


def test_mail_trouble_never_blocks_the_pipeline(tocsin, alerts_database, smtp):
    """The server is silent; inserts stay fast; when it speaks again all rows are sent."""
    smtp.silent("greeting", times=None)
    add_recipients(alerts_database)
    dispatcher(tocsin, alerts_database, smtp, server_timeout="1s").start()
    times = []
    for n in range(30):
        before = time.monotonic()
        add_rows(alerts_database, 1, text=f"row {n}")
        times.append(time.monotonic() - before)
    assert sorted(times)[15] < 0.1 * SLOW, times
    assert rows.pending(alerts_database) == 30
    smtp.clear()
    smtp.wait_mails(30, timeout=40)
    alerts_database.wait("SELECT count(*) FROM alerts WHERE NOT email_sent", 0)
    assert set(smtp.by_key().values()) == {1}
    tocsin.wait_settled()


def test_two_daemons_on_one_table_send_no_row_twice(make_tocsin, alerts_database, smtp):
    """One works, one stands by; the working one is killed; the other takes over."""
    add_recipients(alerts_database)
    both = [dispatcher(make_tocsin(name), alerts_database, smtp, source={"poll": "1s"}).start()
            for name in ("one", "two")]
    ids = add_rows(alerts_database, 30)
    wait_until(lambda: rows.sent(alerts_database) == set(ids), what="30 rows sent")
    busy = max(both, key=lambda tocsin: tocsin.counters()["delivered"])
    assert sum(tocsin.counters()["delivered"] for tocsin in both) == 30
    busy.kill()
    ids += add_rows(alerts_database, 30)
    wait_until(lambda: rows.sent(alerts_database) == set(ids), 40, "60 rows sent")
    counts = smtp.by_key()
    assert len(counts) == 60 and set(counts.values()) == {1}


def test_a_source_that_waits_for_room_sees_that_its_session_is_lost(tocsin, alerts_database, smtp,
                                                                   postgres):
    """More rows than fit into its window, and a slow channel. Who has the lock next finds that
    nothing goes out any more."""
    add_recipients(alerts_database)
    add_rows(alerts_database, 60)
    dispatcher(tocsin, alerts_database, smtp, source={"poll": "1s", "window": 5}, rate="2/s").start()
    smtp.wait_mails(3)
    other = postgres.connect(alerts_database.name)
    with other.cursor() as cursor:
        cursor.execute("SELECT pid, classid::int, objid::int FROM pg_locks WHERE granted AND database"
                       " = (SELECT oid FROM pg_database WHERE datname = current_database())"
                       " AND locktype = 'advisory'")
        pid, space, table = cursor.fetchone()
        threading.Timer(0.5, alerts_database.sql, (f"SELECT pg_terminate_backend({pid})",)).start()
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", (space, table))
    tocsin.wait_log("standing by", timeout=6)
    sent = len(smtp.mails)
    assert sent < 25
    time.sleep(4)
    assert len(smtp.mails) <= sent + 4      # which were in the worker's hand already
    other.close()
    smtp.wait_mails(sent + 3)
    assert set(smtp.by_key().values()) == {1}


def test_a_row_the_daemon_cannot_deliver_does_not_hold_up_others(tocsin, alerts_database, smtp):
    add_recipients(alerts_database, "bad.example.com", "gone@example.com")
    add_recipients(alerts_database, SITE, "ok@example.com")
    smtp.refuse("gone@example.com")
    add_rows(alerts_database, 3, "bad.example.com")
    dispatcher(tocsin, alerts_database, smtp, source={"poll": "1s"}).start()
    ids = add_rows(alerts_database, 5)
    wait_until(lambda: set(ids) <= rows.sent(alerts_database))
    time.sleep(2.5)
    assert rows.pending(alerts_database) == 3, "a dead delivery leaves its row pending"
    counters = tocsin.check_books()
    assert (counters["delivered"], counters["dead"]) == (5, 3)
    smtp.clear()
    assert tocsin.post("/api/v1/dead/replay", {"all": True}) == {"replayed": 3}
    alerts_database.wait("SELECT count(*) FROM alerts WHERE NOT email_sent", 0)


def test_settle_on_accepted_marks_the_row_when_it_is_ours(tocsin, alerts_database, smtp):
    """The row is settled though the mail waits; the mail still goes out, also after kill -9."""
    smtp.stop()
    add_recipients(alerts_database)
    dispatcher(tocsin, alerts_database, smtp, source={"settle_on": "accepted"}).start()
    add_rows(alerts_database, 3)
    alerts_database.wait("SELECT count(*) FROM alerts WHERE NOT email_sent", 0)
    tocsin.kill()
    smtp.start()
    tocsin.start()
    smtp.wait_mails(3, timeout=30)
    assert tocsin.wait_settled()["delivered"] == 3
    assert set(smtp.by_key().values()) == {1}


def test_many_writers_at_once(tocsin, alerts_database, smtp, postgres):
    """Eight writers, some roll back: exactly the committed rows are sent, once."""
    add_recipients(alerts_database)
    dispatcher(tocsin, alerts_database, smtp, source={"poll": "1s"}).start()

    def write(number):
        connection = postgres.connect(alerts_database.name)
        connection.autocommit = False
        with connection.cursor() as cursor:
            for n in range(25):
                cursor.execute("INSERT INTO alerts (site_url, severity, message) VALUES"
                               " (%s, 'error', %s)", (SITE, f"w{number} {n}"))
                connection.rollback() if n % 10 == 9 else connection.commit()
        connection.close()

    writers = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    committed = alerts_database.one("SELECT count(*) FROM alerts")
    assert committed == 8 * 23
    alerts_database.wait("SELECT count(*) FROM alerts WHERE NOT email_sent", 0, timeout=30)
    counts = smtp.by_key()
    assert len(counts) == committed and set(counts.values()) == {1}
    tocsin.wait_settled()
