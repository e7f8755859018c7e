/* SPDX-License-Identifier: Apache-2.0 */
/* The section `queue`, and what it must be for itself. */
#include <stdio.h>
#include <string.h>

#include "postgres.h"

#define MINUTE 60000
#define DAY (24 * 60 * MINUTE)

static const struct tocsin_option column_options[] = {
	TOCSIN_OPTION(STRING, struct queue_columns, status, .preset = "status",
		      .help = "What is to be done with the row, see `values`."),
	TOCSIN_OPTION(STRING, struct queue_columns, scheduled_at, .preset = "scheduled_at",
		      .help = "Not before that time; the oldest is claimed first. Set anew before "
			      "each further attempt."),
	TOCSIN_OPTION(STRING, struct queue_columns, attempts, .preset = "attempts",
		      .help = "How often it was claimed."),
	TOCSIN_OPTION(
		STRING, struct queue_columns, token, .preset = "claim_token",
		.help = "A fresh uuid with each claim (type uuid or text): only who has it may "
			"write the end."),
	TOCSIN_OPTION(STRING, struct queue_columns, lease_until, .preset = "lease_until",
		      .help = "Until when the claim holds unless it is renewed."),
	TOCSIN_OPTION(
		STRING, struct queue_columns, owner,
		.help = "Who has claimed it. Default: claimed_by, when there is such a column; "
			"so it is with all that follow. Empty: it is not written."),
	TOCSIN_OPTION(
		STRING, struct queue_columns, max_attempts,
		.help = "How many attempts the row may have; NULL: `retry.attempts`. Default: "
			"max_attempts."),
	TOCSIN_OPTION(STRING, struct queue_columns, started_at,
		      .help = "When the last attempt began. Default: started_at."),
	TOCSIN_OPTION(STRING, struct queue_columns, completed_at,
		      .help = "When it was completed, or failed for good. Default: completed_at."),
	TOCSIN_OPTION(STRING, struct queue_columns, duration_ms,
		      .help = "Of the last attempt, in milliseconds. Default: duration_ms."),
	TOCSIN_OPTION(STRING, struct queue_columns, last_error,
		      .help = "Why the last attempt failed. Default: last_error."),
	TOCSIN_OPTION(STRING, struct queue_columns, output,
		      .help = "What the program wrote, at most 4 KiB of it. Default: output."),
};

static const struct tocsin_option value_options[] = {
	TOCSIN_OPTION(STRING, struct queue_values, pending, .preset = "pending",
		      .help = "To be done."),
	TOCSIN_OPTION(STRING, struct queue_values, processing, .preset = "processing",
		      .help = "Claimed."),
	TOCSIN_OPTION(STRING, struct queue_values, completed, .preset = "completed",
		      .help = "Done."),
	TOCSIN_OPTION(STRING, struct queue_values, failed, .preset = "failed",
		      .help = "Given up after the last attempt."),
};

static const struct tocsin_option retry_options[] = {
	TOCSIN_OPTION(INT, struct queue_retry, attempts, .preset = "5", .min = 1, .max = 1000,
		      .help = "How often a row is tried, claims of workers that died included."),
	TOCSIN_OPTION(DURATION, struct queue_retry, first, .preset = "30s", .min = 1, .max = DAY,
		      .help = "Pause before the second attempt; it doubles each time and is spread "
			      "over 80 to 120 %."),
	TOCSIN_OPTION(DURATION, struct queue_retry, max, .preset = "1h", .min = 1,
		      .max = INT64_C(30) * DAY, .help = "The longest pause between two attempts."),
};

