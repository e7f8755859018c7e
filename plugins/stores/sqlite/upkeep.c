/* SPDX-License-Identifier: Apache-2.0 */
/* Upkeep: retention, checkpoints and free pages. */
#include <errno.h>
#include <string.h>

#include "statement.h"

#define LOOK_PAGES 256     /* of log between two looks at what is free */
#define LOG_STEP (1 << 20) /* bytes by which it grows */
#define FULL_PAGES 1000    /* of log are moved on a full disk, and */
#define QUIET_PART 8       /* this part of the most in a quiet time: when nobody waits, and */
#define QUIET_MS 50        /* nobody came for so long before */
#define FREE_PAGES 1024    /* kept for the next burst */
#define VACUUM_PAGES "200"
#define PRUNE_CHUNKS 20 /* of DB_CHUNK alerts that one call looks at */

/* What prune removes: settled, and dead, before these times; so many at most. */
struct db_retention {
	int64_t settled_before_ms, dead_before_ms;
	size_t limit;
};

/* Names of sources and routes are among these, too, and count nothing. */
static const char select_names[] = "SELECT id, text FROM name ORDER BY id";
static const char count_ready[] =
	"SELECT count(*) FROM delivery INDEXED BY delivery_ready WHERE state = 0 AND channel = ?1";
static const char select_next_alerts[] =
	"SELECT number, created_ms,"
	" EXISTS (SELECT 1 FROM telling WHERE alert = number AND tell > told)"
	" FROM alert WHERE number > ?1 ORDER BY number LIMIT ?2";
static const char select_end[] =
	"SELECT coalesce(max(state = 0), 0), coalesce(max(state = 3), 0), coalesce(max(due_ms), 0)"
	" FROM delivery INDEXED BY delivery_alert WHERE alert = ?1";
static const char delete_attempts[] =
	"DELETE FROM attempt WHERE delivery IN"
	" (SELECT id FROM delivery INDEXED BY delivery_alert WHERE alert = ?1)";
static const char delete_outputs[] =
	"DELETE FROM output WHERE delivery IN"
	" (SELECT id FROM delivery INDEXED BY delivery_alert WHERE alert = ?1)";
static const char delete_deliveries[] =
	"DELETE FROM delivery INDEXED BY delivery_alert WHERE alert = ?1";
static const char delete_mark[] =
	"DELETE FROM mark WHERE hash = (SELECT hash FROM telling WHERE alert = ?1) AND alert = ?1";
static const char delete_telling[] = "DELETE FROM telling WHERE alert = ?1";
static const char delete_alert[] = "DELETE FROM alert WHERE number = ?1";
static const char free_pages[] = "PRAGMA freelist_count";
static const char count_pages[] = "PRAGMA page_count";

static int remove_alert(struct db *db, int64_t number)
{
	const char *const order[] = {delete_attempts, delete_outputs, delete_deliveries,
				     delete_mark,     delete_telling, delete_alert};
	int result = 0;

	for (size_t i = 0; i < TOCSIN_COUNT(order) && !result; i++) {
		struct statement st = statement_use(db, order[i]);

		bind_int(&st, 1, number);
		result = statement_run(&st);
	}
	return result;
}

/* An alert that prune looks at. */
struct candidate {
	int64_t number, created_ms;
	bool untold;
};

static int next_candidates(struct db *db, struct candidate *candidate, size_t *n)
{
	struct statement st = statement_use(db, select_next_alerts);
	int row;

	bind_int(&st, 1, db->pruned);
	bind_int(&st, 2, DB_CHUNK);
	for (*n = 0; (row = statement_row(&st)) == 1 && *n < DB_CHUNK; ++*n)
		candidate[*n] = (struct candidate){.number = column_int(&st, 0),
						   .created_ms = column_int(&st, 1),
						   .untold = column_int(&st, 2)};
	return statement_end(&st, row < 0 ? row : 0);
}

/* Whether all of the alert is settled, told and old enough. */
static int is_old(struct db *db, const struct candidate *candidate,
		  const struct db_retention *retention, bool *old)
{
	struct statement st = statement_use(db, select_end);
	int row;

	*old = false;
	bind_int(&st, 1, candidate->number);
	row = statement_row(&st);
	if (row == 1 && !candidate->untold && column_int(&st, 0) == 0) {
		int64_t end_ms = column_int(&st, 2);

		if (end_ms == 0) /* without a delivery */
			end_ms = candidate->created_ms;
		*old = end_ms < (column_int(&st, 1) ? retention->dead_before_ms
						    : retention->settled_before_ms);
	}
	return statement_end(&st, row < 0 ? row : 0);
}

