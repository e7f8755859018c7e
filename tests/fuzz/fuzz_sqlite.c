/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store's file that was damaged, by a disk or by somebody with sqlite3: it opens or is refused
 * with a sentence, every operation ends with 0 or an error, and what it hands out can be shown.
 *
 * The input is a list of damages to a file with a few alerts in it. 'c': cut after so many
 * bytes; 'w': a log of garbage; 'q': one column of all rows set to a number or a text, through
 * SQLite; anything else: bytes written over the file.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include <tocsin/store.h>

#include "delivery/delivery.h"
#include "serve/api_json.h"

#define NOW INT64_C(1700000000000)

extern const struct tocsin_plugin tocsin_plugin;
#define OPS tocsin_plugin.store

struct tocsin_self {
	size_t errors; /* lines of the log that say what is wrong */
};

static char path[96], wal[100];
static uint8_t *whole; /* the undamaged file */
static size_t whole_size;

static void keep(struct tocsin_self *self, enum tocsin_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void keep(struct tocsin_self *self, enum tocsin_level level, const char *format, ...)
{
	self->errors += level == TOCSIN_LOG_ERROR && *format != '\0';
}

static int open_store(struct tocsin_self *self, void **state)
{
	static const struct tocsin_host host = {.size = sizeof(host), .log = keep};
	/* As the plugin has it. */
	static struct {
		const char *path;
		int64_t reserve;
	} config = {path, 0};

	assert(tocsin_plugin.config_size == sizeof(config));
	return OPS->open(self, &host, &config, state);
}

/* Making the undamaged file. */

static void accept_one(void *state, int number, const char *mark)
{
	static const char json[] =
		"{\"id\":\"00000000000000000000000000000001\",\"source\":\"rows\",\"fingerprint\":"
		"\"0123456789abcdef\",\"status\":\"firing\",\"severity\":\"info\",\"labels\":"
		"{\"a\":\"b\"},\"annotations\":{},\"recipients\":[]}";
	char id[33], key[2][40];
	struct tocsin_alert alert = {.size = sizeof(alert),
				     .id = id,
				     .source = "rows",
				     .fingerprint = "0123456789abcdef"};
	struct tocsin_new_delivery delivery[2] = {
		{.channel = "mail", .recipient = "a", .route = "all", .key = key[0], .due_ms = NOW},
		{.channel = "chat", .recipient = "", .route = "all", .key = key[1], .due_ms = NOW}};
	const struct tocsin_new_alert new = {.alert = &alert,
					     .body = json,
					     .mark = mark,
					     .tell = true,
					     .now_ms = NOW,
					     .delivery = delivery,
					     .n = 2};
	int64_t accepted;

	snprintf(id, sizeof(id), "%032d", number);
	snprintf(key[0], sizeof(key[0]), "%032d", number * 2);
	snprintf(key[1], sizeof(key[1]), "%032d", number * 2 + 1);
	assert(OPS->accept(state, &new, &accepted) == 0);
}

static int settle_one(const struct tocsin_stored_delivery *delivery, void *state)
{
	static const struct tocsin_new_delivery spare = {
		.channel = "spare", .recipient = "", .route = "all", .key = "spare", .due_ms = NOW};
	const struct tocsin_attempt attempt = {
		.delivery = delivery->id,
		.token = delivery->token,
		.number = 1,
		.started_ms = NOW,
		.state = delivery->id % 3 == 0 ? TOCSIN_STATE_DEAD : TOCSIN_STATE_DELIVERED,
		.ended_ms = NOW,
		.detail = "250 ok",
		.output = "what it said",
		.instead = &spare,
		.n_instead = delivery->id % 3 == 0};
	struct tocsin_attempt_result result;

	return OPS->settle(state, &attempt, &result);
}

static void fill(void)
{
	struct tocsin_self self = {0};
	void *state = NULL;
	char mark[16];

	assert(open_store(&self, &state) == 0);
	assert(OPS->begin(state, NOW) == 0);
	for (int i = 0; i < 12; i++) {
		snprintf(mark, sizeof(mark), "m%d", i);
		accept_one(state, i, mark);
	}
	assert(OPS->claim(state, "mail", NOW, NOW + 60000, 8, settle_one, state) == 0);
	assert(OPS->save(state, "rows", "position", "5") == 0);
	assert(OPS->note(state, "chat", "0123456789abcdef", "", "17") == 0);
	assert(OPS->commit(state) == 0);
	OPS->close(state);
}

static void make_whole(void)
{
	FILE *file;

	snprintf(path, sizeof(path), "%s/s.db", fuzz_directory());
	snprintf(wal, sizeof(wal), "%s-wal", path);
	fill();
	file = fopen(path, "r");
	assert(file && fseek(file, 0, SEEK_END) == 0);
	whole_size = (size_t)ftell(file);
	rewind(file);
	whole = malloc(whole_size);
	assert(whole && fread(whole, 1, whole_size, file) == whole_size);
	fclose(file);
}

/* Damage. */

static void write_file(const char *name, const void *data, size_t size)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static size_t take(struct fuzz_input *input, size_t bytes)
{
	size_t value = 0;

	for (; bytes > 0 && input->size > 0; bytes--, input->size--)
		value = value << 8 | *input->data++;
	return value;
}

static const char *const column[] = {
	"alert SET id",
	"alert SET source",
	"alert SET mark",
	"alert SET severity",
	"alert SET status",
	"alert SET received_ms",
	"telling SET tell",
	"telling SET told",
	"telling SET untold",
	"alert SET generation",
	"alert SET json",
	"delivery SET alert",
	"delivery SET channel",
	"delivery SET source",
	"delivery SET route",
	"delivery SET state",
	"delivery SET attempt",
	"delivery SET token",
	"delivery SET created_ms",
	"delivery SET due_ms",
	"delivery SET started_ms",
	"delivery SET done_ms",
	"delivery SET key",
	"delivery SET crashes",
	"delivery SET reason",
	"attempt SET number",
	"attempt SET detail",
	"counter SET value",
	"name SET text",
	"kept SET value",
	"output SET text",
	"output SET token",
	"note SET text",
	"note SET used_ms",
	"telling SET hash",
	"mark SET hash",
	"mark SET alert",
};

/* What SQLite itself refuses (a text for a number) changes nothing. */
static void set_column(struct fuzz_input *input)
{
	size_t which = take(input, 1) % TOCSIN_COUNT(column), length = take(input, 1);
	sqlite3_stmt *statement = NULL;
	sqlite3 *handle = NULL;
	char sql[128];

	snprintf(sql, sizeof(sql), "UPDATE OR IGNORE %s = ?1", column[which]);
	length = length < input->size ? length : input->size;
	if (sqlite3_open(path, &handle) == SQLITE_OK &&
	    sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) == SQLITE_OK) {
		if (length == 8)
			sqlite3_bind_int64(statement, 1, (sqlite3_int64)take(input, 8));
		else
			sqlite3_bind_text(statement, 1, (const char *)input->data, (int)length,
					  SQLITE_TRANSIENT);
		(void)sqlite3_step(statement);
	}
	sqlite3_finalize(statement);
	sqlite3_close(handle);
	if (length != 8) {
		input->data += length;
		input->size -= length;
	}
}

