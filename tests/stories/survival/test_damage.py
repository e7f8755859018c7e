# SPDX-License-Identifier: Apache-2.0
"""Rows that got lost in a store: what needs them ends visibly, everything else goes on."""

import errno
import sqlite3

import pytest

from lib.faulty import FOR_GOOD, FaultyDisk, faulty_library
from lib.subject import Subject
from lib.tocsin import wait_until

pytestmark = pytest.mark.needs("sqlite")


def damage(subject, *statements):
    """Changes the closed store, as a failing disk or a rescue would, past all its rules."""
    connection = sqlite3.connect(subject.tocsin.store)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.fixture
def pending(stage, tmp_path):
    """A store that was killed with fifty deliveries pending, some of them claimed."""
    subject = Subject(stage, tmp_path / "daemon")
    disk = FaultyDisk(subject.tocsin, faulty_library(tmp_path), subject.channel)
    subject.tocsin.start()
    disk.arm("write", "channel", errno.EIO, repeat=FOR_GOOD)
    for _ in range(5):
        assert subject.post(10) == 200
    subject.tocsin.kill()
    disk.clear()
    yield subject
    subject.end()
    subject.look()


LOST = {"alert": "DELETE FROM alert WHERE number IN (3, 30)",
        "name": "DELETE FROM name WHERE text != 'log'"}


@pytest.mark.parametrize("lost", LOST)
def test_a_lost_row_stops_nothing_else(pending, lost):
    """What cannot go out without it is dead with a reason, said once; all others arrive, and new
    ones are accepted."""
    damage(pending, LOST[lost])
    tocsin = pending.tocsin
    tocsin.start()
    assert pending.post(10) == 200
    wait_until(lambda: tocsin.check_books()["pending"] == 0, 15, lambda: tocsin.log()[-3000:])
    missing = set(range(60)) - set(pending.arrived())
    assert missing <= ({2, 29} if lost == "alert" else set())
    dead = tocsin.deliveries(state="dead")
    assert len(dead) == len(missing) and all(each["reason"] for each in dead)
    assert tocsin.log().count(" is dead: ") == len(dead)
    pending.acknowledged -= missing
