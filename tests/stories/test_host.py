# SPDX-License-Identifier: Apache-2.0
"""What the core does for plugins: values that last, timers, requests; a source that ends by itself."""

import pytest

from lib.sections import file_channel
from lib.tocsin import alert, wait_until

# Asks whether it may deliver, after a moment; a no is asked again by a timer. Remembers how often it
# was opened.
GATE = r"""
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tocsin/http.h>
#include <tocsin/plugin.h>

struct config { const char *url; };

static const struct tocsin_option options[] = {
	TOCSIN_OPTION(URL, struct config, url, .required = true, .help = "Whom to ask."),
};

struct gate {
	struct tocsin_self *self;
	const struct tocsin_host *host;
	const struct config *config;
	struct tocsin_delivery *waiting;
};

static void ask(void *data);

static void answered(const struct tocsin_reply *reply, void *data)
{
	struct gate *gate = data;
	struct tocsin_delivery *delivery = gate->waiting;
	char why[128];

	gate->host->count(gate->self, "answers", 1);
	if (reply->status == 503 && gate->host->timer(gate->self, 50, ask, gate) == 0)
		return;
	gate->waiting = NULL;
	snprintf(why, sizeof(why), "the gate says %d %s", reply->status,
		 reply->error ? reply->error : "");
	gate->host->done(delivery, reply->status == 200 ? TOCSIN_DELIVERED : TOCSIN_REJECTED, 0, why);
}

static void ask(void *data)
{
	struct gate *gate = data;
	struct tocsin_request request = {.size = sizeof(request), .url = gate->config->url};

	if (gate->host->http(gate->self, &request, answered, gate) < 0)
		gate->host->done(gate->waiting, TOCSIN_REJECTED, 0, "the request was refused");
}

static void gate_deliver(void *state, struct tocsin_delivery *const batch[], size_t n)
{
	struct gate *gate = state;

	(void)n;
	gate->waiting = batch[0];
	gate->host->begin(batch[0]);
	if (gate->host->timer(gate->self, 10, ask, gate) < 0)
		ask(gate);
}

static int gate_open(struct tocsin_self *self, const struct tocsin_host *host,
		     const void *config, void **state)
{
	struct gate *gate = calloc(1, sizeof(*gate));
	char *opened = NULL, next[16];
	int times = 0, result = host->load(self, "opened", &opened);

	if (!gate || (result < 0 && result != -ENOENT))
		return -EIO;
	if (opened)
		times = atoi(opened);
	snprintf(next, sizeof(next), "%d", times + 1);
	host->log(self, TOCSIN_LOG_INFO, "opened %s time(s)", next);
	if (host->save(self, "opened", next) < 0)
		return -EIO;
	free(opened);
	*gate = (struct gate){.self = self, .host = host, .config = config};
	*state = gate;
	return 0;
}

static const struct tocsin_channel_ops ops = {
	.size = sizeof(ops), .open = gate_open, .deliver = gate_deliver, .close = free,
};

TOCSIN_PLUGIN(.kind = TOCSIN_CHANNEL, .name = "gate", .version = "1", .summary = "asks first",
	      .options = options, .option_count = TOCSIN_COUNT(options),
	      .config_size = sizeof(struct config), .channel = &ops, .concurrency = 1);
"""

