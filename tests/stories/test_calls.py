# SPDX-License-Identifier: Apache-2.0
"""Words from outside: they reach the one source that they are for, are answered after the commit, and
what was answered is remembered whatever happens."""

import concurrent.futures
import json
import random
import time

import pytest

from lib.client import Client, Refused
from lib.parrot import Pinger, ask, parrot, pings
from lib.tocsin import wait_until

pytestmark = pytest.mark.needs("sqlite", "file")


def refused(tocsin, status, *words, **how):
    """It is refused, in these words."""
    found, said = ask(tocsin, **how)
    assert found == status and all(word in said["error"] for word in words), (found, said)


def test_words_reach_the_source_that_they_are_for(hearing):
    odd = "50% ü/b?"
    hearing.parrots(one=parrot("backup", "both"), two=parrot("report", "both", odd)).start()
    wait_until(lambda: ask(hearing, "backup")[0] == 200, 10, "they have announced what they have")
    assert ask(hearing, "backup", "ping", {"n": 1}) == (200, {"n": 1})
    assert ask(hearing, "backup") == (200, {"name": "backup", "pings": [{"n": 1}]})
    assert ask(hearing, odd, "ping", {"n": 2}) == (200, {"n": 2}) and pings(hearing, odd) == [{"n": 2}]
    assert ask(hearing, "report", "pause") == (200, {})
    refused(hearing, 404, "there is no heartbeat 'bakcup'; did you mean 'backup'?", item="bakcup")
    refused(hearing, 404, "there is no heartbeat 'x/y'", item="x/y", verb="ping")
    refused(hearing, 409, "several sources", "one, two", "source=", item="both", verb="ping")
    refused(hearing, 409, "it does not want to", item="backup", verb="refuse")
    refused(hearing, 500, "no answer", item="backup", verb="mute")
    refused(hearing, 404, "never heard of it; did you mean 'backup'?", item="backupp",
            query="?source=one")
    refused(hearing, 404, "no source 'three' with heartbeats", item="both", query="?source=three")
    refused(hearing, 400, "no parameter 'sauce'", item="both", query="?sauce=one")
    refused(hearing, 400, "JSON object", item="backup", verb="ping", body=[])
    refused(hearing, 400, "control characters", item="a\n")
    refused(hearing, 404, "GET", item="backup", verb="list")
    refused(hearing, 405, "only POST", item="backup", verb="ping", method="GET")
    assert ask(hearing, "both", "ping", {"n": 3}, query="?source=two") == (200, {"n": 3})
    assert ask(hearing, "both", query="?source=one")[1]["pings"] == []
    assert ask(hearing, "both", query="?source=two")[1]["pings"] == [{"n": 3}]
    assert ask(hearing, "backup", method="HEAD") == (200, None)
    listed = {(each["name"], each["source"]) for each in ask(hearing, None)[1]["heartbeats"]}
    assert listed == {("backup", "one"), ("both", "one"), ("report", "two"), ("both", "two"),
                      (odd, "two")}
    assert len(ask(hearing, None, query="?source=one")[1]["heartbeats"]) == 2
    assert hearing.get("/api/v1/jobs") == {"jobs": []}
    with pytest.raises(Refused, match="404.*no source here has jobs"):
        hearing.post("/api/v1/jobs/x/run")
    assert "heartbeats pause 'report', asked by user" in hearing.log()
    assert "ping of" not in hearing.log()
    assert [each["heartbeats"] for each in hearing.status()["sources"]] == [2, 3]
    assert "heartbeats 3" in hearing.cli("status").stdout


def test_the_only_source_of_a_kind_may_take_on_new_items(hearing):
    hearing.parrots(one=parrot("backup", grows=True)).start()
    assert ask(hearing, "new", "ping", {"n": 1}) == (200, {"n": 1})
    assert pings(hearing, "new") == [{"n": 1}]


def test_many_words_share_a_commit(hearing):
    """An alert that a word gives rise to comes in the same commit as what is kept."""
    hearing.parrots(one=parrot("backup", hold="20ms")).start()

    def ping_often(worker):
        client = Client(hearing.socket)
        for n in range(10):
            verb = "alarm" if n == 5 else "ping"
            assert ask(hearing, "backup", verb, {"w": worker, "n": n}, client=client)[0] == 200

    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        for each in pool.map(ping_often, range(24)):
            assert each is None
    assert len(pings(hearing, "backup")) == 240
    counters = hearing.status()["sources"][0]["counters"]
    assert counters["calls"] >= 240 and counters["emits"] <= 60, counters
    hearing.wait_counter("delivered", 24)


def lives(tocsin, kills):
    """Pings through so many kills; (acknowledged, remembered, told in alerts)."""
    tocsin.start()
    pinger = Pinger(tocsin, "backup")
    pinger.start()
    for _ in range(kills):
        before = len(pinger.acknowledged)
        wait_until(lambda: len(pinger.acknowledged) > before + 3, 10, "more pings")
        time.sleep(random.uniform(0, 0.05))
        tocsin.kill()
        tocsin.start()
    pinger.end()
    remembered = {each["n"] for each in pings(tocsin, "backup")}
    tocsin.wait_settled()
    told = {json.loads(a["annotations"]["summary"])["n"] for a in
            tocsin.get("/api/v1/alerts?limit=1000")["alerts"]}
    return pinger, remembered, told


def test_what_was_acknowledged_is_remembered_after_a_kill(hearing):
    hearing.parrots(one=parrot("backup"))
    pinger, remembered, told = lives(hearing, 5)
    assert pinger.acknowledged - remembered == set()
    assert pinger.statuses <= {200, 503}, pinger.statuses
    assert told == {n for n in remembered if n % 5 == 0}, "memory and alerts differ"


def test_a_source_that_answers_before_its_commit_is_seen_to_forget(hearing):
    """The control: this harness sees what is lost."""
    hearing.parrots(one=parrot("backup", hasty=True))
    pinger, remembered, _ = lives(hearing, 1)
    assert pinger.acknowledged - remembered


def test_nobody_hears_that_an_item_is_unknown_because_of_a_reload(hearing):
    def sources(turn):
        return {"one": parrot("backup", "a" * turn), "two": parrot("report", "b" * turn)}
    hearing.parrots(**sources(1)).start()
    pinger = Pinger(hearing, "backup")
    pinger.start()
    wait_until(lambda: pinger.acknowledged, 10, "a ping")
    for turn in range(2, 8):
        hearing.parrots(**sources(turn))
        hearing.post("/api/v1/reload")
    before = len(pinger.acknowledged)
    wait_until(lambda: len(pinger.acknowledged) > before, 10, "another ping")
    pinger.end()
    assert pinger.statuses <= {200, 503}, pinger.statuses
    assert pinger.acknowledged <= {each["n"] for each in pings(hearing, "backup")}


def test_a_busy_source_does_not_keep_the_daemon_from_stopping(hearing):
    hearing.parrots(one=parrot("backup", hold="2400ms")).start()
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(ask, hearing, "backup", "ping", {"n": n}, client=Client(hearing.socket))
                 for n in range(3)]
        time.sleep(0.3)
        hearing.stop()
        answers = [each.result() for each in asked]
    assert {status for status, _ in answers} <= {200, 503}, answers
    assert any("stopping" in said.get("error", "") for _, said in answers), answers
