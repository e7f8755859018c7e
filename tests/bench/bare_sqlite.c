/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The yardstick of intake: SQLite and nothing else. Writes into a store that
 * tocsind has made the rows that it would write for alerts with one delivery
 * each, in commits of a chosen size that are as durable.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "common.h"

#define LOG_PAGES ((16 << 20) / (4096 + 24)) /* then the log is copied into the file */

static const char *const names[] = {"INSERT INTO name (id, text) VALUES (1, 'api')",
				    "INSERT INTO name (id, text) VALUES (2, 'hook')",
				    "INSERT INTO name (id, text) VALUES (3, 'default')"};
static const char settings[] = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = FULL;"
			       "PRAGMA wal_autocheckpoint = 0;"
			       "PRAGMA cache_size = -8192;";
static const char insert_alert[] =
	"INSERT INTO alert (number, id, source, mark, generation, fingerprint, severity, status,"
	" received_ms, created_ms, json) VALUES (?1, ?2, 1, NULL, 0, ?3, 3, 3, ?4, ?4, ?5)";
static const char insert_delivery[] =
	"INSERT INTO delivery (id, alert, source, channel, route, state, attempt, token, crashes,"
	" created_ms, due_ms, started_ms, done_ms, recipient, key, reason)"
	" VALUES (?1, ?1, 1, 2, 3, 0, 0, 0, 0, ?2, ?2, 0, 0, '', ?3, '')";
static const char write_counter[] = "INSERT INTO counter (name, value) VALUES (?1, ?2) "
				    "ON CONFLICT (name) DO UPDATE SET value = excluded.value";
static const char *const counters[] = {"accepted", "pending", "alerts", "last_alert",
				       "last_delivery"};

struct bare {
	sqlite3 *db;
	sqlite3_stmt *begin, *alert, *delivery, *counter, *commit;
	size_t alerts, batch, size, seconds, done;
	char *json;
	int log_pages;
};

static void check(struct bare *bare, int result, int wanted)
{
	if (result != wanted)
		die("SQLite: %s", sqlite3_errmsg(bare->db));
}

static void execute(struct bare *bare, const char *sql)
{
	check(bare, sqlite3_exec(bare->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void prepare(struct bare *bare, sqlite3_stmt **statement, const char *sql)
{
	check(bare, sqlite3_prepare_v2(bare->db, sql, -1, statement, NULL), SQLITE_OK);
}

static void step(struct bare *bare, sqlite3_stmt *statement)
{
	check(bare, sqlite3_step(statement), SQLITE_DONE);
	(void)sqlite3_reset(statement);
}

static void bind_text(sqlite3_stmt *statement, int position, const char *text)
{
	(void)sqlite3_bind_text(statement, position, text, -1, SQLITE_STATIC);
}

static int remember_pages(void *data, sqlite3 *db, const char *name, int pages)
{
	struct bare *bare = data;

	(void)db;
	(void)name;
	bare->log_pages = pages;
	return SQLITE_OK;
}

static void open_store(struct bare *bare, const char *path)
{
	check(bare,
	      sqlite3_open_v2(path, &bare->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL),
	      SQLITE_OK);
	execute(bare, settings);
	execute(bare, "PRAGMA journal_mode = WAL");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		execute(bare, names[i]);
	prepare(bare, &bare->begin, "BEGIN IMMEDIATE");
	prepare(bare, &bare->alert, insert_alert);
	prepare(bare, &bare->delivery, insert_delivery);
	prepare(bare, &bare->counter, write_counter);
	prepare(bare, &bare->commit, "COMMIT");
	(void)sqlite3_wal_hook(bare->db, remember_pages, bare);
}

/* A fresh id as the daemon makes them: the time first, then chance. */
static void make_id(size_t number, char *text, size_t size)
{
	(void)snprintf(text, size, "%012zx7%03x8%04x%012llx", number / 1000,
		       (unsigned)rand() & 0xfff, (unsigned)rand() & 0xffff,
		       (unsigned long long)rand() << 17 ^ (unsigned long long)rand());
}

static void add_alert(struct bare *bare, sqlite3_int64 number)
{
	const sqlite3_int64 now = 1700000000000 + number / 10;
	char id[64], fingerprint[24], key[48];

	make_id((size_t)number, id, sizeof(id));
	(void)snprintf(fingerprint, sizeof(fingerprint), "%08x%08x", (unsigned)rand(),
		       (unsigned)rand());
	(void)snprintf(key, sizeof(key), "%s%s", fingerprint, fingerprint);
	(void)sqlite3_bind_int64(bare->alert, 1, number);
	bind_text(bare->alert, 2, id);
	bind_text(bare->alert, 3, fingerprint);
	(void)sqlite3_bind_int64(bare->alert, 4, now);
	bind_text(bare->alert, 5, bare->json);
	step(bare, bare->alert);
	(void)sqlite3_bind_int64(bare->delivery, 1, number);
	(void)sqlite3_bind_int64(bare->delivery, 2, now);
	bind_text(bare->delivery, 3, key);
	step(bare, bare->delivery);
}

static void commit_batch(struct bare *bare)
{
	step(bare, bare->begin);
	for (size_t i = 0; i < bare->batch && bare->done < bare->alerts; i++)
		add_alert(bare, (sqlite3_int64)++bare->done);
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		bind_text(bare->counter, 1, counters[i]);
		(void)sqlite3_bind_int64(bare->counter, 2, (sqlite3_int64)bare->done);
		step(bare, bare->counter);
	}
	step(bare, bare->commit);
	if (bare->log_pages < LOG_PAGES)
		return;
	check(bare,
	      sqlite3_wal_checkpoint_v2(bare->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL),
	      SQLITE_OK);
	bare->log_pages = 0;
}

static void run(struct bare *bare)
{
	int64_t began = now_ns();
	double seconds;

	bare->json = malloc(bare->size + 1);
	if (!bare->json)
		die("out of memory");
	memset(bare->json, 'x', bare->size);
	bare->json[bare->size] = '\0';
	/* On a slow disk a commit for each of many would take all day, and tell no more. */
	while (bare->done < bare->alerts && now_ns() - began < (int64_t)bare->seconds * 1000000000)
		commit_batch(bare);
	seconds = (double)(now_ns() - began) / 1e9;
	(void)printf("{\"alerts\":%zu,\"seconds\":%.4f}\n", bare->done, seconds);
}

static const struct option known[] = {{"alerts", required_argument, NULL, 'a'},
				      {"batch", required_argument, NULL, 'b'},
				      {"size", required_argument, NULL, 's'},
				      {"seconds", required_argument, NULL, 't'},
				      {0}};

int main(int argc, char *argv[])
{
	struct bare bare = {.alerts = 1000, .batch = 100, .size = 300, .seconds = 15};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		if (option == 'a')
			bare.alerts = number_of(optarg, "--alerts");
		else if (option == 'b')
			bare.batch = number_of(optarg, "--batch");
		else if (option == 's')
			bare.size = number_of(optarg, "--size");
		else if (option == 't')
			bare.seconds = number_of(optarg, "--seconds");
		else
			return 2;
	}
	if (optind + 1 != argc || !bare.batch)
		die("usage: bare_sqlite [--OPTION N]... STORE");
	open_store(&bare, argv[optind]);
	run(&bare);
	return 0;
}
