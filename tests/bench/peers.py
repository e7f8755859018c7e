# SPDX-License-Identifier: Apache-2.0
"""The programs that tocsin stands beside: each set up as its manual says for this work."""

import json
import os
import socket
import sys
import threading
import time

from lab import BODY, CLIENTS, Figure, Process, Sink, free_port, program, running, wait_until


def bare_sqlite(lab, empty, alerts, batch, size):
    """SQLite alone: the same rows into the same tables, so many alerts a commit."""
    path = lab.new_path("bare")
    path.write_bytes(empty.read_bytes())
    said = lab.run(lab.tool("bare_sqlite"), "--alerts", alerts, "--batch", batch, "--size", size,
                   path)
    for each in path.parent.glob(path.name + "*"):
        each.unlink()
    return Figure.of(said["alerts"], said["seconds"], said["cpu"])


def curl_loop(lab, requests):
    """libcurl alone, from memory."""
    with running(Sink(lab)) as sink:
        said = lab.run(lab.tool("curl_loop"), "--requests", requests, "--size", BODY, sink.url)
        sink.wait(requests)
    return Figure.of(requests, said["seconds"], said["cpu"])


# Alertmanager: every alert a group of its own, sent at once. Each group stays in memory, 20 KiB and
# more, so it is never given more than that many.
MOST_GROUPS = 20000
ALERTMANAGER = """\
route: {{receiver: out, group_by: ['...'], group_wait: 0s, group_interval: 1h,
         repeat_interval: 12h}}
receivers:
- name: out
  {receiver}
"""
RECEIVERS = {
    "webhook": "webhook_configs: [{{url: '{url}', send_resolved: false}}]",
    "slack": "slack_configs: [{{api_url: '{url}', channel: '#alerts', send_resolved: false}}]",
}


def alertmanager(lab, receiver, alerts):
    """From the first alert posted to the last one at the sink."""
    path = program("prometheus-alertmanager", "prometheus-alertmanager")
    place, port, alerts = lab.new_path("alertmanager"), free_port(), min(alerts, MOST_GROUPS)
    place.mkdir()
    with running(Sink(lab, most=alerts)) as sink:
        text = ALERTMANAGER.format(receiver=RECEIVERS[receiver].format(url=sink.url))
        (place / "config.yml").write_text(text)
        manager = Process(path, f"--config.file={place}/config.yml", f"--storage.path={place}",
                          f"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
                          "--cluster.listen-address=", log=place / "log", cwd=place)
        with running(manager):
            wait_for_port(port)
            before = manager.cpu()
            said = lab.load(port, "--alertmanager", alerts=alerts)
            sink.wait(alerts)
            seconds = (sink.notes.last_ns - said["began_ns"]) / 1e9
            return Figure.of(alerts, seconds, manager.cpu() - before, manager.memory())


SYSLOG_NG = """\
@version: 3.38
options {{ stats-freq(0); keep-hostname(yes); use-dns(no); log-fifo-size(100000); }};
source s {{ network(ip("127.0.0.1") port({port}) transport("tcp") flags(no-parse)
  max-connections(20) log-iw-size(20000) log-fetch-limit(1000)); }};
destination d {{ http(url("{url}") method("POST") headers("Content-Type: application/json")
  body("$MSG") workers(8) timeout(60)
  disk-buffer(reliable(yes) disk-buf-size(4294967296) mem-buf-size(67108864) dir("{place}"))); }};
log {{ source(s); destination(d); flags(flow-control); }};
"""


def syslog_ng(lab, alerts):
    """From the first line written to the last one at the sink, through its disk buffer."""
    path = program("syslog-ng", "syslog-ng-core")
    place, port = lab.new_path("syslog"), free_port()
    place.mkdir()
    with running(Sink(lab, most=alerts)) as sink:
        (place / "conf").write_text(SYSLOG_NG.format(port=port, url=sink.url, place=place))
        ng = Process(path, "-F", "-f", place / "conf", "-R", place / "persist", "-c",
                     place / "control", "-p", place / "pid", "--no-caps", log=place / "log")
        with running(ng):
            wait_for_port(port, ng)
            lines = [b'{"id":"bench-%09d","text":"%s"}\n' % (n, b"x" * (BODY - 34))
                     for n in range(alerts)]
            before, began = ng.cpu(), time.monotonic_ns()
            with socket.create_connection(("127.0.0.1", port)) as sock:
                for start in range(0, alerts, 1000):
                    sock.sendall(b"".join(lines[start:start + 1000]))
                sink.wait(alerts)
            seconds = (sink.notes.last_ns - began) / 1e9
            return Figure.of(alerts, seconds, ng.cpu() - before, ng.memory())


