# SPDX-License-Identifier: Apache-2.0
"""What was said while the daemon could not be reached: it is handed in from the spool, once it is
committed it is gone from there, and nothing that anybody puts there does harm."""

import json
import os
import random
import stat
import time

import pytest

from lib.parrot import ask, left, parrot, pings, put, spooled, wait_empty
from lib.tocsin import wait_until

pytestmark = pytest.mark.needs("sqlite", "file")

def aside(tocsin):
    """What was refused."""
    return sorted(path.name for path in (tocsin.spool / "refused").iterdir())


def test_what_was_said_without_the_daemon_is_handed_in_by_the_order_of_names(hearing):
    hearing.parrots(one=parrot("backup", "50% done"))
    for n in (3, 1, 2, *range(4, 150)):
        put(hearing, spooled(n), f"{n:04}.json")
    put(hearing, spooled(1, "50%25%20done"))
    put(hearing, {"path": "/api/v1/heartbeats/backup/ping?source=one"}, "9999.json")
    hearing.start()
    wait_empty(hearing)
    assert [each.get("n") for each in pings(hearing, "backup")] == [*range(1, 150), None]
    assert pings(hearing, "50% done") == [{"n": 1}]
    hearing.wait_log("151 words that were made without the daemon handed in")
    before = time.monotonic()
    put(hearing, spooled(150))
    wait_empty(hearing)
    assert time.monotonic() - before < 15 and {"n": 150} in pings(hearing, "backup")
    assert not aside(hearing)


def test_what_cannot_be_handed_in_is_set_aside(hearing, tmp_path):
    hearing.parrots(one=parrot("backup"))
    secret = tmp_path / "secret"
    secret.write_text(json.dumps(spooled(99)))
    refused = {
        "unknown": put(hearing, spooled(1, "bakcup"), "unknown"),
        "nobody": put(hearing, {"path": "/api/v1/jobs/x/report"}, "nobody"),
        "broken": put(hearing, b'{"path":', "broken"),
        "empty": put(hearing, b"", "empty"),
        "list": put(hearing, [], "list"),
        "pathless": put(hearing, {"body": {}}, "pathless"),
        "order": put(hearing, {"path": "/api/v1/heartbeats/backup/pause"}, "order"),
        "alert": put(hearing, {"path": "/api/v1/alerts", "body": {}}, "alert"),
        "body": put(hearing, spooled(1, body=[]), "body"),
        "query": put(hearing, spooled(1, "backup/ping?sauce=one#"), "query"),
        "control": put(hearing, spooled(1, "a%0ab"), "control"),
        "deep": put(hearing, b'{"path": "/", "body": ' + b"[" * 5000, "deep"),
        "huge": put(hearing, spooled(1, body={"text": "x" * 70000}), "huge"),
        "odd\n\x1b[31m": put(hearing, b"odd", "odd\n\x1b[31m"),
    }
    (hearing.spool / "link").symlink_to(secret)
    (hearing.spool / "dangling").symlink_to("/nowhere")
    os.link(secret, hearing.spool / "hard")
    os.mkfifo(hearing.spool / "pipe")
    (hearing.spool / "directory").mkdir()
    (hearing.spool / ".being-written").write_text("{")
    put(hearing, spooled(7), "zzz")
    hearing.start()
    wait_until(lambda: left(hearing) == [".being-written"], 15, lambda: left(hearing))
    assert pings(hearing, "backup") == [{"n": 7}]
    names = sorted([*refused, "link", "dangling", "hard", "pipe", "directory"])
    assert aside(hearing) == names
    wait_until(lambda: hearing.log().count("is refused and moved to") == len(names), 15, hearing.log)
    assert "did you mean 'backup'?" in hearing.log() and "\x1b" not in hearing.log()
    assert secret.exists()


def test_what_cannot_be_taken_now_stays_until_it_can(hearing):
    hearing.parrots(one=parrot("report"), two=parrot("backup", silent=True)).start(wait=False)
    hearing.wait_log("is ready with")
    file = put(hearing, spooled(1))
    time.sleep(0.5)
    assert file.exists() and not aside(hearing)
    hearing.parrots(one=parrot("report"), two=parrot("backup"))
    hearing.post("/api/v1/reload")
    put(hearing, spooled(2))
    wait_empty(hearing)
    assert pings(hearing, "backup") in ([{"n": 1}, {"n": 2}], [{"n": 2}, {"n": 1}])


