/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source: SQL queries give figures, thresholds make them alerts. See threshold.h for the parts.
 */
#include "threshold.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

static const char *const severities[] = {"debug", "info",     "notice",    "warning",
					 "error", "critical", "emergency", NULL};
static const char *const modes[] = {"value", "rows", NULL};
/* In the order of enum action. */
static const char *const actions[] = {"unknown", "ok", "keep", "warning", "critical", NULL};
static const char *const no_data_actions[] = {"auto",    "unknown",  "ok", "keep",
					      "warning", "critical", NULL};

static const struct tocsin_option check_options[] = {
	TOCSIN_OPTION(STRING, struct check_config, name, .required = true,
		      .help = "Name of the check, and value of the label alertname of its alerts.",
		      .example = "SLA Compliance"),
	TOCSIN_OPTION(QUERY, struct check_config, query, .required = true,
		      .help = "One SQL statement that reads: it runs in a READ ONLY transaction.",
		      .example = "SELECT count(*) AS value FROM dispatches WHERE status = "
				 "'pending'"),
	TOCSIN_OPTION(BOOL, struct check_config, enabled, .preset = "true",
		      .help = "false: the check is not there."),
	TOCSIN_OPTION(DURATION, struct check_config, every, .min = 50, .max = 366 * 86400000LL,
		      .help = "Time from one run to the next. Default: that of the source.",
		      .example = "1m"),
	TOCSIN_OPTION(SCHEDULE, struct check_config, schedule,
		      .help = "When to run instead: a cron or calendar expression.",
		      .example = "*/5 8-18 * * mon-fri"),
	TOCSIN_OPTION(ZONE, struct check_config, timezone,
		      .help = "Time zone of `schedule`. Default: that of the system.",
		      .example = "Europe/Berlin"),
	TOCSIN_OPTION(DURATION, struct check_config, jitter, .preset = "0s", .min = 0,
		      .max = 3600000,
		      .help = "Runs begin later by a time up to this, always the same for a check, "
			      "so that not all ask the database at once."),
	TOCSIN_OPTION(CHOICE, struct check_config, mode, .preset = "value", .choices = modes,
		      .help = "What is measured: the value in a column, or how many rows there "
			      "are."),
	TOCSIN_OPTION(STRING, struct check_config, value_column,
		      .help = "Column with the figure. Default: `value`, else the only one with "
			      "numbers.",
		      .example = "rate"),
	TOCSIN_OPTION(STRINGS, struct check_config, label_columns,
		      .help = "Columns that tell rows apart: each row is then a state and an alert "
			      "of its own, with these labels. Default: all columns with text.",
		      .example = "[technician]"),
	TOCSIN_OPTION(STRING, struct check_config, warning,
		      .help = "When it is a warning: `> 300`, `>= 20`, `< 40 or > 95`, or a Nagios "
			      "range: `10:20` (outside), `@10:20` (inside), `~:10`.",
		      .example = "< 85"),
	TOCSIN_OPTION(STRING, struct check_config, critical,
		      .help = "When it is critical; the same forms.", .example = "< 70"),
	TOCSIN_OPTION(STRING, struct check_config, recovery,
		      .help = "When it is over, once it began; the same forms. Default: when no "
			      "threshold is breached.",
		      .example = "> 90"),
	TOCSIN_OPTION_AS("for", DURATION, struct check_config, hold, .preset = "0s", .min = 0,
			 .max = 366 * 86400000LL,
			 .help = "A threshold must be breached for that long before it is told."),
	TOCSIN_OPTION(STRING, struct check_config, breaches,
		      .help = "A threshold must be breached by so many results, in a row (`3`) or "
			      "of the last ones (`3 of 5`; 64 at most).",
		      .example = "3 of 5"),
	TOCSIN_OPTION(INT, struct check_config, clears, .preset = "1", .min = 1, .max = 1000,
		      .help = "Better results in a row before it counts as better."),
	TOCSIN_OPTION(CHOICE, struct check_config, on_no_data, .preset = "auto",
		      .choices = no_data_actions,
		      .help = "What it means when there are no rows. auto: unknown for a single "
			      "value, ok where each row is a state. unknown: an alert says so. "
			      "keep: the state stays."),
	TOCSIN_OPTION(DURATION, struct check_config, no_data_for, .preset = "0s", .min = 0,
		      .max = 366 * 86400000LL, .help = "... after it was so for that long."),
	TOCSIN_OPTION(CHOICE, struct check_config, on_null, .preset = "unknown", .choices = actions,
		      .help = "What it means when the value is NULL or NaN."),
	TOCSIN_OPTION(DURATION, struct check_config, null_for, .preset = "0s", .min = 0,
		      .max = 366 * 86400000LL, .help = "... after it was so for that long."),
	TOCSIN_OPTION(CHOICE, struct check_config, on_error, .preset = "unknown",
		      .choices = actions,
		      .help = "What it means when the query fails. (That the database cannot be "
			      "reached changes no check: see `down_after`.)"),
	TOCSIN_OPTION(DURATION, struct check_config, error_for, .preset = "0s", .min = 0,
		      .max = 366 * 86400000LL, .help = "... after it was so for that long."),
	TOCSIN_OPTION(INT, struct check_config, vanish_after, .preset = "2", .min = 1, .max = 1000,
		      .help = "A row that is missing in so many runs is over."),
	TOCSIN_OPTION(DURATION, struct check_config, repeat, .preset = "0s", .min = 0,
		      .max = 366 * 86400000LL,
		      .help = "While it lasts, say so again after that long. 0: only changes."),
	TOCSIN_OPTION(INT, struct check_config, flap_changes, .preset = "0", .min = 0,
		      .max = MOST_CHANGES,
		      .help = "After so many changes of the state within `flap_window` one alert "
			      "says that it flaps, and no more until it is calm: less than half as "
			      "many. 0: never."),
	TOCSIN_OPTION(DURATION, struct check_config, flap_window, .preset = "30m", .min = 1,
		      .max = 366 * 86400000LL, .help = "Time for `flap_changes`."),
	TOCSIN_OPTION(DURATION, struct check_config, timeout, .min = 10, .max = 3600000,
		      .help = "Longest time that the query may take. Default: that of the source.",
		      .example = "10s"),
	TOCSIN_OPTION(INT, struct check_config, max_rows, .preset = "1000", .min = 1, .max = 10000,
		      .help = "Most rows that are read. More are an error; with mode rows they "
			      "count as one more than that."),
	TOCSIN_OPTION(STRING, struct check_config, unit,
		      .help = "Written behind the figure; $, € and £ before it.",
		      .example = "\"%\""),
	TOCSIN_OPTION(INT, struct check_config, decimals, .preset = "2", .min = 0, .max = 9,
		      .help = "Digits after the point, for people."),
	TOCSIN_OPTION(CHOICE, struct check_config, warning_severity, .preset = "warning",
		      .choices = severities, .help = "Severity of a warning."),
	TOCSIN_OPTION(CHOICE, struct check_config, critical_severity, .preset = "critical",
		      .choices = severities, .help = "Severity of what is critical."),
	TOCSIN_OPTION(CHOICE, struct check_config, unknown_severity, .preset = "warning",
		      .choices = severities,
		      .help = "Severity of what is unknown: no data, or an error."),
	TOCSIN_OPTION(MAP, struct check_config, labels, .help = "Further labels of its alerts.",
		      .example = "{category: sla}"),
	TOCSIN_OPTION(STRING, struct check_config, summary,
		      .help = "Title of its alerts. {value}, {threshold}, {state}, {check} and the "
			      "name of a column in braces are replaced. Default: the name, and the "
			      "labels of the row.",
		      .example = "SLA Compliance"),
	TOCSIN_OPTION(STRING, struct check_config, description,
		      .help = "Text of its alerts while there is a figure, with the same words in "
			      "braces. Default: a sentence with the value and the threshold.",
		      .example = "{value} of the orders of the last 24 hours were in time"),
	TOCSIN_OPTION(URL, struct check_config, link, .help = "Address to link to.",
		      .example = "https://grafana.example.com/d/sla"),
};

