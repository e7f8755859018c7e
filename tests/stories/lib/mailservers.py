# SPDX-License-Identifier: Apache-2.0
"""Real mail servers, throwaway: Postfix and Exim as Debian packages them, on loopback, as strict as
they can be made, delivering to a Maildir.

They exclude each other as packages, so they are unpacked, not installed: TOCSIN_MAIL_SERVERS names a
directory with the trees `postfix` and `exim4-daemon-light` (run-tests makes it). What is installed
does as well. Both need root, and accounts of their own, which nss_wrapper gives them.
"""

import email
import email.policy
import functools
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

from .smtp import mail_faults
from .postgres import free_port
from .tocsin import SLOW, wait_until

UID = 65432          # of the account that a server runs as
WRAPPER = "libnss_wrapper.so"
OWN = ("return-path", "delivered-to", "x-original-to", "envelope-to", "delivery-date", "received")


class Arrived:
    """A mail as a server put it into the Maildir."""

    def __init__(self, path):
        self.data = path.read_bytes()

    @functools.cached_property
    def message(self):
        """The message, parsed."""
        return email.message_from_bytes(self.data, policy=email.policy.default)

    @property
    def names(self):
        """The names of the headers, without those of the servers on the way."""
        return [name for name in self.message.keys() if name.lower() not in OWN]

    def text(self, subtype="plain"):
        """The text of the part, decoded."""
        part = self.message.get_body(preferencelist=(subtype,))
        return part.get_content().replace("\r\n", "\n") if part else None

    def faults(self):
        """What a strict reader finds wrong with the mail, as it left tocsin."""
        # A Maildir has the line ends of the system.
        wrong = ["CR in the mail as it is stored"] if b"\r" in self.data else []
        lines = self.data.split(b"\n")
        head = lines[:lines.index(b"")]
        while head and head[0].split(b":")[0].decode().lower() in OWN:
            head = head[1:]
            while head and head[0][:1] in b" \t":
                head = head[1:]
        wrong += [f"a header line is longer than 78: {line}" for line in head if len(line) > 78]
        wrong += mail_faults(b"\r\n".join(lines), eightbit=False)
        for part in self.message.walk():
            part.get_payload(decode=True)      # notes what is wrong with its encoding
            wrong += [f"{part.get_content_type()}: {defect!r}" for defect in part.defects]
            wrong += [f"{name}: {value.defects}" for name, value in part.items()
                      if getattr(value, "defects", None)]
        return wrong


