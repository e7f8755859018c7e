/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The postgres source in one picture. Everything runs on the source's own
 * thread; every statement is one short transaction, and none is open while
 * alerts are handed in or waited for.
 *
 *	postgres.c    options, open, close
 *	check.c       what the options must be for themselves
 *	run.c         connect, lock, sweep, wait, over and over
 *	connection.c  connect and set up the session (statements: plugins/common/database.h)
 *	session.c     the lock, notifications, waiting
 *	table.c       what the catalog says of the table
 *	columns.c     which column becomes what
 *	rehearse.c    every statement tried without effect, before the first alert
 *	rows.c        a page of rows as emissions
 *	recipients.c  who is to be told of a row
 *	sweep.c       all pending rows in order, and how often
 *	settle.c      rows that are done
 *	sql.c         the text of the statements
 *
 * As a worker of a job queue it goes another way, see queue.h.
 */
#ifndef POSTGRES_H
#define POSTGRES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libpq-fe.h>

#include <tocsin/plugin.h>

#include "../../common/database.h"
#include "queue.h"
#include "sql.h"

enum on_dead { ON_DEAD_LEAVE, ON_DEAD_SETTLE };

struct config {
	const char *connection, *password;
	const char *table, *key, *order, *pending, *settle;
	const char *recipients, *recipients_by, *recipient_column;
	struct tocsin_map label_columns, annotation_columns;
	const char *alertname, *severity_column, *link_column;
	int64_t severity; /* enum tocsin_severity */
	int64_t on_dead;  /* enum on_dead */
	int64_t batch, poll, statement_timeout;
	const char *listen;
	bool lock;
	struct queue_config queue;
};

/* The columns of every page; the fields follow. */
enum { COLUMN_KEY, COLUMN_ORDER, COLUMN_STARTS, COLUMN_FIELDS };

/* What a further column of a page becomes. */
enum role {
	ROLE_LABEL,
	ROLE_ANNOTATION,
	ROLE_SEVERITY,
	ROLE_LINK,
	ROLE_RECIPIENT,     /* the row's own address or addresses */
	ROLE_RECIPIENTS_BY, /* $1 of the recipients query */
};
struct field {
	enum role role;
	const char *name; /* of the label or annotation */
};

/* The table as found in the catalog when the session began. */
struct table {
	struct sql_table sql;
	char oid[16];
	char *columns;  /* the select list */
	char *too_long; /* of a queue: sentences, or NULL, of what would be cut; with commas between */
	struct field *field;
	size_t n_fields;
	bool undated; /* the order column may be NULL */
	char *settle; /* one statement; of many keys or of one */
	bool settle_many;
	char *recipients; /* query, or NULL */
};

/* Where reading goes on: behind this row. */
struct position {
	char *order, *key; /* key NULL: from the start */
};

struct postgres {
	struct tocsin_self *self;
	const struct tocsin_host *host;
	const struct config *config;
	struct config own; /* of a queue: the section in place of the other options */

	struct database db;
	bool notified;      /* new rows were announced and not read yet */
	bool owner;         /* the lock is ours: rows are read and alerts emitted */
	char backend[16];   /* process that serves the session, to notice a pooler */
	int events;         /* readable when the session or wakeup has something */
	int wakeup;         /* makes host->wait return */
	struct table table; /* valid while connected */

	struct position last;  /* newest row seen by the last sweep */
	int64_t sweep_end_ms;  /* when the last sweep ended ... */
	int64_t sweep_busy_ms; /* ... and what it cost */
	int64_t tail_from_ms;  /* no reading of new rows before */
	bool counted;          /* this session has said how much is pending */
	bool swept;            /* the core knows what is no longer wanted */

	struct queue queue;

	int failed; /* a settlement that a person must mend, as a negative errno */
};

/* connection.c, on plugins/common/database.h: errors and `why` are as there. */
int connection_open(struct postgres *p);
void connection_close(struct postgres *p);

/* session.c. */
/* Tries to take the lock; *locked also when none is wanted. */
int session_lock(struct postgres *p, bool *locked);
void session_listen(struct postgres *p);
/* Takes in what the server sent by itself, also what came along with the answers of statements:
 * sets notified and lost. */
void session_drain(struct postgres *p);
/* Makes host->wait return, from a callback inside it. */
void session_wake(struct postgres *p);
/* Waits on the session; 0, -ESHUTDOWN, or -ENOTCONN when it is lost. */
int session_wait(struct postgres *p, int64_t timeout_ms);

/* table.c */
int table_open(struct postgres *p);
void table_close(struct table *table);
/* Still the session and the table that we locked? */
int table_verify(struct postgres *p);

/* columns.c, part of table_open: fills the table's columns, fields, recipients and settle.
 * Rows of the catalog: one per column of the table. */
enum { CATALOG_NAME, CATALOG_TYPE, CATALOG_CATEGORY, CATALOG_IS_TIME, CATALOG_NOT_NULL };
int columns_map(struct postgres *p, const PGresult *catalog);
/* The number of a column in the catalog, -1 when the table has none of that name. */
int columns_find(const PGresult *catalog, const char *name);
/* The number of a column in the catalog, or -EINVAL and a sentence that names the option. */
int columns_need(struct postgres *p, const PGresult *catalog, const char *option, const char *name,
		 int *column);

/* rehearse.c, part of table_open */
int rehearse(struct postgres *p);
int rehearse_queue(struct postgres *p);

/* check.c, run.c */
const char *check_options(const void *config, char *why, size_t why_size);
int run_source(void *state);
/* Ends the session and forgets its table. */
void run_end(struct postgres *p);

/* recipients.c: the addresses of one row or of one value of recipients_by. */
struct addresses {
	const char *value; /* NULL: of one row only */
	PGresult *answer;
	char *text;
	const char **item;
	size_t n;
	bool refused; /* the query fails at this value */
};
int recipients_find(struct postgres *p, const char *value, struct addresses *addresses);
int recipients_split(const char *text, struct addresses *addresses);
void recipients_done(struct addresses *addresses);

/* rows.c */
struct page {
	PGresult *rows;
	size_t n; /* of the rows became emissions, in their order */
	struct tocsin_emission *emission;
	size_t n_refused;    /* the others, whose recipients cannot be looked up ... */
	const char *refused; /* ... the key of the first, and why */
	char why[640];
	struct tocsin_pair *pair;
	struct addresses *addresses;
	size_t n_addresses;
};
int page_read(struct postgres *p, enum sql_phase phase, const struct position *after,
	      struct page *page);
/* Makes emissions of the rows that the page has. */
int page_map(struct postgres *p, struct page *page);
void page_done(struct page *page);

/* sweep.c. Results as above, and -ESHUTDOWN. */
int sweep_all(struct postgres *p);
int sweep_new(struct postgres *p);
/* How long until something is to be read; 0: now. all: everything, or only what is new. */
int64_t sweep_due_ms(const struct postgres *p, int64_t now_ms, bool *all);
void position_done(struct position *position);

/* settle.c */
int settle_rows(struct postgres *p, const struct tocsin_settled *settled, size_t n);

#endif
