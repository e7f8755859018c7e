# SPDX-License-Identifier: Apache-2.0
"""SIGHUP and `tocsin reload`: the new configuration whole, or the old one untouched."""

import json
import os
import threading
import time

import pytest

from lib.client import Client, Refused
from lib.sections import file_channel, slack_channel, smtp_channel
from lib.tocsin import SLOW, alert, wait_until


def count(path):
    """Lines of a file that may not be there yet."""
    return path.read_text().count("\n") if path.exists() else 0


def test_a_new_channel_and_route_are_used_after_a_reload(tocsin, tmp_path):
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    tocsin.configure(channels={"old": file_channel(old)}).start()
    tocsin.send(alert())
    tocsin.wait_settled()
    tocsin.write("20-new.yaml", {"channels": {"new": file_channel(new)},
                                 "routes": [{"name": "new", "channels": ["new"]}]})
    run = tocsin.cli("reload")
    assert run.status == 0, run
    tocsin.send(alert())
    tocsin.wait_settled()
    assert (count(old), count(new)) == (1, 1)
    (tocsin.conf / "20-new.yaml").unlink()
    assert tocsin.post("/api/v1/reload") == {"reloaded": True}
    assert [each["name"] for each in tocsin.status()["channels"]] == ["old"]
    tocsin.send(alert())
    tocsin.wait_settled()
    assert (count(old), count(new)) == (2, 1)


def test_what_a_replaced_channel_could_not_deliver_is_tried_again_by_the_new_one(tocsin, slack):
    """The old channel ends its attempt after the new one has looked for work."""
    slack.hang(times=1)
    tocsin.configure(channels={"chat": slack_channel(slack, timeout="1s")}).start()
    tocsin.send(alert())
    slack.wait_requests(1)
    tocsin.configure(channels={"chat": slack_channel(slack, timeout="2s")})
    tocsin.post("/api/v1/reload")
    slack.wait_messages(1, timeout=10)
    tocsin.wait_settled()


def test_deliveries_of_a_removed_channel_are_seen_and_go_out_when_it_is_back(tocsin, smtp, tmp_path):
    smtp.defer(times=1)
    tocsin.configure(channels={"log": file_channel(tmp_path / "log.json")}).start()
    mail = {"channels": {"mail": smtp_channel(smtp, retry={"first": "3s", "max": "3s"})},
            "routes": [{"name": "mail", "channels": ["mail"]}]}
    tocsin.write("20-mail.yaml", mail)
    tocsin.post("/api/v1/reload")
    tocsin.send(alert())
    wait_until(lambda: tocsin.channel("mail")["retried"] == 1, what="the first attempt")
    (tocsin.conf / "20-mail.yaml").unlink()
    tocsin.post("/api/v1/reload")
    tocsin.wait_log(r"mail: 1 delivery waits .* not configured")
    assert tocsin.channel("mail")["state"] == "not configured"
    assert "not configured" in tocsin.cli("status").stdout
    assert tocsin.counters()["pending"] == 1
    tocsin.write("20-mail.yaml", mail)
    tocsin.post("/api/v1/reload")
    smtp.wait_mails(1)
    tocsin.wait_settled()
    assert "not configured" not in tocsin.cli("status").stdout


def test_a_changed_alias_holds_for_sources_that_stay(tocsin, tmp_path):
    log = tmp_path / "log.json"

    def configure(meaning):
        beats = {"type": "heartbeat", "heartbeats": [{"name": "job", "period": "1h"}],
                 "settle": "0s", "labels": {"severity": "blocker"}}
        return tocsin.configure(channels={"log": file_channel(log)}, sources={"beats": beats},
                                severities={"aliases": {"blocker": meaning}})

    configure("info").start()
    wait_until(lambda: tocsin.cli("ping", "job", "fail").status == 0, what="the source")
    wait_until(lambda: count(log) == 1, what="the first alert")
    configure("critical")
    assert tocsin.post("/api/v1/reload") == {"reloaded": True}
    tocsin.post("/api/v1/heartbeats/job/ping", {})
    wait_until(lambda: count(log) == 2, what="the second alert")
    told = [tocsin.delivery(each["id"])["alert"] for each in tocsin.deliveries()]
    assert {each["status"]: each["severity"] for each in told} == {"firing": "info",
                                                                   "resolved": "critical"}


