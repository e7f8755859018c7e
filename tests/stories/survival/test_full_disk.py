# SPDX-License-Identifier: Apache-2.0
"""A disk that is full, and that has room again: nothing is lost, nobody has to help."""

import re

import pytest

from lib import faulty
from lib.client import Refused
from lib.faulty import FOR_GOOD, LIE, FaultyDisk
from lib.sections import file_channel
from lib.smalldisk import MEBIBYTE, SmallDisk, SmallMemory
from lib.subject import Broken, Subject
from lib.tocsin import wait_until

pytestmark = pytest.mark.needs("sqlite")

BIG = 100_000       # bytes of an alert that fills a disk soon


@pytest.fixture
def small(tmp_path):
    """Makes small file systems, which go at the end."""
    made = []

    def make(kind, name, *arguments, **options):
        made.append(kind(tmp_path / name, *arguments, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def on_disk(stage, tmp_path):
    """Makes daemons whose store is on that disk, and nothing else; they end before it goes."""
    made = []

    def make(disk, **sections):
        store = disk.path / "tocsin.db"
        subject = Subject(stage, tmp_path / f"daemon{len(made)}",
                          store={"type": "sqlite", "path": str(store)}, **sections)
        subject.tocsin.store = store
        made.append(subject)
        return subject

    yield make
    for subject in made:
        if subject.tocsin.process is not None:
            subject.tocsin.kill()


def post_until_refused(subject, size=0, most=2000):
    """Posts until there is no room (503 with Retry-After, which post() looks at)."""
    for _ in range(most):
        if subject.post(1, size=size) == 503:
            return
    raise AssertionError("the disk did not become full")


def slow_channel(tmp_path):
    """The usual channel, and one that has not done yet when the disk is full."""
    quick = {"first": "50ms", "max": "100ms", "give_up_after": "1h"}
    return {"log": file_channel(tmp_path / "daemon0" / "alerts.json", retry=quick),
            "slow": file_channel(tmp_path / "slow.json", retry=quick, rate="150/s")}


def numbers_in(path):
    """The numbers of all records in the order they came."""
    return [int(n) for n in re.findall(r'"number": ?"(\d+)"', path.read_text("utf-8"))]


def says_that_it_is_full(subject):
    """Health, status and the command tell."""
    with pytest.raises(Refused) as refused:
        subject.tocsin.get("/api/v1/health")
    assert refused.value.status == 503
    status = subject.tocsin.status()
    assert status["store"]["full"] is True
    shown = subject.tocsin.cli("status")
    assert "no room" in shown.stdout, shown
    return status


def one_cycle(subject, disk, by_itself):
    """Full and free again, while a channel still has work to do."""
    while subject.number % 200 != 0:
        assert subject.post(1) == 200
    for _ in range(4):
        assert subject.post(50) == 200
    disk.fill(leave=10 * MEBIBYTE if by_itself else 0)
    post_until_refused(subject, size=BIG if by_itself else 0)
    says_that_it_is_full(subject)
    # What was accepted goes out, and its end is written, on the full disk.
    wait_until(lambda: subject.tocsin.status()["counters"]["pending"] == 0, 20,
               lambda: f"all settled on a full disk: {subject.tocsin.status()}")
    assert subject.post(1) == 503
    says_that_it_is_full(subject)
    disk.empty()
    wait_until(lambda: subject.post(1) == 200, 10, "accepted again")
    assert subject.tocsin.get("/api/v1/health")["status"] == "ok"


@pytest.mark.timeout(3000)
def test_full_disk(campaign, small, on_disk, tmp_path):
    """Filled by others and by itself, freed, and again: all that was acknowledged arrives once."""
    disk = small(SmallDisk, "disk")
    subject = on_disk(disk, channels=slow_channel(tmp_path),
                      default={"channels": ["log", "slow"]})
    subject.start_cleanly()
    cycles = campaign.size(4, 60)
    for turn in range(cycles):
        one_cycle(subject, disk, by_itself=turn % 2 == 1)
    wait_until(lambda: subject.tocsin.status()["counters"]["pending"] == 0, 20, "all settled")
    repeats = subject.look()
    slow = numbers_in(tmp_path / "slow.json")
    lost = subject.acknowledged - set(slow)
    log = subject.tocsin.log()
    subject.end()
    subject.audit()
    campaign.record(cycles=cycles, acknowledged=len(subject.acknowledged), lost=len(lost),
                    repeats=repeats + len(slow) - len(set(slow)))
    assert not lost and repeats == 0 and len(slow) == len(set(slow))
    # Said once a time, not each second.
    assert log.count("no room left: new alerts are refused") == cycles, log
    assert log.count("there is room again") == cycles, log


@pytest.mark.timeout(120)
def test_a_start_on_a_full_disk(small, on_disk):
    """With its reserve it starts; without, it says why, and starts when there is room."""
    disk = small(SmallDisk, "disk")
    subject = on_disk(disk)
    subject.start_cleanly()
    assert subject.post(20) == 200
    subject.end()
    disk.fill()
    assert subject.try_to_start(), "a stopped daemon left its reserve for this"
    wait_until(lambda: subject.tocsin.status()["counters"]["pending"] == 0, 20, "settled")
    post_until_refused(subject)
    subject.tocsin.kill()
    disk.fill()
    for _ in range(3):
        if subject.try_to_start():
            subject.post(1)
            subject.tocsin.kill()
    disk.empty()
    subject.start_cleanly()
    assert subject.post(1) == 200
    subject.end()
    subject.audit()


@pytest.mark.timeout(120)
def test_a_kill_on_a_full_disk_loses_nothing(campaign, small, on_disk, tmp_path):
    """Killed with work to do and no room; what it acknowledged comes when there is room."""
    disk = small(SmallDisk, "disk")
    subject = on_disk(disk, channels=slow_channel(tmp_path),
                      default={"channels": ["log", "slow"]})
    for turn in range(campaign.size(3, 30)):
        subject.start_cleanly()
        for _ in range(4):
            assert subject.post(50) == 200
        disk.fill(leave=campaign.dice.choice((0, MEBIBYTE)))
        post_until_refused(subject, size=BIG)
        subject.tocsin.kill()
        if turn % 2 and subject.try_to_start():
            subject.tocsin.kill()
        disk.empty()
    subject.start_cleanly()
    lost = subject.acknowledged - set(numbers_in(tmp_path / "slow.json"))
    campaign.record(acknowledged=len(subject.acknowledged), lost=len(lost))
    assert not lost
    subject.end()
    subject.audit()


@pytest.mark.timeout(60)
def test_the_control_that_takes_what_does_not_fit_loses(small, on_disk, tmp_path):
    """A disk that says yes when it is full: the same look must see the loss."""
    disk = small(SmallDisk, "disk")
    subject = on_disk(disk)
    liar = FaultyDisk(subject.tocsin, faulty.compile_library(tmp_path), subject.channel)
    subject.start_cleanly()
    disk.fill()
    liar.arm("pwrite", "store", LIE, repeat=FOR_GOOD)
    assert subject.post(20) == 200
    subject.tocsin.kill()
    liar.clear()
    disk.empty()
    subject.channel.unlink()
    with pytest.raises(Broken, match="are lost"):
        subject.start_cleanly()


@pytest.mark.timeout(60)
def test_a_full_disk_under_the_channel_is_waited_out(small, stage, tmp_path):
    """The channel's disk is full, not the store's: accepted, kept, and written when there is room."""
    disk = small(SmallDisk, "disk", megabytes=8)
    subject = Subject(stage, tmp_path / "daemon")
    subject.channel = disk.path / "alerts.json"
    subject.configure()
    subject.start_cleanly()
    disk.fill()
    try:
        for _ in range(4):
            assert subject.post(5, size=4000) == 200
        wait_until(lambda: "No space left" in subject.tocsin.log(), 10, "its trouble")
        assert subject.tocsin.get("/api/v1/health")["status"] == "ok"
        disk.empty()
        wait_until(lambda: subject.tocsin.status()["counters"]["pending"] == 0, 30, "settled")
        assert subject.look() == 0
    finally:
        subject.end()
    subject.audit()


def test_a_disk_without_inodes_is_no_full_disk(small, on_disk):
    """A running store has its files; a new one says what it lacks, and starts when it can."""
    disk = small(SmallDisk, "disk", inodes=64)
    subject = on_disk(disk)
    subject.start_cleanly()
    disk.take_inodes()
    assert subject.post(50) == 200
    assert subject.tocsin.get("/api/v1/health")["status"] == "ok"
    subject.tocsin.kill()
    subject.start_cleanly()
    subject.end()
    other = disk.path / "other.db"
    subject.configure(store={"type": "sqlite", "path": str(other)})
    assert not subject.try_to_start()
    assert "No space left" in subject.tocsin.log()
    subject.configure()
    disk.give_inodes()
    subject.start_cleanly()
    subject.end()
    subject.audit()


def test_a_socket_that_finds_no_place_is_said(small, stage, tmp_path):
    """/run is full: one sentence, no harm, and a start when there is a place."""
    run = small(SmallMemory, "memory", inodes=20)
    subject = Subject(stage, tmp_path / "daemon")
    subject.tocsin.socket = run.path / "tocsin.sock"
    subject.configure(api={"socket": str(subject.tocsin.socket), "mode": "0600"})
    run.take_inodes()
    assert not subject.try_to_start()
    assert "tocsin.sock" in subject.tocsin.log()
    run.give_inodes()
    subject.start_cleanly()
    assert subject.post(5) == 200
    subject.end()
    subject.audit()
