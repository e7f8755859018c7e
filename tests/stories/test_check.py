# SPDX-License-Identifier: Apache-2.0
"""tocsin check heartbeat and threshold: exit statuses and lines for crontabs and monitoring systems,
through the daemon and without one."""

import re

import pytest

from lib import gauge
from lib.daemon import FakeDaemon
from lib.sections import file_channel
from lib.tocsin import wait_until


@pytest.fixture
def daemon(tocsin):
    """A stand-in where the daemon's socket would be."""
    made = FakeDaemon(tocsin.socket)
    yield made
    made.stop()


def test_a_heartbeat_is_healthy_or_not(tocsin, daemon):
    good = {"name": "a b", "state": "up", "healthy": True, "line": "a b is up | really",
            "age_ms": 120_000, "last_ping": "2025-11-18T14:30:45.000Z",
            "down_at": "2025-11-19T14:30:45.000Z"}

    def check(*more):
        run = tocsin.cli("check", "heartbeat", "a b", *more)
        return run.status, run.stdout, run.stderr

    daemon.answer(200, good)
    assert check() == (0, "a b is up | really\n", "")
    assert check("--nagios") == (0, "HEARTBEAT OK - a b is up / really | age=120s;;86400\n", "")
    assert tocsin.cli("check", "heartbeat", "a b", "--json").json == good
    daemon.answer(200, {**good, "healthy": False, "line": "a b is down", "age_ms": None})
    assert check() == (1, "a b is down\n", "")
    assert check("--nagios") == (2, "HEARTBEAT CRITICAL - a b is down\n", "")
    assert check("--json")[0] == 1
    for status in (404, 409, 503):
        daemon.answer(status, {"error": "no answer to that"})
        assert check("--source", "x") == (2, "", "tocsin: no answer to that\n")
        assert check("--nagios") == (3, "HEARTBEAT UNKNOWN - no answer to that\n", "")
    assert {path for _, path, _ in daemon.told} == {
        f"/api/v1/heartbeats/a%20b/check{end}" for end in ("", "?source=x")}
    daemon.stop()
    assert check()[0] == 2 and check("--nagios")[1].startswith("HEARTBEAT UNKNOWN - tocsind does")


def test_checks_are_evaluated_alone_or_all(tocsin, daemon):
    answers = {"queue": {"exit": 1, "line": "queue is 17", "perfdata": "queue=17;10;20"},
               "cost": {"exit": 0, "line": "cost is 5", "perfdata": "'cost $'=5;10;20"},
               "lost": None}

    def reply(method, path, body):
        name = path.removeprefix("/api/v1/checks").partition("/check")[0].strip("/")
        if method == "GET":
            return 200, {"checks": [{"name": name, "source": "sql", "state": "ok"}
                                    for name in answers]
                         + [{"name": "off", "source": "sql", "state": "paused"}]}
        return (200, answers[name]) if answers.get(name) else (503, {"error": "not now"})

    def check(*more):
        run = tocsin.cli("check", "threshold", *more)
        return run.status, run.stdout, run.stderr

    daemon.reply = reply
    assert check("queue") == (1, "queue is 17\n", "")
    assert check("cost", "--nagios") == (0, "THRESHOLD OK - cost is 5 | 'cost $'=5;10;20\n", "")
    assert check("lost") == (3, "", "tocsin: not now\n")
    lines = "WARNING   queue is 17\nOK        cost is 5\nUNKNOWN   lost: not now\n"
    assert check("--all") == (1, lines, "")
    assert check("--all", "--nagios") == (
        1, "THRESHOLD WARNING - 1 warning (queue), 1 unknown (lost), 1 ok"
        " | queue=17;10;20 'cost $'=5;10;20\n"
        + lines, "")
    run = tocsin.cli("check", "threshold", "--all", "--json")
    assert [each["exit"] for each in run.json] == [1, 0, 3] and run.status == 1
    assert daemon.told[-1][1] == "/api/v1/checks/lost/check?source=sql"
    answers["cost"]["exit"] = 2
    assert check("--all")[0] == 2
    assert check()[0] == 3 and check("queue", "--all")[0] == 3
    daemon.stop()
    assert check("--all")[0] == 3 and check("queue", "--nagios")[0] == 3


@pytest.mark.parametrize("paused, words", [
    (0, "there are no checks"), (1, "the only check is paused"), (3, "all 3 checks are paused")])
def test_nothing_to_check_is_not_well(tocsin, daemon, paused, words):
    daemon.answer(200, {"checks": [{"name": f"check {i}", "source": "sql", "state": "paused"}
                                   for i in range(paused)]})
    run = tocsin.cli("check", "threshold", "--all", "--nagios")
    assert (run.status, run.stdout, run.stderr) == (3, f"THRESHOLD UNKNOWN - {words}\n", "")
    run = tocsin.cli("check", "threshold", "--all")
    assert (run.status, run.stdout, run.stderr) == (3, "", f"tocsin: {words}\n")
    run = tocsin.cli("check", "threshold", "--all", "--json")
    assert (run.status, run.json) == (3, [])


