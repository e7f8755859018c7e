# SPDX-License-Identifier: Apache-2.0
"""System 3: results of cron jobs as people know them, and jobs that tocsin runs."""

import json
import os
import signal
import socket
import stat
import time

import pytest

from lib.client import Refused
from lib.discord import DiscordServer
from lib.sections import discord_channel, slack_channel, smtp_channel
from lib.slack import all_text
from lib.tocsin import WRAPPER, wait_until

pytestmark = pytest.mark.needs("cron", "sqlite")

TABLE = """
CREATE TABLE cron_job_executions (
    id uuid PRIMARY KEY, job_name text NOT NULL, started_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz, duration_ms integer, status text NOT NULL DEFAULT 'running',
    results jsonb, error_message text)
"""
JOB = "process-stuck-tasks"


def uuid(number):
    """An id that starts with its number."""
    return f"{number:08d}-d9cb-469f-a165-70867728950e"


def insert(cursor, number, status="completed", job=JOB, error=None, ago=45.3, took=45.3, **results):
    """An execution, as the wrapper of the jobs writes it."""
    cursor("INSERT INTO cron_job_executions (id, job_name, started_at, completed_at, duration_ms,"
           " status, results, error_message) VALUES (%s, %s, now() - %s * interval '1 second',"
           " CASE WHEN %s = 'running' THEN NULL ELSE now() - %s * interval '1 second' +"
           " %s * interval '1 millisecond' END, %s, %s, %s, %s)", uuid(number), job, ago, status,
           ago, took * 1000, None if status == "running" else int(took * 1000), status,
           json.dumps(results) if results else None, error)


def table_source(database, **more):
    """The table as it is, read often."""
    return {"type": "cron", "link": "https://example.com/admin/cron",
            "table": {"connection": database.conninfo, "table": "cron_job_executions",
                      "poll": "50ms", "history": "1d"}, **more}


def job(tocsin, name):
    """What the daemon knows of a job; {} while it knows nothing."""
    try:
        jobs = tocsin.get("/api/v1/jobs")["jobs"]
    except Refused as refused:
        assert refused.status == 503, refused       # its sources are starting
        return {}
    found = [each for each in jobs if each["name"] == name]
    return tocsin.get(f"/api/v1/jobs/{name}") if found else {}


def wait_job(tocsin, name, predicate):
    """Waits until the job is as it should be, and returns it."""
    def good():
        found = job(tocsin, name)
        return found if found and predicate(found) else None
    return wait_until(good, 15, lambda: f"{name}: {job(tocsin, name)}\n{tocsin.log()[-2000:]}")


def slack_fields(message):
    """Title and value of each field, in order."""
    lines = [field["text"] for block in message["attachments"][0]["blocks"]
             for field in block.get("fields", [])]
    return [tuple(line.replace("*", "").split("\n", 1)) for line in lines]


@pytest.mark.needs("postgres", "smtp")
def test_whoever_it_was_done_for_gets_a_letter(tocsin, database, smtp):
    """A job that finished something writes a row; its user gets a mail, and the job never waits."""
    database.sql("""
        CREATE TABLE finished (id serial PRIMARY KEY, email text, name text, subject text,
                               message text, help text, button text, url text,
                               created timestamptz DEFAULT now(), mailed_at timestamptz);
        INSERT INTO finished (email, name, subject, message, help, button, url) VALUES
            ('anna@example.com', 'Anna <b>Berg</b>', 'Your report is ready',
             'The report of March & April was recovered.', 'Open it within 30 days.',
             'Open the report', 'https://example.com/reports/7?from=mail&page=1')""")
    smtp.defer("rcpt", times=1)
    quick = {"first": "50ms", "max": "100ms"}
    tocsin.configure(channels={"mail": smtp_channel(smtp, to=["ops@example.com"], retry=quick)},
                     sources={"finished": {
                         "type": "postgres", "connection": database.conninfo, "poll": "1s",
                         "table": "finished", "order": "created", "pending": "mailed_at IS NULL",
                         "settle": "UPDATE finished SET mailed_at = now() WHERE id = $1",
                         "recipient_column": "email", "link_column": "url", "severity": "info",
                         "annotation_columns": {
                             "recipient_name": "name", "subject": "subject", "message": "message",
                             "instructions": "help", "link_title": "button"}}}).start()
    mail, = smtp.wait_mails(1)
    tocsin.wait_settled()
    wait_until(lambda: database.sql("SELECT mailed_at IS NOT NULL FROM finished") == [(True,)])
    assert mail.recipients == ["anna@example.com"]
    assert mail.message["subject"] == "Your report is ready"
    plain, html = mail.text(), mail.text("html")
    for text in ("Hello Anna <b>Berg</b>,", "The report of March & April was recovered.",
                 "Open it within 30 days.", "https://example.com/reports/7?from=mail&page=1"):
        assert text in plain
    assert "Anna &lt;b&gt;Berg&lt;/b&gt;" in html and "March &amp; April" in html
    assert 'href="https://example.com/reports/7?from=mail&amp;page=1"' in html
    assert "Open the report" in html and "severity" not in plain.lower()
    assert tocsin.deliveries()[0]["attempts"] == 2, "the mail that failed was tried again"


