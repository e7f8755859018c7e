/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/self.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/zone.h"

void self_init(struct tocsin_self *self, const char *name, struct log *log, struct store *store,
	       void *owner)
{
	*self = (struct tocsin_self){.name = name, .log = log, .store = store, .owner = owner};
	pthread_mutex_init(&self->lock, NULL);
}

void self_done(struct tocsin_self *self)
{
	struct self_counter *counter;

	while ((counter = self->counters)) {
		self->counters = counter->next;
		free(counter->name);
		free(counter);
	}
	pthread_mutex_destroy(&self->lock);
}

void self_log(struct tocsin_self *self, enum tocsin_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_vwrite(self->log, level, self->name, format, args);
	va_end(args);
	if (level < TOCSIN_LOG_INFO)
		return;
	va_start(args, format);
	pthread_mutex_lock(&self->lock);
	/* what goes well after trouble ends it */
	self->trouble[0] = '\0';
	if (level >= TOCSIN_LOG_WARNING) {
		(void)vsnprintf(self->trouble, sizeof(self->trouble), format, args);
		log_mask(self->log, self->trouble);
	}
	pthread_mutex_unlock(&self->lock);
	va_end(args);
}

void self_mask(struct tocsin_self *self, char *text)
{
	log_mask(self->log, text);
}

void self_trouble(struct tocsin_self *self, char *text, size_t size)
{
	pthread_mutex_lock(&self->lock);
	(void)snprintf(text, size, "%s", self->trouble);
	pthread_mutex_unlock(&self->lock);
}

int self_open_failed(struct tocsin_self *self, int code, const char *what, struct error *err)
{
	pthread_mutex_lock(&self->lock);
	error_set(err, code, "%s '%s' cannot be opened: %s", what, self->name,
		  *self->trouble ? self->trouble : strerror(-code));
	pthread_mutex_unlock(&self->lock);
	return code;
}

static struct self_counter *find_or_add(struct tocsin_self *self, const char *name)
{
	struct self_counter *counter;

	for (counter = self->counters; counter; counter = counter->next)
		if (strcmp(counter->name, name) == 0)
			return counter;
	counter = calloc(1, sizeof(*counter));
	if (!counter)
		return NULL;
	counter->name = strdup(name);
	if (!counter->name) {
		free(counter);
		return NULL;
	}
	counter->next = self->counters;
	self->counters = counter;
	return counter;
}

void self_count(struct tocsin_self *self, const char *name, int64_t add)
{
	struct self_counter *counter;

	pthread_mutex_lock(&self->lock);
	counter = find_or_add(self, name);
	if (counter) /* a figure for people: not worth failing when memory is short */
		counter->value += add;
	pthread_mutex_unlock(&self->lock);
}

int self_add_counters(struct tocsin_self *self, json_t *object)
{
	int result = 0;

	pthread_mutex_lock(&self->lock);
	for (struct self_counter *counter = self->counters; counter; counter = counter->next) {
		json_int_t before = json_integer_value(json_object_get(object, counter->name));

		if (json_object_set_new(object, counter->name,
					json_integer(before + (json_int_t)counter->value)) < 0)
			result = -ENOMEM;
	}
	pthread_mutex_unlock(&self->lock);
	return result;
}

void self_local(const struct tocsin_zone *zone, int64_t wall_ms, char text[TOCSIN_LOCAL_TIME])
{
	zone_format(zone ? zone : zone_system(), wall_ms, text, TOCSIN_LOCAL_TIME);
}
