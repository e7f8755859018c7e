/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/solo_host.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/schedule.h"

static int put(json_t *values, const char *name, const char *value)
{
	json_t *text = value ? json_string(value) : json_null();

	return text && json_object_set_new(values, name, text) == 0 ? 0 : -ENOMEM;
}

static int solo_save(struct tocsin_self *self, const char *name, const char *value)
{
	struct solo_source *source = self->owner;

	if (value)
		return put(source->saved, name, value);
	json_object_del(source->saved, name);
	return 0;
}

static int solo_load(struct tocsin_self *self, const char *name, char **value)
{
	const struct solo_source *source = self->owner;
	const char *text = json_string_value(json_object_get(source->saved, name));

	if (!text)
		return -ENOENT;
	*value = strdup(text);
	return *value ? 0 : -ENOMEM;
}

static int solo_keep(struct tocsin_self *self, const char *name, const char *value)
{
	struct solo_source *source = self->owner;

	return put(source->kept, name, value);
}

static int solo_emit(struct tocsin_self *self, struct tocsin_emission *batch, size_t n)
{
	struct solo_source *source = self->owner;
	const char *name;
	json_t *value;
	int result = 0;

	json_object_foreach(source->kept, name, value) if (result == 0)
		result = solo_save(self, name, json_string_value(value));
	if (result < 0)
		return -EAGAIN;
	json_object_clear(source->kept);
	for (size_t i = 0; i < n; i++)
		batch[i].result = TOCSIN_ACCEPTED;
	source->emitted += n;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names that begin with it, in their order; for the caller to free(). */
static const char **names_of(json_t *values, const char *prefix, size_t *n)
{
	const char **names = calloc(json_object_size(values) + 1, sizeof(*names)), *name;
	json_t *value;

	*n = 0;
	json_object_foreach(values, name,
			    value) if (names && strncmp(name, prefix, strlen(prefix)) == 0)
		names[(*n)++] = name;
	if (names)
		qsort(names, *n, sizeof(*names), by_name);
	return names;
}

static int solo_each(struct tocsin_self *self, const char *prefix, bool newest_first, size_t limit,
		     tocsin_value_fn *fn, void *data)
{
	struct solo_source *source = self->owner;
	json_t *values = json_copy(source->saved); /* fn may save */
	size_t n;
	const char **names = values ? names_of(values, prefix, &n) : NULL;
	int result = names ? 0 : -ENOMEM;

	for (size_t i = 0; result == 0 && i < n && (limit == 0 || i < limit); i++) {
		const char *name = names[newest_first ? n - 1 - i : i];

		result = fn(name, json_string_value(json_object_get(values, name)), data);
	}
	free(names);
	json_decref(values);
	return result;
}

static void solo_watch(struct tocsin_self *self, int fd)
{
	(void)self, (void)fd; /* emit never waits here */
}

static void solo_expect(struct tocsin_self *self, int64_t alerts)
{
	(void)self;
	(void)alerts;
}

static void solo_nothing(struct tocsin_self *self)
{
	(void)self;
}

static bool solo_once(struct tocsin_self *self)
{
	(void)self;
	return true;
}

/* Nobody else will say anything, so waiting for nothing at all is the end. */
static enum tocsin_wait solo_wait(struct tocsin_self *self, int fd, int64_t timeout_ms)
{
	struct pollfd look = {.fd = fd, .events = POLLIN};
	int slice = timeout_ms < 0 ? -1 : timeout_ms < 60000 ? (int)timeout_ms : 60000;

	(void)self;
	if (fd < 0 && timeout_ms < 0)
		return TOCSIN_STOP;
	while (poll(&look, fd >= 0 ? 1 : 0, slice) < 0)
		if (errno != EINTR)
			return TOCSIN_STOP;
	return look.revents ? TOCSIN_READY : TOCSIN_TIMEOUT;
}

static int solo_announce(struct tocsin_self *self, const char *const item[], size_t n)
{
	(void)self;
	(void)item;
	(void)n;
	return 0;
}

static void solo_lease(struct tocsin_self *self, int64_t until_boot_ms)
{
	(void)self;
	(void)until_boot_ms;
}

static int solo_withdraw(struct tocsin_self *self, const char *const mark[], size_t n,
			 const char *reason)
{
	(void)self;
	(void)mark;
	(void)n;
	(void)reason;
	return 0;
}

static void solo_later(struct tocsin_self *self, const char *const mark[], size_t n)
{
	(void)self;
	(void)mark;
	(void)n;
}

const struct tocsin_host *solo_host(void)
{
	static const struct tocsin_host host = {
		.size = sizeof(host),
		.log = self_log,
		.count = self_count,
		.save = solo_save,
		.load = solo_load,
		.emit = solo_emit,
		.watch = solo_watch,
		.expect = solo_expect,
		.park = solo_nothing,
		.swept = solo_nothing,
		.wait = solo_wait,
		.once = solo_once,
		.announce = solo_announce,
		.keep = solo_keep,
		.each = solo_each,
		.next = schedule_next,
		.local = self_local,
		.lease = solo_lease,
		.withdraw = solo_withdraw,
		.later = solo_later,
		.mask = self_mask,
	};

	return &host;
}