@pytest.mark.needs("postgres", "slack", "discord", "smtp")
def test_an_existing_table_is_all_it_needs(tocsin, database, standins, slack, smtp):
    discord = standins(DiscordServer)
    database.sql(TABLE)
    insert(database.sql, 1, "failed", ago=7200, error="of yesterday: nobody wants to hear of it")
    tocsin.configure(
        sources={"cron-monitor": table_source(database)},
        channels={"chat": slack_channel(slack), "guild": discord_channel(discord),
                  "mail": smtp_channel(smtp)},
        default={"channels": ["chat", "guild", "mail"]}).start()
    wait_job(tocsin, JOB, lambda it: it["total"] == 1)

    # A run that is fine is recorded, and nobody is told.
    insert(database.sql, 2, completed=7, failed=0, still_processing=1, errors=0, total_found=8)
    # One that fails as a whole.
    insert(database.sql, 3, "failed", error="connection refused", completed=5, failed=2, errors=3)
    first = slack.wait_messages(1)[0]
    assert first["blocks"][0]["text"]["text"] == f"🔴 Cron Job Alert: {JOB}"
    fields = slack_fields(first)
    assert fields[:5] == [("Status", "FAILED"), ("Execution ID", "00000003…"),
                          ("Duration", "45.3s"), ("Error", "connection refused"),
                          ("Results", "Completed: 5, Failed: 2, Errors: 3")]
    assert fields[5][0] == "What to do" and len(fields) == 6
    assert "cron-monitor" in all_text(first)
    assert "https://example.com/admin/cron" in json.dumps(first)
    assert first["attachments"][0]["color"] == "#d32f2f", "red for a failure"
    embed = discord.wait_messages(1)[0]["embeds"][0]
    assert embed["title"] == f"🔴 Cron Job Alert: {JOB}" and embed["color"] == 0xd32f2f
    assert {"Status", "Duration", "Results"} <= {field["name"] for field in embed["fields"]}
    assert embed["footer"]["text"] == "cron-monitor" and "timestamp" in embed
    mail = smtp.wait_mails(1)[0]
    assert mail.message["Subject"] == f"🔴 Cron Job Alert: {JOB}"
    assert "Results: Completed: 5, Failed: 2, Errors: 3" in mail.text()

    # The other triggers, each just over its limit.
    insert(database.sql, 4, completed=1, failed=2, errors=0, total_found=3)
    insert(database.sql, 5, completed=95, failed=5, errors=0, total_found=100)
    insert(database.sql, 6, completed=9, failed=0, errors=3, total_found=9)
    messages = slack.wait_messages(4)
    said = {dict(slack_fields(each))["Status"]: each for each in messages}
    assert set(said) == {"FAILED", "HIGH_ERROR_RATE", "MANY_FAILURES", "PROCESSING_ERRORS"}
    assert said["HIGH_ERROR_RATE"]["attachments"][0]["color"] == "#ff9800", "orange"

    # A run is followed from its start to its end.
    insert(database.sql, 7, "running", ago=5)
    wait_job(tocsin, JOB, lambda it: it["state"] == "running")
    database.sql("UPDATE cron_job_executions SET status = 'completed', completed_at = now(),"
                 " duration_ms = 5000 WHERE id = %s", uuid(7))
    wait_job(tocsin, JOB, lambda it: it["state"] == "idle" and it["total"] == 7)

    # The figures of the admin page.
    page = job(tocsin, JOB)
    assert (page["total"], page["succeeded"]) == (7, 5)
    assert page["average_ms"] == (6 * 45300 + 5000) // 7
    newest = page["runs"][0]
    assert newest["id"] == uuid(7) and newest["duration_ms"] == 5000
    found = next(run for run in page["runs"] if run["id"] == uuid(3))
    assert found["status"] == "failed" and found["error_message"] == "connection refused"
    assert found["results"] == {"completed": 5, "failed": 2, "errors": 3, "still_processing": None,
                                "total_found": None}
    tocsin.wait_settled()
    assert len(slack.messages) == 4

    # After a restart nothing is said twice, and what came meanwhile is said.
    tocsin.stop()
    insert(database.sql, 8, "failed", error="while nobody looked")
    tocsin.start()
    assert "while nobody looked" in all_text(slack.wait_messages(5)[4])
    tocsin.wait_settled()
    assert len(slack.messages) == 5 and job(tocsin, JOB)["total"] == 8


