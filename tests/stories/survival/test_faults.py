# SPDX-License-Identifier: Apache-2.0
"""Calls to the disk that fail: once, for good and now and then, at every moment of a daemon's life.

Each injection is one life: it starts cleanly, one kind of call fails from a certain moment on, the
daemon ends by itself or is killed or stopped, and the next start must be clean and bring everything
that was acknowledged. Which calls there are is counted first; only what fired counts.
"""

import collections
import concurrent.futures
import contextlib
import errno
import shutil
import signal
import threading
import time

import pytest

from lib.client import Refused, Unreachable
from lib.faulty import EVERY_OTHER, FOR_GOOD, LIE, ONCE, SHORT, FaultyDisk, faulty_library, name_of
from lib.subject import NOT_STARTED, STORE_LOST, Broken, Subject
from lib.tocsin import wait_until

pytestmark = pytest.mark.needs("sqlite")

SIDE_BY_SIDE = 4        # most of their time they wait for something
BIG = 240_000           # bytes of an alert: with 36 of them the log is moved in a quiet time,
QUIET = 0.1             # which is one after so many seconds

Fault = collections.namedtuple("Fault", "phase call area error repeat at kill")

# What each call can say. EINTR for good would be a signal that never ends; now and then is a storm.
ERRORS = {
    "write": (errno.EIO, errno.ENOSPC, errno.EINTR, SHORT),
    "pwrite": (errno.EIO, errno.ENOSPC, errno.EINTR, SHORT),
    "pread": (errno.EIO, errno.EINTR),
    "sync": (errno.EIO, errno.ENOSPC, errno.EINTR),
    "open": (errno.EIO, errno.ENOSPC, errno.EMFILE, errno.EINTR),
    "truncate": (errno.EIO, errno.ENOSPC, errno.EINTR),
    "allocate": (errno.EIO, errno.ENOSPC, errno.EINTR),
    "unlink": (errno.EIO, errno.EROFS),
    "map": (errno.ENOMEM, errno.ENODEV),
}
# How many of all injections.
SHARE = {"load": 0.4, "new": 0.14, "again": 0.22, "reload": 0.08, "stop": 0.1, "upkeep": 0.06}


# --- the phases of a life, each with what happens while the disk fails ---

def load(subject, _disk, fault):
    """Fifty alerts in five commits."""
    for _ in range(5):
        broken = sync_failed(subject, fault)
        if subject.post(10) == 200 and broken:
            raise Broken("acknowledged after a sync had failed")
        if not subject.tocsin.running():
            return


def sync_failed(subject, fault):
    """Did a sync of the store fail before now?"""
    return (fault is not None and fault.call == "sync" and fault.area == "store"
            and fault.error != errno.EINTR and subject.disk.fired > 0)


def new(subject, _disk, _fault):
    """The first start of all: the store is made."""
    subject.failed = not subject.try_to_start()
    if not subject.failed:
        subject.post(5)


def again(subject, _disk, _fault):
    """A start after a kill: the log is read, claims are taken back, deliveries go out."""
    subject.failed = not subject.try_to_start()
    if not subject.failed:
        subject.post(5)


def reload(subject, _disk, _fault):
    """Another configuration, files opened again, and some alerts."""
    subject.post(5)
    subject.configure(default={"channels": ["log"]}, log={"level": "warning"})
    try:
        subject.tocsin.post("/api/v1/reload")
    except (Refused, Unreachable):
        pass
    subject.post(5)


def stop(subject, _disk, _fault):
    """SIGTERM while deliveries are under way."""
    subject.post(10)
    subject.tocsin.send_signal(signal.SIGTERM)
    subject.status = subject.tocsin.wait_end()


def upkeep(subject, disk, _fault):
    """The log fills up, old alerts are removed, free pages given back, the log is moved."""
    subject.post(9, size=BIG)
    until_fired(subject)
    disk.hurry()
    until_fired(subject)
    time.sleep(QUIET)
    subject.post(1)


def until_fired(subject, seconds=0.5):
    """Waits for what is under way to settle, unless the fault fired, for so long at most."""
    def settled():
        if subject.disk.fired or not subject.tocsin.running():
            return True
        try:
            return subject.tocsin.status()["counters"]["pending"] == 0
        except (Unreachable, Refused, TypeError):
            return False
    try:
        wait_until(settled, seconds)
    except AssertionError:
        pass


