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
ALERT = NUMBERS + """
INSERT INTO alert (number, id, source, mark, generation, fingerprint, severity, status, received_ms,
                   tell, told, pending, delivered, dead, suppressed, settled_ms)
SELECT i, printf('%032x', i), 1, NULL, 0, printf('%016x', i), 3, 3, :now + i / 100, 0, 0,
       :waits, NOT :waits, 0, 0, iif(:waits, NULL, :now + i / 100) FROM n"""
BODIES = NUMBERS + f" INSERT INTO body (alert, json) SELECT i, {BODY} FROM n"
DELIVERY = NUMBERS + """
INSERT INTO delivery (id, alert, source, channel, route, state, attempt, token, crashes, created_ms,
                      due_ms, lease_until_ms, recipient, key, reason)
SELECT i, i, 1, 2, 3, 0, 0, 0, 0, :now + i / 100, :now + i / 100, 0, '', printf('%032x', i), ''
FROM n"""
HISTORY = NUMBERS + """
INSERT INTO history (id, alert, source, channel, route, state, attempt, token, created_ms, done_ms,
                     recipient, key, reason)
SELECT i, i, 1, 2, 3, 2, 1, 1, :now + i / 100, :now + i / 100, '', printf('%032x', i), '200'
FROM n"""
ATTEMPT = NUMBERS + """
INSERT INTO attempt (delivery, token, number, state, due_ms, started_ms, ended_ms, detail)
SELECT i, 1, 1, 2, :now + i / 100, :now + i / 100, :now + i / 100, '200' FROM n"""


def _store(lab, amount, waits, tables):
    path = lab.empty_store()
    # In the past, so that all of it is due; an hour, so that nothing is old enough to be pruned.
    values = {"amount": amount, "waits": waits, "now": int(time.time() * 1000) - 3600 * 1000}
    with sqlite3.connect(path, isolation_level=None) as database:
        database.execute("PRAGMA synchronous = OFF")
        database.execute("BEGIN")
        database.executemany("INSERT INTO name (id, text) VALUES (?, ?)", NAMES)
        for table in tables:
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
    return _store(lab, amount, True, (ALERT, BODIES, DELIVERY))


def history(lab, amount):
    """A store of which that many were delivered."""
    return _store(lab, amount, False, (ALERT, BODIES, HISTORY, ATTEMPT))