class MailServer:
    """A server of its own: ports for STARTTLS and for TLS from the first byte, one user."""

    user = "alerts@example.com"
    package = program = account = helpers = None
    harmless = ()      # arguments with which the program only starts and ends

    def __init__(self, certificate, password, token=""):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="tocsin-mail-", dir="/tmp"))
        self.directory.chmod(0o711)
        self.starttls_port, self.implicit_port = free_port(), free_port()
        self.certificate, self.password, self.token = certificate, password, token
        self.maildir = self.make("Maildir")
        for name in ("new", "cur", "tmp"):
            self.make(f"Maildir/{name}")
        self.process = None
        with open(self.directory / "output", "wb") as output:
            self.process = subprocess.Popen(self.command(), env=self.environment(self.directory),
                                            stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=output, start_new_session=True)
        wait_until(self.listens, timeout=20 * SLOW)

    @classmethod
    def tree(cls):
        """Where the package is unpacked, or / where it is installed; None: not here."""
        for root in filter(None, (os.environ.get("TOCSIN_MAIL_SERVERS"), "/")):
            tree = pathlib.Path(root) / (cls.package if root != "/" else "")
            if (tree / cls.program).exists():
                return tree
        return None

    @classmethod
    def missing(cls):
        """Why this server cannot run here, in a sentence, or None."""
        if os.geteuid() != 0:
            return f"{cls.package} starts only as root"
        if cls.tree() is None:
            return (f"no {cls.package}: unpack its Debian package below $TOCSIN_MAIL_SERVERS, "
                    "as run-tests does")
        with tempfile.TemporaryDirectory() as place:
            trial = subprocess.run([cls.tree() / cls.program, *cls.harmless], capture_output=True,
                                   env=cls.environment(pathlib.Path(place)), text=True,
                                   check=False)
        if "cannot be preloaded" in trial.stderr or trial.returncode not in (0, 1):
            return f"{cls.package} does not start; install {cls.helpers}: {trial.stderr.strip()}"
        return None

    @classmethod
    def environment(cls, place):
        """Of the server: one with the accounts that it insists on."""
        (place / "passwd").write_text(
            f"root:x:0:0::/root:/bin/sh\n{cls.account}:x:{UID}:{UID}::/:/bin/false\n"
            "nobody:x:65534:65534::/:/bin/false\n")
        (place / "group").write_text(f"root:x:0:\n{cls.account}:x:{UID}:\n"
                                     f"postdrop:x:{UID + 1}:\nnogroup:x:65534:\n")
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C", "LD_PRELOAD": WRAPPER,
                "NSS_WRAPPER_PASSWD": str(place / "passwd"),
                "NSS_WRAPPER_GROUP": str(place / "group")}

    def make(self, name, mode=0o700):
        """A directory of the account that the server runs as."""
        path = self.directory / name
        path.mkdir()
        path.chmod(mode)
        os.chown(path, UID, UID)
        return path

    def write(self, name, text):
        """A file that the server may read and nobody else."""
        path = self.directory / name
        path.write_text(text)
        os.chown(path, -1, UID)
        path.chmod(0o640)
        return path

    def listens(self):
        """Whether both ports are open, as the kernel says: a connection would be in the log."""
        assert self.process.poll() is None, self.log()
        ports = {f"{port:04X}" for port in (self.starttls_port, self.implicit_port)}
        table = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
        fields = [line.split() for line in table]
        return ports <= {each[1].split(":")[1] for each in fields if each[3] == "0A"}

    def channel(self, tls, auth, authority, **more):
        """The configuration of a channel to it."""
        secret = {} if "token_command" in more else {"password": self.password}
        port = self.starttls_port if tls == "starttls" else self.implicit_port
        return {"type": "smtp", "host": "127.0.0.1", "port": port, "tls": tls, "auth": auth,
                "username": self.user, "ca_file": str(authority.ca_file),
                "from": "Alerts <alerts@example.com>", "to": ["ops@example.com"],
                "retry": {"first": "200ms", "max": "1s", "give_up_after": "1h"},
                **secret, **more}

    def mails(self):
        """What has arrived, in this order."""
        paths = sorted((self.maildir / "new").iterdir(), key=lambda path: path.stat().st_mtime_ns)
        return [Arrived(path) for path in paths]

    def wait_mails(self, n):
        """Waits for n mails and returns them."""
        wait_until(lambda: len(list((self.maildir / "new").iterdir())) >= n, timeout=30 * SLOW)
        return self.mails()

    def log(self):
        """All that the server has said."""
        paths = [path for path in self.directory.rglob("*log*") if path.is_file()]
        return "\n".join(path.read_text(errors="replace")
                         for path in [*paths, self.directory / "output"])

    def stop(self):
        """Ends the server and what it started, and removes its directory."""
        self.process.terminate()
        try:
            self.process.wait(10 * SLOW)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


MAIN_CF = """
compatibility_level = 3.6
queue_directory = {0.directory}/queue
data_directory = {0.directory}/data
daemon_directory = {tree}/usr/lib/postfix/sbin
command_directory = {tree}/usr/sbin
shlib_directory = {tree}/usr/lib/postfix
meta_directory = {tree}/etc/postfix
mail_owner = {0.account}
setgid_group = postdrop
default_privs = nobody
import_environment = MAIL_CONFIG MAIL_LOGTAG LD_LIBRARY_PATH LD_PRELOAD NSS_WRAPPER_PASSWD
    NSS_WRAPPER_GROUP LANG=C
maillog_file = {0.directory}/mail.log
maillog_file_prefixes = {0.directory}
myhostname = mail.example.com
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
virtual_mailbox_domains = example.com
virtual_mailbox_base = {0.directory}
virtual_mailbox_maps = inline:{{ {{ ops@example.com = Maildir/ }} {{ anna@example.com = Maildir/ }} }}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{uid}
virtual_minimum_uid = 1
message_size_limit = 100000
virtual_mailbox_limit = 0
smtpd_tls_cert_file = {0.certificate}
smtpd_tls_key_file = {0.certificate}
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain = example.com
cyrus_sasl_config_path = {0.directory}/sasl
smtpd_helo_required = yes
strict_rfc821_envelopes = yes
strict_8bitmime = yes
strict_mime_encoding_domain = yes
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = reject_unlisted_recipient
smtpd_data_restrictions = reject_unauth_pipelining
smtpd_forbid_bare_newline = yes
smtpd_forbid_unauth_pipelining = yes
"""

MASTER_CF = """
127.0.0.1:{0.starttls_port} inet n - n - - smtpd -o smtpd_tls_security_level=encrypt
127.0.0.1:{0.implicit_port} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
postlog unix-dgram n - n - 1 postlogd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
"""

SMTPD_CONF = """
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {0.directory}/sasldb
mech_list: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256
"""