static const struct tocsin_option options[] = {
	TOCSIN_OPTION(SECRET, struct config, connection, .required = true,
		      .help = "How to connect: libpq's key=value pairs or a postgresql:// URI. "
			      "Keys that are missing come from the PG* environment variables.",
		      .example = "host=/run/postgresql dbname=app user=tocsin"),
	TOCSIN_OPTION(SECRET, struct config, password,
		      .help = "Password, when it is not to stand in `connection`.",
		      .example = "${file:/etc/tocsin/db.password}"),
	TOCSIN_OPTION(INT, struct config, connections, .preset = "2", .min = 1,
		      .max = MOST_CONNECTIONS,
		      .help = "Checks that may run at once. No check runs twice at once."),
	TOCSIN_OPTION(DURATION, struct config, every, .preset = "5m", .min = 50,
		      .max = 366 * 86400000LL,
		      .help = "Time from one run of a check to the next, unless the check says "
			      "another."),
	TOCSIN_OPTION(DURATION, struct config, timeout, .preset = "30s", .min = 10, .max = 3600000,
		      .help = "Longest time that a query may take, unless its check says another."),
	TOCSIN_OPTION(DURATION, struct config, down_after, .preset = "1m", .min = 0,
		      .max = 366 * 86400000LL,
		      .help = "When the database cannot be reached for that long, one alert "
			      "(alertname ThresholdDatabaseDown) says so; all checks keep their "
			      "states."),
	TOCSIN_OPTION(CHOICE, struct config, down_severity, .preset = "critical",
		      .choices = severities, .help = "Severity of that alert."),
	TOCSIN_OPTION_SECTIONS(struct config, checks, check_options, struct check_config,
			       .required = true, .help = "The checks, each with its own keys.",
			       .example = "[{name: backlog, query: \"SELECT count(*) FROM jobs\", "
					  "critical: \"> 20\"}]"),
};