# Emits one good alert and one that nobody can take, then ends although nobody told it to.
SPRING = r"""
#include <errno.h>
#include <stdlib.h>
#include <tocsin/plugin.h>

struct config { int64_t error; };

static const struct tocsin_option options[] = {
	TOCSIN_OPTION(INT, struct config, error, .preset = "0", .min = 0, .max = 200,
		      .help = "What its run returns."),
};

struct spring {
	struct tocsin_self *self;
	const struct tocsin_host *host;
	const struct config *config;
};

static int spring_open(struct tocsin_self *self, const struct tocsin_host *host,
		       const void *config, void **state)
{
	struct spring *spring = calloc(1, sizeof(*spring));

	if (!spring)
		return -ENOMEM;
	*spring = (struct spring){.self = self, .host = host, .config = config};
	*state = spring;
	return 0;
}

static int spring_run(void *state)
{
	struct spring *spring = state;
	struct tocsin_pair label = {"alertname", "Spring"};
	struct tocsin_emission batch[3] = {
		{.alert = {.labels = {&label, 1}, .severity_name = "warning",
			   .severity = TOCSIN_WARNING, .size = sizeof(struct tocsin_alert)},
		 .mark = "good"},
		{.alert = {.size = sizeof(struct tocsin_alert)}, .mark = "bad"},
		{.alert = {.size = sizeof(struct tocsin_alert)}, .mark = NULL},
	};

	if (spring->host->emit(spring->self, batch, 3) == 0)
		spring->host->log(spring->self, TOCSIN_LOG_INFO, "emitted: %d %d %d",
				  batch[0].result, batch[1].result, batch[2].result);
	return -(int)spring->config->error;
}

static const struct tocsin_source_ops ops = {
	.size = sizeof(ops), .open = spring_open, .run = spring_run, .close = free,
};

TOCSIN_PLUGIN(.kind = TOCSIN_SOURCE, .name = "spring", .version = "1", .summary = "springs once",
	      .options = options, .option_count = TOCSIN_COUNT(options),
	      .config_size = sizeof(struct config), .source = &ops);
"""


@pytest.fixture
def gated(make_tocsin, stage, plugin_kit, web):
    """A daemon whose only channel asks an HTTP server first."""
    plugin_kit(GATE, "gate")
    tocsin = make_tocsin(plugins=[stage.plugins, plugin_kit.directory])
    return tocsin.configure(channels={"gate": {"type": "gate", "url": web.url, "timeout": "2s"}})


def test_a_plugin_asks_by_http_and_waits_by_timer(gated, web):
    web.answer(503, b"not yet", times=3)
    gated.start()
    gated.send(alert("one"))
    gated.wait_settled()
    assert len(web.requests) == 4 and {r.method for r in web.requests} == {"GET"}
    last = gated.delivery(gated.deliveries()[0]["id"])["history"][-1]
    assert last["outcome"] == "delivered" and "200" in last["detail"], last


def test_a_plugin_hears_why_there_is_no_reply(gated, web):
    web.reset()
    gated.start()
    gated.send(alert("one"))
    gated.wait_counter("dead", 1)
    reason = gated.deliveries()[0]["reason"]
    assert "the gate says 0" in reason and len(reason) > len("the gate says 0 "), reason


def test_values_of_a_plugin_outlive_the_process(gated):
    for times in range(1, 4):
        gated.start()
        gated.wait_log(rf"opened {times} time")
        if times == 2:
            gated.kill()
        else:
            gated.stop()


@pytest.mark.parametrize("error, words", [(0, "without an error"), (5, "Input/output error")])
def test_a_source_that_ends_by_itself_is_started_again(make_tocsin, stage, plugin_kit, tmp_path,
                                                       error, words):
    """What it emitted wrongly is told once for each mark, and spoils nothing else."""
    plugin_kit(SPRING, "spring")
    tocsin = make_tocsin(plugins=[stage.plugins, plugin_kit.directory])
    tocsin.configure(channels={"log": file_channel(tmp_path / "log.json")},
                     sources={"spring": {"type": "spring", "error": error}}).start()
    tocsin.wait_log(rf"stopped by itself \({words}\); it starts again")
    tocsin.wait_counter("delivered", 1)
    trouble = tocsin.status()["sources"][0]["trouble"]
    assert trouble, tocsin.status()
    wait_until(lambda: tocsin.log().count("stopped by itself") >= 2, 20, "a second run")
    assert tocsin.log().count("alert bad is not accepted") == 1
    assert "alert without a mark is not accepted" in tocsin.log()
    tocsin.wait_settled()
