# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL server with the table of alerts, for the rows that read and mail it."""

import contextlib
import pathlib

from lab import Missing

try:
    from lib.postgres import Postgres, binary
except ImportError:
    Postgres = None

SQL = pathlib.Path(__file__).resolve().parents[2] / "plugins/sources/postgres/alerts.sql"


@contextlib.contextmanager
def server():
    """A cluster made for this, with fsync as anybody has it."""
    if Postgres is None:
        raise Missing("python3-psycopg2 is not installed")
    if not binary("initdb"):
        raise Missing("PostgreSQL is not installed; it is in the Debian package postgresql")
    cluster = Postgres(fsync=True)
    try:
        yield cluster
    finally:
        cluster.remove()


@contextlib.contextmanager
def alerts(cluster):
    """A database with an empty table of alerts."""
    made = cluster.database()
    made.sql(SQL.read_text())
    try:
        yield made
    finally:
        made.close()


def insert(database, first, n):
    """n pending rows in one commit; each message carries its number for the sink."""
    database.sql("INSERT INTO alerts (site_url, severity, message, triggered_at)"
                 " SELECT 'www.example.com', 'critical',"
                 " 'bench-' || lpad(n::text, 9, '0') || ': the shop does not answer',"
                 " now() + make_interval(secs => n * 1e-6)"
                 " FROM generate_series(%s, %s) AS n", first, first + n - 1)


def pending(database):
    """Rows that are not marked."""
    return database.one("SELECT count(*) FROM alerts WHERE email_sent IS NOT TRUE")


def again(database):
    """All rows are pending once more, on a table without leftovers."""
    database.sql("UPDATE alerts SET email_sent = false")
    database.sql("VACUUM FULL ANALYZE alerts")


def sections(database, port, workers=1):
    """The configuration that mails the table."""
    return {"sources": {"rows": {"type": "postgres", "connection": database.conninfo}},
            "channels": {"mail": {"type": "smtp", "host": "127.0.0.1", "port": port, "tls": "none",
                                  "from": "alerts@example.com", "to": ["ops@example.com"],
                                  "workers": workers, "max_per_connection": 100000}}}
