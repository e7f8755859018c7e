/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cron source in one picture. Everything runs on the source's own thread, but
 * for the programs, each of which has a thread of its own (task.c).
 *
 *	cron.c       options, open, close
 *	check.c      what the options must be for themselves
 *	loop.c       load, evaluate, wait, over and over
 *	plan.c       when a job is due, late, or missed: pure
 *	trigger.c    what is wrong with a run: pure
 *	run.c        one run of a job, also as JSON
 *	job.c        the jobs, and their runs in memory
 *	kept.c       what is kept of both
 *	item.c       a job as people ask for it
 *	book.c       runs begin and end: the records and alerts that follow
 *	words.c      the alerts in words
 *	duty.c       what the time asks for: starts, and runs that go on for too long
 *	own.c        runs whose program tocsin starts itself
 *	task.c       programs under way, which outlive a reload
 *	leftover.c   what a daemon that was killed left running
 *	call.c       what outsiders ask and order
 *	report.c     runs that others report
 *	ping.c       the same by pings
 *	feed.c       runs that a table lists (with feed_rows.c)
 *	unread.c     that the table cannot be read
 *
 * Whatever changes is kept (host->keep) and raised (host->emit) in one commit, see
 * book_flush. A program is started after the commit that says so.
 */
#ifndef CRON_H
#define CRON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <tocsin/plugin.h>

#include "../../common/program.h"

#define CRON_ID 64          /* bytes of the id of a run */
#define CRON_NAME 200       /* bytes of the name of a job */
#define CRON_JOBS 10000     /* with those that nobody configured */
#define CRON_OPEN 1000      /* runs of a job that others began, and whose end nobody told */
#define CRON_TEXT 4096      /* bytes of an error or an output that are kept */
#define CRON_AS_SOURCE (-1)      /* a trigger that a job leaves to the source */
#define CRON_SETTLE_MS 3000 /* after the start of the source nobody is late or lost for so long */
#define CRON_SET_MS 1000    /* less is how clocks are kept right, and not set */
#define CRON_WAKE_MS 5000   /* so soon it is noticed that somebody set the wall clock */

/* --- options (cron.c, check.c) --- */

/* Of a job: CRON_AS_SOURCE, as the source has it. */
struct triggers {
	int64_t failed, overlapped; /* false or true; of a job: 1 more, and 0 as the source */
	int64_t error_rate, min_tasks, failed_tasks, processing_errors, failures_in_a_row;
};

enum overlap { OVERLAP_SKIP, OVERLAP_QUEUE, OVERLAP_ALLOW };
enum catch_up { CATCH_UP_NONE, CATCH_UP_LAST, CATCH_UP_ALL };
enum unknown { UNKNOWN_RECORD, UNKNOWN_REFUSE };

struct job_config {
	const char *name, *description, *link;
	const struct tocsin_schedule *schedule;
	const struct tocsin_zone *timezone;
	struct tocsin_strings command;
	const char *directory, *user;
	struct tocsin_map environment, labels;
	int64_t time_limit, kill_after, jitter, grace, max_run, min_run, keep_runs;
	int64_t overlap, catch_up;
	int64_t severity; /* 0: as the source has it, else enum tocsin_severity + 1 */
	struct program_limits limits;
	struct triggers triggers;
};

struct table_config {
	const char *connection, *password, *table, *query;
	const struct tocsin_zone *timezone;
	struct tocsin_map columns;
	int64_t poll, lookback, history, statement_timeout, unreachable_after, batch;
};

struct cron_config {
	struct tocsin_sections jobs; /* struct job_config */
	struct triggers triggers;
	struct table_config table;
	int64_t unknown_jobs; /* enum unknown */
	int64_t severity, error_rate_severity;
	int64_t at_once, keep_runs;
	const char *alertname, *link;
};

const char *cron_check(const void *config, char *why, size_t why_size);

/* --- plan.c: pure; the clock and the schedule come from outside --- */

typedef int64_t plan_next_fn(const void *data, int64_t after_ms);
struct plan_schedule {
	plan_next_fn *next;
	const void *data;
};

