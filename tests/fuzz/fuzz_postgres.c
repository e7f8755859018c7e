/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of somebody's table, of any content that PostgreSQL can hold: each becomes an alert that
 * the core accepts, because a row that is refused would stay pending for ever.
 *
 * libpq's connection is played here; results and their values are libpq's own. The input: a text
 * that chooses the columns, the names of the table's columns up to an empty text, then values,
 * row by row ("~" is NULL), and at the end the addresses that a query for recipients finds.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../plugins/sources/postgres/postgres.h"
#include "alert/alert.h"
#include "base/text.h"

#define ROWS 8
#define LONGEST_CUT 65536

static struct fuzz_input values;
static const struct table *described;
static char column_name[] = "c";
static PGresult *waiting; /* the answer to the statement just sent */

/* Text as a server sends it to a client of UTF-8: valid, and no longer than left() lets it be. */
static char *as_sent(char *text, size_t characters)
{
	struct buffer out = {0};
	size_t at = 0;

	text_add_valid(&out, text, strlen(text));
	free(text);
	while (at < out.length && characters > 0) {
		at++;
		while (at < out.length && ((unsigned char)out.data[at] & 0xc0) == 0x80)
			at++;
		characters--;
	}
	buffer_putc(&out, '\0');
	out.data[at] = '\0';
	return out.data;
}

static PGresult *answer(int columns, int rows, const size_t *cut)
{
	PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	PGresAttDesc *attribute = calloc((size_t)columns, sizeof(*attribute));

	assert(result && attribute);
	for (int i = 0; i < columns; i++)
		attribute[i].name = column_name;
	assert(PQsetResultAttrs(result, columns, attribute));
	free(attribute);
	for (int i = 0; i < rows * columns; i++) {
		char *text = fuzz_text(&values);
		bool null = !text || strcmp(text, "~") == 0;

		if (!text && i % columns == 0)
			break;
		if (text)
			text = as_sent(text, cut[i % columns]);
		assert(PQsetvalue(result, i / columns, i % columns, null ? NULL : text,
				  null ? -1 : (int)strlen(text)));
		free(text);
	}
	return result;
}

/* The limits that the select list sets: left(expression, N). */
static PGresult *page(void)
{
	size_t n = COLUMN_FIELDS + described->n_fields, cut[64], at = COLUMN_FIELDS;
	const char *left = described->columns;

	assert(n <= 64);
	cut[COLUMN_KEY] = cut[COLUMN_ORDER] = cut[COLUMN_STARTS] = 80;
	while ((left = strstr(left, ", left(")) && at < n) {
		const char *end = strstr(left + 1, ", left(");
		const char *number = end ? end : left + strlen(left);

		while (number > left && *number != ',')
			number--;
		if (end && number == end)
			while (number > left && *--number != ',')
				;
		cut[at++] = strtoul(number + 1, NULL, 10);
		left++;
	}
	assert(at == n);
	for (size_t i = COLUMN_FIELDS; i < n; i++)
		assert(cut[i] > 0 && cut[i] <= LONGEST_CUT);
	return answer((int)n, ROWS, cut);
}

int PQsendQueryParams(PGconn *db, const char *sql, int n, const Oid *types,
		      const char *const *parameter, const int *lengths, const int *formats,
		      int format)
{
	static const size_t cut[] = {1000};

	(void)db;
	(void)types;
	(void)lengths;
	(void)formats;
	assert(*sql && n >= 0 && format == 0 && (n == 0 || parameter));
	PQclear(waiting);
	if (strncmp(sql, "SELECT who", 10) == 0)
		waiting = answer(1, 300, cut);
	else if (strncmp(sql, "SELECT", 6) == 0 && described->columns)
		waiting = page();
	else
		waiting = PQmakeEmptyPGresult(NULL, PGRES_COMMAND_OK);
	return 1;
}

PGresult *PQgetResult(PGconn *db)
{
	PGresult *result = waiting;

	(void)db;
	waiting = NULL;
	return result;
}

int PQisBusy(PGconn *db)
{
	(void)db;
	return 0;
}

PGTransactionStatusType PQtransactionStatus(const PGconn *db)
{
	(void)db;
	return PQTRANS_IDLE;
}

ConnStatusType PQstatus(const PGconn *db)
{
	(void)db;
	return CONNECTION_OK;
}

