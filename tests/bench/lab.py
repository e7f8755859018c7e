# SPDX-License-Identifier: Apache-2.0
"""What the rows of the bench are measured with: processes, sinks, the load, one tocsind."""

import array
import contextlib
import dataclasses
import glob
import json
import mmap
import os
import pathlib
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "stories"))

from lib.client import Client                                    # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")
CLIENTS = 16
BODY = 270              # bytes that the channel of the bench posts for one alert of the load


class Missing(Exception):
    """A peer that is not installed; names what to install."""


@dataclasses.dataclass
class Figure:
    """One measurement: alerts a second, CPU seconds for 10,000 of them, MiB at most."""
    rate: float
    cpu: float = None
    peak: float = None

    @staticmethod
    def of(amount, seconds, cpu=None, peak=None):
        """From what was measured over all of them."""
        return Figure(amount / seconds, None if cpu is None else cpu / amount * 10000, peak)


def median(figures):
    """Of each part of several figures."""
    def middle(values):
        return None if None in values else statistics.median(values)
    return Figure(middle([each.rate for each in figures]), middle([each.cpu for each in figures]),
                  middle([each.peak for each in figures]))


def percentile(values, share):
    """The value below which that share of the values lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def program(name, package):
    """The path of a program of a peer, or Missing."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
    return shutil.which(name, path=path) or _missing(name, package)


def _missing(name, package):
    raise Missing(f"{name} is not installed; it is in the Debian package {package}")