SYSLOG_BODY = 450       # bytes of the message that the syslog channel makes of an alert of the load
SYSLOG_RELAY = """\
@version: 3.38
options {{ stats-freq(0); keep-hostname(yes); use-dns(no); log-fifo-size(100000); }};
source s {{ syslog(ip("127.0.0.1") port({port}) transport("tcp") max-connections(20)
  log-iw-size(20000) log-fetch-limit(1000)); }};
destination d {{ syslog("127.0.0.1" port({to}) transport("tcp")
  disk-buffer(reliable(yes) disk-buf-size(4294967296) mem-buf-size(67108864) dir("{place}"))); }};
log {{ source(s); destination(d); flags(flow-control); }};
"""


def syslog_loop(lab, messages):
    """A connection and writes from memory."""
    with running(Sink(lab, kind="syslog_sink", most=messages)) as sink:
        said = lab.run(lab.tool("syslog_loop"), messages, SYSLOG_BODY, sink.port)
        sink.wait(messages)
        seconds = (sink.notes.last_ns - said["began_ns"]) / 1e9
    return Figure.of(messages, seconds, said["cpu"])


def syslog_relay(lab, messages):
    """syslog-ng between such a loop and the sink, through its disk buffer."""
    path = program("syslog-ng", "syslog-ng-core")
    place, port = lab.new_path("relay"), free_port()
    place.mkdir()
    with running(Sink(lab, kind="syslog_sink", most=messages)) as sink:
        (place / "conf").write_text(SYSLOG_RELAY.format(port=port, to=sink.port, place=place))
        ng = Process(path, "-F", "-f", place / "conf", "-R", place / "persist", "-c",
                     place / "control", "-p", place / "pid", "--no-caps", log=place / "log")
        with running(ng):
            wait_for_port(port, ng)
            before = ng.cpu()
            said = lab.run(lab.tool("syslog_loop"), messages, SYSLOG_BODY, port)
            sink.wait(messages)
            seconds = (sink.notes.last_ns - said["began_ns"]) / 1e9
            return Figure.of(messages, seconds, ng.cpu() - before, ng.memory())


def wait_for_port(port, process=None):
    """Waits until somebody listens there."""
    def listens():
        if process and process.it.poll() is not None:
            raise RuntimeError(f"a peer ended: {process.words()}")
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", port)) == 0
    wait_until(listens, 30, f"a server on port {port}")


class PostfixSink(Process):
    """smtp-sink of Postfix."""

    def __init__(self, lab):
        self.port = free_port()
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        super().__init__(program("smtp-sink", "postfix"), *user, "-c",
                         f"127.0.0.1:{self.port}", 200, log=lab.new_path("sink-log"))
        wait_for_port(self.port, self)


def spent(command, **options):
    """Runs a command to its end: (status, seconds, CPU seconds, MiB at most)."""
    began = time.monotonic()
    peak = []
    with running(Process(*command, **options)) as child:
        watch = threading.Thread(target=sample, args=(child, peak), daemon=True)
        watch.start()
        _, status, usage = os.wait4(child.it.pid, 0)
        seconds = time.monotonic() - began
        child.it.returncode = os.waitstatus_to_exitcode(status)
    watch.join()
    return (child.it.returncode, seconds, usage.ru_utime + usage.ru_stime, max(peak, default=None))


def sample(process, peak):
    """Notes its memory until it has ended; ru_maxrss would be that of Python, which forked it."""
    while process.it.returncode is None:
        try:
            peak.append(process.memory())
        except (OSError, RuntimeError):
            return
        time.sleep(0.02)


def smtp_source(lab, sink, mails, sessions, size):
    """smtp-source of Postfix: mails that cost it nothing to make, over kept connections."""
    status, seconds, cpu, peak = spent(
        [program("smtp-source", "postfix"), "-d", "-s", sessions, "-m", mails, "-l", size,
         f"127.0.0.1:{sink.port}"])
    if status:
        raise RuntimeError(f"smtp-source ended with {status}")
    return Figure.of(mails, seconds, cpu, peak)


def python_dispatcher(lab, database, sink, workers, size):
    """The script that teams write: psycopg2 and smtplib, a commit a row; some seconds of it."""
    wish = {"database": database.conninfo, "port": sink.port, "workers": workers, "size": size,
            "seconds": 10}
    said = lab.new_path("said")
    with open(said, "wb") as out:
        status, seconds, cpu, peak = spent(
            [sys.executable, lab.source / "dispatcher.py", json.dumps(wish)], stdout=out)
    if status:
        raise RuntimeError(f"the dispatcher in Python ended with {status}")
    return Figure.of(int(said.read_text()), seconds, cpu, peak)


__all__ = ["CLIENTS", "PostfixSink", "alertmanager", "bare_sqlite", "curl_loop",
           "python_dispatcher", "smtp_source", "spent", "syslog_loop", "syslog_ng", "syslog_relay"]
