/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heartbeat source in one picture. Everything runs on the source's own thread.
 *
 *	heartbeat.c  options, open, close
 *	check.c      what the options must be for themselves
 *	run.c        read, judge, commit, wait, over and over
 *	start.c      what was saved, and what happened while tocsin was away
 *	beats.c      all heartbeats by name, and which is due next
 *	call.c       words from outside; ping.c: the word that matters most
 *	item.c       a heartbeat as JSON
 *	table.c      when a database is read; table_rows.c: what the rows say; table.h: both
 *	rule.c       rows that are wrong
 *	failing.c    that a query cannot be read
 *	file.c       heartbeats that are the time of a file
 *	commit.c     what changed and the alerts about it, in one commit
 *	news.c       what these alerts say
 *
 * and, as pure functions, beat.h (a heartbeat), steady.h (the clock), saved.h (texts of what is kept).
 *
 * A change is made in memory, and put back when its commit fails: what was answered, raised and
 * remembered never differs.
 */
#ifndef HEARTBEAT_H
#define HEARTBEAT_H

#include <jansson.h>

#include "beat.h"
#include "saved.h"
#include "steady.h"

#include "../../common/draft.h"

enum rows { ROWS_ALL, ROWS_LISTED };

/* What a heartbeat says for itself; 0 and NULL: as the source does. */
struct beat_config {
	const char *name, *description, *link, *file;
	int64_t period, grace, start_grace, max_run, min_run;
	const struct tocsin_schedule *schedule;
	const struct tocsin_zone *timezone;
	int64_t misses, max_starts, starts_within;
	int64_t severity; /* 0: as the source; else 1 + enum tocsin_severity */
	struct tocsin_map labels;
	bool paused, manual_resume;
};

struct rule_config {
	const char *name, *query, *alertname, *summary, *description;
	struct tocsin_strings keys;
	struct tocsin_map labels;
	int64_t severity; /* enum tocsin_severity */
	int64_t poll;     /* 0: as the source */
};

struct config {
	struct tocsin_sections heartbeats; /* struct beat_config */
	int64_t period, grace, start_grace, max_run, min_run;
	const struct tocsin_schedule *schedule;
	const struct tocsin_zone *timezone;
	int64_t misses, max_starts, starts_within;
	int64_t severity, starts_severity; /* enum tocsin_severity */
	const char *alertname, *starts_alertname;
	bool create;
	int64_t settle, outage, body_limit;
	const char *connection, *password, *query;
	const struct tocsin_zone *database_timezone;
	const char *name_column, *status_column, *time_column, *start_column;
	struct tocsin_strings healthy_status;
	int64_t rows; /* enum rows */
	int64_t poll, statement_timeout, unreachable_after;
	struct tocsin_sections rules; /* struct rule_config */
};

enum feed { FEED_PING, FEED_QUERY, FEED_FILE };

struct beat {
	char *name;
	const struct beat_config *config; /* NULL: it came with a ping or a row */
	enum feed feed;
	struct expectation expect;
	struct beat_state state;
	struct plan plan;
	size_t place;    /* in the heap; SIZE_MAX: nothing happens by itself */
	unsigned round;  /* of the reading that had it last */
	bool missing;    /* not listed, down, and without a row in the last reading */
	json_t *labels;  /* of its own, with which its alert began to fire before this start, or NULL */
	bool fresh;      /* nothing of it was ever saved: a commit that fails forgets one that was made */
	bool gone;       /* the commit that is open forgets it */
	bool in_commit;
};

/* commit.c: what is changed, and what is said about it. */
struct change {
	struct beat *beat;
	struct beat_state before;
};
struct commit {
	struct change *change;
	size_t n, room;
	struct tocsin_emission *emission;
	size_t n_emissions, room_emissions;
	void **scrap; /* what the emissions point to */
	size_t n_scrap, room_scrap;
	bool failed;  /* memory was short */
};

