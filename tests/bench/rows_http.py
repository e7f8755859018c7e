# SPDX-License-Identifier: Apache-2.0
"""Durable delivery over HTTP, 64 requests under way, from the first alert posted to the last one at
the sink; and the memory when the sink hangs."""

import peers
from lab import Daemon, Figure, Sink, evaluated_hook, hook, least_hook, running, templated_hook
from table import compare


def slack(url):
    """The real channel without the pace of the real service."""
    return {"type": "slack", "url": url, "rate": "unlimited", "concurrency": 64, "timeout": "10m"}


def deliver(lab, channel, alerts):
    """tocsin with one channel; channel is a function of the URL."""
    with running(Sink(lab, most=alerts)) as sink:
        with running(Daemon(lab, channels={"out": channel(sink.url)})) as daemon:
            before = daemon.cpu()
            said = lab.load(daemon.socket, alerts=alerts)
            sink.wait(alerts)
            seconds = (sink.notes.last_ns - said["began_ns"]) / 1e9
            daemon.wait_settled(alerts)
            return Figure.of(alerts, seconds, daemon.cpu() - before, daemon.memory())


def wait_and_deliver(lab, alerts):
    """All of them wait for a sink that hangs, and go out when it is back: the rate from then."""
    with running(Sink(lab, most=alerts)) as sink:
        with running(Daemon(lab, channels={"hook": hook(sink.url)})) as daemon:
            sink.pause()
            lab.load(daemon.socket, alerts=alerts)
            before = daemon.cpu()
            sink.resume()
            sink.wait(alerts)
            seconds = (sink.notes.last_ns - sink.notes.first_ns) / 1e9
            daemon.wait_settled(alerts)
            return Figure.of(alerts, seconds, daemon.cpu() - before, daemon.memory())


def rows(lab):
    """A webhook beside each peer, Slack beside Slack, and the memory of a queue."""
    for scale in lab.scales:
        rounds = lab.rounds if scale == 1 else 1
        alerts = lab.size(20000) * scale
        ours, core, curl, manager, ng = lab.interleave(
            lambda: deliver(lab, hook, alerts), lambda: deliver(lab, least_hook, alerts),
            lambda: peers.curl_loop(lab, alerts),
            lambda: peers.alertmanager(lab, "webhook", alerts),
            lambda: peers.syslog_ng(lab, alerts), rounds=rounds)
        what = "webhook, default body, 64 under way"
        yield compare(what, alerts, ours, "core, least channel", core, ratio=1)
        yield compare(what, alerts, ours, "bare curl-multi loop", curl, rate=12000, ratio=0.4)
        yield compare(what, alerts, ours, "Alertmanager webhook", manager, ratio=2)
        yield compare(what, alerts, ours, "syslog-ng, 8 workers, disk", ng, ratio=0.6)
        templated, evaluated, plain = lab.interleave(
            lambda: deliver(lab, templated_hook, alerts),
            lambda: deliver(lab, evaluated_hook, alerts), lambda: deliver(lab, hook, alerts),
            rounds=rounds)
        yield compare("webhook, templated, 64 under way", alerts, templated,
                      "webhook, default body", plain, ratio=0.5)
        yield compare("webhook, templated, by jq", alerts, evaluated,
                      "webhook, default body", plain)
        alerts = lab.size(5000) * scale
        ours, manager = lab.interleave(
            lambda: deliver(lab, slack, alerts),
            lambda: peers.alertmanager(lab, "slack", alerts), rounds=rounds)
        yield compare("Slack, 64 under way", alerts, ours, "Alertmanager Slack", manager, ratio=5)
        alerts = lab.size(50000) * scale
        yield compare("webhook, all waited for the sink", alerts, wait_and_deliver(lab, alerts),
                      "", None, peak=64)
