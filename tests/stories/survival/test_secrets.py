# SPDX-License-Identifier: Apache-2.0
"""Every secret of every plugin, through everything that can go wrong with it: it shows up nowhere.

The harness itself looks for the canaries, in these stories as in all others (lib/canary.py). Here
is what makes programs talkative: refusals, servers that quote what they were sent, wrong
configurations, debug logs; and what is left when a program with secrets in its memory dies.
"""

import base64
import json
import os
import signal
import struct
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from lib import canary as canaries
from lib.canary import WORD, canary
from lib.client import Refused
from lib.discord import DiscordServer
from lib.sections import (discord_channel, file_channel, postgres_source, slack_bot, slack_channel,
                          smtp_channel, teams_channel)
from lib.slack import TOKEN, SlackApi, SlackServer
from lib.services import secrets_of, services, webhooks
from lib.smtp import SmtpServer
from lib.standin import Closed, StandIn
from lib.talkative import Internet
from lib.teams import TeamsServer
from lib.tocsin import alert, wait_until

pytestmark = pytest.mark.needs("sqlite", "discord", "slack", "smtp", "teams", "postgres", "file")

PASSWORD = canary("mail")
USER = "alerts@example.com"
# What the login sends, which servers like to quote.
PLAIN = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
LOGIN = base64.b64encode(PASSWORD.encode()).decode()

COMMANDS = (("status",), ("status", "--json"), ("deliveries",), ("deliveries", "--json"),
            ("dead", "list"), ("history",), ("history", "--json"))
ENDPOINTS = ("status", "health", "deliveries", "alerts")


@pytest.fixture(autouse=True)
def _recorded(request, joint_campaign):
    """All stories here are one campaign: how many places they looked at."""
    before = canaries.looked_at.copy()
    yield
    joint_campaign("secrets").add(getattr(request.node, "held", False), stories=1, **{
        kind: n - before[kind] for kind, n in canaries.looked_at.items()})


def look_around(tocsin):
    """What a running daemon tells of everything."""
    for command in COMMANDS:
        tocsin.cli(*command)
    for endpoint in ENDPOINTS:
        tocsin.get(f"/api/v1/{endpoint}")


def ask_everything(tocsin):
    """Every view of a running daemon, and what it leaves behind; the harness looks through it."""
    look_around(tocsin)
    for delivery in tocsin.deliveries()[:5]:
        tocsin.delivery(delivery["id"])
        tocsin.cli("deliveries", delivery["id"])
    for channel in tocsin.status()["channels"]:
        tocsin.cli("test", channel["name"])
        tocsin.run(tocsin.stage.tocsin, "test", channel["name"], "--local", "--config",
                   tocsin.conf)
    ask_offline(tocsin)
    tocsin.finish()


def ask_offline(tocsin):
    """What looks at the configuration without the daemon."""
    for command in (("routes", "show"), ("routes", "test", "alertname=Story")):
        tocsin.run(tocsin.stage.tocsin, *command, "--config", tocsin.conf)
    tocsin.run(tocsin.stage.tocsin, "check", "config", tocsin.conf)
    tocsin.tocsind("--check")


def break_configuration(tocsin, text):
    """A reload that fails, with a secret on the broken line."""
    path = tocsin.write("90-broken.yaml", text)
    with pytest.raises(Refused):
        tocsin.post("/api/v1/reload")
    tocsin.cli("reload")
    path.unlink()


def tried(tocsin):
    """Waits until the first delivery was tried, and failed."""
    wait_until(lambda: tocsin.deliveries() and tocsin.deliveries()[0]["attempts"] >= 1,
               15, tocsin.log)
    return tocsin.delivery(tocsin.deliveries()[0]["id"])["history"][0]["detail"]


def mail_login(server, authority=None, **more):
    """A channel that logs in with the canary."""
    trust = {"ca_file": str(authority.ca_file)} if authority else {}
    return smtp_channel(server, username=USER, password=PASSWORD, **trust, **more)


# smtp: password


@pytest.mark.parametrize("said", [
    f"535 5.7.8 {PASSWORD} is not the password of {USER}",
    f"500 5.5.1 unknown command: AUTH PLAIN {PLAIN}",
    f"501 5.5.2 cannot decode {LOGIN}",
    "535 5.7.8 " + "x" * 180 + PASSWORD, "535 5.7.8 " + "x" * 230 + PASSWORD,
    "535 5.7.8 " + "x" * 400 + PASSWORD, "454 4.7.0 " + "y" * 247 + PASSWORD],
    ids=["password", "plain", "login", "cut", "cut later", "long", "cut elsewhere"])
