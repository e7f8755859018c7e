# SPDX-License-Identifier: Apache-2.0
"""System 1 from cron: `tocsind --once` mails the pending rows of a PostgreSQL table."""

import re
import signal
import time

import pytest

from lib import rows
from lib.canary import canary
from lib.rows import SITE, add_recipients, add_rows
from lib.sections import dispatcher, file_channel, postgres_source, slack_channel
from lib.smtp import SmtpServer
from lib.tocsin import SLOW, wait_until

pytestmark = pytest.mark.needs("postgres", "smtp", "sqlite")

PASSWORD = f"{canary('mail')} p4ss"
USERS = {"alerts@example.com": PASSWORD}


@pytest.fixture
def secure(standins, authority):
    """A submission server as of a provider: STARTTLS, then AUTH, then mail."""
    return standins(SmtpServer, "starttls", authority.issue("127.0.0.1"), USERS)


@pytest.fixture
def login(authority):
    """What a channel needs to log in there."""
    return {"username": "alerts@example.com", "password": PASSWORD,
            "ca_file": str(authority.ca_file)}


def in_order(run, *patterns):
    """Each pattern matches a line after the line of the one before; the lines are stamped."""
    left = iter(run.lines)
    for pattern in patterns:
        for line in left:
            if re.search(pattern, line, re.I):
                break
        else:
            raise AssertionError(f"no line /{pattern}/ at its place in\n{run.stdout}")


def test_a_run_sends_what_is_pending_oldest_first_over_one_connection(
        tocsin, alerts_database, secure, login):
    """Three rows, two sites: every row to the recipients of its site, then marked as sent."""
    add_recipients(alerts_database, SITE, "a@example.com", "b@example.com")
    add_recipients(alerts_database, "shop.example.com", "shop@example.com")
    first = add_rows(alerts_database, 2)
    other = add_rows(alerts_database, 1, "shop.example.com", "warning", "slow checkout")
    dispatcher(tocsin, alerts_database, secure, **login)
    run = tocsin.once()
    assert run.status == 0, run
    assert rows.sent(alerts_database) == set(first + other)
    assert secure.connections == 1 and secure.logins == [("PLAIN", "alerts@example.com")]
    assert [mail.recipients[0] for mail in secure.mails if mail.recipients != ["shop@example.com"]
            ] in (["a@example.com", "b@example.com"] * 2, ["b@example.com", "a@example.com"] * 2)
    texts = [mail.text() for mail in secure.mails if "a@example.com" in mail.recipients]
    assert "number 1" in texts[0] and "number 2" in texts[1]
    assert len(secure.by_key()) == 5
    assert tocsin.check_books()["delivered"] == 5


def test_the_log_says_every_step_in_order(tocsin, alerts_database, secure, login):
    add_recipients(alerts_database, SITE, "a@example.com")
    ids = add_rows(alerts_database, 3)
    dispatcher(tocsin, alerts_database, secure, **login)
    run = tocsin.once()
    place = f"{secure.host}.{secure.port}"
    before = [r"start", r"database.*connected|connected.*database", r"\b3\b.*pending",
              rf"connect.*{place}", r"authenticated"]
    after = [r"connection.*closed", r"complete: 3 sent, 0 failed",
             r"Summary: 3 sent, 0 failed, 3 total", r"exit"]
    mails = [step for n in (1, 2, 3)
             for step in (rf"alert {n}/3 for {SITE}", r"sent to a@example\.com")]
    in_order(run, *before, *mails, *after)
    # Rows are marked in groups, so the next mail may be under way when a row is noted as sent.
    for number, key in enumerate(ids, 1):
        in_order(run, rf"alert {number}/3 for {SITE}", r"sent to", rf"{key} sent", *after)
    assert all(re.match(r"\S*\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d", line) for line in run.lines), run
    assert "s3cret" not in run.stdout + run.stderr


def test_nothing_to_do_is_success(tocsin, alerts_database, smtp):
    run = dispatcher(tocsin, alerts_database, smtp).once()
    assert run.status == 0 and smtp.connections == 0
    in_order(run, r"\b0\b.*pending", r"Summary: 0 sent, 0 failed, 0 total")


def test_a_row_with_a_refused_recipient_stays_pending_and_repeats_nothing(
        tocsin, alerts_database, smtp):
    """Status 1; the good recipient once, however many runs; the row is sent when all have it."""
    add_recipients(alerts_database, SITE, "good@example.com", "gone@example.com")
    add_recipients(alerts_database, "fine.example.com", "fine@example.com")
    add_rows(alerts_database, 1)
    add_rows(alerts_database, 1, "fine.example.com")
    smtp.refuse("gone@example.com")
    dispatcher(tocsin, alerts_database, smtp)
    for _ in range(3):
        run = tocsin.once()
        assert run.status == 1 and rows.pending(alerts_database) == 1, run
    in_order(run, r"failed.*550|550", r"complete: 0 sent, 1 failed",
             r"Summary: 0 sent, 1 failed, 1 total")
    assert sorted(m.recipients[0] for m in smtp.mails) == ["fine@example.com", "good@example.com"]
    smtp.clear()
    run = tocsin.once()
    assert run.status == 0 and rows.pending(alerts_database) == 0, run
    assert sorted(m.recipients[0] for m in smtp.mails) == \
        ["fine@example.com", "gone@example.com", "good@example.com"]


