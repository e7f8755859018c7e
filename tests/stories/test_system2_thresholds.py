# SPDX-License-Identifier: Apache-2.0
"""System 2, the threshold scheduler, line by line: the shipped checks on the shipped tables, with a real
PostgreSQL, and console, file, mail, Slack and Teams."""

import json
import re

import pytest
import yaml

from lib.sections import file_channel, slack_channel, smtp_channel, teams_channel
from lib.slack import all_text
from lib.teams import TeamsServer
from lib.tocsin import wait_until

pytestmark = pytest.mark.needs("threshold", "postgres", "smtp", "file", "slack", "teams")

RULE = "=" * 60
BAD = {"SLA Compliance": 60.0, "Routing Speed": 360.0, "Estimated Completion": 9.0,
       "Operational Cost": 540.0, "Burnout Risk": 5, "Pending Dispatches": 23,
       "Utilisation": 98.75}
WARN = {"SLA Compliance": 80.0, "Routing Speed": 240.0, "Estimated Completion": 7.0,
        "Operational Cost": 400.0, "Burnout Risk": 3, "Pending Dispatches": 10,
        "Utilisation": 45.0}
SLOW_FIXERS = {f"Technician {n}" for n in (1, 2, 3)}


@pytest.fixture
def examples(stage):
    """Where the example is installed."""
    return stage.path / "share" / "doc" / "tocsin" / "examples" / "threshold"


@pytest.fixture
def metrics(database, examples):
    """The shipped tables, with the data that make every check fire."""
    database.sql((examples / "metrics.sql").read_text())
    return database


def source(metrics, examples, **more):
    """The shipped checks, in quick succession."""
    shipped = yaml.safe_load((examples / "metrics.yaml").read_text())["sources"]["metrics"]
    return {**shipped, "connection": metrics.conninfo, "every": "100ms", **more}


def history(tocsin):
    """alert_history: one object a line."""
    path = tocsin.directory / "alert_history.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def wait_history(tocsin, n):
    """Waits until so many were told, and that there are not more."""
    wait_until(lambda: len(history(tocsin)) >= n, 20,
               lambda: f"{n} alerts in {history(tocsin)}\n{tocsin.log()[-2000:]}")
    tocsin.wait_settled()
    found = history(tocsin)
    assert len(found) == n, found
    return found


def configure(tocsin, **more):
    """alerts.log and alert_history beside what the story adds."""
    files = {"alerts-log": file_channel(tocsin.directory / "alerts.log", "text"),
             "alert-history": file_channel(tocsin.directory / "alert_history.jsonl")}
    channels = {**files, **more.pop("channels", {})}
    return tocsin.configure(**{"default": {"channels": list(channels)}, **more}, channels=channels)


def warn_all(database):
    """From critical to a warning, all seven that have both, the last one by being too low."""
    database.sql("UPDATE field_service.dispatches SET assigned_at = created_at + interval '4 minutes',"
                 " estimated_hours = 7, cost = 400, due_at = CASE WHEN id % 5 = 0 THEN created_at"
                 " ELSE now() + interval '1 day' END WHERE status = 'completed'")
    database.sql("DELETE FROM field_service.dispatches WHERE id IN (SELECT id FROM"
                 " field_service.dispatches WHERE status = 'pending' LIMIT 13)")
    database.sql("UPDATE field_service.technicians SET hours_booked = 18,"
                 " overtime_hours = CASE WHEN name < 'Technician 4' THEN 11 ELSE 2 END")


def heal_all(database):
    """Everything is as it should be."""
    database.sql("UPDATE field_service.dispatches SET assigned_at = created_at + interval '1 minute',"
                 " estimated_hours = 2, cost = 120, due_at = now() + interval '1 day',"
                 " first_time_fix = true")
    database.sql("DELETE FROM field_service.dispatches WHERE status = 'pending'")
    database.sql("UPDATE field_service.technicians SET hours_booked = 30, overtime_hours = 0")


def test_the_eight_checks_go_through_critical_warning_and_recovery(tocsin, metrics, examples,
                                                                   smtp, slack, standins):
    """On all channels; each says the figure; the first-time fix rate is one alert a technician."""
    teams = standins(TeamsServer)
    channels = {"screen": {"type": "console"}, "mail": smtp_channel(smtp),
                "chat": slack_channel(slack), "teams": teams_channel(teams)}
    configure(tocsin, channels=channels, sources={"metrics": source(metrics, examples)}).start()
    first = wait_history(tocsin, 10)
    told = {each["labels"]["alertname"]: each for each in first}
    for name, value in BAD.items():
        assert (told[name]["priority"], told[name]["metric_value"]) == ("critical", value)
        assert told[name]["category"] == told[name]["labels"]["category"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told[name]["timestamp"])
    assert told["SLA Compliance"]["message"] == \
        "60 % of the dispatches of the last 24 hours were completed in time"
    slow = [each for each in first if each["labels"]["alertname"] == "First-Time Fix Rate"]
    assert {each["labels"]["technician"] for each in slow} == SLOW_FIXERS
    assert {each["priority"] for each in slow} == {"warning"}
    assert "Technician 5" in told["Burnout Risk"]["annotations"]["table"]
    # ... as people read it
    log = (tocsin.directory / "alerts.log").read_text("utf-8")
    block = log[log.index("🚨 CRITICAL ALERT - SLA Compliance") - len(RULE) - 1:]
    assert re.match(f"{RULE}\n🚨 CRITICAL ALERT - SLA Compliance\n{RULE}\n"
                    r"Time: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\n"
                    "Message:\n  60 % of the dispatches [^\n]*\nMetric Value: 60\nDetails:\n", block)
    assert "⚠️ WARNING ALERT - First-Time Fix Rate (Technician 2)" in log
    assert re.search("CRITICAL.*SLA Compliance", tocsin.log())
    assert any("SLA Compliance" in mail.message["Subject"] for mail in smtp.wait_mails(10))
    assert any("$540 on average" in all_text(each) for each in slack.wait_messages(10))
    assert any("23 dispatches wait" in json.dumps(each) for each in teams.wait_cards(10))
    # Less bad is told as well, and good.
    warn_all(metrics)
    told = {each["labels"]["alertname"]: each for each in wait_history(tocsin, 17)[10:]}
    for name, value in WARN.items():
        assert (told[name]["priority"], told[name]["metric_value"]) == ("warning", value)
        assert told[name]["annotations"]["previous_state"] == "critical"
    heal_all(metrics)
    over = wait_history(tocsin, 27)[17:]
    assert {each["status"] for each in over} == {"resolved"}
    assert all(each["message"].startswith("Back to normal after ") for each in over)
    assert {each["labels"]["alertname"] for each in over} == {*BAD, "First-Time Fix Rate"}
    assert len(smtp.wait_mails(27)) == 27