def test_secrets_of_a_mail_server_that_quotes_the_login(tocsin, standins, authority, said):
    server = standins(SmtpServer, "starttls", authority.issue("127.0.0.1"), {USER: PASSWORD})
    server.on("auth", ("reply", said))
    tocsin.configure(channels={"mail": mail_login(server, authority)}).start()
    tocsin.send(alert())
    assert "login" in tried(tocsin)
    ask_everything(tocsin)


@pytest.mark.parametrize("auth", ["plain", "login", "cram-md5", "scram-sha-256", "xoauth2"])
def test_secrets_of_every_login(tocsin, standins, authority, auth):
    server = standins(SmtpServer, "implicit", authority.issue("127.0.0.1"), {USER: PASSWORD},
                      auth=(auth.upper(),))
    tocsin.configure(channels={"mail": mail_login(server, authority, auth=auth)}).start()
    tocsin.send(alert())
    server.wait_mails(1)
    server.users = {USER: canary("changed")}
    server.drop("mail")
    tocsin.send(alert("after the password changed"))
    tocsin.wait_log("refuses the login")
    ask_everything(tocsin)


# discord and teams: url; slack: token


@pytest.mark.parametrize("kind", ["discord", "teams", "bot"])
@pytest.mark.parametrize("before", [0, 40, 130, 200])
def test_secrets_of_chats_that_quote_what_they_were_sent(tocsin, standins, kind, before):
    """In each place of an answer that is shown, and cut anywhere."""
    make, section = {"discord": (DiscordServer, discord_channel),
                     "teams": (TeamsServer, teams_channel), "bot": (SlackApi, slack_bot)}[kind]
    server = standins(make)
    secret = f"{'x' * before} {server.bearer if kind == 'bot' else server.webhook}"
    answers = {
        "discord": {"code": 50035, "message": secret,
                    "errors": {secret: {"_errors": [{"message": secret}]}}},
        "teams": {"error": {"code": secret if before == 40 else "New", "message": secret}},
        "bot": {"ok": False, "error": "missing_scope", "needed": secret}}
    server.answer(200 if kind == "bot" else 400, json.dumps(answers[kind]))
    tocsin.configure(channels={"chat": section(server)}).start()
    tocsin.send(alert())
    tried(tocsin)
    ask_everything(tocsin)


@pytest.mark.parametrize("trouble", ["down", "no tls", "untrusted", "silent", "no login"])
def test_secrets_when_mail_goes_nowhere(tocsin, standins, authority, trouble):
    server = standins(SmtpServer, "none" if trouble in ("no tls", "no login") else "starttls",
                      None if trouble == "no tls" else authority.issue("127.0.0.1"))
    channel = mail_login(server, None if trouble == "untrusted" else authority,
                         tls="none" if trouble == "no login" else "starttls",
                         server_timeout="1s")
    if trouble == "down":
        server.stop()
    elif trouble == "silent":
        server.silent("auth", times=None)
        server.users = {USER: PASSWORD}
    tocsin.configure(channels={"mail": channel}).start()
    tocsin.send(alert())
    tried(tocsin)
    ask_everything(tocsin)


# slack: url


@pytest.mark.parametrize("body", [
    f"The requested URL {TOKEN} was not found on this server.", f"no service {canary('slack')}",
    f"http://example.com{TOKEN}", "x" * 240 + TOKEN, "no_" + TOKEN, "x" * 480 + canary("slack")],
    ids=["path", "token", "url", "cut", "glued", "long"])
def test_secrets_of_a_webhook_that_quotes_its_address(tocsin, standins, body):
    server = standins(SlackServer)
    server.answer(404, body, {"Location": TOKEN, "X-Path": TOKEN})
    tocsin.configure(channels={"chat": slack_channel(server)}).start()
    tocsin.send(alert())
    assert "404" in tried(tocsin)
    ask_everything(tocsin)


