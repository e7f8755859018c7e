# SPDX-License-Identifier: Apache-2.0
"""The file channel: the alerts.log of System 2, JSON lines, rotation, and safe paths."""

import json
import os
import re
import socket

import pytest

from lib.sections import QUICK, file_channel
from lib.tocsin import alert, wait_until

RULE = "=" * 60


def to_file(tocsin, path, form="text", **more):
    """A daemon with one file channel."""
    return tocsin.configure(channels={"log": file_channel(path, form, retry=dict(QUICK), **more)})


def test_alerts_log_reads_as_system_2_says(tocsin, tmp_path):
    log = tmp_path / "alerts.log"
    to_file(tocsin, log).start()
    tocsin.send(alert("SLA Compliance", "critical", starts_at="2025-11-18T14:30:45Z",
                      annotations={"message": "65.2 % of orders in time", "metric_value": "65.2",
                                   "window": "24 h"}, labels={"category": "sla"}))
    tocsin.wait_settled()
    lines = log.read_text("utf-8").splitlines()
    assert lines[:4] == [RULE, "🚨 CRITICAL ALERT - SLA Compliance", RULE,
                         "Time: 2025-11-18 14:30:45"]
    text = "\n".join(lines)
    assert re.search(r"^Message:\s+65\.2 % of orders in time$", text, re.M)
    assert re.search(r"^Metric Value: 65\.2$", text, re.M)
    details = text[text.index("\nDetails:"):]
    assert "category: sla" in details and "window: 24 h" in details
    order = [text.index(word) for word in ("Time:", "Message:", "Metric Value:", "Details:")]
    assert order == sorted(order)
    assert [line for line in lines if line][-1] == RULE and lines.count(RULE) == 3


def test_a_message_cannot_pose_as_another_record(tocsin, tmp_path):
    log = tmp_path / "alerts.log"
    to_file(tocsin, log).start()
    forged = f"{RULE}\n🚨 CRITICAL ALERT - forged\n{RULE}\nTime: 2000-01-01 00:00:00"
    tocsin.send(alert("real", annotations={"message": f"x\r\n{forged}", "note": f"y\n{forged}"}))
    tocsin.wait_settled()
    assert log.read_text().splitlines().count(RULE) == 3
    assert len(re.findall(r"^\S+ [A-Z]+ ALERT - ", log.read_text(), re.M)) == 1


def test_json_lines_are_the_alert_history(tocsin, tmp_path):
    log = tmp_path / "history.json"
    to_file(tocsin, log, "json").start()
    ids = tocsin.send(alert("a", "critical", annotations={
        "message": "line\nbreak \u2028 \x1b[31m", "metric_value": "12.5"},
        labels={"category": "cost"}), alert("b"))
    tocsin.wait_settled()
    raw = log.read_text("utf-8")
    assert raw.count("\n") == 2 and "\x1b" not in raw and "\u2028" not in raw
    first, second = sorted((json.loads(line) for line in raw.splitlines()),
                           key=lambda record: record["priority"])
    assert first["priority"] == "critical" and first["category"] == "cost"
    assert first["message"].startswith("line\nbreak") and first["metric_value"] == 12.5
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)",
                        first["timestamp"])
    assert second["metric_value"] is None
    assert {first["id"], second["id"]} == set(ids)
    keys = {each["key"] for each in tocsin.deliveries()}
    assert {first["key"], second["key"]} == keys and len(keys) == 2


def test_rotation_by_rename_and_sighup_loses_no_record(tocsin, tmp_path):
    log = tmp_path / "history.json"
    to_file(tocsin, log, "json").start()
    for turn in range(4):
        for n in range(25):
            tocsin.send(alert(f"{turn}.{n}"))
        if turn < 3:
            wait_until(log.exists, what="the file to be there again")
            log.rename(tmp_path / f"history.{turn}.json")
            tocsin.hup()
            if turn == 1:
                tocsin.wait_settled()
    tocsin.wait_settled()
    wait_until(lambda: log.exists(), 5, "a new file")
    lines = [json.loads(line)["message"] for path in tmp_path.glob("history*.json")
             for line in path.read_text().splitlines()]
    assert sorted(lines) == sorted(f"{t}.{n}" for t in range(4) for n in range(25))
    assert sum(1 for _ in log.open()) >= 1


