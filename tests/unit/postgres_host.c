/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres_host.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct seen *find(struct tocsin_self *self, const char *mark)
{
	for (size_t i = 0; i < self->n; i++)
		if (strcmp(self->seen[i].mark, mark) == 0)
			return &self->seen[i];
	return NULL;
}

static void join(char *into, size_t size, const struct tocsin_map *map)
{
	size_t used = 0;

	*into = '\0';
	for (size_t i = 0; i < map->n && used < size; i++)
		used += (size_t)snprintf(into + used, size - used, "%s=%s;", map->pair[i].name,
					 map->pair[i].value);
}

static void keep(struct seen *seen, const struct tocsin_emission *emission)
{
	const struct tocsin_alert *alert = &emission->alert;
	size_t used = 0;

	snprintf(seen->mark, sizeof(seen->mark), "%s", emission->mark);
	if (alert->severity_name)
		snprintf(seen->severity, sizeof(seen->severity), "%s", alert->severity_name);
	else
		snprintf(seen->severity, sizeof(seen->severity), "%d", (int)alert->severity);
	snprintf(seen->link, sizeof(seen->link), "%s", alert->link ? alert->link : "");
	join(seen->labels, sizeof(seen->labels), &alert->labels);
	join(seen->annotations, sizeof(seen->annotations), &alert->annotations);
	for (size_t i = 0; i < alert->recipients.n && used < sizeof(seen->recipients); i++)
		used += (size_t)snprintf(seen->recipients + used, sizeof(seen->recipients) - used,
					 "%s;", alert->recipients.item[i]);
	seen->starts_at_ms = alert->starts_at_ms;
}

static enum tocsin_intake take(struct tocsin_self *self, const struct tocsin_emission *emission)
{
	struct seen *seen = find(self, emission->mark);

	if (seen && !seen->told) {
		self->known++;
		return TOCSIN_KNOWN;
	}
	if (!seen) {
		if (self->n == self->room) {
			self->room = self->room ? self->room * 2 : 64;
			self->seen = realloc(self->seen, self->room * sizeof(*self->seen));
		}
		seen = &self->seen[self->n++];
		memset(seen, 0, sizeof(*seen));
		keep(seen, emission);
	}
	seen->accepted++;
	seen->told = false;
	seen->done = self->deliver;
	return TOCSIN_ACCEPTED;
}

static int emit(struct tocsin_self *self, struct tocsin_emission *batch, size_t n)
{
	int rc = 0;

	pthread_mutex_lock(&self->lock);
	if (self->full) {
		self->refusals++;
		rc = -EAGAIN;
	}
	for (size_t i = 0; !rc && i < n; i++)
		batch[i].result = take(self, &batch[i]);
	pthread_mutex_unlock(&self->lock);
	return rc;
}

static void tell(struct tocsin_self *self)
{
	struct tocsin_settled settled[100];
	size_t which[100], n = 0;

	pthread_mutex_lock(&self->lock);
	for (size_t i = 0; i < self->n && n < 100; i++) {
		if (!self->seen[i].done || self->seen[i].told)
			continue;
		which[n] = i;
		settled[n++] = (struct tocsin_settled){.mark = self->seen[i].mark,
						       .outcome = self->outcome,
						       .delivered = self->outcome == TOCSIN_SETTLED,
						       .attempts = 1,
						       .reason = self->reason,
						       .output = self->output};
	}
	pthread_mutex_unlock(&self->lock);
	if (n == 0)
		return;
	int rc = tocsin_plugin.source->settled(self->state, settled, n);

	pthread_mutex_lock(&self->lock);
	self->errors += rc == -EINVAL;
	for (size_t i = 0; !rc && i < n; i++) {
		struct seen *seen = &self->seen[which[i]];

		seen->told = !seen->later;
		self->told += seen->told;
		seen->later = false;
	}
	pthread_mutex_unlock(&self->lock);
}

static bool all_told(struct tocsin_self *self)
{
	for (size_t i = 0; i < self->n; i++)
		if (!self->seen[i].told)
			return false;
	return true;
}

static enum tocsin_wait host_wait(struct tocsin_self *self, int fd, int64_t timeout_ms)
{
	struct pollfd fds[2] = {{.fd = self->stop, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
	int64_t end = database_now_ms() + timeout_ms;