#define PLAN_NEVER INT64_MAX
#define PLAN_LATE_MS 60000   /* a start that is later than this was missed, and is caught up or not */
#define PLAN_CATCH_UP 100    /* missed starts that are made up for or counted at most */
#define PLAN_EARLY_MS 60000  /* a run that begins so much before its time is in time */

/* What is kept of the schedule of a job. */
struct plan {
	int64_t due_ms;      /* the next start; 0: not known yet */
	int64_t previous_ms; /* the one before */
	int64_t made_up;     /* starts in a row that were late */
};

struct plan_rules {
	enum catch_up catch_up;
	int64_t jitter_ms, grace_ms;
	uint64_t seed;       /* of the jitter: the same for a job for ever */
	bool own;            /* tocsin starts it; else it only has to be heard of */
	bool busy;           /* it runs, so that what is made up for has to wait */
};

enum plan_action { PLAN_WAIT, PLAN_START, PLAN_MISS };
struct plan_step {
	enum plan_action action;
	int64_t due_ms;      /* the start that is due or was missed */
	int64_t missed;      /* how many starts that makes, this one among them */
	int64_t wake_ms;     /* WAIT: when to ask again */
};
/* The next step at this time. Ask again until it says WAIT. */
struct plan_step plan_step(struct plan *plan, const struct plan_schedule *schedule,
			   const struct plan_rules *rules, int64_t now_ms);
/* A run began by itself: the start that it stands for is no longer waited for. */
void plan_started(struct plan *plan, const struct plan_schedule *schedule, int64_t at_ms);
/* The shortest time between the next starts; PLAN_NEVER: there is one at most. */
int64_t plan_round(const struct plan_schedule *schedule, int64_t now_ms);
/* When a start that is due then really begins. */
int64_t plan_jittered(const struct plan_rules *rules, int64_t due_ms);

/* --- run.c --- */

enum run_status { RUN_RUNNING, RUN_COMPLETED, RUN_FAILED, RUN_MISSED, RUN_LOST };
enum run_cause { CAUSE_SCHEDULE, CAUSE_MANUAL, CAUSE_REPORT, CAUSE_TABLE };

/* -1: not said. */
struct results {
	int64_t completed, failed, still_processing, errors, total_found;
};

struct run {
	char id[CRON_ID + 1];
	enum run_cause cause;
	enum run_status status;
	int64_t started_ms, ended_ms; /* 0: not yet */
	int64_t duration_ms;          /* -1: not known */
	int64_t due_ms;               /* for which start of its schedule; 0: none */
	int exit;                     /* -1: not known */
	char signal[16];
	struct results results;
	bool has_usage;
	int64_t user_ms, system_ms;
	int64_t max_rss_kib;          /* -1: not known */
	bool own;                     /* tocsin runs the program */
	bool again;                   /* in place of one that was lost */
	bool quiet;                   /* of old: nobody needs to hear of it */
	char *error, *output, *host, *user, *command; /* NULL: none */
	/* in memory */
	bool timed;                   /* under way, and begun at ... */
	int64_t began_boot_ms;        /* ... of the clock that nobody sets */
};

void run_init(struct run *run, const char *id, enum run_cause cause, int64_t started_ms);
void run_done(struct run *run);
/* It is under way: from now on its age is that of the clock that nobody sets. age_ms: so far. */
void run_time(struct run *run, int64_t age_ms);
/* How long one under way takes so far; 0 of an own one whose program has yet to begin. */
int64_t run_age_ms(const struct run *run);
/* Everything but the id, whose run this is; moves the texts. */
void run_end(struct run *run, enum run_status status, int64_t ended_ms);
/* Sets a text, cut at CRON_TEXT bytes on a character. False when memory is short. */
bool run_text(char **into, const char *text);
const char *run_status_word(enum run_status status);
/* "completed", "success", "ok" ... ; false: nobody knows the word. */
bool run_status_read(const char *word, enum run_status *status);
/* As it is kept and shown, one line; for the caller to free(). NULL: no memory. */
char *run_json(const struct run *run, const char *job);
/* How long it takes so far goes into its JSON; run NULL or of somebody else: nothing, as who reads it
 * can tell from its start. */
