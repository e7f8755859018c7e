/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, times and sentences for people. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../common/draft.h"
#include "../../common/text.h"
#include "threshold.h"

#define TABLE_ROWS 10
#define TABLE_COLUMNS 8
#define CELL 40 /* characters */

const char *words_level(enum level level)
{
	static const char *const name[] = {"unknown", "ok",      "no_data",
					   "error",   "warning", "critical"};

	return name[level];
}

void words_number(const char *text, int64_t decimals, char out[VALUE_SIZE])
{
	double value;
	char *end;

	if (text[strspn(text, "-0123456789")] == '\0' && strlen(text) < VALUE_SIZE) {
		snprintf(out, VALUE_SIZE, "%s", text);
		return;
	}
	value = strtod(text, NULL);
	if (!isfinite(value) || fabs(value) >= 1e15) {
		snprintf(out, VALUE_SIZE, "%.15g", value);
		return;
	}
	snprintf(out, VALUE_SIZE, "%.*f", (int)decimals, value);
	if (!strchr(out, '.'))
		return;
	end = out + strlen(out);
	while (end[-1] == '0')
		end--;
	if (end[-1] == '.')
		end--;
	*end = '\0';
	if (strcmp(out, "-0") == 0)
		snprintf(out, VALUE_SIZE, "0");
}

static int put_amount(char *out, size_t size, long long n, const char *unit)
{
	return snprintf(out, size, "%lld %s%s", n, unit, n == 1 ? "" : "s");
}

void words_duration(int64_t ms, char *out, size_t size)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} unit[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
	int64_t seconds = ms / 1000;
	size_t i = 0;
	int used;

	if (seconds < 1) {
		snprintf(out, size, "less than a second");
		return;
	}
	while (seconds < unit[i].seconds)
		i++;
	used = put_amount(out, size, (long long)(seconds / unit[i].seconds), unit[i].name);
	seconds %= unit[i].seconds;
	/* The next smaller unit, but nobody wants seconds beside hours. */
	if (i < 2 && seconds / unit[i + 1].seconds > 0) {
		used += snprintf(out + used, size - (size_t)used, " and ");
		put_amount(out + used, size - (size_t)used,
			   (long long)(seconds / unit[i + 1].seconds), unit[i + 1].name);
	}
}

void words_time(int64_t wall_ms, char *out, size_t size)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;
	size_t used = 0;

	if (gmtime_r(&seconds, &tm))
		used = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &tm);
	if (used)
		snprintf(out + used, size - used, ".%03dZ", (int)(wall_ms % 1000));
	else
		snprintf(out, size, "unknown");
}

static bool is_currency(const char *unit)
{
	return strcmp(unit, "$") == 0 || strcmp(unit, "€") == 0 || strcmp(unit, "£") == 0;
}

char *words_value(const struct check_config *config, const char *text)
{
	const char *unit = config->unit ? config->unit : "";
	struct draft draft;

	if (!draft_begin(&draft))
		return NULL;
	if (*unit && is_currency(unit))
		fprintf(draft.out, "%s%s", unit, text);
	else
		fprintf(draft.out, "%s%s%s", text, *unit ? " " : "", unit);
	return draft_end(&draft, NULL);
}

char *words_threshold(const struct check_config *config)
{
	const char *unit = config->unit && !is_currency(config->unit) ? config->unit : "";
	const char *both[] = {config->critical, config->warning};
	const char *name[] = {"critical", "warning"};
	const char *between = "";
	struct draft draft;

	if (!draft_begin(&draft))
		return NULL;
	for (int i = 0; i < 2; i++) {
		if (!both[i] || !*both[i])
			continue;
		fprintf(draft.out, "%s%s: %s%s%s", between, name[i], both[i], *unit ? " " : "",
			unit);
		between = ", ";
	}
	return draft_end(&draft, NULL);
}

static void put_rows(FILE *out, const struct check *check, const struct row *worst)
{
	size_t bad = 0, rows = 0;

	for (size_t i = 0; i < check->n; i++) {
		rows += *check->row[i]->key != '\0';
		bad += *check->row[i]->key && check->row[i]->track.level > LEVEL_OK;
	}
	if (check->by_row && !(worst && !*worst->key && worst->track.level > LEVEL_OK))
		fprintf(out, ": %zu of %zu rows", bad, rows);
}

