# SPDX-License-Identifier: Apache-2.0
"""Memory runs out: the k-th allocation of the daemon or a library fails, once or with all after it.

The daemon may refuse, and it may end with a reason. It never crashes, leaks, or loses an alert. A
place in the code is the sixteen calls that led to an allocation: at the gate k is drawn from the
places. At full size every place fails once, what allocates in a loop also later on, and memory ends
for good at every place in tocsin itself: no library gets further without.
"""

import contextlib
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest

from lib import rows
from lib.client import Client, Refused, Unreachable
from lib.compiler import compile_library
from lib.forgetful import make_forgetful
from lib.parrot import parrot, put, ask, pings, spooled, wait_empty
from lib.rows import add_recipients, add_rows
from lib.scarce import Scarce
from lib.sections import file_channel, postgres_source, slack_channel, smtp_channel
from lib.tocsin import REPORTS, SLOW, Stage, alert, wait_until

pytestmark = pytest.mark.needs("sqlite")

ENDS = (0, 2, 75)       # stopped; refused to start; the store cannot vouch for its file any more
RETRY = {"first": "50ms", "max": "200ms", "give_up_after": "1h"}


@pytest.fixture(scope="module")
def stage(stage):
    """The build with the address sanitizer, where there is one: it sees more than a crash shows."""
    address = os.environ.get("TOCSIN_STAGE_ADDRESS")
    if not address or not pathlib.Path(address, "sbin", "tocsind").exists():
        return stage
    return Stage(pathlib.Path(address).resolve())


@pytest.fixture
def scarce(tmp_path):
    """Memory, ours to withhold."""
    return Scarce(tmp_path)


def picks(campaign, scarce, gate, after=0):
    """What to fail of what was just counted: (allocation, for good) of some places, or of all,
    beyond the first so many allocations."""
    places, ours = scarce.places()
    places = [numbers for numbers in places if numbers[0] > after]
    ours = [first for first in ours if first > after]
    firsts = [numbers[0] for numbers in places]
    if campaign.size(True, False):
        return [(at, campaign.dice.random() < 0.25)
                for at in campaign.dice.sample(firsts, min(gate, len(firsts)))]
    later = [campaign.dice.choice(numbers[1:]) for numbers in places if len(numbers) > 1]
    campaign.record(places=campaign.figures.get("places", 0) + len(places))
    return sorted([(at, False) for at in firsts + later] + [(at, True) for at in ours])


class Work:
    """A daemon with three channels at work, and what it has acknowledged."""

    def __init__(self, tocsin, slack, smtp, directory):
        self.tocsin = tocsin
        self.slack = slack
        self.smtp = smtp
        self.file = directory / "alerts.json"
        self.acknowledged = set()
        self.number = 0
        self.turn = 0
        self.refused = 0
        self.configure()

    def configure(self, turn=0):
        """The configuration; each turn gives every channel another one."""
        limit = f"{5000 + turn}ms"
        self.tocsin.configure(
            channels={"chat": slack_channel(self.slack, retry=RETRY, timeout=limit),
                      "mail": smtp_channel(self.smtp, retry=RETRY, server_timeout=limit),
                      "log": file_channel(self.file, retry=RETRY, sync=False,
                                          format="json", workers=1 + turn % 2)},
            routes=[{"name": "all", "match": ['site=~"www.*"'],
                     "channels": ["chat", "mail", "log"]}],
            default={"channels": ["log"]}, log={"level": "info"})

    def ask(self, *arguments, refusals=(503,)):
        """A request; None when there was no memory for it."""
        client = Client(self.tocsin.socket, timeout=10)
        try:
            return client.call(*arguments)
        except Unreachable:
            self.refused += 1
        except Refused as why:
            assert why.status in refusals, why
            self.refused += 1
        finally:
            client.close()
        return None

    def post(self):
        """Two alerts in one request."""
        numbers = [self.number, self.number + 1]
        self.number += 2
        if self.ask("POST", "/api/v1/alerts", [
                alert(f"alert {n}", labels={"number": str(n)},
                      annotations={"description": "Grüße " * 30}) for n in numbers]):
            self.acknowledged.update(numbers)

    def look(self):
        """What the command line asks for."""
        for what in ("status", "deliveries?limit=5", "alerts?limit=5", "deliveries/1"):
            self.ask("GET", f"/api/v1/{what}")

    def reload(self):
        """Every channel changes."""
        self.turn += 1
        self.configure(self.turn)
        self.ask("POST", "/api/v1/reload", {}, refusals=(422, 503))

    def arrived(self):
        """The numbers in each channel's sink."""
        found = {"log": set(), "mail": set(), "chat": set()}
        for line in self.file.read_text("utf-8").splitlines():
            found["log"].add(int(json.loads(line)["labels"]["number"]))
        for mail in self.smtp.mails:
            found["mail"].add(int(re.search(r"alert (\d+)", mail.message["subject"])[1]))
        for message in self.slack.messages:
            found["chat"].add(int(re.search(r"alert (\d+)", message["text"])[1]))
        return found

    def lost(self):
        """Acknowledged, and missing somewhere."""
        return {name: self.acknowledged - found for name, found in self.arrived().items()
                if self.acknowledged - found}