/* Whatever became of it. Own time does not go back, so those behind it are young as well. */
static bool is_young(const struct candidate *candidate, const struct db_retention *retention)
{
	return candidate->created_ms >= retention->dead_before_ms &&
	       candidate->created_ms >= retention->settled_before_ms;
}

/* Removes what is old among the candidates. *done: the limit is reached, or the rest is too young. */
static int prune_some(struct db *db, const struct db_retention *retention,
		      const struct candidate *candidate, size_t n, size_t *removed, bool *done)
{
	int result = 0;

	for (size_t i = 0; i < n && !result && !*done; i++) {
		bool old = false;

		if (!is_young(&candidate[i], retention))
			result = is_old(db, &candidate[i], retention, &old);
		if (!result && old) {
			result = remove_alert(db, candidate[i].number);
			++*removed;
		}
		db->pruned = candidate[i].number;
		*done = *removed == retention->limit;
	}
	return result;
}

/* Alerts are looked at in the order in which they came, round after round: an index by the time of
 * their end would cost every alert, this only those that are kept for longer. */
int db_prune(void *state, int64_t settled_before_ms, int64_t dead_before_ms, size_t limit,
	     size_t *removed)
{
	struct db *db = state;
	const struct db_retention retention = {.settled_before_ms = settled_before_ms,
					       .dead_before_ms = dead_before_ms,
					       .limit = limit};
	struct candidate candidate[DB_CHUNK];
	bool done = false;
	int result = 0;

	*removed = 0;
	for (int chunk = 0; chunk < PRUNE_CHUNKS && !result && !done; chunk++) {
		size_t n;

		result = next_candidates(db, candidate, &n);
		if (!result)
			result = prune_some(db, &retention, candidate, n, removed, &done);
		if (!done && (n < DB_CHUNK || is_young(&candidate[0], &retention))) {
			db->pruned = 0; /* the next call begins a new round */
			break;
		}
	}
	return result;
}

/* Under load everybody waits for a checkpoint, a few syncs long: hence a large log, so that they are few,
 * and most of what one moves was written many times. On a full disk it shall not take the last room. */
static int least_pages(const struct db *db, bool quiet)
{
	int most = (int)(db->log_room / DB_LOG_PAGE);

	return db->full ? FULL_PAGES : quiet ? most / QUIET_PART : most;
}

int db_set_syncs(struct db *db, bool on)
{
	const char *sql = on ? DB_SYNCHRONOUS : "PRAGMA synchronous = OFF";
	int result;

	db->lax = true; /* whatever becomes of the attempt */
	result = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
	if (result == SQLITE_OK)
		db->lax = !on;
	return result;
}

static int sync_file(struct db *db)
{
	sqlite3_file *file = NULL;
	int result = sqlite3_file_control(db->handle, NULL, SQLITE_FCNTL_FILE_POINTER, &file);

	return result == SQLITE_OK ? file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) : result;
}

static int write_zeros(sqlite3_file *file, int64_t from, int64_t to)
{
	static const char zeros[16 * DB_LOG_PAGE];
	int result = SQLITE_OK;

	for (; from < to && result == SQLITE_OK; from += (int64_t)sizeof(zeros))
		result = file->pMethods->xWrite(file, zeros, sizeof(zeros), from);
	return result;
}

/* For want of room, or of a quota? SQLite notes the error of what goes past it with the file alone. */
static bool lacks_room(sqlite3_file *file, int result)
{
	int number = 0;

	(void)file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &number);
	return db_errno(result, number) == -ENOSPC;
}

/* A commit that only overwrites is durable sooner than one that also makes a file grow, of which the
 * file system has to take note. So the log grows before it has to, by zeros, which are no pages to
 * SQLite, and keeps its size. */
static int grow_log(struct db *db)
{
	int64_t wanted = db->log_size + LOG_STEP;
	sqlite3_int64 size = 0;
	sqlite3_file *log = NULL;
	int result;

	if (db->full || wanted > db->log_room ||
	    (int64_t)db->wal_pages * DB_LOG_PAGE + LOG_STEP / 2 < db->log_size)
		return 0;
	result = sqlite3_file_control(db->handle, NULL, SQLITE_FCNTL_JOURNAL_POINTER, &log);
	if (result == SQLITE_OK && (!log || !log->pMethods))
		return 0; /* SQLite opens it again when it next needs it */
	if (result == SQLITE_OK)
		result = log->pMethods->xFileSize(log, &size);
	if (result == SQLITE_OK)
		result = write_zeros(log, size, wanted);
	/* Only a commit knows whether it has room. */
	if (result != SQLITE_OK && !lacks_room(log, result))
		return db_fail(db, result);
	db->log_size = wanted;
	return 0;
}

