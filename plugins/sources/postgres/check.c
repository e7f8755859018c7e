/* SPDX-License-Identifier: Apache-2.0 */
/* What can be said of the options without a server. */
#include "postgres.h"

#include <stdio.h>
#include <string.h>

#define MOST_COLUMNS 60 /* an alert takes 64 labels and 64 annotations, some of them not ours */

static const char *check_names(const struct config *config, char *why, size_t size)
{
	const struct {
		const char *option, *name;
	} all[] = {
		{"key", config->key},
		{"order", config->order},
		{"recipients_by", config->recipients_by},
		{"recipient_column", config->recipient_column},
		{"severity_column", config->severity_column},
		{"link_column", config->link_column},
		{"listen", config->listen},
	};

	if (!sql_is_table_name(config->table)) {
		snprintf(why, size,
			 "'table' must be a plain name like alerts or app.alerts (letters, "
			 "digits, _ and $; 63 at most), not '%s'",
			 config->table);
		return why;
	}
	if (!*config->key)
		return "'key' must name a column";
	for (size_t i = 0; i < TOCSIN_COUNT(all); i++) {
		if (!all[i].name || !*all[i].name || sql_is_name(all[i].name))
			continue;
		snprintf(why, size,
			 "'%s' must be a plain name (letters, digits, _ and $; 63 at "
			 "most), not '%s'",
			 all[i].option, all[i].name);
		return why;
	}
	return NULL;
}

static const char *check_map(const char *option, const struct tocsin_map *map, char *why,
			     size_t size)
{
	if (map->n > MOST_COLUMNS) {
		snprintf(why, size, "'%s' names %zu columns; %d is the most", option, map->n,
			 MOST_COLUMNS);
		return why;
	}
	for (size_t i = 0; i < map->n; i++) {
		const char *column = map->pair[i].value;

		if (sql_is_name(column))
			continue;
		snprintf(why, size, "'%s': %s must be the plain name of a column, not '%s'", option,
			 map->pair[i].name, column);
		return why;
	}
	return NULL;
}

static bool given(const char *text)
{
	return text && *text;
}

static const char *check_statements(const struct config *config)
{
	if (!given(config->pending))
		return "'pending' must be a condition; true takes every row";
	if (given(config->settle) && !strstr(config->settle, "$1"))
		return "'settle' must say $1 where the key of the row belongs";
	if (!given(config->settle) && !strstr(config->pending, "email_sent"))
		return "'pending' is set without 'settle': write the statement after which it is "
		       "no longer true";
	if (given(config->recipients) && given(config->recipient_column))
		return "'recipients' and 'recipient_column' exclude each other";
	if (given(config->recipients) && !given(config->recipients_by))
		return "'recipients' needs 'recipients_by', the column whose value is $1";
	if (given(config->recipients) && !strstr(config->recipients, "$1"))
		return "'recipients' must say $1 where the value of 'recipients_by' belongs";
	if (!given(config->recipients) && given(config->recipients_by))
		return "'recipients_by' needs 'recipients', the query that it is for";
	return NULL;
}

const char *check_options(const void *data, char *why, size_t why_size)
{
	const struct config *config = data;
	const char *wrong = config->queue.table ? queue_check(&config->queue, why, why_size)
						: check_names(config, why, why_size);

	if (!wrong)
		wrong = check_map("label_columns", &config->label_columns, why, why_size);
	if (!wrong)
		wrong = check_map("annotation_columns", &config->annotation_columns, why, why_size);
	if (!wrong && !config->queue.table)
		wrong = check_statements(config);
	return wrong ? wrong : database_check(config->connection);
}
