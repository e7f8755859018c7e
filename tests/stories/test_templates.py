# SPDX-License-Identifier: Apache-2.0
"""Templates: other words for what channels send, and what happens when they fail."""

import email
import email.policy
import json
import os
import random
import signal
import threading
import time

import pytest

from lib.sections import slack_channel, smtp_channel
from lib.tocsin import SLOW, alert, wait_until

HOSTILE = ["{{ .key }}", "}}", "{{", "\\(.key)", '"', "\\", "\"},{\"x\":\"", "$ENV", "${env:HOME}",
           "'; drop", "<!channel>", "&lt;", "\u2028", "\x01\x1b[2J", "%s%n", "@everyone", "ü漢🚨",
           "\\u0000", "null", "[1,2]", "#{x}", "| env", "\r\nX: y"]


def console(**more):
    """A channel that writes a line of JSON of our own."""
    return {"type": "console", "format": "json", "record": {"title": "{{ .title }}"}, **more}


def records(tocsin):
    """The lines of JSON in the order in which they were written."""
    return [json.loads(line) for line in tocsin.log().splitlines() if line.startswith("{")]


def evaluators(pid):
    """The processes that evaluate for this daemon."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8") as stat:
                name, rest = stat.read().split("(", 1)[1].rsplit(")", 1)
        except (OSError, IndexError):
            continue
        if name == "tocsin-jq" and rest.split()[0] != "Z" and int(rest.split()[1]) == pid:
            found.append(int(entry))
    return found


def test_routes_and_channels_have_their_own_words(tocsin):
    tocsin.configure(
        templates={"short": {"title": "set {{ .title }}"}},
        channels={"one": console(title="own {{ .title }}"), "two": console(templates="short"),
                  "three": console()},
        routes=[{"name": "shop", "match": {"site": "shop"}, "channels": ["one", "two", "three"],
                 "templates": {"title": "[{{ .labels.site }}] {{ .title | ascii_upcase }}"}},
                {"name": "all", "channels": ["one", "two", "three"]}]).start()
    tocsin.send(alert("full", site="shop"))
    tocsin.wait_settled()
    assert [each["title"] for each in records(tocsin)] == ["[shop] FULL"] * 3
    tocsin.send(alert("full", site="blog"))
    tocsin.wait_settled()
    assert sorted(each["title"] for each in records(tocsin)[3:]) == ["full", "own full", "set full"]


def test_a_reload_takes_other_words_over_and_a_mistake_changes_nothing(tocsin, tmp_path):
    words = tmp_path / "words.txt"
    words.write_text("first {{ .title }}\n")
    tocsin.configure(templates={"t": {"title": {"file": str(words)}}},
                     channels={"one": console(templates="t")}).start()

    def said():
        before = len(records(tocsin))
        tocsin.send(alert("x"))
        tocsin.wait_settled()
        return [each["title"] for each in records(tocsin)[before:]]

    assert said() == ["first x"]
    words.write_text("second {{ .title }}\n")
    assert tocsin.cli("reload").status == 0
    assert said() == ["second x"]
    words.write_text("third\n {{ .title | nothing }}\n")
    run = tocsin.cli("reload")
    assert run.status == 1 and f"{words}:2:5: " in run.stdout, run
    assert "nothing/0 is not defined" in run.stdout
    assert said() == ["second x"]


def test_what_fails_for_an_alert_gives_way_to_the_built_in_words(tocsin):
    tocsin.configure(channels={"one": console(title="{{ .labels.n | tonumber + 1 }}",
                                              format="line", record=None)}).start()
    tocsin.send(alert("usual words", labels={"n": "41"}))
    tocsin.wait_settled()
    assert " 42 [" in tocsin.log()
    for _ in range(3):
        tocsin.send(alert("usual words", labels={"n": "many"}))
    tocsin.wait_settled()
    assert tocsin.log().count("usual words [") == 3
    assert tocsin.log().count("template 'title'") == 1, "told once"
    assert tocsin.channel("one")["counters"]["template_errors"] == 3


@pytest.mark.parametrize("bad", ["last(repeat(.))", "[range(1e12)] | length", "\"x\" * 1e9",
                                 "def f: 1 + f; f", "[limit(1e9; repeat(\"x\"))] | join(\"\")"])
def test_no_expression_holds_an_alert_up(tocsin, bad):
    """Not even one that never ends, or wants all memory: every alert goes out, with the built-in
    words, and soon. The other channel, with good templates, is the control: it has its words."""
    tocsin.configure(channels={"bad": console(title="{{ " + bad + " }}"),
                               "good": console(record={"good": "{{ .title }}"})},
                     routes=[{"name": "all", "channels": ["bad", "good"]}]).start()
    began = time.monotonic()
    for n in range(20):
        tocsin.send(alert(f"n {n}"))
    tocsin.wait_settled()
    assert time.monotonic() - began < 20 * SLOW
    said = records(tocsin)
    wanted = {f"n {n}" for n in range(20)}
    assert {each["good"] for each in said if "good" in each} == wanted
    assert tocsin.counters()["delivered"] == 40
    assert "switched off for a minute" in tocsin.log()
    assert len(evaluators(tocsin.pid)) <= 1


def test_templates_that_take_their_time_hold_up_no_other_channel_for_long(tocsin, slack):
    """Many alerts wait for one channel, each costs the process that evaluates a while, and all channels
    that speak HTTP have one thread."""
    tocsin.configure(
        channels={"busy": slack_channel(slack, concurrency=64, rate="unlimited",
                                        title="{{ [range(100000)] | length }} {{ .title }}"),
                  "other": slack_channel(slack)},
        routes=[{"name": "busy", "match": ['site="busy"'], "channels": ["busy"]},
                {"name": "other", "channels": ["other"]}]).start()
    began = time.monotonic()
    tocsin.send(*[alert(f"n {n}", site="busy") for n in range(64)])
    tocsin.send(alert("in between", site="other"))
    wait_until(lambda: tocsin.channel("other")["delivered"] == 1, 60, "the other channel's alert")
    other = time.monotonic() - began
    tocsin.wait_settled(60)
    everything = time.monotonic() - began
    assert tocsin.channel("busy")["counters"].get("template_errors", 0) == 0
    assert other < everything / 2, f"{other:.2f} s of {everything:.2f} s"


def kill_evaluators(tocsin, until):
    """Kills the process that evaluates, again and again; how often."""
    killed = 0
    while not until.wait(0.15):
        for pid in evaluators(tocsin.pid):
            try:
                os.kill(pid, signal.SIGKILL)
                killed += 1
            except ProcessLookupError:
                pass
    return killed


def send_under_kills(tocsin, n):
    """Alerts while the process is killed; how often it was."""
    until, killed = threading.Event(), []
    thread = threading.Thread(target=lambda: killed.append(kill_evaluators(tocsin, until)))
    thread.start()
    try:
        for i in range(n):
            tocsin.send(alert(f"n {i}"))
            time.sleep(0.003)
        tocsin.wait_settled()
    finally:
        until.set()
        thread.join()
    return killed[0]


def test_killing_the_process_under_load_loses_nothing(tocsin):
    """Each alert is delivered once, and nearly each in the words of the template."""
    tocsin.configure(channels={"one": console(title="<{{ .title }}>")}).start()
    killed = send_under_kills(tocsin, 300)
    assert killed >= 2
    said = [each["title"].strip("<>") for each in records(tocsin) if "title" in each]
    assert sorted(said) == sorted({f"n {i}" for i in range(300)} & set(said))
    assert len(said) > 250 and tocsin.counters()["delivered"] == 300


def test_control_without_the_process_the_words_are_missed(tocsin, tmp_path):
    """The count above sees words that are missing: here the program is gone after the start, and
    the alerts, which still go out, have the built-in words."""
    program = tmp_path / "tocsin-jq"
    program.write_bytes((tocsin.stage.path / "libexec" / "tocsin" / "tocsin-jq").read_bytes())
    program.chmod(0o755)
    tocsin.environment["TOCSIN_JQ"] = str(program)
    tocsin.configure(channels={"one": console(title="<{{ .title }}>")}).start()
    program.unlink()
    assert send_under_kills(tocsin, 100) >= 1
    assert tocsin.counters()["delivered"] == 100
    assert len([each for each in records(tocsin) if "title" in each]) < 100
    assert "cannot be started" in tocsin.log()


def test_nothing_in_an_alert_is_read_as_a_template(tocsin):
    """Hostile texts in every place come out as they went in, in JSON that parses."""
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    tocsin.configure(channels={"one": console(
        title="{{ .title }}", message="x{{ .message }}",
        record={"title": "{{ .title }}", "labels": "{{ .labels }}", "all": "{{ .annotations }}",
                "joined": "a {{ .labels.x }} b {{ \"\\(.title)\" }} c",
                "list": ["{{ .message }}"]})}).start()
    sent = {}
    for n in range(150):
        text = "".join(chance.choice(HOSTILE) for _ in range(chance.randint(1, 6)))
        sent[str(n)] = text
        tocsin.send(alert(text + f" {n}", labels={"x": text, "n": str(n)},
                          annotations={"description": text}))
    tocsin.wait_settled()
    said = {each["labels"]["n"]: each for each in records(tocsin) if "labels" in each}
    assert len(said) == 150 and "template" not in "".join(
        line for line in tocsin.log().splitlines() if " warning " in line)
    for n, text in sent.items():
        one = said[n]
        assert one["labels"]["x"] == text and one["all"]["description"] == text, (one, text)
        assert one["title"] == f"{text} {n}" and one["list"] == [f"x{text}"], (one, text)
        assert one["joined"] == f"a {text} b {text} {n} c", (one, text)


def test_only_templates_need_the_process(tocsin):
    """Without expressions it is not there; with some there is one, which lies still."""
    tocsin.configure(channels={"one": {"type": "console", "title": "constant"}}).start()
    tocsin.send(alert("x"))
    tocsin.wait_settled()
    assert evaluators(tocsin.pid) == [] and "constant" in tocsin.log()
    tocsin.configure(channels={"one": console(), "two": console()})
    assert tocsin.cli("reload").status == 0
    tocsin.send(alert("x"))
    tocsin.wait_settled()
    pid, = evaluators(tocsin.pid)
    with open(f"/proc/{pid}/environ", "rb") as environ:
        assert environ.read() == b""
    assert not [fd for fd in os.listdir(f"/proc/{pid}/fd") if int(fd) > 3]
    tocsin.stop()
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), what="the end of the process")


def test_render_shows_what_would_be_said(tocsin):
    tocsin.configure(channels={"one": console(title="{{ .severity }}: {{ .title }}"),
                               "bad": {"type": "console", "title": "{{ .labels.n | tonumber }}"}},
                     routes=[{"name": "r", "match": {"site": "x"}, "channels": ["one"],
                              "templates": {"message": "by {{ .route }}"}}],
                     default={"channels": ["one"]}).start()
    number = tocsin.send(alert("stored", "critical", site="x"))[0]
    tocsin.wait_settled()
    before = len(records(tocsin))
    config = ["--config", tocsin.conf]
    for which in (number, tocsin.cli("history", "--json").json[0]["number"]):
        run = tocsin.cli("templates", "render", "--alert", which, "--json", *config)
        assert run.status == 0, run
        assert run.json[0]["texts"] == {"title": "critical: stored", "message": "by r",
                                        "record": '{"title":"critical: stored"}'}
    given = json.dumps(alert("from a file", "info")).encode()
    run = tocsin.cli("templates", "render", "--file", "-", "--json", *config, stdin=given)
    assert run.json[0]["texts"]["title"] == "info: from a file", run
    run = tocsin.cli("templates", "render", "--channel", "bad", *config)
    assert run.status == 1 and "built-in" in run.stdout, run
    assert "10-story.yaml" in run.stderr and "tonumber" in run.stderr
    run = tocsin.run(tocsin.stage.tocsin, "templates", "list", "--json", *config)
    assert {(each["channel"], each["route"], each["template"]) for each in run.json} >= {
        ("one", "", "title"), ("one", "", "record"), ("one", "r", "message"), ("bad", "", "title")}
    assert tocsin.cli("templates", "render", "--alert", "99999", *config).status == 1
    assert len(records(tocsin)) == before, "something was sent"


def test_a_dry_run_shows_the_request_without_secrets_and_sends_nothing(tocsin, slack):
    tocsin.environment["HOOK"] = slack.webhook
    tocsin.configure(channels={"chat": {**slack_channel(slack), "url": "${env:HOOK}"},
                               "screen": {"type": "console", "title": "<{{ .title }}>"}})
    config = ["--config", tocsin.conf]
    run = tocsin.cli("test", "chat", "--dry-run", "--json", "--summary", "rehearsal", *config)
    assert run.status == 0, run
    request, = run.json[0]["requests"]
    assert request["method"] == "POST" and slack.webhook not in run.stdout
    assert "rehearsal" in request["body"] and json.loads(request["body"])
    assert request["headers"]["Content-Type"].startswith("application/json")
    run = tocsin.cli("test", "chat", "--dry-run", *config)
    assert run.status == 0 and run.stdout.startswith("POST ") and slack.webhook not in run.stdout
    run = tocsin.cli("test", "screen", "--dry-run", "--summary", "words", *config)
    assert run.status == 0 and "<words>" in run.stdout, run
    assert slack.requests == []


def test_a_dry_run_of_a_mail_is_a_mail(tocsin, smtp):
    """It can be read on a terminal and kept in a file."""
    tocsin.configure(channels={"mail": smtp_channel(smtp)})
    run = tocsin.cli("test", "mail", "--dry-run", "--summary", "words", "--config", tocsin.conf)
    assert run.status == 0 and "\\r" not in run.stdout and "\r" not in run.stdout, run
    mail = email.message_from_string(run.stdout, policy=email.policy.default)
    assert mail["To"] == "ops@example.com" and "words" in mail["Subject"]
    assert "words" in mail.get_body(("plain",)).get_content() and smtp.connections == 0