def free_port():
    """A port that was free a moment ago, for programs that cannot choose one themselves."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait_until(predicate, seconds, what):
    """Waits until predicate() is true; what it returned."""
    end = time.monotonic() + seconds
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > end:
            raise RuntimeError(f"{what} did not come true within {seconds:g} s")
        time.sleep(0.005)


def _cpu_of(pid, children=False):
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(each) for each in stat[11:15 if children else 13]) / TICK


class Process:
    """A program that runs beside the bench, and what it costs."""

    def __init__(self, *command, stdout=subprocess.DEVNULL, log=None, **options):
        with open(log or os.devnull, "ab") as errors:
            self.it = subprocess.Popen([str(word) for word in command], stdout=stdout,
                                       stderr=errors, **options)
        self.log = log

    def cpu(self, children=False):
        """Seconds of CPU so far; with those of children that ended, if wanted."""
        return _cpu_of(self.it.pid, children)

    def memory(self, what="VmHWM"):
        """MiB: VmHWM is the most so far, VmRSS what there is now."""
        for line in pathlib.Path(f"/proc/{self.it.pid}/status").read_text().splitlines():
            if line.startswith(what):
                return int(line.split()[1]) / 1024
        raise RuntimeError(f"the program ended: {self.words()}")

    def words(self):
        """The end of what it wrote to its log."""
        return pathlib.Path(self.log).read_text()[-2000:] if self.log else ""

    def stop(self):
        """Ends it at once: nobody needs what it would still do."""
        if self.it.poll() is None:
            self.it.kill()
            self.it.wait()


class Notes:
    """The file in which a program of the bench notes what it has seen (common.h)."""

    HEAD = struct.Struct("8q")

    def __init__(self, path):
        with open(path, "rb") as file:
            self.map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def _head(self):
        return self.HEAD.unpack_from(self.map)

    messages = property(lambda self: self._head()[0])
    distinct = property(lambda self: self._head()[1])
    size = property(lambda self: self._head()[2] / max(1, self._head()[0]))
    first_ns = property(lambda self: self._head()[3])
    last_ns = property(lambda self: self._head()[4])

    def times(self):
        """CLOCK_MONOTONIC in ns for each number; 0: not seen."""
        return array.array("q", self.map[self.HEAD.size:])


class Sink(Process):
    """Takes HTTP requests or mails on a port of its own, and notes which alerts came when."""

    def __init__(self, lab, kind="sink", most=1000000):
        path = lab.new_path("notes")
        super().__init__(lab.tool(kind), "--notes", path, "--most", most, stdout=subprocess.PIPE)
        self.port = int(self.it.stdout.readline())
        self.notes = Notes(path)
        self.url = f"http://127.0.0.1:{self.port}/"

    def wait(self, n, seconds=600):
        """Waits until n different alerts have come."""
        last, since = -1, time.monotonic()
        while self.notes.distinct < n:
            now = time.monotonic()
            if self.notes.distinct != last:
                last, since = self.notes.distinct, now
            if now - since > min(seconds, 60):
                raise RuntimeError(f"only {last} of {n} alerts arrived")
            time.sleep(0.005)

    def pause(self):
        """The server hangs: connections are made, nothing is read."""
        self.it.send_signal(signal.SIGSTOP)

    def resume(self):
        """It goes on."""
        self.it.send_signal(signal.SIGCONT)


class Daemon(Process):
    """One tocsind with a directory of its own. store: a file that was filled before."""

    def __init__(self, lab, store=None, **sections):
        self.place = lab.new_path("daemon")
        self.config, self.store = self.place / "conf.d", store or self.place / "tocsin.db"
        self.socket = str(self.place / "s")
        self.config.mkdir(parents=True)
        sections.setdefault("default", {"channels": list(sections.get("channels", {}))[:1]})
        sections = {"store": {"type": "sqlite", "path": str(self.store)},
                    "log": {"level": "warning"}, "api": {"socket": self.socket}, **sections}
        (self.config / "bench.yaml").write_text(json.dumps(sections))
        began = time.monotonic()
        super().__init__(*lab.tocsind(self.config), log=self.place / "log", cwd="/")
        self._wait_ready()
        self.ready_ms = (time.monotonic() - began) * 1000
        self.client = Client(self.socket)

    def _wait_ready(self):
        def answers():
            if self.it.poll() is not None:
                raise RuntimeError(f"tocsind ended: {self.words()}")
            with socket.socket(socket.AF_UNIX) as sock:
                try:
                    sock.connect(self.socket)
                    sock.sendall(b"GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    return sock.recv(4096).startswith(b"HTTP/1.1 200")
                except OSError:
                    return False
        end = time.monotonic() + 120
        while not answers():
            if time.monotonic() > end:
                raise RuntimeError(f"tocsind is not ready: {self.words()}")
            time.sleep(0.001)

    def cpu(self, children=False):
        """With that of its tocsin-jq, if it has one."""
        return super().cpu(children) + sum(_cpu_of(pid) for pid in self._evaluators())

    def _evaluators(self):
        for path in glob.glob(f"/proc/{self.it.pid}/task/*/children"):
            for pid in pathlib.Path(path).read_text().split():
                with contextlib.suppress(OSError):    # programs of channels come and go
                    if pathlib.Path(f"/proc/{pid}/comm").read_text() == "tocsin-jq\n":
                        yield pid

    def status(self):
        """What GET /api/v1/status says."""
        return self.client.call("GET", "/api/v1/status")

    def close(self):
        """Ends it in order, so that its store is complete in one file."""
        self.it.terminate()
        self.it.wait(60)

    def wait_settled(self, n):
        """Waits until so many deliveries were delivered and committed."""
        wait_until(lambda: self.status()["counters"]["delivered"] >= n, 120, f"{n} delivered")


class Lab:
    """Where the bench works, and how large it is."""

    def __init__(self, place, smoke):
        self.place = pathlib.Path(place)
        self.build = pathlib.Path.cwd()
        os.environ["TOCSIN_JQ"] = str(self.build / "tocsin-jq")
        self.source = pathlib.Path(__file__).resolve().parent
        self.smoke = smoke
        self.rounds = 1 if smoke else 3
        self.scales = (1,) if smoke else (1, 10)
        self.paths = 0
        self.plugins = self.place / "plugins"
        self.plugins.mkdir(mode=0o755)
        for plugin in glob.glob("plugins/*/*/.libs/*.so") + ["tests/bench/.libs/post.so"]:
            os.chmod(shutil.copy(plugin, self.plugins), 0o755)

    def size(self, amount, least=20):
        """How many of something this run takes."""
        return max(least, amount // 200) if self.smoke else amount

    def new_path(self, name):
        """A path that nobody has used."""
        self.paths += 1
        return self.place / f"{name}{self.paths}"

    def tool(self, name):
        """A program of the bench."""
        return self.build / "tests" / "bench" / name

    def tocsind(self, config):
        """The command line of the daemon."""
        return [self.build / "tocsind", "--config", config, "--plugins", self.plugins]

    def run(self, *command):
        """Runs a program of the bench to its end; the JSON that it printed, and its CPU seconds."""
        before = sum(os.times()[2:4])                  # of children that ended
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                              check=False, timeout=600)
        if done.returncode:
            raise RuntimeError(f"{pathlib.Path(command[0]).name}: {done.stderr.strip()}")
        return {**json.loads(done.stdout), "cpu": sum(os.times()[2:4]) - before}

    def load(self, to, *options, alerts, batch=100, clients=CLIENTS, first=0):
        """Sends alerts to a unix socket or a port and waits until all are accepted."""
        return self.run(self.tool("load"), "--alerts", alerts, "--batch", batch, "--clients",
                        clients, "--first", first, *options, to)

    def describe(self):
        """What the figures depend on beside the programs."""
        times = []
        with open(self.new_path("fsync"), "wb", buffering=0) as file:
            for _ in range(20 if self.smoke else 200):
                file.write(b"x" * 4096)
                began = time.monotonic()
                os.fdatasync(file.fileno())
                times.append((time.monotonic() - began) * 1000)
        return (f"{os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f} before the start, an "
                f"fsync in {self.place.parent} takes {statistics.median(times):.2f} ms")

    def empty_store(self):
        """A store that tocsind has just made and closed."""
        path = self.new_path("store")
        daemon = Daemon(self, store=path, channels={"hook": hook("http://127.0.0.1:9/")})
        daemon.close()
        return path

    def interleave(self, *runs, rounds=None):
        """Takes turns; the medians, in the order of the runs. A run is a function that gives a
        Figure; one whose peer is missing gives the Missing instead."""
        figures = [[] for _ in runs]
        for _ in range(rounds or self.rounds):
            for number, run in enumerate(runs):
                if figures[number] and isinstance(figures[number][0], Missing):
                    continue
                try:
                    figures[number].append(run())
                except Missing as missing:
                    figures[number] = [missing]
        return [each[0] if isinstance(each[0], Missing) else median(each) for each in figures]


def hook(url, **more):
    """The webhook with its own body: one POST an alert, 64 at a time, and a server may hang long."""
    return {"type": "webhook", "url": url, "private_addresses": "allow", "concurrency": 64,
            "timeout": "10m", **more}


def evaluated_hook(url):
    """The same with a body that only jq can evaluate."""
    return hook(url, body={
        "text": '{{ .heading + ": " + .title | line | cut(200) }}', "message": "{{ .message }}",
        "facts": '{{ .labels + .details | to_entries | map("\\(.key): \\(.value)") | join(", ") }}',
        "status": "{{ .status }}", "id": "{{ .fingerprint }}",
        "level": "{{ {warning: 3, error: 2, critical: 1}[.severity] // 5 }}"})


def least_hook(url):
    """The least that a channel over HTTP can be (post.c): what is left is the core's own cost."""
    return {"type": "post", "url": url, "concurrency": 64, "timeout": "10m"}


def templated_hook(url):
    """The same with a body of plain templates."""
    return hook(url, body={
        "text": "{{ .heading }}: {{ .title | cut(200) }}", "message": "{{ .message }}",
        "labels": "{{ .labels }}", "status": "{{ .status }}", "id": "{{ .fingerprint }}",
        "level": '{{ if .severity == "critical" then 1 else 3 end }}'})


@contextlib.contextmanager
def running(*processes):
    """Ends them, the last one first."""
    try:
        yield processes[0] if len(processes) == 1 else processes
    finally:
        for process in reversed(processes):
            process.stop()


@contextlib.contextmanager
def laboratory(smoke):
    """A Lab in a directory that is removed. It must be on a disk: much of this is about fsync."""
    place = tempfile.mkdtemp(prefix="tocsin-bench-", dir=os.environ.get("BENCH_DIR", "/var/tmp"))
    try:
        os.chmod(place, 0o755)
        yield Lab(place, smoke)
    finally:
        shutil.rmtree(place, ignore_errors=True)
