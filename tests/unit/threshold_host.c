/* SPDX-License-Identifier: Apache-2.0 */
#include "threshold_host.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void set(struct value *list, size_t *n, const char *name, const char *value)
{
	size_t i = 0;

	while (i < *n && strcmp(list[i].name, name) != 0)
		i++;
	if (i == *n) {
		assert_true(*n < MOST_VALUES);
		list[(*n)++] = (struct value){.name = strdup(name)};
	}
	free(list[i].value);
	list[i].value = value ? strdup(value) : NULL;
}

static void host_log(struct tocsin_self *self, enum tocsin_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void host_log(struct tocsin_self *self, enum tocsin_level level, const char *format, ...)
{
	size_t used = strlen(self->log);
	va_list args;

	if (level == TOCSIN_LOG_DEBUG || used > sizeof(self->log) - 1000)
		return;
	va_start(args, format);
	used += (size_t)vsnprintf(self->log + used, 900, format, args);
	va_end(args);
	snprintf(self->log + used, sizeof(self->log) - used, "\n");
}

static void host_count(struct tocsin_self *self, const char *counter, int64_t add)
{
	(void)self, (void)counter, (void)add;
}

static int host_save(struct tocsin_self *self, const char *name, const char *value)
{
	set(self->saved, &self->n_saved, name, value);
	return 0;
}

static int host_keep(struct tocsin_self *self, const char *name, const char *value)
{
	set(self->kept, &self->n_kept, name, value);
	return 0;
}

static int host_load(struct tocsin_self *self, const char *name, char **value)
{
	for (size_t i = 0; i < self->n_saved; i++) {
		if (strcmp(self->saved[i].name, name) == 0 && self->saved[i].value) {
			*value = strdup(self->saved[i].value);
			return 0;
		}
	}
	return -ENOENT;
}

static int host_each(struct tocsin_self *self, const char *prefix, bool newest_first, size_t limit,
		     tocsin_value_fn *fn, void *data)
{
	(void)newest_first, (void)limit;
	for (size_t i = 0; i < self->n_saved; i++) {
		int rc = 0;

		if (self->saved[i].value &&
		    strncmp(self->saved[i].name, prefix, strlen(prefix)) == 0)
			rc = fn(self->saved[i].name, self->saved[i].value, data);
		if (rc)
			return rc;
	}
	return 0;
}

static const char *get(const struct tocsin_map *map, const char *name)
{
	for (size_t i = 0; i < map->n; i++)
		if (strcmp(map->pair[i].name, name) == 0)
			return map->pair[i].value;
	return "";
}

static void write_down(struct tocsin_self *self, const struct tocsin_alert *alert)
{
	size_t used = strlen(self->alerts);

	used += (size_t)snprintf(self->alerts + used, sizeof(self->alerts) - used, "%s %s %s",
				 alert->status == TOCSIN_FIRING ? "firing" : "resolved",
				 alert->severity_name, get(&alert->labels, "alertname"));
	for (size_t i = 1; i < alert->labels.n; i++)
		used += (size_t)snprintf(self->alerts + used, sizeof(self->alerts) - used, " %s",
					 alert->labels.pair[i].value);
	snprintf(self->alerts + used, sizeof(self->alerts) - used, ": %s\n",
		 get(&alert->annotations, "description"));
	self->n_alerts++;
}

static int host_emit(struct tocsin_self *self, struct tocsin_emission *batch, size_t n)
{
	int rc = 0;

	pthread_mutex_lock(&self->lock);
	if (self->dying)
		rc = -ESHUTDOWN;
	else if (self->full)
		rc = -EAGAIN;
	self->refusals += rc == -EAGAIN;
	for (size_t i = 0; !rc && i < n; i++)
		write_down(self, &batch[i].alert);
	for (size_t i = 0; !rc && i < self->n_kept; i++)
		set(self->saved, &self->n_saved, self->kept[i].name, self->kept[i].value);
	while (!rc && self->n_kept > 0) {
		self->n_kept--;
		free(self->kept[self->n_kept].name);
		free(self->kept[self->n_kept].value);
		self->kept[self->n_kept] = (struct value){0};
	}
	pthread_cond_broadcast(&self->changed);
	pthread_mutex_unlock(&self->lock);
	return rc;
}

/* As the core: what was put off is said once in each wait. True when something was heard or answered. */
static bool serve(struct tocsin_self *self, bool again)
{
	struct tocsin_call *call;
	bool fresh;

	pthread_mutex_lock(&self->lock);
	call = self->call;
	pthread_mutex_unlock(&self->lock);
	fresh = call && call->status == 0;
	if (!call || (!fresh && !again))
		return false;
	tocsin_plugin.source->call(self->state, &call, 1);
	if (call->status >= TOCSIN_CALL_LATER && call->status <= TOCSIN_CALL_LATEST)
		return fresh;
	pthread_mutex_lock(&self->lock);
	self->call = NULL;
	pthread_cond_broadcast(&self->changed);
	pthread_mutex_unlock(&self->lock);
	return true;
}

static enum tocsin_wait host_wait(struct tocsin_self *self, int fd, int64_t timeout_ms)
{
	int64_t end = database_now_ms() + timeout_ms, left;
	bool again = true;

	pthread_mutex_lock(&self->lock);
	self->waits++;
	pthread_mutex_unlock(&self->lock);
	for (;; again = false) {
		struct pollfd fds[2] = {{.fd = self->stop, .events = POLLIN},
					{.fd = fd, .events = POLLIN}};

		if (serve(self, again))
			end = 0;
		left = end - database_now_ms();
		poll(fds, 2, left > 10 ? 10 : left > 0 ? (int)left : 0);
		if (fds[0].revents || (self->once && self->swept))
			return TOCSIN_STOP;
		if (fds[1].revents)
			return TOCSIN_READY;
		if (left <= 0)
			return TOCSIN_TIMEOUT;
	}
}

static bool host_once(struct tocsin_self *self)
{
	return self->once;
}

static void host_swept(struct tocsin_self *self)
{
	self->swept++;
}

static int host_announce(struct tocsin_self *self, const char *const item[], size_t n)
{
	*self->announced = '\0';
	for (size_t i = 0; i < n; i++)
		snprintf(self->announced + strlen(self->announced), 100, "%s;", item[i]);
	return 0;
}

/* Schedules of tests are midnights of UTC. */
static int64_t next_midnight(const struct tocsin_schedule *schedule, const struct tocsin_zone *zone,
			     int64_t after_ms)
{
	(void)schedule;
	(void)zone;
	return after_ms - after_ms % 86400000 + 86400000;
}

const struct tocsin_host watch_host = {
	.size = sizeof(watch_host),
	.log = host_log,
	.count = host_count,
	.save = host_save,
	.load = host_load,
	.keep = host_keep,
	.each = host_each,
	.emit = host_emit,
	.wait = host_wait,
	.once = host_once,
	.swept = host_swept,
	.announce = host_announce,
	.next = next_midnight,
};

void watch_sql(struct fixture *f, const char *text)
{
	PGresult *result = PQexec(f->admin, text);

	if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
		fail_msg("%s", PQerrorMessage(f->admin));
	PQclear(result);
}

int64_t watch_number(struct fixture *f, const char *text)
{
	PGresult *result = PQexec(f->admin, text);
	int64_t value = strtoll(PQgetvalue(result, 0, 0), NULL, 10);

	PQclear(result);
	return value;
}

void watch_add(struct fixture *f, const char *name, const char *query, const char *critical)
{
	f->check[f->config.checks.n++] = (struct check_config){.name = name,
							       .query = query,
							       .enabled = true,
							       .critical = critical,
							       .clears = 1,
							       .vanish_after = 2,
							       .flap_window = 60000,
							       .max_rows = 1000,
							       .decimals = 2,
							       .critical_severity = TOCSIN_CRITICAL,
							       .warning_severity = TOCSIN_WARNING,
							       .unknown_severity = TOCSIN_WARNING};
}

int watch_begin(void **state)
{
	const char *server = getenv("TOCSIN_TEST_POSTGRES");
	struct fixture *f = calloc(1, sizeof(*f));

	f->admin = PQconnectdb(server);
	assert_int_equal(PQstatus(f->admin), CONNECTION_OK);
	assert_true(asprintf(&f->connection,
			     "%s options='-c search_path=w' application_name=watcher", server) > 0);
	watch_sql(f, "SELECT pg_advisory_lock(2)");
	watch_sql(
		f,
		"SET client_min_messages = warning; DROP SCHEMA IF EXISTS w CASCADE; CREATE SCHEMA "
		"w; SET search_path = w; CREATE TABLE jobs (queue text, n int); INSERT INTO jobs "
		"VALUES ('mail', 1), ('web', 2)");
	f->config = (struct config){.connection = f->connection,
				    .connections = 2,
				    .every = 50,
				    .timeout = 2000,
				    .down_severity = TOCSIN_CRITICAL,
				    .checks = {f->check, 0}};
	pthread_mutex_init(&f->self.lock, NULL);
	pthread_cond_init(&f->self.changed, NULL);
	f->self.stop = eventfd(0, EFD_CLOEXEC);
	*state = f;
	return 0;
}

int watch_end(void **state)
{
	struct fixture *f = *state;

	watch_sql(f, "DROP SCHEMA w CASCADE");
	PQfinish(f->admin);
	for (size_t i = 0; i < MOST_VALUES; i++) {
		free(f->self.saved[i].name);
		free(f->self.saved[i].value);
		free(f->self.kept[i].name);
		free(f->self.kept[i].value);
	}
	close(f->self.stop);
	free(f->connection);
	free(f);
	return 0;
}

static void *thread(void *data)
{
	struct tocsin_self *self = data;

	self->result = tocsin_plugin.source->run(self->state);
	return NULL;
}

void watch_start(struct fixture *f)
{
	assert_int_equal(
		tocsin_plugin.source->open(&f->self, &watch_host, &f->config, &f->self.state), 0);
	assert_int_equal(pthread_create(&f->self.thread, NULL, thread, &f->self), 0);
}

int watch_stop(struct fixture *f)
{
	uint64_t one = 1, all;

	assert_int_equal(write(f->self.stop, &one, sizeof(one)), sizeof(one));
	pthread_join(f->self.thread, NULL);
	assert_int_equal(read(f->self.stop, &all, sizeof(all)), sizeof(all));
	tocsin_plugin.source->close(f->self.state);
	return f->self.result;
}

void watch_die(struct fixture *f)
{
	pthread_mutex_lock(&f->self.lock);
	f->self.dying = true;
	pthread_mutex_unlock(&f->self.lock);
	watch_stop(f);
	while (f->self.n_kept > 0) {
		f->self.n_kept--;
		free(f->self.kept[f->self.n_kept].name);
		free(f->self.kept[f->self.n_kept].value);
		f->self.kept[f->self.n_kept] = (struct value){0};
	}
	f->self.dying = false;
}

void watch_full(struct fixture *f, bool full)
{
	pthread_mutex_lock(&f->self.lock);
	f->self.full = full;
	pthread_mutex_unlock(&f->self.lock);
}

void watch_refused(struct fixture *f, int times)
{
	for (int i = 0; i < 1000; i++) {
		int now;

		pthread_mutex_lock(&f->self.lock);
		now = f->self.refusals;
		pthread_mutex_unlock(&f->self.lock);
		if (now >= times)
			return;
		usleep(10000);
	}
	fail_msg("refused %d times, not %d", f->self.refusals, times);
}

int watch_once(struct fixture *f)
{
	int rc;

	f->self.once = true;
	f->self.swept = 0;
	assert_int_equal(
		tocsin_plugin.source->open(&f->self, &watch_host, &f->config, &f->self.state), 0);
	rc = tocsin_plugin.source->run(f->self.state);
	tocsin_plugin.source->close(f->self.state);
	f->self.once = false;
	return rc;
}

void watch_until(struct fixture *f, int n)
{
	for (int i = 0; i < 1000; i++) {
		int now;

		pthread_mutex_lock(&f->self.lock);
		now = f->self.n_alerts;
		pthread_mutex_unlock(&f->self.lock);
		if (now >= n)
			return;
		usleep(10000);
	}
	fail_msg("%d alerts, not %d: %s%s", f->self.n_alerts, n, f->self.alerts, f->self.log);
}

void watch_told(struct fixture *f, const char *expected)
{
	pthread_mutex_lock(&f->self.lock);
	assert_string_equal(f->self.alerts, expected);
	*f->self.alerts = '\0';
	f->self.n_alerts = 0;
	pthread_mutex_unlock(&f->self.lock);
}

json_t *watch_ask(struct fixture *f, const char *verb, const char *item, int status)
{
	struct tocsin_call call = {.size = sizeof(call), .verb = verb, .item = item, .body = "{}"};
	json_t *answer;

	pthread_mutex_lock(&f->self.lock);
	f->self.call = &call;
	while (f->self.call)
		pthread_cond_wait(&f->self.changed, &f->self.lock);
	pthread_mutex_unlock(&f->self.lock);
	if (call.status != status)
		fail_msg("%s: %d %s", verb, call.status, call.answer);
	answer = json_loads(call.answer, JSON_DECODE_ANY, NULL);
	free(call.answer);
	return answer;
}