def test_what_cannot_be_moved_is_told_of_once(hearing):
    """Somebody cleaned up, and more than that; then all is well again."""
    hearing.parrots(one=parrot("backup")).start()
    wait_until((hearing.spool / "refused").exists, 10, "the spool")
    (hearing.spool / "refused").rmdir()
    put(hearing, b"odd", "first")
    wait_until(lambda: not left(hearing), 10, lambda: left(hearing))
    hearing.wait_log("is refused and moved")
    assert aside(hearing) == ["first"] and hearing.log().count("is refused and moved") == 1
    (hearing.spool / "refused" / "first").unlink()
    (hearing.spool / "refused").rmdir()
    (hearing.spool / "refused").write_text("in the way")
    put(hearing, b"odd", "second")
    hearing.wait_log("second is refused .* and cannot be moved")
    time.sleep(1.5)                                             # another round
    put(hearing, spooled(1))
    wait_until(lambda: pings(hearing, "backup") == [{"n": 1}], 10, "what is well is taken")
    assert hearing.log().count("cannot be moved") == 1, hearing.log()
    (hearing.spool / "refused").unlink()
    put(hearing, spooled(2))
    wait_until(lambda: not left(hearing), 15, lambda: left(hearing))
    assert aside(hearing) == ["second"]


def test_what_was_refused_does_not_fill_the_disk(hearing):
    hearing.parrots(one=parrot("backup"))
    for n in range(1100):
        put(hearing, b"odd", f"{n:04}")
    hearing.start()
    wait_until(lambda: not left(hearing), 15, lambda: left(hearing)[:3])
    assert 890 <= len(aside(hearing)) <= 1000 and "1099" in aside(hearing)
    hearing.wait_log("the oldest are removed")
    assert hearing.log().count("the oldest are removed") == 1


def test_nothing_in_the_spool_is_lost_by_kills(hearing):
    hearing.parrots(one=parrot("backup", hold="10ms"))
    for n in range(400):
        put(hearing, spooled(n))
    for _ in range(4):
        hearing.start()
        time.sleep(random.uniform(0, 0.05))
        hearing.kill()
    hearing.start()
    wait_empty(hearing)
    remembered = [each["n"] for each in pings(hearing, "backup")]
    assert set(remembered) == set(range(400))
    assert len(remembered) < 800, "each kill repeats no more than was under way"


def test_a_source_that_answers_too_early_loses_what_was_in_the_spool(hearing):
    """The control: what is not committed when it is answered is removed from the spool and gone."""
    hearing.parrots(one=parrot("backup", hasty=True))
    put(hearing, spooled(1))
    hearing.start()
    wait_empty(hearing)
    hearing.kill()
    hearing.start()
    assert not pings(hearing, "backup")


@pytest.mark.parametrize("socket, directory", [("0600", 0o700), ("0660", 0o1770), ("0666", 0o1777)])
def test_the_spool_has_the_rights_of_the_socket(hearing, socket, directory):
    hearing.parrots(one=parrot("backup"))
    text = (hearing.conf / "10-story.yaml").read_text()
    (hearing.conf / "10-story.yaml").write_text(text.replace("0600", socket))
    hearing.start()
    wait_until(hearing.spool.exists, 10, "the spool")
    wait_until(lambda: stat.S_IMODE(hearing.spool.stat().st_mode) == directory, 10, "its rights")
    assert stat.S_IMODE((hearing.spool / "refused").stat().st_mode) == 0o700


def test_a_daemon_without_its_spool_does_its_work(hearing, make_tocsin, stage, tmp_path):
    """One daemon has it; no other takes what is there, nor follows a link."""
    hearing.parrots(one=parrot("backup")).start()
    wait_until((hearing.spool / "refused").exists, 10, "the spool")
    for name, words in (("other", "used by another tocsind"), ("link", "cannot be opened")):
        second = make_tocsin(name, plugins=hearing.plugins)
        second.spool = hearing.spool
        if name == "link":
            second.spool = tmp_path / "elsewhere"
            second.spool.symlink_to(hearing.spool)
        second.configure(channels={"log": {"type": "file", "path": str(tmp_path / "2.json")}}).start()
        second.wait_log(words)
        second.stop()
    put(hearing, spooled(1))
    wait_empty(hearing)
    assert ask(hearing, "backup")[1]["pings"] == [{"n": 1}]
