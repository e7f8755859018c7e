/* SPDX-License-Identifier: Apache-2.0 */
/* What a query has found: which column is the figure, which ones tell rows apart. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "threshold.h"

#define MOST_LABELS 40
#define MOST_COLUMNS 200
#define LONGEST_LABEL 1000

/* Types by the number that every PostgreSQL has for them. */
static bool is_among(Oid type, const Oid *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == type)
			return true;
	return false;
}

static bool is_number(Oid type)
{
	/* int8, int2, int4, float4, float8, numeric */
	static const Oid list[] = {20, 21, 23, 700, 701, 1700};

	return is_among(type, list, TOCSIN_COUNT(list));
}

static bool is_text(Oid type)
{
	/* "char", name, text, bpchar, varchar, uuid; and unknown, as of a literal in old servers */
	static const Oid list[] = {18, 19, 25, 1042, 1043, 2950, 705};

	return is_among(type, list, TOCSIN_COUNT(list));
}

static int fail(struct findings *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int fail(struct findings *f, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(f->error, sizeof(f->error), format, args);
	va_end(args);
	return -EINVAL;
}

/* PQfnumber would fold upper case to lower. */
static int column_of(const PGresult *rows, const char *name)
{
	for (int i = 0; i < PQnfields(rows); i++)
		if (strcmp(PQfname(rows, i), name) == 0)
			return i;
	return -1;
}

static int find_value(const struct check_config *config, struct findings *f, int *column)
{
	const char *wanted = config->value_column;
	int numbers = 0;

	*column = column_of(f->rows, wanted && *wanted ? wanted : "value");
	if (*column >= 0)
		return 0;
	if (wanted && *wanted)
		return fail(f,
			    "option 'value_column': the query has no column %s; name one that "
			    "it has",
			    wanted);
	for (int i = 0; i < PQnfields(f->rows); i++) {
		if (!is_number(PQftype(f->rows, i)))
			continue;
		*column = i;
		numbers++;
	}
	if (numbers == 1)
		return 0;
	return fail(f,
		    "the query has %d columns with numbers; call the one to measure value (SELECT "
		    "... AS value), or name it in 'value_column'",
		    numbers);
}

static int find_labels(const struct check_config *config, struct findings *f, int value,
		       int column[MOST_LABELS], size_t *n)
{
	const struct tocsin_strings *wanted = &config->label_columns;

	*n = 0;
	for (size_t i = 0; i < wanted->n; i++) {
		column[*n] = column_of(f->rows, wanted->item[i]);
		if (column[*n] < 0)
			return fail(f,
				    "option 'label_columns': the query has no column %s; name "
				    "ones that it has",
				    wanted->item[i]);
		(*n)++;
	}
	for (int i = 0; wanted->n == 0 && i < PQnfields(f->rows) && *n < MOST_LABELS; i++)
		if (i != value && is_text(PQftype(f->rows, i)))
			column[(*n)++] = i;
	return 0;
}

/* The figure of one row. */
static int read_value(const struct check_config *config, struct findings *f, int column,
		      struct found *found)
{
	const char *text = PQgetvalue(f->rows, found->row, column);
	char *end;

	if (PQgetisnull(f->rows, found->row, column)) {
		found->finding = FOUND_NULL;
		return 0;
	}
	found->value = strtod(text, &end);
	if (PQftype(f->rows, column) == 16) { /* bool */
		found->value = *text == 't';
		text = *text == 't' ? "1" : "0";
	} else if (end == text || *end) {
		return fail(f,
			    "column %s says '%.60s', which is no number; cast it to one, for "
			    "instance extract(epoch FROM ...) of a time",
			    PQfname(f->rows, column), text);
	}
	found->finding = isnan(found->value) ? FOUND_NULL : FOUND_VALUE;
	words_number(text, config->decimals, found->text);
	return 0;
}

/* A label's value, cut where it is too long. Empty and NULL say nothing and are left out. */
static void read_labels(struct findings *f, const int *column, size_t n, struct found *found)
{
	found->label = f->pairs + (size_t)found->row * n;
	for (size_t i = 0; i < n; i++) {
		char *value = PQgetvalue(f->rows, found->row, column[i]);

		if (strlen(value) > LONGEST_LABEL) {
			size_t end = LONGEST_LABEL;

			while (((unsigned char)value[end] & 0xc0) == 0x80)
				end--;
			value[end] = '\0';
		}
		if (*value)
			found->label[found->n_labels++] =
				(struct tocsin_pair){PQfname(f->rows, column[i]), value};
	}
}

static bool same_labels(const struct found *a, const struct found *b)
{
	if (a->n_labels != b->n_labels)
		return false;
	for (size_t i = 0; i < a->n_labels; i++)
		if (strcmp(a->label[i].name, b->label[i].name) != 0 ||
		    strcmp(a->label[i].value, b->label[i].value) != 0)
			return false;
	return true;
}

static int compare(const void *a, const void *b)
{
	const struct found *x = *(const struct found *const *)a;
	const struct found *y = *(const struct found *const *)b;
	size_t n = x->n_labels < y->n_labels ? x->n_labels : y->n_labels;

	for (size_t i = 0; i < n; i++) {
		int order = strcmp(x->label[i].name, y->label[i].name);

		if (!order)
			order = strcmp(x->label[i].value, y->label[i].value);
		if (order)
			return order;
	}
	return x->n_labels < y->n_labels ? -1 : x->n_labels > y->n_labels;
}

/* Rows that cannot be told apart would overwrite each other's state. */
static int refuse_twins(struct findings *f)
{
	const struct found **sorted = calloc(f->n + 1, sizeof(const struct found *));
	const struct found *twin = NULL;

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < f->n; i++)
		sorted[i] = &f->found[i];
	qsort(sorted, f->n, sizeof(const struct found *), compare);
	for (size_t i = 1; i < f->n && !twin; i++)
		if (same_labels(sorted[i - 1], sorted[i]))
			twin = sorted[i];
	free(sorted);
	if (!twin)
		return 0;
	if (!f->by_row)
		return fail(f,
			    "the query gives %zu rows and no column with text to tell them apart; "
			    "give one row, or name columns in 'label_columns'",
			    f->n);
	return fail(f,
		    "two rows have the same labels (%.40s=%.60s ...); name more columns in "
		    "'label_columns', or GROUP BY them",
		    twin->n_labels ? twin->label[0].name : "",
		    twin->n_labels ? twin->label[0].value : "");
}