PHASES = {each.__name__: each for each in (load, new, again, reload, stop, upkeep)}
STARTS = ("new", "again")


# --- one injection ---

class Laboratory:
    """Subjects for a worker: lives that follow one another, and copies of one that was killed."""

    def __init__(self, stage, library, directory):
        self.stage = stage
        self.library = library
        self.directory = directory
        self.lasting = {}       # phase -> the subject that lives on
        self.n = 0
        self.killed = None      # what a kill left, to be copied

    def subject(self, name, **sections):
        """A new daemon on a faulty disk, not yet started."""
        self.n += 1
        made = Subject(self.stage, self.directory / f"{name}.{self.n}", **sections)
        made.disk = FaultyDisk(made.tocsin, self.library, made.channel)
        return made

    def prepared(self, phase):
        """A daemon at the beginning of that phase."""
        if phase == "new":
            return self.subject(phase)
        if phase == "again":
            return self.copy_of_killed()
        if phase not in self.lasting:
            history = {"history": {"keep": "0s"}} if phase == "upkeep" else {}
            self.lasting[phase] = self.subject(phase, **history)
        subject = self.lasting[phase]
        if subject.tocsin.process is None:
            subject.configure()
            subject.start_cleanly()
        for _ in range(3 if phase == "upkeep" else 0):
            subject.post(9, size=BIG)
        return subject

    def copy_of_killed(self):
        """A store that was killed with deliveries claimed and a log to be read."""
        if self.killed is None:
            self.killed = self.subject("killed")
            self.killed.tocsin.start()
            self.killed.disk.arm("write", "channel", errno.EIO, repeat=FOR_GOOD)
            load(self.killed, None, None)
            self.killed.tocsin.kill()
            self.killed.disk.clear()
        copy = self.subject("again")
        for suffix in ("", "-wal", ".lock", ".underway"):
            name = self.killed.tocsin.store.name + suffix
            shutil.copyfile(self.killed.tocsin.directory / name, copy.tocsin.directory / name)
        copy.acknowledged = set(self.killed.acknowledged)
        copy.number = self.killed.number
        return copy

    def inject(self, fault):
        """One life under one fault, and the clean start after it; how often the fault fired."""
        subject = self.prepared(fault.phase)
        subject.status, subject.failed = None, False
        if fault.call:
            subject.disk.arm(*fault[1:4], at=fault.at, repeat=fault.repeat)
        PHASES[fault.phase](subject, subject.disk, fault)
        until_fired(subject)
        if subject.tocsin.process is not None and subject.disk.fired and is_fatal(fault):
            subject.status = subject.gone()
        fired = subject.disk.clear()
        if subject.tocsin.process is not None:
            subject.status = go_on(subject)
        self.judge(subject, fault, fired)
        subject.end(kill=fault.kill)
        subject.audit()
        subject.start_cleanly()
        if fault.phase in STARTS:
            subject.end()
            subject.audit()
            subject.remove()
        return fired

    def judge(self, subject, fault, fired):
        """Is that an end, or a life, that this fault may lead to?"""
        status = subject.status
        if status is not None and status not in (0, STORE_LOST):
            raise Broken(f"ended with {status}:\n{subject.tocsin.log()[-2000:]}")
        if status == STORE_LOST and not (fired and may_end(fault)):
            raise Broken(f"ended with {status} without need:\n{subject.tocsin.log()[-2000:]}")
        # No signal has a handler here, so that no open of a local file is ever interrupted.
        if subject.failed and fault.error == errno.EINTR and fault.call not in ("sync", "open"):
            raise Broken(f"not started after EINTR:\n{subject.tocsin.log()[-2000:]}")
        if fault.phase == "load" and fired and is_fatal(fault) and status != STORE_LOST:
            raise Broken(f"goes on after a lost write: {status}")

    def close(self):
        """The last look at the subjects that lived on."""
        try:
            for subject in self.lasting.values():
                subject.end()
                subject.audit()
        finally:
            for subject in self.lasting.values():
                subject.remove()