def test_utilisation_is_watched_on_both_sides(tocsin, metrics, examples):
    shipped = source(metrics, examples)
    shipped["checks"] = [each for each in shipped["checks"] if each["name"] == "Utilisation"]
    configure(tocsin, sources={"metrics": shipped}).start()
    seen = []
    for booked, severity, value in ((None, "critical", 98.75), (36, "warning", 90.0),
                                    (15, "critical", 37.5), (18, "warning", 45.0)):
        if booked:
            metrics.sql("UPDATE field_service.technicians SET hours_booked = %s", booked)
        seen.append((severity, value))
        found = wait_history(tocsin, len(seen))
        assert [(each["priority"], each["metric_value"]) for each in found] == seen


def test_by_hand(tocsin, metrics, examples):
    """One check, all checks; with the daemon and without; nothing is told."""
    configure(tocsin, sources={"metrics": source(metrics, examples, every="1h")}).start()
    first = wait_history(tocsin, 10)
    run = tocsin.cli("check", "threshold", "SLA Compliance")
    assert run.status == 2 and "SLA Compliance is critical: 60 % (critical: < 70 %" in run.stdout
    run = tocsin.cli("check", "threshold", "--all")
    assert run.status == 2 and len(run.lines) >= 8, run
    warn_all(metrics)
    assert tocsin.cli("check", "threshold", "Utilisation").status == 1
    heal_all(metrics)
    assert tocsin.cli("check", "threshold", "--all").status == 0
    run = tocsin.cli("check", "threshold", "--nagios", "Pending Dispatches")
    assert run.status == 0 and run.stdout.rstrip().endswith("| 'Pending Dispatches'=0;10;20"), run
    run = tocsin.cli("check", "threshold", "SLA")
    assert run.status == 3 and "SLA" in run.stderr, run
    # What the daemon knows is from its own run, an hour ago.
    listed = {each["name"]: each for each in tocsin.get("/api/v1/checks")["checks"]}
    assert len(listed) == 8 and listed["SLA Compliance"]["state"] == "critical"
    assert history(tocsin) == first
    tocsin.stop()
    run = tocsin.cli("check", "threshold", "--local", "--config", tocsin.conf, "SLA Compliance")
    assert run.status == 0, run


def test_nothing_is_told_twice_after_a_crash(tocsin, metrics, examples):
    """SIGKILL at any moment, and a change while nobody looked."""
    configure(tocsin, sources={"metrics": source(metrics, examples, every="50ms")}).start()
    wait_history(tocsin, 10)
    for _ in range(3):
        tocsin.kill()
        tocsin.start()
    tocsin.kill()
    heal_all(metrics)
    tocsin.start()
    over = wait_history(tocsin, 20)
    assert {each["status"] for each in over[:10]} == {"firing"}
    assert {each["status"] for each in over[10:]} == {"resolved"}


def test_one_run_from_cron_is_enough(tocsin, metrics, examples):
    """tocsind --once evaluates every check once; states live on between the runs."""
    configure(tocsin, sources={"metrics": source(metrics, examples)})
    assert tocsin.once().status == 0
    assert len(history(tocsin)) == 10
    assert tocsin.once().status == 0
    assert len(history(tocsin)) == 10
    heal_all(metrics)
    assert tocsin.once().status == 0
    assert [each["status"] for each in history(tocsin)[10:]] == ["resolved"] * 10


def test_a_database_that_restarts_tells_nothing(tocsin, metrics, examples, postgres):
    """States are kept while it is away; each channel can be tested alone, or switched off."""
    off = {**file_channel(tocsin.directory / "off.log"), "enabled": False}
    configure(tocsin, channels={"off": off}, default={"channels": ["alert-history"]},
              sources={"metrics": source(metrics, examples)}).start()
    wait_history(tocsin, 10)
    postgres.stop()
    tocsin.wait_log("connection to the database lost|cannot connect to the database")
    postgres.start()
    metrics.sql("DELETE FROM field_service.dispatches WHERE status = 'pending'")
    over = wait_history(tocsin, 11)
    assert over[10]["labels"]["alertname"] == "Pending Dispatches"
    assert tocsin.cli("test", "alerts-log").status == 0
    assert "ALERT" in (tocsin.directory / "alerts.log").read_text("utf-8")
    assert not (tocsin.directory / "off.log").exists()