/* rule.c: a rule and the rows that it found wrong. */
struct wrong {
	char *key;      /* under which it is saved, and ... */
	char *saved;    /* ... what */
	unsigned round; /* in which it was found last */
};
struct rule {
	const struct rule_config *config;
	struct wrong *wrong;
	size_t n, n_before; /* now, and before the round */
	unsigned round;
};
struct row {
	size_t n;
	const char *const *name, *const *value; /* value NULL: NULL */
};

struct table; /* table.c; NULL without a connection */

struct heartbeat {
	struct tocsin_self *self;
	const struct tocsin_host *host;
	const struct config *config;

	struct steady steady;
	struct reading wall;      /* wall clock at the last look at the files */
	struct steady_kept kept;  /* what the last start went on from */
	bool started;             /* start.c has been here */
	bool running;             /* run.c: what is asked of the table can be answered later */
	int64_t judge_from_ms;    /* own time; spooled pings come first */
	int64_t note_at_ms;       /* own time to keep the clock again */

	struct beat **beat;       /* by name */
	size_t n, room;
	struct beat **heap;       /* by plan.next_ms */
	size_t n_heap;
	bool renamed;             /* the names have yet to be announced */

	bool has_files;
	int64_t files_at_ms;      /* own time to look at them again */
	struct rule *rule;
	size_t n_rules;
	struct table *table;
	struct commit commit;
};

struct moment heartbeat_now(const struct heartbeat *h);

/* check.c */
const char *check_options(const void *config, char *why, size_t why_size);

/* start.c: once, before anything else. 0 or a negative errno. */
int start_source(struct heartbeat *h);
/* What is kept of the clock, for free(); NULL: no memory. */
char *start_noted(const struct heartbeat *h, const struct moment *now);
/* Keeps it with the next commit. */
void start_note(struct heartbeat *h, const struct moment *now);

/* run.c */
int run_source(void *state);
/* Judges all that is due, in commits. 0, or as emit. */
int run_judge(struct heartbeat *h, const struct moment *now);

/* beats.c */
struct beat *beats_find(const struct heartbeat *h, const char *name);
/* A new one, with the settings of the source. NULL: no memory. */
struct beat *beats_add(struct heartbeat *h, const char *name, const struct beat_config *config);
void beats_remove(struct heartbeat *h, struct beat *beat);
void beats_free(struct heartbeat *h);
/* Its state or its expectation changed. */
void beats_replan(struct heartbeat *h, struct beat *beat);
/* It is looked at again at that time, whatever its plan says. */
void beats_snooze(struct heartbeat *h, struct beat *beat, int64_t own_ms);
/* The first that is due, or NULL. */
struct beat *beats_due(const struct heartbeat *h, int64_t own_ms);
int64_t beats_next_ms(const struct heartbeat *h);
int beats_announce(struct heartbeat *h);
/* What stands for "as the source does" is replaced. */
void beats_expect(const struct config *config, const struct beat_config *own,
		  struct expectation *expect);
enum tocsin_severity beats_severity(const struct heartbeat *h, const struct beat *beat);

/* call.c */
void call_source(void *state, struct tocsin_call *const call[], size_t n);
/* Says it with what malloc() gave, NULL: no memory. */
void call_answer(struct tocsin_call *call, int status, char *text);
/* Takes the object. */
void call_answer_json(struct tocsin_call *call, json_t *object);

/* ping.c: takes a ping into the commit that is open, and answers. True: it changed something, so the
 * answer is worth nothing when the commit fails. */
bool ping_take(struct heartbeat *h, struct tocsin_call *call, const struct moment *now);
/* The latest pings of a heartbeat, newest first. NULL: no memory, or the store cannot say. */
json_t *ping_list(struct heartbeat *h, const struct beat *beat);
/* Forgets them, with the next commit. */
void ping_forget(struct heartbeat *h, const struct beat *beat);

