/* SPDX-License-Identifier: Apache-2.0 */
/* Lists, ranges and steps of numbers: what cron expressions and calendar expressions share. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/schedule_parts.h"

#define SHOWN 40

static const char *const months[] = {"january",  "february", "march",  "april",     "may",
				     "june",     "july",     "august", "september", "october",
				     "november", "december", NULL};
static const char *const weekdays[] = {"sunday",   "monday", "tuesday",  "wednesday",
				       "thursday", "friday", "saturday", NULL};

const struct schedule_field schedule_field[] = {
	[SCHEDULE_SECOND] = {"second", 0, 59, NULL},
	[SCHEDULE_MINUTE] = {"minute", 0, 59, NULL},
	[SCHEDULE_HOUR] = {"hour", 0, 23, NULL},
	[SCHEDULE_DATE] = {"day of the month", 1, 31, NULL},
	[SCHEDULE_MONTH] = {"month", 1, 12, months},
	[SCHEDULE_WEEKDAY] = {"day of the week", 0, 7, weekdays},
	[SCHEDULE_YEAR] = {"year", SCHEDULE_FIRST_YEAR, SCHEDULE_LAST_YEAR, NULL},
};

int schedule_wrong(const struct schedule_reader *reader, const char *at, const char *format, ...)
{
	size_t length = strcspn(at, " \t");
	char why[400];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	if (length == 0)
		return error_set(reader->err, -EINVAL, "after character %td %s", at - reader->text,
				 why);
	return error_set(reader->err, -EINVAL, "'%.*s' at character %td %s",
			 length < SHOWN ? (int)length : SHOWN, at, at - reader->text + 1, why);
}

bool schedule_skip(struct schedule_reader *reader, const char *expected)
{
	size_t length = strlen(expected);

	if ((size_t)(reader->end - reader->at) < length ||
	    strncmp(reader->at, expected, length) != 0)
		return false;
	reader->at += length;
	return true;
}

static size_t letters_at(const char *at, const char *end)
{
	size_t n = 0;

	while (at + n < end && isalpha((unsigned char)at[n]))
		n++;
	return n;
}

/* Monday, mon, or the mon of monL; the bytes that the name takes, 0: it is none of these. */
static size_t read_name(const char *at, const char *end, const char *const *names, int *index)
{
	size_t length = letters_at(at, end);

	if (length > 3 && toupper((unsigned char)at[length - 1]) == 'L' && length == 4)
		length = 3;
	for (*index = 0; names[*index]; (*index)++)
		if ((length == 3 || length == strlen(names[*index])) &&
		    strncasecmp(names[*index], at, length) == 0)
			return length;
	return 0;
}

bool schedule_is_weekday(const char *at, const char *end)
{
	int index;

	return read_name(at, end, weekdays, &index) > 0;
}

/* "write a number from 0 to 59" */
static int wrong_value(const struct schedule_reader *reader, const char *at,
		       const struct schedule_field *field)
{
	return schedule_wrong(reader, at, "is no %s; write a number from %d to %d%s", field->name,
			      field->low, field->high,
			      field->names == months     ? ", or jan to dec"
			      : field->names == weekdays ? ", or sun to sat"
							 : "");
}

int schedule_read_value(struct schedule_reader *reader, const struct schedule_field *field,
			int *value)
{
	const char *at = reader->at;
	size_t length = field->names ? read_name(at, reader->end, field->names, value) : 0;

	if (length > 0) {
		*value += field->low;
		reader->at += length;
		return 0;
	}
	for (*value = 0;
	     length < 4 && at + length < reader->end && isdigit((unsigned char)at[length]);
	     length++)
		*value = *value * 10 + (at[length] - '0');
	if (field->low == SCHEDULE_FIRST_YEAR && length <= 2)
		*value += *value < 70 ? 2000 : 1900;
	if (length == 0 || *value < field->low || *value > field->high)
		return wrong_value(reader, at, field);
	reader->at += length;
	return 0;
}

static void add(struct schedule_set *set, const struct schedule_field *field, int value)
{
	int bit = value;

	if (field->low == SCHEDULE_FIRST_YEAR)
		bit -= SCHEDULE_FIRST_YEAR;
	if (field->names == weekdays)
		bit %= 7;
	set->word[bit / 64] |= UINT64_C(1) << bit % 64;
}

static int read_step(struct schedule_reader *reader, const struct schedule_field *field, int *step)
{
	static const struct schedule_field number = {"step", 0, 9999, NULL};
	const char *at = reader->at;
	int result = schedule_read_value(reader, &number, step);

	if (result < 0)
		return result;
	if (*step == 0)
		return schedule_wrong(reader, at, "is no step; write how many %ss to go on by",
				      field->name);
	if (*step > field->high - field->low)
		return schedule_wrong(reader, at,
				      "is a step beyond the last %s, so that it would not do "
				      "anything; for what does not divide a day write an interval "
				      "such as 'every 90m'",
				      field->name);
	return 0;
}

/* A range that ends before it begins goes over the end of the week. */
static int close_range(const struct schedule_reader *reader, const struct schedule_field *field,
		       const char *at, const char *range, int first, int *last)
{
	if (*last >= first)
		return 0;
	if (field->names == weekdays) {
		*last += 7;
		return 0;
	}
	return schedule_wrong(reader, at, "ends before it begins; write two ranges, %d%s%d,%d%s%d",
			      first, range, field->high, field->low, range, *last);
}

int schedule_read_item(struct schedule_reader *reader, const struct schedule_field *field,
		       const char *range, struct schedule_set *set)
{
	const char *at = reader->at;
	int first = field->low, last = field->high, step = 1;
	bool open = schedule_skip(reader, "*");
	int result = open ? 0 : schedule_read_value(reader, field, &first);

	if (field->names == weekdays)
		last = 6;
	if (result == 0 && !open && schedule_skip(reader, range)) {
		result = schedule_read_value(reader, field, &last);
		if (result == 0)
			result = close_range(reader, field, at, range, first, &last);
		open = true;
	}
	if (result == 0 && schedule_skip(reader, "/"))
		result = read_step(reader, field, &step);
	else if (!open)
		last = first;
	for (int value = first; result == 0 && value <= last; value += step)
		add(set, field, value);
	return result;
}

int schedule_read_list(struct schedule_reader *reader, const struct schedule_field *field,
		       const char *range, struct schedule_set *set)
{
	int result = 0;

	do {
		result = schedule_read_item(reader, field, range, set);
	} while (result == 0 && schedule_skip(reader, ","));
	if (result == 0 && reader->at < reader->end)
		return schedule_wrong(
			reader, reader->at,
			"is not understood; between two %ss write a comma, or '%s' for "
			"all from one to the other",
			field->name, range);
	return result;
}
