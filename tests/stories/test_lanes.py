# SPDX-License-Identifier: Apache-2.0
"""At most so many deliveries at once for one user; the others are not held up by a busy one."""

import collections
import re
import threading
import time

import pytest

from lib.sections import slack_channel
from lib.slack import SlackServer, all_text
from lib.tocsin import SLOW, alert, wait_until

pytestmark = pytest.mark.needs("sqlite", "slack")

# Takes its time for each delivery, and writes down when it begins and ends.
SLEEPER = r"""
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tocsin/plugin.h>

struct config { const char *path; int64_t pause; };

static const struct tocsin_option options[] = {
	TOCSIN_OPTION(PATH, struct config, path, .required = true, .help = "Where to write."),
	TOCSIN_OPTION(DURATION, struct config, pause, .preset = "20ms", .help = "How long it takes."),
};

struct sleeper { const struct tocsin_host *host; const struct config *config; };

static int sleeper_open(struct tocsin_self *self, const struct tocsin_host *host,
			const void *config, void **state)
{
	struct sleeper *sleeper = calloc(1, sizeof(*sleeper));

	(void)self;
	if (!sleeper)
		return -ENOMEM;
	*sleeper = (struct sleeper){.host = host, .config = config};
	*state = sleeper;
	return 0;
}

static void put(const struct config *config, char mark, const struct tocsin_alert *alert)
{
	FILE *out = fopen(config->path, "a");

	for (size_t i = 0; i < alert->labels.n; i++)
		if (strcmp(alert->labels.pair[i].name, "user") == 0)
			fprintf(out, "%c%s\n", mark, alert->labels.pair[i].value);
	fclose(out);
}

static void sleeper_deliver(void *state, struct tocsin_delivery *const batch[], size_t n)
{
	struct sleeper *sleeper = state;
	const struct timespec pause = {.tv_nsec = sleeper->config->pause * 1000000};

	(void)n;
	put(sleeper->config, '+', batch[0]->alert);
	nanosleep(&pause, NULL);
	put(sleeper->config, '-', batch[0]->alert);
	sleeper->host->done(batch[0], TOCSIN_DELIVERED, 0, NULL);
}

static const struct tocsin_channel_ops ops = {
	.size = sizeof(ops), .open = sleeper_open, .deliver = sleeper_deliver, .close = free,
};

TOCSIN_PLUGIN(.kind = TOCSIN_CHANNEL, .name = "sleeper", .version = "1", .summary = "takes its time",
	      .options = options, .option_count = TOCSIN_COUNT(options),
	      .config_size = sizeof(struct config), .channel = &ops, .blocking = true);
"""


def of(user, n):
    """n alerts about a user."""
    return [alert(f"alert {i}", labels={"user": user}) for i in range(n)]


class Slow(SlackServer):
    """Takes its time, and notes how many requests of each user are there at once."""

    def __init__(self):
        self.now = collections.Counter()
        self.most = collections.Counter()
        self.order = []
        self.gate = threading.Lock()
        super().__init__()

    def reply(self, request):
        found = re.search(r"user\W+(?:\w+\W+)*?(u\d+)", request.body.decode())
        user = found.group(1) if found else "none"
        with self.gate:
            self.order.append(user)
            for name in (user, "all"):
                self.now[name] += 1
                self.most[name] = max(self.most[name], self.now[name])
        time.sleep(0.05)
        with self.gate:
            for name in (user, "all"):
                self.now[name] -= 1
        return super().reply(request)


def test_a_busy_user_does_not_hold_up_the_others(tocsin, standins):
    """At most 10 at once overall, at most 2 of one user."""
    slack = standins(Slow)
    tocsin.configure(channels={"chat": slack_channel(
        slack, layout="classic", concurrency=10, at_once_per={"label": "user", "most": 2})}).start()
    tocsin.send(*of("u1", 100))
    for user in range(2, 8):
        tocsin.send(*of(f"u{user}", 4))
    wait_until(lambda: all(slack.order.count(f"u{n}") == 4 for n in range(2, 8)), 15, "the others")
    assert slack.order.count("u1") < 40 * SLOW
    tocsin.wait_settled()
    assert max(slack.most[f"u{n}"] for n in range(1, 8)) == 2
    assert 4 < slack.most["all"] <= 10
    assert tocsin.counters()["delivered"] == 124


def test_more_alerts_of_one_user_than_memory_holds_do_not_hold_up_the_others(tocsin, standins):
    """Without stirring the store while they wait."""
    slack = standins(Slow)
    tocsin.configure(channels={"chat": slack_channel(
        slack, layout="classic", concurrency=10, at_once_per={"label": "user", "most": 1})}).start()
    tocsin.send(*of("u1", 1000))
    tocsin.send(*of("u1", 1000))
    tocsin.send(*of("u2", 5), *[alert(f"alert {n}") for n in range(5)])
    wait_until(lambda: slack.order.count("u2") == 5 and slack.order.count("none") == 5, 20,
               "the others")
    assert slack.order.count("u1") < 400 * SLOW and slack.most["u1"] == 1
    tocsin.kill()
    tocsin.configure(channels={"chat": slack_channel(slack, enabled=False)}).start()
    tocsin.check_books()


def test_alerts_without_the_label_are_not_limited(tocsin, standins):
    slack = standins(Slow)
    tocsin.configure(channels={"chat": slack_channel(
        slack, concurrency=8, at_once_per={"label": "user"})}).start()
    tocsin.send(*[alert(f"alert {n}") for n in range(40)])
    tocsin.wait_settled()
    assert slack.most["none"] > 2


@pytest.fixture
def sleeper(make_tocsin, stage, plugin_kit, tmp_path):
    """A daemon with a blocking channel, and how many of a user were at once, and the order."""
    plugin_kit(SLEEPER, "sleeper")
    tocsin = make_tocsin(plugins=[stage.plugins, plugin_kit.directory])
    path = tmp_path / "marks"

    def marks():
        now, most, order = collections.Counter(), collections.Counter(), []
        for line in path.read_text("utf-8").splitlines():
            now[line[1:]] += 1 if line[0] == "+" else -1
            most[line[1:]] = max(most[line[1:]], now[line[1:]])
            if line[0] == "+":
                order.append(line[1:])
        return most, order
    return tocsin, path, marks


def test_a_blocking_channel_has_lanes_too(sleeper):
    tocsin, path, marks = sleeper
    tocsin.configure(channels={"job": {"type": "sleeper", "path": str(path), "workers": 6,
                                       "at_once_per": {"label": "user", "most": 2}}}).start()
    tocsin.send(*of("u1", 60))
    tocsin.send(*of("u2", 10), *of("u3", 10))
    tocsin.wait_settled()
    most, order = marks()
    assert set(most.values()) == {2} and len(order) == 80
    assert order.index("u3") < 40 and order[-1] == "u1"


def test_an_idle_worker_waits_without_work_in_full_lanes(sleeper):
    """A long delivery of one user, many more that wait for it: nothing spins."""
    tocsin, path, _ = sleeper
    tocsin.configure(channels={"job": {"type": "sleeper", "path": str(path), "workers": 4,
                                       "pause": "900ms",
                                       "at_once_per": {"label": "user", "most": 1}}}).start()
    tocsin.send(*of("u1", 800))
    time.sleep(0.5)
    before = cpu_seconds(tocsin.pid)
    time.sleep(2)
    assert cpu_seconds(tocsin.pid) - before < 0.6 * SLOW
    tocsin.kill()


def cpu_seconds(pid):
    """What a process used so far."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100
