/* SPDX-License-Identifier: Apache-2.0 */
/* Rows become emissions that point into the result they came in. */
#include "postgres.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MORE_PAIRS 3                           /* of each row, beside its fields */
#define YEAR_10000_MS INT64_C(253402300800000) /* later times are not taken */

void page_done(struct page *page)
{
	for (size_t i = 0; i < page->n_addresses; i++)
		recipients_done(&page->addresses[i]);
	free(page->addresses);
	free(page->pair);
	free(page->emission);
	PQclear(page->rows);
	memset(page, 0, sizeof(*page));
}

/* NULL for NULL and for the empty text, which says as little. */
static const char *text(const struct page *page, size_t row, size_t column)
{
	const char *value = PQgetvalue(page->rows, (int)row, (int)column);

	return *value ? value : NULL;
}

static struct addresses *new_addresses(struct page *page)
{
	return &page->addresses[page->n_addresses++];
}

/* A value at which the query fails says nothing of the others, but has ended the transaction. */
static int ask_recipients(struct postgres *p, const char *value, struct addresses *addresses)
{
	int rc = recipients_find(p, value, addresses);

	if (rc != -EDOM)
		return rc;
	addresses->refused = true;
	database_rollback(&p->db);
	return database_command(&p->db, "BEGIN READ ONLY");
}

/* Each value is looked up once a page: a thousand alerts of one site are one query. -EDOM: the query
 * fails at this value. */
static int look_up(struct postgres *p, struct page *page, const char *value,
		   struct tocsin_strings *recipients)
{
	struct addresses *addresses = NULL;
	int rc;

	for (size_t i = page->n_addresses; i-- > 0 && !addresses;)
		if (page->addresses[i].value && strcmp(page->addresses[i].value, value) == 0)
			addresses = &page->addresses[i];
	if (!addresses) {
		addresses = new_addresses(page);
		rc = ask_recipients(p, value, addresses);
		if (rc)
			return rc;
	}
	if (addresses->refused)
		return -EDOM;
	*recipients = (struct tocsin_strings){addresses->item, addresses->n};
	return 0;
}

static int split(struct postgres *p, struct page *page, const char *value,
		 struct tocsin_strings *recipients)
{
	struct addresses *addresses = new_addresses(page);

	if (recipients_split(value, addresses))
		return database_error(&p->db, -ENOMEM, "out of memory");
	*recipients = (struct tocsin_strings){addresses->item, addresses->n};
	return 0;
}

static const char *alertname(const struct config *config)
{
	const char *dot = strchr(config->table, '.');

	if (config->alertname && *config->alertname)
		return config->alertname;
	return dot ? dot + 1 : config->table;
}

static bool has_label(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->label_columns.n; i++)
		if (strcmp(config->label_columns.pair[i].name, name) == 0)
			return true;
	return false;
}

static bool is_severity(const char *word)
{
	static const char *const name[] = {"debug", "info",     "notice",   "warning",
					   "error", "critical", "emergency"};

	for (size_t i = 0; i < TOCSIN_COUNT(name); i++)
		if (strcasecmp(word, name[i]) == 0)
			return true;
	return false;
}

/* The core refuses an alert with an impossible link, and no row must stay unsent for that. */
static bool is_link(const char *text)
{
	if (strncasecmp(text, "http://", 7) != 0 && strncasecmp(text, "https://", 8) != 0)
		return false;
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || *text == 0x7f)
			return false;
	return true;
}

static size_t pairs_of(const struct page *page, const struct table *table, enum role role,
		       size_t row, struct tocsin_pair *pair)
{
	size_t n = 0;

	for (size_t i = 0; i < table->n_fields; i++) {
		const char *value = text(page, row, COLUMN_FIELDS + i);

		if (table->field[i].role == role && value)
			pair[n++] = (struct tocsin_pair){table->field[i].name, value};
	}
	return n;
}

static int map_field(struct postgres *p, struct page *page, enum role role, const char *value,
		     struct tocsin_alert *alert)
{
	switch (role) {
	case ROLE_SEVERITY:
		if (is_severity(value))
			alert->severity_name = value;
		return 0;
	case ROLE_LINK:
		alert->link = is_link(value) ? value : NULL;
		return 0;
	case ROLE_RECIPIENT:
		return split(p, page, value, &alert->recipients);
	case ROLE_RECIPIENTS_BY:
		return look_up(p, page, value, &alert->recipients);
	case ROLE_LABEL:
	case ROLE_ANNOTATION:
		break; /* in pairs_of */
	}
	return 0;
}