@pytest.mark.needs("postgres")
def test_a_row_that_commits_late_is_not_missed(tocsin, database, postgres, tmp_path):
    """Control: reading on from the newest row would never see it."""
    database.sql(TABLE)
    tocsin.configure(sources={"runs": table_source(database)},
                     channels={"log": {"type": "file", "path": str(tmp_path / "log")}}).start()
    slow = postgres.connect(database.name)
    slow.autocommit = False
    with slow.cursor() as cursor:
        insert(lambda text, *values: cursor.execute(text, values), 1, "failed", ago=60,
               took=60)
    insert(database.sql, 2, ago=1, took=1)
    wait_job(tocsin, JOB, lambda it: it["total"] == 1)
    seen = database.one("SELECT max(started_at) FROM cron_job_executions")
    slow.commit()
    slow.close()
    wait_job(tocsin, JOB, lambda it: it["total"] == 2)
    assert database.one("SELECT count(*) FROM cron_job_executions WHERE started_at > %s", seen) == 0
    tocsin.wait_counter("delivered", 1)


@pytest.mark.needs("postgres")
def test_a_table_as_others_keep_it(tocsin, database, postgres, tmp_path):
    """Times without a zone in a database far from UTC, an infinite one, ids that come again."""
    database.sql(f"ALTER DATABASE {database.name} SET timezone = 'Asia/Tokyo'")
    connection = postgres.connect(database.name)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE runs (id serial PRIMARY KEY, job_name text, status text,"
                   " started_at timestamp DEFAULT now(), completed_at timestamp DEFAULT now())")
    cursor.execute("INSERT INTO runs (job_name, status, started_at, completed_at) VALUES"
                   " ('odd', 'completed', 'infinity', now()), ('odd', 'weird', now(), 'infinity')")
    table = {"connection": database.conninfo, "poll": "50ms", "unreachable_after": "300ms",
             "query": "SELECT *, NULL AS duration_ms, NULL AS results, NULL AS error_message"
                      " FROM runs; "}
    tocsin.configure(sources={"runs": {"type": "cron", "table": table}},
                     channels={"log": {"type": "file", "path": str(tmp_path / "log")}}).start()
    wait_job(tocsin, "odd", lambda it: it["state"] == "running")
    for number in (1, 2):
        cursor.execute("TRUNCATE runs RESTART IDENTITY")
        cursor.execute("INSERT INTO runs (job_name, status) VALUES (%s, 'failed')", (JOB,))
        wait_job(tocsin, JOB, lambda it: it["total"] == number)
        tocsin.wait_counter("delivered", number)
    cursor.execute("ALTER TABLE runs RENAME TO moved")
    tocsin.wait_counter("delivered", 3)
    assert "could not be read for" in (tmp_path / "log").read_text()
    cursor.execute("ALTER TABLE moved RENAME TO runs")
    tocsin.wait_counter("delivered", 4)
    connection.close()
    started = job(tocsin, JOB)["runs"][0]["started_at"]
    assert started[:10] == time.strftime("%Y-%m-%d", time.gmtime()), started


@pytest.mark.needs("postgres")
def test_ids_too_long_to_be_kept_stop_no_reading(tocsin, database, tmp_path):
    """More of them than a page has, alike but for their ends, and behind them a run that counts."""
    database.sql("CREATE TABLE runs (id text, job_name text, started_at timestamptz,"
                 " completed_at timestamptz, duration_ms int, status text, results json,"
                 " error_message text)")
    database.sql("INSERT INTO runs (id, job_name, started_at, completed_at, status) SELECT"
                 " CASE WHEN n = 9 THEN 'z' ELSE repeat('x', 80) || n END, 'odd', now(), now(),"
                 " 'failed' FROM generate_series(1, 9) n")
    table = {"connection": database.conninfo, "table": "runs", "poll": "50ms", "batch": 2}
    tocsin.configure(sources={"runs": {"type": "cron", "table": table}},
                     channels={"log": {"type": "file", "path": str(tmp_path / "log")}}).start()
    wait_job(tocsin, "odd", lambda it: it["total"] == 1)
    assert tocsin.log().count("at most 64 bytes") == 1


