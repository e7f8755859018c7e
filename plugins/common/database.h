/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kept connection to PostgreSQL. Statements go out one at a time by the
 * extended protocol, which takes exactly one: nothing can be slipped in. Every
 * wait ends, also with a server that says nothing. What went wrong is one
 * sentence in `why`, which names the option to blame and says what to do.
 *
 * Sources that only read use database_keep and database_read (or _start and
 * _take, which do not wait): each reading is a READ ONLY transaction with a time
 * limit of its own and bounded rows, and leaves no setting behind, so that a
 * connection pooler may stand between.
 *
 * Errors: -ENOTCONN the connection is gone, -EDOM a value of some row is at
 * fault, -EINVAL a person has to change something, -EAGAIN it may work next
 * time, -ENOMEM.
 */
#ifndef DATABASE_H
#define DATABASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <libpq-fe.h>

#include <tocsin/plugin.h>

/* A server that outlives its own statement_timeout by this is gone. */
#define DATABASE_GRACE_MS 10000

/* What a person can do about an SQLSTATE. */
struct database_advice {
	const char *state, *advice;
};

struct database_settings {
	const char *connection, *password; /* password: NULL or "" when `connection` has it */
	int64_t timeout_ms;                /* a statement takes at most so long */
	const struct database_advice *advice; /* before the general one; ends with a NULL state */
	/* Readings take times without a zone to be in this one. NULL: in the TimeZone that the server
	 * has for this role and database, which is what DEFAULT now() writes. */
	const struct tocsin_zone *timezone;
};

enum database_stage { DATABASE_IDLE, DATABASE_BEGIN, DATABASE_ROWS, DATABASE_END };

/* A reading under way. */
struct database_reading {
	enum database_stage stage;
	const char *option, *sql; /* borrowed until the end */
	const char *const *value;
	int n_values;
	size_t most;
	int64_t deadline_ms;
	PGresult *rows; /* so far */
	bool more;      /* than `most` */
	int error;
};

struct database {
	struct tocsin_self *self;
	const struct tocsin_host *host;
	struct database_settings settings;
	PGconn *connection; /* NULL: not connected */
	bool lost;          /* the connection broke; the owner has yet to close it */
	int failures;       /* to connect, in a row ... */
	int64_t retry_ms;   /* ... and when database_keep tries again */
	struct database_reading reading;
	char why[640];       /* the sentence of the last error */
	char complaint[640]; /* said last, and when */
	int64_t complaint_ms;
};

/* NULL when `connection` can be understood, else a sentence that repeats nothing of it. */
const char *database_check(const char *connection);

void database_init(struct database *db, struct tocsin_self *self, const struct tocsin_host *host,
		   const struct database_settings *settings);
/* Connects now. 0, -ENOTCONN or -ENOMEM. */
int database_open(struct database *db);
/* Harmless when not open. */
void database_close(struct database *db);
/* Connects when there is no connection (any more), but after a failure not before retry_ms: then
 * -EAGAIN at once, with the sentence of that failure. */
int database_keep(struct database *db);

/* Runs exactly one statement. option: whom to blame, NULL for our own text. result may be NULL;
 * otherwise for PQclear. sql NULL: -ENOMEM. */
int database_query(struct database *db, const char *option, const char *sql, int n,
		   const char *const *value, PGresult **result);
int database_command(struct database *db, const char *sql);
/* Ends a transaction that failed half way; harmless otherwise. */
void database_rollback(struct database *db);

/* What reads: one statement, its parameters, and its bounds. */
struct database_read {
	const char *option, *sql;
	const char *const *value;
	int n_values;
	int64_t timeout_ms; /* 0: that of the settings */
	size_t most;        /* rows, at least 1 */
};
/* Reads at most `most` rows, for PQclear; *more: there are more than that (then the connection is
 * closed, which ends the statement, and database_keep makes the next). more may be NULL. */
int database_read(struct database *db, const struct database_read *read, PGresult **rows,
		  bool *more);
/* The same in two steps: after start, take whenever the socket is readable or the deadline
 * (database_left_ms) is over, until it returns other than -EINPROGRESS. */
int database_start(struct database *db, const struct database_read *read);
int database_take(struct database *db, PGresult **rows, bool *more);
int64_t database_left_ms(const struct database *db);

/* A name, however it is spelt. */
void database_put_name(FILE *out, const char *name);
/* Columns of a statement: table."column", however that is spelt, and ... */
void database_put_column(FILE *out, const char *table, const char *column);
/* ... the time that it says, as text: milliseconds since 1970, or 'infinity', '-infinity'. */
void database_put_time(FILE *out, const char *table, const char *column);
/* What such a time says. *ms is 0 unless it is a time. */
enum database_time { DATABASE_NO_TIME, DATABASE_TIME, DATABASE_INFINITE };
enum database_time database_time(const PGresult *rows, int row, int column, int64_t *ms);

/* Sets why, in one line, and returns error. */
int database_error(struct database *db, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Notes that the connection broke, returns -ENOTCONN. */
int database_lost(struct database *db, const char *why);
/* Writes why to the log, the same sentence at most once a minute. */
void database_complain(struct database *db);

/* Is the result an error? database_explain turns it into errno and sentence. */
bool database_failed(const PGresult *result);
int database_explain(struct database *db, const char *option, const PGresult *result);
/* What an SQLSTATE means, as above. */
int database_errno(const char *state);
const char *database_advice(const struct database *db, const char *state);
/* Wait before attempt number 1, 2, ...: doubling from 1 s to 30 s, random within the upper half. */
int64_t database_backoff_ms(int attempt, uint32_t random);
/* Of the monotonic clock. */
int64_t database_now_ms(void);

#endif
