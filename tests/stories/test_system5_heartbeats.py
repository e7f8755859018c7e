# SPDX-License-Identifier: Apache-2.0
"""System 5, the heartbeat monitor, line by line: the shipped tables and the configuration that watches
them, with a real PostgreSQL, mails and a web hook."""

import json
import subprocess

import pytest
import yaml

from lib.sections import file_channel, smtp_channel
from lib.tocsin import wait_until

pytestmark = pytest.mark.needs("heartbeat", "postgres", "smtp", "file", "webhook")


@pytest.fixture
def examples(stage):
    """Where the example is installed."""
    return stage.path / "share" / "doc" / "tocsin" / "examples" / "heartbeat"


@pytest.fixture
def daemon(tocsin, database, smtp, web, examples, tmp_path):
    """The shipped configuration, on the shipped tables; everything is mailed, posted and noted."""
    database.sql((examples / "heartbeats.sql").read_text())
    beat(database)
    shipped = yaml.safe_load((examples / "heartbeats.yaml").read_text())
    source = {**shipped["sources"]["scheduler"], "connection": database.conninfo, "poll": "50ms",
              "settle": "0s"}
    hook = {"type": "webhook", "url": web.url, "private_addresses": "allow"}
    tocsin.configure(channels={"mail": smtp_channel(smtp), "hook": hook,
                               "log": file_channel(tmp_path / "log.json")},
                     default={"channels": ["mail", "hook", "log"]}, sources={"scheduler": source})
    tocsin.book = tmp_path / "log.json"
    return tocsin.start()


def beat(database, age="0 seconds", status="running", start="-1 day"):
    """The daemon writes its row."""
    database.sql("INSERT INTO daemon_heartbeats VALUES ('scheduler', %s, now() - %s::interval,"
                 " now() + %s::interval) ON CONFLICT (type) DO UPDATE SET status = excluded.status,"
                 " last_heartbeat_at = excluded.last_heartbeat_at, started_at = excluded.started_at",
                 status, age, start)


def told(tocsin):
    """What was noted: (status, severity, alertname, summary)."""
    if not tocsin.book.exists():
        return []
    notes = [json.loads(line) for line in tocsin.book.read_text().splitlines()]
    return [(each["status"], each["priority"], each["labels"]["alertname"],
             each["annotations"]["summary"]) for each in notes]


def wait_told(tocsin, *wanted):
    """Waits for one more note that begins and ends like this."""
    status, severity, name, text = wanted
    return wait_until(lambda: [each for each in told(tocsin)
                               if each[:3] == (status, severity, name) and text in each[3]],
                      15, lambda: f"{wanted} in {told(tocsin)}\n{tocsin.log()[-2000:]}")


def check(tocsin, *more):
    """tocsin check heartbeat scheduler."""
    return tocsin.cli("check", "heartbeat", "scheduler", *more)


def test_stale_is_unhealthy_and_critical_and_recovery_is_told(daemon, database, smtp, web):
    """Healthy = a heartbeat within the last 5 minutes; exit 0 healthy, 1 unhealthy."""
    wait_until(lambda: check(daemon).status == 0, what="a heartbeat that is read")
    assert check(daemon).stdout.startswith("scheduler is up: last heartbeat ")
    beat(database, "4 minutes 50 seconds")
    assert check(daemon).status == 0
    beat(database, "5 minutes 1 second")
    run = check(daemon)
    assert run.status == 1, run
    assert run.stdout == "scheduler is down: no heartbeat for 5 minutes and 1 second, " \
                         "at most 5 minutes allowed\n"
    wait_told(daemon, "firing", "critical", "HeartbeatDown", "scheduler is down: no heartbeat for")
    mail = smtp.wait_mails(1)[0]
    assert "scheduler is down" in mail.message["subject"]
    assert "systemctl status scheduler" in mail.text()
    assert web.wait_requests(1)[0].json()["alerts"][0]["labels"]["heartbeat"] == "scheduler"
    beat(database)
    wait_told(daemon, "resolved", "critical", "HeartbeatDown", "scheduler is up again; it was down")
    assert check(daemon).status == 0
    assert len(smtp.wait_mails(2)) == 2


def test_a_crontab_line_mails_when_it_is_unhealthy(daemon, database, tmp_path):
    """`tocsin check heartbeat NAME || mail` as in a crontab."""
    line = (f"{daemon.stage.tocsin} check heartbeat scheduler --socket {daemon.socket}"
            f" > {tmp_path}/said || cp {tmp_path}/said {tmp_path}/mailed")

    def cron():
        subprocess.run(["/bin/sh", "-c", line], check=True, env=daemon.env())
        return (tmp_path / "mailed").exists()

    wait_until(lambda: check(daemon).status == 0, what="a heartbeat that is read")
    assert not cron()
    database.sql("DELETE FROM daemon_heartbeats")         # none is as bad as stale
    assert cron()
    assert "scheduler" in (tmp_path / "mailed").read_text()


def test_rules(daemon, database):
    """next_run_at NULL: error. 3 failures in a row: warning. More than 3 restarts an hour: warning."""
    database.sql("INSERT INTO schedules VALUES ('nightly', true, NULL, 2, NULL),"
                 " ('off', false, NULL, 9, NULL), ('hourly', true, now(), 3, 'disk full')")
    wait_told(daemon, "firing", "error", "ScheduleHasNoNextRun",
              "Schedule nightly is enabled but has no next run")
    wait_told(daemon, "firing", "warning", "ScheduleFails",
              "Schedule hourly failed 3 times in a row: disk full")
    database.sql("UPDATE schedules SET next_run_at = now(), consecutive_failures = 0")
    wait_told(daemon, "resolved", "error", "ScheduleHasNoNextRun", "Schedule nightly")
    wait_told(daemon, "resolved", "warning", "ScheduleFails", "Schedule hourly")
    beats = len(told(daemon))
    for n in range(3):                                    # three restarts are fine
        restart(daemon, database, n)
    assert len(told(daemon)) == beats
    restart(daemon, database, 3)
    wait_told(daemon, "firing", "warning", "HeartbeatRestarts",
              "scheduler started 4 times within 1 hour, at most 3 allowed")
    beat(database, status="stopping", start="0 seconds")
    wait_told(daemon, "firing", "critical", "HeartbeatDown", "its status is 'stopping'")
    assert not [each for each in told(daemon) if "off" in each[3]]


def restart(tocsin, database, number):
    """The daemon starts again, and tocsin has seen it."""
    before = tocsin.get("/api/v1/heartbeats/scheduler")["last_ping"]
    beat(database, start=f"-{30 - number} seconds")
    wait_until(lambda: tocsin.get("/api/v1/heartbeats/scheduler")["last_ping"] > before,
               what="the row is read")


def test_a_database_that_is_away_is_one_alert(daemon, database, postgres):
    """Nobody is called down for what cannot be read; when it is back, all is as the table says."""
    source = yaml.safe_load((daemon.conf / "10-story.yaml").read_text())
    source["sources"]["scheduler"]["unreachable_after"] = "500ms"
    daemon.write("10-story.yaml", source)
    daemon.hup()
    daemon.wait_log("(?i)configuration")
    wait_until(lambda: check(daemon).status == 0, what="a heartbeat that is read")
    postgres.stop()
    wait_told(daemon, "firing", "critical", "HeartbeatQueryFails", "query could not be read for")
    run = check(daemon)
    assert run.status == 2, run                           # could not be asked
    postgres.start()
    wait_told(daemon, "resolved", "critical", "HeartbeatQueryFails", "query can be read again")
    assert not [each for each in told(daemon) if each[2] == "HeartbeatDown"]
