# SPDX-License-Identifier: Apache-2.0
"""The tocsin command without a daemon: it reads the configuration and does the work itself."""

import json
import os
import pathlib
import re
import signal
import subprocess

import pytest

from lib.sections import file_channel, slack_channel
from lib.tocsin import SLOW, alert


@pytest.fixture
def configured(tocsin, tmp_path, slack):
    """A configuration with routes that nobody has started."""
    return tocsin.configure(
        channels={"log": file_channel(tmp_path / "log.json"), "chat": slack_channel(slack),
                  "off": {**file_channel(tmp_path / "off.json"), "enabled": False}},
        routes=[{"name": "shops", "severity": "warning+", "match": ['site=~"shop.*"'],
                 "channels": ["chat", "log"], "continue": True,
                 "routes": [{"name": "night", "match": ['hours="night"'], "channels": ["log"]}]},
                {"name": "silent", "match": ['quiet="yes"'], "channels": []}],
        default={"channels": ["log"]})


def offline(tocsin, *arguments):
    """A command that reads the configuration."""
    return tocsin.run(tocsin.stage.tocsin, *arguments, "--config", tocsin.conf)


def trial(tocsin, *arguments):
    """tocsin test, of this configuration."""
    return tocsin.cli("test", *arguments, "--config", tocsin.conf, timeout=60)


