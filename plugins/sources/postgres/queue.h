/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source as a worker of a job queue: due rows are claimed for a time (a
 * lease) under a fresh token, emitted as alerts, and written back when their
 * deliveries ended. Whoever has not the token any more changes nothing.
 *
 *	queue.c          the worker's loop, and its end
 *	queue_options.c  the section `queue`
 *	queue_table.c    the table as a queue needs it
 *	queue_sql.c      the text of its statements
 *	claim.c          due rows become ours, and alerts
 *	lease.c          ours are renewed, those of the dead recovered
 *	finish.c         how a row ended
 *	held.c           the rows that are ours
 */
#ifndef POSTGRES_QUEUE_H
#define POSTGRES_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tocsin/option.h>
#include <tocsin/plugin.h>

struct postgres;

struct queue_config {
	const char *table; /* NULL: no queue */
	const char *key, *condition, *listen, *worker;
	const char *per_key, *log_table;
	struct queue_columns {
		const char *status, *scheduled_at, *attempts, *token, *lease_until; /* needed */
		const char *owner, *max_attempts, *started_at, *completed_at, *duration_ms,
			*last_error, *output;
	} columns;
	struct queue_values {
		const char *pending, *processing, *completed, *failed;
	} values;
	struct queue_retry {
		int64_t attempts, first, max;
	} retry;
	int64_t batch, prefetch, max_running, max_per_key, lease, poll;
};

#define QUEUE_OPTIONS 16
extern const struct tocsin_option queue_options[QUEUE_OPTIONS];
/* NULL when fine, else one sentence. */
const char *queue_check(const struct queue_config *config, char *why, size_t why_size);

/* What the statements are made of: names and values are quoted, NULL what there is not. Nothing but
 * texts, so that they are freed as an array. */
struct queue_names {
	char *table, *key, *key_type, *token_type, *log;
	char *status, *scheduled_at, *attempts, *token, *lease_until;
	char *owner, *max_attempts, *started_at, *completed_at, *duration_ms, *last_error, *output;
	char *per_key;
	char *pending, *processing, *completed, *failed; /* literals of the column's type */
	char *due;     /* the condition under which a row may be claimed */
	char *columns;  /* the select list of a page */
	char *too_long; /* a sentence about what of the row would be cut, or NULL */
};
/* queue_sql.c. Pure; NULL when memory is short. */
/* $1 at most so many rows, $2 the lease in ms, $3 the worker. Behind the columns come token, attempt, and
 * what is too long; rows where something is come last. */
char *queue_sql_claim(const struct queue_names *names, const struct queue_config *config);
/* $1 keys, $2 tokens, $3 the lease in ms; returns the marks of those that are still ours, and whether
 * each was renewed: not while somebody else has locked it. */
char *queue_sql_renew(const struct queue_names *names);
/* $1 the worker; returns how many became pending again, how many failed, one of them, and how many are
 * claimed without a lease. */
char *queue_sql_recover(const struct queue_names *names, const struct queue_config *config);
/* Arrays: $1 keys, $2 tokens, $3 how, $4 errors, $5 and $6 started and ended (ms), $7 outputs; $8 the
 * worker. Returns the marks of those that were ours, whether they failed for good, and which it is:
 * "ended" now, "again": it had ended so before, "locked": somebody else has a lock on the row. */
char *queue_sql_finish(const struct queue_names *names, const struct queue_config *config);

/* The same without what a table may refuse: texts, duration, owner and log. */
char *queue_sql_finish_bare(const struct queue_names *names, const struct queue_config *config);

/* One row that is ours. */
struct held {
	const char *key, *token;
	const char *mark; /* key, blank, token: of the alert */
	int64_t until_ms; /* boot time: its lease, as far as is known */
	bool seen;        /* among what the server still calls ours */
	bool locked;      /* by somebody else when it should have been renewed last */
};
/* By mark. */
struct held_set {
	void *root;
	size_t n;
};
int held_add(struct held_set *set, const char *key, const char *token);
struct held *held_find(const struct held_set *set, const char *mark);
void held_remove(struct held_set *set, const char *mark);
void held_clear(struct held_set *set);
/* All of them, in no useful order: an array for the caller to free(), NULL when memory is short. */
struct held **held_list(const struct held_set *set);

struct queue {
	char *claim, *renew, *recover, *finish, *finish_bare; /* valid while connected */
	struct held_set held;
	char worker[128];
	/* boot time */
	int64_t renew_ms, recover_ms, claim_ms; /* when next */
	int64_t withdraw_ms;
	int64_t unleased_ms; /* rows without a lease were spoken of last; 0: never */
	int64_t bare_ms;     /* and ends of which something was left out */
	bool more;     /* after the last claim there may be more */
	bool freed;    /* rows ended since the last claim */
	bool stopping; /* what has not begun is handed back */
};

/* queue.c */
int queue_run(struct postgres *p);
int queue_settled(struct postgres *p, const struct tocsin_settled *settled, size_t n);
bool queue_ending(struct postgres *p);
int64_t queue_now_ms(void); /* boot time */

/* queue_table.c, part of table_open; the statements. */
int queue_table(struct postgres *p, const PGresult *catalog);
void queue_table_close(struct queue *queue);

/* claim.c. How many rows this worker would take now, by its own limits. */
size_t claim_room(const struct postgres *p);
int claim_rows(struct postgres *p, size_t *claimed);

/* lease.c */
int lease_renew(struct postgres *p);
int lease_recover(struct postgres *p);
/* What is held is ours for a lease from that moment on. */
void lease_note(struct postgres *p, int64_t asked_ms);
/* Is a lease of what is held not over yet? */
bool lease_any(const struct postgres *p, int64_t now_ms);
/* Takes back, from the core, the deliveries of all that is held. */
void lease_withdraw_all(struct postgres *p, const char *reason);

/* finish.c */
#define FINISH_DONE "done"
#define FINISH_FAILED "failed" /* tried again later, or for the last time */
#define FINISH_NEVER "never"   /* failed, and would fail again */
#define FINISH_BACK "back"     /* it never began: pending as it was */
#define FINISH_LATER "later"   /* it never began, and cannot now */
struct ending {
	const char *mark, *key, *token;
	const char *how, *error, *output;
	int64_t started_ms, ended_ms;
	bool dead;
	bool last;   /* set by finish_rows: no attempt is left */
	bool locked; /* set by finish_rows: somebody has a lock on the row; to be tried again */
};
/* 0; those whose token was another one are logged and forgotten. */
int finish_rows(struct postgres *p, struct ending *ending, size_t n);

#endif
