# SPDX-License-Identifier: Apache-2.0
"""Real syslog daemons, each in a directory of its own: rsyslogd and syslog-ng. They parse what comes
and write what they understood as one JSON object a line.

Debian lets only one of them be installed, so rsyslogd may also stand unpacked somewhere:
TOCSIN_RSYSLOG names the directory that `dpkg-deb -x` filled with rsyslog, libestr0 and libfastjson4.
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


def free_port(kind=socket.SOCK_STREAM):
    """A port that nobody uses."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Daemon:
    """A syslog daemon that takes messages in every way; the subclasses configure it."""

    package = None

    def __init__(self, directory, certificate=None):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.out = self.directory / "out"
        self.unix = self.directory / "dgram"
        self.port = {"tcp": free_port(), "lines": free_port(), "tls": free_port(),
                     "udp": free_port(socket.SOCK_DGRAM)}
        self.certificate = certificate
        self.process = None

    def start(self):
        """Starts it, and waits until it listens."""
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, cwd="/",
                                            env=self.environment())
        wait_until(self.listens, 20, lambda: (self.directory / "log").read_text())
        return self

    def listens(self):
        """Can it be reached?"""
        assert self.process.poll() is None, (self.directory / "log").read_text()
        with socket.socket() as sock:
            return (sock.connect_ex(("127.0.0.1", self.port["tcp"])) == 0 and self.unix.exists())

    def environment(self):
        """Of the daemon."""
        return {"PATH": PATH, "LC_ALL": "C.UTF-8", "TZ": "UTC"}

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
        # rsyslogd writes nothing in place of structured data that is not there
        return [json.loads(line.replace('"sd":}', '"sd":{}}'))
                for line in self.out.read_text("utf-8").split("\n") if line]

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

    package = "rsyslog"

    def __init__(self, directory, certificate=None):
        super().__init__(directory, certificate)
        self.root = os.environ.get("TOCSIN_RSYSLOG")
        self.program = (os.path.join(self.root, "usr/sbin/rsyslogd") if self.root
                        else shutil.which("rsyslogd", path=PATH))
        if not self.program or not os.access(self.program, os.X_OK):
            pytest.skip("rsyslogd is not here: install rsyslog, or unpack it and name the place in "
                        "TOCSIN_RSYSLOG")

    def environment(self):
        libraries = glob.glob(f"{self.root}/usr/lib/*/libestr.so.0") if self.root else []
        return {**super().environment(),
                **({"LD_LIBRARY_PATH": os.path.dirname(libraries[0])} if libraries else {})}

    def command(self):
        """Writes the configuration; the command line."""
        conf = self.directory / "conf"
        conf.write_text(RSYSLOG.format(place=self.directory, out=self.out, unix=self.unix,
                                       **self.port))
        modules = glob.glob(f"{self.root or ''}/usr/lib/*/rsyslog")
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

    package = "syslog-ng-core"

    def __init__(self, directory, certificate=None):
        super().__init__(directory, certificate)
        self.program = shutil.which("syslog-ng", path=PATH)
        self.stream = self.directory / "stream"
        if not self.program:
            pytest.skip("syslog-ng is not here: install syslog-ng-core")

    def command(self):
        """Writes the configuration; the command line."""
        conf = self.directory / "conf"
        tls = (SYSLOG_NG_TLS.format(port=self.port["tls"], file=self.certificate)
               if self.certificate else "")
        conf.write_text(SYSLOG_NG.format(out=self.out, unix=self.unix, stream=self.stream,
                                         tls_source=tls, **self.port))
        place = self.directory
        return [self.program, "-F", "-f", str(conf), "-R", str(place / "persist"), "-c",
                str(place / "control"), "-p", str(place / "pid"), "--no-caps"]

    @staticmethod
    def structured(message):
        """The structured data of a message: element -> name -> value."""
        return message.get("_SDATA", message.get(".SDATA", {}))
