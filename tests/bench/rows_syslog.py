# SPDX-License-Identifier: Apache-2.0
"""Durable delivery as syslog messages on one TCP connection, from the first alert posted to the last
one at the sink."""

import peers
from lab import Daemon, Figure, Sink, running
from table import compare


def deliver(lab, alerts):
    """tocsin with the syslog channel."""
    with running(Sink(lab, kind="syslog_sink", most=alerts)) as sink:
        channel = {"type": "syslog", "to": f"tcp:127.0.0.1:{sink.port}", "rate": "unlimited"}
        with running(Daemon(lab, channels={"logs": channel})) as daemon:
            before = daemon.cpu()
            said = lab.load(daemon.socket, alerts=alerts)
            sink.wait(alerts)
            seconds = (sink.notes.last_ns - said["began_ns"]) / 1e9
            daemon.wait_settled(alerts)
            return Figure.of(alerts, seconds, daemon.cpu() - before, daemon.memory())


def rows(lab):
    """Beside a loop that writes from memory, and a relay with a disk buffer."""
    for scale in lab.scales:
        alerts = lab.size(20000) * scale
        ours, loop, relay = lab.interleave(
            lambda: deliver(lab, alerts), lambda: peers.syslog_loop(lab, alerts),
            lambda: peers.syslog_relay(lab, alerts), rounds=lab.rounds if scale == 1 else 1)
        what = "syslog, one TCP connection"
        yield compare(what, alerts, ours, "bare write loop", loop, rate=15000)
        yield compare(what, alerts, ours, "syslog-ng relay, disk", relay)
