# SPDX-License-Identifier: Apache-2.0
"""Fragments of configuration that many stories use."""

from .canary import canary

QUICK = {"first": "100ms", "max": "500ms", "give_up_after": "1h"}


def smtp_channel(server, **more):
    """A channel to the stand-in mail server; it retries quickly."""
    channel = {"type": "smtp", "host": server.host, "port": server.port, "tls": server.tls,
               "from": "Alerts <alerts@example.com>", "retry": dict(QUICK),
               "server_timeout": "5s"}
    if "to" not in more:
        channel["to"] = ["ops@example.com"]
    return {**channel, **more}


def slack_channel(server, **more):
    """A channel to the stand-in webhook; unpaced unless the story says."""
    return {"type": "slack", "url": server.webhook, "retry": dict(QUICK), "timeout": "5s",
            "rate": "unlimited", **more}


def discord_channel(server, **more):
    """A channel to the stand-in of Discord; unpaced unless the story says."""
    return {"type": "discord", "url": server.webhook, "retry": dict(QUICK), "timeout": "5s",
            "rate": "unlimited", **more}


def teams_channel(server, **more):
    """A channel to the stand-in of a workflow of Teams; unpaced unless the story says."""
    return {"type": "teams", "url": server.webhook, "retry": dict(QUICK), "timeout": "5s",
            "rate": "unlimited", **more}


def slack_bot(server, **more):
    """A channel to the stand-in of Slack's API; unpaced unless the story says."""
    return {"type": "slack", "token": server.bearer, "api_url": server.api, "channel": "#ops",
            "retry": dict(QUICK), "timeout": "5s", "rate": "unlimited", **more}


def file_channel(path, form="json", **more):
    """A channel to a file."""
    return {"type": "file", "path": str(path), "format": form, **more}


def postgres_source(database, **more):
    """System 1 as shipped: every name is the preset."""
    # The server trusts anybody, so that the password is nothing but a secret.
    return {"type": "postgres", "password": canary("postgres"),
            "connection": f"{database.conninfo} password={canary('conninfo')}", **more}


def dispatcher(tocsin, database, server, source=None, **channel):
    """The configuration that replaces the script of System 1. Who gets the mail is in the table,
    unless the story says `to`."""
    mail = smtp_channel(server, **{"to": None, **channel})
    if mail["to"] is None:
        del mail["to"]
    return tocsin.configure(channels={"mail": mail}, log={"level": "info"},
                            sources={"alerts": postgres_source(database, **(source or {}))},
                            default={"channels": ["mail"]})
