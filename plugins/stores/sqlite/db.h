/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQLite store: one database file, one connection, one thread.
 *
 * Tables: alert (what came in; never changed), telling (what its source knows of it),
 * mark (where an alert is found by what its source calls it), delivery (pending or
 * settled; what is pending has an index of its own, so that a claim reads few pages
 * however long the history is), attempt, name (names of channels, sources and routes,
 * so that rows and indexes hold small numbers), counter, kept, output, note. Claims
 * live in memory, and so does what was accepted a moment ago, until it is claimed.
 *
 * A write that fails spoils its transaction: every later call in it returns
 * the same error, and so does commit. After -EIO that holds until close.
 */
#ifndef SQLITE_DB_H
#define SQLITE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include <tocsin/plugin.h>
#include <tocsin/store.h>

#include "fresh.h"
#include "held.h"
#include "log_file.h"
#include "marks.h"

#define DB_STATEMENTS 128 /* slots of the statement cache; more than twice what is used */
#define DB_NAMES 256      /* slots of the name cache */
#define DB_LOOKED 64      /* channels whose place in the queue is remembered */
#define DB_CHUNK 256      /* rows that a bulk change reads before it writes them */
#define DB_PAGE 4096      /* bytes of a page, in the file */
#define DB_LOG_PAGE (DB_PAGE + 24) /* bytes of a page in the log */
#define DB_SYNCHRONOUS "PRAGMA synchronous = FULL;"

struct db_config {
	const char *path;
	int64_t reserve;
};

enum db_counter {
	COUNTER_ACCEPTED,
	COUNTER_DELIVERED,
	COUNTER_DEAD,
	COUNTER_SUPPRESSED,
	COUNTER_PENDING,
	COUNTER_ALERTS,
	COUNTER_KNOWN,
	COUNTER_STALE,
	COUNTER_LAST_ALERT, /* numbers given out; never used again, also after a prune */
	COUNTER_LAST_DELIVERY,
	COUNTER_FILED, /* alerts up to this number have their marks in the table */
	DB_COUNTERS,
};

struct db {
	struct tocsin_self *self;
	const struct tocsin_host *host;
	const struct db_config *config;
	struct log_vfs vfs; /* of the connection */
	sqlite3 *handle;
	int lock; /* descriptor of PATH.lock, held with flock */

	bool transaction; /* between begin and commit or rollback */
	int spoiled;      /* first error of this transaction, or 0 */
	bool stuck;       /* a rollback failed: the transaction is still open */
	bool lax;         /* SQLite does not sync: nothing may be committed, nor the log be removed */
	bool lost;        /* -EIO: the file can no longer be vouched for */
	bool full;        /* no room was said, and there was none for the reserve since */

	int64_t now_ms;               /* own time of this transaction */
	int64_t counter[DB_COUNTERS]; /* as this transaction sees them */
	int64_t committed[DB_COUNTERS];
	struct held_set held;
	struct fresh_set fresh;
	struct marks marks; /* of alerts above COUNTER_FILED */
	struct db_looked {
		int64_t channel, until_ms;
	} looked[DB_LOOKED]; /* by channel: whatever is due before is held, so a claim begins there */
	int64_t looked_most_ms;

	struct {
		const char *sql; /* the key: the address of the text */
		sqlite3_stmt *prepared;
	} statement[DB_STATEMENTS];
	struct {
		char *text;
		int64_t id;
	} name[DB_NAMES], text[DB_NAMES]; /* by text, and by number */

	int wal_pages;      /* in the write-ahead log after the last commit */
	int log_looked;     /* that many when log_room was last found out */
	int64_t log_room;   /* bytes that it may take, */
	int64_t log_size;   /* and that it was made to take */
	int64_t kept_up_ms; /* own time of the last upkeep */
	bool reserved;      /* PATH.reserve is there */
	int64_t reserve_tried_ms;
	void *scratch; /* mapped, or NULL */
	size_t scratch_size;
	int64_t pruned; /* alerts up to this number were looked at in this round of prune */
};

/* A log line of this store. */
#define DB_LOG(db, level, ...) (db)->host->log((db)->self, (level), __VA_ARGS__)

