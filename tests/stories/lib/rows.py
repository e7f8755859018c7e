# SPDX-License-Identifier: Apache-2.0
"""The pipeline of System 1: inserts rows into `alerts` and looks at them later."""

SITE = "www.example.com"


def add_recipients(database, site=SITE, *emails):
    """Who is told of a site."""
    for email in emails or ("ops@example.com",):
        database.sql("INSERT INTO alert_recipients (site_url, email) VALUES (%s, %s)", site, email)


def add_rows(database, n, site=SITE, severity="critical", text="number"):
    """n pending rows, a second apart, oldest first; their ids in that order."""
    return [row[0] for row in database.sql(
        "INSERT INTO alerts (site_url, severity, message, triggered_at)"
        " SELECT %s, %s, %s || ' ' || n, now() - make_interval(secs => %s - n)"
        " FROM generate_series(1, %s) AS n RETURNING id::text", site, severity, text, n, n)]


def pending(database):
    """How many rows are still to be sent."""
    return database.one("SELECT count(*) FROM alerts WHERE NOT email_sent")


def sent(database):
    """The ids of the rows that are marked as sent."""
    return {row[0] for row in database.sql("SELECT id::text FROM alerts WHERE email_sent")}