def check_log(tocsin):
    """No sanitizer complained; returns the log."""
    text = tocsin.log()
    found = REPORTS.search(text)
    assert not found, text[max(0, found.start() - 4000):found.start() + 6000]
    return text


def check_end(tocsin, status, why):
    """It ended as a program does that knows why."""
    text = check_log(tocsin)
    assert status in ENDS, f"{why}: ended with {status}:\n{text[-6000:]}"
    assert status == 0 or re.search("memory|cannot|code|No such|refused", text), f"{why}: {text}"


def count_start(tocsin, scarce):
    """Counts the allocations of a start that goes well."""
    scarce.count()
    tocsin.start()


def try_start(tocsin, scarce, at, for_good):
    """Starts with little memory, for a while. True when it came up."""
    scarce.fail(at, for_good)
    tocsin.start(wait=False)
    end = time.monotonic() + 1.5 * SLOW
    while tocsin.running() and time.monotonic() < end:
        if "is ready" in tocsin.log():
            break
        time.sleep(0.01)
    scarce.off()
    if tocsin.running():
        wait_until(lambda: not tocsin.running() or healthy(tocsin), 20, lambda: tocsin.log())
    if tocsin.running():
        return True
    check_end(tocsin, tocsin.wait_end(), f"start with allocation {at} failing")
    return False


def healthy(tocsin):
    """It answers."""
    try:
        return tocsin.get("/api/v1/health")["status"] == "ok"
    except (Unreachable, Refused):
        return False


def try_stop(tocsin, scarce, at, for_good):
    """Ends it with little memory."""
    scarce.fail(at, for_good)
    tocsin.send_signal(signal.SIGTERM)
    status = tocsin.wait_end(20)
    scarce.off()
    check_end(tocsin, status, f"stop with allocation {at} failing")


@pytest.mark.timeout(100000)
def test_memory_start_and_stop(tocsin, slack, smtp, scarce, campaign, tmp_path):
    """Every start comes up or says why not, every stop ends, and nothing leaks."""
    work = Work(scarce.attack(tocsin), slack, smtp, tmp_path)
    count_start(tocsin, scarce)
    starts = picks(campaign, scarce, 50)
    scarce.count()
    work.post()
    tocsin.stop()
    stops = itertools.cycle(picks(campaign, scarce, 40))
    ready = 0
    for at, for_good in starts:
        if try_start(tocsin, scarce, at, for_good):
            ready += 1
            work.post()
            try_stop(tocsin, scarce, *next(stops))
    scarce.off()
    tocsin.start()
    tocsin.wait_settled(60)
    assert not work.lost()
    assert ready and ready < len(starts), "no start was refused: was memory ever scarce?"
    campaign.record(failures=scarce.failures, starts=tocsin.starts, lost=0)


def do_scarcely(work, scarce, deed, at, for_good):
    """A deed, one of whose allocations fails, or of what it sets in motion."""
    scarce.fail(at, for_good)
    deed()
    end = time.monotonic() + 0.15
    while scarce.failed == 0 and time.monotonic() < end:
        time.sleep(0.005)
    if for_good:
        time.sleep(0.05)
    scarce.off()
    if not work.tocsin.running():
        check_end(work.tocsin, work.tocsin.wait_end(), f"{deed.__name__}, allocation {at}")
        work.tocsin.start()


def deeds_of(work, scarce, campaign, gate):
    """(deed, allocation, for good) in random order: each deed is counted first."""
    found = []
    for deed in (work.post, work.look, work.reload):
        deed()                      # what is made once and kept is not counted
        scarce.count()
        deed()
        work.tocsin.wait_settled()
        found += [(deed, *pick) for pick in picks(campaign, scarce, gate)]
        scarce.off()
    campaign.dice.shuffle(found)
    return found