/* item.c: JSON, for json_decref(); NULL: no memory. */
json_t *item_json(const struct heartbeat *h, const struct beat *beat,
			 const struct moment *now);
/* As it would be judged at this moment, whatever waits. */
json_t *item_checked(const struct heartbeat *h, const struct beat *beat,
			    const struct moment *now);
bool item_is_healthy(const struct beat_state *state);

/* file.c: looks at all files. Part of the commit that is open. */
void files_look(struct heartbeat *h, const struct moment *now);

/* rule.c. Of each reading: begin, row by row, end; all in one commit, made by end. whole: there are no
 * further rows, so those that are missing are resolved. */
int rule_new(struct heartbeat *h);
void rule_free(struct heartbeat *h);
void rule_begin(struct rule *rule);
void rule_row(struct heartbeat *h, struct rule *rule, const struct row *row,
	      const struct moment *now);
int rule_end(struct heartbeat *h, struct rule *rule, bool whole, const struct moment *now);
/* Part of the start. */
int rule_load(struct heartbeat *h);

/* table.c. -ENOTSUP from table_new: this tocsin was built without PostgreSQL. */
int table_new(struct heartbeat *h);
void table_free(struct heartbeat *h);
/* Part of the start. */
void table_load(struct heartbeat *h);
/* That query cannot be read since then, and this is told. False: there is none of that name. */
bool table_recall(struct heartbeat *h, const char *name, const struct moment *since);
/* Begins or goes on with the readings that are due. 0, or as emit. */
int table_step(struct heartbeat *h, const struct moment *now);
/* The socket to wait on, or -1; and own time when table_step has something to do. */
int table_fd(const struct heartbeat *h);
int64_t table_next_ms(const struct heartbeat *h);
/* Everything was read once. *result: 0, or what it failed with. */
bool table_done(const struct heartbeat *h, int *result);
/* Somebody wants to know how the table is now: the number of the reading that will say it ... */
unsigned table_ask(struct heartbeat *h);
/* ... and whether it has ended. *why: a sentence when it went wrong, else NULL. */
bool table_answers(const struct heartbeat *h, unsigned number, const char **why);
/* While the source does not run: reads the heartbeats now, waiting. 0, or a negative errno and the
 * sentence. */
int table_read(struct heartbeat *h, const struct moment *now, const char **why);
/* Can what feeds from the table be judged? */
bool table_is_blind(const struct heartbeat *h, const struct moment *now);
struct reading table_clock(const struct heartbeat *h);

/* failing.c. Tells why a query cannot be read, or (NULL) that it can be again, and commits. */
int failing_tell(struct heartbeat *h, const char *name, const struct moment *since, const char *why,
		 const struct moment *now);
/* Part of the start: what is still told, and the end of what belongs to no query any more. */
int failing_load(struct heartbeat *h);

/* commit.c */
/* The beat is no longer what it was before; its plan is made anew, it will be saved, and the news become
 * alerts. output: what a failure wrote, NULL: nothing. */
void commit_change(struct heartbeat *h, struct beat *beat, const struct beat_state *before,
		   unsigned news, const char *output, const struct moment *now);
/* Another alert; room that lives as long as it; text likewise. NULL, and failed, when memory is short. */
struct tocsin_alert *commit_alert(struct heartbeat *h);
void *commit_room(struct heartbeat *h, size_t size);
char *commit_text(struct heartbeat *h, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* One commit for all of it. Anything but 0: it is as it was before. */
int commit_all(struct heartbeat *h);
/* Forgets what has been gathered, and does not put it back. */
void commit_empty(struct heartbeat *h);
void commit_free(struct heartbeat *h);

/* news.c: adds alerts to the commit that is open. */
void news_alerts(struct heartbeat *h, const struct beat *beat, const struct beat_state *before,
		 unsigned news, const char *output, const struct moment *now);

#endif