char *words_line(const struct check *check)
{
	const struct row *worst = check_worst(check);
	enum level level = check_level(check);
	char *value = NULL, *threshold = words_threshold(check->config);
	struct draft draft;

	if (worst && worst->figure.known)
		value = words_value(check->config, worst->figure.text);
	if (!threshold || (worst && worst->figure.known && !value) || !draft_begin(&draft)) {
		free(value);
		free(threshold);
		return NULL;
	}
	fprintf(draft.out, "%s is %s", check->config->name,
		check->paused            ? "paused"
		: level == LEVEL_NO_DATA ? "without data"
		: level == LEVEL_ERROR   ? "failing"
					 : words_level(level));
	put_rows(draft.out, check, worst);
	if (*check->reason)
		fprintf(draft.out, ": %s", check->reason);
	else if (value)
		fprintf(draft.out, "%s%s (%s)", check->by_row ? ", " : ": ", value, threshold);
	free(value);
	free(threshold);
	return draft_end(&draft, NULL);
}

/* --- tables --- */

static size_t characters(const char *text)
{
	size_t n = 0;

	while (text_next(&text) != 0)
		n++;
	return n < CELL ? n : CELL;
}

/* One cell, cut, and filled up with blanks unless it is the last. */
static void put_cell(FILE *out, const char *text, size_t width, bool last)
{
	size_t n = 0;
	uint32_t point;

	for (; n < CELL && (point = text_next(&text)) != 0; n++)
		text_put(out, text_is_control(point) ? ' ' : point);
	for (; !last && n < width + 2; n++)
		fputc(' ', out);
}

static void put_row(FILE *out, const PGresult *rows, int row, const size_t *width, int columns)
{
	for (int i = 0; i < columns; i++)
		put_cell(out, row < 0 ? PQfname(rows, i) : PQgetvalue(rows, row, i), width[i],
			 i == columns - 1);
	fputc('\n', out);
}

char *words_table(const PGresult *rows, bool more, int only)
{
	int columns = PQnfields(rows) < TABLE_COLUMNS ? PQnfields(rows) : TABLE_COLUMNS;
	int first = only < 0 ? 0 : only;
	int end = only < 0 ? PQntuples(rows) : only + 1;
	size_t width[TABLE_COLUMNS];
	struct draft draft;

	if (!draft_begin(&draft))
		return NULL;
	if (end - first > TABLE_ROWS)
		end = first + TABLE_ROWS;
	for (int i = 0; i < columns; i++) {
		width[i] = characters(PQfname(rows, i));
		for (int row = first; row < end; row++) {
			size_t n = characters(PQgetvalue(rows, row, i));

			width[i] = n > width[i] ? n : width[i];
		}
	}
	put_row(draft.out, rows, -1, width, columns);
	for (int row = first; row < end; row++)
		put_row(draft.out, rows, row, width, columns);
	if (only < 0 && PQntuples(rows) > end)
		fprintf(draft.out, "and %d%s more\n", PQntuples(rows) - end, more ? " or" : "");
	return draft_end(&draft, NULL);
}

/* --- words in braces --- */

/* Where a text begins with a known name in braces: its value, and where the text goes on. */
static const char *in_braces(const char **text, const struct tocsin_pair *value, size_t n,
			     const PGresult *rows, int row)
{
	const char *name = *text + 1, *end = strchr(name, '}');
	size_t length = end ? (size_t)(end - name) : 0;
	const char *found = NULL;

	if (**text != '{' || !end)
		return NULL;
	for (int i = 0; rows && row >= 0 && i < PQnfields(rows); i++)
		if (strlen(PQfname(rows, i)) == length &&
		    memcmp(PQfname(rows, i), name, length) == 0)
			found = PQgetvalue(rows, row, i);
	/* Our own words go before columns of the same name. */
	for (size_t i = 0; i < n; i++)
		if (strlen(value[i].name) == length && memcmp(value[i].name, name, length) == 0)
			found = value[i].value;
	if (found)
		*text = end + 1;
	return found;
}

char *words_fill(const char *text, const struct tocsin_pair *value, size_t n, const PGresult *rows,
		 int row)
{
	struct draft draft;

	if (!draft_begin(&draft))
		return NULL;
	while (*text) {
		const char *found = in_braces(&text, value, n, rows, row);

		if (found)
			fputs(found, draft.out);
		else
			fputc(*text++, draft.out);
	}
	return draft_end(&draft, NULL);
}
