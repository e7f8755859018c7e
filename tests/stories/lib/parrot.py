# SPDX-License-Identifier: Apache-2.0
"""A source that hears words: it keeps what it is told, and says it again.

`names` are what it announces; one that `grows` takes on others as well. A `hasty` one answers before it
has emitted, which is what no source may do. `hold` is how long it thinks. A `silent` one announces
nothing.
"""

import itertools
import json
import threading
import time
from urllib.parse import quote

from .client import Client, Unreachable
from .sections import file_channel
from .tocsin import wait_until

SOURCE = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tocsin/plugin.h>

struct config {
	struct tocsin_strings names;
	bool grows, hasty, silent;
	int64_t hold;
};

static const struct tocsin_option options[] = {
	TOCSIN_OPTION(STRINGS, struct config, names, .help = "What it announces."),
	TOCSIN_OPTION(BOOL, struct config, grows, .preset = "false", .help = "Takes on others."),
	TOCSIN_OPTION(BOOL, struct config, hasty, .preset = "false", .help = "Answers too early."),
	TOCSIN_OPTION(BOOL, struct config, silent, .preset = "false", .help = "Announces nothing."),
	TOCSIN_OPTION(DURATION, struct config, hold, .preset = "0s", .help = "How long it thinks."),
};

struct parrot {
	struct tocsin_self *self;
	const struct tocsin_host *host;
	const struct config *config;
	unsigned int heard;
};

static int parrot_open(struct tocsin_self *self, const struct tocsin_host *host, const void *config,
		       void **state)
{
	struct parrot *parrot = calloc(1, sizeof(*parrot));

	if (!parrot)
		return -ENOMEM;
	*parrot = (struct parrot){.self = self, .host = host, .config = config};
	*state = parrot;
	return 0;
}

static bool knows(const struct parrot *parrot, const char *item)
{
	for (size_t i = 0; i < parrot->config->names.n; i++)
		if (strcmp(parrot->config->names.item[i], item) == 0)
			return true;
	return parrot->config->grows;
}

static void answer(struct tocsin_call *call, int status, const char *text)
{
	call->status = status;
	call->answer = strdup(text);
}

/* What was kept of one item, as the inside of a JSON array. */
static int add_kept(const char *name, const char *value, void *data)
{
	char **text = data, *longer = NULL;

	(void)name;
	if (asprintf(&longer, "%s%s%s", *text, **text ? "," : "", value) < 0)
		return -ENOMEM;
	free(*text);
	*text = longer;
	return 0;
}

static void show(struct parrot *parrot, struct tocsin_call *call)
{
	char *kept = strdup(""), *whole = NULL, prefix[512];

	snprintf(prefix, sizeof(prefix), "ping/%s/", call->item);
	if (!kept || parrot->host->each(parrot->self, prefix, false, 0, add_kept, &kept) < 0 ||
	    asprintf(&whole, "{\"name\":\"%s\",\"pings\":[%s]}", call->item, kept) < 0)
		whole = NULL;
	free(kept);
	call->status = 200; /* without an answer 503 */
	call->answer = whole;
}

static void list(const struct parrot *parrot, struct tocsin_call *call)
{
	char text[4096] = "{\"heartbeats\":[";

	for (size_t i = 0; i < parrot->config->names.n; i++) {
		size_t used = strlen(text);

		snprintf(text + used, sizeof(text) - used, "%s{\"name\":\"%s\"}", i ? "," : "",
			 parrot->config->names.item[i]);
	}
	answer(call, 200, strcat(text, "]}"));
}

/* With an alert of its own in the same commit when it is asked for one. */
static int keep(struct parrot *parrot, const struct tocsin_call *call)
{
	char name[1024];

	snprintf(name, sizeof(name), "ping/%s/%06u/%s", call->item, parrot->heard++, call->body);
	return parrot->host->keep(parrot->self, name, call->body);
}

static void emit(struct parrot *parrot, struct tocsin_call *const call[], size_t n)
{
	struct tocsin_emission batch[256];
	struct tocsin_pair label[256];
	struct tocsin_pair summary[256];
	size_t alerts = 0;
	int result;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(call[i]->verb, "alarm") != 0)
			continue;
		label[alerts] = (struct tocsin_pair){"alertname", "Parrot"};
		summary[alerts] = (struct tocsin_pair){"summary", call[i]->body};
		batch[alerts] = (struct tocsin_emission){
			.alert = {.size = sizeof(struct tocsin_alert), .severity = TOCSIN_WARNING,
				  .status = TOCSIN_EVENT, .labels = {&label[alerts], 1},
				  .annotations = {&summary[alerts], 1}}};
		alerts++;
	}
	result = parrot->host->emit(parrot->self, batch, alerts);
	parrot->host->count(parrot->self, "emits", 1);
	for (size_t i = 0; i < n && result < 0; i++)
		if (strcmp(call[i]->verb, "ping") == 0 || strcmp(call[i]->verb, "alarm") == 0) {
			free(call[i]->answer);
			answer(call[i], 503, "not now");
		}
}

