# SPDX-License-Identifier: Apache-2.0
"""A mistake of every kind: said in one sentence, with its place, all in one run.

Each case is a file; «» marks the place that the message must point to (it is
taken out before the file is written).
"""

import os
import re

import pytest

from lib.canary import canary
from lib.sections import file_channel
from lib.tocsin import alert

HEAD = "channels:\n  log: {type: file, path: /tmp/x.log}\ndefault: {channels: [log]}\n"
SMTP = "channels:\n  mail:\n    type: smtp\n    host: mail.example.com\n" \
       "    from: a@example.com\n    to: [b@example.com]\n"
REST = "default: {channels: [mail]}\n"

CASES = {
    # the file itself
    "not yaml: bracket": ("channels: {log: [", r"not YAML"),
    "not yaml: tab": ("channels:\n«\tlog: x\n", r"tab"),
    "not yaml: colon": ("log: {level: info}\nchannels:\n  a: b«: c\n", r"not YAML.*quotes"),
    "a list": ("«- a\n- b\n", r"a list.*sections"),
    "a text": ("«hello\n", r"a single text.*sections"),
    "alias": ("log: &x {level: info}\n", r"anchors"),
    "alias used": (HEAD + "api: «*x\n", r"aliases|alias"),
    "tag": ("log: {level: «!!str info}\n", r"tags"),
    "merge key": (HEAD + "log: {«<<: {level: info}}\n", r"<<"),
    "duplicate key": (HEAD + "log:\n  level: info\n  «level: debug\n", r"'level'.*twice.*line 5"),
    "two documents": (HEAD + "«---\nlog: {level: info}\n", r"second document"),
    "deep": (HEAD + "log: " + "[" * 40 + "]" * 40 + "\n", r"nested deeper"),
    "key is a list": ("? [a, b]\n: c\n", r"cannot be a key"),
    "not utf-8": (b"log: {level: \xff\xfe}\n", r"UTF-8"),
    # sections and keys
    "unknown section": (HEAD + "«chanels: {}\n", r"'chanels'.*did you mean 'channels'"),
    "section is a text": (HEAD + "log: «info\n", r"section"),
    "unknown key": (HEAD + "log: {«levle: info}\n", r"'levle'.*did you mean 'level'"),
    "unknown choice": (HEAD + "log: {level: «inof}\n", r"'inof'|did you mean 'info'"),
    "unknown plugin": ("channels:\n  a: {type: «smpt, host: x}\ndefault: {channels: [a]}\n",
                       r"smpt.*did you mean 'smtp'"),
    "no type": ("channels:\n  «a: {host: x}\ndefault: {channels: [a]}\n", r"type"),
    "a source's plugin as channel": ("channels:\n  a: {type: «postgres}\n"
                                     "default: {channels: [a]}\n", r"postgres"),
    "unknown key of a plugin": (SMTP + "    «prot: 25\n" + REST,
                                r"channel 'mail'.*'prot'; did you mean 'port'"),
    "required key": ("channels:\n  «mail: {type: smtp, from: a@example.com}\n" + REST,
                     r"channel 'mail'.*'host'.*missing"),
    "number": (SMTP + "    port: «smtp\n" + REST, r"'port' must be"),
    "octal number": (SMTP + "    port: «0587\n" + REST, r"'port' must be"),
    "number out of range": (SMTP + "    port: «70000\n" + REST, r"'port'.*65535"),
    "bool": (SMTP + "    enabled: «yes\n" + REST, r"'enabled'.*true"),
    "duration": (SMTP + "    timeout: «soon\n" + REST, r"'timeout'"),
    "duration without unit": (SMTP + "    timeout: «30\n" + REST, r"'timeout'.*30s|unit"),
    "rate": (SMTP + "    rate: «fast\n" + REST, r"'rate'"),
    "url": ("channels:\n  c: {type: slack, url: «ftp://example.com/x}\ndefault: {channels: [c]}\n",
            r"'url'.*http"),
    "path": ("channels:\n  l: {type: file, path: «relative.log}\ndefault: {channels: [l]}\n",
             r"'path'.*absolute|/"),
    "no value": (SMTP + "    username:«\n" + REST, r"'username' has no value"),
    "list for a text": (SMTP + "    username: «[a]\n" + REST, r"'username' must be"),
    "choice of a plugin": (SMTP + "    tls: «startls\n" + REST, r"did you mean 'starttls'"),
    "nested section": (SMTP + "    retry: {«frist: 1s}\n" + REST, r"did you mean 'first'"),
    "recipients where none can be": (
        "channels:\n  log: {type: file, path: /tmp/x.log, «to: [a@example.com]}\n"
        "default: {channels: [log]}\n", r"'to'"),
    "secret from no file": (SMTP + "    username: u\n    password: «${file:/nowhere/pw}\n" + REST,
                            r"/nowhere/pw"),
    "secret from no variable": (SMTP + "    username: u\n    password: «${env:NOWHERE}\n" + REST,
                                r"NOWHERE"),
    "unknown reference": (SMTP + "    username: u\n    password: «${vault:x}\n" + REST,
                          r"env:NAME, file:PATH or cred:NAME"),
    # channels that stand in for others
    "fallback to nowhere": ("channels:\n  log: {type: file, path: /tmp/x.log, fallback: «lgo}\n"
                            "default: {channels: [log]}\n", r"'lgo'; did you mean 'log'"),
    "fallback to itself": ("channels:\n  log: {type: file, path: /tmp/x.log, fallback: «log}\n"
                           "default: {channels: [log]}\n", r"back to it \('log' -> 'log'\)"),
    "fallbacks in a circle": (
        "channels:\n  a: {type: file, path: /tmp/a.log, fallback: b}\n"
        "  b: {type: file, path: /tmp/b.log, fallback: «c}\n"
        "  c: {type: file, path: /tmp/c.log, fallback: a}\n"
        "default: {channels: [a]}\n", r"'b'.*back to it \('b' -> 'c' -> 'a' -> 'b'\)"),
    "time without a fallback": (HEAD.replace("x.log}", "x.log, fallback_after: «1m}"),
                                r"'log'.*fallback_after.*without fallback"),
    # digests
    "digest of nothing": (HEAD.replace("«", "").replace(
        "  log: {type: file, path: /tmp/x.log}",
        "  «log: {type: file, path: /tmp/x.log, digest: {over: 10, most: 10}}"),
        r"'log': digest: most is not greater than over"),
    "digest of too many": (HEAD.replace("x.log}", "x.log, digest: {most: «1000}}"),
                           r"'most'.*500"),
    # lanes
    "a limit without a label": (HEAD.replace("log: {", "«log: {").replace(
        "x.log}", "x.log, at_once_per: {most: 2}}"), r"'log': at_once_per: it has no label"),
    "a digest in lanes": (HEAD.replace("log: {", "«log: {").replace(
        "x.log}", "x.log, at_once_per: {label: user}, digest: {over: 1}}"),
        r"'log': digest and at_once_per do not go together"),
    # routes
    "no default": ("channels:\n  log: {type: file, path: /tmp/x.log}\n", r"default"),
    "default to nowhere": ("channels:\n  log: {type: file, path: /tmp/x.log}\n"
                           "default: {channels: [«lgo]}\n", r"'lgo'.*'log'"),
    "route to nowhere": (HEAD + "routes:\n  - {name: a, channels: [«logg]}\n", r"'logg'.*'log'"),
    "unknown severity": (HEAD + "routes:\n  - {name: a, severity: «critcal, channels: [log]}\n",
                         r"critcal.*critical"),
    "unknown floor": (HEAD + "routes:\n  - {name: a, severity: «loud+, channels: [log]}\n",
                      r"loud"),
    "matcher": (HEAD + "routes:\n  - {name: a, match: [«'site'], channels: [log]}\n", r"site"),
    "regular expression": (HEAD + "routes:\n  - {name: a, match: [«'a=~\"(\"'],"
                           " channels: [log]}\n", r"\("),
    "two routes of one name": (HEAD + "routes:\n  - {name: a, channels: [log]}\n"
                               "  - {name: «a, channels: [log]}\n", r"'a'"),
    "routes is a map": (HEAD + "routes: «{name: a}\n", r"routes|list"),
    "unknown key of a route": (HEAD + "routes:\n  - {name: a, «chanels: [log]}\n",
                               r"did you mean 'channels'"),
    "alias for no severity": (HEAD + "severities: {aliases: {blocker: «bad}}\n",
                              r"blocker.*critical"),
    # the rest of the core
    "socket mode": (HEAD + "api: {socket: /tmp/x.sock, mode: «\"0999\"}\n", r"mode"),
    "spool": (HEAD + "api: {spool: «here}\n", r"absolute path"),
    "store type": (HEAD + "store: {type: «sqlit}\n", r"sqlit.*'sqlite'"),
    "history": (HEAD + "history: {keep: «never}\n", r"'keep'"),
}


