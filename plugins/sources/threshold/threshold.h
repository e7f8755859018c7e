/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threshold source in one picture. Everything runs on the source's own thread.
 *
 *	threshold.c  options, open, close
 *	options.c    what the options must be for themselves; limits made of them
 *	condition.c  "> 300 or < 40", "10:20"
 *	findings.c   what a query has found: figures with their labels
 *	evaluate.c   the state of one figure and how it changes
 *	check.c      a check: its rows, and what a run makes of them
 *	saved.c      states as saved values, and back
 *	steady.c     a clock that does not jump, across restarts
 *	words.c      numbers, sentences, tables
 *	tell.c       news as alerts
 *	due.c        when a check runs next
 *	down.c       the alert that the database is away
 *	run.c        connections, queries under way, commits
 *	item.c       a check as JSON
 *	by_hand.c    checks that somebody asks for
 *	call.c       the words from outside
 *
 * A run of a check is one step from state to state: what it changes and the alerts that
 * tell of it are one commit (host->keep, host->emit), and only after it the new state
 * holds. So a process may die at any moment: it then makes the step again, or has made it.
 */
#ifndef THRESHOLD_H
#define THRESHOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <libpq-fe.h>

#include <tocsin/plugin.h>

#include "../../common/database.h"
#include "evaluate.h"
#include "steady.h"

#define MOST_CONNECTIONS 16
#define HISTORY 20
#define VALUE_SIZE 48

enum mode { MODE_VALUE, MODE_ROWS };

struct check_config {
	const char *name, *query;
	bool enabled;
	int64_t every;
	const struct tocsin_schedule *schedule;
	const struct tocsin_zone *timezone;
	int64_t jitter;
	int64_t mode; /* enum mode */
	const char *value_column;
	struct tocsin_strings label_columns;
	const char *warning, *critical, *recovery;
	int64_t hold; /* for: */
	const char *breaches;
	int64_t clears;
	int64_t on_no_data;       /* 0: as it is best, else 1 + enum action */
	int64_t on_null, on_error; /* enum action */
	int64_t no_data_for, null_for, error_for;
	int64_t repeat, flap_changes, flap_window, vanish_after;
	int64_t timeout, max_rows;
	const char *unit;
	int64_t decimals;
	int64_t warning_severity, critical_severity, unknown_severity;
	struct tocsin_map labels;
	const char *summary, *description, *link;
};

struct config {
	const char *connection, *password;
	int64_t connections, every, timeout, down_after, down_severity;
	struct tocsin_sections checks; /* struct check_config */
};

/* options.c */
const char *options_check(const void *config, char *why, size_t why_size);
/* What was checked before. by_row: where no row is no trouble, unless no_data says so. */
void options_limits(const struct check_config *config, bool by_row, struct limits *limits);
/* "3", "3 of 5"; NULL or "": 1 of 1. */
int options_breaches(const char *text, int64_t *breaches, int64_t *of);

/* findings.c: what one run has found. */
struct found {
	enum finding finding;
	double value;
	char text[VALUE_SIZE]; /* the figure for people, without its unit */
	struct tocsin_pair *label;
	size_t n_labels;
	int row; /* of the result; -1: none of its own */
};
struct findings {
	PGresult *rows; /* NULL when the query failed */
	bool more;      /* rows than were read */
	bool by_row;    /* each row is a state of its own */
	struct found *found;
	size_t n;
	struct tocsin_pair *pairs;
	char error[640]; /* the sentence of a query that failed or gave nothing to measure */
};
/* Takes rows over, of which there may be more. 0 (also when error is set) or -ENOMEM. */
int findings_read(const struct check_config *config, PGresult *rows, bool more,
		  struct findings *findings);
/* A run that gave no rows because of an error. */
int findings_fail(const char *error, struct findings *findings);
void findings_done(struct findings *findings);

