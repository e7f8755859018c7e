# SPDX-License-Identifier: Apache-2.0
"""A source with checks whose values are configured, to be asked without a daemon. Asked for one it goes
through all that a host offers to a source, and says where that is not as promised."""

SOURCE = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <tocsin/plugin.h>

struct config {
	struct tocsin_map values;
	bool broken;
};

static const struct tocsin_option options[] = {
	TOCSIN_OPTION(MAP, struct config, values, .help = "Checks and their values."),
	TOCSIN_OPTION(BOOL, struct config, broken, .preset = "false", .help = "Cannot be opened."),
};

struct gauge {
	struct tocsin_self *self;
	const struct tocsin_host *host;
	const struct config *config;
};

static int gauge_open(struct tocsin_self *self, const struct tocsin_host *host, const void *config,
		      void **state)
{
	struct gauge *gauge = calloc(1, sizeof(*gauge));

	*gauge = (struct gauge){.self = self, .host = host, .config = config};
	if (gauge->config->broken) {
		host->log(self, TOCSIN_LOG_ERROR, "the needle is bent");
		free(gauge);
		return -EIO;
	}
	*state = gauge;
	return 0;
}

static int add_name(const char *name, const char *value, void *data)
{
	strcat(data, name);
	strcat(data, value);
	return strlen(data) > 4 ? 7 : 0;
}

#define MUST(what) if (!(what)) return #what

static const char *try_host(struct gauge *gauge)
{
	const struct tocsin_host *host = gauge->host;
	struct tocsin_self *self = gauge->self;
	struct tocsin_emission emission = {.alert = {.size = sizeof(struct tocsin_alert)}};
	char names[99] = "", *value = NULL;
	int ends[2];

	MUST(host->load(self, "none", &value) == -ENOENT);
	MUST(host->save(self, "a/2", "x") == 0 && host->load(self, "a/2", &value) == 0);
	MUST(strcmp(value, "x") == 0);
	free(value);
	MUST(host->keep(self, "a/1", "y") == 0 && host->keep(self, "a/2", NULL) == 0);
	MUST(host->load(self, "a/1", &value) == -ENOENT);
	MUST(host->emit(self, &emission, 1) == 0 && emission.result == TOCSIN_ACCEPTED);
	MUST(host->load(self, "a/2", &value) == -ENOENT);
	MUST(host->save(self, "a/3", "z") == 0 && host->save(self, "b", "-") == 0);
	MUST(host->each(self, "a/", true, 0, add_name, names) == 7 && !strcmp(names, "a/3za/1y"));
	names[0] = '\0';
	MUST(host->each(self, "a/", false, 1, add_name, names) == 0 && !strcmp(names, "a/1y"));
	MUST(host->save(self, "b", NULL) == 0 && host->load(self, "b", &value) == -ENOENT);
	MUST(host->once(self) && host->announce(self, NULL, 0) == 0);
	MUST(host->wait(self, -1, 5) == TOCSIN_TIMEOUT && host->wait(self, -1, -1) == TOCSIN_STOP);
	MUST(pipe(ends) == 0 && host->wait(self, ends[0], 5) == TOCSIN_TIMEOUT);
	MUST(write(ends[1], "x", 1) == 1 && host->wait(self, ends[0], -1) == TOCSIN_READY);
	MUST(host->save(self, "a/1", NULL) == 0 && host->save(self, "a/3", NULL) == 0);
	host->count(self, "asked", 1);
	host->expect(self, 1);
	host->park(self);
	host->swept(self);
	close(ends[0]);
	close(ends[1]);
	return "as promised";
}

static void say(struct tocsin_call *call, int status, const char *text)
{
	call->status = status;
	call->answer = strdup(text);
}

static void speak(struct gauge *gauge, struct tocsin_call *call)
{
	char text[4096] = "{\"checks\":[";

	for (size_t i = 0; !call->item && i < gauge->config->values.n; i++)
		sprintf(text + strlen(text), "%s{\"name\":\"%s\",\"state\":\"%s\"}", i ? "," : "",
			gauge->config->values.pair[i].name,
			strcmp(gauge->config->values.pair[i].value, "-") ? "ok" : "paused");
	if (!call->item) {
		say(call, 200, strcat(text, "]}"));
		return;
	}
	for (size_t i = 0; i < gauge->config->values.n; i++) {
		int value = atoi(gauge->config->values.pair[i].value);

		if (strcmp(gauge->config->values.pair[i].name, call->item) != 0)
			continue;
		sprintf(text, "{\"name\":\"%s\",\"exit\":%d,\"line\":\"%s is %d, %s\","
			"\"perfdata\":\"%s=%d;10;20\"}", call->item,
			value >= 20 ? 2 : value >= 10, call->item, value, try_host(gauge),
			call->item, value);
		say(call, value < 0 ? 503 : 200, value < 0 ? "the database is away" : text);
		return;
	}
	say(call, 404, "not here");
}

static void gauge_call(void *state, struct tocsin_call *const call[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		speak(state, call[i]);
}

static int gauge_run(void *state)
{
	struct gauge *gauge = state;

	while (gauge->host->wait(gauge->self, -1, -1) != TOCSIN_STOP)
		;
	return 0;
}

static const struct tocsin_source_ops gauge = {
	.size = sizeof(gauge), .open = gauge_open, .run = gauge_run, .close = free,
	.call = gauge_call};

TOCSIN_PLUGIN(.kind = TOCSIN_SOURCE, .name = "gauge", .version = "1", .summary = "Checks.",
	      .options = options, .option_count = TOCSIN_COUNT(options),
	      .config_size = sizeof(struct config), .source = &gauge, .items = TOCSIN_CHECKS);
"""