static void source_close(void *state)
{
	struct threshold *t = state;

	for (size_t i = 0; i < MOST_CONNECTIONS; i++)
		database_close(&t->db[i]);
	database_close(&t->by_hand);
	by_hand_forget(t);
	for (size_t i = 0; i < t->n; i++)
		check_done(&t->check[i]);
	free(t->check);
	free(t->down_database);
	if (t->events >= 0)
		close(t->events);
	free(t);
}

static void open_checks(struct threshold *t)
{
	const struct check_config *config = t->config->checks.item;

	for (size_t i = 0; i < t->config->checks.n; i++) {
		if (!config[i].enabled)
			continue;
		t->check[t->n].config = &config[i];
		t->check[t->n].due_ms = INT64_MAX;
		options_limits(&config[i], false, &t->check[t->n].limits);
		t->n++;
	}
}

static int source_open(struct tocsin_self *self, const struct tocsin_host *host, const void *config,
		       void **state)
{
	const struct config *given = config;
	const struct database_settings database = {.connection = given->connection,
						   .password = given->password,
						   .timeout_ms = given->timeout};
	struct threshold *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	*t = (struct threshold){.self = self, .host = host, .config = config, .events = -1};
	for (size_t i = 0; i < MOST_CONNECTIONS; i++)
		database_init(&t->db[i], self, host, &database);
	database_init(&t->by_hand, self, host, &database);
	steady_open(&t->clock, NULL);
	t->check = calloc(given->checks.n + 1, sizeof(*t->check));
	t->events = epoll_create1(EPOLL_CLOEXEC);
	if (!t->check || t->events < 0) {
		host->log(self, TOCSIN_LOG_ERROR, "neither memory nor a descriptor is left");
		source_close(t);
		return -ENOMEM;
	}
	open_checks(t);
	*state = t;
	return 0;
}

static const struct tocsin_source_ops source = {
	.size = sizeof(struct tocsin_source_ops),
	.open = source_open,
	.run = run_source,
	.close = source_close,
	.check = options_check,
	.call = call_source,
};

TOCSIN_PLUGIN(.kind = TOCSIN_SOURCE, .name = "threshold", .version = "1.0",
	      .summary =
		      "runs SQL checks and compares figures with warning and critical thresholds",
	      .options = options, .option_count = TOCSIN_COUNT(options),
	      .config_size = sizeof(struct config), .source = &source, .items = TOCSIN_CHECKS, );