@pytest.mark.parametrize("trouble", ["down", "untrusted", "redirect", "silent", "reset", "query"])
def test_secrets_when_a_webhook_goes_nowhere(tocsin, standins, authority, trouble):
    server = standins(SlackServer, certificate=authority.issue("127.0.0.1")
                      if trouble == "untrusted" else None)
    url = server.webhook
    if trouble == "down":
        server.stop()
    elif trouble == "redirect":
        server.answer(302, "", {"Location": f"http://localhost:{server.port}{TOKEN}"})
    elif trouble == "silent":
        server.hang()
    elif trouble == "reset":
        server.reset()
    elif trouble == "query":
        url = f"{server.url}/hook?token={canary('query')}"
        server.answer(400, f"unknown token {canary('query')}")
    tocsin.configure(channels={"chat": slack_channel(server, url=url, timeout="1s")}).start()
    tocsin.send(alert())
    tried(tocsin)
    ask_everything(tocsin)


# services, and the webhook that they are made of


@pytest.fixture
def secretives(stage):
    """Channels of all services that have a secret, and of the webhook in all its ways."""
    return [*services(stage), *webhooks()]


@pytest.fixture
def internet(standins, authority, secretives):
    """What they speak to."""
    return standins(Internet, authority, secretives)


def configure_services(tocsin, internet, channels):
    """All channels get all alerts, and have no way but through the stand-in."""
    tocsin.environment = {"https_proxy": internet.proxy}
    tocsin.configure(channels=channels, default={"channels": sorted(channels)})


def look_at_deliveries(tocsin):
    """What the daemon tells of each, and of everything."""
    for delivery in tocsin.deliveries():
        tocsin.delivery(delivery["id"])
    look_around(tocsin)


def ask_services(tocsin, internet, secretives):
    """Each within the command itself: a rehearsal, and a test for each answer that is left."""
    configuration = yaml.safe_load((tocsin.conf / "10-story.yaml").read_text())

    def ask(each):
        alone = tocsin.conf / each.name     # other channels would only take time
        alone.mkdir()
        channel = {each.name: configuration["channels"][each.name]}
        (alone / "one.yaml").write_text(yaml.safe_dump(
            {**configuration, "channels": channel, "default": {"channels": [each.name]}}))
        command = [tocsin.stage.tocsin, "test", each.name, "--config", alone]
        said = tocsin.run(*command, "--dry-run")
        assert said.status == 0, said
        for _ in range(internet.left().get(each.word, 0)):
            tocsin.run(*command, "--local")

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(ask, secretives))


@pytest.mark.needs("webhook")
def test_secrets_of_services(tocsin, internet, secretives, authority):
    """Which quote what they were sent, wherever it is shown."""
    channels = {each.name: each.section(ca_file=str(authority.ca_file)) for each in secretives}
    configure_services(tocsin, internet, channels)
    tocsin.start()
    for n in range(max(internet.left().values())):
        tocsin.send(alert(f"number {n}", "critical", labels={"n": str(n)}))
    wait_until(lambda: not internet.left(), 30, lambda: f"{internet.left()} unsaid\n")
    for each in secretives[::8]:
        tocsin.cli("test", each.name)
    internet.kind = "pausing"       # after any of these answers nothing is sent for a while
    tocsin.send(alert("the last", "critical"))
    wait_until(internet.all_spoke, 30, lambda: f"{internet.left()} unsaid\n")
    look_at_deliveries(tocsin)
    ask_services(tocsin, internet, secretives)
    ask_offline(tocsin)
    assert not internet.left()


@pytest.mark.needs("webhook")
def test_secrets_of_services_that_nobody_reaches(tocsin, internet, secretives, authority):
    trusted = {"ca_file": str(authority.ca_file)}
    troubles = [{}, {**trusted, "private_addresses": "refuse"}, trusted]
    channels = {each.name: each.section(**troubles[number % len(troubles)])
                for number, each in enumerate(secretives)}
    internet.lets_through = lambda host: len(host) % 2 == 0
    internet.reset()
    configure_services(tocsin, internet, channels)
    tocsin.start().send(alert())
    wait_until(lambda: all(each["attempts"] for each in tocsin.deliveries()), 30, tocsin.log)
    look_at_deliveries(tocsin)


# postgres: connection and password