@pytest.mark.parametrize("key, value", [("mode", "0666"), ("spool", "elsewhere")])
def test_what_a_reload_cannot_apply_is_refused(tocsin, tmp_path, key, value):
    tocsin.configure(channels={"log": file_channel(tmp_path / "log.json")}).start()
    api = {"socket": str(tocsin.socket), "mode": "0600", "spool": str(tocsin.spool)}
    tocsin.configure(api={**api, key: value if key == "mode" else str(tmp_path / value)})
    with pytest.raises(Refused) as refused:
        tocsin.post("/api/v1/reload")
    assert refused.value.status == 422 and f"'api.{key}' changed" in refused.value.reply["error"]


@pytest.mark.parametrize("how", ["signal", "command", "api"])
def test_a_bad_configuration_changes_nothing(tocsin, tmp_path, how):
    log = tmp_path / "log.json"
    tocsin.configure(channels={"log": file_channel(log)}).start()
    pid = tocsin.pid
    tocsin.write("20-bad.yaml", "channels:\n  bad: {type: smtp, prot: 1}\nhistory: {kepe: 1d}\n")
    if how == "signal":
        tocsin.hup()
        tocsin.wait_log(r"20-bad\.yaml:3:11: .*kepe")
    elif how == "command":
        run = tocsin.cli("reload")
        assert run.status == 1 and "20-bad.yaml:2:" in run.stdout + run.stderr, run
        run = tocsin.cli("reload", "--json")
        assert run.status == 1 and len(run.json["problems"]) >= 2, run
    else:
        with pytest.raises(Refused) as refused:
            tocsin.post("/api/v1/reload")
        assert refused.value.status == 422
        assert any("20-bad.yaml:3:11" in each for each in refused.value.reply["problems"])
    tocsin.send(alert())
    tocsin.wait_settled()
    assert count(log) == 1 and tocsin.pid == pid and tocsin.running()


def test_a_channel_that_cannot_open_changes_nothing(tocsin, tmp_path):
    """The configuration reads well, but the directory of the new file is missing."""
    log = tmp_path / "log.json"
    tocsin.configure(channels={"log": file_channel(log)}).start()
    tocsin.write("20-new.yaml", {"channels": {"new": file_channel(tmp_path / "no" / "x.json")},
                                 "routes": [{"name": "new", "channels": ["new"]}]})
    with pytest.raises(Refused) as refused:
        tocsin.post("/api/v1/reload")
    assert refused.value.status == 422 and "no/x.json" in json.dumps(refused.value.reply)
    tocsin.send(alert())
    tocsin.wait_settled()
    assert count(log) == 1


@pytest.mark.hurried
def test_reloads_under_load_lose_and_repeat_nothing(tocsin, smtp, slack, tmp_path):
    """Alerts flow while a channel comes, changes and goes, and every third reload is bad."""
    log = tmp_path / "log.json"
    channels = {"log": file_channel(log), "mail": smtp_channel(smtp), "chat": slack_channel(slack)}
    tocsin.configure(channels=channels, log={"level": "warning"},
                     routes=[{"name": "all", "channels": ["log", "mail", "chat"]}],
                     default={"channels": ["log"]}).start()
    sent, stop = [], threading.Event()

    def send():
        client = Client(tocsin.socket)
        while not stop.is_set():
            sent.extend(tocsin.send(alert(f"n {len(sent)}"), client=client))
            time.sleep(0.002)

    sender = threading.Thread(target=send)
    sender.start()
    for turn in range(30):
        if turn % 3 == 2:
            tocsin.write("20-turn.yaml", "channels: {bad: {type: nonsense}}\n")
        else:
            tocsin.write("20-turn.yaml", {"channels": {f"extra{turn % 2}": file_channel(
                tmp_path / f"extra{turn % 2}.json")}})
            channels["mail"]["server_timeout"] = f"{5 + turn}s"
            tocsin.configure(channels=channels, log={"level": "warning"},
                             routes=[{"name": "all", "channels": ["log", "mail", "chat"]}],
                             default={"channels": ["log"]})
        if turn % 2:
            tocsin.hup()
            time.sleep(0.05)
        else:
            try:
                tocsin.post("/api/v1/reload")
                assert turn % 3 != 2
            except Refused as why:
                assert turn % 3 == 2, why.reply
    stop.set()
    sender.join(20)
    counters = tocsin.wait_settled()
    assert len(sent) > 50 and counters["alerts"] == len(sent)
    assert counters["delivered"] == 3 * len(sent) == counters["accepted"]
    ids = [json.loads(line)["id"] for line in log.read_text().splitlines()]
    assert sorted(ids) == sorted(sent)
    assert set(smtp.by_key().values()) == {1} and len(smtp.mails) == len(sent)
    assert len(slack.messages) == len(sent)


