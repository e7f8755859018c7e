# SPDX-License-Identifier: Apache-2.0
"""Real syslog daemons, each in a directory of its own: rsyslogd and syslog-ng. They parse what comes
and write what they understood as one JSON object a line.

Debian lets only one of them be installed, so they may also stand unpacked somewhere: TOCSIN_SYSLOGDS
names the directory that `dpkg-deb -x` filled with their packages and libraries (run-tests does that).
"""

import glob
import json
import os
import pathlib
import shutil
import socket
import subprocess

import pytest

from .tocsin import wait_until

PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
UNPACKED = os.environ.get("TOCSIN_SYSLOGDS", "/nowhere")


def free_port(kind=socket.SOCK_STREAM):
    """A port that nobody uses."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def free_ports():
    """One for each way in which messages come."""
    return {"tcp": free_port(), "lines": free_port(), "tls": free_port(),
            "udp": free_port(socket.SOCK_DGRAM)}


class Daemon:
    """A syslog daemon that takes messages in every way; the subclasses configure it."""

    package = name = None

    def __init__(self, directory, certificate=None):
        self.program = (shutil.which(self.name, path=PATH)
                        or shutil.which(f"{UNPACKED}/usr/sbin/{self.name}"))
        if not self.program:
            pytest.skip(f"{self.name} is not here: install {self.package}, or unpack it and name "
                        "the directory in TOCSIN_SYSLOGDS")
        self.root = UNPACKED if self.program.startswith(UNPACKED) else ""
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.out = self.directory / "out"
        self.unix = self.directory / "dgram"
        self.port = free_ports()
        self.met = False
        self.certificate = certificate
        self.process = None

    def start(self):
        """Starts it, and waits until it listens; the first time on other ports, when somebody took one
        of them before it did."""
        while True:
            with open(self.directory / "log", "ab") as log:
                self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, cwd="/",
                                                env=self.environment())
            try:
                wait_until(self.listens, 20, lambda: (self.directory / "log").read_text())
            except AssertionError as why:
                if self.met or "Address already in use" not in str(why):
                    raise
                self.kill()
                (self.directory / "log").unlink()
                self.port = free_ports()
                continue
            self.met = True
            return self

    def listens(self):
        """Can it be reached?"""
        assert self.process.poll() is None, (self.directory / "log").read_text()
        with socket.socket() as sock:
            return (sock.connect_ex(("127.0.0.1", self.port["tcp"])) == 0 and self.unix.exists())

    def environment(self):
        """Of the daemon."""
        libraries = {os.path.dirname(each) for each in (
            glob.glob(f"{self.root}/**/lib*.so*", recursive=True) if self.root else ())}
        return {"PATH": PATH, "LC_ALL": "C.UTF-8", "TZ": "UTC",
                **({"LD_LIBRARY_PATH": ":".join(sorted(libraries))} if libraries else {})}

    def kill(self):
        """Ends it at once."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process = None

    def messages(self):
        """What it understood so far."""
        if not self.out.exists():
            return []
        # rsyslogd writes nothing in place of structured data that is not there; the last line may
        # not be whole yet
        return [json.loads(line.replace('"sd":}', '"sd":{}}'))
                for line in self.out.read_text("utf-8").split("\n")[:-1]]

    def wait(self, n, timeout=15):
        """Waits for so many messages."""
        wait_until(lambda: len(self.messages()) >= n, timeout,
                   lambda: f"{n} messages; {len(self.messages())} came\n"
                           + (self.directory / "log").read_text()[-2000:])
        return self.messages()


RSYSLOG = r"""
global(workDirectory="{place}" maxMessageSize="64k" parser.escapeControlCharactersOnReceive="off")
module(load="imuxsock" SysSock.Use="off")
module(load="imudp")
module(load="imtcp")
module(load="mmpstrucdata")
template(name="json" type="list") {{
  constant(value="{{") property(outname="pri" name="pri" format="jsonf") constant(value=",")
  property(outname="host" name="hostname" format="jsonf") constant(value=",")
  property(outname="app" name="app-name" format="jsonf") constant(value=",")
  property(outname="msgid" name="msgid" format="jsonf") constant(value=",")
  property(outname="msg" name="msg" format="jsonf") constant(value=",")
  property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
  constant(value=",\"sd\":") property(name="$!") constant(value="}}\n") }}
ruleset(name="r") {{
  action(type="mmpstrucdata" sd_name.lowercase="off")
  action(type="omfile" file="{out}" template="json") }}
input(type="imtcp" address="127.0.0.1" port="{tcp}" ruleset="r")
input(type="imtcp" address="127.0.0.1" port="{lines}" ruleset="r")
input(type="imudp" address="127.0.0.1" port="{udp}" ruleset="r")
input(type="imuxsock" Socket="{unix}" ruleset="r")
"""


class Rsyslog(Daemon):
    """rsyslogd."""

    package, name = "rsyslog", "rsyslogd"

    def command(self):
        """Writes the configuration; the command line."""
        conf = self.directory / "conf"
        conf.write_text(RSYSLOG.format(place=self.directory, out=self.out, unix=self.unix,
                                       **self.port))
        modules = glob.glob(f"{self.root}/usr/lib/*/rsyslog")
        return [self.program, "-n", "-f", str(conf), "-i", str(self.directory / "pid"),
                "-M", modules[0]]

    @staticmethod
    def structured(message):
        """The structured data of a message: element -> name -> value."""
        return message["sd"].get("rfc5424-sd", {})


SYSLOG_NG = r"""
@version: 3.38
options {{ stats-freq(0); keep-hostname(yes); use-dns(no); log-msg-size(65536); }};
source s {{
  syslog(ip("127.0.0.1") port({tcp}) transport("tcp"));
  network(ip("127.0.0.1") port({lines}) transport("tcp") flags(syslog-protocol));
  syslog(ip("127.0.0.1") port({udp}) transport("udp"));
  unix-dgram("{unix}"); unix-stream("{stream}"); {tls_source}
}};
destination d {{ file("{out}" template("$(format-json --pair pri=$PRI --pair host=$HOST
  --pair app=$PROGRAM --pair msgid=$MSGID --pair msg=$MSG --pair time=$ISODATE
  --key .SDATA.*)\n")); }};
log {{ source(s); destination(d); flags(flow-control); }};
"""
SYSLOG_NG_TLS = """syslog(ip("127.0.0.1") port({port}) transport("tls")
  tls(key-file("{file}") cert-file("{file}") peer-verify(optional-untrusted)));"""


class SyslogNg(Daemon):
    """syslog-ng."""

    package, name = "syslog-ng-core", "syslog-ng"

    def __init__(self, directory, certificate=None):
        super().__init__(directory, certificate)
        self.stream = self.directory / "stream"

    def command(self):
        """Writes the configuration; the command line."""
        conf = self.directory / "conf"
        tls = (SYSLOG_NG_TLS.format(port=self.port["tls"], file=self.certificate)
               if self.certificate else "")
        conf.write_text(SYSLOG_NG.format(out=self.out, unix=self.unix, stream=self.stream,
                                         tls_source=tls, **self.port))
        place = self.directory
        modules = glob.glob(f"{self.root}/usr/lib/syslog-ng/[0-9]*")
        return [self.program, "-F", "-f", str(conf), "-R", str(place / "persist"), "-c",
                str(place / "control"), "-p", str(place / "pid"), "--no-caps",
                *(["--module-path", modules[0]] if self.root else [])]

    @staticmethod
    def structured(message):
        """The structured data of a message: element -> name -> value."""
        return message.get("_SDATA", message.get(".SDATA", {}))