@pytest.mark.timeout(100000)
def test_memory_at_work(tocsin, slack, smtp, scarce, campaign, tmp_path):
    """Intake, routes, deliveries, answers and reloads refuse or succeed; all that was
    acknowledged arrives."""
    work = Work(scarce.attack(tocsin), slack, smtp, tmp_path)
    tocsin.start()
    for turn, (deed, at, for_good) in enumerate(deeds_of(work, scarce, campaign, 80)):
        do_scarcely(work, scarce, deed, at, for_good)
        if turn % 50 == 0:
            tocsin.wait_settled(60)
    counters = tocsin.wait_settled(60)
    tocsin.stop()
    check_log(tocsin)
    assert not work.lost()
    assert counters["dead"] == 0, tocsin.log()[-3000:]
    assert scarce.failures > 100 and work.refused > 0
    campaign.record(failures=scarce.failures, acknowledged=len(work.acknowledged),
                    refused=work.refused, lost=0)


@pytest.mark.timeout(100000)
@pytest.mark.needs("postgres", "smtp")
def test_memory_of_a_source(tocsin, alerts_database, smtp, scarce, campaign):
    """Rows are read, sent and marked whatever allocation fails meanwhile: each is sent, and none
    is forgotten."""
    add_recipients(alerts_database)
    scarce.attack(tocsin).configure(
        channels={"mail": smtp_channel(smtp, retry=RETRY)}, log={"level": "info"},
        # libpq may lose an answer that it gets no memory for; then the time is over.
        sources={"alerts": postgres_source(alerts_database, poll="1s", statement_timeout="1s")})
    tocsin.start()
    ids = set()

    def arrive():
        ids.update(add_rows(alerts_database, 3, text=f"row {len(ids)} of"))
        wait_until(lambda: scarce.failed or rows.pending(alerts_database) == 0, 60,
                   "a look at the rows")

    arrive()                        # what is made once and kept is not counted
    scarce.count()
    arrive()
    for at, for_good in picks(campaign, scarce, 15):
        scarce.fail(at, for_good)
        arrive()
        scarce.off()
        if not tocsin.running():
            check_end(tocsin, tocsin.wait_end(), f"row, allocation {at}")
            tocsin.start()
    wait_until(lambda: rows.sent(alerts_database) == ids, 60, "every row sent")
    tocsin.wait_settled(60)
    tocsin.stop()
    check_log(tocsin)
    assert len(smtp.by_key()) == len(ids), "lost, or with another key"
    campaign.record(failures=scarce.failures, rows=len(ids), lost=0)


class Talk:
    """A source that hears words, and what it has acknowledged."""

    def __init__(self, tocsin):
        self.tocsin = tocsin
        self.said = set()
        self.spooled = set()
        self.refused = 0

    def ask(self, *question):
        """A word; its status, or None without memory for an answer."""
        client = Client(self.tocsin.socket, timeout=10)
        try:
            status, _ = ask(self.tocsin, *question, client=client)
        except Unreachable:
            status = None
        client.close()
        assert status in (200, 503, None), status
        self.refused += status != 200
        return status

    def ping(self):
        """A ping with an alert in its commit."""
        n = len(self.said) + self.refused
        if self.ask("backup", "alarm", {"n": n, "text": "Grüße " * 30}) == 200:
            self.said.add(n)

    def look(self):
        """Questions, to one and to all."""
        self.ask("backup")
        self.ask(None)

    def spool(self):
        """A ping that is spooled."""
        n = 1_000_000 + len(self.spooled)
        put(self.tocsin, spooled(n))
        self.spooled.add(n)


@pytest.mark.timeout(100000)
def test_memory_of_words(hearing, scarce, campaign):
    """Each word is answered or refused, and what was acknowledged is remembered."""
    scarce.attack(hearing).parrots(one=parrot("backup"), two=parrot("report"))
    hearing.start()
    talk = Talk(hearing)
    for deed in (talk.ping, talk.look, talk.spool):
        deed()
        scarce.count()
        deed()
        wait_empty(hearing)
        for at, for_good in picks(campaign, scarce, 20):
            do_scarcely(talk, scarce, deed, at, for_good)
    put(hearing, spooled(0, "report"))      # wakes who waits to try again
    wait_empty(hearing, 60)
    remembered = {each["n"] for each in pings(hearing, "backup")}
    assert not (talk.said | talk.spooled) - remembered
    hearing.wait_settled(60)
    hearing.stop()
    check_log(hearing)
    assert scarce.failures > 20 and talk.refused > 0
    campaign.record(failures=scarce.failures, acknowledged=len(talk.said) + len(talk.spooled),
                    refused=talk.refused, lost=0)


def try_once(tocsin, scarce, at, for_good):
    """One run with little memory, for a while; its status."""
    scarce.fail(at, for_good)
    run = tocsin.start_once()
    try:
        run.wait(1.5 * SLOW)
    except subprocess.TimeoutExpired:
        pass                    # it waits for memory
    scarce.off()
    text, _ = run.communicate(timeout=300 * SLOW)
    assert not REPORTS.search(text), f"allocation {at}: {text}"
    assert run.returncode in (1, *ENDS), f"allocation {at}: {run.returncode}: {text}"
    return run.returncode