def go_on(subject):
    """What was refused for want of room is taken again, without any help, unless it ends: the
    exit status, or None."""
    wait_until(lambda: subject.post(1) == 200 or not subject.tocsin.running(), 5,
               "alerts taken again")
    return subject.gone(0)


def is_fatal(fault):
    """After these nobody can vouch for what the store holds."""
    return fault.area == "store" and ((fault.call == "sync" and fault.error != errno.EINTR) or
                                      (fault.call == "pwrite" and fault.error == errno.EIO))


def may_end(fault):
    """A signal or want of room is no reason to end, except where pages may be lost with it."""
    return fault.area == "store" and (fault.error not in (errno.EINTR, errno.ENOSPC, SHORT)
                                      or fault.call == "sync")


# --- the plan ---

def count_calls(laboratory):
    """phase -> {(call, area): how often}, in lives in which nothing fails."""
    counts = {}
    for phase in PHASES:
        subject = laboratory.prepared(phase)
        subject.disk.take_counts()
        PHASES[phase](subject, subject.disk, None)
        until_fired(subject)
        counts[phase] = subject.disk.take_counts()
        subject.end()
        if phase in STARTS:
            subject.remove()
    return counts


def all_faults(counts, phase):
    """Every fault of a phase, without its moment: (call, area, error, repeat), and how many."""
    for (call, area), n in sorted(counts[phase].items()):
        if area == "channel":
            n = max(1, n // 2)      # batches are as large as they happen to be
        for error in ERRORS[call]:
            for repeat in (ONCE, EVERY_OTHER if error == errno.EINTR else FOR_GOOD):
                yield (call, area, error, repeat), n


def draw(counts, phase, size, dice):
    """That many faults of a phase: each kind at least once, at moments drawn without repeats."""
    kinds = list(all_faults(counts, phase))
    moments = {kind: dice.sample(range(n), n) for kind, n in kinds}
    drawn = []
    while len(drawn) < size:
        dice.shuffle(kinds)
        for kind, n in kinds:
            if not moments[kind]:
                moments[kind] = dice.sample(range(n), n)
            drawn.append(Fault(phase, *kind, moments[kind].pop(), dice.random() < 0.5))
    return drawn[:size]


def plan(counts, size, dice):
    """All faults of the campaign, in an order that mixes the phases."""
    faults = [fault for phase, share in SHARE.items()
              for fault in draw(counts, phase, round(size * share), dice)]
    dice.shuffle(faults)
    return faults


def describe(fault):
    """A fault in words."""
    often = {ONCE: "once", FOR_GOOD: "for good", EVERY_OTHER: "every other time"}[fault.repeat]
    return (f"{fault.phase}: {fault.call} on {fault.area} {name_of(fault.error)} {often} "
            f"after {fault.at}, then {'kill' if fault.kill else 'stop'}")


class Work:
    """What the workers share: faults to inject until enough have fired, and what came of them."""

    def __init__(self, faults, enough):
        self.faults = iter(faults)
        self.enough = enough
        self.lock = threading.Lock()
        self.fired, self.missed, self.broken = [], [], []

    def next(self):
        """The next fault, or None at the end."""
        with self.lock:
            return None if len(self.fired) >= self.enough else next(self.faults, None)

    def run(self, laboratory):
        """One worker, to the end."""
        while fault := self.next():
            try:
                (self.fired if laboratory.inject(fault) else self.missed).append(fault)
            except AssertionError as broken:
                self.broken.append(f"{describe(fault)}: {broken}")
                laboratory.lasting.pop(fault.phase, None)


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """The library that fails calls."""
    return faulty_library(tmp_path_factory.mktemp("faulty"))


@pytest.mark.timeout(20_000)
def test_faults(campaign, stage, library, tmp_path):
    """No failing call to the disk loses an acknowledged alert or needs help at the next start."""
    size = campaign.size(500, 5000)
    laboratories = [Laboratory(stage, library, tmp_path / str(i)) for i in range(SIDE_BY_SIDE)]
    counts = count_calls(laboratories[0])
    # Some moments are not reached again: alerts share commits as they happen to come.
    work = Work(plan(counts, round(size * 1.3), campaign.dice), size)
    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        list(pool.map(work.run, laboratories))
    acknowledged = sum(len(subject.acknowledged) for laboratory in laboratories
                       for subject in laboratory.lasting.values())
    for laboratory in laboratories:
        laboratory.close()
    campaign.record(injections=len(work.fired), kinds=len({fault[:5] for fault in work.fired}),
                    moments_not_reached=len(work.missed), acknowledged=acknowledged,
                    lost=sum("are lost" in why for why in work.broken), broken=len(work.broken))
    print("not reached:", *map(describe, work.missed), sep="\n  ")
    assert not work.broken, f"{len(work.broken)} broken:\n" + "\n".join(work.broken[:10])
    assert len(work.fired) >= size


@pytest.mark.timeout(60)
@pytest.mark.parametrize("lies", [False, True])
def test_the_control_whose_disk_lies_loses(stage, library, tmp_path, lies):
    """Writes dropped and called good: the same life and the same look must see that, and nothing
    where the disk is honest."""
    subject = Laboratory(stage, library, tmp_path).subject("control")
    subject.configure_slow()
    subject.start_cleanly()
    if lies:
        subject.disk.arm("pwrite", "store", LIE, repeat=FOR_GOOD)
    load(subject, None, None)
    assert len(subject.acknowledged) == 50
    subject.tocsin.kill()
    assert (subject.disk.clear() > 0) == lies
    subject.configure()
    with pytest.raises(Broken, match="are lost") if lies else contextlib.nullcontext():
        subject.start_cleanly()
    subject.remove()


# --- the same with strace, on the real disk ---

INJECTIONS = [(call, error, often)
              for call, errors in (("pwrite64", ("EIO", "ENOSPC", "EINTR")),
                                   ("fdatasync", ("EIO", "ENOSPC")), ("write", ("EIO", "ENOSPC")),
                                   ("ftruncate", ("EIO",)), ("openat", ("EIO", "EMFILE")))
              for error in errors for often in ("", "+2" if error == "EINTR" else "+")]
UP_TO = {"pwrite64": 150, "fdatasync": 12, "write": 5, "ftruncate": 2, "openat": 6}


def strace_of(subject, call, error, when):
    """The command in front of tocsind, which stays the process that was started: -D."""
    store = subject.tocsin.store
    paths = [argument for path in (store, f"{store}-wal", f"{store}.lock", f"{store}.reserve",
                                   f"{store}.underway", subject.channel)
             for argument in ("-P", str(path))]
    return ["strace", "-D", "-f", "-qq", "-o", str(subject.tocsin.directory / "trace"), *paths,
            "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}"]


def inject_with_strace(subject, call, error, when):
    """One life; how often strace says that it injected."""
    subject.try_to_start(strace_of(subject, call, error, when))
    if subject.tocsin.process is not None:
        load(subject, None, None)
        status = subject.gone(0.2)
        if status not in (None, STORE_LOST) or (status == STORE_LOST and error == "EINTR"):
            raise Broken(f"ended with {status}:\n{subject.tocsin.log()[-2000:]}")
        subject.end(kill=True)
    fired = (subject.tocsin.directory / "trace").read_text().count("(INJECTED)")
    subject.audit()
    subject.start_cleanly()
    subject.end()
    return fired


@pytest.mark.timeout(3000)
@pytest.mark.skipif(not shutil.which("strace"), reason="no strace: apt-get install strace")
def test_faults_of_strace(campaign, stage, tmp_path):
    """A share of the same by the kernel's own hand, so that it is no dream of the library."""
    wanted = campaign.size(16, 240)
    injections = fired = 0
    for turn in range(wanted * 2):
        call, error, often = INJECTIONS[turn % len(INJECTIONS)]
        when = f"{campaign.dice.randint(1, UP_TO[call])}{often}"
        subject = Subject(stage, tmp_path / str(turn))
        try:
            n = inject_with_strace(subject, call, error, when)
        except AssertionError as broken:
            raise Broken(f"{call} {error} when={when}: {broken}") from None
        subject.remove()
        injections, fired = injections + (n > 0), fired + n
        if injections == wanted:
            break
    campaign.record(injections=injections, calls_failed=fired)
    assert injections == wanted