def place_of(text):
    """The text without the mark, and line:column of the mark (None: not said)."""
    if isinstance(text, bytes) or "«" not in text:
        return text, None
    before = text[:text.index("«")]
    line = before.count("\n") + 1
    return text.replace("«", ""), f"{line}:{len(before) - before.rfind(chr(10))}"


def write(tocsin, name, text):
    """Text or bytes into conf.d, beside a file that is right."""
    data = text if isinstance(text, bytes) else text.encode()
    if b"store:" not in data:
        tocsin.write("00-right.yaml", {"store": {"type": "sqlite", "path": str(tocsin.store)}})
    (tocsin.conf / name).write_bytes(data)


@pytest.mark.parametrize("case", list(CASES))
def test_a_mistake_is_said_with_its_place(tocsin, case):
    text, pattern = CASES[case]
    text, place = place_of(text)
    write(tocsin, "10-story.yaml", text)
    run = tocsin.tocsind("--check")
    assert run.status == 2, run
    said = run.stdout + run.stderr
    lines = [line for line in said.splitlines() if not place or "10-story.yaml" in line]
    assert any(re.search(pattern, line, re.I) for line in lines), said
    if place:
        assert any(f"10-story.yaml:{place}: " in line for line in lines), f"not at {place}: {said}"


def test_every_mistake_is_said_in_one_run(tocsin):
    """Over several files, in their order; and nothing starts."""
    write(tocsin, "10-a.yaml", "log: {levle: info}\nchannels:\n  a: {type: file}\n")
    write(tocsin, "20-b.yaml", "log: {level: loud}\nroutes:\n  - {channels: [b]}\n")
    write(tocsin, "30-c.yml", "channels:\n  a: {type: console}\n")
    write(tocsin, ".hidden.yaml", "nonsense: [\n")
    write(tocsin, "README", "nonsense: [\n")
    run = tocsin.tocsind("--once")
    said = run.stdout + run.stderr
    assert run.status == 2 and not tocsin.store.exists()
    for pattern in (r"10-a.yaml:1:7: .*levle", r"10-a.yaml:3:.*'path'", r"20-b.yaml:1:.*",
                    r"20-b.yaml:3:.*'b'", r"30-c.yml:2:3: .*'a'.*10-a.yaml:3", r"default"):
        assert re.search(pattern, said), f"{pattern} in\n{said}"
    assert "hidden" not in said and "README" not in said
    assert said.index("10-a.yaml") < said.index("20-b.yaml") < said.index("30-c.yml")