/* Copies the log into the file and syncs that. SQLite would sync the log before, in vain, because every
 * commit did: so its syncs are off, and the file is synced here, before the log is written again. */
static int move_log(struct db *db, int *pages, int *done)
{
	int result = db_set_syncs(db, false);

	if (result == SQLITE_OK)
		result = sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE,
						   pages, done);
	if (result == SQLITE_OK)
		result = sync_file(db);
	(void)db_set_syncs(db, true); /* db_begin tries again */
	return result;
}

/* The disk fills up meanwhile, by us or by others. */
static void look_for_room(struct db *db)
{
	if (db->wal_pages >= db->log_looked && db->wal_pages - db->log_looked < LOOK_PAGES)
		return;
	db->log_looked = db->wal_pages;
	db_find_log_room(db);
}

/* Whether there is room for the pages by which the file grows. Without it half a move would take what
 * outcomes need, for nothing. */
static bool may_move(struct db *db)
{
	struct statement st;
	sqlite3_file *file = NULL;
	sqlite3_int64 size = 0;
	int64_t pages;

	if (!db->full)
		return true;
	if (sqlite3_file_control(db->handle, NULL, SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
	    file->pMethods->xFileSize(file, &size) != SQLITE_OK)
		return false;
	st = statement_use(db, count_pages);
	return statement_value(&st, &pages) == 0 &&
	       (pages * DB_PAGE <= size || db_has_room(db, pages * DB_PAGE - size));
}

/* Moves the log into the file, so that it is written from its start again. */
static int checkpoint(struct db *db, bool quiet)
{
	int pages = 0, done = 0, result;

	look_for_room(db);
	if (db->wal_pages < least_pages(db, quiet) || !may_move(db))
		return 0;
	/* What was committed meanwhile must be on disk before it is moved. */
	if (db->lax && db_set_syncs(db, true) != SQLITE_OK)
		return -ENOMEM;
	result = move_log(db, &pages, &done);
	if (result != SQLITE_OK)
		return db_fail(db, result);
	db->wal_pages = pages - done;
	return 0;
}

/* Gives pages that a prune freed back to the file system, a few at a time. */
static int shrink(struct db *db)
{
	struct statement st = statement_use(db, free_pages);
	int64_t pages;
	int result = statement_value(&st, &pages);

	if (result || pages <= FREE_PAGES)
		return result;
	result = sqlite3_exec(db->handle, "PRAGMA incremental_vacuum(" VACUUM_PAGES ")", NULL, NULL,
			      NULL);
	return result == SQLITE_OK ? 0 : db_fail(db, result);
}

int db_maintain(void *state, bool idle)
{
	struct db *db = state;
	/* That nobody waits is not enough: of 500 alerts a second many are alone, and the next is near. */
	bool quiet = idle && db->now_ms - db->kept_up_ms >= QUIET_MS;
	int result = db->spoiled;

	db->kept_up_ms = db->now_ms;
	if (!result)
		result = checkpoint(db, quiet);
	if (!result)
		result = db_file_marks(db);
	if (!result)
		result = grow_log(db);
	if (!result && idle && !db->lax) /* it commits */
		result = shrink(db);
	if (!db->lost)
		db_reserve(db);
	return result;
}

static bool is_known(const char *const known[], size_t n_known, const char *name)
{
	for (size_t i = 0; i < n_known; i++)
		if (strcmp(known[i], name) == 0)
			return true;
	return false;
}

static int report_waiting(struct db *db, int64_t channel, const char *name, tocsin_waiting_fn *fn,
			  void *data)
{
	struct statement st = statement_use(db, count_ready);
	int64_t n = 0;
	int result;

	bind_int(&st, 1, channel);
	result = statement_value(&st, &n);
	return result || n == 0 ? result : fn(name, n, data);
}

int db_waiting(void *state, const char *const known[], size_t n_known, tocsin_waiting_fn *fn,
	       void *data)
{
	struct db *db = state;
	struct statement st = statement_use(db, select_names);
	int row, result = 0;

	while (!result && (row = statement_row(&st)) == 1) {
		const char *name = column_text(&st, 1);

		if (!st.error && !is_known(known, n_known, name))
			result = report_waiting(db, column_int(&st, 0), name, fn, data);
	}
	return statement_end(&st, result ? result : row < 0 ? row : 0);
}
