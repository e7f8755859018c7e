/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite store: its descriptor, and how the file is opened, judged and closed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "statement.h"

#define CHECK_BELOW (64 * 1024 * 1024) /* bytes that quick_check reads in a second or two */
#define BUSY_TIMEOUT_MS 5000

static const struct tocsin_option options[] = {
	TOCSIN_OPTION(PATH, struct db_config, path, .required = true,
		      .example = "/var/lib/tocsin/tocsin.db",
		      .help = "The database file. It is created when it does not exist; its "
			      "directory must exist and belong to the user that tocsin runs as. A "
			      "local disk: not NFS or another network file system."),
	TOCSIN_OPTION(SIZE, struct db_config, reserve, .preset = "8MiB", .min = 0,
		      .max = INT64_C(1) << 30,
		      .help = "Room kept free in PATH.reserve. When the disk is full that file is "
			      "deleted, so that deliveries under way can still be settled; it is "
			      "made again when there is room. 0: none."),
};

int db_errno(int result, int system_errno)
{
	switch (result & 0xff) {
	case SQLITE_OK:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_IOERR:
		if (result == SQLITE_IOERR_NOMEM)
			return -ENOMEM;
		/* After a failed fsync the kernel may have dropped the pages, whatever the reason. */
		if (result == SQLITE_IOERR_FSYNC || result == SQLITE_IOERR_DIR_FSYNC)
			return -EIO;
		return system_errno == ENOSPC || system_errno == EDQUOT ? -ENOSPC : -EIO;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EIO;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_TOOBIG:
		return -E2BIG;
	case SQLITE_CONSTRAINT:
		return result == SQLITE_CONSTRAINT_UNIQUE ? -EEXIST : -EPROTO;
	default:
		return -EPROTO;
	}
}

static void log_lost(struct db *db, int result, const char *text)
{
	const char *path = db->config->path;

	if ((result & 0xff) == SQLITE_CORRUPT || (result & 0xff) == SQLITE_NOTADB)
		DB_LOG(db, TOCSIN_LOG_ERROR,
		       "%s is damaged (%s); stop tocsin, keep copies of %s and %s-wal, and rescue "
		       "what can be read into a new file: sqlite3 COPY .recover | sqlite3 NEW",
		       path, text, path, path);
	else
		DB_LOG(db, TOCSIN_LOG_ERROR,
		       "%s cannot be read or written (%s, code %d); nothing more is accepted until "
		       "tocsin has started again: check the disk and the kernel's log",
		       path, text, result);
}

int db_fail(struct db *db, int result)
{
	int error = db_errno(result, db->handle ? sqlite3_system_errno(db->handle) : 0);
	bool said = db->handle && sqlite3_extended_errcode(db->handle) == result;
	const char *text = said ? sqlite3_errmsg(db->handle) : sqlite3_errstr(result);

	/* The statement alone failed and left no trace: an alert that is already there. */
	if (error == -EEXIST)
		return error;
	if (error == -EIO && !db->lost) {
		log_lost(db, result, text);
		db->lost = true;
	} else if (error == -ENOSPC) {
		if (!db->full)
			DB_LOG(db, TOCSIN_LOG_ERROR, "there is no room for %s (%s)",
			       db->config->path, text);
		db->full = true;
		db_unreserve(db);
	} else if (error != -EIO) {
		DB_LOG(db, TOCSIN_LOG_ERROR, "%s: %s (code %d)", db->config->path, text, result);
	}
	if ((db->transaction || error == -EIO) && !db->spoiled)
		db->spoiled = error;
	return error;
}

int db_damaged(struct db *db, const char *what)
{
	if (!db->lost)
		log_lost(db, SQLITE_CORRUPT, what);
	db->lost = true;
	if (!db->spoiled)
		db->spoiled = -EIO;
	return -EIO;
}

static int remember_pages(void *data, sqlite3 *handle, const char *database, int pages)
{
	struct db *db = data;

	(void)handle;
	(void)database;
	db->wal_pages = pages;
	return SQLITE_OK;
}

