# SPDX-License-Identifier: Apache-2.0
"""The table that the bench prints: a row a line, each beside its yardstick."""

import dataclasses
import time

from lab import Figure, Missing

COLUMNS = "{:34} {:>10} {:>11} {:>26} {:>11} {:>7} {:>15} {:>13}  {}"


@dataclasses.dataclass
class Wanted:
    """A goal, what there is instead, and whether it is met."""
    words: str
    got: str
    met: bool


@dataclasses.dataclass
class Row:
    """One line of the table."""
    what: str
    size: str
    figure: str
    peer: str = ""
    peer_figure: str = ""
    ratio: str = ""
    cpu: str = ""
    peak: str = ""
    wanted: list = dataclasses.field(default_factory=list)


def number(value):
    """With its thousands apart; small ones with a digit after the point."""
    return f"{value:,.0f}" if value >= 100 else f"{float(f'{value:.3g}'):g}"


def at_least(value, least, unit):
    """A goal that is met from there on."""
    return Wanted(f">={number(least)}{unit}", f"{number(value)}{unit}", value >= least)


def at_most(value, most, unit):
    """A goal that is met up to there."""
    return Wanted(f"<={number(most)}{unit}", f"{number(value)}{unit}", value <= most)


def _seconds(figure):
    return "-" if figure is None or figure.cpu is None else f"{figure.cpu:.2f}"


def compare(what, size, ours, peer, theirs, *, rate=None, ratio=None, peak=None, unit="/s"):
    """A row of two rates, with the goals that are given; theirs may be Missing or None."""
    gone = theirs is None or isinstance(theirs, Missing)
    row = Row(what, number(size), number(ours.rate) + unit, peer)
    wanted = row.wanted
    if not gone:
        row.peer_figure = number(theirs.rate) + unit
        row.ratio = f"{ours.rate / theirs.rate:.2f}x"
    elif theirs is not None:
        row.peer_figure = "missing"
    if ours.cpu is not None:
        row.cpu = f"{_seconds(ours)} / {_seconds(None if gone else theirs)}"
    if ours.peak is not None:
        row.peak = f"{ours.peak:.1f}"
        if not gone and theirs.peak is not None:
            row.peak += f" / {theirs.peak:.0f}"
    if rate:
        wanted.append(at_least(ours.rate, rate, unit))
    if ratio and not gone:
        wanted.append(at_least(ours.rate / theirs.rate, ratio, "x"))
    if peak:
        wanted.append(at_most(ours.peak, peak, " MiB"))
    return row


class Table:
    """Prints rows as they come, and what they came to. In miniature (smoke) nothing is judged."""

    def __init__(self, smoke):
        self.smoke = smoke
        self.rows = []
        self.notes = []
        self.began = time.monotonic()

    def head(self, machine):
        """The first lines."""
        print(machine)
        print(COLUMNS.format("what", "size", "tocsin", "beside", "it has", "ratio",
                             "CPU s/10,000", "peak MiB", "wanted"), flush=True)

    def add(self, row):
        """One line."""
        if self.smoke:
            row.wanted = []
        wanted = "  ".join(f"{each.words} {'ok' if each.met else 'NO'}" for each in row.wanted)
        print(COLUMNS.format(row.what, row.size, row.figure, row.peer, row.peer_figure, row.ratio,
                             row.cpu, row.peak, wanted).rstrip(), flush=True)
        self.rows.append(row)

    def note(self, text):
        """A sentence below the table, once."""
        if text not in self.notes:
            self.notes.append(text)

    def foot(self):
        """What was missing, and which goals were missed."""
        goals = [(row, goal) for row in self.rows for goal in row.wanted]
        missed = [(row, goal) for row, goal in goals if not goal.met]
        met = ("in miniature, so the figures mean nothing" if self.smoke else
               f"{len(goals) - len(missed)} of {len(goals)} goals met")
        print(f"\n{len(self.rows)} rows in {time.monotonic() - self.began:.0f} s: {met}")
        for row, goal in missed:
            print(f"missed: {row.what} ({row.size}): {goal.words} wanted, it is {goal.got}"
                  + (f" beside {row.peer}" if row.peer else ""))
        for text in self.notes:
            print(f"note: {text}")


__all__ = ["Figure", "Row", "Table", "at_least", "at_most", "compare", "number"]