static void overwrite(struct fuzz_input *input)
{
	size_t at = take(input, 3) % whole_size, length = take(input, 1);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	length = length < input->size ? length : input->size;
	assert(fd >= 0 && pwrite(fd, input->data, length, (off_t)at) == (ssize_t)length);
	close(fd);
	input->data += length;
	input->size -= length;
}

static void damage(struct fuzz_input *input)
{
	write_file(path, whole, whole_size);
	unlink(wal);
	for (int i = 0; i < 16 && input->size > 0; i++) {
		switch (take(input, 1)) {
		case 'c':
			assert(truncate(path, (off_t)(take(input, 3) % (whole_size + 1))) == 0);
			break;
		case 'w':
			write_file(wal, input->data, input->size);
			return;
		case 'q':
			set_column(input);
			break;
		default:
			overwrite(input);
		}
	}
}

/* Everything that the daemon does with a store. */

static int show_delivery(const struct tocsin_stored_delivery *delivery, void *data)
{
	json_t *row = api_json_delivery(delivery);
	struct delivery *made = NULL;
	struct error err;

	(void)data;
	assert(row && delivery->channel && delivery->recipient && delivery->key);
	api_json_delivery_done(row, true);
	json_decref(row);
	if (delivery_new(delivery, NULL, delivery->channel, &made, &err) == 0)
		delivery_free(made);
	return 0;
}