/* check.c */
struct figure {
	bool known;
	double value;
	char text[VALUE_SIZE]; /* as found.text */
};

struct row {
	char *key;             /* of its own labels; "": the check itself */
	json_t *labels;        /* all labels of its alert, as last told */
	json_t *own;           /* those that come from the query */
	struct track track, next; /* next: when the commit succeeds */
	struct figure figure, next_figure;
	bool fresh, forget, seen; /* in this run */
};

struct past { /* one run */
	int64_t at_ms; /* wall time */
	enum level level;
	bool has_value;
	double value;
	int64_t duration_ms;
};

struct check {
	const struct check_config *config;
	struct limits limits;
	struct row **row;
	size_t n;
	bool paused, ran, running;
	bool by_row;
	int64_t due_ms;      /* boot time; of a schedule: wall time */
	int64_t last_ms;     /* wall time of the last run, 0: none */
	int64_t until_ms;    /* of a schedule: wall time up to which nothing was missed; 0: since ever */
	int64_t began_ms;    /* boot time of the one under way */
	int64_t duration_ms; /* of the last run */
	int losses;          /* of the connection while it ran, in a row */
	char reason[640];    /* why there is no figure, or "" */
	bool asked;          /* for, by somebody who waits for the answer, ... */
	int64_t asked_ms;    /* ... since then (boot time) */
	json_t *answer;      /* as of now, until the next wait is over, or NULL */
	struct past past[HISTORY]; /* the latest first */
	size_t n_past;
};

struct batch;
/* Makes one step of the check's states without making it hold yet; adds its news to the batch.
 * *changed: there is something to save. 0 or -ENOMEM. */
int check_step(struct check *check, const struct findings *findings, const struct steady *now,
	       struct batch *batch, bool *changed);
/* The step holds, or was never made. */
void check_commit(struct check *check, const struct findings *findings, int64_t wall_ms);
void check_abort(struct check *check);
void check_done(struct check *check);
/* The worst of its rows; LEVEL_UNKNOWN before the first run. */
enum level check_level(const struct check *check);
/* The row with the worst level, or NULL. */
const struct row *check_worst(const struct check *check);
struct row *check_row(struct check *check, const char *key);
struct row *check_add_row(struct check *check, const char *key);
struct figure check_figure(const struct found *found);
/* The key of labels that come from the query; for the caller to free(). */
char *check_key(const struct tocsin_pair *label, size_t n);

/* saved.c. Text for the caller to free(), NULL when memory is short. next: the step under way. */
char *saved_write(const struct check *check, bool next);
int saved_read(struct check *check, const char *text);

/* tell.c: alerts on their way out, with all that they point to. */
struct batch {
	struct tocsin_emission *emission;
	size_t n, room;
	void **owned;
	size_t n_owned, owned_room;
	bool failed; /* memory was short */
};
void batch_done(struct batch *batch);
void tell(struct batch *batch, const struct check *check, struct row *row,
	  const struct found *found, const struct findings *findings, const struct verdict *verdict,
	  const struct steady *now);
/* That an alert of a check that is no longer configured is over. */
void tell_gone(struct batch *batch, const struct row *row, const char *name,
	       const struct steady *now);
/* Of the source itself: its database cannot be reached, or can be again. */
void tell_down(struct batch *batch, const struct config *config, const char *database,
	       const char *why, const struct verdict *verdict, const struct track *track,
	       const struct steady *now);
/* Which database that is, for the caller to free(): never the whole connection, which may hold a
 * password. NULL: memory is short. */
char *tell_database(const struct config *config);