void run_add_time(const struct run *run, json_t *item);
/* False when it is none. */
bool run_read(struct run *run, const char *json);
/* {completed, failed, ...}, also with camelCase and with lists in place of numbers. error, unless
 * NULL, gets the first text of a list of errors when it is empty. */
bool results_read(struct results *results, const json_t *object, char **error);
/* Those on the last line of what a program wrote, if it is a JSON object with any of them. */
bool results_find(struct results *results, const char *output);
bool results_any(const struct results *results);
void results_none(struct results *results);

/* Random, as a UUID. */
void run_new_id(char id[CRON_ID + 1]);

/* --- trigger.c --- */

/* What can be wrong, the worst first; the bits of judge are 1 << problem. */
enum problem {
	PROBLEM_FAILED, PROBLEM_LOST, PROBLEM_ERROR_RATE, PROBLEM_FAILED_TASKS, PROBLEM_ERRORS,
	PROBLEM_TOO_SHORT, PROBLEM_OVERLAPPED,
	/* states of a job, which begin and end */
	PROBLEM_MISSED, PROBLEM_TOO_LONG, PROBLEM_IN_A_ROW,
	PROBLEMS
};
struct problem_words {
	const char *status;    /* HIGH_ERROR_RATE */
	const char *trigger;   /* the label: high_error_rate */
	const char *alertname;
	const char *action;    /* what to do about it */
	bool state;
};
const struct problem_words *problem_words(enum problem problem);

/* The triggers of a job; job NULL: of those that nobody configured. */
void triggers_of(struct triggers *triggers, const struct triggers *job,
		 const struct triggers *source);
/* What is wrong with a run that has ended. */
unsigned int judge(const struct run *run, const struct triggers *triggers, int64_t min_run_ms);
/* Failed tasks in percent of all, rounded down; 0 when there are none. */
int64_t error_rate(const struct results *results);
int64_t tasks_of(const struct results *results);

/* --- job.c --- */

/* A run that is kept in the store. */
struct entry {
	int64_t started_ms;
	char id[CRON_ID + 1];
	enum run_status status;
	bool own;
};

struct cron;
struct job {
	char *name;
	const struct job_config *config; /* NULL: nobody configured it */
	struct triggers triggers;
	const struct program_user *account; /* of config->user */
	const struct tocsin_host *host;
	/* kept */
	struct plan plan;
	bool paused;
	int64_t queued_ms;               /* a start that waits for the run before it */
	int64_t left_out_ms;             /* the first of those left out since it last began, until MISSED */
	int64_t total, succeeded, timed, time_sum_ms;
	int64_t failures;                /* in a row */
	int64_t forgotten_ms;            /* runs that began up to then may have been forgotten */
	int64_t since_ms[PROBLEMS];      /* when a state began; 0: it does not hold */
	json_t *fired[PROBLEMS];         /* the labels with which it began, and ends; or NULL */
	char *reason;                    /* what is wrong, or NULL */
	struct run last;
	bool has_last;
	/* in memory */
	bool changed;
	struct entry *entry;             /* oldest first */
	size_t n, room;
	struct run **running;
	size_t n_running;
	int64_t overdue_boot_ms;         /* since when a start is; 0: none was when last looked */
};

/* NULL: no memory. */
struct job *job_new(struct cron *cron, const char *name);
struct job *job_find(struct cron *cron, const char *name);
/* The job, made when there is none yet and that is allowed. NULL and *status, and a sentence. */
struct job *job_take(struct cron *cron, const char *name, int *status, const char **why);
int jobs_configure(struct cron *cron);
int job_check_jitter(const struct cron *cron, const struct job_config *config);
int jobs_announce(struct cron *cron);
void jobs_free(struct cron *cron);
/* The newest of that id; or the one that began then: a table may give an id again. */
struct entry *job_entry(struct job *job, const char *id);
struct entry *job_entry_at(struct job *job, const char *id, int64_t started_ms);
struct run *job_running(const struct job *job, const char *id);
/* One under way that tocsin itself started, or NULL: what others begin keeps no program from starting. */
const struct run *job_own_run(const struct job *job);
/* Takes a run into the list of those under way. */
int job_add_running(struct job *job, struct run *run);
void job_drop_running(struct job *job, struct run *run);
int job_add_entry(struct job *job, const struct run *run);
void job_drop_entry(struct job *job, struct entry *entry);
bool job_is_scheduled(const struct job *job);
bool job_has_command(const struct job *job);
/* That of its schedule; NULL: the system's. */
const struct tocsin_zone *job_zone(const struct job *job);
/* The oldest start that should have come about by now and has not; 0: none. */
int64_t job_overdue_ms(const struct job *job, int64_t now_ms);
/* Of a job that is scheduled. */
struct plan_schedule job_schedule(const struct job *job);
/* A time for people, in the zone of the job's schedule. */
void job_local(const struct job *job, int64_t ms, char text[TOCSIN_LOCAL_TIME]);
int64_t job_keep_runs(const struct cron *cron, const struct job *job);
/* "run/JOB/0001763476245123-ID", for the caller to free(). */
char *run_value_name(const struct job *job, int64_t started_ms, const char *id);

