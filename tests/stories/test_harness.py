# SPDX-License-Identifier: Apache-2.0
"""The harness itself: it sees what it must see, before it is trusted with the daemon."""

import base64
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time

import pytest

from lib import books
from lib import canary as canaries
from lib.canary import canary
from lib.client import Refused, Unreachable
from lib.tocsin import Background, Stage, Tocsin, alert, wait_until

FAKE = """\
#!{python}
# A daemon that answers from a table: enough to test the harness with.
import http.server, json, os, signal, socketserver, sys
mode = os.environ.get("FAKE", "good")
print("fake starts", flush=True)
if mode == "broken":
    sys.exit(2)
if mode == "leak":
    print("the password is " + os.environ["WORD"], flush=True)
if mode == "file":
    open({socket!r} + ".notes", "w").write("the password is " + os.environ["WORD"])
if mode == "sanitizer":
    print("x.c:1:2: runtime error: signed integer overflow", flush=True)
if mode == "stubborn":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
else:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
signal.signal(signal.SIGHUP, lambda *_: print("hup", flush=True))
delivered = 1 if mode == "lossy" else 2
COUNTERS = dict(accepted=2, delivered=delivered, dead=0, suppressed=0, pending=0, alerts=1)
ANSWERS = {{"/api/v1/health": {{"status": "ok"}},
           "/api/v1/status": {{"counters": COUNTERS, "channels": [{{"name": "a"}}], "sources": [],
                              "changing": False}},
           "/api/v1/deliveries?limit=500": {{"deliveries": [{{"id": 2}}], "next": 2}},
           "/api/v1/deliveries?limit=500&before=2": {{"deliveries": [{{"id": 1}}], "next": None}}}}

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.answer(200 if self.path in ANSWERS else 404,
                    ANSWERS.get(self.path, {{"error": "no " + self.path}}))
    def do_POST(self):
        sent = json.loads(self.rfile.read(int(self.headers["content-length"])))
        n = len(sent) if isinstance(sent, list) else 1
        self.answer(200, {{"accepted": n, "ids": ["0"] * n}})
    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def address_string(self):
        return "unix"

socketserver.UnixStreamServer({socket!r}, Handler).serve_forever()
"""


@pytest.fixture
def fake(tmp_path):
    """A Tocsin whose tocsind is the fake above."""
    stage = Stage(tmp_path / "stage")
    tocsin = Tocsin(stage, tmp_path / "t")
    stage.tocsind.parent.mkdir(parents=True)
    stage.tocsind.write_text(FAKE.format(python=sys.executable, socket=str(tocsin.socket)))
    stage.tocsind.chmod(0o755)
    yield tocsin
    if tocsin.process is not None:
        tocsin.kill()


def test_a_daemon_is_started_spoken_to_and_stopped(fake):
    fake.configure(channels={"screen": {"type": "console"}}).start()
    assert fake.send(alert()) == ["0"] and fake.send(alert(), alert()) == ["0", "0"]
    assert [d["id"] for d in fake.deliveries()] == [2, 1]
    assert fake.channel("a") == {"name": "a"}
    assert fake.check_books()["accepted"] == 2
    with pytest.raises(Refused, match="404"):
        fake.get("/nowhere")
    fake.hup()
    fake.wait_log("^hup$|\nhup\n")
    fake.finish()
    assert not fake.running()


def test_the_configuration_is_yaml_without_aliases(fake):
    to = ["a@example.com"]
    fake.configure(channels={"one": {"type": "smtp", "to": to}, "two": {"type": "smtp", "to": to}})
    text = (fake.conf / "10-story.yaml").read_text()
    assert "&id" not in text and "default:\n  channels:\n  - one" in text


def test_books_that_do_not_balance_fail(fake):
    fake.environment = {"FAKE": "lossy"}
    fake.start()
    with pytest.raises(AssertionError, match="do not balance"):
        fake.check_books()
    with pytest.raises(AssertionError, match="do not balance"):
        fake.finish()


def test_a_report_of_a_sanitizer_fails(fake):
    fake.environment = {"FAKE": "sanitizer"}
    fake.start()
    with pytest.raises(AssertionError, match="runtime error"):
        fake.finish()


def in_base64(text):
    """As a login sends it."""
    return base64.b64encode(b"\0user\0" + text.encode()).decode()


@pytest.mark.parametrize("mode", ["leak", "file", "argument", "environment"])
@pytest.mark.parametrize("form", [str, in_base64])
def test_a_daemon_that_shows_a_secret_fails(fake, mode, form):
    """The control of all searches for canaries: in the log, in a file, in /proc."""
    secret = form(canary("story"))
    fake.environment = {"FAKE": mode, "WORD": secret}
    with pytest.raises(canaries.Leak, match=r"a secret in .*(log|notes|cmdline|environ): "):
        if mode == "argument":
            fake.plugins = [f"/nowhere/{secret}"]
        if mode == "environment":
            fake.env = lambda: {"PATH": "/usr/bin:/bin", "WORD": secret}
            fake.environment = {}
        fake.start()
        fake.finish()