def test_the_command_checks_as_the_daemon_does(tocsin, stage):
    write(tocsin, "10-story.yaml", "log: {levle: info}\n")
    run = tocsin.run(stage.tocsin, "check", "config", tocsin.conf)
    assert run.status == 1 and "10-story.yaml:1:7: " in run.stdout + run.stderr, run
    run = tocsin.run(stage.tocsin, "check", "config", tocsin.conf, "--json")
    assert run.status == 1 and any(":1:7: " in each for each in run.json["problems"]), run
    write(tocsin, "10-story.yaml", "log: {level: info}\n")
    run = tocsin.run(stage.tocsin, "check", "config", tocsin.conf)
    assert run.status == 0, run


def test_a_directory_that_is_not_there_or_empty_is_said(tocsin, stage, tmp_path):
    run = tocsin.run(stage.tocsind, "--config", tmp_path / "nowhere", "--check")
    assert run.status == 2 and "no such directory" in run.stdout + run.stderr
    (tmp_path / "file").write_text("")
    run = tocsin.run(stage.tocsind, "--config", tmp_path / "file", "--check")
    assert run.status == 2 and "not a directory" in run.stdout + run.stderr


@pytest.mark.parametrize("mode, good", [(0o600, True), (0o400, True), (0o640, False),
                                        (0o604, False), (0o666, False)])
