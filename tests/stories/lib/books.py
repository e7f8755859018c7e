# SPDX-License-Identifier: Apache-2.0
"""The conservation equation: accepted = delivered + dead + suppressed + pending."""

import contextlib
import pathlib
import shutil
import sqlite3
import tempfile

SETTLED = ("delivered", "dead", "suppressed", "pending")

# The same figures counted from the rows, unless history is pruned while the story is told.
ROWS = {"pending": "SELECT count(*) FROM delivery WHERE state = 0",
        "delivered": "SELECT count(*) FROM delivery WHERE state = 2",
        "dead": "SELECT count(*) FROM delivery WHERE state = 3",
        "suppressed": "SELECT count(*) FROM delivery WHERE state = 4"}


def balanced(counters, where):
    """Fails when something was lost or made up; returns the counters."""
    right = sum(counters[name] for name in SETTLED)
    assert counters["accepted"] == right, f"the books of {where} do not balance: {counters}"
    assert all(value >= 0 for value in counters.values()), f"{where}: {counters}"
    return counters


@contextlib.contextmanager
def copy_of(store):
    """A connection to a copy of the SQLite file and its WAL: the daemon may be dead, and a
    look at the original would recover its WAL."""
    store = pathlib.Path(store)
    with tempfile.TemporaryDirectory(prefix="stories-books-") as directory:
        copy = pathlib.Path(directory, "store.db")
        for suffix in ("", "-wal"):
            original = store.with_name(store.name + suffix)
            if original.exists():
                shutil.copyfile(original, str(copy) + suffix)
        connection = sqlite3.connect(copy)
        try:
            yield connection
        finally:
            connection.close()


def counters_of(store, pruned=False):
    """The counters of a store that nobody has open, which must agree with its rows. pruned: rows of
    what was settled may be gone."""
    with copy_of(store) as connection:
        verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
        assert verdict == "ok", f"{store}: {verdict}"
        # A counter that never moved has no row.
        counters = dict.fromkeys(("accepted", *SETTLED), 0)
        counters.update(connection.execute("SELECT name, value FROM counter"))
        for name, query in ROWS.items():
            rows = connection.execute(query).fetchone()[0]
            fits = rows == counters[name] or pruned and name != "pending" and rows < counters[name]
            assert fits, f"{store}: {rows} rows are {name}: {counters}"
        return counters