def test_an_unchanged_channel_keeps_its_connection(tocsin, smtp, tmp_path):
    tocsin.configure(channels={"mail": smtp_channel(smtp)}).start()
    tocsin.send(alert())
    smtp.wait_mails(1)
    tocsin.wait_settled()
    tocsin.write("20-new.yaml", {"channels": {"new": file_channel(tmp_path / "x.json")}})
    assert tocsin.post("/api/v1/reload") == {"reloaded": True}
    tocsin.send(alert())
    smtp.wait_mails(2)
    assert smtp.connections == 1


def test_what_waits_for_a_removed_channel_is_settled_with_a_reason(tocsin, slack, tmp_path):
    """Never silently gone: suppressed or dead, and it says why."""
    slack.answer(503)
    log = tmp_path / "x.json"
    both = {"chat": slack_channel(slack), "log": file_channel(log)}
    tocsin.configure(channels=both, default={"channels": ["chat"]}).start()
    tocsin.send(alert())
    wait_until(lambda: slack.requests)
    tocsin.configure(channels={"log": file_channel(log)}, default={"channels": ["log"]})
    tocsin.post("/api/v1/reload")
    found = wait_until(lambda: [d for d in tocsin.deliveries() if d["state"] != "claimed"])
    assert found[0]["state"] in ("pending", "dead", "suppressed")
    if found[0]["state"] != "pending":
        assert found[0]["reason"]
    tocsin.check_books()
    slack.clear()
    tocsin.configure(channels=both, default={"channels": ["chat"]})
    tocsin.post("/api/v1/reload")
    if found[0]["state"] == "pending":
        slack.wait_messages(1, timeout=20)


def test_a_thousand_hangups_leave_one_healthy_daemon(tocsin, tmp_path):
    """SIGHUP as fast as it goes: no crash, no leak of descriptors or threads."""
    tocsin.configure(channels={"log": file_channel(tmp_path / "x.json")},
                     log={"level": "warning"}).start()

    def held():
        path = f"/proc/{tocsin.pid}"
        return len(os.listdir(f"{path}/fd")), len(os.listdir(f"{path}/task"))

    tocsin.post("/api/v1/reload")
    before = held()
    for _ in range(1000):
        tocsin.hup()
    for _ in range(20):
        tocsin.post("/api/v1/reload")
    wait_until(lambda: held()[0] <= before[0] + 2 and held()[1] <= before[1] + 1,
               what=f"descriptors and threads as before {before}")
    tocsin.send(alert())
    tocsin.wait_settled()


def test_a_reload_is_quick(tocsin, tmp_path):
    tocsin.configure(channels={f"c{n}": file_channel(tmp_path / f"{n}.json") for n in range(10)},
                     log={"level": "warning"}).start()
    times = []
    for _ in range(10):
        before = time.monotonic()
        tocsin.post("/api/v1/reload")
        times.append(time.monotonic() - before)
    assert sorted(times)[5] < 0.5 * SLOW, times