def test_a_secret_that_others_can_read_is_refused(tocsin, tmp_path, mode, good):
    secret = tmp_path / "password"
    secret.write_text(canary("file") + "\n")
    secret.chmod(mode)
    write(tocsin, "10-story.yaml", SMTP + f"    username: u\n    tls: starttls\n"
          f"    password: ${{file:{secret}}}\n" + REST)
    run = tocsin.tocsind("--check")
    said = run.stdout + run.stderr
    assert (run.status == 0) == good, run
    assert good or str(secret) in said


def test_secrets_come_from_environment_and_credentials(tocsin, tmp_path, smtp):
    (tmp_path / "mail-user").write_text("someone")
    (tmp_path / "mail-user").chmod(0o400)
    smtp.users = {"someone": canary("variable")}
    tocsin.environment = {"MAIL_PASSWORD": canary("variable"),
                          "CREDENTIALS_DIRECTORY": str(tmp_path)}
    tocsin.configure(channels={"mail": {
        "type": "smtp", "host": smtp.host, "port": smtp.port, "tls": "none",
        "from": "a@example.com", "to": ["b@example.com"], "username": "${cred:mail-user}",
        "password": "${env:MAIL_PASSWORD}"}})
    if tocsin.tocsind("--check").status != 0:
        pytest.skip("logging in without TLS is refused by this build")
    tocsin.start()
    tocsin.send(alert())
    smtp.wait_mails(1)
    tocsin.wait_settled()


def test_the_alias_bomb_and_the_deep_file_are_refused_at_once(tocsin):
    """442 bytes that expand to 10^9 nodes, 100,000 brackets: both in a moment."""
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{name}: &{name} [{','.join(['*' + before] * 9)}]\n"
        for before, name in zip("abcdefgh", "bcdefghi"))
    write(tocsin, "10-bomb.yaml", bomb)
    write(tocsin, "20-deep.yaml", "log: " + "[" * 100_000)
    write(tocsin, "30-huge.yaml", "# " + "x" * (2 << 20) + "\n")
    run = tocsin.tocsind("--check", timeout=5)
    said = run.stdout + run.stderr
    assert run.status == 2
    for name, word in (("10-bomb", "anchors"), ("20-deep", "deeper"), ("30-huge", "KiB")):
        assert re.search(rf"{name}.*{word}", said), said[:2000]


@pytest.mark.parametrize("arguments, word", [
    (["--nonsense"], "nonsense"), (["--config"], "config"), (["extra"], "extra"),
    (["--plugins", "relative"], "absolute")])
def test_a_wrong_command_line_is_status_2(tocsin, arguments, word):
    tocsin.configure(channels={"screen": {"type": "console"}})
    run = tocsin.tocsind("--check", *arguments)
    assert run.status == 2 and word in run.stdout + run.stderr, run


def test_the_shipped_conf_d_is_valid(tocsin, stage):
    """What a fresh installation starts with."""
    found = [path for path in stage.path.rglob("conf.d") if path.is_dir() and any(path.iterdir())]
    assert found, "no conf.d was installed"
    for conf in found:
        run = tocsin.run(stage.tocsin, "check", "config", conf)
        assert run.status == 0, run


def test_a_file_that_cannot_be_read_is_said(tocsin, tmp_path):
    tocsin.configure(channels={"log": file_channel(tmp_path / "x.log")})
    os.mkfifo(tocsin.conf / "20-fifo.yaml")
    run = tocsin.tocsind("--check", timeout=10)
    assert run.status == 2 and "20-fifo.yaml" in run.stdout + run.stderr, run