class TalkativePostgres(StandIn):
    """A database server that wants the password in the clear, and refuses it by quoting it."""

    def serve(self, sock, number):
        stream = sock.makefile("rb")
        while True:
            length, = struct.unpack(">I", self.exactly(stream, 4))
            code, = struct.unpack(">I", self.exactly(stream, length - 4)[:4])
            if code >> 16 == 3:
                break
            sock.sendall(b"N")                            # neither TLS nor GSS
        sock.sendall(b"R" + struct.pack(">II", 8, 3))     # the password, please
        kind, length = struct.unpack(">cI", self.exactly(stream, 5))
        password = self.exactly(stream, length - 4).rstrip(b"\0")
        if kind != b"p":
            self.violated(f"{kind} instead of a password")
        text = b"SFATAL\0C28P01\0Mthe password \"" + password + b"\" is wrong\0\0"
        sock.sendall(b"E" + struct.pack(">I", len(text) + 4) + text)

    @staticmethod
    def exactly(stream, n):
        """n bytes; the end of the connection is the end of the story."""
        data = stream.read(n)
        if len(data) != n:
            raise Closed
        return data


@pytest.mark.parametrize("how", ["pairs", "uri", "option", "quoted"])
def test_secrets_of_a_database_that_quotes_the_password(tocsin, standins, tmp_path, how):
    server = standins(TalkativePostgres)
    password = canary("database")
    where = f"host=127.0.0.1 port={server.port} user=tocsin dbname=app gssencmode=disable"
    source = {
        "pairs": {"connection": f"{where} password={password}"},
        "uri": {"connection": f"postgresql://tocsin:{password}@127.0.0.1:{server.port}/app"},
        "option": {"connection": where, "password": password},
        "quoted": {"connection": f"{where} password='{password} and more'"}}[how]
    check = {"name": "one", "query": "SELECT 1 AS value", "warning": "> 1", "every": "1s"}
    sources = {"alerts": {"type": "postgres", "poll": "1s", **source},
               "beats": {"type": "heartbeat", "query": "SELECT 1", "poll": "1s", "period": "1d",
                         **source},
               "checks": {"type": "threshold", "checks": [check], "down_after": "1s", **source},
               "jobs": {"type": "cron", "table": {"table": "runs", "poll": "1s", **source}}}
    tocsin.configure(channels={"log": file_channel(tmp_path / "alerts.json")},
                     sources=sources).start()
    for name in sources:
        wait_until(lambda name=name: any("wrong" in line and f" {name}: " in line
                                         for line in tocsin.log().splitlines()), 15, tocsin.log)
    wait_until(lambda: "wrong" in json.dumps(tocsin.status()["sources"]))
    # nor in the alert that a source makes of it
    told = tmp_path / "alerts.json"
    wait_until(lambda: told.exists() and "ThresholdDatabaseDown" in told.read_text())
    assert r'the password \"***' in told.read_text() and WORD not in told.read_text()
    ask_everything(tocsin)


def test_secrets_when_there_is_no_database(tocsin, database, tmp_path):
    """Neither a server that is away nor one without the table is told about in too many words."""
    source = postgres_source(database, poll="1s")
    tocsin.configure(channels={"log": file_channel(tmp_path / "alerts.json")},
                     sources={"none": source, "away": {**source, "connection":
                              f"host=127.0.0.1 port=1 dbname=x password={canary('conninfo')}"}})
    tocsin.start()
    tocsin.wait_log("cannot connect")
    ask_everything(tocsin)


# configurations that are wrong

SMTP = "channels: {mail: {type: smtp, host: h, from: a@example.com, to: b@example.com, %s}}\n"
SLACK = "channels: {chat: {type: slack, %s}}\n"
PG = "sources: {rows: {type: postgres, %s}}\n"
SECRET = canary("broken")


