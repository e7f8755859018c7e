/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of one figure and how it changes: pure functions of the state so far,
 * what was found now, and the time. A check of one value has one such state, a
 * check of rows one for each row and one for itself.
 *
 * Times are milliseconds of the source's own clock, which never jumps (clock.h).
 */
#ifndef THRESHOLD_EVALUATE_H
#define THRESHOLD_EVALUATE_H

#include <stdbool.h>
#include <stdint.h>

#include "condition.h"

/* In the order of how bad it is; LEVEL_UNKNOWN: nothing was found yet. */
enum level { LEVEL_UNKNOWN, LEVEL_OK, LEVEL_NO_DATA, LEVEL_ERROR, LEVEL_WARNING, LEVEL_CRITICAL };

/* What is done where there is no figure. */
enum action { ACTION_UNKNOWN, ACTION_OK, ACTION_KEEP, ACTION_WARNING, ACTION_CRITICAL };
struct policy {
	enum action action;
	int64_t for_ms; /* after it was so for that long */
};

#define MOST_BREACHES 64
#define MOST_CHANGES 32

struct limits {
	struct condition warning, critical;
	struct condition recovery; /* n 0: it is over when no threshold is breached */
	int64_t for_ms;            /* a breach counts when it has lasted so long */
	int64_t breaches, of;      /* ... and was seen in that many of the last results */
	int64_t clears;            /* better results in a row before it is better */
	struct policy no_data, null, error;
	int64_t repeat_ms;         /* told again while it lasts; 0: never */
	int64_t flap_changes, flap_window_ms; /* so many changes in that time; 0: never */
	int64_t vanish_after;      /* runs without the row */
};

enum finding { FOUND_VALUE, FOUND_NULL, FOUND_NOTHING, FOUND_ERROR };

struct track {
	enum level level;
	bool firing;             /* an alert is out that must be resolved */
	bool flapping;
	int64_t since_ms;        /* of the level */
	int64_t fired_ms;        /* of the alert */
	int64_t told_ms;         /* when it was told last */
	uint64_t warned, alarmed; /* results that breached, the latest is bit 0 */
	int64_t warning_ms, critical_ms; /* since when it counts as breached; 0: not */
	enum level odd;          /* what a policy is about to make of it; LEVEL_UNKNOWN: nothing */
	int64_t odd_ms;          /* since when */
	int64_t clears;          /* better results in a row */
	int64_t missing;         /* runs without this row */
	int64_t change_ms[MOST_CHANGES]; /* the latest changes of the level, oldest first */
	int64_t changes;
};

enum news {
	NEWS_NONE,
	NEWS_FIRING,   /* it got bad, worse, or less bad */
	NEWS_REPEATED, /* it still is */
	NEWS_FLAPPING, /* too many changes: no more news until it is calm */
	NEWS_RESOLVED,
};

struct verdict {
	enum news news;
	enum level previous; /* the level before */
	int64_t lasted_ms;   /* how long the alert was out, of NEWS_RESOLVED */
	bool forget;         /* the row is no more */
};

/* What a figure is by itself, without a past. */
enum level evaluate_value(const struct limits *limits, double value);
enum level evaluate_policy(const struct policy *policy, enum level without);
const struct policy *evaluate_finding(const struct limits *limits, enum finding finding);

/* Is there nothing to save? */
bool evaluate_same(const struct track *a, const struct track *b);

/* now_ms must be above 0 and must not be less than at the last call. */
void evaluate(const struct limits *limits, struct track *track, enum finding finding, double value,
	      int64_t now_ms, struct verdict *verdict);
/* A run that was good did not have this row. */
void evaluate_missing(const struct limits *limits, struct track *track, int64_t now_ms,
		      struct verdict *verdict);

#endif
