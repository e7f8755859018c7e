/* SPDX-License-Identifier: Apache-2.0 */
/* Calendar expressions as in systemd.time(7): "Mon..Fri 22:30", "*-*-01 08:00:00". */
#include <errno.h>
#include <string.h>

#include "base/schedule_parts.h"

#define MOST_PARTS 3

/* One part of a date or a time, up to a separator; text behind the last one is a mistake. */
static int read_part(struct schedule_reader *reader, const struct schedule_word *part, int kind,
		     struct schedule_set *set)
{
	reader->at = part->at;
	reader->end = part->end;
	*set = (struct schedule_set){{0}};
	return schedule_read_list(reader, &schedule_field[kind], "..", set);
}

/* Cuts at each of the separators; the number of parts, MOST_PARTS + 1: more. */
static size_t cut(const struct schedule_word *word, const char *separators,
		  struct schedule_word part[MOST_PARTS])
{
	size_t n = 0;

	for (const char *at = word->at;; at++) {
		const char *end = at;

		while (end < word->end && !strchr(separators, *end))
			end++;
		if (n == MOST_PARTS)
			return n + 1;
		part[n++] = (struct schedule_word){at, end};
		if (end == word->end)
			return n;
		at = end;
	}
}

static int read_weekdays(struct schedule_reader *reader, const struct schedule_word *word,
			 struct schedule *schedule)
{
	const char *dash = memchr(word->at, '-', (size_t)(word->end - word->at));
	struct schedule_set set = {{0}};
	int result;

	reader->at = word->at;
	reader->end = word->end;
	result = schedule_read_list(reader, &schedule_field[SCHEDULE_WEEKDAY], dash ? "-" : "..",
				    &set);
	schedule->weekdays = set.word[0];
	return result;
}

/* Days counted from the end of the month: 3, 7/1 (from the seventh last on), 3..1 */
static int read_from_end(struct schedule_reader *reader, const struct schedule_word *part,
			 struct schedule *schedule)
{
	const struct schedule_field *field = &schedule_field[SCHEDULE_DATE];
	int first, last, step = 1, result = 0;

	reader->at = part->at;
	reader->end = part->end;
	do {
		result = schedule_read_value(reader, field, &first);
		if (result < 0)
			return result;
		last = first;
		if (schedule_skip(reader, ".."))
			result = schedule_read_value(reader, field, &last);
		if (result == 0 && schedule_skip(reader, "/")) {
			last = last == first ? 1 : last;
			result = schedule_read_value(reader, field, &step);
		}
		if (result == 0 && last > first)
			return schedule_wrong(reader, part->at,
					      "counts from the end of the month, so the greater "
					      "number comes first; write %d..%d",
					      last, first);
		for (int day = first; result == 0 && day >= last; day -= step)
			schedule->dates_from_end |= UINT64_C(1) << day;
	} while (result == 0 && schedule_skip(reader, ","));
	if (result == 0 && reader->at < reader->end)
		result = schedule_wrong(reader, reader->at, "is not understood");
	return result;
}

/* [year-]month-day, or ~day from the end. */
static int read_date(struct schedule_reader *reader, const struct schedule_word *word,
		     struct schedule *schedule)
{
	struct schedule_word part[MOST_PARTS];
	size_t n = cut(word, "-~", part), day = n - 1;
	struct schedule_set set;
	int result = 0;

	if (n < 2 || n > 3)
		return schedule_wrong(reader, word->at,
				      "is no date; write year-month-day with * for any, such as "
				      "*-*-01 or 2026-12-24");
	if (n == 3 && part[0].end[0] == '~')
		return schedule_wrong(reader, part[0].end,
				      "is no date; ~ stands before a day, as in *-*~01");
	if (n == 3 && !(part[0].end - part[0].at == 1 && part[0].at[0] == '*')) {
		schedule->any_year = false;
		result = read_part(reader, &part[0], SCHEDULE_YEAR, &schedule->years);
	}
	if (result == 0) {
		result = read_part(reader, &part[day - 1], SCHEDULE_MONTH, &set);
		schedule->months = set.word[0];
	}
	if (result == 0 && part[day].at[-1] == '~') {
		schedule->dates = 0;
		return read_from_end(reader, &part[day], schedule);
	}
	if (result == 0) {
		result = read_part(reader, &part[day], SCHEDULE_DATE, &set);
		schedule->dates = set.word[0];
	}
	return result;
}

/* hour:minute[:second] */
static int read_time(struct schedule_reader *reader, const struct schedule_word *word,
		     struct schedule *schedule)
{
	struct schedule_word part[MOST_PARTS];
	size_t n = cut(word, ":", part);
	uint64_t *into[] = {&schedule->hours, &schedule->minutes, &schedule->seconds};
	static const int kind[] = {SCHEDULE_HOUR, SCHEDULE_MINUTE, SCHEDULE_SECOND};
	struct schedule_set set;
	int result = 0;

	if (n < 2 || n > 3)
		return schedule_wrong(reader, word->at,
				      "is no time; write hour:minute or hour:minute:second");
	for (size_t i = 0; i < n && result == 0; i++) {
		result = read_part(reader, &part[i], kind[i], &set);
		*into[i] = set.word[0];
		if (*part[i].at == '*')
			schedule->by_clock = true;
	}
	return result;
}

enum part { WEEKDAYS, DATE, TIME, UNKNOWN };

static enum part kind_of(const struct schedule_word *word)
{
	size_t length = (size_t)(word->end - word->at);

	if (schedule_is_weekday(word->at, word->end))
		return WEEKDAYS;
	if (memchr(word->at, ':', length))
		return TIME;
	if (memchr(word->at, '-', length) || memchr(word->at, '~', length))
		return DATE;
	return UNKNOWN;
}

int schedule_read_calendar(struct schedule_reader *reader, const struct schedule_word *word,
			   size_t n, struct schedule *schedule)
{
	int result = 0;
	size_t next = WEEKDAYS;

	schedule->any_year = true;
	schedule->months = schedule->dates = ~UINT64_C(0);
	schedule->weekdays = 0x7f;
	schedule->hours = schedule->minutes = schedule->seconds = 1;
	for (size_t i = 0; i < n && result == 0; i++) {
		enum part kind = kind_of(&word[i]);

		if (kind == UNKNOWN)
			return schedule_wrong(
				reader, word[i].at,
				"is not understood; write a cron expression of 5 fields (minute hour "
				"day month weekday), an interval such as 'every 5m', or a time such "
				"as 'Mon..Fri 08:30', '*-*-01 00:00' or 'daily'");
		if (kind < next)
			return schedule_wrong(
				reader, word[i].at,
				"stands in the wrong place; first come the days of the "
				"week, then a date, then a time of day");
		next = kind + 1;
		result = kind == WEEKDAYS ? read_weekdays(reader, &word[i], schedule)
			 : kind == DATE   ? read_date(reader, &word[i], schedule)
					  : read_time(reader, &word[i], schedule);
	}
	return result;
}
