# SPDX-License-Identifier: Apache-2.0
"""The tocsin command: help, JSON, exit statuses, and nothing that moves a cursor."""

import json
import os
import pty
import re
import select
import subprocess
import time

import pytest

from lib.rows import add_recipients, add_rows
from lib.sections import file_channel, postgres_source, slack_channel, smtp_channel
from lib.tocsin import SLOW, alert, wait_until

COMMANDS = ["send", "test", "status", "check config", "check heartbeat",
            "check threshold", "routes test", "deliveries", "dead list",
            "dead show", "dead replay", "dead drop", "history", "plugins list", "plugins show",
            "heartbeats list", "heartbeats show", "heartbeats pause", "heartbeats resume",
            "jobs list", "jobs show", "jobs run", "jobs pause", "jobs resume", "jobs history",
            "checks list", "checks show", "checks pause", "checks resume", "ping",
            "reload", "sql alerts", "sql jobs", "templates list", "templates render", "version"]
ONLINE = ["send --summary x --label a=b", "status", "deliveries", "dead list",
          "dead show 1", "dead replay --all", "dead drop --all", "history", "reload"]


@pytest.fixture
def running(tocsin, tmp_path):
    """A daemon with a file and routes."""
    tocsin.configure(channels={"log": file_channel(tmp_path / "log.json"),
                               "pager": file_channel(tmp_path / "pager.json")},
                     routes=[{"name": "page", "severity": "critical+",
                              "match": [r'site=~".*\.example\.com"'], "channels": ["pager"]}],
                     default={"channels": ["log"]})
    return tocsin.start()


def on_terminal(tocsin, command, seconds=60, **environment):
    """Runs a command on a pseudo terminal; (status, everything it wrote there)."""
    master, slave = pty.openpty()
    process = subprocess.Popen([str(each) for each in command], stdin=slave, stdout=slave,
                               stderr=slave, cwd="/", start_new_session=True,
                               env={**tocsin.env(), "TERM": "xterm", **environment})
    os.close(slave)
    text, end = b"", time.monotonic() + seconds * SLOW
    while time.monotonic() < end:
        if select.select([master], [], [], 0.1)[0]:
            try:
                text += os.read(master, 65536)
            except OSError:
                break
        elif process.poll() is not None:
            break
    os.close(master)
    return process.wait(20), text.decode("utf-8", "replace")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(tocsin, stage, command):
    for line in ([*command.split(), "--help"], [*command.split(), "-h"]):
        run = tocsin.run(stage.tocsin, *line)
        assert run.status == 0 and run.stderr == "", run
        assert f"tocsin {command}" in run.stdout and "Exit status" in run.stdout, run
        assert "--json" in run.stdout


def test_without_a_command_the_overview_is_shown(tocsin, stage):
    run = tocsin.run(stage.tocsin)
    assert run.status == 2 and run.stdout == "" and "Commands:" in run.stderr, run


def test_help_names_every_command(tocsin, stage):
    run = tocsin.run(stage.tocsin, "--help")
    assert run.status == 0
    for command in COMMANDS:
        assert command.split()[0] in run.stdout
    assert tocsin.run(stage.tocsind, "--help").status == 0
    assert tocsin.run(stage.tocsind, "--version").status == 0


@pytest.mark.parametrize("line, word", [
    ("sned", "did you mean 'send'"), ("send --sumary x", "did you mean '--summary'"),
    ("dead", "list"), ("dead lst", "list"), ("dead show", "ID"), ("dead show x", "x"),
    ("deliveries 1 2", ""), ("status extra", "extra"), ("history --limit none", "limit"),
    ("dead replay", "--all"), ("dead replay 7 --channel log", "only one of"), ("send - -l a=b", "--label does not go with -"),
    ("send --stdin -m x", "--summary does not go with --stdin"), ("send --label novalue", "novalue"), ("send --severity", "severity"),
    ("routes test --label x", "x"), ("version --socket x", "socket")])