def test_a_deferred_mail_is_tried_once_a_run(tocsin, alerts_database, smtp):
    add_recipients(alerts_database)
    add_rows(alerts_database, 2)
    smtp.defer("rcpt", 451, times=2)
    dispatcher(tocsin, alerts_database, smtp)
    run = tocsin.once()
    assert run.status == 1 and rows.pending(alerts_database) == 2, run
    assert tocsin.check_books()["pending"] == 2
    run = tocsin.once()
    assert run.status == 0 and rows.pending(alerts_database) == 0, run
    assert len(smtp.mails) == 2


@pytest.mark.parametrize("trouble", ["down", "silent", "password", "drop"])
def test_mail_trouble_is_status_1_and_loses_nothing(tocsin, alerts_database, standins, trouble):
    server = standins(SmtpServer, users=USERS if trouble == "password" else None)
    add_recipients(alerts_database)
    add_rows(alerts_database, 3)
    more = {"username": "alerts@example.com", "password": canary("wrong")} if trouble == "password" else {}
    if trouble == "down":
        server.stop()
    elif trouble == "silent":
        server.silent("greeting", times=None)
    elif trouble == "drop":
        server.drop("data", times=None)
    dispatcher(tocsin, alerts_database, server, server_timeout="1s", **more)
    before = time.monotonic()
    run = tocsin.once()
    assert run.status == 1 and rows.pending(alerts_database) == 3, run
    assert time.monotonic() - before < 20 * SLOW
    in_order(run, r"Summary: 0 sent, 3 failed, 3 total")
    server.clear()
    if trouble == "down":
        server.start()
    server.users = {}
    dispatcher(tocsin, alerts_database, server)
    run = tocsin.once()
    assert run.status == 0 and rows.pending(alerts_database) == 0, run
    assert len(server.mails) == 3 and set(server.by_key().values()) == {1}


def test_no_database_or_a_bad_configuration_is_status_2(tocsin, alerts_database, smtp, postgres):
    add_recipients(alerts_database)
    add_rows(alerts_database, 1)
    dispatcher(tocsin, alerts_database, smtp)
    postgres.stop()
    run = tocsin.once()
    assert run.status == 2 and not smtp.mails, run
    assert re.search("refused|could not connect|cannot connect", run.stdout + run.stderr, re.I)
    postgres.start()
    dispatcher(tocsin, alerts_database, smtp, source={"table": "alertz"})
    run = tocsin.once()
    assert run.status == 2 and "alertz" in run.stdout + run.stderr, run
    dispatcher(tocsin, alerts_database, smtp, source={"tabel": "alerts"})
    run = tocsin.tocsind("--once")
    assert run.status == 2 and "did you mean 'table'" in run.stdout + run.stderr, run
    dispatcher(tocsin, alerts_database, smtp)
    assert tocsin.once().status == 0 and rows.pending(alerts_database) == 0


def test_a_row_without_recipients_is_noticed_and_not_lost(tocsin, alerts_database, smtp):
    """Nobody to tell and no `to`: the row must not be marked as sent silently."""
    add_rows(alerts_database, 1, "nobody.example.com")
    dispatcher(tocsin, alerts_database, smtp)
    run = tocsin.once()
    assert run.status == 1 and rows.pending(alerts_database) == 1, run
    assert re.search("recipient", run.stdout, re.I) and not smtp.mails
    dispatcher(tocsin, alerts_database, smtp, to=["fallback@example.com"])
    run = tocsin.once()
    assert run.status == 0 and rows.pending(alerts_database) == 0, run
    assert smtp.mails[0].recipients == ["fallback@example.com"]


def test_a_row_settled_by_somebody_else_is_not_sent(tocsin, alerts_database, smtp):
    """It failed, then a person marked it: the next run leaves it alone."""
    add_recipients(alerts_database)
    add_rows(alerts_database, 1)
    smtp.defer("rcpt", 451, times=1)
    dispatcher(tocsin, alerts_database, smtp)
    assert tocsin.once().status == 1
    alerts_database.sql("UPDATE alerts SET email_sent = true")
    run = tocsin.once()
    assert run.status == 0 and not smtp.mails, run
    counters = tocsin.check_books()
    assert counters["suppressed"] == 1 and counters["pending"] == 0


