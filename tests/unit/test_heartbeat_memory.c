/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heartbeat source when memory runs out, at each allocation in turn: what is answered with 200 is
 * saved and told whole; otherwise nothing is. The host is made of fixed tables and never fails.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/sources/heartbeat/heartbeat.h"
#include "scarce.h"

#define VALUES 40

extern const struct tocsin_plugin tocsin_plugin;

struct value {
	char name[80], text[3000];
	bool forgets;
};

struct tocsin_self {
	struct value saved[VALUES], kept[VALUES];
	size_t n_saved, n_kept, n_alerts;
	char alert[2000];
};

static struct tocsin_self self;

static struct value *find(struct value *value, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(value[i].name, name) == 0)
			return &value[i];
	return NULL;
}

static void put(struct value *value, size_t *n, const char *name, const char *text)
{
	struct value *found = find(value, *n, name);

	if (!found) {
		if (*n == VALUES)
			scarce_fail("too many values");
		found = &value[(*n)++];
	}
	snprintf(found->name, sizeof(found->name), "%s", name);
	snprintf(found->text, sizeof(found->text), "%s", text ? text : "");
	found->forgets = !text;
}

static void table_log(struct tocsin_self *who, enum tocsin_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void table_log(struct tocsin_self *who, enum tocsin_level level, const char *format, ...)
{
	(void)who, (void)level, (void)format;
}

static int table_load_value(struct tocsin_self *who, const char *name, char **value)
{
	struct value *found = find(who->saved, who->n_saved, name);

	if (!found || found->forgets)
		return -ENOENT;
	*value = strdup(found->text);
	return *value ? 0 : -ENOMEM;
}

static int table_keep(struct tocsin_self *who, const char *name, const char *value)
{
	put(who->kept, &who->n_kept, name, value);
	return 0;
}

static int table_each(struct tocsin_self *who, const char *prefix, bool newest_first, size_t limit,
		      tocsin_value_fn *fn, void *data)
{
	int rc = 0;

	(void)newest_first, (void)limit;
	for (size_t i = 0; i < who->n_saved && rc == 0; i++)
		if (!who->saved[i].forgets &&
		    strncmp(who->saved[i].name, prefix, strlen(prefix)) == 0)
			rc = fn(who->saved[i].name, who->saved[i].text, data);
	return rc;
}

static int table_emit(struct tocsin_self *who, struct tocsin_emission *batch, size_t n)
{
	for (size_t i = 0; i < who->n_kept; i++)
		put(who->saved, &who->n_saved, who->kept[i].name,
		    who->kept[i].forgets ? NULL : who->kept[i].text);
	who->n_kept = 0;
	for (size_t i = 0; i < n; i++) {
		const struct tocsin_alert *alert = &batch[i].alert;
		size_t used = 0;

		batch[i].result = TOCSIN_ACCEPTED;
		for (size_t k = 0; k < alert->annotations.n; k++)
			used += (size_t)snprintf(who->alert + used, sizeof(who->alert) - used,
						 "%s=%s;", alert->annotations.pair[k].name,
						 alert->annotations.pair[k].value);
		for (size_t k = 0; k < alert->labels.n; k++)
			used += (size_t)snprintf(who->alert + used, sizeof(who->alert) - used,
						 "%s=%s;", alert->labels.pair[k].name,
						 alert->labels.pair[k].value);
		who->n_alerts++;
	}
	return 0;
}

static bool table_once(struct tocsin_self *who)
{
	(void)who;
	return false;
}

static const struct tocsin_host host = {
	.size = sizeof(host),
	.log = table_log,
	.load = table_load_value,
	.keep = table_keep,
	.each = table_each,
	.emit = table_emit,
	.once = table_once,
};

static const struct beat_config beat = {.name = "backup", .period = 3600000};
static const struct config config = {
	.heartbeats = {&beat, 1},
	.misses = 1,
	.severity = TOCSIN_CRITICAL,
	.alertname = "HeartbeatDown",
	.starts_alertname = "HeartbeatRestarts",
	.body_limit = 100,
	.create = true,
	.period = 1000,
};

static int ask(void *state, const char *verb, const char *item, const char *body)
{
	struct tocsin_call call = {.size = sizeof(call), .verb = verb, .item = item, .body = body},
			   *calls[] = {&call};

	tocsin_plugin.source->call(state, calls, 1);
	if (call.status < 400 && !call.answer)
		scarce_fail("a good answer without words");
	free(call.answer);
	return call.status;
}

static bool is_saved(const char *name, const char *part)
{
	struct value *found = find(self.saved, self.n_saved, name);

	return found && !found->forgets && strstr(found->text, part);
}

/* A failing ping: all of it, or nothing. */
static int ping_once(void *data)
{
	void *state = NULL;
	int status;

	(void)data;
	memset(&self, 0, sizeof(self));
	if (tocsin_plugin.source->open(&self, &host, &config, &state))
		return -ENOMEM;
	status = ask(state, "ping", "backup",
		     "{\"kind\": \"exit\", \"exit\": 3, \"body\": \"disk full\"}");
	if (status == 200 &&
	    (self.n_alerts != 1 || !is_saved("beat/backup", "\"down\"") ||
	     !is_saved("ping/backup/0000000000000001", "disk full") ||
	     !strstr(self.alert, "summary=backup is down: it ended with exit status 3;") ||
	     !strstr(self.alert, "output=disk full;") || !strstr(self.alert, "heartbeat=backup;")))
		scarce_fail("a ping was answered that is not whole");
	if (status != 200 && (self.n_alerts > 0 || is_saved("beat/backup", "")))
		scarce_fail("a ping was refused and yet changed something");
	tocsin_plugin.source->close(state);
	return status == 200 ? 0 : -ENOMEM;
}

/* A start with what was saved, questions, and one that is no longer configured. */
static int start_once(void *data)
{
	void *state = NULL;
	int status;

	memcpy(&self, data, sizeof(self));
	if (tocsin_plugin.source->open(&self, &host, &config, &state))
		return -ENOMEM;
	status = ask(state, "show", "backup", "{}");
	if (status == 200)
		status = ask(state, "check", "backup", "{}");
	if (status == 200)
		status = ask(state, "list", NULL, "{}");
	if (status != 200 && status != 503)
		scarce_fail("a heartbeat was forgotten");
	if (status == 200 && (!is_saved("beat/backup", "\"down\"") || self.n_alerts != 1))
		scarce_fail("what was saved has changed");
	tocsin_plugin.source->close(state);
	return status == 200 ? 0 : -ENOMEM;
}

static void test_pings(void **unused)
{
	(void)unused;
	assert_true(scarce_sweep("ping", ping_once, NULL) > 0);
}

static void test_starts(void **unused)
{
	static struct tocsin_self saved;

	(void)unused;
	assert_int_equal(ping_once(NULL), 0);
	memcpy(&saved, &self, sizeof(saved));
	assert_true(scarce_sweep("start", start_once, &saved) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_pings),
					   cmocka_unit_test(test_starts)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
