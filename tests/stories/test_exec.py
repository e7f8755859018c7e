# SPDX-License-Identifier: Apache-2.0
"""The exec channel: a program per alert, its end as the outcome, and nothing left behind."""

import json
import os
import pathlib
import time

from lib.sections import QUICK
from lib.tocsin import SLOW, alert, wait_until

HOSTILE = ["; touch {place}/owned #", "$(touch {place}/owned)", "`touch {place}/owned`",
           "a\ntouch {place}/owned\n", "-o {place}/owned", "--output={place}/owned", "\" ' \\ \x1b[2J",
           "%s%n%x", "() {{ :; }}; touch {place}/owned", "\u202e\u2028 \U0001f525", "*", "~root"]


def script(tmp_path, text, name="program"):
    """An executable shell script."""
    path = tmp_path / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def runs(tocsin, *command, **more):
    """A daemon with one exec channel."""
    channel = {"type": "exec", "command": [str(each) for each in command], "retry": dict(QUICK),
               **more}
    return tocsin.configure(channels={"job": channel})


def children(pid):
    """The processes whose parent is this one, zombies too."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text("ascii", "replace").rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append((int(stat.parent.name), fields[0]))
    return found


def is_alive(pid):
    """Does it run?"""
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except OSError:
        return False
    return state.rsplit(")", 1)[1].split()[0] not in "ZX"


def test_what_an_alert_says_stays_data(tocsin, tmp_path):
    """By standard input and environment to a program that writes both down."""
    out = tmp_path / "out"
    out.mkdir()
    program = script(tmp_path, f'cat > {out}/"$TOCSIN_ID.json"; env > {out}/"$TOCSIN_ID.env"')
    runs(tocsin, program, "--fixed", "$(not a shell)", workers=2).start()
    texts = [text.format(place=tmp_path) for text in HOSTILE]
    ids = tocsin.send(*(alert(text, labels={"data": text}, annotations={"message": text})
                        for text in texts))
    tocsin.wait_settled()
    assert tocsin.counters()["delivered"] == len(texts)
    for number, text in zip(ids, texts):
        document = json.loads((out / f"{number}.json").read_text("utf-8"))
        assert document["title"] == document["message"] == document["labels"]["data"] == text
        names = [line.split("=")[0] for line in (out / f"{number}.env").read_text().splitlines()]
        assert len(names) == len(set(names)) and {"PATH", "TOCSIN_KEY"} <= set(names)
        assert all(name in ("PATH", "LANG", "PWD", "OLDPWD", "_", "SHLVL")
                   or name.startswith("TOCSIN_") for name in names), names
    assert not (tmp_path / "owned").exists()


def test_the_exit_status_is_the_outcome(tocsin, tmp_path):
    """0 delivered, 75 tried again, anything else dead with what the program said last."""
    program = script(tmp_path, 'case "$TOCSIN_TITLE" in\n'
                     f'later) test -e {tmp_path}/now || exit 75;;\n'
                     'never) echo "no such customer" >&2; exit 3;;\nesac')
    runs(tocsin, program).start()
    tocsin.send(alert("fine"), alert("later"), alert("never"))
    wait_until(lambda: [each for each in tocsin.deliveries(state="pending")
                        if each["attempts"] >= 2], what="a second attempt")
    (tmp_path / "now").touch()
    tocsin.wait_settled()
    counters = tocsin.counters()
    assert (counters["delivered"], counters["dead"]) == (2, 1)
    dead = tocsin.delivery(tocsin.deliveries(state="dead")[0]["id"])
    assert "no such customer" in json.dumps(dead) and "status 3" in json.dumps(dead)


def test_a_program_that_hangs_is_ended_with_its_children(tocsin, tmp_path):
    """TERM is ignored, so it is KILL; the child that it made goes, too, and nothing leaks."""
    program = script(tmp_path, f"trap '' TERM\nsleep 600 &\necho $$ $! >> {tmp_path}/pids\n"
                     f"test -e {tmp_path}/now || wait")
    runs(tocsin, program, time_limit="200ms", kill_after="100ms").start()
    before = len(os.listdir(f"/proc/{tocsin.pid}/fd"))
    tocsin.send(alert())
    wait_until(lambda: tocsin.deliveries()[0]["attempts"] >= 2, what="two attempts")
    (tmp_path / "now").touch()
    tocsin.wait_settled()
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(pids) >= 6
    wait_until(lambda: not any(is_alive(pid) for pid in pids), what="the end of all of them")
    assert children(tocsin.pid) == []
    assert len(os.listdir(f"/proc/{tocsin.pid}/fd")) <= before + 1   # our own connection


def test_a_stop_lets_a_program_finish(tocsin, tmp_path):
    program = script(tmp_path, f"touch {tmp_path}/began; sleep 1; touch {tmp_path}/ended")
    runs(tocsin, program).start()
    tocsin.send(alert())
    wait_until((tmp_path / "began").exists, what="the start of the program")
    tocsin.stop()
    assert (tmp_path / "ended").exists()
    assert tocsin.counters()["delivered"] == 1


def test_a_program_does_not_outlive_a_daemon_that_dies(tocsin, tmp_path):
    """Else two of them would run for one alert; the next daemon runs it with the same key."""
    program = script(tmp_path, f'echo "$$ $TOCSIN_KEY" >> {tmp_path}/runs\n'
                     f'test -e {tmp_path}/now || exec sleep 600')
    runs(tocsin, program).start()
    tocsin.send(alert())
    noted = tmp_path / "runs"
    wait_until(lambda: noted.exists() and noted.read_text().endswith("\n"), what="a run")
    tocsin.kill()
    first, key = noted.read_text().split()
    wait_until(lambda: not is_alive(int(first)), what="the end of the program")
    (tmp_path / "now").touch()
    tocsin.start()
    tocsin.wait_settled()
    keys = {line.split()[1] for line in noted.read_text().splitlines()}
    assert keys == {key} and tocsin.counters()["delivered"] == 1


def test_workers_run_side_by_side(tocsin, tmp_path):
    """Four programs of half a second take one, not two."""
    program = script(tmp_path, "sleep 0.5")
    runs(tocsin, program, workers=4).start()
    began = time.monotonic()
    tocsin.send(*(alert(str(n)) for n in range(4)))
    tocsin.wait_settled()
    assert time.monotonic() - began < 1.9 * SLOW


def test_a_missing_program_waits_until_it_is_there(tocsin, tmp_path):
    """It is nobody's alert that is wrong; the log says so at the start."""
    runs(tocsin, tmp_path / "program").start()
    tocsin.wait_log("cannot be run yet: No such file")
    tocsin.send(alert())
    wait_until(lambda: tocsin.deliveries()[0]["attempts"] >= 1, what="an attempt")
    script(tmp_path, "exit 0")
    tocsin.wait_settled()
    assert tocsin.counters()["delivered"] == 1


def test_mistakes_are_named(tocsin):
    for changes, words in (({"command": "logger"}, "absolute path"),
                           ({"status": {"retry": [300]}}, "300"),
                           ({"environment": {"TOCSIN_ID": "x"}}, "TOCSIN_ID"),
                           ({"timeout": "5s"}, "time limits")):
        runs(tocsin, "/bin/true", **changes) if "command" not in changes else \
            tocsin.configure(channels={"job": {"type": "exec", **changes}})
        run = tocsin.tocsind("--check")
        assert run.status == 2 and words in run.stdout + run.stderr, run