def test_a_row_that_is_reset_is_sent_again_with_another_key(tocsin, alerts_database, smtp):
    add_recipients(alerts_database)
    add_rows(alerts_database, 1)
    dispatcher(tocsin, alerts_database, smtp)
    assert tocsin.once().status == 0
    assert tocsin.once().status == 0 and len(smtp.mails) == 1
    alerts_database.sql("UPDATE alerts SET email_sent = false")
    assert tocsin.once().status == 0
    assert len(smtp.mails) == 2 and set(smtp.by_key().values()) == {1}


def test_the_same_row_has_the_same_key_from_any_store(make_tocsin, alerts_database, smtp):
    """A lost store, or another machine: a repeat can be recognised."""
    add_recipients(alerts_database)
    add_rows(alerts_database, 1)
    for name in ("one", "two"):
        alerts_database.sql("UPDATE alerts SET email_sent = false")
        assert dispatcher(make_tocsin(name), alerts_database, smtp).once().status == 0
    assert list(smtp.by_key().values()) == [2]


def test_two_runs_at_once_with_two_stores_send_no_row_twice(make_tocsin, alerts_database, smtp):
    """cron started two, on two machines: one works, the others say so and leave with 0."""
    add_recipients(alerts_database)
    smtp.delay("end", 0.02)
    many = [dispatcher(make_tocsin(f"t{n}"), alerts_database, smtp) for n in range(4)]
    for turn in range(3):
        ids = add_rows(alerts_database, 15, text=f"turn {turn}")
        runs = [tocsin.start_once() for tocsin in many]
        outputs = [run.communicate(timeout=60 * SLOW)[0] for run in runs]
        assert all(run.returncode == 0 for run in runs), outputs
        wait_until(lambda ids=ids: set(ids) <= rows.sent(alerts_database))
    assert set(smtp.by_key().values()) == {1} and len(smtp.mails) == 45
    for tocsin in many:
        if tocsin.store.exists():
            tocsin.check_books()


def test_two_runs_at_once_with_one_store_send_no_row_twice(make_tocsin, alerts_database, smtp):
    """The same crontab line twice: the store is in use, the second run leaves without harm."""
    add_recipients(alerts_database)
    ids = add_rows(alerts_database, 30)
    smtp.delay("end", 0.02)
    tocsin = dispatcher(make_tocsin(), alerts_database, smtp)
    runs = [tocsin.start_once() for _ in range(3)]
    outputs = [run.communicate(timeout=60 * SLOW)[0] for run in runs]
    assert all(run.returncode in (0, 2) for run in runs) and \
        [run.returncode for run in runs].count(0) >= 1, outputs
    tocsin.once()
    assert rows.sent(alerts_database) == set(ids)
    assert set(smtp.by_key().values()) == {1}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_that_is_killed_leaves_no_row_stuck(tocsin, alerts_database, smtp, how):
    add_recipients(alerts_database)
    ids = add_rows(alerts_database, 40)
    smtp.delay("end", 0.05)
    dispatcher(tocsin, alerts_database, smtp)
    run = tocsin.start_once()
    smtp.wait_mails(5)
    run.send_signal(how)
    run.communicate(timeout=20 * SLOW)
    smtp.clear()
    assert 0 < rows.pending(alerts_database)
    assert tocsin.once().status == 0
    assert rows.sent(alerts_database) == set(ids)
    repeats = [key for key, n in smtp.by_key().items() if n > 1]
    assert len(smtp.by_key()) == 40 and len(repeats) <= (1 if how == signal.SIGKILL else 0)


def test_an_existing_schema_is_used_as_it_is(tocsin, database, smtp):
    """Other names, another pending condition, extra columns: configuration only."""
    database.sql("""
        CREATE SCHEMA ops;
        CREATE TABLE ops.incident (
            no serial PRIMARY KEY, host text, prio text, happened timestamptz DEFAULT now(),
            title text, details text, rack int, state text DEFAULT 'new', done_at timestamptz);
        CREATE TABLE ops.contact (host text, address text, active bool);
        INSERT INTO ops.contact VALUES ('db1', 'dba@example.com', true),
                                       ('db1', 'left@example.com', false);
        INSERT INTO ops.incident (host, prio, title, details, rack)
            VALUES ('db1', 'page', 'disk full', '97 % of /var', 7)""")
    source = {"table": "ops.incident", "key": "no", "order": "happened",
              "pending": "state = 'new' AND done_at IS NULL",
              "settle": "UPDATE ops.incident SET state = 'mailed', done_at = now() WHERE no = $1",
              "recipients": "SELECT address FROM ops.contact WHERE host = $1 AND active",
              "recipients_by": "host", "severity_column": "prio",
              "label_columns": {"host": "host", "rack": "rack"},
              "annotation_columns": {"summary": "title", "description": "details"}}
    dispatcher(tocsin, database, smtp, source=source)
    run = tocsin.once()
    assert run.status == 0, run
    mail = smtp.wait_mails(1)[0]
    assert mail.recipients == ["dba@example.com"]
    assert "disk full" in mail.message["subject"] and "97 % of /var" in mail.text()
    assert "rack" in mail.text() and re.search(r"\b7\b", mail.text())
    assert "critical" in mail.text().lower() + mail.message["subject"].lower()
    assert database.sql("SELECT state, done_at IS NOT NULL FROM ops.incident") == [("mailed", True)]


