# SPDX-License-Identifier: Apache-2.0
"""tocsin run: the command runs as if it were started without it, and its run is reported."""

import fcntl
import hashlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time

import pytest

from lib.client import Refused
from lib.daemon import FakeDaemon
from lib.sections import file_channel
from lib.tocsin import SLOW, WRAPPER, wait_until

# What stands before tocsin run in WRAPPER, such as valgrind, starts elsewhere or later than these allow.
plain_only = pytest.mark.skipif(bool(WRAPPER), reason="tocsin run is to be started by itself")


@pytest.fixture
def daemon(tocsin):
    """A stand-in where the daemon's socket would be."""
    made = FakeDaemon(tocsin.socket)
    yield made
    made.stop()


@pytest.fixture
def spool(tocsin):
    """The directory that a daemon would have made."""
    tocsin.spool.mkdir(mode=0o770)
    return tocsin.spool


def kept(spool):
    """What is in the spool, in order."""
    return [json.loads(path.read_text()) for path in sorted(spool.glob("*"))
            if path.is_file()]


class Job:
    """tocsin run, with everything that a shell could do to it."""

    def __init__(self, tocsin, spool):
        self.tocsin, self.spool, self.name = tocsin, spool, "nightly"

    def line(self, *command, more=()):
        """The words."""
        return [*WRAPPER, str(self.tocsin.stage.tocsin), "run", self.name, "--socket",
                str(self.tocsin.socket), "--spool", str(self.spool), *more, "--",
                *(str(each) for each in command)]

    def start(self, *command, more=(), **options):
        """In the background."""
        options = {"env": self.tocsin.env(), "stdin": subprocess.DEVNULL,
                   "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen(self.line(*command, more=more), **options)

    def __call__(self, *command, more=(), stdin=b"", **options):
        """(status, standard output, standard error)"""
        process = self.start(*command, more=more, **{"stdin": subprocess.PIPE, **options})
        out, err = process.communicate(stdin, timeout=30 * SLOW)
        return process.returncode, out, err


@pytest.fixture
def job(tocsin, spool):
    """Runs commands as the job nightly."""
    return Job(tocsin, spool)


def shell(script):
    """A command."""
    return "sh", "-c", script


def test_a_run_is_reported_with_its_start_and_its_end(job, daemon, spool):
    status, out, err = job(*shell("echo one; echo two >&2; sleep 0.3; exit 3"))
    assert (status, out, err) == (3, b"one\n", b"two\n")
    assert [(method, path) for method, path, _ in daemon.told] == \
        [("POST", "/api/v1/jobs/nightly/report")] * 2
    start, end = daemon.bodies()
    assert (start["event"], end["event"]) == ("start", "end")
    assert start["id"] == end["id"] and re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
                                                     end["id"])
    assert start["started_at"] == end["started_at"] < end["ended_at"]
    assert end["exit"] == 3 and "signal" not in end and "exit" not in start
    assert 300 <= end["duration_ms"] < 5000 * SLOW
    assert sorted(end["output"].split()) == ["one", "two"]
    assert end["usage"]["max_rss_kib"] > 100 and end["usage"]["user_ms"] >= 0
    assert end["host"] == os.uname().nodename and end["command"][:2] == ["sh", "-c"]
    assert kept(spool) == []


def test_what_it_reads_and_writes_is_not_changed(job, daemon):
    data = os.urandom(300_000)
    status, out, err = job(sys.executable, "-c", "import sys, hashlib\n"
                           "data = sys.stdin.buffer.read()\n"
                           "sys.stderr.write(hashlib.sha256(data).hexdigest())\n"
                           "sys.stdout.buffer.write(data)", stdin=data)
    assert status == 0 and out == data and err.decode() == hashlib.sha256(data).hexdigest()
    assert len(daemon.bodies()[-1]["output"].encode()) < 4096 * 3 + 100
    # In one stream the order is kept.
    script = "for i in $(seq 300); do echo $i; echo $i >&2; done"
    status, out, _ = job(*shell(script), stderr=subprocess.STDOUT)
    assert out.split() == [b"%d" % n for n in range(1, 301) for _ in (1, 2)]
    assert daemon.bodies()[-1]["output"].endswith("300\n300\n")