char *PQescapeIdentifier(PGconn *db, const char *text, size_t length)
{
	char *quoted = malloc(2 * length + 3), *out = quoted;

	(void)db;
	assert(quoted);
	*out++ = '"';
	for (size_t i = 0; i < length && text[i]; i++) {
		if (text[i] == '"')
			*out++ = '"';
		*out++ = text[i];
	}
	*out++ = '"';
	*out = '\0';
	return quoted;
}

static void quiet(struct tocsin_self *self, enum tocsin_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void quiet(struct tocsin_self *self, enum tocsin_level level, const char *format, ...)
{
	(void)self;
	(void)level;
	(void)format;
}

/* A row of the catalog for each name. */
static PGresult *make_catalog(struct fuzz_input *input)
{
	PGresult *catalog = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	PGresAttDesc attribute[5] = {{.name = column_name},
				     {.name = column_name},
				     {.name = column_name},
				     {.name = column_name},
				     {.name = column_name}};
	char *name;

	assert(catalog && PQsetResultAttrs(catalog, 5, attribute));
	for (int row = 0; row < 20 && (name = fuzz_text(input)); row++) {
		char *rest[] = {"text", strstr(name, "[]") ? "A" : "S",
				strstr(name, "at") ? "t" : "f", "t"};

		if (!*name) {
			free(name);
			break;
		}
		name = as_sent(name, 63);
		assert(PQsetvalue(catalog, row, CATALOG_NAME, name, (int)strlen(name)));
		for (int i = 0; i < 4; i++)
			assert(PQsetvalue(catalog, row, i + 1, rest[i], 1));
		free(name);
	}
	return catalog;
}

/* What the core does with an emission. Its key may be too long for a mark, and its row may fill
 * an alert: nothing else may be wrong with it. */
static void check_emission(const struct tocsin_emission *emission)
{
	struct alert *alert = NULL;
	struct error err = {""};

	assert(emission->mark);
	if (alert_new(&emission->alert, "rows", INT64_C(1763476245123), NULL, &alert, &err) != 0) {
		fprintf(stderr, "refused: %s\n", err.text);
		abort();
	}
	alert_free(alert);
}

static void read_rows(struct postgres *p)
{
	struct page read;

	described = &p->table;
	if (page_read(p, SQL_DATED, &(struct position){.key = NULL}, &read) != 0)
		return;
	for (size_t i = 0; i < read.n; i++)
		check_emission(&read.emission[i]);
	page_done(&read);
}

static struct config choose(const char *choice)
{
	static const struct tocsin_pair label[] = {{"site", "a"}, {"severity", "b"}, {"env", "c"}},
					note[] = {{"summary", "d"}, {"description", "e"}};
	struct config config = {
		.table = "app.alerts",
		.key = "id",
		.order = "made_at",
		.pending = "true",
		.settle = "UPDATE t SET x = 1 WHERE id = $1",
		.severity = TOCSIN_WARNING,
		.batch = 5,
		.statement_timeout = 1000,
	};

	for (; *choice; choice++) {
		if (*choice == 'l')
			config.label_columns = (struct tocsin_map){label, 3};
		else if (*choice == 'a')
			config.annotation_columns = (struct tocsin_map){note, 2};
		else if (*choice == 's')
			config.severity_column = "s";
		else if (*choice == 'u')
			config.link_column = "u";
		else if (*choice == 'r')
			config.recipient_column = "r";
		else if (*choice == 'q')
			config.recipients = "SELECT who", config.recipients_by = "q";
		else if (*choice == 'd')
			config.settle = NULL;
	}
	return config;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct tocsin_host host = {.size = sizeof(host), .log = quiet};
	struct fuzz_input input = {data, size};
	char *choice = fuzz_text(&input);
	struct config config;
	struct postgres p = {
		.host = &host, .config = &config, .db = {.connection = (PGconn *)&values}};
	PGresult *catalog;

	if (!choice)
		return 0;
	config = choose(choice);
	catalog = make_catalog(&input);
	values = input;
	described = &p.table;
	p.table.sql.key = strdup("\"id\"");
	p.table.sql.name = strdup("\"app\".\"alerts\"");
	p.table.sql.pending = strdup("true");
	if (columns_map(&p, catalog) == 0)
		read_rows(&p);
	else
		assert(*p.db.why);
	PQclear(catalog);
	PQclear(waiting);
	waiting = NULL;
	table_close(&p.table);
	free(choice);
	return 0;
}