def test_wrong_usage_is_status_2_with_a_sentence(running, stage, line, word):
    run = running.run(stage.tocsin, *line.split())
    assert run.status == 2 and run.stdout == "", run
    assert word in run.stderr and run.stderr.startswith("tocsin"), run


@pytest.mark.parametrize("line", ONLINE)
def test_without_a_daemon_the_status_is_3(tocsin, line):
    run = tocsin.cli(*line.split())
    assert run.status == 3 and str(tocsin.socket) in run.stderr, run
    assert run.stdout == ""


@pytest.mark.parametrize("line", ["status", "deliveries", "dead list", "history", "version",
                                  "plugins list", "plugins show smtp", "sql alerts",
                                  "sql jobs"])
def test_json_is_one_document(running, stage, line):
    running.send(alert())
    running.wait_settled()
    offline = line.split()[0] in ("version", "plugins", "sql")
    run = running.run(stage.tocsin, *line.split(), "--json") if offline \
        else running.cli(*line.split(), "--json")
    assert run.status == 0 and run.stdout.endswith("\n"), run
    assert run.json is not None


def test_an_alert_is_sent_from_the_command_line(running, tmp_path):
    run = running.cli("send", "--summary", "disk full", "--severity", "page", "--label",
                      "site=db1.example.com", "--label", "rack=7", "--annotation", "runbook=x",
                      "--link", "https://example.com/db1", "--json")
    assert run.status == 0, run
    running.wait_settled()
    record = json.loads((tmp_path / "pager.json").read_text())
    assert record["labels"]["site"] == "db1.example.com" and record["labels"]["rack"] == "7"
    assert record["priority"] == "critical" and record["message"] == "disk full"
    assert record["id"] in run.stdout and record["link"] == "https://example.com/db1"


def test_alerts_are_sent_from_standard_input(running, tmp_path):
    text = json.dumps([alert("one"), alert("two")]).encode()
    run = running.cli("send", "-", stdin=text)
    assert run.status == 0, run
    running.wait_settled()
    assert (tmp_path / "log.json").read_text().count("\n") == 2
    assert running.cli("send", "-", stdin=b"{not json").status in (1, 2)
    assert running.check_books()["alerts"] == 2


def test_an_invalid_alert_is_status_1(running):
    run = running.cli("send", "--summary", "x", "--severity", "loud", "--label", "a=b")
    assert run.status == 1 and "loud" in run.stderr, run
    assert running.check_books()["alerts"] == 0


def test_a_channel_is_tested_alone(running, tmp_path, smtp):
    """Delivered: 0; refused: 1 and why; no such channel: 1."""
    run = running.cli("test", "pager")
    assert run.status == 0, run
    assert (tmp_path / "pager.json").read_text().count("\n") == 1
    assert (tmp_path / "log.json").read_text() == ""
    smtp.refuse("ops@example.com")
    running.write("20-mail.yaml", {"channels": {"mail": smtp_channel(smtp)}})
    assert running.cli("reload").status == 0
    run = running.cli("test", "mail")
    assert run.status == 1 and "550" in run.stdout + run.stderr, run
    run = running.cli("test", "nowhere")
    assert run.status == 1 and "nowhere" in run.stdout + run.stderr, run


def test_routes_explain_themselves(running, stage):
    """Offline, from the configuration: which route takes it, and why the others do not."""
    def explain(*arguments):
        return running.run(stage.tocsin, "routes", "test", "--config", running.conf, *arguments)

    run = explain("--severity", "critical", "--label", "site=www.example.com")
    assert run.status == 0 and "page" in run.stdout and "pager" in run.stdout, run
    run = explain("--severity", "warning", "--label", "site=www.example.com")
    assert run.status == 0 and "log" in run.stdout and "critical" in run.stdout, run
    run = explain("--severity", "critical", "--label", "site=www.example.org")
    assert run.status == 0 and "site" in run.stdout and "log" in run.stdout, run
    run = explain("--severity", "critical", "--label", "site=www.example.com", "--json")
    assert "page" in json.dumps(run.json)
    assert explain("--severity", "loud", "--label", "a=b").status in (1, 2)


