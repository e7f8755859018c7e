# SPDX-License-Identifier: Apache-2.0
"""A disk that is full, and that has room again: nothing is lost, nobody has to help."""

import re

import pytest

from lib.client import Refused
from lib.faulty import FOR_GOOD, LIE, FaultyDisk, faulty_library
from lib.sections import file_channel
from lib.smalldisk import MEBIBYTE, SmallDisk, SmallMemory
from lib.subject import Broken, Subject
from lib.tocsin import wait_until

pytestmark = pytest.mark.needs("sqlite")

BIG = 100_000       # bytes of an alert that fills a disk soon
CYCLES = 4


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


def channels(quick, slow):
    """The usual channel, and one that has not done yet when the disk is full."""
    retry = {"first": "50ms", "max": "100ms", "give_up_after": "1h"}
    return {"channels": {"log": file_channel(quick, retry=retry),
                         "slow": file_channel(slow, retry=retry, rate="150/s")},
            "default": {"channels": ["log", "slow"]}}


@pytest.fixture
def on_disk(stage, tmp_path):
    """Makes daemons whose store is on that disk, and nothing else of them; with slow, the path of a
    second channel's file. They end before their disk goes."""
    made = []

    def make(disk, slow=None):
        store = disk.path / "tocsin.db"
        directory = tmp_path / f"daemon{len(made)}"
        sections = channels(directory / "alerts.json", slow) if slow else {}
        subject = Subject(stage, directory, store={"type": "sqlite", "path": str(store)},
                          **sections)
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


def is_settled(subject):
    """No counters are told when the store is just finding out that it has no room."""
    counters = subject.tocsin.status()["counters"]
    return counters is not None and counters["pending"] == 0


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
    wait_until(lambda: is_settled(subject), 20,
               lambda: f"all settled on a full disk: {subject.tocsin.status()}")
    assert subject.post(1) == 503
    says_that_it_is_full(subject)
    disk.empty()
    wait_until(lambda: subject.post(1) == 200, 10, "accepted again")
    assert subject.tocsin.get("/api/v1/health")["status"] == "ok"


def fill_and_free(subject, disk, slow):
    """Four cycles of one daemon: how often something came twice."""
    subject.start_cleanly()
    for turn in range(CYCLES):
        one_cycle(subject, disk, by_itself=turn % 2 == 1)
    wait_until(lambda: is_settled(subject), 20, "all settled")
    repeats = subject.look()
    arrived = numbers_in(slow)
    assert not subject.acknowledged - set(arrived), "lost"
    log = subject.tocsin.log()
    subject.end()
    subject.audit()
    # Said once a time, not each second.
    assert log.count("no room left: new alerts are refused") == CYCLES, log
    assert log.count("there is room again") == CYCLES, log
    return repeats + len(arrived) - len(set(arrived))


@pytest.mark.timeout(3000)
def test_full_disk(campaign, small, on_disk, tmp_path):
    """Filled by others and by itself, freed, and again: all that was acknowledged arrives once."""
    acknowledged = repeats = 0
    rounds = campaign.size(1, 15)       # each on a new disk: what was accepted stays on the old one
    for turn in range(rounds):
        disk = small(SmallDisk, f"disk{turn}")
        slow = tmp_path / f"slow{turn}.json"
        subject = on_disk(disk, slow)
        repeats += fill_and_free(subject, disk, slow)
        acknowledged += len(subject.acknowledged)
        disk.close()
    campaign.record(cycles=rounds * CYCLES, acknowledged=acknowledged, lost=0, repeats=repeats)
    assert repeats == 0


@pytest.mark.timeout(120)
def test_a_large_log_is_no_burden_on_a_disk_that_fills(small, on_disk, tmp_path):
    """Much is free and the log may be large; then others take nearly all. What is in the log needs as
    much again in the file, and the ends of what was accepted need room, too."""
    disk = small(SmallDisk, "disk", megabytes=640)
    subject = on_disk(disk, tmp_path / "slow.json")
    subject.start_cleanly()
    one_cycle(subject, disk, by_itself=False)
    for leave in (40, 30):
        disk.fill(leave=leave * MEBIBYTE)
        post_until_refused(subject, size=BIG)
        says_that_it_is_full(subject)
        wait_until(lambda: is_settled(subject), 20, "all settled on a full disk")
        disk.empty()
        wait_until(lambda: subject.post(1) == 200, 10, "accepted again")
    subject.end()
    subject.audit()


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
    wait_until(lambda: is_settled(subject), 20, "settled")
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


def kill_when_full(subject, disk, slow, dice):
    """Three kills of one daemon with work to do and no room, and the look at what came."""
    for turn in range(3):
        subject.start_cleanly()
        for _ in range(4):
            assert subject.post(50) == 200
        disk.fill(leave=dice.choice((0, MEBIBYTE)))
        post_until_refused(subject, size=BIG)
        subject.tocsin.kill()
        if turn % 2 and subject.try_to_start():
            subject.tocsin.kill()
        disk.empty()
    subject.start_cleanly()
    assert not subject.acknowledged - set(numbers_in(slow)), "lost"
    subject.end()
    subject.audit()


@pytest.mark.timeout(1000)
def test_a_kill_on_a_full_disk_loses_nothing(campaign, small, on_disk, tmp_path):
    """Killed while there is no room; what was acknowledged comes when there is some."""
    acknowledged = 0
    rounds = campaign.size(1, 15)
    for turn in range(rounds):
        disk = small(SmallDisk, f"disk{turn}")
        slow = tmp_path / f"slow{turn}.json"
        subject = on_disk(disk, slow)
        kill_when_full(subject, disk, slow, campaign.dice)
        acknowledged += len(subject.acknowledged)
        disk.close()
    campaign.record(kills=3 * rounds, acknowledged=acknowledged, lost=0)


@pytest.mark.timeout(60)
def test_the_control_that_takes_what_does_not_fit_loses(small, on_disk, tmp_path):
    """A disk that says yes when it is full: the same look must see the loss."""
    disk = small(SmallDisk, "disk")
    subject = on_disk(disk)
    liar = FaultyDisk(subject.tocsin, faulty_library(tmp_path), subject.channel)
    subject.configure_slow()
    subject.start_cleanly()
    disk.fill()
    liar.arm("pwrite", "store", LIE, repeat=FOR_GOOD)
    assert subject.post(20) == 200
    subject.tocsin.kill()
    liar.clear()
    disk.empty()
    subject.configure()
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
        wait_until(lambda: is_settled(subject), 30, "settled")
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
