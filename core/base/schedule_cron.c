/* SPDX-License-Identifier: Apache-2.0 */
/* Cron expressions as in crontab(5), with L, W and # of other crons. */
#include <ctype.h>
#include <errno.h>

#include "base/schedule_parts.h"

#define FIELDS 6

static bool at_end_of_item(const struct schedule_reader *reader)
{
	return reader->at == reader->end || *reader->at == ',';
}

/* L, L-3, LW, 15W, or a plain item. */
static int read_date(struct schedule_reader *reader, struct schedule *schedule,
		     struct schedule_set *dates)
{
	const struct schedule_field *field = &schedule_field[SCHEDULE_DATE];
	const char *at = reader->at;
	int value = 0, result = 0;

	if (schedule_skip(reader, "LW")) {
		schedule->last_workday = true;
		return 0;
	}
	if (schedule_skip(reader, "L")) {
		static const struct schedule_field before = {"number of days before the last", 1,
							     30, NULL};

		if (schedule_skip(reader, "-"))
			result = schedule_read_value(reader, &before, &value);
		if (result == 0)
			schedule->dates_from_end |= UINT64_C(1) << (value + 1);
		return result;
	}
	if (*at != '*' && schedule_read_value(reader, field, &value) == 0 &&
	    schedule_skip(reader, "W")) {
		schedule->dates_workday |= UINT64_C(1) << value;
		return 0;
	}
	reader->at = at;
	return schedule_read_item(reader, field, "-", dates);
}

/* 5#2, 5L, or a plain item. */
static int read_weekday(struct schedule_reader *reader, struct schedule *schedule,
			struct schedule_set *weekdays)
{
	static const struct schedule_field number = {"number of a week", 1, 5, NULL};
	const struct schedule_field *field = &schedule_field[SCHEDULE_WEEKDAY];
	const char *at = reader->at;
	int weekday, nth, result;

	if (at < reader->end && toupper((unsigned char)*at) == 'L')
		return schedule_wrong(reader, at,
				      "names no day of the week; write 5L or friL for the last "
				      "Friday of the month");
	if (*at != '*' && schedule_read_value(reader, field, &weekday) == 0) {
		if (schedule_skip(reader, "#")) {
			result = schedule_read_value(reader, &number, &nth);
			if (result == 0)
				schedule->nth_weekdays[nth] |= UINT64_C(1) << weekday % 7;
			return result;
		}
		if (schedule_skip(reader, "L")) {
			schedule->last_weekdays |= UINT64_C(1) << weekday % 7;
			return 0;
		}
	}
	reader->at = at;
	return schedule_read_item(reader, field, "-", weekdays);
}

typedef int item_fn(struct schedule_reader *reader, struct schedule *schedule,
		    struct schedule_set *set);

static int read_days(struct schedule_reader *reader, item_fn *item, struct schedule *schedule,
		     uint64_t *days)
{
	struct schedule_set set = {{0}};
	int result;

	if (reader->end - reader->at == 1 && schedule_skip(reader, "?")) {
		*days = ~UINT64_C(0);
		return 0;
	}
	do {
		result = item(reader, schedule, &set);
		if (result == 0 && !at_end_of_item(reader))
			result =
				schedule_wrong(reader, reader->at,
					       "is not understood; between two days write a comma, "
					       "or '-' for all from one to the other");
	} while (result == 0 && schedule_skip(reader, ","));
	*days = set.word[0];
	return result;
}

static int read_numbers(struct schedule_reader *reader, const struct schedule_field *field,
			uint64_t *numbers)
{
	struct schedule_set set = {{0}};
	int result = schedule_read_list(reader, field, "-", &set);

	*numbers = set.word[0];
	return result;
}

static bool is_open(const struct schedule_word *word)
{
	return *word->at == '*' || *word->at == '?';
}

static int read_field(struct schedule_reader *reader, int kind, struct schedule *schedule)
{
	const struct schedule_field *field = &schedule_field[kind];

	switch (kind) {
	case SCHEDULE_SECOND:
		return read_numbers(reader, field, &schedule->seconds);
	case SCHEDULE_MINUTE:
		return read_numbers(reader, field, &schedule->minutes);
	case SCHEDULE_HOUR:
		return read_numbers(reader, field, &schedule->hours);
	case SCHEDULE_DATE:
		return read_days(reader, read_date, schedule, &schedule->dates);
	case SCHEDULE_MONTH:
		return read_numbers(reader, field, &schedule->months);
	default:
		return read_days(reader, read_weekday, schedule, &schedule->weekdays);
	}
}

int schedule_read_cron(struct schedule_reader *reader, const struct schedule_word *word, size_t n,
		       struct schedule *schedule)
{
	size_t first = FIELDS - n; /* 1: without seconds */
	int result = 0;

	schedule->seconds = 1;
	schedule->any_year = true;
	for (size_t i = 0; i < n && result == 0; i++) {
		reader->at = word[i].at;
		reader->end = word[i].end;
		result = read_field(reader, (int)(first + i), schedule);
		if (first + i <= SCHEDULE_HOUR && is_open(&word[i]))
			schedule->by_clock = true;
	}
	/* crontab(5): a field that begins with * restricts nothing, even if a step follows */
	schedule->either = !is_open(&word[n - 3]) && !is_open(&word[n - 1]);
	return result;
}