def script(path, text):
    """A program."""
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return [str(path)]


def crontab(tocsin, name, *command):
    """A line of a crontab."""
    return tocsin.run(*WRAPPER, tocsin.stage.tocsin, "run", name, "--socket", tocsin.socket,
                      "--spool", tocsin.directory / "spool", "--", *command)


def told(slack, *words):
    """Waits for messages that have all of these words."""
    def found():
        return [text for text in map(all_text, slack.messages)
                if all(word in text for word in words)]
    return wait_until(found, 15, lambda: f"{words} in {list(map(all_text, slack.messages))}")


@pytest.mark.needs("slack")
def test_jobs_of_a_crontab_report_themselves(tocsin, slack, tmp_path):
    """tocsin run: with the daemon, and without it; a job that does not start is missed."""
    jobs = [{"name": "nightly", "schedule": "every 1s", "grace": "1s"},
            {"name": "other", "triggers": {"failed": False, "failures_in_a_row": 2}}]
    tocsin.configure(sources={"cron": {"type": "cron", "jobs": jobs}},
                     channels={"chat": slack_channel(slack)},
                     api={"socket": str(tocsin.socket), "mode": "0600",
                          "spool": str(tocsin.directory / "spool")},
                     default={"channels": ["chat"]}).start()
    done = crontab(tocsin, "reports", "sh", "-c", "echo no such table >&2; exit 3")
    assert done.status == 3 and "no such table" in done.stderr
    assert "no such table" in told(slack, "Cron Job Alert: reports")[0]
    found = wait_job(tocsin, "reports", lambda it: it["total"] == 1)
    assert found["last"]["exit"] == 3 and found["last"]["trigger"] == "report"

    # Nobody started the nightly job; then somebody does.
    assert "nightly" in told(slack, "MISSED")[0]
    assert crontab(tocsin, "nightly", "true").status == 0
    told(slack, "nightly", "NO LONGER MISSED")

    # Twice in a row is once too often.
    for _ in range(3):
        assert crontab(tocsin, "other", "false").status == 1
    told(slack, "other", "FAILED_IN_A_ROW")
    assert crontab(tocsin, "other", "true").status == 0
    told(slack, "other", "NO LONGER FAILED_IN_A_ROW")
    assert len(told(slack, "FAILED_IN_A_ROW")) == 2 and not [
        text for text in map(all_text, slack.messages) if "other" in text and "*FAILED" in text]

    # A run while the daemon is away is told when it is back.
    tocsin.stop()
    assert crontab(tocsin, "reports", "sh", "-c", "echo the disk is gone; exit 4").status == 4
    tocsin.start()
    told(slack, "Cron Job Alert: reports", "the disk is gone")
    assert wait_job(tocsin, "reports", lambda it: it["total"] == 2)["succeeded"] == 0


def running(directory):
    """How many programs of the job are alive, by what they say themselves."""
    alive = []
    for path in directory.glob("pid.*"):
        try:
            os.kill(int(path.suffix[1:]), 0)
            alive.append(path)
        except ProcessLookupError:
            pass
    return len(alive)


def test_a_job_survives_the_death_of_the_daemon(tocsin, tmp_path):
    """kill -9 during a run: it is lost and run again, once; no two programs at the same time, not
    even with what the first one had left behind."""
    work = tmp_path / "work"
    work.mkdir()
    slow = script(tmp_path / "slow", f"""
touch {work}/pid.$$
ls {work}/pid.* | while read -r other; do
  pid="${{other##*.}}"    # a zombie has no command line
  [ "$pid" != $$ ] && grep -qs . "/proc/$pid/cmdline" && echo "$pid $$" >> {work}/twice
done
sh -c 'touch {work}/pid.$$; exec sleep 60' &
[ -e {work}/go ] || sleep 60
echo '{{"completed": 3, "failed": 0}}'
""")
    tocsin.configure(sources={"cron": {"type": "cron", "jobs": [
        {"name": "slow", "schedule": "every 1s", "command": slow, "overlap": "skip"}]}},
        channels={"log": {"type": "file", "path": str(tmp_path / "log")}}).start()
    wait_until(lambda: running(work) == 2, 15, lambda: f"a run\n{tocsin.log()}")
    first = wait_job(tocsin, "slow", lambda it: it["state"] == "running")["runs"][0]
    tocsin.kill()
    (work / "go").touch()
    tocsin.start()
    lost = wait_job(tocsin, "slow", lambda it: it["succeeded"] >= 2)["runs"]
    assert [run["status"] for run in lost if run["id"] == first["id"]] == ["lost"]
    assert next(run for run in lost if run["status"] == "completed")["results"]["completed"] == 3
    assert not (work / "twice").exists(), f"two at once: {(work / 'twice').read_text()}"
    assert "CronJobLost" in (tmp_path / "log").read_text()
    # and by hand
    assert tocsin.cli("jobs", "pause", "slow").status == 0
    wait_job(tocsin, "slow", lambda it: it["state"] == "paused" and it["running"] == 0)
    before = job(tocsin, "slow")["total"]
    assert tocsin.cli("jobs", "run", "slow").status == 0
    wait_job(tocsin, "slow", lambda it: it["total"] == before + 1 and it["running"] == 0)
    assert job(tocsin, "slow")["runs"][0]["trigger"] == "manual"
    assert tocsin.cli("jobs", "history", "slow").status == 0
    assert "slow" in tocsin.cli("jobs", "list").stdout