class Postfix(MailServer):
    """Postfix with the logins of Cyrus SASL."""

    package, program, account = "postfix", "usr/lib/postfix/sbin/master", "postfix"
    harmless, helpers = ("-?",), "libnss-wrapper"

    @classmethod
    def missing(cls):
        return super().missing() or (None if shutil.which("saslpasswd2") else
                                     "no saslpasswd2: install sasl2-bin and libsasl2-modules")

    @classmethod
    def environment(cls, place):
        return {**super().environment(place),
                "LD_LIBRARY_PATH": str(cls.tree() / "usr/lib/postfix")}

    def command(self):
        self.make("data")
        # As Postfix's own set-up does: the queue is root's, what is in it is not.
        queue = self.make("queue", 0o755)
        os.chown(queue, 0, 0)
        for name in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold",
                     "incoming", "private", "saved", "trace"):
            self.make(f"queue/{name}")
        self.make("queue/maildrop", 0o730)
        self.make("queue/public", 0o710)
        os.chown(self.make("queue/pid", 0o755), 0, 0)
        self.make("sasl", 0o711)
        self.write("sasl/smtpd.conf", SMTPD_CONF.format(self))
        name, _, realm = self.user.partition("@")
        database = self.directory / "sasldb"
        subprocess.run(["saslpasswd2", "-p", "-c", "-f", database, "-u", realm, name],
                       input=self.password.encode(), check=True)
        os.chown(database, UID, UID)
        self.write("main.cf", MAIN_CF.format(self, tree=str(self.tree()).rstrip("/"),
                                             uid=UID)).chmod(0o644)
        self.write("master.cf", MASTER_CF.format(self)).chmod(0o644)
        return [self.tree() / self.program, "-d", "-c", self.directory]

    def connections(self):
        """How many were made."""
        return len(re.findall(r": connect from ", self.log()))


EXIM_CONF = r"""
exim_path = {tree}/usr/sbin/exim4
keep_environment = LD_PRELOAD : NSS_WRAPPER_PASSWD : NSS_WRAPPER_GROUP
spool_directory = {0.directory}/spool
log_file_path = {0.directory}/log/%slog
log_selector = +smtp_connection
pid_file_path = {0.directory}/spool/pid
primary_hostname = mail.example.com
domainlist local_domains = example.com
local_interfaces = 127.0.0.1
daemon_smtp_ports = {0.starttls_port} : {0.implicit_port}
tls_on_connect_ports = {0.implicit_port}
tls_certificate = {0.certificate}
tls_privatekey = {0.certificate}
tls_advertise_hosts = *
auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}
host_lookup =
rfc1413_hosts =
smtp_enforce_sync = true
smtp_max_synprot_errors = 0
smtp_max_unknown_commands = 0
strip_excess_angle_brackets = false
never_users =
deliver_drop_privilege = true
message_size_limit = 100000
smtp_accept_queue_per_connection = 0
queue_run_max = 1
acl_smtp_mail = acl_mail
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = acl_data

begin acl
acl_mail:
  deny message = 5.7.0 log in first
       !authenticated = *
  accept
acl_rcpt:
  deny message = 5.1.1 no such user
       !local_parts = ops : anna
  accept
acl_data:
  deny message = 5.6.0 a line is too long
       condition = ${{if >{{$max_received_linelength}}{{998}}}}
  deny message = 5.6.0 malformed header
       !verify = header_syntax
  deny message = 5.6.0 header names must be ASCII
       !verify = header_names_ascii
  accept

begin routers
here:
  driver = accept
  transport = maildir

begin transports
maildir:
  driver = appendfile
  directory = {0.directory}/Maildir
  maildir_format
  user = {0.account}

begin retry
* * F,1h,1s

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{0.user}}}}}{{eq{{$auth3}}{{{0.password}}}}}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = <| Username: | Password:
  server_condition = ${{if and{{{{eq{{$auth1}}{{{0.user}}}}}{{eq{{$auth2}}{{{0.password}}}}}}}}}
  server_set_id = $auth1
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${{if eq{{$auth1}}{{{0.user}}}{{{0.password}}}fail}}
  server_set_id = $auth1
bearer:
  driver = plaintext
  public_name = XOAUTH2
  server_prompts = :
  server_condition = ${{if eq{{$auth1}}{{user={0.user}\x01auth=Bearer {0.token}\x01\x01}}}}
  server_set_id = {0.user}
"""


class Exim(MailServer):
    """Exim with logins of its own, among them one that takes access tokens."""

    package, program, account = "exim4-daemon-light", "usr/sbin/exim4", "Debian-exim"
    harmless, helpers = ("-C", "/dev/null", "-bV"), "libnss-wrapper and libidn12"

    def command(self):
        self.make("spool")
        self.make("log")
        # It reads the key as the account that it runs as.
        key = self.write("key.pem", pathlib.Path(self.certificate).read_text())
        self.certificate = key
        config = self.write("exim.conf", EXIM_CONF.format(self, tree=str(self.tree()).rstrip("/")))
        return [self.tree() / self.program, "-C", config, "-bdf", "-q1h"]

    def connections(self):
        """How many were made."""
        return len(re.findall(r"SMTP connection from ", self.log())) - len(
            re.findall(r"SMTP connection from .* closed by QUIT", self.log()))