@pytest.mark.timeout(100000)
@pytest.mark.needs("postgres", "smtp")
def test_memory_of_a_run_that_is_once(tocsin, alerts_database, smtp, scarce, campaign):
    """A run without memory sends what it can; the next one sends the rest."""
    add_recipients(alerts_database)
    scarce.attack(tocsin).configure(
        channels={"mail": smtp_channel(smtp, retry=RETRY)}, log={"level": "info"},
        sources={"alerts": postgres_source(alerts_database)})
    ids = set(add_rows(alerts_database, 2))
    scarce.count()
    assert tocsin.tocsind("--check").status == 0
    reading = scarce.seen           # that fails in test_memory_start_and_stop
    scarce.count()
    assert tocsin.tocsind("--once").status == 0
    statuses = set()
    for at, for_good in picks(campaign, scarce, 25, reading):
        ids.update(add_rows(alerts_database, 2, text=f"row {len(ids)} of"))
        statuses.add(try_once(tocsin, scarce, at, for_good))
    last = tocsin.once()
    assert last.status == 0, last
    assert rows.sent(alerts_database) == ids and len(smtp.by_key()) == len(ids)
    assert statuses - {0}, "no run was refused: was memory ever scarce?"
    campaign.record(failures=scarce.failures, rows=len(ids), lost=0)


CARELESS = r"""
#include <stdlib.h>
#include <string.h>
#include <tocsin/plugin.h>

struct config { const char *to; };
static const struct tocsin_option options[] = {
	TOCSIN_OPTION(STRING, struct config, to, .preset = "", .help = "Nobody."),
};
static const struct tocsin_host *host;

static int careless_open(struct tocsin_self *self, const struct tocsin_host *given,
			 const void *config, void **state)
{
	(void)self;
	host = given;
	*state = (void *)config;
	return 0;
}

static void careless_deliver(void *state, struct tocsin_delivery *const batch[], size_t n)
{
	(void)state;
	(void)n;
	for (int i = 0; i < 20000; i++) {
		char *copy = strdup(batch[0]->key);

		copy[0] = 'x';
		free(copy);
	}
	host->done(batch[0], TOCSIN_DELIVERED, 0, "");
}

static void careless_close(void *state)
{
	(void)state;
}

static const struct tocsin_channel_ops ops = {
	.size = sizeof(ops), .open = careless_open, .deliver = careless_deliver,
	.close = careless_close,
};
TOCSIN_PLUGIN(.kind = TOCSIN_CHANNEL, .name = "careless", .version = "1", .summary = "careless",
	      .options = options, .option_count = TOCSIN_COUNT(options),
	      .config_size = sizeof(struct config), .channel = &ops, .blocking = true);
"""


def test_memory_control_a_careless_plugin_is_caught(make_tocsin, stage, scarce, tmp_path):
    """A plugin that does not look at what malloc gave it: the harness must see it crash."""
    plugins = tmp_path / "plugins"
    plugins.mkdir(mode=0o755)
    shutil.copy(stage.plugins / "sqlite.so", plugins)
    (tmp_path / "careless.c").write_text(CARELESS)
    # A compiler that thinks would leave out what nobody reads.
    compile_library(plugins / "careless.so", "-O0", f"-I{stage.include}", tmp_path / "careless.c")
    tocsin = scarce.attack(make_tocsin(plugins=[plugins]))
    tocsin.configure(channels={"log": {"type": "careless"}}).start()
    # Most of what one alert allocates is in the plugin.
    scarce.fail(10000)
    with contextlib.suppress(Unreachable):      # it may be quicker than the answer
        tocsin.send(alert())
    with pytest.raises(AssertionError, match="ended with|DEADLYSIGNAL|Sanitizer"):
        check_end(tocsin, tocsin.wait_end(10), "the careless plugin")
    tocsin.output.clear()           # what is in the log belongs there


def test_memory_control_a_forgetful_store_loses(tocsin, slack, smtp, tmp_path):
    """A daemon that acknowledges before it commits: the harness must see what it lost."""
    work = Work(make_forgetful(tocsin), slack, smtp, tmp_path)
    tocsin.start()
    for _ in range(5):
        slack.answer(503)           # keeps alerts in the store, where they can be forgotten
        for _ in range(15):
            work.post()
        tocsin.kill()
        slack.clear()
        tocsin.start()
    tocsin.kill()
    tocsin.environment = {}
    tocsin.start()
    tocsin.wait_settled(60)
    assert work.lost(), "the control lost nothing: this harness cannot see a loss"