def test_a_reload_lets_programs_run_on(tocsin, tmp_path):
    """Another job is added while one runs; then the daemon stops, and its programs with it."""
    slow = script(tmp_path / "slow", f"touch {tmp_path}/begun; trap 'exit 5' TERM\n"
                                     f"while ! [ -e {tmp_path}/go ]; do sleep 0.05; done\n")
    jobs = [{"name": "slow", "command": slow}]
    channels = {"log": {"type": "file", "path": str(tmp_path / "log")}}
    tocsin.configure(sources={"cron": {"type": "cron", "jobs": jobs}}, channels=channels).start()
    tocsin.post("/api/v1/jobs/slow/run")
    wait_until((tmp_path / "begun").exists)
    jobs.append({"name": "other", "schedule": "0 3 * * *", "timezone": "Europe/Berlin",
                 "command": ["/bin/true"]})
    tocsin.configure(sources={"cron": {"type": "cron", "jobs": jobs}}, channels=channels)
    assert tocsin.cli("reload").status == 0
    assert wait_job(tocsin, "other", lambda it: it["next_run"])["timezone"] == "Europe/Berlin"
    assert job(tocsin, "slow")["state"] == "running"
    (tmp_path / "go").touch()
    wait_job(tocsin, "slow", lambda it: it["succeeded"] == 1)
    (tmp_path / "go").unlink()
    (tmp_path / "begun").unlink()
    tocsin.post("/api/v1/jobs/slow/run")
    wait_until((tmp_path / "begun").exists)
    began = time.monotonic()
    tocsin.stop(signal.SIGTERM)
    assert time.monotonic() - began < 10
    assert not (tmp_path / "log").exists() or "Lost" not in (tmp_path / "log").read_text()


@pytest.mark.needs("postgres")
def test_what_ended_before_a_stop_is_recorded(tocsin, tmp_path):
    """The source connects to a server that says nothing when the program ends, and when the daemon
    is to stop: the run is not lost, and its job not run again."""
    program = script(tmp_path / "once", f"echo $TOCSIN_RUN >> {tmp_path}/runs\n"
                                        f"while ! [ -e {tmp_path}/go ]; do sleep 0.02; done\n"
                                        f"touch {tmp_path}/ended\n")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        table = {"connection": f"host=127.0.0.1 port={silent.getsockname()[1]} dbname=x",
                 "table": "runs", "poll": "50ms"}
        tocsin.configure(sources={"cron": {"type": "cron", "table": table, "jobs": [
            {"name": "once", "schedule": "every 1s", "command": program}]}},
            channels={"log": {"type": "file", "path": str(tmp_path / "log")}}).start()
        while not (tmp_path / "runs").exists():
            silent.accept()[0].close()
            time.sleep(0.05)
        held, _ = silent.accept()
        (tmp_path / "go").touch()
        wait_until((tmp_path / "ended").exists, 15, "its end")
        os.kill(tocsin.pid, signal.SIGTERM)
        tocsin.wait_log("stopping")
        time.sleep(0.2)
        held.close()
    tocsin.stop()
    first = (tmp_path / "runs").read_text().split()
    tocsin.configure(sources={"cron": {"type": "cron", "jobs": [
        {"name": "once", "schedule": "0 0 1 1 *", "command": program}]}},
        channels={"log": {"type": "file", "path": str(tmp_path / "log")}}).start()
    runs = wait_job(tocsin, "once", lambda it: it["state"] == "idle")["runs"]
    ran = [(run["id"], run["status"]) for run in runs if run["status"] != "missed"]
    assert ran == [(each, "completed") for each in first]
    assert (tmp_path / "log").read_text() == ""
