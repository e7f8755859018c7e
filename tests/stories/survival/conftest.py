# SPDX-License-Identifier: Apache-2.0
"""What the survival campaigns share: their size, their dice and the figures that they leave.

Each campaign runs at gate size in ./run-tests and at full size in `make check-long` (TOCSIN_LONG=1).
TOCSIN_SEED repeats a run; without it the seed is drawn and printed. Figures go as JSON, one file
per campaign, to the directory TOCSIN_FIGURES; doc/RELIABILITY.md is filled from them.
"""

import fcntl
import json
import os
import pathlib
import random
import time

import pytest

LONG = os.environ.get("TOCSIN_LONG") == "1"


class Campaign:
    """One campaign at work: sizes, dice, figures."""

    def __init__(self, name):
        self.name = name
        self.seed = int(os.environ.get("TOCSIN_SEED") or random.SystemRandom().randrange(1 << 32))
        self.dice = random.Random(self.seed)
        self.figures = {}
        self.began = time.monotonic()
        print(f"{name}: TOCSIN_SEED={self.seed}", flush=True)

    @staticmethod
    def size(gate, full):
        """How many: at the gate, and in make check-long."""
        return full if LONG else gate

    def record(self, **figures):
        """Figures of this campaign, such as kills=200, lost=0: the last word of each name counts."""
        self.figures.update(figures)
        print(f"{self.name}: " + ", ".join(f"{k} {v}" for k, v in figures.items()), flush=True)

    def value(self, passed):
        """What the report gets to know."""
        return {"campaign": self.name, "seed": self.seed, "full_size": LONG, "passed": passed,
                "seconds": round(time.monotonic() - self.began), "figures": self.figures}

    def save(self, passed):
        """Leaves the figures for the report."""
        place = os.environ.get("TOCSIN_FIGURES")
        if not place or not self.figures:
            return
        path = pathlib.Path(place)
        path.mkdir(parents=True, exist_ok=True)
        (path / f"{self.name}.json").write_text(json.dumps(self.value(passed), indent=1) + "\n")

    def add(self, passed, **figures):
        """Adds the figures of one story to those of others of the same campaign, which may be
        told at the same time by other processes."""
        place = os.environ.get("TOCSIN_FIGURES")
        if not place:
            return
        pathlib.Path(place).mkdir(parents=True, exist_ok=True)
        with open(pathlib.Path(place, f"{self.name}.json"), "a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            text = file.read()
            before = json.loads(text) if text else {"passed": True, "figures": {}, "seconds": 0}
            self.figures = {name: before["figures"].get(name, 0) + figures.get(name, 0)
                            for name in sorted({*before["figures"], *figures})}
            value = self.value(passed and before["passed"])
            value["seconds"] += before["seconds"]
            file.truncate(0)
            file.write(json.dumps(value, indent=1) + "\n")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Lets the fixture see whether its story held."""
    outcome = yield
    if call.when == "call":
        item.held = outcome.get_result().passed


@pytest.fixture
def joint_campaign():
    """A campaign by its name, for several stories that `add` to its figures."""
    return Campaign


@pytest.fixture
def campaign(request):
    """This story's campaign; its name is the story's, without the test_ before it."""
    made = Campaign(request.node.name.removeprefix("test_"))
    yield made
    made.save(getattr(request.node, "held", False))