static void speak(struct parrot *parrot, struct tocsin_call *call)
{
	if (!call->item)
		list(parrot, call);
	else if (!knows(parrot, call->item))
		answer(call, 404, "never heard of it");
	else if (strcmp(call->verb, "show") == 0)
		show(parrot, call);
	else if (strcmp(call->verb, "refuse") == 0)
		answer(call, 409, "it does not want to");
	else if (strcmp(call->verb, "ping") == 0 || strcmp(call->verb, "alarm") == 0)
		answer(call, keep(parrot, call) < 0 ? 503 : 200, call->body);
	else if (strcmp(call->verb, "mute") != 0)
		answer(call, 200, "{}");
}

static void parrot_call(void *state, struct tocsin_call *const call[], size_t n)
{
	struct parrot *parrot = state;
	struct timespec hold = {parrot->config->hold / 1000, parrot->config->hold % 1000 * 1000000};

	parrot->host->count(parrot->self, "calls", (int64_t)n);
	for (size_t i = 0; i < n; i++)
		speak(parrot, call[i]);
	nanosleep(&hold, NULL);
	if (!parrot->config->hasty)
		emit(parrot, call, n);
}

static int parrot_run(void *state)
{
	struct parrot *parrot = state;
	const struct tocsin_strings *names = &parrot->config->names;
	int result = 0;

	if (!parrot->config->silent)
		result = parrot->host->announce(parrot->self, names->item, names->n);

	parrot->host->swept(parrot->self);
	while (result == 0 && parrot->host->wait(parrot->self, -1, 1000) != TOCSIN_STOP)
		;
	return result;
}

static const struct tocsin_source_ops ops = {
	.size = sizeof(ops), .open = parrot_open, .run = parrot_run, .close = free,
	.call = parrot_call,
};

TOCSIN_PLUGIN(.kind = TOCSIN_SOURCE, .name = "parrot", .version = "1", .summary = "says it again",
	      .options = options, .option_count = TOCSIN_COUNT(options),
	      .config_size = sizeof(struct config), .source = &ops, .items = TOCSIN_HEARTBEATS);
"""


def parrot(*names, **more):
    """A section of such a source."""
    return {"type": "parrot", "names": list(names), **more}


def hearing(tocsin, directory):
    """Gives the daemon a function that configures it with parrots."""
    def configure(**sources):
        return tocsin.configure(channels={"log": file_channel(directory / "log.json")},
                                sources=sources)
    tocsin.parrots = configure
    return tocsin


def ask(tocsin, item, verb=None, body=None, method=None, query="", client=None):
    """(status, JSON) of a word about a heartbeat; without a verb it is shown, without an item all are."""
    target = "/api/v1/heartbeats" + (f"/{quote(item, safe='')}" if item is not None else "")
    target += f"/{verb}" if verb else ""
    data = None if body is None else json.dumps(body).encode()
    status, _, said = (client or tocsin.client()).raw(
        method or ("POST" if verb else "GET"), target + query, data,
        {"Content-Type": "application/json"} if data else {})
    return status, json.loads(said) if said else None


def pings(tocsin, item):
    """What a parrot remembers of an item."""
    status, said = ask(tocsin, item)
    assert status == 200, said
    return said["pings"]


class Pinger(threading.Thread):
    """Pings without end, and remembers what was acknowledged."""

    def __init__(self, tocsin, item, pause=0, alarms=True):
        super().__init__(daemon=True)
        self.tocsin, self.item, self.pause, self.alarms = tocsin, item, pause, alarms
        self.client = Client(tocsin.socket, timeout=10)
        self.acknowledged, self.statuses = set(), set()
        self.number = 0
        self.stopped = False

    def run(self):
        while not self.stopped:
            self.number += 1
            time.sleep(self.pause)
            verb = "alarm" if self.alarms and self.number % 5 == 0 else "ping"
            try:
                status, _ = ask(self.tocsin, self.item, verb, {"n": self.number},
                                client=self.client)
            except Unreachable:
                time.sleep(0.005)
                continue
            self.statuses.add(status)
            if status == 200:
                self.acknowledged.add(self.number)

    def end(self):
        """No more."""
        self.stopped = True
        self.join(20)


COUNT = itertools.count(1)


def put(tocsin, content, name=None):
    """A file of the spool, as the commands write it; its path."""
    tocsin.spool.mkdir(mode=0o700, exist_ok=True)
    name = name or f"{next(COUNT):08}.json"
    hidden = tocsin.spool / f".{next(COUNT)}"
    hidden.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return hidden.rename(tocsin.spool / name)


def spooled(n, item="backup", **more):
    """What a file says that is a ping."""
    return {"path": f"/api/v1/heartbeats/{item}/ping", "body": {"n": n}, **more}


def left(tocsin):
    """What is in the spool."""
    return sorted(path.name for path in tocsin.spool.iterdir() if path.name != "refused")


def wait_empty(tocsin, seconds=15):
    """All of the spool was dealt with."""
    wait_until(lambda: not left(tocsin), seconds, lambda: f"an empty spool: {left(tocsin)}")