def test_one_delivery_is_shown_with_its_attempts(running):
    running.send(alert("look at me"))
    running.wait_settled()
    number = running.deliveries()[0]["id"]
    run = running.cli("deliveries", str(number))
    assert run.status == 0 and "delivered" in run.stdout and "look at me" in run.stdout, run
    run = running.cli("deliveries", str(number), "--json")
    assert run.json["history"][0]["outcome"] == "delivered"
    assert running.cli("deliveries", "999999").status == 1
    run = running.cli("deliveries", "--state", "dead", "--json")
    assert run.status == 0 and run.json == []


def test_the_dead_of_a_channel_that_is_not_there_are_not_none(running):
    run = running.cli("dead", "replay", "--channel", "lgo")
    assert run.status == 1 and "there is no channel 'lgo'" in run.stderr, run
    run = running.cli("dead", "replay", "--channel", "log")
    assert (run.status, run.stdout) == (0, "0 replayed\n"), run


def test_lists_can_be_longer_than_a_page(running):
    for _ in range(3):
        running.send(*(alert(f"n {n}") for n in range(400)))
    running.wait_settled()
    for line in (["history", "--all", "--json"], ["history", "--json"]):
        assert len(running.cli(*line).json) == 1200
    assert len(running.cli("history").lines) == 51, "a person sees the last 50"
    assert len(running.cli("history", "--limit", "7", "--json").json) == 7
    assert len(running.cli("deliveries", "--all", "--json").json) == 1200


HOSTILE = "\x1b[2J\x1b]0;owned\x07\x1b]8;;https://evil.example.com\x07x\u009b31m\u202e\r\ny"


@pytest.mark.parametrize("line", ["history", "deliveries", "deliveries {id}", "status",
                                  "dead list", "dead show {id}"])
def test_no_text_of_an_alert_acts_on_a_terminal(tocsin, slack, line):
    """With and without a terminal; as text and as JSON."""
    slack.answer(404, HOSTILE.encode())
    tocsin.configure(channels={"chat": slack_channel(slack)}).start()
    tocsin.send(alert(HOSTILE, "critical", site=HOSTILE, labels={"x": HOSTILE},
                      annotations={"description": HOSTILE}))
    tocsin.wait_counter("dead", 1)
    words = line.format(id=tocsin.deliveries()[0]["id"]).split()
    for more in ([], ["--json"]):
        run = tocsin.cli(*words, *more)
        assert run.status == 0, run
        # JSON for a program may hold any character that JSON allows.
        moving = "[\x1b\x07\r]" if more else "[\x1b\x07\r\u009b\u202e]"
        assert not re.search(moving, run.stdout), run
        status, text = on_terminal(tocsin, [tocsin.stage.tocsin, *words, *more, "--socket",
                                            tocsin.socket])
        without_colour = re.sub(r"\x1b\[[0-9;]*m", "", text)
        assert status == 0 and not re.search("[\x1b\x07\u009b\u202e]", without_colour), text
        assert "\x1b[2J" not in text


def test_colour_only_on_a_terminal_that_wants_it(running):
    running.send(alert("x", "critical", site="www.example.org"))
    running.wait_settled()
    command = [running.stage.tocsin, "status", "--socket", running.socket]
    assert "\x1b" not in running.cli("status").stdout
    assert "\x1b[" in on_terminal(running, command)[1]
    assert "\x1b" not in on_terminal(running, command, NO_COLOR="1")[1]
    assert "\x1b" not in on_terminal(running, command, TERM="dumb")[1]