@pytest.mark.parametrize("option, value, word", [
    ("table", "alerts; DROP TABLE alerts", "table"), ("key", "id\" --", "key"),
    ("key", "nokey", "nokey"), ("order", "triggered", "triggered"),
    ("pending", "NOT email_snet", "email_snet"), ("pending", "true; DROP TABLE alerts", "pending"),
    ("settle", "UPDATE alerts SET sent = true WHERE id = $1", "settle"),
    ("recipients", "SELECT nothing FROM nowhere WHERE x = $1", "recipients"),
    ("label_columns", {"x": "nocolumn"}, "nocolumn"),
    ("connection", "host=127.0.0.1 port=1 dbname=x", "connect")])
def test_a_wrong_name_is_status_2_with_a_sentence_and_no_harm(tocsin, alerts_database, smtp,
                                                              option, value, word):
    """Checked before the first mail: nothing is sent that could not be marked."""
    add_recipients(alerts_database)
    add_rows(alerts_database, 1)
    source = {option: value}
    if option == "recipients":
        source["recipients_by"] = "site_url"
    elif option == "pending":
        source["settle"] = "UPDATE alerts SET email_sent = true WHERE id = $1"
    dispatcher(tocsin, alerts_database, smtp, source=source)
    run = tocsin.once()
    assert run.status == 2 and word in run.stdout + run.stderr, run
    assert rows.pending(alerts_database) == 1 and not smtp.mails


def test_the_shipped_migration_can_be_applied_twice_and_is_what_the_command_prints(
        tocsin, alerts_database, stage):
    printed = tocsin.run(stage.tocsin, "sql", "alerts")
    assert printed.status == 0 and printed.stdout == stage.sql.read_text()
    alerts_database.sql(printed.stdout)
    index = alerts_database.sql("SELECT indexdef FROM pg_indexes WHERE tablename = 'alerts'")
    assert any("WHERE" in row[0] and "email_sent" in row[0] for row in index)
    assert alerts_database.one("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'alerts'::regclass"
                               " AND NOT tgisinternal") >= 1


@pytest.mark.timeout(150)
def test_a_big_backlog_is_read_in_batches(tocsin, alerts_database, tmp_path):
    """20,000 rows into a file: all arrive once, and memory does not grow with the backlog."""
    log = tmp_path / "alerts.json"
    add_recipients(alerts_database)
    add_rows(alerts_database, 20_000)
    tocsin.configure(channels={"log": file_channel(log)}, log={"level": "warning"},
                     sources={"alerts": postgres_source(alerts_database)})
    run = tocsin.run("/usr/bin/env", "python3", "-c", (
        "import resource, subprocess, sys; status = subprocess.call(sys.argv[1:]);"
        "print('RSS', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(status)"),
        *tocsin.arguments("--once"), timeout=120)
    assert run.status == 0, run
    assert rows.pending(alerts_database) == 0
    assert log.read_text().count("\n") == 20_000
    kilobytes = int(re.search(r"RSS (\d+)", run.stdout).group(1))
    if SLOW == 1:
        assert kilobytes < 64 * 1024, f"{kilobytes} KiB"
    assert tocsin.check_books()["delivered"] == 20_000


def test_a_run_waits_out_a_short_pause_and_not_a_long_one(tocsin, alerts_database, slack):
    """429: the row that met it stays for the next run, the others go out after the pause. Nor does the
    next run come before its time."""
    add_rows(alerts_database, 3)
    tocsin.configure(channels={"chat": slack_channel(slack, concurrency=1)}, log={"level": "info"},
                     sources={"alerts": postgres_source(alerts_database)},
                     default={"channels": ["chat"]})
    slack.answer(429, "", {"Retry-After": "1"}, times=1)
    run = tocsin.once()
    assert run.status == 1 and len(slack.messages) == 2, run
    assert rows.pending(alerts_database) == 1
    slack.answer(429, "", {"Retry-After": "3600"}, times=1)
    run = tocsin.once()
    assert run.status == 1 and rows.pending(alerts_database) == 1, run
    asked = len(slack.requests)
    run = tocsin.once()
    assert run.status == 1 and len(slack.requests) == asked, run
    assert "chat: its peer asked for a pause earlier; it goes on in 59m" in run.stdout + run.stderr
