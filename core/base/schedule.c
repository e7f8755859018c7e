/* SPDX-License-Identifier: Apache-2.0 */
#include "base/schedule.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/schedule_parts.h"
#include "base/units.h"
#include "base/zone.h"

#define MOST_WORDS 8 /* seconds to weekday, zone, exact */
#define CRON_FIELDS 5
#define CRON_FIELDS_SECONDS 6

static const struct {
	const char *word, *means;
} words[] = {
	{"@hourly", "0 * * * *"},
	{"@daily", "0 0 * * *"},
	{"@midnight", "0 0 * * *"},
	{"@weekly", "0 0 * * 0"},
	{"@monthly", "0 0 1 * *"},
	{"@yearly", "0 0 1 1 *"},
	{"@annually", "0 0 1 1 *"},
	{"minutely", "*-*-* *:*:00"},
	{"hourly", "*-*-* *:00:00"},
	{"daily", "*-*-* 00:00:00"},
	{"weekly", "Mon *-*-* 00:00:00"},
	{"monthly", "*-*-01 00:00:00"},
	{"quarterly", "*-01,04,07,10-01 00:00:00"},
	{"semiannually", "*-01,07-01 00:00:00"},
	{"semi-annually", "*-01,07-01 00:00:00"},
	{"yearly", "*-01-01 00:00:00"},
	{"annually", "*-01-01 00:00:00"},
};

static bool is(const struct schedule_word *word, const char *text)
{
	size_t length = (size_t)(word->end - word->at);

	return strlen(text) == length && strncasecmp(word->at, text, length) == 0;
}

/* The number of words, MOST_WORDS + 1: more. */
static size_t cut(const char *text, struct schedule_word word[MOST_WORDS])
{
	size_t n = 0;

	for (;;) {
		text += strspn(text, " \t");
		if (*text == '\0')
			return n;
		if (n == MOST_WORDS)
			return n + 1;
		word[n].at = text;
		text += strcspn(text, " \t");
		word[n++].end = text;
	}
}

/* --- what stands behind: a zone, exact --- */

static bool is_zone(const struct schedule_word *word)
{
	if (!isalpha((unsigned char)*word->at) || schedule_is_weekday(word->at, word->end) ||
	    is(word, "exact") || is(word, "L") || is(word, "LW"))
		return false;
	return true;
}

static int read_zone(struct schedule_reader *reader, const struct schedule_word *word,
		     struct schedule *schedule)
{
	char name[SCHEDULE_TEXT + 1] = "";
	struct error why;
	int result;

	memcpy(name, word->at, (size_t)(word->end - word->at));
	result = zone_load(name, &schedule->pub.zone, &why);
	return result == 0 ? 0 : error_set(reader->err, result, "%s", why.text);
}

/* Takes them from the end. */
static int read_suffixes(struct schedule_reader *reader, const struct schedule_word *word,
			 size_t *n, bool *exact, struct schedule *schedule)
{
	int result = 0;

	while (*n > 1 && result == 0) {
		const struct schedule_word *last = &word[*n - 1];

		if (is(last, "exact") && !*exact)
			*exact = true;
		else if (*n != CRON_FIELDS && is_zone(last) && !schedule->pub.zone)
			result = read_zone(reader, last, schedule);
		else
			break;
		(*n)--;
	}
	return result;
}

/* --- the kinds of schedules --- */

static int read_interval(struct schedule_reader *reader, const struct schedule_word *word, size_t n,
			 struct schedule *schedule)
{
	static const char form[] = "write a duration such as every 30s, every 5m or every 1h30m";
	char text[SCHEDULE_TEXT + 1] = "";

	if (n < 2)
		return schedule_wrong(reader, word[0].end, "a duration is missing; %s", form);
	memcpy(text, word[1].at, (size_t)(word[1].end - word[1].at));
	if (units_parse_duration(text, &schedule->every_ms) != 0 || schedule->every_ms == 0)
		return schedule_wrong(reader, word[1].at, "is no interval; %s", form);
	if (n > 2)
		return schedule_wrong(reader, word[2].at, "is too much; %s", form);
	return 0;
}

/* As the first field of a cron expression is. */
static bool is_number(const struct schedule_word *word)
{
	for (const char *at = word->at; at < word->end; at++)
		if (!isdigit((unsigned char)*at) && !strchr("*/,", *at))
			return false;
	return true;
}