static int count_rows(struct findings *f)
{
	int64_t n = PQntuples(f->rows) + f->more;

	f->found[0] = (struct found){.finding = FOUND_VALUE, .value = (double)n, .row = -1};
	snprintf(f->found[0].text, sizeof(f->found[0].text), "%lld", (long long)n);
	f->n = 1;
	return 0;
}

static int measure_rows(const struct check_config *config, struct findings *f)
{
	int value, label[MOST_LABELS];
	size_t n;
	int rc = find_value(config, f, &value);

	if (!rc && f->more)
		rc = fail(f,
			  "the query gives more than %lld rows; let it give fewer, or raise "
			  "'max_rows'",
			  (long long)config->max_rows);
	if (!rc)
		rc = find_labels(config, f, value, label, &n);
	if (rc)
		return rc;
	f->by_row = n > 0;
	f->pairs = calloc((size_t)PQntuples(f->rows) * n + 1, sizeof(*f->pairs));
	if (!f->pairs)
		return -ENOMEM;
	for (int row = 0; !rc && row < PQntuples(f->rows); row++) {
		struct found *found = &f->found[f->n++];

		*found = (struct found){.row = row};
		read_labels(f, label, n, found);
		rc = read_value(config, f, value, found);
	}
	return rc ? rc : refuse_twins(f);
}

int findings_fail(const char *error, struct findings *f)
{
	PGresult *rows = f->rows;
	bool more = f->more;

	free(f->pairs);
	free(f->found);
	if (error != f->error)
		snprintf(f->error, sizeof(f->error), "%s", error);
	f->pairs = NULL;
	f->rows = rows;
	f->more = more;
	f->by_row = false;
	f->n = 0;
	f->found = calloc(1, sizeof(*f->found));
	if (!f->found)
		return -ENOMEM;
	f->found[0] = (struct found){.finding = FOUND_ERROR, .row = -1};
	f->n = 1;
	return 0;
}

int findings_read(const struct check_config *config, PGresult *rows, bool more, struct findings *f)
{
	int rc;

	*f = (struct findings){.rows = rows, .more = more};
	f->found = calloc((size_t)PQntuples(rows) + 2, sizeof(*f->found));
	if (!f->found)
		return -ENOMEM;
	if (PQnfields(rows) > MOST_COLUMNS)
		rc = fail(f, "the query has %d columns; %d is the most", PQnfields(rows),
			  MOST_COLUMNS);
	else
		rc = config->mode == MODE_ROWS ? count_rows(f) : measure_rows(config, f);
	if (rc == -EINVAL)
		return findings_fail(f->error, f);
	if (!rc && f->n == 0)
		f->found[f->n++] = (struct found){.finding = FOUND_NOTHING, .row = -1};
	return rc;
}

void findings_done(struct findings *f)
{
	free(f->pairs);
	free(f->found);
	PQclear(f->rows);
	*f = (struct findings){0};
}
