/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables, as a list of migrations. Entry n takes a file from version n to
 * n + 1, in one transaction. Entries are only ever added: released ones are what
 * the files of users were made with.
 */
#include <errno.h>
#include <stdio.h>

#include "statement.h"

#define APPLICATION 0x746f6373 /* "tocs", in the header of the file */

static const char *const migration[] = {
	/* 0: a new file */
	"CREATE TABLE name ("
	"  id INTEGER PRIMARY KEY,"
	"  text TEXT NOT NULL UNIQUE"
	") STRICT;"
	"CREATE TABLE counter ("
	"  name TEXT PRIMARY KEY,"
	"  value INTEGER NOT NULL"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE kept ("
	"  instance TEXT NOT NULL,"
	"  name TEXT NOT NULL,"
	"  value TEXT NOT NULL,"
	"  PRIMARY KEY (instance, name)"
	") STRICT, WITHOUT ROWID;"

	/* Written once: what becomes of its deliveries is counted from them, except for a source
	 * that asked to be told (tell). told: it knows the end; untold: it has to be told now.
	 * received_ms is wall time, created_ms own time. */
	"CREATE TABLE alert ("
	"  number INTEGER PRIMARY KEY,"
	"  id TEXT NOT NULL,"
	"  source INTEGER NOT NULL,"
	"  mark TEXT,"
	"  generation INTEGER NOT NULL,"
	"  fingerprint TEXT NOT NULL,"
	"  severity INTEGER NOT NULL,"
	"  status INTEGER NOT NULL,"
	"  received_ms INTEGER NOT NULL,"
	"  created_ms INTEGER NOT NULL,"
	"  tell INTEGER NOT NULL,"
	"  told INTEGER NOT NULL,"
	"  untold INTEGER NOT NULL,"
	"  json TEXT NOT NULL"
	") STRICT;"
	"CREATE UNIQUE INDEX alert_id ON alert (id);"
	"CREATE UNIQUE INDEX alert_mark ON alert (source, mark, generation)"
	"  WHERE mark IS NOT NULL;"
	"CREATE INDEX alert_untold ON alert (source) WHERE untold = 1;"

	/* state: 0 pending, 2 delivered, 3 dead, 4 suppressed. A claim is not written: nobody else
	 * can have this file, so it lives in memory (held.c). created_ms and due_ms are own time,
	 * and so is the time at which it was settled, which is in due_ms from then on. started_ms
	 * and done_ms are wall time: of the attempt that settled it, 0 when none did. */
	"CREATE TABLE delivery ("
	"  id INTEGER PRIMARY KEY,"
	"  alert INTEGER NOT NULL,"
	"  source INTEGER NOT NULL,"
	"  channel INTEGER NOT NULL,"
	"  route INTEGER NOT NULL,"
	"  state INTEGER NOT NULL,"
	"  attempt INTEGER NOT NULL,"
	"  token INTEGER NOT NULL,"
	"  crashes INTEGER NOT NULL,"
	"  created_ms INTEGER NOT NULL,"
	"  due_ms INTEGER NOT NULL,"
	"  started_ms INTEGER NOT NULL,"
	"  done_ms INTEGER NOT NULL,"
	"  recipient TEXT NOT NULL,"
	"  key TEXT NOT NULL,"
	"  reason TEXT NOT NULL"
	") STRICT;"
	"CREATE INDEX delivery_alert ON delivery (alert);"
	"CREATE INDEX delivery_ready ON delivery (channel, due_ms) WHERE state = 0;"
	"CREATE INDEX delivery_failed ON delivery (state, id) WHERE state > 2;"

	/* Attempts after which a delivery went on; the one that settled it is in its own row. The
	 * token orders them also after their numbers began anew. */
	"CREATE TABLE attempt ("
	"  delivery INTEGER NOT NULL,"
	"  token INTEGER NOT NULL,"
	"  number INTEGER NOT NULL,"
	"  state INTEGER NOT NULL,"
	"  due_ms INTEGER NOT NULL,"
	"  started_ms INTEGER NOT NULL,"
	"  ended_ms INTEGER NOT NULL,"
	"  detail TEXT NOT NULL,"
	"  PRIMARY KEY (delivery, token)"
	") STRICT, WITHOUT ROWID;"

	/* What programs wrote in an attempt, of those that wrote something. */
	"CREATE TABLE output ("
	"  delivery INTEGER NOT NULL,"
	"  token INTEGER NOT NULL,"
	"  text TEXT NOT NULL,"
	"  PRIMARY KEY (delivery, token)"
	") STRICT, WITHOUT ROWID;"

	/* What channels remember of an alert and a recipient. used_ms is own time. */
	"CREATE TABLE note ("
	"  channel INTEGER NOT NULL,"
	"  fingerprint TEXT NOT NULL,"
	"  recipient TEXT NOT NULL,"
	"  used_ms INTEGER NOT NULL,"
	"  text TEXT NOT NULL,"
	"  PRIMARY KEY (channel, fingerprint, recipient)"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX note_used ON note (used_ms);",

	/* 1: what the source knows of an alert that has a mark, or of whose end it asked to be told,
	 * moves beside the alert, because it changes, and hundreds of such rows share a page. */
	"CREATE TABLE telling ("
	"  alert INTEGER PRIMARY KEY,"
	"  source INTEGER NOT NULL,"
	"  tell INTEGER NOT NULL,"
	"  told INTEGER NOT NULL,"
	"  untold INTEGER NOT NULL"
	") STRICT;"
	"INSERT INTO telling (alert, source, tell, told, untold)"
	" SELECT number, source, tell, told, untold FROM alert"
	" WHERE mark IS NOT NULL OR tell = 1;"
	"CREATE INDEX telling_untold ON telling (source) WHERE untold = 1;"
	"DROP INDEX alert_untold;"
	"ALTER TABLE alert DROP COLUMN tell;"
	"ALTER TABLE alert DROP COLUMN told;"
	"ALTER TABLE alert DROP COLUMN untold;",

	/* 2: alerts are found again by a hash of their mark (marks.h). Those up to the counter
	 * `filed` are in the table mark, later ones only in telling. */
	"ALTER TABLE telling ADD COLUMN hash INTEGER;"
	"UPDATE telling SET hash = mark_hash(a.source, a.mark) FROM alert a"
	" WHERE a.number = telling.alert AND a.mark IS NOT NULL;"
	"CREATE TABLE mark ("
	"  hash INTEGER NOT NULL,"
	"  alert INTEGER NOT NULL,"
	"  PRIMARY KEY (hash, alert)"
	") STRICT, WITHOUT ROWID;"
	"INSERT INTO mark (hash, alert) SELECT hash, alert FROM telling WHERE hash IS NOT NULL"
	" ORDER BY hash, alert;"
	"INSERT OR REPLACE INTO counter (name, value)"
	" SELECT 'filed', value FROM counter WHERE name = 'last_alert';"
	"DROP INDEX alert_mark;",
};

static int execute(struct db *db, const char *sql)
{
	int result = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

	return result == SQLITE_OK ? 0 : db_fail(db, result);
}

static int pragma_value(struct db *db, const char *sql, int64_t *value)
{
	struct statement st = statement_once(db, sql);

	return statement_value(&st, value);
}

static int upgrade(struct db *db, size_t from)
{
	char stamp[96];
	int result = execute(db, "BEGIN IMMEDIATE");

	if (result)
		return result;
	(void)snprintf(stamp, sizeof(stamp),
		       "PRAGMA application_id = %d; PRAGMA user_version = %zu", APPLICATION,
		       from + 1);
	result = execute(db, migration[from]);
	if (!result)
		result = execute(db, stamp);
	if (!result)
		result = execute(db, "COMMIT");
	/* SQLite may have rolled back by itself; the file is then as it was. */
	if (result && !sqlite3_get_autocommit(db->handle))
		(void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
	return result;
}

static int refuse_foreign(struct db *db)
{
	DB_LOG(db, TOCSIN_LOG_ERROR,
	       "%s is the SQLite file of another program; give the store a path of its own",
	       db->config->path);
	return -EINVAL;
}

static int refuse_newer(struct db *db, int64_t version)
{
	DB_LOG(db, TOCSIN_LOG_ERROR,
	       "%s was written by a newer tocsin (schema %lld; this one knows %zu); install that "
	       "tocsin again, or restore the copy of the file from before the upgrade",
	       db->config->path, (long long)version, TOCSIN_COUNT(migration));
	return -EINVAL;
}

int db_judge(struct db *db, int64_t *version)
{
	int64_t application = 0, tables = 0;
	int result = pragma_value(db, "PRAGMA user_version", version);

	if (!result)
		result = pragma_value(db, "PRAGMA application_id", &application);
	if (!result)
		result = pragma_value(db, "SELECT count(*) FROM sqlite_schema", &tables);
	if (result)
		return result;
	if (application != APPLICATION && (application || *version || tables))
		return refuse_foreign(db);
	if (*version < 0 || *version > (int64_t)TOCSIN_COUNT(migration))
		return refuse_newer(db, *version);
	return 0;
}

int db_migrate(struct db *db, int64_t version)
{
	int result = 0;

	for (size_t from = (size_t)version; from < TOCSIN_COUNT(migration) && !result; from++)
		result = upgrade(db, from);
	return result;
}