static void map_pairs(struct postgres *p, struct page *page, size_t row, struct tocsin_alert *alert)
{
	const struct table *table = &p->table;
	struct tocsin_pair *pair = page->pair + row * (table->n_fields + MORE_PAIRS), severity;
	size_t labels = 0, annotations;

	if (!has_label(p->config, "alertname"))
		pair[labels++] = (struct tocsin_pair){"alertname", alertname(p->config)};
	/* Another word may be an alias, which the core reads from this label; one that is not
	 * stays a label, where it would be an error as the alert's severity. */
	if (pairs_of(page, table, ROLE_SEVERITY, row, &severity) && !is_severity(severity.value) &&
	    !has_label(p->config, "severity"))
		pair[labels++] = (struct tocsin_pair){"severity", severity.value};
	if (p->config->queue.table && !has_label(p->config, "job"))
		pair[labels++] =
			(struct tocsin_pair){"job", PQgetvalue(page->rows, (int)row, COLUMN_KEY)};
	labels += pairs_of(page, table, ROLE_LABEL, row, pair + labels);
	annotations = pairs_of(page, table, ROLE_ANNOTATION, row, pair + labels);
	alert->labels = (struct tocsin_map){pair, labels};
	alert->annotations = (struct tocsin_map){pair + labels, annotations};
}

static int map_row(struct postgres *p, struct page *page, size_t row,
		   struct tocsin_emission *emission)
{
	struct tocsin_alert *alert = &emission->alert;
	const struct table *table = &p->table;
	const char *starts = text(page, row, COLUMN_STARTS);
	int64_t starts_ms = starts ? strtoll(starts, NULL, 10) : 0;
	int rc = 0;

	*emission = (struct tocsin_emission){.mark = PQgetvalue(page->rows, (int)row, COLUMN_KEY)};
	alert->size = sizeof(*alert);
	alert->status = TOCSIN_EVENT;
	alert->severity = (enum tocsin_severity)p->config->severity;
	alert->starts_at_ms = starts_ms > 0 && starts_ms < YEAR_10000_MS ? starts_ms : 0;
	map_pairs(p, page, row, alert);
	for (size_t i = 0; !rc && i < table->n_fields; i++) {
		const char *value = text(page, row, COLUMN_FIELDS + i);

		if (value)
			rc = map_field(p, page, table->field[i].role, value, alert);
	}
	return rc;
}

static void refuse(struct postgres *p, struct page *page, size_t row)
{
	if (page->n_refused++ > 0)
		return;
	page->refused = PQgetvalue(page->rows, (int)row, COLUMN_KEY);
	snprintf(page->why, sizeof(page->why), "%s", p->db.why);
}

int page_map(struct postgres *p, struct page *page)
{
	size_t n = (size_t)PQntuples(page->rows);
	int rc = 0;

	page->emission = calloc(n + 1, sizeof(*page->emission));
	page->pair = calloc((n + 1) * (p->table.n_fields + MORE_PAIRS), sizeof(*page->pair));
	page->addresses = calloc(n + 1, sizeof(*page->addresses));
	if (!page->emission || !page->pair || !page->addresses)
		return database_error(&p->db, -ENOMEM, "out of memory");
	for (size_t row = 0; !rc && row < n; row++) {
		rc = map_row(p, page, row, &page->emission[page->n]);
		if (!rc) {
			page->n++;
		} else if (rc == -EDOM) {
			refuse(p, page, row);
			rc = 0;
		}
	}
	return rc;
}

int page_read(struct postgres *p, enum sql_phase phase, const struct position *after,
	      struct page *page)
{
	bool by_both = phase == SQL_DATED && p->table.sql.order;
	const char *value[] = {by_both ? after->order : after->key, after->key};
	char *sql = sql_page(&p->table.sql, p->table.columns, phase, after->key != NULL,
			     p->config->batch);
	int rc = database_command(&p->db, "BEGIN READ ONLY");

	memset(page, 0, sizeof(*page));
	if (!rc)
		rc = database_query(&p->db, "pending", sql,
				    !after->key ? 0
				    : by_both   ? 2
						: 1,
				    value, &page->rows);
	free(sql);
	if (!rc)
		rc = page_map(p, page);
	/* Ended before anything is handed in: waiting there must not hold back VACUUM. */
	if (!rc)
		rc = database_command(&p->db, "COMMIT");
	database_rollback(&p->db);
	if (rc)
		page_done(page);
	return rc;
}