/* sqlite.c: the error of a result of SQLite, logged; spoils the transaction. */
int db_fail(struct db *db, int result);
/* Milliseconds of the wall clock, for people. */
int64_t db_wall_ms(void);
/* The same errno without any effect. */
int db_errno(int result, int system_errno);
/* What was read cannot be right: -EIO, logged, and as after any other -EIO. */
int db_damaged(struct db *db, const char *what);

/* files.c: what stands beside the database file. 0 or a negative errno, logged. */
int db_lock(struct db *db);
void db_unlock(struct db *db);
int db_create_file(struct db *db);
int db_sync_directory(struct db *db);
/* True when the last owner did not close the store. */
bool db_has_log(const struct db *db, int64_t *file_size);
/* How large the write-ahead log may become. */
void db_find_log_room(struct db *db);
/* Whether the disk has that many bytes left. */
bool db_has_room(const struct db *db, int64_t bytes);
/* Whether a former process left the reserve: the disk may be full by now. */
void db_find_reserve(struct db *db);
/* Holds the reserve when there is room for it; that ends a time without room. */
void db_reserve(struct db *db);
void db_unreserve(struct db *db);
bool db_full(void *state);

/* scratch.c */
void *db_scratch(void *state, size_t size);
void db_scratch_done(struct db *db);

/* schema.c: refuses files of other programs and of newer versions; creates or upgrades. */
int db_judge(struct db *db, int64_t *version);
int db_migrate(struct db *db, int64_t version);

/* names.c: the number of a name; db_name_find gives 0 when it was never stored. */
int db_name(struct db *db, const char *text, int64_t *id);
int db_name_find(struct db *db, const char *text, int64_t *id);
/* The text of a name; NULL when memory or the store fails (which the statement's error tells). */
const char *db_name_text(struct db *db, int64_t id);
void db_names_forget(struct db *db);

/* transaction.c */
int db_load_counters(struct db *db);
int db_begin(void *state, int64_t now_ms);
int db_commit(void *state);
void db_rollback(void *state);
int db_counters(void *state, struct tocsin_counters *counters);

/* filing.c: marks. 0 or a negative errno, logged. */
/* After the counters: reads those that are not filed. */
int db_load_marks(struct db *db);
/* Of an alert that was just written, or read; -ENOMEM spoils the transaction. */
int db_add_mark(struct db *db, int64_t hash, int64_t alert);
/* The newest alert of a source and mark, or 0. */
int db_find_newest(struct db *db, const char *source, const char *mark, int64_t *alert);
/* Outside a transaction: takes those in memory into the table, when they are many. */
int db_file_marks(struct db *db);

/* moves.c: how deliveries change, whoever asks. The counters follow. */
/* True when each of them can be written: complete, pending or settled by policy. */
bool db_all_new(const struct tocsin_new_delivery *delivery, size_t n);
/* Writes one new delivery of an alert, pending or settled at once at that wall time. Its number is
 * then the last one. */
int db_add_delivery(struct db *db, int64_t alert, int64_t source,
		    const struct tocsin_new_delivery *delivery, int64_t done_ms);
/* Adds those of them whose channel and recipient the alert does not have yet. */
int db_add_instead(struct db *db, int64_t alert, const struct tocsin_attempt *attempt);
/* How a pending delivery ends, or a dead one is judged anew. */
struct db_settlement {
	enum tocsin_state state;
	int64_t started_ms; /* of the attempt that ended it; 0: none did */
	int64_t token;      /* of that attempt's claim */
	int64_t done_ms;    /* wall time */
	const char *reason;
};
/* Ends a pending delivery (and its claim, if there is one). */
int db_settle_pending(struct db *db, int64_t delivery, const struct db_settlement *settlement);
/* A dead delivery is pending again. */
int db_reopen_dead(struct db *db, int64_t delivery, int64_t due_ms);
/* A dead delivery becomes something else that is settled. */
int db_restate_dead(struct db *db, int64_t delivery, const struct db_settlement *settlement);
/* After deliveries of the alert changed: whether its source has to be told. was_dead: whether any
 * of them was dead before. *settled, unless NULL: as of db_alert_settled. */
int db_alert_changed(struct db *db, int64_t alert, bool was_dead, bool *settled);
/* The same after its only delivery has ended for the first time: its source has not heard of it. */
int db_alert_ended(struct db *db, int64_t alert);
/* Whether nothing of the alert is pending. */
int db_alert_settled(struct db *db, int64_t alert, bool *settled);

