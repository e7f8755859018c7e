# SPDX-License-Identifier: Apache-2.0
"""The programs under test: configure, start, feed, kill, and check the books of, one tocsind."""

import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import time

import yaml

from . import books, canary
from .client import Client, Refused, Unreachable
from .pace import SLOW

STOPPED = 20    # seconds: no look at something takes longer, except of who is stopped

# What stands before every program of tocsin, such as tests/valgrind.
WRAPPER = shlex.split(os.environ.get("TOCSIN_WRAPPER", ""))

REPORTS = re.compile(r"(AddressSanitizer|ThreadSanitizer|UndefinedBehavior|runtime error:"
                     r"|LeakSanitizer|Assertion .* failed|stack smashing|double free"
                     r"|free\(\): invalid)")


class Stage:
    """Where `make install` put the programs."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.tocsind = self.path / "sbin" / "tocsind"
        self.tocsin = self.path / "bin" / "tocsin"
        self.include = self.path / "include"
        self.sql = self.path / "share" / "tocsin" / "sql" / "alerts.sql"
        found = sorted(self.path.glob("lib*/**/tocsin/plugins"))
        self.plugins = found[0] if found else self.path / "lib" / "tocsin" / "plugins"
        pc = sorted(self.path.glob("**/pkgconfig/tocsin.pc"))
        self.pkgconfig = pc[0].parent if pc else None

    def has(self, plugin):
        """Was the build made with this plugin?"""
        return (self.plugins / f"{plugin}.so").exists()


class _Dumper(yaml.SafeDumper):
    """Aliases are refused by tocsin; lists that occur twice are written twice."""

    def ignore_aliases(self, data):
        return True


class Run:
    """What a program said, and its exit status."""

    def __init__(self, status, stdout, stderr):
        self.status = status
        self.stdout = stdout
        self.stderr = stderr

    @property
    def lines(self):
        """Standard output, line by line."""
        return self.stdout.splitlines()

    @property
    def json(self):
        """Standard output as one JSON document."""
        return json.loads(self.stdout)

    def __repr__(self):
        return f"status {self.status}\nstdout:\n{self.stdout}\nstderr:\n{self.stderr}"


class Background(subprocess.Popen):
    """A program whose output is searched for secrets when it ends."""

    def communicate(self, input=None, timeout=None):
        said, errors = super().communicate(input, timeout)
        canary.refuse("outputs", said or "", f"the output of {self.args}")
        return said, errors


def wait_until(predicate, timeout=15, what="it"):
    """Waits until predicate() is true and returns what it returned. what: a text, or a function
    that makes one when it did not come true. Time in which we and the daemon were stopped, or the
    machine slept, is not time waited."""
    left, before = timeout * SLOW, time.monotonic()
    while True:
        value = predicate()
        if value:
            return value
        now = time.monotonic()
        left -= min(now - before, STOPPED)
        before = now
        if left < 0:
            what = what() if callable(what) else what
            raise AssertionError(f"{what} did not come true within {timeout * SLOW:g} s")
        time.sleep(0.02)


class Tocsin:
    """One daemon with its own directory: conf.d, store, socket, log."""

    def __init__(self, stage, directory, plugins=None):
        self.stage = stage
        self.directory = pathlib.Path(directory)
        self.plugins = plugins               # more plugin directories
        self.conf = self.directory / "conf.d"
        self.store = self.directory / "tocsin.db"
        self.socket = self.directory / "tocsin.sock"
        self.spool = self.directory / "spool"
        self.conf.mkdir(parents=True, exist_ok=True)
        self.process = None
        self.environment = {}
        self.starts = 0
        self.output = []                     # paths of the logs of every start
        self.killed = False                  # the last end was SIGKILL
        self.prunes = False                  # this story's history is short: rows go
        self._client = None

    # configuration

    def write(self, name, content):
        """A file of conf.d: text, or a value to be written as YAML."""
        if not isinstance(content, str):
            content = yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=1000)
        path = self.conf / name
        path.write_text(content, encoding="utf-8")
        return path

    def configure(self, **sections):
        """The usual configuration: store and socket here, everything logged, no alerts about dead
        deliveries, and the sections; None takes one out."""
        base = {"store": {"type": "sqlite", "path": str(self.store)},
                "api": {"socket": str(self.socket), "mode": "0600", "spool": str(self.spool)},
                "log": {"level": "debug"}, "dead_alerts": {"enabled": False}}
        for name, value in sections.items():
            base[name] = value
        if "default" not in base and base.get("channels"):
            base["default"] = {"channels": [next(iter(base["channels"]))]}
        self.write("10-story.yaml", {name: v for name, v in base.items() if v is not None})
        return self

    # the daemon

    def arguments(self, *more):
        """The command line of tocsind."""
        line = [*WRAPPER, str(self.stage.tocsind), "--config", str(self.conf)]
        for directory in self.plugins or ():
            line += ["--plugins", str(directory)]
        return line + [str(each) for each in more]

    def env(self):
        """The environment of every program: plain, in English, in UTC."""
        return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8",
                "TZ": "UTC", "HOME": str(self.directory),
                **{name: value for name, value in os.environ.items()
                   if name.endswith("SAN_OPTIONS")
                   or name.startswith(("LSAN", "VALGRIND", "TOCSIN_PAUSES"))},
                **self.environment}

    def start(self, wait=True, wrapper=()):
        """Starts tocsind and waits until it answers."""
        assert self.process is None, "it runs already"
        self.starts += 1
        path = self.directory / f"tocsind.{self.starts}.log"
        self.output.append(path)
        with open(path, "wb") as log:
            self.process = subprocess.Popen(list(wrapper) + self.arguments(), stdout=log,
                                            stderr=subprocess.STDOUT, env=self.env(), cwd="/")
        self.killed = False
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=20):
        """Waits for health to say ok and for every source to say what it has; tells the log when
        the daemon ended instead."""
        def healthy():
            status = self.process.poll()
            assert status is None, f"tocsind ended with {status}:\n{self.log()}"
            try:
                return self.get("/api/v1/health")["status"] == "ok"
            except (Unreachable, Refused):
                return False
        def started():
            try:
                status = self.get("/api/v1/status")
            except (Unreachable, Refused):
                return False
            return not status["changing"] and all(each["state"] != "starting"
                                                  for each in status["sources"])
        wait_until(healthy, timeout, "health ok")
        wait_until(started, timeout, "every source started")
        canary.search_process(self.pid, self.environment)

    @property
    def pid(self):
        """Of the running daemon."""
        return self.process.pid

    def running(self):
        """Is it there?"""
        return self.process is not None and self.process.poll() is None

    def send_signal(self, number):
        """Sends a signal to the daemon."""
        self.process.send_signal(number)

    def hup(self):
        """SIGHUP: read the configuration again, reopen files."""
        self.send_signal(signal.SIGHUP)

    def kill(self):
        """SIGKILL, now."""
        self.process.kill()
        self.process.wait()
        self.process = None
        self.killed = True
        self.client().close()

    def wait_end(self, timeout=20):
        """Waits for the daemon to end by itself; its exit status."""
        wait_until(lambda: self.process.poll() is not None, timeout, lambda: f"an end\n{self.log()}\n")
        status = self.process.returncode
        self.process = None
        self.client().close()
        return status

    def stop(self, number=signal.SIGTERM, timeout=30):
        """Ends it as a service manager does; it must end well."""
        if self.process is None:
            return None
        self.send_signal(number)
        status = self.wait_end(timeout)
        assert status == 0, f"tocsind ended with {status} after signal {number}:\n{self.log()}"
        return status

    def log(self):
        """Everything that the last start wrote."""
        return self.output[-1].read_text("utf-8", "replace") if self.output else ""

    def wait_log(self, pattern, timeout=15):
        """Waits until a line of the log matches."""
        return wait_until(lambda: re.search(pattern, self.log()), timeout,
                          lambda: f"/{pattern}/ in the log\n{self.log()[-3000:]}\n")

    # one-shot runs

    def run(self, *arguments, timeout=60, stdin=None, environment=None):
        """Runs any program to its end."""
        stdin = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run([str(each) for each in arguments], capture_output=True, cwd="/",
                              timeout=timeout * SLOW, env={**self.env(), **(environment or {})},
                              input=stdin, check=False)
        for said in (done.stdout, done.stderr):
            canary.refuse("outputs", said, f"the output of {' '.join(map(str, arguments))}")
        return Run(done.returncode, done.stdout.decode("utf-8", "replace"),
                   done.stderr.decode("utf-8", "replace"))

    def tocsind(self, *arguments, timeout=60):
        """tocsind with our configuration and these arguments, to its end."""
        run = self.run(*self.arguments(*arguments), timeout=timeout)
        assert not REPORTS.search(run.stdout + run.stderr), run
        assert run.status >= 0, run
        return run

    def once(self, timeout=60):
        """tocsind --once, books checked."""
        run = self.tocsind("--once", timeout=timeout)
        if self.store.exists():
            self.check_books()
        return run

    def start_once(self, wrapper=()):
        """tocsind --once in the background; a Popen with text pipes."""
        return Background(list(wrapper) + self.arguments("--once"), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=self.env(), cwd="/", text=True,
                          encoding="utf-8", errors="replace")

    def cli(self, *arguments, timeout=30, stdin=None, environment=None):
        """The tocsin command, speaking to this daemon."""
        spool = ("--spool", self.spool) if arguments[:1] == ("ping",) else ()
        return self.run(*WRAPPER, self.stage.tocsin, *arguments, "--socket", self.socket, *spool,
                        timeout=timeout, stdin=stdin, environment=environment)

    # the API

    def client(self):
        """The connection that the harness itself uses."""
        if self._client is None:
            self._client = Client(self.socket)
        return self._client

    def get(self, target):
        """GET, as JSON."""
        return self.client().call("GET", target)

    def post(self, target, value=None):
        """POST of JSON, as JSON."""
        return self.client().call("POST", target, {} if value is None else value)

    def send(self, *alerts, client=None):
        """Posts alerts and returns their ids: from now on they must not get lost."""
        value = list(alerts) if len(alerts) != 1 else alerts[0]
        reply = (client or self.client()).call("POST", "/api/v1/alerts", value)
        assert reply["accepted"] == len(alerts), reply
        return reply["ids"]

    def status(self):
        """GET status."""
        return self.get("/api/v1/status")

    def channel(self, name):
        """The live state of one channel."""
        return next(c for c in self.status()["channels"] if c["name"] == name)

    def deliveries(self, **query):
        """All deliveries that fit, page by page."""
        found, before = [], None
        while True:
            terms = {**query, "limit": 500, **({"before": before} if before else {})}
            page = self.get("/api/v1/deliveries?" + "&".join(
                f"{name}={value}" for name, value in terms.items()))
            found += page["deliveries"]
            before = page["next"]
            if not before:
                return found

    def delivery(self, number):
        """One delivery with its history and alert."""
        return self.get(f"/api/v1/deliveries/{number}")

    # the books

    def counters(self):
        """The counters, wherever they can be had. Never from the file while the daemon runs: a copy
        of files that are being written is torn."""
        end = time.monotonic() + 20 * SLOW
        while self.running():
            try:
                return self.status()["counters"]
            except Unreachable:     # it starts, or closed a connection that was idle for long
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
        return books.counters_of(self.store, self.prunes)

    def check_books(self):
        """accepted = delivered + dead + suppressed + pending; every story calls it."""
        return books.balanced(self.counters(), str(self.store))

    def wait_settled(self, timeout=30):
        """Waits until nothing is pending, books balanced at every look."""
        def settled():
            counters = self.check_books()
            return counters if counters["pending"] == 0 else None
        return wait_until(settled, timeout, lambda: f"pending 0 ({self.counters()})"
                          f"\n{self.waiting()}")

    def waiting(self):
        """For a message: some of what waits, and how the channels are."""
        if not self.running():
            return "it does not run"
        return "\n".join(map(str, [*self.get("/api/v1/deliveries?state=pending&limit=20")
                                   ["deliveries"], *self.status()["channels"]]))

    def wait_counter(self, name, value, timeout=15):
        """Waits until a counter has at least this value."""
        return wait_until(lambda: self.counters()[name] >= value, timeout,
                          lambda: f"{name} >= {value} ({self.counters()})")

    def finish(self):
        """The end of every story: stop, balance the books, look for reports of sanitizers and
        for secrets."""
        if self.running() and self.socket.exists():
            self.check_books()
            canary.search_process(self.pid, self.environment)
        if self.process is not None:
            self.stop()
        if self.store.exists():
            self.check_books()
        for path in self.output:
            text = path.read_text("utf-8", "replace")
            found = REPORTS.search(text)
            assert not found, f"{path}: {text[max(0, found.start() - 500):found.start() + 4000]}"
        canary.search_files(self.directory, [self.conf])


def alert(summary="something happened", severity="warning", site="www.example.com", **more):
    """An alert as a client posts it; keywords beyond labels go in as they are."""
    labels = {"alertname": "Story", "site": site, **more.pop("labels", {})}
    return {"labels": labels, "severity": severity,
            "annotations": {"summary": summary, **more.pop("annotations", {})}, **more}