/* Runs a pragma that answers with one value, and refuses another answer. */
static int insist(struct db *db, const char *pragma, const char *answer)
{
	struct statement st = statement_once(db, pragma);
	int row = statement_row(&st);

	if (row == 1 && strcmp(column_text(&st, 0), answer) != 0) {
		DB_LOG(db, TOCSIN_LOG_ERROR,
		       "%s: SQLite answers \"%s\" to \"%s\" instead of "
		       "\"%s\"; use a local disk and a complete SQLite library",
		       db->config->path, column_text(&st, 0), pragma, answer);
		row = -ENOTSUP;
	} else if (row == 1) {
		row = statement_row(
			&st); /* what it answered becomes true with its last step, or fails */
	}
	return statement_end(&st, row < 0 ? row : 0);
}

int64_t db_wall_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const char settings[] =
	/* One connection for good: no shared memory, and no other program can come between. It is
	 * the first, because the others read the file already. */
	"PRAGMA locking_mode = EXCLUSIVE;"
	/* Every commit is on disk. */
	DB_SYNCHRONOUS
	/* The log is moved when upkeep says so. */
	"PRAGMA wal_autocheckpoint = 0;"
	"PRAGMA mmap_size = 0;"
	"PRAGMA trusted_schema = OFF;"
	"PRAGMA cell_size_check = ON;"
	"PRAGMA temp_store = MEMORY;"
	/* Above what upkeep lets it grow to, so that only what a huge transaction left is cut off. */
	"PRAGMA journal_size_limit = 134217728;"
	"PRAGMA cache_size = -8192;"
	/* Only has an effect on a new file, and only before its first page is written. */
	"PRAGMA auto_vacuum = INCREMENTAL;";

static int configure(struct db *db)
{
	int result;

	(void)sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
	result = sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_exec(db->handle, settings, NULL, NULL, NULL);
	return result == SQLITE_OK ? 0 : db_fail(db, result);
}

/* Reads the first page and takes the lock that keeps every other connection out. */
static int take(struct db *db)
{
	int result = sqlite3_exec(db->handle, "BEGIN EXCLUSIVE; COMMIT", NULL, NULL, NULL);

	return result == SQLITE_OK ? 0 : db_fail(db, result);
}

/* After a crash a small file is checked whole; a large one would hold up the start for minutes. */
static int check_file(struct db *db, int64_t size)
{
	struct statement st;
	int row;

	if (size > CHECK_BELOW) {
		DB_LOG(db, TOCSIN_LOG_INFO,
		       "%s was not closed by its last user; with %lld MiB it is not checked at the "
		       "start (while tocsin is stopped: sqlite3 %s 'PRAGMA quick_check')",
		       db->config->path, (long long)(size >> 20), db->config->path);
		return 0;
	}
	DB_LOG(db, TOCSIN_LOG_INFO, "%s was not closed by its last user; checking it",
	       db->config->path);
	st = statement_once(db, "PRAGMA quick_check(1)");
	row = statement_row(&st);
	if (row == 1 && strcmp(column_text(&st, 0), "ok") != 0)
		row = db_damaged(db, column_text(&st, 0));
	return statement_end(&st, row < 0 ? row : 0);
}

/* held(id): whether this process has claimed the delivery. */
static void sql_held(sqlite3_context *context, int n, sqlite3_value **argument)
{
	const struct db *db = sqlite3_user_data(context);

	(void)n;
	sqlite3_result_int(context, held_find(&db->held, sqlite3_value_int64(argument[0])) != NULL);
}

/* mark_hash(source, mark): as marks_hash; files of earlier versions have none. */
static void sql_mark_hash(sqlite3_context *context, int n, sqlite3_value **argument)
{
	const char *mark = (const char *)sqlite3_value_text(argument[1]);

	(void)n;
	if (mark)
		sqlite3_result_int64(context, marks_hash(sqlite3_value_int64(argument[0]), mark));
	else
		sqlite3_result_error_nomem(context);
}

static int add_functions(struct db *db)
{
	const int flags = SQLITE_UTF8 | SQLITE_DIRECTONLY;
	int result = sqlite3_create_function_v2(db->handle, "held", 1, flags, db, sql_held, NULL,
						NULL, NULL);

	if (result == SQLITE_OK)
		result = sqlite3_create_function_v2(db->handle, "mark_hash", 2, flags, NULL,
						    sql_mark_hash, NULL, NULL, NULL);
	return result == SQLITE_OK ? 0 : db_fail(db, result);
}