@pytest.mark.parametrize("form", [str, in_base64])
def test_a_command_or_an_answer_that_shows_a_secret_fails(fake, form):
    with pytest.raises(canaries.Leak, match="the output of"):
        fake.run("/bin/echo", form(canary("story")))
    with pytest.raises(canaries.Leak, match="the output of"):
        Background(["/bin/echo", form(canary("story"))], stdout=subprocess.PIPE).communicate()
    fake.start()
    with pytest.raises(canaries.Leak, match="the answer to GET"):
        fake.get(f"/api/{form(canary('story'))}")


def test_a_daemon_that_does_not_start_or_end_well_fails(fake):
    fake.environment = {"FAKE": "broken"}
    with pytest.raises(AssertionError, match="ended with 2"):
        fake.start()
    fake.process = None
    fake.environment = {"FAKE": "stubborn"}
    fake.start()
    with pytest.raises(AssertionError, match="ended with 3"):
        fake.stop()


def test_a_killed_daemon_is_unreachable_and_can_start_again(fake):
    fake.start()
    fake.kill()
    with pytest.raises(Unreachable):
        fake.send(alert())
    fake.socket.unlink()
    fake.start()
    assert fake.starts == 2 and len(fake.output) == 2


def test_the_books_of_a_dead_daemon_are_read_with_its_wal(tmp_path):
    """What is only in the WAL counts, and the original is not touched."""
    store = tmp_path / "tocsin.db"
    writer = textwrap.dedent(f"""
        import os, sqlite3
        db = sqlite3.connect({str(store)!r})
        db.executescript("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;"
                         "CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER);"
                         "CREATE TABLE delivery (state INTEGER);"
                         "INSERT INTO delivery VALUES (0), (0), (2);")
        db.executemany("INSERT INTO counter VALUES (?, ?)",
                       [("accepted", 3), ("delivered", 1), ("pending", 2)])
        db.commit()
        os.kill(os.getpid(), 9)
    """)
    subprocess.run([sys.executable, "-c", writer], check=False)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert "tocsin.db-wal" in before
    assert books.balanced(books.counters_of(store), "here")["pending"] == 2
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    with sqlite3.connect(store) as db:
        db.execute("DELETE FROM delivery WHERE state > 0")
    with pytest.raises(AssertionError, match="0 rows are delivered"):
        books.counters_of(store)
    with sqlite3.connect(store) as db:
        db.execute("UPDATE counter SET value = 0 WHERE name = 'delivered'")
    with pytest.raises(AssertionError, match="do not balance"):
        books.balanced(books.counters_of(store), "here")


def test_waiting_ends_with_a_sentence():
    before = time.monotonic()
    with pytest.raises(AssertionError, match="the moon did not come true"):
        wait_until(lambda: False, 0.1, "the moon")
    assert time.monotonic() - before < 20


def test_without_a_stage_the_stories_fail(tmp_path):
    """Not skip: a run that tells no story must not look like a run that passed."""
    here = os.path.dirname(os.path.abspath(__file__))
    environment = {name: value for name, value in os.environ.items() if name != "TOCSIN_STAGE"}
    story = tmp_path / "test_x.py"
    story.write_text("def test_x(tocsin):\n    pass\n")
    run = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                          "-p", "conftest", "--rootdir", str(tmp_path), str(story)],
                         env={**environment, "PYTHONPATH": here}, capture_output=True, text=True,
                         cwd=tmp_path, check=False)
    assert run.returncode == 1 and "TOCSIN_STAGE is not set" in run.stdout, run


def test_postgres_is_there_restarts_and_comes_back(postgres, database):
    database.sql("CREATE TABLE t (x int)")
    database.sql("INSERT INTO t VALUES (%s), (%s)", 1, 2)
    assert database.one("SELECT count(*) FROM t WHERE x %% 2 = %s", 0) == 1
    assert database.one("SELECT 5 % 3") == 2
    postgres.restart()
    assert database.one("SELECT count(*) FROM t") == 2
    database.wait("SELECT count(*) FROM t", 2)
    with pytest.raises(AssertionError, match="is still 2"):
        database.wait("SELECT count(*) FROM t", 3, timeout=0.1)
    socket = postgres.directory / f".s.PGSQL.{postgres.port}"
    assert socket.is_socket() and str(postgres.directory) in database.conninfo_socket


def test_postgres_can_be_stopped_as_by_a_crash(postgres, database):
    database.sql("CREATE TABLE t (x int)")
    postgres.stop(signal.SIGQUIT)
    assert postgres.process is None
    postgres.start()
    assert database.one("SELECT count(*) FROM t") == 0