WRONG = [
    SMTP % f"password: [{SECRET}]", SMTP % f"password: {{a: {SECRET}}}",
    SMTP % f'password: "{SECRET}', SMTP % f"password: {SECRET}, password: {SECRET}",
    SMTP % f"password: '${{env:NOWHERE}}{SECRET}'", SMTP % f"password: *{SECRET}",
    SMTP % f"password: !{SECRET} x", SMTP % f"passwort: {SECRET}",
    SMTP % f"password: {SECRET}", SMTP % f"username: u, tls: none, password: {SECRET}",
    SLACK % f"url: {SECRET}", SLACK % f"url: ftp://example.com/{SECRET}",
    SLACK % f"url: 'https://example.com/{SECRET} x'", SLACK % f"url: 'https://{SECRET}:x@/'",
    SLACK % f"url: [https://example.com/{SECRET}]", SLACK % f"uri: https://example.com/{SECRET}",
    PG % f"connection: 'password=x {SECRET}'", PG % f"connection: 'password=x\\ {SECRET} host'",
    PG % f"connection: 'postgresql://u:{SECRET}%@h/'", PG % f"password: {SECRET}",
    *(PG % f"connection: 'postgresql://u:{signs}@127.0.0.1:1/db'"
      for signs in (f"x@{SECRET}", f"{SECRET}/x", f"1/{SECRET}")),
    PG % f"connection: {{password: {SECRET}}}", PG % f"conection: password={SECRET}"]


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_secrets_in_a_configuration_that_is_wrong(tocsin, tmp_path, text):
    tocsin.configure(channels={"log": file_channel(tmp_path / "alerts.json")}).start()
    break_configuration(tocsin, text)
    tocsin.write("90-broken.yaml", text)
    ask_offline(tocsin)
    tocsin.finish()


# what is left of a program that dies


# Lets what it starts write a core dump of any size, as far as this user may.
WITH_CORES = ("/bin/sh", "-c", 'ulimit -c "$(ulimit -H -c)"; exec "$@"', "sh")


def crash(process):
    """Crashes a program; did the kernel write its memory to somewhere?"""
    process.send_signal(signal.SIGSEGV)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = -signal.SIGSEGV
    assert os.WIFSIGNALED(status), status
    return os.WCOREDUMP(status)


@pytest.mark.parametrize("program", ["daemon", "once", "test"])
def test_secrets_are_in_no_core_dump(tocsin, slack, tmp_path, program):
    sleeper = subprocess.Popen([*WITH_CORES, "/bin/sleep", "60"], cwd=tmp_path)
    wait_until(lambda: b"sleep" in open(f"/proc/{sleeper.pid}/comm", "rb").read())
    if not crash(sleeper):
        pytest.skip("this system writes no core dumps: see core(5), and ulimit -H -c")
    slack.hang()
    tocsin.configure(channels={"chat": slack_channel(slack, timeout="60s")})
    tocsin.start(wrapper=WITH_CORES).send(alert())
    slack.wait_requests(1)
    process = tocsin.process
    tocsin.environment["TMPDIR"] = str(tmp_path)     # a trial that crashes leaves its store there
    if program != "daemon":
        tocsin.kill()
        line = tocsin.arguments("--once") if program == "once" else \
            [tocsin.stage.tocsin, "test", "chat", "--local", "--config", tocsin.conf]
        process = subprocess.Popen([*WITH_CORES, *map(str, line)], cwd=tmp_path, env=tocsin.env(),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        slack.wait_requests(2)
    dumped = crash(process)
    if program == "daemon":
        tocsin.process = None
    assert not dumped, f"{program} left a core dump"


# Every secret option of every plugin, and the story that is hardest on it; services come by
# themselves, as they are configured in theirs.
SECRETS = {
    "channel discord url": test_secrets_of_chats_that_quote_what_they_were_sent,
    "channel slack token": test_secrets_of_chats_that_quote_what_they_were_sent,
    "channel slack url": test_secrets_of_a_webhook_that_quotes_its_address,
    "channel smtp password": test_secrets_of_a_mail_server_that_quotes_the_login,
    "channel teams url": test_secrets_of_chats_that_quote_what_they_were_sent,
    **{f"source {place} {option}": test_secrets_of_a_database_that_quotes_the_password
       for place in ("postgres", "heartbeat", "threshold", "cron table")
       for option in ("connection", "password")},
}


def secret_options(options, before):
    """The names of all options that are secrets, sections and all."""
    for option in options:
        name = f"{before} {option['name']}"
        if option["type"].startswith("secret"):
            yield name
        yield from secret_options(option.get("options", ()), name)


def test_secrets_of_all_plugins_have_a_story(tocsin, secretives):
    found = set()
    for plugin in tocsin.run(tocsin.stage.tocsin, "plugins", "list", "--json").json:
        about = tocsin.run(tocsin.stage.tocsin, "plugins", "show", plugin["name"], "--kind",
                           plugin["kind"], "--json").json
        found |= set(secret_options(about["options"], f"{plugin['kind']} {plugin['name']}"))
    told = {**SECRETS, **dict.fromkeys(secrets_of(secretives), test_secrets_of_services)}
    assert found == set(told), "write a story for it, and name it above"