def test_it_ends_as_the_command_does(job, daemon, tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("x")
    for command, status, told in [
            (shell("exit 0"), 0, {"exit": 0}), (shell("exit 255"), 255, {"exit": 255}),
            (shell("kill -TERM $$"), -15, {"signal": 15}),
            (shell("kill -SEGV $$"), -11, {"signal": 11}),
            (("no-such-command",), 127, {"exit": 127, "error": "command not found"}),
            ((plain,), 126, {"exit": 126, "error": "Permission denied"})]:
        before = len(daemon.told)
        assert job(*command)[0] == status, command
        events = daemon.bodies()[before:]
        assert told.items() <= events[-1].items() and events[-1]["event"] == "end", events
        assert [each["event"] for each in events] == \
            (["end"] if "error" in told else ["start", "end"])
    run = job.tocsin.run(job.tocsin.stage.tocsin, "run", "--socket", job.tocsin.socket, "--source",
                         "x&y", "a b/../c", "echo", "--help", "--", "-x")
    assert run.status == 0 and run.stdout == "--help -- -x\n", "these are the command's"
    assert daemon.told[-1][1] == "/api/v1/jobs/a%20b%2F..%2Fc/report?source=x%26y"


def test_signals_are_passed_on(job, daemon):
    names = ["HUP", "INT", "QUIT", "TERM", "USR1", "USR2"]
    traps = "; ".join(f"trap 'echo {name}' {name}" for name in names)
    process = job.start(*shell(f"{traps}; trap 'exit 9' ALRM; echo ready; while :; do sleep 0.01; "
                               "done"), start_new_session=True)
    assert process.stdout.readline() == b"ready\n"
    for name in names:
        process.send_signal(getattr(signal, f"SIG{name}"))
        assert process.stdout.readline().decode().strip() == name
    process.send_signal(signal.SIGALRM)
    assert process.wait(20 * SLOW) == 9
    process.communicate()


def test_control_c_arrives_once(job, daemon):
    """A terminal sends it to the whole process group."""
    master, slave = pty.openpty()
    process = job.start(*shell("trap 'echo INT' INT; trap 'exit 4' QUIT; echo ready; "
                               "while :; do sleep 0.01; done"), stdin=slave, stdout=slave,
                        stderr=slave, start_new_session=True,
                        preexec_fn=lambda: fcntl.ioctl(0, 0x540E, 0))
    os.close(slave)
    seen = b""
    while b"ready" not in seen:
        seen += os.read(master, 1000)
    os.write(master, b"\x03")
    while b"INT" not in seen:
        seen += os.read(master, 1000)
    os.write(master, b"\x1c")
    assert process.wait(20 * SLOW) == 4
    assert seen.count(b"INT") == 1
    os.close(master)


@plain_only
def test_a_timer_of_whoever_started_it_is_the_commands(job, daemon):
    """As with: perl -e 'alarm 600; exec @ARGV' tocsin run ..."""
    process = job.start(*shell("trap 'exit 9' ALRM; while :; do sleep 0.01; done"),
                        preexec_fn=lambda: signal.setitimer(signal.ITIMER_REAL, 1))
    try:
        assert process.wait(20 * SLOW) == 9
    finally:
        process.kill()
        process.communicate()


def test_a_terminal_that_is_gone_is_told_to_the_command(job, daemon, tmp_path):
    """The kernel tells only the leader of the session, which is tocsin run after ssh -t."""
    master, slave = pty.openpty()
    process = job.start(*shell(f"trap 'echo HUP >{tmp_path}/heard; exit 4' HUP; echo ready; "
                               "while :; do sleep 0.01; done"), stdin=slave, stdout=slave,
                        stderr=slave, start_new_session=True,
                        preexec_fn=lambda: __import__("fcntl").ioctl(0, 0x540E, 0))
    os.close(slave)
    seen = b""
    while b"ready" not in seen:
        seen += os.read(master, 1000)
    os.close(master)
    try:
        assert process.wait(20 * SLOW) == 4
    finally:
        process.kill()
    assert (tmp_path / "heard").read_text() == "HUP\n"


def test_a_daemon_that_is_away_slow_or_full_costs_nothing(job, daemon, spool):
    daemon.answer(503, {"error": "the store has no room"})
    assert job(*shell("echo x; exit 5")) == (5, b"x\n", b"")
    assert [each["body"]["event"] for each in kept(spool)] == ["start", "end"]
    assert all(each["path"] == "/api/v1/jobs/nightly/report" for each in kept(spool))
    daemon.hang()
    begin = time.monotonic()
    process = job.start(*shell("echo at once; sleep 0.1; exit 6"))
    assert process.stdout.readline() == b"at once\n"
    assert time.monotonic() - begin < 1 * SLOW, "it began without an answer"
    assert process.wait(20 * SLOW) == 6 and time.monotonic() - begin < 3.5 * SLOW
    assert process.communicate() == (b"", b"") and len(kept(spool)) == 4
    daemon.stop()
    assert job(*shell("exit 7")) == (7, b"", b"") and len(kept(spool)) == 6
    names = sorted(path.name for path in spool.iterdir())
    assert all(re.fullmatch(r"\d{19}-[0-9a-f-]{36}\.json", name) for name in names)


def test_what_can_be_neither_told_nor_kept_is_one_line(job, daemon, spool):
    daemon.answer(404, {"error": "there is no job 'nightly'; did you mean 'weekly'?"})
    status, _, err = job("true")
    assert status == 0 and err.decode().count("\n") == 1 and "did you mean 'weekly'" in err.decode()
    assert kept(spool) == [], "it would be refused again"
    daemon.stop()
    job.spool = spool / "missing"
    status, _, err = job(*shell("exit 8"))
    assert status == 8 and err.decode().count("\n") == 1, err
    assert "missing" in err.decode() and str(job.tocsin.socket) in err.decode()
    assert job(*shell("exit 8"), more=["--quiet"]) == (8, b"", b"")


def test_a_program_that_it_leaves_behind_holds_up_nothing(job, daemon):
    """And can still write to where it could write."""
    begin = time.monotonic()
    process = job.start(*shell("(sleep 1.5; echo later; echo more >&2) & echo now"))
    assert process.wait(20 * SLOW) == 0 and time.monotonic() - begin < 1.3 * SLOW
    assert daemon.bodies()[-1]["output"] == "now\n"
    assert process.communicate(timeout=20 * SLOW) == (b"now\nlater\n", b"more\n")


@pytest.mark.parametrize("how, status", [
    ("{} <&- >&- 2>&-", 0), ("env -i {}", 0), ("nohup {}", 0), ("trap '' CHLD PIPE; {}", 0),
    ("cd gone && rmdir ../gone && {}", 0), ("ulimit -n 6; {}", 0), ("{} >/dev/full", None)])
@plain_only
def test_odd_surroundings(job, daemon, tmp_path, how, status):
    (tmp_path / "gone").mkdir()
    mark = tmp_path / "ran"
    line = " ".join(f"'{word}'" for word in job.line("/bin/sh", "-c", f"echo x; touch {mark}"))
    done = subprocess.run(["/bin/sh", "-c", how.format(line)], env=job.tocsin.env(), cwd=tmp_path,
                          capture_output=True, stdin=subprocess.DEVNULL, check=False,
                          timeout=30 * SLOW)
    assert mark.exists(), done
    assert status is None or done.returncode == status, done
    assert b"passed on: No space left" in done.stderr or "/dev/full" not in how, done
    assert "ulimit" in how or daemon.bodies()[-1]["event"] == "end", done


def test_the_reader_may_go_away(job, daemon):
    """The command learns of it as it would without us."""
    line = " ".join(f"'{word}'" for word in job.line("yes"))
    done = subprocess.run(["/bin/bash", "-c", f"{line} | head -n 1; echo ${{PIPESTATUS[0]}}"],
                          env=job.tocsin.env(), capture_output=True, check=True,
                          timeout=30 * SLOW)
    assert done.stdout.split() == [b"y", b"141"]
    assert daemon.bodies()[-1]["signal"] == signal.SIGPIPE


@pytest.mark.parametrize("stream", ("stdout", "stderr"))
def test_a_reader_that_stalls_does_not_make_it_immortal(job, daemon, tmp_path, stream):
    """The command has ended, and what it wrote is not taken: a signal ends us, as it would a command
    that still writes, unless it is to be ignored. The run is told as it was."""
    ended = tmp_path / "ended"
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    process = job.start(*shell(f"head -c 10000 /dev/zero >&{1 if stream == 'stdout' else 2};"
                               f"touch {ended}; exit 3"), **{stream: writer},
                        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    os.close(writer)
    wait_until(ended.exists, 10, "the command's end")
    for number in (signal.SIGWINCH, signal.SIGHUP):
        process.send_signal(number)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    process.send_signal(signal.SIGTERM)
    try:
        assert process.wait(10 * SLOW) == -signal.SIGTERM
    finally:
        process.kill()
        process.communicate()
        os.close(reader)
    assert daemon.bodies()[-1]["event"] == "end" and daemon.bodies()[-1]["exit"] == 3


def test_output_can_be_left_alone(job, daemon):
    inner = shell("readlink /proc/self/fd/1")
    process = job.start(*inner, more=["--no-output"])
    own = os.readlink(f"/proc/self/fd/{process.stdout.fileno()}")
    assert process.communicate()[0].decode().strip() == own
    assert "output" not in daemon.bodies()[-1]
    assert job(*inner)[1].decode().strip() != own


def test_a_job_outlives_who_watched_it(job, daemon, tmp_path):
    """As it would outlive a shell."""
    mark = tmp_path / "done"
    process = job.start(*shell(f"sleep 0.3; touch {mark}"))
    wait_until(lambda: daemon.told, 5, "the start")
    process.kill()
    assert process.wait(20 * SLOW) == -9
    process.communicate()
    wait_until(mark.exists, 5, "the job's end")
    assert [each["event"] for each in daemon.bodies()] == ["start"]


def test_a_ping_is_told_kept_or_refused(tocsin, daemon, spool):
    def ping(*more, stdin=None):
        return tocsin.cli("ping", "backup", *more, stdin=stdin)

    rid = "123e4567-e89b-12d3-a456-426614174000"
    assert repr(ping()) == repr(ping("start", "--rid", rid)) == repr(ping("3", "--body", "x"))
    run = ping("log", "--body", "-", "--json", stdin=b"x" * 200_000 + b"\xff\nend")
    assert run.status == 0 and run.json == {"ping": "accepted"} and run.stderr == ""
    assert {path for _, path, _ in daemon.told} == {"/api/v1/heartbeats/backup/ping"}
    first, start, third, log = daemon.bodies()
    assert first.pop("at").endswith("Z") and first == {"kind": "success"}
    assert start["kind"] == "start" and start["rid"] == rid
    assert (third["kind"], third["exit"], third["body"]) == ("exit", 3, "x")
    assert log["body"].endswith("x\ufffd\nend") and len(log["body"]) == 10000
    daemon.answer(404, {"error": "there is no heartbeat 'backup'"})
    run = ping()
    assert run.status == 1 and run.stderr == "tocsin: there is no heartbeat 'backup'\n", run
    daemon.answer(503, {"error": "the store has no room."})
    run = ping("fail")
    assert run.status == 0 and "kept" in run.stderr and run.stderr.count("\n") == 1, run
    assert kept(spool)[0]["path"] == "/api/v1/heartbeats/backup/ping"
    assert kept(spool)[0]["body"] == daemon.bodies()[-1], "so that a repetition is recognised"
    daemon.stop()
    run = ping("--json")
    assert run.status == 0 and run.json == {"ping": "kept"} and len(kept(spool)) == 2, run
    assert ping("strat").status == 2 and len(kept(spool)) == 2
    run = ping("log", "--job")
    assert run.status == 2 and "for heartbeats" in run.stderr, run
    assert ping("--job", "3").status == 0 and len(kept(spool)) == 3
    assert kept(spool)[-1]["path"] == "/api/v1/jobs/backup/ping"
    spool.rename(spool.with_name("gone"))
    run = ping()
    assert run.status == 3 and "lost" in run.stderr, run


@pytest.mark.needs("cron", "sqlite", "file")
def test_runs_reach_a_daemon_that_was_away(tocsin, tmp_path):
    """All of it with the real one: told, kept, handed in, and each run there once."""
    jobs = [{"name": "nightly", "schedule": "0 3 1 1 *"},
            {"name": "report", "schedule": "0 4 1 1 *",
             "command": ["/bin/sh", "-c", "echo '{\"completed\": 5, \"failed\": 1}'; exit 3"]}]
    tocsin.configure(channels={"log": file_channel(tmp_path / "log.json")},
                     sources={"jobs": {"type": "cron", "jobs": jobs}}).start()
    job = Job(tocsin, tocsin.spool)

    def history():
        return tocsin.cli("jobs", "history", "nightly", "--json").json

    assert job(*shell("echo one; exit 3"))[0] == 3
    assert [(run["status"], run["exit"], run["output"]) for run in history()] == \
        [("failed", 3, "one\n")]
    assert job(*shell("kill -9 $$"))[0] == -9
    process = job.start(*shell("echo began; read x; echo over"), stdin=subprocess.PIPE)
    wait_until(lambda: history()[0]["status"] == "running", 5, "the start")
    tocsin.kill()
    assert job(*shell("echo two")) == (0, b"two\n", b"")
    assert process.communicate(b"\n")[0] == b"began\nover\n" and process.returncode == 0
    assert len(kept(tocsin.spool)) == 3
    tocsin.start()
    wait_until(lambda: not list(tocsin.spool.glob("*.json")), 10, "an empty spool")
    runs = history()
    assert [run["status"] for run in runs] == ["completed", "completed", "failed", "failed"], runs
    assert [run["output"] for run in runs] == ["two\n", "began\nover\n", None, "one\n"]
    assert runs[2]["signal"] in (9, "KILL", "SIGKILL")
    for name in ("a/b", "50%", "ä" * 100, "/" * 200):           # also by way of the spool
        tocsin.kill()
        job.name = name
        assert job("true") == (0, b"", b"")
        tocsin.start()
        wait_until(lambda: not list(tocsin.spool.glob("*.json")), 10, "an empty spool")
        assert job("true") == (0, b"", b"")
        run = tocsin.cli("jobs", "show", name)
        assert run.status == 0 and "2, 2 completed" in run.stdout, run
    assert not list((tocsin.spool / "refused").iterdir())
    job.name = "x" * 201
    assert b"1 to 200 bytes" in job("true")[2]
    with pytest.raises(Refused, match="a '/' is written %2F"):
        tocsin.get("/api/v1/jobs/a/b")
    with pytest.raises(Refused, match="a '/' is written %2F"):
        tocsin.post("/api/v1/jobs/a/b/report", {"event": "end"})
    run = tocsin.cli("jobs", "run", "report", "--wait")
    assert run.status == 1 and "failed (exit 3)" in run.stdout, run
    assert "completed 5, failed 1" in run.stdout, run
    assert tocsin.cli("ping", "--job", "pinged", "start").status == 0
    tocsin.kill()
    assert tocsin.cli("ping", "--job", "pinged", "3").status == 0       # into the spool
    tocsin.start()
    wait_until(lambda: not list(tocsin.spool.glob("*.json")), 10, "an empty spool")
    run, = tocsin.cli("jobs", "history", "pinged", "--json").json
    assert (run["status"], run["exit"]) == ("failed", 3), run
    run = tocsin.cli("jobs", "list")
    assert "nightly" in run.stdout and "report" in run.stdout and run.status == 0