def refused_places(tmp_path):
    """Every kind of place that must not be written to, and the word of its refusal."""
    real = tmp_path / "real"
    real.mkdir()
    victim = real / "victim"
    victim.write_text("precious\n")

    def symlink():
        (tmp_path / "link").symlink_to(victim)
        return tmp_path / "link"

    def directory_link():
        (tmp_path / "dirlink").symlink_to(real)
        return tmp_path / "dirlink" / "alerts.log"

    def fifo():
        os.mkfifo(tmp_path / "fifo")
        return tmp_path / "fifo"

    def hard_link():
        os.link(victim, tmp_path / "hard")
        return tmp_path / "hard"

    def sock():
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(tmp_path / "sock"))
        return tmp_path / "sock"

    return victim, {"symlink": symlink, "directory link": directory_link, "fifo": fifo,
                    "hard link": hard_link, "socket": sock, "directory": lambda: real,
                    "device": lambda: "/dev/full", "missing": lambda: tmp_path / "no" / "x.log"}


@pytest.mark.parametrize("kind", ["symlink", "directory link", "fifo", "hard link", "socket",
                                  "directory", "device", "missing"])
def test_an_unsafe_place_is_refused_and_nothing_is_written(tocsin, tmp_path, kind):
    """The daemon says which file and why; it neither hangs nor writes there."""
    victim, places = refused_places(tmp_path)
    place = places[kind]()
    run = to_file(tocsin, place).tocsind("--once", timeout=20)
    assert run.status == 2, run
    # The file, or the directory on the way to it that is to blame.
    assert os.path.dirname(place) in run.stdout + run.stderr, run
    assert victim.read_text() == "precious\n"


def test_a_place_that_becomes_unsafe_is_not_followed(tocsin, tmp_path):
    """Rotated into a symbolic link by somebody: alerts wait, the target stays as it was."""
    log, victim = tmp_path / "alerts.log", tmp_path / "victim"
    victim.write_text("precious\n")
    to_file(tocsin, log).start()
    tocsin.send(alert("before"))
    tocsin.wait_settled()
    log.unlink()
    log.symlink_to(victim)
    tocsin.hup()
    tocsin.send(alert("after"))
    wait_until(lambda: any(each["attempts"] for each in tocsin.deliveries(state="pending"))
               or tocsin.counters()["delivered"] == 1, what="an attempt")
    assert victim.read_text() == "precious\n"
    assert tocsin.check_books()["pending"] == 1
    log.unlink()
    tocsin.wait_settled()
    assert "after" in log.read_text()


def test_the_file_is_made_with_its_mode(tocsin, tmp_path):
    log = tmp_path / "alerts.log"
    to_file(tocsin, log, mode="0600").start()
    tocsin.send(alert())
    tocsin.wait_settled()
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_file_begins_anew_and_no_record_is_lost(tocsin, tmp_path):
    """By size, under load, with several workers on one file, and killed in between."""
    log = tmp_path / "history.json"
    to_file(tocsin, log, "json", workers=3, rotate={"size": "8KiB", "keep": 1000}).start()
    for turn in range(4):
        tocsin.send(*(alert(f"{turn}.{n}") for n in range(100)))
        if turn == 1:
            tocsin.kill()
            tocsin.start()
    tocsin.wait_settled()
    files = list(tmp_path.glob("history.json*"))
    assert len(files) > 4 and all(path.stat().st_size <= 64 * 1024 for path in files)
    lines = [json.loads(line)["message"] for path in files
             for line in path.read_text().splitlines() if line.endswith("}")]
    assert set(lines) == {f"{t}.{n}" for t in range(4) for n in range(100)}


def test_each_value_of_a_label_has_its_file(tocsin, tmp_path):
    """Under a name that is safe, whatever the value; the directory beside it stays empty."""
    sites = tmp_path / "sites"
    sites.mkdir()
    to_file(tocsin, sites, per_label="site", most_files=6).start()
    values = ["www.example.com", "../../escaped", "/etc/escaped", ".hidden", "a b", "one more"]
    tocsin.send(*(alert(f"about {value}", site=value) for value in values))
    tocsin.wait_settled()
    tocsin.send(alert("too many", site="another"))
    tocsin.wait_settled()
    names = sorted(path.name for path in sites.iterdir())
    assert len(names) == 7 and "www.example.com.log" in names
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*\.log", name) for name in names), names
    assert "too many" in (sites / "_other.log").read_text()
    assert not [path for path in tmp_path.rglob("*escaped*") if path.parent != sites]
