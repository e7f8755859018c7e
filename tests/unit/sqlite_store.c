/* SPDX-License-Identifier: Apache-2.0 */
#include "sqlite_store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

struct tocsin_self {
	struct sqlite_store *store;
};

/* As the plugin has it; a change there fails these tests. */
struct config {
	const char *path;
	int64_t reserve;
};

extern const struct tocsin_plugin tocsin_plugin;

static void keep_line(struct tocsin_self *self, enum tocsin_level level, const char *format, ...)
{
	struct sqlite_store *store = self->store;
	bool loud = level >= TOCSIN_LOG_WARNING;
	char *into = loud ? store->log : store->info;
	size_t used = strlen(into), size = loud ? sizeof(store->log) : sizeof(store->info);
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(into + used, size - used, format, arguments);
	va_end(arguments);
	used = strlen(into);
	(void)snprintf(into + used, size - used, "\n");
}

static const struct tocsin_host host = {.size = sizeof(host), .log = keep_line};

static int open_store(struct store_subject *subject, void **state)
{
	/* Borrowed by the store until it is closed. */
	static struct config config;
	static struct tocsin_self self;

	self.store = (struct sqlite_store *)subject->data;
	config = (struct config){.path = self.store->path, .reserve = 1 << 16};
	assert_int_equal(tocsin_plugin.config_size, sizeof(config));
	return subject->ops->open(&self, &host, &config, state);
}

static void reset(struct store_subject *subject)
{
	struct sqlite_store *store = subject->data;
	static const char *const suffix[] = {"",      "-wal",     "-shm",     "-journal",
					     ".lock", ".reserve", ".underway"};

	for (size_t i = 0; i < sizeof(suffix) / sizeof(suffix[0]); i++)
		(void)unlink(sqlite_beside(store, suffix[i]));
	sqlite_quiet(store);
}

void sqlite_store_init(struct sqlite_store *store)
{
	const char *base = getenv("TMPDIR");

	*store = (struct sqlite_store){
		.subject = {.ops = tocsin_plugin.store, .reset = reset, .open = open_store}};
	store->subject.data = store;
	(void)snprintf(store->directory, sizeof(store->directory), "%.30s/tocsin-test-XXXXXX",
		       base ? base : "/tmp");
	if (!mkdtemp(store->directory)) {
		perror(store->directory);
		exit(1);
	}
	(void)snprintf(store->path, sizeof(store->path), "%s/store.db", store->directory);
}

void sqlite_store_done(struct sqlite_store *store)
{
	reset(&store->subject);
	(void)rmdir(store->directory);
}

void sqlite_quiet(struct sqlite_store *store)
{
	store->log[0] = '\0';
	store->info[0] = '\0';
}

const char *sqlite_beside(const struct sqlite_store *store, const char *suffix)
{
	static char path[160];

	(void)snprintf(path, sizeof(path), "%s%s", store->path, suffix);
	return path;
}

void sqlite_run_sql(const struct sqlite_store *store, const char *sql)
{
	sqlite3 *handle;

	assert_int_equal(sqlite3_open(store->path, &handle), SQLITE_OK);
	assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(handle), SQLITE_OK);
}

static int accept_mark(const struct tocsin_store_ops *ops, void *state, int64_t mark)
{
	char text[33];
	const struct tocsin_alert alert = {.size = sizeof(alert),
					   .id = text,
					   .source = "rows",
					   .fingerprint = "0123456789abcdef"};
	const struct tocsin_new_delivery delivery = {
		.channel = "mail", .recipient = "", .route = "all", .key = text, .due_ms = NOW};
	const struct tocsin_new_alert new = {.alert = &alert,
					     .body = "{}",
					     .mark = text,
					     .now_ms = NOW,
					     .delivery = &delivery,
					     .n = 1};
	int64_t number;

	contract_id(mark, text);
	return ops->accept(state, &new, &number);
}

int sqlite_accept_one(const struct tocsin_store_ops *ops, void *state, int64_t mark)
{
	int result = ops->begin(state, NOW);

	if (!result)
		result = accept_mark(ops, state, mark);
	if (!result)
		result = ops->commit(state);
	if (result)
		ops->rollback(state);
	return result;
}

bool sqlite_has_mark(const struct tocsin_store_ops *ops, void *state, int64_t mark)
{
	struct tocsin_marked found;
	char text[33];

	contract_id(mark, text);
	assert_int_equal(ops->find_mark(state, "rows", text, &found), 0);
	return found.alert != 0;
}

void sqlite_nothing_is_lost(const struct tocsin_store_ops *ops, void *state, int64_t last)
{
	struct tocsin_counters n;

	for (int64_t mark = 1; mark <= last; mark++)
		assert_true(sqlite_has_mark(ops, state, mark));
	assert_int_equal(ops->counters(state, &n), 0);
	assert_int_equal(n.accepted, n.delivered + n.dead + n.suppressed + n.pending);
}