/* words.c. Texts are for the caller to free(), NULL when memory is short. */
const char *words_level(enum level level);
/* A figure as a database writes it, with at most so many decimals. */
void words_number(const char *text, int64_t decimals, char out[VALUE_SIZE]);
/* "12 minutes", "3 hours and 5 minutes" */
void words_duration(int64_t ms, char *out, size_t size);
void words_time(int64_t wall_ms, char *out, size_t size);
/* "65.2 %" */
char *words_value(const struct check_config *config, const char *text);
/* "critical: < 70 %, warning: < 85 %" */
char *words_threshold(const struct check_config *config);
/* "SLA compliance is critical: 65.2 % (critical: < 70 %)" */
char *words_line(const struct check *check);
/* The first rows of a result, aligned. only: that row, or -1 for the first ten. */
char *words_table(const PGresult *rows, bool more, int only);
/* text with {name} replaced by the value of that name; unknown ones stay. */
char *words_fill(const char *text, const struct tocsin_pair *value, size_t n,
		 const PGresult *rows, int row);

/* due.c */
void due_first(const struct check_config *config, const struct tocsin_host *host, struct check *c);
void due_next(struct check *check, const struct config *config, const struct tocsin_host *host);
/* Milliseconds from these times until it is due, 0: now, INT64_MAX: never. */
int64_t due_in_ms(const struct check *check, int64_t boot_ms, int64_t wall_ms);
/* The wall clock was set back: what waits for a time of day is reckoned anew. */
void due_again(struct check *check, const struct tocsin_host *host);
/* Wall time of the next run, 0: none. */
int64_t due_wall_ms(const struct check *check);

struct threshold {
	struct tocsin_self *self;
	const struct tocsin_host *host;
	const struct config *config;
	struct database db[MOST_CONNECTIONS];
	struct check *running[MOST_CONNECTIONS];
	bool working;            /* run.c: what somebody asks for can be answered later */
	struct database by_hand; /* for checks that somebody asks for */
	struct check *by_hand_check; /* under way there, or NULL */
	int64_t by_hand_ms;      /* since when */
	bool by_hand_lost;       /* that connection just ended */
	int events;              /* readable when a connection is */
	struct steady_clock clock;
	struct check *check;
	size_t n;
	struct track down; /* of the connection as a whole */
	char *down_database; /* with which that alert fired, or NULL */
	int64_t wall_ms;   /* when last looked at */
	bool committing;   /* alerts wait for the store: no other commit may overtake them */
};

/* run.c */
int run_source(void *state);
/* Hands in what is in the batch together with what was kept. */
int run_hand_in(struct threshold *t, struct batch *batch);
/* Says so, returns -ENOMEM. */
int run_out_of_memory(struct threshold *t);
/* Waits on that connection, too. 0 or -ENOTCONN, with the sentence. */
int run_listen(struct threshold *t, struct database *db);
void run_listen_no_more(struct threshold *t, const struct database *db);
struct database_read run_reading(const struct threshold *t, const struct check *check);
/* by_hand.c: begins what is asked for, when it can; takes what has come of it; and drops the answers,
 * which host->wait gave to those who asked. */
void by_hand_start(struct threshold *t);
void by_hand_take(struct threshold *t);
void by_hand_forget(struct threshold *t);
/* The socket to wait on, or -1. */
int by_hand_fd(const struct threshold *t);
/* A run found that; whoever asked for the check is answered. */
void by_hand_answer(struct check *check, const struct findings *findings, int64_t duration_ms);
/* While the source does not work: makes the answer now, waiting. */
void by_hand_read(struct threshold *t, struct check *check);
/* down.c: an attempt to connect succeeded (NULL) or failed. 0, or as emit. */
int down_note(struct threshold *t, const char *why);
/* Part of the start. */
void down_load(struct threshold *t);
/* call.c */
void call_source(void *state, struct tocsin_call *const call[], size_t n);
/* item.c: JSON, NULL when memory is short. */
json_t *item_of(const struct check *check, const struct steady *now);
json_t *item_shown(const struct check *check, const struct steady *now);
/* What a check says now by itself, without its past. */
json_t *item_checked(const struct check *check, const struct findings *findings,
		     int64_t duration_ms);

#endif