	pthread_mutex_lock(&self->lock);
	if (self->full && self->settle_when_full && self->refusals > 0) {
		for (size_t i = 0; i < self->n; i++)
			self->seen[i].done = true;
		self->full = false;
	}
	pthread_mutex_unlock(&self->lock);
	for (;;) {
		int64_t left = end - database_now_ms();

		tell(self);
		/* Short naps, so that deliveries that end meanwhile are told. */
		poll(fds, 2, left > 20 ? 20 : left > 0 ? (int)left : 0);
		if (fds[0].revents ||
		    (self->once && self->swept && (all_told(self) || self->errors)))
			return TOCSIN_STOP;
		if (fds[1].revents)
			return TOCSIN_READY;
		if (left <= 0)
			return TOCSIN_TIMEOUT;
	}
}

static void host_log(struct tocsin_self *self, enum tocsin_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void host_log(struct tocsin_self *self, enum tocsin_level level, const char *format, ...)
{
	static const char *const name[] = {"debug", "info", "warning", "error"};
	va_list args;
	size_t used;

	if (level == TOCSIN_LOG_DEBUG)
		return;
	pthread_mutex_lock(&self->lock);
	used = strlen(self->log);
	if (used < sizeof(self->log) - 1000) {
		used += (size_t)snprintf(self->log + used, 20, "%s: ", name[level]);
		va_start(args, format);
		vsnprintf(self->log + used, 900, format, args);
		va_end(args);
		used = strlen(self->log);
		snprintf(self->log + used, sizeof(self->log) - used, "\n");
	}
	pthread_mutex_unlock(&self->lock);
}

static void host_count(struct tocsin_self *self, const char *counter, int64_t add)
{
	(void)self, (void)counter, (void)add;
}

static void host_watch(struct tocsin_self *self, int fd)
{
	(void)self, (void)fd;
}

static void host_expect(struct tocsin_self *self, int64_t alerts)
{
	self->expected += alerts;
}

static void host_park(struct tocsin_self *self)
{
	pthread_mutex_lock(&self->lock);
	self->parked++;
	pthread_mutex_unlock(&self->lock);
}

static void host_sweep_ended(struct tocsin_self *self)
{
	pthread_mutex_lock(&self->lock);
	self->swept++;
	pthread_mutex_unlock(&self->lock);
}

static bool host_is_once(struct tocsin_self *self)
{
	return self->once;
}

static void host_lease(struct tocsin_self *self, int64_t until_boot_ms)
{
	self->leased_ms = until_boot_ms;
}

static int host_withdraw(struct tocsin_self *self, const char *const mark[], size_t n,
			 const char *reason)
{
	(void)mark, (void)reason;
	pthread_mutex_lock(&self->lock);
	self->withdrawn += (int)n;
	pthread_mutex_unlock(&self->lock);
	return 0;
}

/* Inside tell(): these are not noted. */
static void host_later(struct tocsin_self *self, const char *const mark[], size_t n)
{
	for (size_t i = 0; i < self->n; i++)
		for (size_t k = 0; k < n; k++)
			self->seen[i].later |= strcmp(self->seen[i].mark, mark[k]) == 0;
}

static const struct tocsin_host host = {
	.size = sizeof(struct tocsin_host),
	.log = host_log,
	.count = host_count,
	.emit = emit,
	.watch = host_watch,
	.expect = host_expect,
	.park = host_park,
	.swept = host_sweep_ended,
	.wait = host_wait,
	.once = host_is_once,
	.lease = host_lease,
	.withdraw = host_withdraw,
	.later = host_later,
};

void host_init(struct tocsin_self *self)
{
	memset(self, 0, sizeof(*self));
	pthread_mutex_init(&self->lock, NULL);
	self->stop = eventfd(0, EFD_CLOEXEC);
	self->outcome = TOCSIN_SETTLED;
	self->reason = self->output = "";
	self->deliver = true;
}

void host_done(struct tocsin_self *self)
{
	free(self->seen);
	close(self->stop);
	pthread_mutex_destroy(&self->lock);
}

static void *thread(void *data)
{
	struct tocsin_self *self = data;

	self->result = tocsin_plugin.source->run(self->state);
	return NULL;
}

void host_start(struct tocsin_self *self, const struct config *config)
{
	if (tocsin_plugin.source->open(self, &host, config, &self->state) ||
	    pthread_create(&self->thread, NULL, thread, self))
		abort();
}

static int stop(struct tocsin_self *self, int64_t ending_ms)
{
	int64_t end = database_now_ms() + ending_ms;
	uint64_t one = 1, all;

	(void)!write(self->stop, &one, sizeof(one));
	pthread_join(self->thread, NULL);
	(void)!read(self->stop, &all, sizeof(all));
	while (database_now_ms() < end && tocsin_plugin.source->ending(self->state))
		usleep(10000);
	tocsin_plugin.source->close(self->state);
	return self->result;
}

int host_stop(struct tocsin_self *self)
{
	return stop(self, 0);
}

int host_end(struct tocsin_self *self, int64_t most_ms)
{
	return stop(self, most_ms);
}

int host_once(struct tocsin_self *self, const struct config *config)
{
	int rc = tocsin_plugin.source->open(self, &host, config, &self->state);

	self->once = true;
	self->swept = 0;
	if (rc)
		return rc;
	rc = tocsin_plugin.source->run(self->state);
	tocsin_plugin.source->close(self->state);
	return rc;
}

bool host_until(struct tocsin_self *self, bool (*holds)(struct tocsin_self *self, int64_t n),
		int64_t n)
{
	for (int i = 0; i < 10000; i++) {
		bool done;

		pthread_mutex_lock(&self->lock);
		done = holds(self, n);
		pthread_mutex_unlock(&self->lock);
		if (done)
			return true;
		usleep(1000);
	}
	return false;
}

bool host_seen(struct tocsin_self *self, int64_t n)
{
	return (int64_t)self->n >= n;
}

bool host_told(struct tocsin_self *self, int64_t n)
{
	return self->told >= n;
}

bool host_parked(struct tocsin_self *self, int64_t n)
{
	return self->parked >= n;
}

bool host_swept(struct tocsin_self *self, int64_t n)
{
	return self->swept >= n;
}

bool host_logged(struct tocsin_self *self, const char *text)
{
	bool found;

	pthread_mutex_lock(&self->lock);
	found = strstr(self->log, text) != NULL;
	pthread_mutex_unlock(&self->lock);
	return found;
}
