/* SPDX-License-Identifier: Apache-2.0 */
#include "cron_host.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

int64_t host_now_ms, host_set_ms;

/* In place of the source's own (--wrap). */
int64_t __wrap_cron_wall_ms(void);
int64_t __wrap_cron_wall_ms(void)
{
	return host_now_ms;
}

int64_t __real_cron_boot_ms(void);
int64_t __wrap_cron_boot_ms(void);
int64_t __wrap_cron_boot_ms(void)
{
	return __real_cron_boot_ms() + host_now_ms - host_set_ms;
}

void host_set_clock(int64_t by_ms)
{
	host_now_ms += by_ms;
	host_set_ms += by_ms;
}

static void host_log(struct tocsin_self *self, enum tocsin_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void host_log(struct tocsin_self *self, enum tocsin_level level, const char *format, ...)
{
	size_t used = strlen(self->log);
	va_list args;

	va_start(args, format);
	used += (size_t)snprintf(self->log + used, sizeof(self->log) - used, "%d ", (int)level);
	used += (size_t)vsnprintf(self->log + used, sizeof(self->log) - used, format, args);
	va_end(args);
	assert_true(used + 2 < sizeof(self->log));
	memcpy(self->log + used, "\n", 2);
}

static void host_count(struct tocsin_self *self, const char *counter, int64_t add)
{
	(void)self;
	(void)counter;
	(void)add;
}

/* --- values --- */

static struct value *find(struct tocsin_self *self, const char *name)
{
	for (size_t i = 0; i < self->n; i++)
		if (strcmp(self->value[i].name, name) == 0)
			return &self->value[i];
	return NULL;
}

static struct value *make(struct tocsin_self *self, const char *name)
{
	struct value *value = find(self, name);
	size_t at = self->n;
	char *copy;

	if (value)
		return value;
	copy = strdup(name);
	if (!copy)
		return NULL;
	assert_true(self->n < TOCSIN_COUNT(self->value));
	while (at > 0 && strcmp(self->value[at - 1].name, name) > 0)
		at--;
	memmove(self->value + at + 1, self->value + at, (self->n - at) * sizeof(*self->value));
	self->n++;
	self->value[at] = (struct value){.name = copy};
	return &self->value[at];
}

static int host_keep(struct tocsin_self *self, const char *name, const char *text)
{
	char *copy = text ? strdup(text) : NULL;
	struct value *value = copy || !text ? make(self, name) : NULL;

	if (!value) {
		free(copy);
		return -ENOMEM;
	}
	free(value->fresh);
	value->fresh = copy;
	value->pending = true;
	value->forgotten = !text;
	return 0;
}

static void commit(struct tocsin_self *self)
{
	for (size_t i = 0; i < self->n; i++) {
		struct value *value = &self->value[i];

		if (!value->pending)
			continue;
		free(value->text);
		value->text = value->fresh;
		value->fresh = NULL;
		value->pending = false;
	}
}

static int host_load(struct tocsin_self *self, const char *name, char **text)
{
	const char *value = host_value(self, name);

	*text = value ? strdup(value) : NULL;
	return *text ? 0 : value ? -ENOMEM : -ENOENT;
}

static int host_each(struct tocsin_self *self, const char *prefix, bool newest_first, size_t limit,
		     tocsin_value_fn *fn, void *data)
{
	size_t done = 0;

	for (size_t i = 0; i < self->n; i++) {
		struct value *value = &self->value[newest_first ? self->n - 1 - i : i];
		int rc;

		if (!value->text || strncmp(value->name, prefix, strlen(prefix)) != 0)
			continue;
		rc = fn(value->name, value->text, data);
		if (rc != 0)
			return rc;
		if (++done == limit)
			break;
	}
	return 0;
}

const char *host_value(struct tocsin_self *self, const char *name)
{
	struct value *value = find(self, name);

	return value ? value->text : NULL;
}

size_t host_values(struct tocsin_self *self, const char *prefix)
{
	size_t n = 0;

	for (size_t i = 0; i < self->n; i++)
		n += self->value[i].text &&
		     strncmp(self->value[i].name, prefix, strlen(prefix)) == 0;
	return n;
}

void host_set(struct tocsin_self *self, const char *name, const char *text)
{
	struct value *value = make(self, name);

	free(value->text);
	value->text = strdup(text);
}

/* --- alerts --- */

static void put_map(FILE *out, const struct tocsin_map *map)
{
	for (size_t i = 0; i < map->n; i++)
		fprintf(out, " %s=%s", map->pair[i].name, map->pair[i].value);
}

static int host_emit(struct tocsin_self *self, struct tocsin_emission *batch, size_t n)
{
	static const char *const status[] = {"FIRING", "RESOLVED", "EVENT"};
	size_t used = strlen(self->alerts);
	FILE *out;

	out = fmemopen(self->alerts + used, sizeof(self->alerts) - used, "w");
	if (self->stopping) {
		self->stopping = false;
		if (out)
			fclose(out);
		return -ESHUTDOWN;
	}
	if (self->full || !out) {
		if (out)
			fclose(out);
		return -EAGAIN;
	}
	self->emits++;
	commit(self);
	for (size_t i = 0; i < n; i++) {
		const struct tocsin_alert *alert = &batch[i].alert;

		fprintf(out, "%s %d", status[alert->status], (int)alert->severity);
		put_map(out, &alert->labels);
		fputs(" |", out);
		put_map(out, &alert->annotations);
		fputs("\n", out);
		batch[i].result = TOCSIN_ACCEPTED;
		self->n_alerts++;
	}
	fclose(out);
	return 0;
}

void host_forget(struct tocsin_self *self)
{
	self->alerts[0] = '\0';
	self->n_alerts = 0;
}

/* --- the rest --- */

static enum tocsin_wait host_wait(struct tocsin_self *self, int fd, int64_t timeout_ms)
{
	struct pollfd at = {.fd = fd, .events = POLLIN};

	if (self->waits == 0) {
		usleep((useconds_t)self->stop_ms * 1000);
		return TOCSIN_STOP;
	}
	self->waits -= self->waits > 0;
	return poll(&at, 1, timeout_ms > 20 ? 20 : (int)timeout_ms) > 0 ? TOCSIN_READY
									: TOCSIN_TIMEOUT;
}

static bool host_once(struct tocsin_self *self)
{
	return self->once;
}

static void host_swept(struct tocsin_self *self)
{
	self->swept = true;
}

static int host_announce(struct tocsin_self *self, const char *const item[], size_t n)
{
	(void)item;
	self->announced = (int)n;
	return 0;
}

static int64_t host_next(const struct tocsin_schedule *schedule, const struct tocsin_zone *zone,
			 int64_t after_ms)
{
	int64_t period = ((const struct host_schedule *)(const void *)schedule)->period_ms;

	(void)zone;
	return (after_ms / period + 1) * period;
}

/* As if the zone were one hour ahead of UTC, whatever it is. */
static void host_local(const struct tocsin_zone *zone, int64_t wall_ms,
		       char text[TOCSIN_LOCAL_TIME])
{
	time_t seconds = (time_t)(wall_ms / 1000 + 3600);
	struct tm parts;

	(void)zone;
	gmtime_r(&seconds, &parts);
	strftime(text, TOCSIN_LOCAL_TIME, "%Y-%m-%d %H:%M:%S CET", &parts);
}

const struct tocsin_host *host_of_tests(void)
{
	static const struct tocsin_host host = {
		.size = sizeof(host),
		.log = host_log,
		.count = host_count,
		.load = host_load,
		.keep = host_keep,
		.each = host_each,
		.emit = host_emit,
		.wait = host_wait,
		.once = host_once,
		.swept = host_swept,
		.announce = host_announce,
		.next = host_next,
		.local = host_local,
	};

	return &host;
}

void host_init(struct tocsin_self *self)
{
	memset(self, 0, sizeof(*self));
	self->waits = -1;
}

void host_done(struct tocsin_self *self)
{
	for (size_t i = 0; i < self->n; i++) {
		free(self->value[i].name);
		free(self->value[i].text);
		free(self->value[i].fresh);
	}
}