/* --- kept.c: 0 or a negative errno --- */

/* All that is kept becomes jobs and runs under way. */
int jobs_load(struct cron *cron);
/* host->keep of a job, of a run; forgets runs beyond keep_runs. */
int job_keep(struct cron *cron, struct job *job);
int run_keep(struct cron *cron, const struct job *job, const struct run *run);
int runs_prune(struct cron *cron, struct job *job);

/* --- item.c --- */

/* As list and show say it; a new reference. */
json_t *job_item(const struct job *job);

/* --- words.c --- */

struct letter;                       /* an alert on its way, with its texts */
struct letter *letter_of_run(const struct cron *cron, const struct job *job, const struct run *run,
			     unsigned int problems, int64_t now_ms);
/* Begins or ends; run: the one that shows it, or NULL. */
struct letter *letter_of_state(const struct cron *cron, const struct job *job, enum problem problem,
			       bool holds, const struct run *run, int64_t now_ms);
struct unread {
	json_t *fired;        /* the labels, while that is told; or NULL */
	int64_t since_ms;     /* then, by the wall clock */
	bool failing;         /* in this life ... */
	int64_t from_boot_ms; /* ... since then */
};
/* That the table cannot be read, or (why NULL) no longer so. */
struct letter *letter_of_table(const struct cron *cron, const struct unread *unread,
			       const char *why, int64_t lasted_ms, int64_t now_ms);
/* With which that begins; a new reference. */
json_t *letter_table_labels(const struct cron *cron);
void letter_free(struct letter *letter);
const struct tocsin_alert *letter_alert(const struct letter *letter);
/* "12ms", "45.3s", "12m 5s", "2h 3m" */
#define WORDS_DURATION 32
const char *words_duration(int64_t ms, char out[WORDS_DURATION]);

/* --- book.c --- */

/* Takes the letter; it goes out with the next commit. */
int book_post(struct cron *cron, struct letter *letter);
/* Takes the run. -EEXIST: it is known already (and freed). */
int book_begin(struct cron *cron, struct job *job, struct run *run, int64_t now_ms);
/* One under way that others began did so at another time than was told first. */
int book_began(struct cron *cron, struct job *job, struct run *run, int64_t started_ms,
	       int64_t now_ms);
/* Nobody will tell the end of this run. */
int book_lost(struct cron *cron, struct job *job, struct run *run, int64_t now_ms);
/* The run, one of those under way, has ended with what it says now. */
int book_end(struct cron *cron, struct job *job, struct run *run, int64_t now_ms);
/* A whole run at once; takes it. */
int book_whole(struct cron *cron, struct job *job, struct run *run, int64_t now_ms);
/* A run that was given up has ended after all: it can be taken as a whole one. */
void book_found(struct job *job, struct entry *entry);
/* Something begins to be so, or ends; nothing when it is as it was. */
int book_state(struct cron *cron, struct job *job, enum problem problem, bool holds,
	       const struct run *run, int64_t now_ms);
int book_problem(struct cron *cron, struct job *job, const struct run *run, enum problem problem,
		 int64_t now_ms);
/* Commits all that has changed and starts what may start now. 0, -EAGAIN: later; -ESHUTDOWN. */
int book_flush(struct cron *cron);

/* --- duty.c, own.c: 0 or a negative errno --- */

