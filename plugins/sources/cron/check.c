/* SPDX-License-Identifier: Apache-2.0 */
#include "cron.h"

#include <stdio.h>
#include <string.h>

static const char *check_name(const struct job_config *job, char *why, size_t size)
{
	if (!*job->name || strlen(job->name) > CRON_NAME) {
		snprintf(why, size, "jobs: a name has 1 to %d bytes", CRON_NAME);
		return why;
	}
	for (const char *c = job->name; *c; c++) {
		if ((unsigned char)*c >= ' ' && *c != 0x7f)
			continue;
		snprintf(why, size, "jobs: a name has no control characters");
		return why;
	}
	return NULL;
}

static bool is_variable(const char *name)
{
	return *name && (*name < '0' || *name > '9') &&
	       name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789_")] == '\0';
}

static const char *check_environment(const struct job_config *job, char *why, size_t size)
{
	for (size_t i = 0; i < job->environment.n; i++) {
		const char *name = job->environment.pair[i].name;

		if (is_variable(name) && strncmp(name, "TOCSIN_", 7) != 0)
			continue;
		snprintf(why, size,
			 "job '%s': environment: '%.40s' cannot be set; use letters, digits and "
			 "'_', and no name that begins with TOCSIN_",
			 job->name, name);
		return why;
	}
	return NULL;
}

static const char *check_job(const struct job_config *job, char *why, size_t size)
{
	const char *wrong = check_name(job, why, size), *text = NULL;

	if (wrong)
		return wrong;
	if (job->command.n > 0 && job->command.item[0][0] != '/')
		text = "'command' must begin with the absolute path of a program; there is no "
		       "shell and no PATH to find it. Write a list such as [/usr/local/bin/backup, "
		       "--all]";
	else if (job->command.n == 0 && job->user)
		text = "'user' is for jobs with a 'command'; this one is run by somebody else";
	else if (job->command.n == 0 && job->time_limit > 0)
		text = "'time_limit' is for jobs with a 'command'; write 'max_run' to be told of "
		       "runs that take longer";
	else if (job->grace > 0 && !job->schedule)
		text = "'grace' says how late a start may be; write a 'schedule', too";
	else if (job->max_run > 0 && job->min_run > job->max_run)
		text = "'min_run' is longer than 'max_run'; no run could be right";
	if (!text)
		return check_environment(job, why, size);
	snprintf(why, size, "job '%s': %s", job->name, text);
	return why;
}

static const char *check_names(const struct tocsin_sections *jobs, char *why, size_t size)
{
	const struct job_config *job = jobs->item;

	for (size_t i = 0; i < jobs->n; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(job[i].name, job[k].name) == 0) {
				snprintf(why, size,
					 "jobs: '%s' stands twice; give each job a name of its own",
					 job[i].name);
				return why;
			}
	return NULL;
}

static const char *check_columns(const struct table_config *table, char *why, size_t size)
{
	static const char *const known[] = {"id",           "job_name",     "started_at",
					    "completed_at", "duration_ms",  "status",
					    "results",      "error_message"};

	for (size_t i = 0; i < table->columns.n; i++) {
		bool found = false;

		for (size_t k = 0; k < TOCSIN_COUNT(known); k++)
			found |= strcmp(table->columns.pair[i].name, known[k]) == 0;
		if (found)
			continue;
		snprintf(
			why, size,
			"table: columns: '%.40s' is not known; there are id, job_name, started_at, "
			"completed_at, duration_ms, status, results and error_message",
			table->columns.pair[i].name);
		return why;
	}
	return NULL;
}

static const char *check_table(const struct table_config *table, char *why, size_t size)
{
	const char *wrong;

	if (!table->connection && (table->table || table->query))
		return "table: 'connection' is missing: say how to reach the database";
	if (table->connection && !table->table == !table->query)
		return "table: write either 'table' or 'query'";
	if (!table->connection)
		return NULL;
	wrong = check_columns(table, why, size);
	return wrong ? wrong : feed_check(table);
}

const char *cron_check(const void *config_data, char *why, size_t why_size)
{
	const struct cron_config *config = config_data;
	const struct job_config *job = config->jobs.item;
	const char *wrong = check_names(&config->jobs, why, why_size);

	for (size_t i = 0; i < config->jobs.n && !wrong; i++)
		wrong = check_job(&job[i], why, why_size);
	return wrong ? wrong : check_table(&config->table, why, why_size);
}
