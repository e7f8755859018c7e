/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One heartbeat as pure functions: what is expected of it, what is known of it, and what a ping or
 * the time that passed makes of that. No function here reads a clock, a file or the store.
 *
 * Every moment is kept twice. `own_ms` is the time of the source (steady.h): it goes on with the boot
 * clock, and everything that waits or grows old is reckoned in it. `wall_ms` is what the clock on the
 * wall said, for people and for schedules.
 */
#ifndef HEARTBEAT_BEAT_H
#define HEARTBEAT_BEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tocsin/plugin.h>

#define BEAT_NEVER INT64_MAX
#define BEAT_STARTS 33    /* most starts that are counted; one more than `max_starts` may be */
#define BEAT_HANDED 20    /* most spooled pings that are recognised when they come again */
#define BEAT_RID 40       /* room for the id of a run */
#define BEAT_REASON 240
#define BEAT_TEXT 80      /* room for the status that a table says */

struct moment {
	int64_t own_ms, wall_ms; /* own_ms 0: never */
};

/* What is expected; 0 or NULL where nothing is. */
struct expectation {
	int64_t period_ms;                       /* between two heartbeats, or ... */
	const struct tocsin_schedule *schedule;  /* ... when each is due */
	const struct tocsin_zone *zone;
	int64_t grace_ms;
	int64_t start_grace_ms;                  /* to start; 0: grace */
	int64_t max_run_ms;                      /* from a start to its end; 0: grace */
	int64_t min_run_ms;
	int64_t misses;                          /* in a row, until it is down; at least 1 */
	int64_t max_starts, starts_within_ms;    /* more than that is an alert of its own */
	bool manual_resume;
};

enum beat_status { BEAT_NEW, BEAT_UP, BEAT_DOWN, BEAT_PAUSED };

/* What is known, and what is saved. */
struct beat_state {
	enum beat_status status;
	struct moment since;      /* of the status */
	struct moment anchor;     /* the next heartbeat is expected one period after it */
	struct moment last_ping;  /* a success or a failure */
	struct moment last_start;
	bool running;             /* since last_start */
	char rid[BEAT_RID];       /* of that run; "" when it gave none */
	int64_t last_duration_ms; /* -1: not known */
	int64_t missed;           /* in a row, as far as they are known */
	int64_t start_ms[BEAT_STARTS]; /* own time of the latest starts, oldest first */
	size_t n_starts;
	bool restless;            /* more starts than `max_starts` */
	struct moment restless_since;
	uint32_t handed[BEAT_HANDED]; /* which spooled pings came, the latest last */
	size_t n_handed;
	int64_t pings;            /* that ever came; numbers them */
	int64_t seen_ms;          /* time that a table or file said last, 0: none */
	int64_t seen_start_ms;
	bool absent;              /* there is no row or file; text says so */
	bool unwell;              /* text is a status that is not healthy */
	char text[BEAT_TEXT];     /* its status in the table */
	char reason[BEAT_REASON]; /* why it is down, or what was missed; "" when all is well */
};

/* What became of it that people are told: bits. */
enum beat_news {
	NEWS_DOWN = 1,
	NEWS_UP = 2,       /* it was down */
	NEWS_RESTLESS = 4, /* it starts too often */
	NEWS_CALM = 8,     /* it did */
	NEWS_CHANGED = 16, /* nothing to tell, but to save */
};

/* When something happens by itself, in own time; BEAT_NEVER. */
struct plan {
	int64_t late_ms; /* when the next heartbeat is expected */
	int64_t down_ms; /* when it is down without one */
	int64_t run_ms;  /* when the run takes too long */
	int64_t calm_ms; /* when it no longer starts too often */
	int64_t next_ms; /* the first of the last three */
};

enum ping_kind { PING_SUCCESS, PING_FAIL, PING_START, PING_LOG };
struct ping {
	enum ping_kind kind;
	int exit;         /* -1: none was said */
	const char *rid;  /* "" when there is none */
	struct moment at;
};

void beat_init(struct beat_state *state);
void beat_plan(const struct beat_state *state, const struct expectation *expect,
	       const struct tocsin_host *host, struct plan *plan);
/* Lets the time pass until now. Returns news. */
unsigned beat_pass(struct beat_state *state, const struct expectation *expect,
		   const struct tocsin_host *host, const struct moment *now);
/* Takes a ping. One that is older than what is known changes nothing. */
unsigned beat_ping(struct beat_state *state, const struct expectation *expect,
		   const struct tocsin_host *host, const struct ping *ping);
/* It is down as of now, for the reason in state->reason. */
unsigned beat_fall(struct beat_state *state, const struct moment *now);
unsigned beat_pause(struct beat_state *state, const struct moment *now);
unsigned beat_resume(struct beat_state *state, const struct moment *now);
/* Counts the starts of late. */
unsigned beat_settle_starts(struct beat_state *state, const struct expectation *expect,
			    const struct moment *now);
/* How it is called: "up", "late", ... */
const char *beat_word(const struct beat_state *state, const struct plan *plan, int64_t own_ms);

/* absence.c: what tocsin could not hear. */
/* Tocsin was not there between these moments: what was expected meanwhile may have been missed by
 * tocsin, not by the heartbeat. True when the state changed. */
bool beat_absence(struct beat_state *state, const struct expectation *expect,
		  const struct tocsin_host *host, const struct moment *left,
		  const struct moment *back, int64_t outage_ms);
/* The wall clock was set. A schedule goes by the wall: what is not late yet is expected when the new
 * time says. */
void beat_clock_set(struct beat_state *state, const struct expectation *expect,
		    const struct tocsin_host *host, const struct moment *now);

/* sighting.c: what a table or a file says of the past. */
/* Two readings of another one's clock and of ours at the same moment; outer_ms 0: none. */
struct reading {
	int64_t outer_ms, own_ms;
};
/* The own time at which a value was written that is new since the reading `before`. Right, whichever way
 * the outer clock was set between the two, as far as that can be known. */
int64_t sighting_own_ms(int64_t value_ms, const struct reading *before, const struct reading *now);
struct sighting {
	bool there;           /* else there is no such row or file */
	int64_t value_ms;     /* of the outer clock; 0: none */
	int64_t start_ms;     /* when it says that it was started; 0: it does not */
	const char *text;     /* its status, NULL: none; or the sentence that it is not there */
	bool unwell;          /* what text means */
};
unsigned beat_sighting(struct beat_state *state, const struct expectation *expect,
		       const struct tocsin_host *host, const struct sighting *sighting,
		       const struct reading *before, const struct reading *reading,
		       const struct moment *now);

/* words.c */
#define WORDS_DURATION 80
/* "2 hours and 5 minutes" */
const char *words_duration(int64_t ms, char text[WORDS_DURATION]);
/* Each writes state->reason. */
void words_missed(struct beat_state *state, const struct expectation *expect,
		  const struct tocsin_host *host, const struct moment *now);
void words_failed(struct beat_state *state, const struct expectation *expect, int exit);
void words_ran_long(struct beat_state *state, const struct expectation *expect,
		    const struct moment *now);
void words_ran_short(struct beat_state *state, const struct expectation *expect);
/* "backup is up: last heartbeat 2 minutes ago, at most 1 day allowed" */
char *words_line(const char *name, const struct beat_state *state,
		 const struct expectation *expect, const struct plan *plan,
		 const struct moment *now);

#endif
