/* SPDX-License-Identifier: Apache-2.0 */
#include "heartbeat_host.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void host_log(struct tocsin_self *self, enum tocsin_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void host_log(struct tocsin_self *self, enum tocsin_level level, const char *format, ...)
{
	size_t used = strlen(self->log);
	va_list args;

	(void)level;
	va_start(args, format);
	if (used < sizeof(self->log) - 1000)
		vsnprintf(self->log + used, 900, format, args);
	va_end(args);
	strcat(self->log, "\n");
}

static int host_save(struct tocsin_self *self, const char *name, const char *value)
{
	if (self->full)
		return -ENOSPC;
	return value ? json_object_set_new(self->saved, name, json_string(value))
		     : (json_object_del(self->saved, name), 0);
}

static int host_load(struct tocsin_self *self, const char *name, char **value)
{
	const char *found = json_string_value(json_object_get(self->saved, name));

	*value = found ? strdup(found) : NULL;
	return found ? 0 : -ENOENT;
}

static int host_keep(struct tocsin_self *self, const char *name, const char *value)
{
	return json_object_set_new(self->kept, name, value ? json_string(value) : json_null());
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int host_each(struct tocsin_self *self, const char *prefix, bool newest_first, size_t limit,
		     tocsin_value_fn *fn, void *data)
{
	const char *name[1000], *key;
	json_t *value;
	size_t n = 0;
	int rc = 0;

	json_object_foreach(self->saved, key, value)
	{
		if (strncmp(key, prefix, strlen(prefix)) != 0)
			continue;
		assert_true(n < 1000);
		name[n++] = key;
	}
	qsort(name, n, sizeof(*name), by_name);
	for (size_t i = 0; i < n && (limit == 0 || i < limit) && rc == 0; i++) {
		key = name[newest_first ? n - 1 - i : i];
		rc = fn(key, json_string_value(json_object_get(self->saved, key)), data);
	}
	return rc;
}

static void write_alert(struct tocsin_self *self, const struct tocsin_alert *alert)
{
	static const char *const status[] = {"firing", "resolved", "event"};
	FILE *out = fmemopen(self->alerts + strlen(self->alerts),
			     sizeof(self->alerts) - strlen(self->alerts), "w");

	assert_non_null(out);
	fprintf(out, "%s %d", status[alert->status], (int)alert->severity);
	for (size_t i = 0; i < alert->labels.n; i++)
		fprintf(out, " %s=%s", alert->labels.pair[i].name, alert->labels.pair[i].value);
	for (size_t i = 0; i < alert->annotations.n; i++)
		if (strcmp(alert->annotations.pair[i].name, "summary") == 0)
			fprintf(out, ": %s", alert->annotations.pair[i].value);
	fputs("\n", out);
	fclose(out);
	self->n_alerts++;
}

static int host_emit(struct tocsin_self *self, struct tocsin_emission *batch, size_t n)
{
	const char *name;
	json_t *value;

	if (n == 0 && json_object_size(self->kept) == 0)
		return 0;
	if (self->full)
		return -EAGAIN;
	json_object_foreach(self->kept, name, value)
	{
		if (json_is_null(value))
			json_object_del(self->saved, name);
		else
			json_object_set(self->saved, name, value);
	}
	json_object_clear(self->kept);
	for (size_t i = 0; i < n; i++) {
		batch[i].result = TOCSIN_ACCEPTED;
		write_alert(self, &batch[i].alert);
	}
	self->commits++;
	return 0;
}

static int host_announce(struct tocsin_self *self, const char *const item[], size_t n)
{
	self->names[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		strcat(self->names, i ? " " : "");
		strcat(self->names, item[i]);
	}
	return 0;
}

static enum tocsin_wait host_wait(struct tocsin_self *self, int fd, int64_t timeout_ms)
{
	struct pollfd one = {.fd = fd, .events = POLLIN};

	self->waited_ms = timeout_ms;
	if (self->waits-- <= 0)
		return TOCSIN_STOP;
	if (self->in_wait)
		self->in_wait(self);
	if (!self->sleeps && fd < 0)
		return TOCSIN_TIMEOUT;
	/* Early, as after a call. */
	if (timeout_ms > 200)
		timeout_ms = 200;
	return poll(&one, 1, (int)timeout_ms) > 0 ? TOCSIN_READY : TOCSIN_TIMEOUT;
}

static bool host_once(struct tocsin_self *self)
{
	return self->once;
}

static void host_swept(struct tocsin_self *self)
{
	self->swept = true;
}

/* Schedules: every so many milliseconds of the wall clock, as the text says. */
static int64_t host_next(const struct tocsin_schedule *schedule, const struct tocsin_zone *zone,
			 int64_t after_ms)
{
	int64_t every = strtoll(schedule->text, NULL, 10);

	(void)zone;
	return (after_ms / every + 1) * every;
}

static void host_local(const struct tocsin_zone *zone, int64_t wall_ms,
		       char text[TOCSIN_LOCAL_TIME])
{
	(void)zone;
	snprintf(text, TOCSIN_LOCAL_TIME, "%lld", (long long)wall_ms);
}

static const struct tocsin_host host = {
	.size = sizeof(host),
	.log = host_log,
	.save = host_save,
	.load = host_load,
	.keep = host_keep,
	.each = host_each,
	.emit = host_emit,
	.announce = host_announce,
	.wait = host_wait,
	.once = host_once,
	.swept = host_swept,
	.next = host_next,
	.local = host_local,
};

struct config beats_config(const struct beat_config *beat, size_t n)
{
	return (struct config){
		.heartbeats = {beat, n},
		.misses = 1,
		.severity = TOCSIN_CRITICAL,
		.starts_severity = TOCSIN_WARNING,
		.starts_within = 3600000,
		.alertname = "HeartbeatDown",
		.starts_alertname = "HeartbeatRestarts",
		.outage = 120000,
		.body_limit = 100,
		.name_column = "type",
		.time_column = "last_heartbeat_at",
		.poll = 10,
	};
}

void beats_host_init(struct tocsin_self *self)
{
	memset(self, 0, sizeof(*self));
	self->saved = json_object();
	self->kept = json_object();
}

void beats_host_done(struct tocsin_self *self)
{
	json_decref(self->saved);
	json_decref(self->kept);
}

void beats_open(struct tocsin_self *self, const struct config *config)
{
	char why[400];
	const char *wrong = check_options(config, why, sizeof(why));

	if (wrong)
		fail_msg("%s", wrong);
	/* What was kept of another life and never committed is gone with it. */
	json_object_clear(self->kept);
	assert_int_equal(tocsin_plugin.source->open(self, &host, config, &self->state), 0);
}

void beats_close(struct tocsin_self *self)
{
	tocsin_plugin.source->close(self->state);
	self->state = NULL;
}

json_t *beats_call(struct tocsin_self *self, const char *verb, const char *item, const char *body,
		   int status)
{
	struct tocsin_call call = {.size = sizeof(call), .verb = verb, .item = item, .body = body},
			   *calls[] = {&call};
	json_t *answer;

	tocsin_plugin.source->call(self->state, calls, 1);
	assert_non_null(call.answer);
	if (call.status != status)
		fail_msg("%s %s %s: %d %s", verb, item ? item : "", body, call.status, call.answer);
	answer = status < 400 ? json_loads(call.answer, 0, NULL) : json_string(call.answer);
	free(call.answer);
	assert_non_null(answer);
	return answer;
}

void beats_tell(struct tocsin_self *self, const char *verb, const char *item, const char *body,
		int status)
{
	json_decref(beats_call(self, verb, item, body, status));
}

const char *beats_ask(struct tocsin_self *self, const char *item, const char *key)
{
	static char text[2000];
	json_t *answer = beats_call(self, "check", item, "{}", 200),
	       *value = json_object_get(answer, key);

	assert_non_null(value);
	if (json_is_string(value)) {
		snprintf(text, sizeof(text), "%s", json_string_value(value));
	} else {
		char *dump = json_dumps(value, JSON_ENCODE_ANY);

		snprintf(text, sizeof(text), "%s", json_is_null(value) ? "" : dump);
		free(dump);
	}
	json_decref(answer);
	return text;
}

int beats_run(struct tocsin_self *self, int waits)
{
	self->waits = waits;
	return tocsin_plugin.source->run(self->state);
}