static int open_file(struct db *db)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
			  SQLITE_OPEN_EXRESCODE;
	int result = db_create_file(db);

	if (result)
		return result;
	/* Counting what it allocates takes a lock each time, and nobody asks. Refused, when another
	 * plugin has begun to use the library. */
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	result = log_vfs_register(&db->vfs);
	if (result == SQLITE_OK)
		result = sqlite3_open_v2(db->config->path, &db->handle, flags, db->vfs.name);
	if (result != SQLITE_OK)
		return db_fail(db, result);
	result = configure(db);
	if (!result)
		result = add_functions(db);
	return result ? result : take(db);
}

static int connect_file(struct db *db)
{
	int64_t size, version = 0;
	bool unclean = db_has_log(db, &size);
	int result = open_file(db);

	/* A file that is not ours is left as it is: judge it before the first change. */
	if (!result)
		result = db_judge(db, &version);
	if (!result)
		result = insist(db, "PRAGMA journal_mode = WAL", "wal");
	if (!result && unclean)
		result = check_file(db, size);
	if (!result)
		result = db_migrate(db, version);
	/* The names of the file and of its log must survive a power cut as their contents do. */
	if (!result)
		result = db_sync_directory(db);
	if (!result)
		result = db_load_counters(db);
	return result ? result : db_load_marks(db);
}

static void disconnect(struct db *db)
{
	for (size_t i = 0; i < DB_STATEMENTS; i++)
		(void)sqlite3_finalize(db->statement[i].prepared);
	memset(db->statement, 0, sizeof(db->statement));
	/* Pages that could not be synced must not reach the file through a last checkpoint. */
	if ((db->lost || db->lax) && db->handle)
		(void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	(void)sqlite3_close(db->handle);
	db->handle = NULL;
	log_vfs_done(&db->vfs);
	db_names_forget(db);
}

static void finish(struct db *db)
{
	disconnect(db);
	held_done(&db->held);
	fresh_clear(&db->fresh);
	marks_done(&db->marks);
	db_scratch_done(db);
	db_unlock(db);
	free(db);
}

static int open_store(struct tocsin_self *self, const struct tocsin_host *host, const void *config,
		      void **state)
{
	struct db *db = calloc(1, sizeof(*db));
	int result;

	if (!db)
		return -ENOMEM;
	db->self = self;
	db->host = host;
	db->config = config;
	db->lock = -1;
	result = db_lock(db);
	db_find_reserve(db);
	if (!result)
		result = connect_file(db);
	if (result == -ENOSPC) { /* which gave back what a former process had reserved */
		disconnect(db);
		result = connect_file(db);
	}
	if (result) {
		finish(db);
		return result;
	}
	(void)sqlite3_wal_hook(db->handle, remember_pages, db);
	db_reserve(db);
	db_find_log_room(db);
	DB_LOG(db, TOCSIN_LOG_DEBUG, "opened %s with SQLite %s", db->config->path,
	       sqlite3_libversion());
	*state = db;
	return 0;
}

static void close_store(void *state)
{
	finish(state);
}

static const struct tocsin_store_ops operations = {
	.size = sizeof(operations),
	.open = open_store,
	.close = close_store,
	.begin = db_begin,
	.commit = db_commit,
	.rollback = db_rollback,
	.find_mark = db_find_mark,
	.accept = db_accept,
	.unpark = db_unpark,
	.revive = db_revive,
	.park = db_park,
	.withdraw = db_withdraw,
	.unwanted = db_unwanted,
	.claim = db_claim,
	.settle = db_settle,
	.release = db_release,
	.renew = db_renew,
	.recover = db_recover,
	.hasten = db_hasten,
	.next_due = db_next_due,
	.waiting = db_waiting,
	.untold = db_untold,
	.told = db_told,
	.deliveries = db_deliveries,
	.attempts = db_attempts,
	.alerts = db_alerts,
	.replay = db_replay,
	.drop = db_drop,
	.counters = db_counters,
	.save = db_save,
	.load = db_load,
	.prune = db_prune,
	.maintain = db_maintain,
	.scratch = db_scratch,
	.full = db_full,
	.note = db_note,
	.recall = db_recall,
	.forget = db_forget,
	.each = db_each,
};

TOCSIN_PLUGIN(.kind = TOCSIN_STORE, .name = "sqlite", .version = "1.0",
	      .summary = "keeps alerts and deliveries in one SQLite file", .options = options,
	      .option_count = TOCSIN_COUNT(options), .config_size = sizeof(struct db_config),
	      .store = &operations);