const struct tocsin_option queue_options[QUEUE_OPTIONS] = {
	TOCSIN_OPTION(
		STRING, struct queue_config, table, .example = "jobs",
		.help = "The table of jobs. Naming it makes the source a worker of that queue: "
			"then this section stands in place of the options table, key, order, "
			"pending, settle, on_dead, listen, poll, batch and lock."),
	TOCSIN_OPTION(STRING, struct queue_config, key, .preset = "id",
		      .help = "Column that identifies a row; unique."),
	TOCSIN_OPTION_SECTION(struct queue_config, columns, column_options,
			      .help = "What the columns are called."),
	TOCSIN_OPTION_SECTION(struct queue_config, values, value_options,
			      .help = "The values of the column status."),
	TOCSIN_OPTION(QUERY, struct queue_config, condition,
		      .example = "kind IN ('mail', 'import')",
		      .help = "A further SQL condition for rows of this worker."),
	TOCSIN_OPTION(INT, struct queue_config, batch, .preset = "20", .min = 1, .max = 5000,
		      .help = "Rows claimed at once."),
	TOCSIN_OPTION(
		INT, struct queue_config, prefetch, .preset = "0", .min = 0, .max = 100000,
		.help = "Rows that this worker holds at most, at work or waiting for it. 0: as "
			"`batch`."),
	TOCSIN_OPTION(INT, struct queue_config, max_running, .preset = "10", .min = 0,
		      .max = 1000000,
		      .help = "Rows claimed at most at any time, by all workers of the table "
			      "together. 0: any number."),
	TOCSIN_OPTION(
		STRING, struct queue_config, per_key, .example = "user_id",
		.help = "Column whose values have a limit of their own. Default: user_id, when "
			"there is such a column. Empty: none."),
	TOCSIN_OPTION(
		INT, struct queue_config, max_per_key, .preset = "2", .min = 0, .max = 1000000,
		.help = "Rows claimed at most at any time for one value of `per_key`, by all "
			"workers together; rows where it is NULL have no limit. 0: any number."),
	TOCSIN_OPTION(
		DURATION, struct queue_config, lease, .preset = "12s", .min = 100, .max = DAY,
		.help = "A worker that gave no sign of life for so long has lost its rows. "
			"Renewed after a third of it. With two looks (`poll`) it is the longest time "
			"after which somebody else takes them up."),
	TOCSIN_OPTION(DURATION, struct queue_config, poll, .preset = "1s", .min = 10, .max = DAY,
		      .help = "Longest pause between two looks at the table."),
	TOCSIN_OPTION(
		STRING, struct queue_config, listen, .preset = "tocsin_jobs",
		.help = "Channel on which the database announces new rows with NOTIFY. Empty: "
			"polling only."),
	TOCSIN_OPTION_SECTION(struct queue_config, retry, retry_options,
			      .help = "When a row that failed is tried again."),
	TOCSIN_OPTION(
		STRING, struct queue_config, log_table, .example = "job_log",
		.help = "Table that gets a row for each attempt. Default: job_log, when there "
			"is such a table. Empty: none."),
	TOCSIN_OPTION(
		STRING, struct queue_config, worker, .example = "worker-1",
		.help = "What this worker is called in the table. Default: host and process."),
};

static const char *check_columns(const struct queue_config *config, char *why, size_t size)
{
	const struct queue_columns *c = &config->columns;
	const struct {
		const char *option, *name;
		bool needed;
	} all[] = {
		{"key", config->key, true},
		{"per_key", config->per_key, false},
		{"listen", config->listen, false},
		{"columns.status", c->status, true},
		{"columns.scheduled_at", c->scheduled_at, true},
		{"columns.attempts", c->attempts, true},
		{"columns.token", c->token, true},
		{"columns.lease_until", c->lease_until, true},
		{"columns.owner", c->owner, false},
		{"columns.max_attempts", c->max_attempts, false},
		{"columns.started_at", c->started_at, false},
		{"columns.completed_at", c->completed_at, false},
		{"columns.duration_ms", c->duration_ms, false},
		{"columns.last_error", c->last_error, false},
		{"columns.output", c->output, false},
	};

	for (size_t i = 0; i < TOCSIN_COUNT(all); i++) {
		if (!all[i].name || (!*all[i].name && !all[i].needed) || sql_is_name(all[i].name))
			continue;
		snprintf(why, size,
			 "'queue.%s' must be a plain name (letters, digits, _ and $; 63 at most), "
			 "not '%s'",
			 all[i].option, all[i].name);
		return why;
	}
	return NULL;
}

static const char *check_values(const struct queue_values *values)
{
	const char *const all[] = {values->pending, values->processing, values->completed,
				   values->failed};

	for (size_t i = 0; i < TOCSIN_COUNT(all); i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(all[i], all[k]) == 0)
				return "'queue.values': two of them are the same; each state needs "
				       "a value of its own";
	return NULL;
}

const char *queue_check(const struct queue_config *config, char *why, size_t why_size)
{
	const char *wrong;

	if (!sql_is_table_name(config->table) ||
	    (config->log_table && *config->log_table && !sql_is_table_name(config->log_table))) {
		snprintf(why, why_size,
			 "'queue.%s' must be a plain name like jobs or app.jobs (letters, digits, "
			 "_ and $; 63 at most)",
			 sql_is_table_name(config->table) ? "log_table" : "table");
		return why;
	}
	wrong = check_columns(config, why, why_size);
	if (wrong)
		return wrong;
	if (config->retry.max < config->retry.first)
		return "'queue.retry': max is shorter than first; make it at least as long";
	if (config->prefetch > 0 && config->prefetch < config->batch)
		return "'queue.prefetch' is less than 'queue.batch', so that a batch would never fit; "
		       "raise it or leave it out";
	return check_values(&config->values);
}
