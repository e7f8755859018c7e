# SPDX-License-Identifier: Apache-2.0
"""The history: what is settled goes when its time is over, and nothing else does."""

import re

from lib.sections import file_channel, slack_channel
from lib.tocsin import alert, wait_until


def alerts_of(tocsin):
    """How many alerts the store still shows."""
    return len(tocsin.get("/api/v1/alerts?limit=500")["alerts"])


def test_what_is_older_than_history_keep_goes(tocsin, tmp_path):
    """In slices, at the start already; the counters keep counting what is gone."""
    channels = {"log": file_channel(tmp_path / "log.json")}
    tocsin.configure(channels=channels).start()
    tocsin.send(*[alert(f"number {i}") for i in range(1200)])
    tocsin.wait_settled()
    assert alerts_of(tocsin) > 0
    tocsin.stop()
    tocsin.prunes = True
    tocsin.configure(channels=channels, history={"keep": "0s"}).start()
    wait_until(lambda: alerts_of(tocsin) == 0, what="an empty history")
    counters = tocsin.check_books()
    assert counters["delivered"] == 1200 and counters["pending"] == 0, counters
    assert tocsin.cli("deliveries").status == 0


def test_what_is_not_settled_or_is_dead_stays(tocsin, slack, tmp_path):
    """Pending is kept for ever, dead as long as history.keep_dead says."""
    tocsin.prunes = True
    slack.answer(404, b"no_service")
    channels = {"chat": slack_channel(slack), "log": file_channel(tmp_path / "log.json")}
    tocsin.configure(channels=channels, history={"keep": "0s"},
                     routes=[{"name": "all", "channels": ["chat", "log"]}],
                     default={"channels": ["log"]}).start()
    number = tocsin.send(alert("for the dead letters"))[0]
    tocsin.wait_counter("dead", 1)
    tocsin.stop()
    tocsin.start()
    tocsin.send(alert("so that the store has had a turn after the upkeep"))
    dead = tocsin.deliveries(state="dead")
    assert number in [each["alert"] for each in dead], dead
    run = tocsin.cli("dead", "show", dead[-1]["id"])
    assert run.status == 0 and re.search(r"404", run.stdout), run