def test_checks_are_evaluated_without_a_daemon(tocsin, plugin_kit, stage, tmp_path):
    """What the source remembers and emits is nobody's business."""
    plugin_kit(gauge.SOURCE, "gauge")
    tocsin.configure(channels={"log": file_channel(tmp_path / "log.json")}, sources={
        "one": {"type": "gauge", "values": {"queue": "17", "cost": "25", "both": "1", "off": "-"}},
        "two": {"type": "gauge", "values": {"away": "-1", "both": "1"}},
        "off": {"type": "gauge", "values": {"unseen": "1"}, "enabled": False}})

    def check(*more):
        run = tocsin.run(stage.tocsin, "check", "threshold", *more, "--local", "--config",
                         tocsin.conf, "--plugins", plugin_kit.directory, "--plugins",
                         stage.plugins)
        return run.status, run.stdout, run.stderr

    assert check("queue") == (1, "queue is 17, as promised\n", "")
    assert check("cost", "--nagios") == (
        2, "THRESHOLD CRITICAL - cost is 25, as promised | cost=25;10;20\n", "")
    assert check("away") == (3, "", "tocsin: the database is away\n")
    assert check("qeue") == (3, "", "tocsin: there is no check 'qeue'; did you mean 'queue'?\n")
    assert "--source" in check("both")[2]
    assert check("both", "--source", "two")[0] == 0
    assert "'three'" in check("both", "--source", "three")[2]
    status, out, _ = check("--all")
    assert status == 2 and [line.split()[0] for line in out.splitlines()] == \
        ["WARNING", "CRITICAL", "OK", "UNKNOWN", "OK"], out
    assert not tocsin.store.exists() and not (tmp_path / "log.json").exists()
    tocsin.write("20-more.yaml", {"sources": {"bent": {"type": "gauge", "broken": True}}})
    assert check("queue")[0] == 1, "the other source has it"
    status, out, _ = check("--all")
    assert status == 2 and "UNKNOWN   source 'bent' cannot be opened: the needle is bent" in out
    assert "needle" in check("nothing")[2]


@pytest.mark.needs("heartbeat", "threshold", "sqlite", "file")
def test_with_and_without_the_daemon_the_answers_are_the_same(tocsin, database, tmp_path):
    """The real sources on a real database: what a crontab hears does not depend on who is asked."""
    database.sql("CREATE TABLE beats AS SELECT 'worker' AS type, now() - interval '1 hour' AS"
                 " last_heartbeat_at UNION SELECT 'scheduler', now();"
                 "CREATE TABLE jobs AS SELECT 'mail' AS queue, 17 AS waiting")
    checks = [{"name": "waiting jobs", "query": "SELECT queue, waiting FROM jobs",
               "warning": ">= 10", "critical": ">= 20"},
              {"name": "any", "query": "SELECT count(*) FROM jobs", "critical": "> 5"},
              {"name": "broken", "query": "SELECT nothing FROM nowhere", "critical": "> 5"}]
    tocsin.configure(channels={"log": file_channel(tmp_path / "log.json")}, sources={
        "daemons": {"type": "heartbeat", "connection": database.conninfo, "period": "5m",
                    "query": "SELECT type, last_heartbeat_at FROM beats"},
        "metrics": {"type": "threshold", "connection": database.conninfo, "every": "1h",
                    "checks": checks}})

    def check(*words):
        run = tocsin.cli("check", *words, "--config", tocsin.conf)
        # Ages differ by the time between two questions.
        return run.status, re.sub(r"\d+ m?s(econds?)? ago|age=\d+", "", run.stdout), run.stderr

    questions = [("threshold", "waiting jobs"), ("threshold", "any", "--nagios"),
                 ("threshold", "wating jobs"), ("threshold", "--all"),
                 ("threshold", "--all", "--nagios"), ("heartbeat", "scheduler"),
                 ("heartbeat", "worker", "--nagios"), ("heartbeat", "nobody")]
    local = [check(*words, "--local") for words in questions]
    tocsin.start()
    assert [status for status, _, _ in local] == [1, 0, 3, 1, 1, 0, 2, 2], local
    assert local[3][1].split("\n")[2].startswith("UNKNOWN   broken is failing"), local
    assert "did you mean 'waiting jobs'" in local[2][2]
    wait_until(lambda: len(tocsin.cli("heartbeats", "list", "--json").json) == 2, 5, "a reading")
    assert [check(*words) for words in questions] == local
    assert [each["name"] for each in tocsin.cli("checks", "list", "--json").json] == \
        [each["name"] for each in checks]