def start_trial(tocsin, channel):
    """The same in the background, without a daemon."""
    return subprocess.Popen(
        [tocsin.stage.tocsin, "test", channel, "--local", "--config", str(tocsin.conf)],
        env=tocsin.env(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def test_the_route_tree_is_shown(configured):
    run = offline(configured, "routes", "show")
    assert run.status == 0 and run.stderr == "", run
    shops, night, silent, default = run.lines[1:]
    assert shops.startswith("shops ") and "chat, log" in shops and "yes" in shops
    assert "severity warning+" in shops and 'site=~"shop.*"' in shops
    assert night.startswith("  night ") and 'hours="night"' in night
    assert "(nobody)" in silent and default.startswith("default ")
    tree = offline(configured, "routes", "show", "--json").json
    assert [each["name"] for each in tree["routes"]] == ["shops", "silent"]
    assert tree["channels"] == ["log"] and tree["routes"][0]["continue"] is True
    assert tree["routes"][0]["routes"][0]["match"] == ['hours="night"']


@pytest.mark.parametrize("line", ["routes show", "routes test --label a=b", "test log --local"])
def test_a_bad_configuration_is_told_with_its_places(configured, line):
    configured.write("20-bad.yaml", "channels:\n  log2: {type: flie}\nhistory: {kepe: 1d}\n")
    run = offline(configured, *line.split())
    assert run.status == 1 and run.stdout == "", run
    assert "20-bad.yaml:2:" in run.stderr and "did you mean 'file'" in run.stderr, run
    assert "20-bad.yaml:3:" in run.stderr and "did you mean 'keep'" in run.stderr, run


def show(tocsin, *arguments):
    """What a plugin says of itself."""
    return tocsin.run(tocsin.stage.tocsin, "plugins", "show", *arguments)


@pytest.mark.needs("smtp", "sqlite")
def test_a_plugin_is_described_in_four_forms(tocsin):
    """For people, for programs, for editors, for a manual page: all from one table of options."""
    text = show(tocsin, "smtp")
    assert text.status == 0 and text.stdout.startswith("smtp (channel)"), text
    assert "Further options that every channel has" in text.stdout
    assert "Further options" not in show(tocsin, "sqlite", "--kind", "store").stdout
    told = show(tocsin, "smtp", "--json").json
    names = {option["name"] for option in told["options"]}
    assert told["kind"] == "channel" and {"host", "from"} <= names
    schema = show(tocsin, "smtp", "--schema").json
    assert set(schema["properties"]) >= names
    page = show(tocsin, "smtp", "--markdown").stdout.replace("\\_", "_")
    assert page.startswith("# NAME\n\ntocsin-smtp - ") and "# OPTIONS" in page
    assert all(name in text.stdout and f"**{name}**" in page for name in names)


@pytest.mark.needs("webhook")
@pytest.mark.parametrize("name, able", [
    ("telegram", "rich text, links"), ("clicksend", "nothing special")])
def test_a_service_is_described_in_four_forms(tocsin, name, able):
    text = show(tocsin, name)
    assert text.stdout.startswith(f"{name} (service of the channel webhook)\n"), text
    told = show(tocsin, name, "--json").json
    assert (told["name"], told["kind"], told["plugin"]) == (name, "service", "webhook")
    assert f"\nSupports: {able}\n" in text.stdout
    assert told["supports"]["rich_text"] == ("rich text" in able)
    names = {option["name"]: option for option in told["options"]}
    schema = show(tocsin, name, "--schema").json
    assert set(schema["properties"]) == set(names)
    page = show(tocsin, name, "--markdown").stdout
    assert page.startswith(f"# NAME\n\ntocsin-{name} - {told['summary']}\n"), page
    assert f"It supports: {able}." in page
    assert ("Its rate is" in page) == ("rate" in told)
    assert f"<{told['documentation']}>" in page and told["documentation"] in text.stdout
    example = page.split("# EXAMPLE\n")[1].split("# OPTIONS\n")[0]
    assert all((f"{each}: " in example) == option["required"] for each, option in names.items())
    assert ("        to: [...]\n" in example) == told["recipients"]
    assert all(f"\n  {each}: " in text.stdout and f"**{each}**" in page for each in names)


@pytest.mark.needs("smtp")
def test_a_page_becomes_the_description_of_its_plugin(tocsin, tmp_path):
    """Headings move down a level, but not what looks like one in an example."""
    page = tmp_path / "page.md"
    page.write_text("# smtp\n\nSends.\n\n## Use it\n\n```\n# a comment\n## two\n```\n"
                    + "long " * 500 + "## no heading\n")
    found = show(tocsin, "smtp", "--markdown", "--page", page)
    assert found.status == 0, found
    assert "# DESCRIPTION\n\nSends.\n\n# USE IT\n" in found.stdout
    assert "```\n# a comment\n## two\n```\n" in found.stdout and "## no heading" in found.stdout
    missing = show(tocsin, "smtp", "--markdown", "--page", tmp_path / "nowhere")
    assert missing.status == 1 and "nowhere" in missing.stderr, missing


@pytest.mark.parametrize("line, status, sentence", [
    ("smpt", 1, "there is no plugin or service 'smpt'; did you mean 'smtp'?"),
    ("telegarm", 1, "did you mean 'telegram'?"), ("zzzzz", 1, "see 'tocsin plugins list'"),
    ("smtp --kind store", 1, "'smtp' is no store, but a channel"),
    ("smtp --kind foo", 2, "--kind is channel, source, store or service, not 'foo'")])
def test_a_plugin_that_is_not_there_is_told(tocsin, line, status, sentence):
    found = show(tocsin, *line.split())
    assert found.status == status and sentence in found.stderr, found


@pytest.mark.parametrize("line", ["routes show", "plugins list", "plugins show smtp"])
def test_a_plugin_directory_that_is_not_there_is_told(configured, tmp_path, line):
    where = ["--config", configured.conf] if line.startswith("routes") else []
    run = configured.run(configured.stage.tocsin, *line.split(), *where,
                         "--plugins", tmp_path / "nowhere")
    assert run.status == 1 and "nowhere" in run.stderr, run


def test_without_plugins_services_are_none_either(configured, tmp_path):
    (tmp_path / "plugins").mkdir(mode=0o755)
    configured.write("20-service.yaml", "channels: {duty: {type: telegrma}}\n")
    run = offline(configured, "routes", "show", "--plugins", tmp_path / "plugins")
    assert run.status == 1, run
    for name in ("file", "telegrma"):
        assert (f"no channel plugin '{name}'; no channel plugins were found, name their directory "
                "with --plugins") in run.stderr, run


def test_a_channel_is_tested_without_a_daemon(configured, slack, tmp_path):
    """With nothing of the daemon: no store, no socket."""
    run = trial(configured, "log", "--summary", "does it work?", "--severity", "error")
    assert run.status == 0 and "without the daemon: " in run.stderr, run
    record = json.loads((tmp_path / "log.json").read_text())
    assert record["message"] == "does it work?" and record["priority"] == "error"
    run = trial(configured, "chat", "--local", "--json")
    assert run.status == 0 and run.json[0]["state"] == "delivered", run
    assert len(slack.accepted()) == 1
    assert not configured.store.exists() and not configured.socket.exists()


def test_a_trial_tells_of_every_failure(configured, slack):
    slack.answer(404, b"no_service")
    run = trial(configured, "chat", "--local")
    assert run.status == 1 and "no_service" in run.stdout + run.stderr, run
    run = trial(configured, "chat", "--local", "--json")
    assert run.status == 1 and "404" in run.stdout, run
    slack.answer(500, b"later")
    run = trial(configured, "chat", "--local")
    assert run.status == 1 and "500" in run.stdout + run.stderr, run


@pytest.mark.parametrize("line, status, sentence", [
    ("off --local", 1, "channel 'off' is disabled"),
    ("nowhere --local", 1, "there is no channel 'nowhere'"),
    ("a/b", 2, "cannot be the name of a channel"),
    ("log --timeout soon", 2, "--timeout must be a duration"),
    ("log --local --severity loud", 2, "loud"),
])
def test_what_cannot_be_tried_is_told(configured, line, status, sentence):
    run = trial(configured, *line.split())
    assert run.status == status and sentence in run.stderr, run


@pytest.fixture
def trial_place(configured, tmp_path):
    """Where the stores of trials are while they last."""
    place = tmp_path / "trials"
    place.mkdir()
    configured.environment["TMPDIR"] = str(place)
    return place


def test_a_trial_that_takes_too_long_says_where_to_look(configured, trial_place, slack):
    """Status 4: the outcome is not known yet."""
    slack.hang()
    run = trial(configured, "chat", "--local", "--timeout", "300ms")
    assert run.status == 4 and "no outcome after 300ms" in run.stderr, run
    assert not list(trial_place.iterdir())
    configured.start()
    run = trial(configured, "chat", "--timeout", "300ms")
    assert run.status == 4 and "tocsin deliveries" in run.stderr, run
    slack.clear()
    configured.wait_settled()


def test_a_trial_does_not_wait_for_the_attempt(tocsin, slack):
    """This one would last an hour, and the harness waits a minute."""
    tocsin.configure(channels={"chat": slack_channel(slack, timeout="1h")})
    slack.hang()
    assert trial(tocsin, "chat", "--local", "--timeout", "300ms").status == 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_trial_that_is_stopped_leaves_nothing(configured, trial_place, slack, number):
    slack.hang()
    with start_trial(configured, "chat") as process:
        slack.wait_requests(1)
        process.send_signal(number)
        assert process.wait(30 * SLOW) == -number
    assert not list(trial_place.iterdir())


def test_a_plugin_that_crashes_in_a_trial_is_told(configured, trial_place, slack):
    slack.hang()
    with start_trial(configured, "chat") as process:
        slack.wait_requests(1)
        child, = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGKILL)
        said = process.communicate(timeout=30 * SLOW)[1]
    assert process.returncode == 1 and "the plugin of 'chat' crashed: signal 9" in said, said
    assert not list(trial_place.iterdir())


def test_a_channel_that_waits_says_why_and_until_when(configured, slack):
    """The test alert is one like any other: after an attempt that failed it stays pending."""
    slack.too_many(600)
    configured.start()
    run = trial(configured, "chat")
    assert run.status == 1 and "chat: failed" in run.stdout and "stays pending" in run.stdout, run
    run = trial(configured, "chat", "--timeout", "300ms")
    assert run.status == 4 and "'chat' is paused and tries next at 20" in run.stderr, run
    assert "429" in run.stderr and "--local" in run.stderr, run
    line = configured.cli("status").stdout.partition("\nchat ")[2].splitlines()[0]
    assert re.search(r"20\d\d-\S+ \S+: .*429.* \(next attempt 20", line), line


@pytest.mark.parametrize("line, status, words", [
    ("help", 0, ["Commands:", "routes show"]), ("help send", 0, ["tocsin send", "--summary"]),
    ("help dead", 0, ["dead replay"]), ("help sned", 2, ["no command 'sned'"]),
    ("dead --help", 0, ["dead replay", "dead drop"]), ("--version", 0, ["tocsin"]),
    ("sned --help", 2, ["sned"])])
def test_help_can_be_asked_for_in_many_ways(tocsin, stage, line, status, words):
    run = tocsin.run(stage.tocsin, *line.split())
    assert run.status == status, run
    for word in words:
        assert word in run.stdout + run.stderr, run


def test_status_shows_sources_trouble_and_dead_letters(configured, slack):
    slack.answer(404, b"no_service")
    configured.write("20-source.yaml", {"sources": {"rows": {
        "type": "postgres", "connection": "host=127.0.0.1 port=1 dbname=nobody"}}})
    configured.start()
    configured.send(alert(site="shop.example.com"))
    configured.wait_counter("dead", 1)
    configured.wait_log(r"rows: ")
    run = configured.cli("status")
    assert run.status == 0 and "1 dead" in run.stdout and "postgres" in run.stdout, run
    assert "no_service" in run.stdout or "404" in run.stdout, run
    assert "port 1" in run.stdout, run


def test_standard_input_must_be_json_of_a_bounded_size(configured):
    configured.start()
    run = configured.cli("send", "-", stdin=b'[{"labels": ')
    assert run.status == 1 and "not valid JSON: line 1" in run.stderr, run
    run = configured.cli("send", "--stdin", stdin=b" " * (4 * 1024 * 1024 + 1))
    assert run.status == 1 and "larger than 4 MiB" in run.stderr, run
    run = configured.cli("send", "label=value")
    assert run.status == 2 and "--label NAME=VALUE" in run.stderr, run
    mixed = json.dumps([alert(), {"labels": {}}, alert(severity="loud")]).encode()
    run = configured.cli("send", "-", stdin=mixed)
    assert run.status == 1 and "alert 1: " in run.stderr and "alert 2: " in run.stderr, run
    assert configured.counters()["alerts"] == 0