static int read_fields(struct schedule_reader *reader, const struct schedule_word *word, size_t n,
		       struct schedule *schedule)
{
	if (n == CRON_FIELDS || n == CRON_FIELDS_SECONDS)
		return schedule_read_cron(reader, word, n, schedule);
	if (n > CRON_FIELDS_SECONDS || (n > 2 && is_number(&word[0])))
		return error_set(
			reader->err, -EINVAL,
			"it has %zu fields; a cron expression has 5 (minute hour day month "
			"weekday), or 6 with seconds in front",
			n);
	return schedule_read_calendar(reader, word, n, schedule);
}

/* A word that stands for others is never wrong itself. */
static int read_word(struct schedule_reader *reader, const struct schedule_word *word, size_t n,
		     struct schedule *schedule)
{
	struct schedule_word part[MOST_WORDS];

	for (size_t i = 0; n == 1 && i < sizeof(words) / sizeof(words[0]); i++) {
		if (is(word, words[i].word)) {
			reader->text = words[i].means;
			return read_fields(reader, part, cut(words[i].means, part), schedule);
		}
	}
	if (is(word, "@reboot"))
		return schedule_wrong(reader, word->at,
				      "names no time; write when it is to happen, such as daily or "
				      "'every 5m'");
	if (*word->at == '@')
		return schedule_wrong(
			reader, word->at,
			"is not understood; write @hourly, @daily, @weekly, @monthly, "
			"@yearly, or 'every 5m'");
	if (strncmp(word->at, "TZ=", 3) == 0 || strncmp(word->at, "CRON_TZ=", 8) == 0)
		return schedule_wrong(
			reader, word->at,
			"is not understood; write the time zone as the last word, as in "
			"'30 8 * * 1-5 Europe/Berlin'");
	return read_fields(reader, word, n, schedule);
}

static void note_full_times(struct schedule *schedule)
{
	const uint64_t sixty = (UINT64_C(1) << 60) - 1;

	if (schedule->hours == (1 << 24) - 1 || schedule->minutes == sixty ||
	    schedule->seconds == sixty)
		schedule->by_clock = true;
}

static int read_schedule(struct schedule *schedule, struct error *err)
{
	struct schedule_reader reader = {.text = schedule->text, .err = err};
	struct schedule_word word[MOST_WORDS];
	size_t n = cut(schedule->text, word);
	bool exact = false;
	int result = 0;

	if (n == 0)
		return error_set(err, -EINVAL,
				 "it is empty; write when, such as daily, 'every 5m' or "
				 "'30 8 * * 1-5'");
	if (n > MOST_WORDS)
		return error_set(err, -EINVAL, "it has more words than a schedule can have");
	if (is(&word[0], "every") || is(&word[0], "@every"))
		return read_interval(&reader, word, n, schedule);
	result = read_suffixes(&reader, word, &n, &exact, schedule);
	if (result == 0)
		result = read_word(&reader, word, n, schedule);
	if (result < 0)
		return result;
	note_full_times(schedule);
	if (exact)
		schedule->by_clock = true;
	if (schedule_next(&schedule->pub, zone_utc(), -1) == INT64_MAX)
		return error_set(err, -EINVAL, "it never happens: there is no such day");
	return 0;
}

static bool is_printable(const char *text)
{
	for (; *text != '\0'; text++)
		if ((*text < ' ' && *text != '\t') || *text > '~')
			return false;
	return true;
}

int schedule_parse(const char *text, const struct tocsin_schedule **out, struct error *err)
{
	struct schedule *schedule;
	size_t length;
	int result;

	text += strspn(text, " \t");
	length = strlen(text);
	while (length > 0 && strchr(" \t", text[length - 1]))
		length--;
	if (length > SCHEDULE_TEXT)
		return error_set(err, -EINVAL, "it is longer than %d characters", SCHEDULE_TEXT);
	if (!is_printable(text))
		return error_set(err, -EINVAL, "it holds characters that no schedule has");
	schedule = calloc(1, sizeof(*schedule));
	if (schedule)
		schedule->pub.text = schedule->text = strndup(text, length);
	if (!schedule || !schedule->text) {
		free(schedule);
		return error_set(err, -ENOMEM, "memory is short");
	}
	result = read_schedule(schedule, err);
	if (result == 0)
		*out = &schedule->pub;
	else
		schedule_free(&schedule->pub);
	return result;
}

void schedule_free(const struct tocsin_schedule *pub)
{
	struct schedule *schedule = (struct schedule *)pub;

	if (!schedule)
		return;
	zone_free(schedule->pub.zone);
	free(schedule->text);
	free(schedule);
}