static int show_alert(const struct tocsin_stored_alert *alert, void *data)
{
	json_t *row = api_json_alert(alert), *whole_alert;

	(void)data;
	assert(row);
	whole_alert = api_json_alert_done(row);
	json_decref(whole_alert);
	json_decref(row);
	return 0;
}

static int show_attempt(const struct tocsin_attempt *attempt, void *data)
{
	(void)data;
	json_decref(api_json_attempt(attempt));
	return 0;
}

static int ignore_untold(int64_t alert, const struct tocsin_settled *settled, void *data)
{
	(void)alert;
	(void)data;
	assert(settled->mark && settled->reason);
	return 0;
}

static int ignore_waiting(const char *channel, int64_t n, void *data)
{
	(void)n;
	(void)data;
	assert(channel);
	return 0;
}

static void look(void *state)
{
	struct tocsin_query query = {.limit = 100};
	struct tocsin_counters counters;
	struct tocsin_marked marked;
	char *value = NULL;
	int64_t due_ms;

	(void)OPS->counters(state, &counters);
	(void)OPS->find_mark(state, "rows", "m3", &marked);
	(void)OPS->next_due(state, "mail", &due_ms);
	(void)OPS->waiting(state, NULL, 0, ignore_waiting, NULL);
	(void)OPS->untold(state, "rows", 0, 100, ignore_untold, NULL);
	(void)OPS->deliveries(state, &query, show_delivery, NULL);
	(void)OPS->alerts(state, &query, show_alert, NULL);
	for (int64_t id = 1; id < 5; id++)
		(void)OPS->attempts(state, id, show_attempt, NULL);
	if (OPS->load(state, "rows", "position", &value) == 0)
		free(value);
	value = NULL;
	if (OPS->recall(state, "chat", "0123456789abcdef", "", &value) == 0)
		free(value);
}

static int change(void *state)
{
	const int64_t suspects[] = {1, 2, 9};
	struct tocsin_query dead = {.states = 1U << TOCSIN_STATE_DEAD};
	size_t removed;
	int64_t n;
	int result = OPS->recover(state, TOCSIN_PARKED, suspects, 3, 0, &n);

	if (!result)
		result = OPS->park(state, "rows");
	if (!result)
		result = OPS->unpark(state, 2, NOW, &n);
	if (!result)
		result = OPS->unwanted(state, "rows", "gone", false, NOW, &n);
	if (!result)
		result = OPS->claim(state, "chat", NOW, NOW + 60000, 4, settle_one, state);
	if (!result)
		result = OPS->replay(state, &dead, NOW, &n);
	if (!result)
		result = OPS->hasten(state, NOW);
	if (!result)
		result = OPS->forget(state, NOW, 100, &removed);
	return result ? result : OPS->prune(state, NOW + 1, NOW + 1, 100, &removed);
}

static void use(void *state)
{
	look(state);
	if (OPS->begin(state, NOW) == 0) {
		if (change(state) != 0 || OPS->commit(state) != 0)
			OPS->rollback(state);
		else
			look(state);
	}
	(void)OPS->maintain(state, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	struct tocsin_self self = {0};
	void *state = NULL;

	if (!whole)
		make_whole();
	damage(&input);
	if (open_store(&self, &state) != 0) {
		assert(self.errors > 0 && !state);
		return 0;
	}
	use(state);
	OPS->close(state);
	return 0;
}
