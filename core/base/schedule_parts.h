/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of base/schedule share. */
#ifndef BASE_SCHEDULE_PARTS_H
#define BASE_SCHEDULE_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/schedule.h"

#define SCHEDULE_FIRST_YEAR 1970
#define SCHEDULE_LAST_YEAR 2199

/* Numbers from 0 to 255, or years from SCHEDULE_FIRST_YEAR on. */
struct schedule_set {
	uint64_t word[4];
};

/* The days, hours, minutes and seconds of local time that a schedule names. */
struct schedule {
	struct tocsin_schedule pub;
	char *text;
	int64_t every_ms;          /* an interval: all that it says; else 0 */

	uint64_t seconds, minutes, hours;
	uint64_t months;           /* from bit 1 on, as the dates */
	uint64_t dates;
	uint64_t dates_from_end;   /* bit 1: the last of the month */
	uint64_t dates_workday;    /* the day from Monday to Friday that is nearest to one of these */
	bool last_workday;
	uint64_t weekdays;         /* bit 0: Sunday */
	uint64_t nth_weekdays[6];  /* by the number in the month, from 1 on */
	uint64_t last_weekdays;
	bool either;               /* dates or weekdays, not both, must fit */
	bool any_year;
	struct schedule_set years;

	/* Each time that the clock shows counts: what the clock skips does not happen, what it shows
	 * twice happens twice. Else a time that is skipped is made up for, and comes once. */
	bool by_clock;
};

/* A place in a text. */
struct schedule_reader {
	const char *text;          /* all of it */
	const char *at, *end;      /* what is left of this word */
	struct error *err;
};

/* A kind of number that a schedule is made of. */
struct schedule_field {
	const char *name;
	int low, high;
	const char *const *names;  /* NULL, or those from low on */
};

enum { SCHEDULE_SECOND, SCHEDULE_MINUTE, SCHEDULE_HOUR, SCHEDULE_DATE, SCHEDULE_MONTH,
       SCHEDULE_WEEKDAY, SCHEDULE_YEAR };
extern const struct schedule_field schedule_field[];

/* "'61' at character 3 is no minute; ...": -EINVAL, with at and the rest of its word in front. */
int schedule_wrong(const struct schedule_reader *reader, const char *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A number or a name; moves on. */
int schedule_read_value(struct schedule_reader *reader, const struct schedule_field *field,
			int *value);
/* One item of a list, "*", "1", "1-5", "1-31/2", between whose ends stands range; added to set. */
int schedule_read_item(struct schedule_reader *reader, const struct schedule_field *field,
		       const char *range, struct schedule_set *set);
/* Items with commas between them, to the end. */
int schedule_read_list(struct schedule_reader *reader, const struct schedule_field *field,
		       const char *range, struct schedule_set *set);
/* True (and moved on) when the text goes on with that. */
bool schedule_skip(struct schedule_reader *reader, const char *expected);
/* What begins a weekday's name, not only a word of any kind. */
bool schedule_is_weekday(const char *at, const char *end);

struct schedule_word {
	const char *at, *end;
};

/* 5 fields, or 6 with seconds in front. */
int schedule_read_cron(struct schedule_reader *reader, const struct schedule_word *word, size_t n,
		       struct schedule *schedule);
/* [weekdays] [date] [time] */
int schedule_read_calendar(struct schedule_reader *reader, const struct schedule_word *word,
			   size_t n, struct schedule *schedule);

#endif
