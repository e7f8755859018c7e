# SPDX-License-Identifier: Apache-2.0
"""tocsin heartbeats, jobs, checks: what the daemon says of them, for people and for programs."""

import re
import time

import pytest

from lib.daemon import FakeDaemon

HOSTILE = "\x1b[2Jx\u202e\r\ny"


def at(seconds):
    """A time of the API, so far from now; told in hours, it may be minutes ago that it was made."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + seconds))


def run_of(status="completed", **more):
    """A run of a job."""
    return {"id": "r1", "job": "backup", "trigger": "schedule", "status": status,
            "started_at": at(-7200), "completed_at": at(-7100), "duration_ms": 45300, "exit": 0,
            "signal": None, "results": {"completed": 5, "failed": 0, "still_processing": 2},
            "error_message": None, "output": "all is well\n",
            "usage": {"user_ms": 1200, "system_ms": 300, "max_rss_kib": 14520}, **more}


JOBS = [{"name": "backup", "state": "idle", "running": 0, "schedule": "17 3 * * *",
         "timezone": "UTC", "command": ["/usr/bin/backup", "--all disks", "", "it's"],
         "next_run": at(19200), "last": run_of("failed", exit=3, error_message="disk full"),
         "total": 8, "succeeded": 7, "average_ms": 61000, "reason": None, "source": "cron"},
        {"name": "first", "state": "running", "running": 1, "schedule": None, "command": None,
         "next_run": None, "last": None, "current": run_of("running", duration_ms=4200), "total": 0,
         "succeeded": 0, "average_ms": None, "reason": None, "source": "cron"},
        {"name": HOSTILE, "state": "running", "running": 1, "schedule": HOSTILE, "command": None,
         "next_run": None, "last": run_of("running", duration_ms=None, signal="KILL",
                                          output=HOSTILE),
         "total": 0, "succeeded": 0, "average_ms": None, "reason": HOSTILE, "source": "cron"}]
HEARTBEATS = [{"name": "backup", "state": "down", "since": at(-60), "reason": "no heartbeat",
               "last_ping": at(-90000), "last_start": None, "last_duration_ms": 1200,
               "next_ping": at(-11400), "down_at": at(-60), "period_ms": 86400000,
               "grace_ms": 3540000, "schedule": None, "timezone": None, "feed": "ping",
               "status": None, "age_ms": 90000000, "source": "one"},
              {"name": "other", "state": "new", "since": at(-5), "last_ping": None,
               "schedule": "0 4 * * *", "feed": "query", "source": "two"}]
CHECKS = [{"name": "queue", "state": "warning", "since": at(-60), "value": 17, "unit": "%",
           "warning": ">= 10", "critical": ">= 20", "last_run": at(-7200), "next_run": at(19200),
           "duration_ms": 12, "reason": "17 is at least 10", "source": "sql",
           "rows": [{"labels": {"region": "north"}, "value": 17, "state": "warning"},
                    {"labels": {"region": "south"}, "value": 2.5, "state": "ok"}],
           "history": [{"at": at(-30), "value": 17, "state": "warning"}]}]
LISTS = {"jobs": JOBS, "heartbeats": HEARTBEATS, "checks": CHECKS}


def reply(method, path, body):
    """What a daemon with these items answers."""
    kind, _, rest = path.partition("?")[0].removeprefix("/api/v1/").partition("/")
    name, _, verb = rest.partition("/")
    if not name:
        return 200, {kind: LISTS[kind]}
    if name == "nothing":
        return 404, {"error": f"there is no {kind[:-1]} 'nothing'"}
    if verb == "run":
        return 200, {"id": "r1"}
    if verb == "history":
        return 200, {"runs": [run_of()] * body.get("limit", 1)}
    item = {**LISTS[kind][0], "runs": [run_of()], "pings": [
        {"at": at(-9), "kind": "exit", "exit": 3, "duration_ms": 1200, "body": "one\ntwo"}]}
    return 200, {**item, "state": "paused"} if verb == "pause" else item


@pytest.fixture
def daemon(tocsin):
    """A stand-in that has one of everything."""
    made = FakeDaemon(tocsin.socket)
    made.reply = reply
    yield made
    made.stop()


def test_jobs_are_listed_and_shown(tocsin, daemon):
    run = tocsin.cli("jobs", "list")
    assert run.status == 0 and run.stderr == "" and "SOURCE" not in run.stdout, run
    title, backup, first, hostile = run.lines
    assert re.search(r"first +running +2 hours ago +running +4\.2s$", first.rstrip()), run
    assert title.split()[:2] == ["JOB", "STATE"]
    assert re.search(r"backup +idle +2 hours ago +failed \(exit 3\) +45\.3s +in 5 hours +17 3 ",
                     backup), run
    assert "\\x1b" in hostile and not re.search("[\x1b\u202e\r]", run.stdout)
    assert tocsin.cli("jobs", "list", "--json").json == JOBS
    run = tocsin.cli("jobs", "show", "backup")
    for text in ("'--all disks' '' 'it'\\''s'", "8, 7 completed (87.5 %), 1m 1s on average", "(in 5 hours)",
                 "completed 5, still processing 2", "all is well",
                 "1.5s of processor time, 14MiB of memory"):
        assert text in run.stdout, run
    assert tocsin.cli("jobs", "show", "backup", "--json").json["name"] == "backup"
    assert len(tocsin.cli("jobs", "history", "backup", "--limit", "7").lines) == 8
    assert len(tocsin.cli("jobs", "history", "backup", "--json").json) == 50


def test_heartbeats_and_checks_are_listed_and_shown(tocsin, daemon):
    run = tocsin.cli("heartbeats", "list")
    assert re.search(r"backup +down +25 hours ago +3 hours ago +every 1d +ping +no heartbeat"
                     r" +one", run.stdout), run
    assert run.lines[0].endswith("SOURCE") and run.lines[2].endswith("two")
    run = tocsin.cli("heartbeats", "show", "backup")
    assert re.search(r"exit +3 +1\.2s +one\n", run.stdout) and re.search(r"grace +59m\n", run.stdout), run
    run = tocsin.cli("checks", "list")
    assert re.search(r"queue +warning +17 % +>= 10 +>= 20 +2 hours ago +in 5 hours +17 is",
                     run.stdout), run
    run = tocsin.cli("checks", "show", "queue")
    assert re.search(r'region="south" +2\.5 % +ok', run.stdout), run
    for kind in ("heartbeats", "checks"):
        assert tocsin.cli(kind, "list", "--json").json == LISTS[kind]
    daemon.answer(200, {"checks": [], "jobs": [], "heartbeats": []})
    for kind in LISTS:
        run = tocsin.cli(kind, "list")
        assert run.status == 0 and run.stdout.startswith(f"there are no {kind}"), run


@pytest.mark.parametrize("kind", LISTS)
def test_items_are_paused_and_resumed(tocsin, daemon, kind):
    run = tocsin.cli(kind, "pause", "backup", "nothing", "a/b", "--source", "x")
    assert run.status == 1 and run.stdout == "backup: paused\na/b: paused\n", run
    assert "'nothing'" in run.stderr
    assert [path for _, path, _ in daemon.told] == [
        f"/api/v1/{kind}/{name}/pause?source=x" for name in ("backup", "nothing", "a%2Fb")]
    run = tocsin.cli(kind, "resume", "backup", "--json")
    assert run.status == 0 and run.json["state"] == LISTS[kind][0]["state"]
    assert tocsin.cli(kind, "show", "nothing").status == 1
    daemon.answer(503, {"error": "later"})
    assert tocsin.cli(kind, "pause", "backup").status == 4
    daemon.stop()
    assert tocsin.cli(kind, "list").status == 3


def test_a_job_is_run_and_waited_for(tocsin, daemon):
    run = tocsin.cli("jobs", "run", "backup")
    assert run.status == 0 and run.stdout == "r1\n", run
    looks = []

    def with_run(method, path, body):
        if path.endswith("/run"):
            return reply(method, path, body)
        looks.append(body)
        left = {1: [], 2: [run_of("running")]}
        return 200, {"job": "backup", "runs": left.get(len(looks), [run_of("failed", exit=3)])}

    daemon.reply = with_run
    run = tocsin.cli("jobs", "run", "backup", "--wait")
    assert run.status == 1 and looks == [{"id": "r1"}] * 3, run
    assert "failed (exit 3)" in run.stdout and "all is well" in run.stdout
    daemon.reply = reply
    run = tocsin.cli("jobs", "run", "backup", "--wait", "--json")
    assert run.status == 0 and run.json["status"] == "completed"
    daemon.answer(200, {"id": "another", "runs": []})
    run = tocsin.cli("jobs", "run", "backup", "--wait", "--timeout", "60ms")
    assert run.status == 4 and "goes on" in run.stderr, run
    daemon.reply = lambda method, path, body: (
        reply(method, path, body) if path.endswith("/run") else (404, {"error": "no run 'r1'"}))
    run = tocsin.cli("jobs", "run", "backup", "--wait")
    assert run.status == 1 and "no run 'r1'" in run.stderr, run
    daemon.answer(409, {"error": "job 'backup' runs already"})
    run = tocsin.cli("jobs", "run", "backup", "--wait")
    assert run.status == 1 and "runs already" in run.stderr, run