@pytest.mark.needs("postgres")
def test_a_long_run_shows_its_progress_on_a_terminal_only(tocsin, alerts_database, tmp_path):
    """--once over thousands of rows: a bar that redraws itself; none in a log."""
    add_recipients(alerts_database)
    add_rows(alerts_database, 5000)
    tocsin.configure(channels={"log": file_channel(tmp_path / "x.json", sync=False)},
                     log={"level": "warning"},
                     sources={"alerts": postgres_source(alerts_database)})
    status, text = on_terminal(tocsin, tocsin.arguments("--once"))
    assert status == 0 and "\r" in text.replace("\r\n", ""), text[-2000:]
    assert re.search(r"\b\d+ ?%|\d+ ?/ ?5000", text), text[-2000:]
    alerts_database.sql("UPDATE alerts SET email_sent = false")
    run = tocsin.once()
    assert run.status == 0 and "\r" not in run.stdout + run.stderr
    tocsin.check_books()


def test_a_closed_pipe_is_no_crash(running):
    running.send(*(alert(f"n {n}") for n in range(300)))
    running.wait_settled()
    run = running.run("/bin/bash", "-c", f"{running.stage.tocsin} history --all --socket"
                      f" {running.socket} | head -1; echo ${{PIPESTATUS[0]}}")
    assert int(run.lines[-1]) in (0, 1, 141), run


def test_status_says_what_runs(running):
    running.send(alert())
    running.wait_settled()
    run = running.cli("status", "--json")
    assert run.json["pid"] == running.pid and run.json["config"] == str(running.conf)
    assert {each["name"] for each in run.json["channels"]} == {"log", "pager"}
    assert run.json["counters"]["delivered"] == 1
    text = running.cli("status").stdout
    for word in ("log", "pager", "delivered"):
        assert word in text


def test_plugins_are_listed_and_described(tocsin, stage):
    run = tocsin.run(stage.tocsin, "plugins", "list", "--json")
    names = {each["name"] for each in run.json}
    assert {"console", "file", "slack", "smtp"} <= names
    run = tocsin.run(stage.tocsin, "plugins", "show", "smtp")
    assert run.status == 0
    for word in ("host", "port", "starttls", "required"):
        assert word in run.stdout
    run = tocsin.run(stage.tocsin, "plugins", "show", "smpt")
    assert run.status == 1 and "smpt" in run.stderr, run


def test_the_socket_is_found_from_the_configuration(running):
    run = running.run(running.stage.tocsin, "status", "--config", running.conf, "--json")
    assert run.status == 0 and run.json["pid"] == running.pid


def test_a_configuration_that_was_named_leads_to_no_other_daemon(running, stage, tmp_path):
    """Neither to the installed socket nor to the installed spool."""
    typo, broken = tmp_path / "typo", tmp_path / "broken"
    broken.mkdir()
    (broken / "10.yaml").write_text("api: [")
    for directory, why in ((typo, "no such directory"), (broken, "10.yaml:")):
        run = running.run(stage.tocsin, "dead", "drop", "--all", "-c", directory)
        assert run.status == 3 and why in run.stderr and "--socket" in run.stderr, run
        run = running.run(stage.tocsin, "ping", "x", "--socket", "/nowhere", "-c", directory)
        assert run.status == 3 and why in run.stderr and "--spool" in run.stderr, run
        assert running.cli("status", "-c", directory).status == 0, "--socket is enough"


def test_the_socket_has_its_mode_and_goes_with_the_daemon(running):
    assert running.socket.stat().st_mode & 0o777 == 0o600
    running.stop()
    assert not running.socket.exists()
    running.start()
    running.kill()
    assert running.socket.exists()
    running.start()
    running.send(alert())
    running.wait_settled()


def test_a_second_daemon_on_the_same_store_or_socket_says_so(running, make_tocsin, tmp_path):
    second = make_tocsin("second")
    second.configure(channels={"log": file_channel(tmp_path / "log.json")},
                     store={"type": "sqlite", "path": str(running.store)})
    run = second.tocsind(timeout=20)
    assert run.status == 2 and str(running.store) in run.stdout + run.stderr, run
    third = make_tocsin("third")
    third.configure(channels={"log": file_channel(tmp_path / "log.json")},
                    api={"socket": str(running.socket)})
    run = third.tocsind(timeout=20)
    assert run.status == 2 and str(running.socket) in run.stdout + run.stderr, run
    assert wait_until(running.running)
    running.send(alert())
    running.wait_settled()
