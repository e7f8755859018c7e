# SPDX-License-Identifier: Apache-2.0
"""A throwaway PostgreSQL cluster: made in a moment, restarted at will, gone at the end."""

import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import psycopg2

from . import canary
from .pace import SLOW

SETTINGS = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{directory}'
fsync = {fsync}
full_page_writes = {fsync}
shared_buffers = 32MB
max_connections = 60
log_min_messages = warning
log_statement = none
"""


def binary(name):
    """The newest installed server program of that name."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}"),
                   key=lambda path: int(path.parts[4]))
    return str(found[-1]) if found else shutil.which(name)


def free_port():
    """A port that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def server_user():
    """Who runs the server: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        except KeyError:
            continue
    raise AssertionError("no unprivileged user to run PostgreSQL as")


class Postgres:
    """One cluster in a directory of its own under /tmp; user `tocsin`, trusted on loopback."""

    def __init__(self, fsync=False):
        self.fsync = fsync
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="stories-pg-"))
        self.data = self.directory / "data"
        self.port = free_port()
        self.user = server_user()
        self.process = None
        self.databases = 0
        if self.user:
            os.chown(self.directory, self.user["user"], self.user["group"])
        self.directory.chmod(0o755)
        self._initdb()
        self.start()

    def _environment(self):
        return {**os.environ, "HOME": str(self.directory), "LC_ALL": "C.UTF-8", "TZ": "UTC"}

    def _initdb(self):
        subprocess.run([binary("initdb"), "-D", str(self.data), "-U", "tocsin", "-A", "trust",
                        "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
                       check=True, stdout=subprocess.DEVNULL, cwd="/", env=self._environment(),
                       **self.user)
        with open(self.data / "postgresql.conf", "a", encoding="ascii") as conf:
            conf.write(SETTINGS.format(port=self.port, directory=self.directory,
                                       fsync="on" if self.fsync else "off"))

    # life

    def start(self):
        """Starts the server and waits until it answers."""
        log = open(self.directory / "log", "ab")     # the server keeps it
        self.process = subprocess.Popen([binary("postgres"), "-D", str(self.data)], cwd="/",
                                        stdout=log, stderr=log, env=self._environment(),
                                        start_new_session=True, **self.user)
        log.close()
        end = time.monotonic() + 30
        while True:
            try:
                self.connect("postgres").close()
                return
            except psycopg2.OperationalError as why:
                if self.process.poll() is not None or time.monotonic() > end:
                    log = (self.directory / "log").read_text()
                    raise AssertionError(f"PostgreSQL did not start: {why}\n{log}") from None
                time.sleep(0.05)

    def stop(self, how=signal.SIGINT):
        """SIGINT: fast shutdown (sessions end), SIGQUIT: as after a crash."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(30)
            self.process = None

    def restart(self, down=0.0):
        """Stops, stays away for `down` seconds, comes back on the same port."""
        self.stop()
        time.sleep(down)
        self.start()

    def remove(self):
        """Stops and leaves nothing behind."""
        self.stop(signal.SIGQUIT)
        canary.refuse("files", (self.directory / "log").read_bytes(), "the log of PostgreSQL")
        shutil.rmtree(self.directory, ignore_errors=True)

    # databases

    def connect(self, database):
        """A psycopg2 connection in autocommit."""
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, user="tocsin",
                                      dbname=database, connect_timeout=5)
        connection.autocommit = True
        return connection

    def database(self):
        """A new empty database."""
        self.databases += 1
        name = f"story{self.databases}"
        with self.connect("postgres").cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{name}"')
        return Database(self, name)


class Database:
    """One database of the cluster, with the words the stories use."""

    def __init__(self, server, name):
        self.server = server
        self.name = name
        self._connection = None

    @property
    def conninfo(self):
        """The connection string for libpq."""
        return f"host=127.0.0.1 port={self.server.port} user=tocsin dbname={self.name}"

    @property
    def conninfo_socket(self):
        """The same over the unix socket."""
        return (f"host={self.server.directory} port={self.server.port} user=tocsin "
                f"dbname={self.name}")

    def sql(self, text, *values):
        """Runs one statement and returns its rows; connects again when the server restarted."""
        for last in (False, True):
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = self.server.connect(self.name)
                with self._connection.cursor() as cursor:
                    # No values: no parameters, so that a % in the text is just a %.
                    cursor.execute(text, values or None)
                    return cursor.fetchall() if cursor.description else []
            except (psycopg2.OperationalError, psycopg2.InterfaceError):
                self._connection = None
                if last:
                    raise
        return []

    def one(self, text, *values):
        """The first column of the first row."""
        return self.sql(text, *values)[0][0]

    def wait(self, text, wanted, timeout=15):
        """Waits until the query's first value is the wanted one."""
        end = time.monotonic() + timeout * SLOW
        while True:
            got = self.one(text)
            if got == wanted:
                return
            if time.monotonic() > end:
                raise AssertionError(f"{text} is still {got!r}, not {wanted!r}")
            time.sleep(0.02)

    def close(self):
        """Ends the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
