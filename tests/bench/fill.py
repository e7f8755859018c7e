# SPDX-License-Identifier: Apache-2.0
"""Stores with very many rows, written by SQL into a file that tocsind has just made."""

import sqlite3
import time

NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :amount)"
NAMES = [(1, "api"), (2, "hook"), (3, "default")]
# The texts of an alert of the load (load.c), as the store keeps them.
BODY = """json_object('id', printf('%032x', i), 'source', 'api', 'fingerprint', printf('%016x', i),
  'status', 'event', 'severity', 'warning', 'starts_at', '2026-01-01T00:00:00.000Z', 'labels',
  json_object('alertname', 'DiskFull', 'site', printf('bench-%09d.example.com', i - 1),
              'team', 'shop'),
  'annotations', json_object('summary', printf('The disk of bench-%09d.example.com is 85 %% full',
                                               i - 1)), 'recipients', json_array())"""
ALERT = NUMBERS + f"""
INSERT INTO alert (number, id, source, mark, generation, fingerprint, severity, status, received_ms,
                   created_ms, json)
SELECT i, printf('%032x', i), 1, NULL, 0, printf('%016x', i), 3, 3, :now + i / 100, :now + i / 100,
       {BODY} FROM n"""
DELIVERY = NUMBERS + """
INSERT INTO delivery (id, alert, source, channel, route, state, attempt, token, crashes, created_ms,
                      due_ms, started_ms, done_ms, recipient, key, reason)
SELECT i, i, 1, 2, 3, iif(:waits, 0, 2), NOT :waits, NOT :waits, 0, :now + i / 100,
       :now + i / 100, iif(:waits, 0, :now + i / 100), iif(:waits, 0, :now + i / 100), '',
       printf('%032x', i), iif(:waits, '', 'HTTP 200') FROM n"""


def _store(lab, amount, waits):
    path = lab.empty_store()
    # In the past, so that all of it is due; an hour, so that nothing is old enough to be pruned.
    values = {"amount": amount, "waits": waits, "now": int(time.time() * 1000) - 3600 * 1000}
    with sqlite3.connect(path, isolation_level=None) as database:
        database.execute("PRAGMA synchronous = OFF")
        database.execute("BEGIN")
        database.executemany("INSERT INTO name (id, text) VALUES (?, ?)", NAMES)
        for table in (ALERT, DELIVERY):
            database.execute(table, {name: value for name, value in values.items()
                                     if ":" + name in table})
        counters = {"accepted": amount, "alerts": amount, "last_alert": amount,
                    "last_delivery": amount, "pending" if waits else "delivered": amount}
        database.executemany("INSERT OR REPLACE INTO counter (name, value) VALUES (?, ?)",
                             counters.items())
        database.execute("COMMIT")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path


def pending(lab, amount):
    """A store in which that many deliveries of the channel `hook` wait."""
    return _store(lab, amount, True)


def history(lab, amount):
    """A store of which that many were delivered."""
    return _store(lab, amount, False)
