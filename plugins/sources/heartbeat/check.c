/* SPDX-License-Identifier: Apache-2.0 */
/* What the options must be for themselves. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "heartbeat.h"

#ifdef WITH_TABLES
#include "../../common/database.h"
#endif

#define NAME_MAX_BYTES 200

struct complaint {
	char *why;
	size_t size;
};

__attribute__((format(printf, 2, 3))) static const char *say(const struct complaint *c,
							     const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->why, c->size, format, args);
	va_end(args);
	return c->why;
}

static bool is_name(const char *name)
{
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return false;
	return *name && strlen(name) <= NAME_MAX_BYTES;
}

static const char *check_expectation(const struct complaint *c, const char *whose,
				     const struct expectation *expect)
{
	if (expect->period_ms <= 0 && !expect->schedule)
		return say(c,
			   "%s has neither a period nor a schedule; add one, such as "
			   "'period: 1d', there or for all of the source",
			   whose);
	if (expect->schedule && expect->grace_ms <= 0 && expect->start_grace_ms <= 0)
		return say(c,
			   "%s has a schedule but no grace, so it would be down at the very "
			   "moment it is due; say how late it may come, such as 'grace: 10m'",
			   whose);
	if (expect->max_run_ms > 0 && expect->min_run_ms > expect->max_run_ms)
		return say(c, "%s has a min_run that is longer than its max_run", whose);
	return NULL;
}

static const char *check_beat(const struct complaint *c, const struct config *config, size_t i)
{
	const struct beat_config *beat = config->heartbeats.item;
	struct expectation expect;
	char whose[NAME_MAX_BYTES + 20];

	if (!is_name(beat[i].name))
		return say(c, "the name of a heartbeat is 1 to %d bytes without control characters",
			   NAME_MAX_BYTES);
	snprintf(whose, sizeof(whose), "heartbeat '%s'", beat[i].name);
	for (size_t k = 0; k < i; k++)
		if (strcmp(beat[k].name, beat[i].name) == 0)
			return say(c, "%s is there twice; give one of them another name", whose);
	if (beat[i].period > 0 && beat[i].schedule)
		return say(c, "%s has a period and a schedule; keep the one that holds", whose);
	beats_expect(config, &beat[i], &expect);
	return check_expectation(c, whose, &expect);
}

static const char *check_rule(const struct complaint *c, const struct config *config, size_t i)
{
	const struct rule_config *rule = config->rules.item;

	if (!is_name(rule[i].name))
		return say(c, "the name of a rule is 1 to %d bytes without control characters",
			   NAME_MAX_BYTES);
	/* In what is saved, and in the label of the alert HeartbeatQueryFails. */
	if (strcmp(rule[i].name, "query") == 0)
		return say(c, "a rule cannot be called 'query', which is what the query for "
			      "heartbeats is called; give it another name");
	for (size_t k = 0; k < i; k++)
		if (strcmp(rule[k].name, rule[i].name) == 0)
			return say(c, "rule '%s' is there twice; give one of them another name",
				   rule[i].name);
	return NULL;
}

static const char *check_database(const struct complaint *c, const struct config *config)
{
	bool needed = config->query || config->rules.n > 0;

	if (needed && !config->connection)
		return say(c, "'%s' needs to know the database; add 'connection'",
			   config->query ? "query" : "rules");
	if (config->connection && !needed)
		return "'connection' is there, but nothing to read: add 'query', 'rules' or both";
	if (config->query && (!*config->name_column || !*config->time_column))
		return "'query' needs a 'name_column' and a 'time_column'";
	if (config->healthy_status.n > 0 && !config->status_column)
		return "'healthy_status' needs a 'status_column'";
#ifdef WITH_TABLES
	return config->connection ? database_check(config->connection) : NULL;
#else
	return config->connection ? "this tocsin was built without PostgreSQL; configure it with "
				    "--with-libpq"
				  : NULL;
#endif
}

const char *check_options(const void *data, char *why, size_t why_size)
{
	const struct config *config = data;
	const struct complaint c = {why, why_size};
	struct expectation expect;
	const char *wrong = check_database(&c, config);

	if (wrong)
		return wrong;
	if (config->heartbeats.n == 0 && !config->query && !config->create && config->rules.n == 0)
		return "there is nothing to watch: add 'heartbeats', 'query', 'rules' or 'create'";
	if (config->period > 0 && config->schedule)
		return "there is a period and a schedule; keep the one that holds";
	for (size_t i = 0; i < config->heartbeats.n; i++)
		if ((wrong = check_beat(&c, config, i)))
			return wrong;
	for (size_t i = 0; i < config->rules.n; i++)
		if ((wrong = check_rule(&c, config, i)))
			return wrong;
	beats_expect(config, NULL, &expect);
	if (config->create || (config->query && config->rows == ROWS_ALL))
		return check_expectation(&c, config->create ? "what 'create' makes" : "a row",
					 &expect);
	return NULL;
}