/* claims.c: a delivery that nobody holds is due then; the next claim has to see it. INT64_MIN: at
 * any time. */
void db_ready_at(struct db *db, int64_t due_ms);

/* upkeep.c: turns SQLite's own syncs on or off; a result of SQLite. Needs memory: see lax. */
int db_set_syncs(struct db *db, bool on);

/* A delivery and its alert, as bulk changes collect them. */
struct db_pair {
	int64_t id, alert;
};
/* A walk through the deliveries that are pending, not claimed, and due in from_ms <= due_ms <= to_ms,
 * DB_CHUNK at a time, so that SQLite never holds a million rows in memory. What was found may be
 * changed before the next chunk is read. */
struct db_walk {
	int64_t from_ms, to_ms;
	int64_t source;               /* only of this one; 0: of any */
	int64_t channel, due_ms, id;  /* how far it is; 0 at first */
};
/* n < DB_CHUNK: those were the last. */
int db_walk_pending(struct db *db, struct db_walk *walk, struct db_pair *found, size_t *n);

/* intake.c, revival.c, claims.c, sources.c, lists.c, operators.c, upkeep.c,
 * notes.c, values.c: <tocsin/store.h> */
int db_find_mark(void *state, const char *source, const char *mark, struct tocsin_marked *found);
int db_accept(void *state, const struct tocsin_new_alert *alert, int64_t *number);
int db_unpark(void *state, int64_t alert, int64_t now_ms, int64_t *n);
int db_revive(void *state, int64_t alert, const struct tocsin_new_delivery *wanted, size_t n,
	      int64_t now_ms);
int db_park(void *state, const char *source);
int db_withdraw(void *state, const char *source, const char *mark, const char *reason,
		int64_t now_ms, int64_t *alert);
int db_unwanted(void *state, const char *source, const char *reason, bool tell, int64_t now_ms,
		int64_t *n);
int db_claim(void *state, const char *channel, int64_t now_ms, int64_t lease_until_ms, size_t limit,
	     tocsin_delivery_fn *fn, void *data);
int db_settle(void *state, const struct tocsin_attempt *attempt,
	      struct tocsin_attempt_result *result);
int db_release(void *state, int64_t delivery, int64_t token, int64_t due_ms);
int db_renew(void *state, int64_t delivery, int64_t token, int64_t lease_until_ms);
int db_recover(void *state, int64_t now_ms, const int64_t *suspects, size_t n_suspects,
	       int64_t again_ms, int64_t *n);
int db_waiting(void *state, const char *const known[], size_t n_known, tocsin_waiting_fn *fn,
	       void *data);
int db_hasten(void *state, int64_t now_ms);
int db_next_due(void *state, const char *channel, int64_t *due_ms);
int db_untold(void *state, const char *source, int64_t after, size_t limit, tocsin_untold_fn *fn,
	      void *data);
int db_told(void *state, int64_t alert, bool dead);
int db_deliveries(void *state, const struct tocsin_query *query, tocsin_delivery_fn *fn,
		  void *data);
int db_attempts(void *state, int64_t delivery, tocsin_attempt_fn *fn, void *data);
int db_alerts(void *state, const struct tocsin_query *query, tocsin_alert_fn *fn, void *data);
int db_replay(void *state, const struct tocsin_query *query, int64_t now_ms, int64_t *n);
int db_drop(void *state, const struct tocsin_query *query, const char *reason, int64_t now_ms,
	    int64_t *n);
int db_save(void *state, const char *instance, const char *name, const char *value);
int db_load(void *state, const char *instance, const char *name, char **value);
int db_each(void *state, const char *instance, const char *prefix, bool newest_first, size_t limit,
	    tocsin_value_fn *fn, void *data);
int db_prune(void *state, int64_t settled_before_ms, int64_t dead_before_ms, size_t limit,
	     size_t *removed);
int db_maintain(void *state, bool idle);
int db_note(void *state, const char *channel, const char *fingerprint, const char *recipient,
	    const char *note);
int db_recall(void *state, const char *channel, const char *fingerprint, const char *recipient,
	      char **note);
int db_forget(void *state, int64_t used_before_ms, size_t limit, size_t *removed);

#endif