/* All that the time asks for; when something else may be asked for. */
int64_t duty_look(struct cron *cron, int64_t now_ms, int *rc);
struct plan_rules job_rules(const struct job *job);
/* It was missed, and is not waited for any more: paused, or without a schedule. */
int job_expect_no_more(struct cron *cron, struct job *job, int64_t now_ms);

/* Records a run of a job with a command, which begins after the commit. */
struct start {
	enum run_cause cause;
	int64_t due_ms;
	bool again;              /* in place of one that was lost */
};
int duty_run(struct cron *cron, struct job *job, const struct start *start, char id[CRON_ID + 1]);
/* After the commit: the programs that are to start. */
int duty_start(struct cron *cron);
/* Takes in what has ended. */
int duty_collect(struct cron *cron);
/* Runs under way of an earlier life: those whose programs still run are taken over. */
int duty_resume(struct cron *cron);
/* The run of the source ends. told: because it is to stop; then what is known by now is committed, and
 * the rest is as if it had not been. Programs go on when somebody takes over: this instance, which is to run
 * again, or the one that a reload has opened. Else they end. */
void duty_stop(struct cron *cron, bool told, bool runs_again);
/* Nothing runs or waits. */
bool duty_idle(const struct cron *cron);

/* --- leftover.c --- */

/* Kills the processes that have TOCSIN_RUN=id in their environment; how many. */
int leftover_kill(const char *id);

/* --- call.c, report.c, ping.c --- */

void cron_call(void *state, struct tocsin_call *const call[], size_t n);
/* Answers a call: status and JSON, or a sentence. */
void call_answer(struct tocsin_call *call, int status, json_t *answer);
void call_refuse(struct tocsin_call *call, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Memory was short half way: nothing of this round counts. */
void call_broken(struct cron *cron, struct tocsin_call *call);
void call_report(struct cron *cron, struct tocsin_call *call, const json_t *body);
void call_ping(struct cron *cron, struct tocsin_call *call, const json_t *body);

/* --- feed.c: 0 or a negative errno --- */

/* Of a configuration with a connection: NULL, or a sentence. */
const char *feed_check(const struct table_config *config);
int feed_open(struct cron *cron);
void feed_close(struct cron *cron);
/* Reads when it is time to; how long until it is again. */
int feed_read(struct cron *cron, int64_t now_ms, int64_t *wait_ms);
/* Has it read everything once? */
bool feed_swept(const struct cron *cron);
/* What it has in memory is read anew. */
void feed_reset(struct cron *cron);

/* --- unread.c: 0 or a negative errno --- */

/* The table could not be read just now; why NULL: it could. */
int unread_note(struct cron *cron, const char *why, int64_t now_ms);
/* Part of the start: what is told, and its end when there is no table any more. */
int unread_load(struct cron *cron);
void unread_forget(struct cron *cron);

/* --- loop.c --- */
struct feed;
struct cron {
	struct tocsin_self *self;
	const struct tocsin_host *host;
	const struct cron_config *config;
	struct program_user *account; /* one for each of config->jobs */
	int poll;                /* what host->wait waits for: notify, the table's connection */
	int notify;              /* eventfd: a program has ended */
	int64_t judge_from_ms;   /* boot time: what was reported meanwhile, into the spool, comes first */
	int64_t ahead_ms;        /* of the boot clock the wall clock, when last looked ... */
	bool has_looked;         /* ... in this life */
	bool has_run;            /* counted out of those that are to take over */
	struct job **job;
	size_t n_jobs, room;
	struct job *recent;      /* found last */
	struct letter **letter;  /* raised, and not committed yet */
	size_t n_letters;
	struct run **starting;   /* recorded, and to be started after the commit */
	size_t n_starting;
	bool dirty;              /* something was kept and not committed */
	bool announce;           /* there are new jobs */
	bool loaded;
	bool long_id;            /* a run of the table whose id is too long was spoken of */
	bool broken;             /* memory was short in a call: run ends, and begins anew */
	struct feed *feed;
	struct unread unread;
};

int cron_run(void *state);
int cron_load(struct cron *cron);
void cron_unload(struct cron *cron);
int64_t cron_wall_ms(void);
int64_t cron_boot_ms(void);

#endif
