# SPDX-License-Identifier: Apache-2.0
"""Idle when idle: no busy loop, no poll more often than once a second without work."""

import os
import resource
import socket
import time

import pytest

from lib.rows import add_recipients, add_rows
from lib.sections import file_channel, postgres_source, slack_channel, smtp_channel
from lib.tocsin import SLOW, alert

WINDOWS = 3
SECONDS = 2         # each
REGULAR, OFTEN = 1.5, 5     # wake-ups a second: of a thread that polls, and of one in a loop


def waking(pid):
    """Voluntary switches of every thread: how often it woke up and went to sleep again."""
    found = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as status:
            lines = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
        found[task, lines["Name"]] = int(lines["voluntary_ctxt_switches"])
    return found


def cpu(pid):
    """Seconds of CPU used so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rates(pid):
    """Wake-ups a second of each thread within one window."""
    before = waking(pid)
    time.sleep(SECONDS)
    return {task: (n - before.get(task, n)) / SECONDS for task, n in waking(pid).items()}


def assert_idle(tocsin):
    """Watches a few seconds. Who polls does so in every window; a probe every five seconds or more,
    whose commit waits for the disk several times, leaves one of them empty."""
    time.sleep(2)
    used = cpu(tocsin.pid)
    windows = [rates(tocsin.pid) for _ in range(WINDOWS)]
    seen = {task: [window.get(task, 0) for window in windows] for task in windows[-1]}
    busy = {task: each for task, each in seen.items()
            if min(each) > REGULAR or sum(each) / WINDOWS > OFTEN}
    assert not busy, f"wake-ups a second: {busy}"
    assert cpu(tocsin.pid) - used <= 0.02 * SECONDS * WINDOWS * SLOW


def test_a_daemon_with_nothing_to_do_does_nothing(tocsin, tmp_path):
    tocsin.configure(channels={"log": file_channel(tmp_path / "x.json"),
                               "screen": {"type": "console"}}).start()
    assert_idle(tocsin)


def test_after_work_it_is_idle_again(tocsin, smtp, slack, tmp_path):
    """Connections are kept, queues are empty, timers are few."""
    tocsin.configure(channels={"mail": smtp_channel(smtp, workers=2), "chat": slack_channel(slack),
                               "log": file_channel(tmp_path / "x.json")},
                     routes=[{"name": "all", "channels": ["mail", "chat", "log"]}],
                     default={"channels": ["log"]}).start()
    for n in range(50):
        tocsin.send(alert(f"n {n}"))
    tocsin.wait_settled()
    tocsin.client().close()
    assert_idle(tocsin)


def test_waiting_for_a_peer_that_is_down_is_not_busy(tocsin, slack):
    """Many alerts wait behind an open breaker: only its probes wake anybody, and ever fewer."""
    slack.stop()
    tocsin.configure(channels={"chat": slack_channel(slack, retry={
        "first": "1s", "max": "1h", "give_up_after": "3d"})}).start()
    tocsin.send(*(alert(f"n {n}") for n in range(200)))
    tocsin.client().close()
    assert_idle(tocsin)


@pytest.mark.needs("postgres")
def test_a_source_that_waits_is_idle(tocsin, alerts_database, smtp):
    add_recipients(alerts_database)
    tocsin.configure(channels={"mail": smtp_channel(smtp)}, log={"level": "info"},
                     sources={"alerts": postgres_source(alerts_database)}).start()
    add_rows(alerts_database, 3)
    smtp.wait_mails(3)
    tocsin.wait_settled()
    tocsin.client().close()
    assert_idle(tocsin)


def test_clients_that_find_no_descriptor_are_told_of_once(tocsin, tmp_path):
    tocsin.configure(channels={"log": file_channel(tmp_path / "log.json")}).start()
    limit = resource.prlimit(tocsin.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(tocsin.pid, resource.RLIMIT_NOFILE, (3, limit[1]))
    waiting = [socket.socket(socket.AF_UNIX) for _ in range(3)]
    for each in waiting:
        each.connect(str(tocsin.socket))
    tocsin.wait_log("api: clients have to wait: there is no descriptor")
    resource.prlimit(tocsin.pid, resource.RLIMIT_NOFILE, limit)
    for each in waiting:
        each.close()
    tocsin.client().close()
    tocsin.send(alert())
    tocsin.wait_settled()
    assert tocsin.log().count("clients have to wait") == 1
