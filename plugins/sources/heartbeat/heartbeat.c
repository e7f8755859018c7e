/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source: heartbeats, of programs that should say now and then that they live. See heartbeat.h for
 * the parts.
 */
#include "heartbeat.h"

#include <errno.h>
#include <stdlib.h>

#define YEAR_MS (INT64_C(366) * 24 * 3600 * 1000)

static const char *const severities[] = {"debug", "info",     "notice",    "warning",
					 "error", "critical", "emergency", NULL};
static const char *const own_severities[] = {
	"default", "debug", "info", "notice", "warning", "error", "critical", "emergency", NULL};
static const char *const rows_choices[] = {"all", "listed", NULL};

#define FROM_SOURCE " Default: as the source says."

static const struct tocsin_option beat_options[] = {
	TOCSIN_OPTION(STRING, struct beat_config, name, .required = true,
		      .help = "Its name: that of the ping, or in the table.", .example = "backup"),
	TOCSIN_OPTION(STRING, struct beat_config, description,
		      .help = "What to do when it is down; part of the alert.",
		      .example = "See the runbook, then start backup.service."),
	TOCSIN_OPTION(URL, struct beat_config, link, .help = "Where to look.",
		      .example = "https://wiki.example.com/backup"),
	TOCSIN_OPTION(DURATION, struct beat_config, period, .min = 1, .max = YEAR_MS,
		      .help = "Longest time between two heartbeats." FROM_SOURCE, .example = "1d"),
	TOCSIN_OPTION(SCHEDULE, struct beat_config, schedule,
		      .help = "In place of `period`: when a heartbeat is due, as a cron "
			      "expression or a calendar expression." FROM_SOURCE,
		      .example = "0 3 * * *"),
	TOCSIN_OPTION(ZONE, struct beat_config, timezone,
		      .help = "Time zone of the schedule." FROM_SOURCE, .example = "Europe/Berlin"),
	TOCSIN_OPTION(DURATION, struct beat_config, grace, .min = 1, .max = YEAR_MS,
		      .help = "How much later than that it may come. Meanwhile it is late; then it "
			      "is down." FROM_SOURCE,
		      .example = "1h"),
	TOCSIN_OPTION(DURATION, struct beat_config, start_grace, .min = 1, .max = YEAR_MS,
		      .help = "How much later it may start, for a job that says when it starts. "
			      "Default: `grace`.",
		      .example = "10m"),
	TOCSIN_OPTION(DURATION, struct beat_config, max_run, .min = 1, .max = YEAR_MS,
		      .help = "Longest time from a start to its end. Default: `grace`, and the "
			      "end has to come by when a heartbeat is due, too.",
		      .example = "5h"),
	TOCSIN_OPTION(DURATION, struct beat_config, min_run, .min = 1, .max = YEAR_MS,
		      .help = "Shortest time from a start to its end: what ends sooner has "
			      "failed." FROM_SOURCE,
		      .example = "1m"),
	TOCSIN_OPTION(
		INT, struct beat_config, misses, .min = 1, .max = 1000,
		.help = "It is down when so many heartbeats in a row are missing or failures." FROM_SOURCE,
		.example = "3"),
	TOCSIN_OPTION(INT, struct beat_config, max_starts, .min = 1, .max = BEAT_STARTS - 1,
		      .help = "More starts than that within `starts_within` are an alert of their "
			      "own." FROM_SOURCE,
		      .example = "3"),
	TOCSIN_OPTION(DURATION, struct beat_config, starts_within, .min = 1000, .max = YEAR_MS,
		      .help = "For `max_starts`." FROM_SOURCE, .example = "1h"),
	TOCSIN_OPTION(CHOICE, struct beat_config, severity, .preset = "default",
		      .choices = own_severities, .help = "Severity when it is down." FROM_SOURCE),
	TOCSIN_OPTION(MAP, struct beat_config, labels,
		      .help = "More labels of its alerts, for routes to go by.",
		      .example = "{team: storage}"),
	TOCSIN_OPTION(PATH, struct beat_config, file,
		      .help = "A file whose time of change is the last heartbeat: `touch` it.",
		      .example = "/run/backup/done"),
	TOCSIN_OPTION(BOOL, struct beat_config, paused,
		      .help = "Begins paused: nothing is expected until it is resumed or pings."),
	TOCSIN_OPTION(BOOL, struct beat_config, manual_resume,
		      .help = "A ping does not end a pause."),
};

static const struct tocsin_option rule_options[] = {
	TOCSIN_OPTION(STRING, struct rule_config, name, .required = true,
		      .help = "Its name, and the label alertname.",
		      .example = "ScheduleHasNoNextRun"),
	TOCSIN_OPTION(QUERY, struct rule_config, query, .required = true,
		      .help = "Query that gives the rows that are wrong, and no others.",
		      .example =
			      "SELECT name FROM schedules WHERE enabled AND next_run_at IS NULL"),
	TOCSIN_OPTION(STRINGS, struct rule_config, keys,
		      .help = "Columns that say which row it is; they become labels. The others "
			      "become annotations. Default: the first column.",
		      .example = "[name]"),
	TOCSIN_OPTION(CHOICE, struct rule_config, severity, .preset = "warning",
		      .choices = severities, .help = "Severity of its alerts."),
	TOCSIN_OPTION(STRING, struct rule_config, summary,
		      .help = "The sentence of the alert; {COLUMN} stands for the row's value.",
		      .example = "Schedule {name} is enabled but has no next run"),
	TOCSIN_OPTION(STRING, struct rule_config, description,
		      .help = "More about it, with {COLUMN} as well."),
	TOCSIN_OPTION(STRING, struct rule_config, alertname,
		      .help = "Label alertname, when it is not to be the name."),
	TOCSIN_OPTION(MAP, struct rule_config, labels, .help = "More labels of its alerts.",
		      .example = "{team: scheduling}"),
	TOCSIN_OPTION(DURATION, struct rule_config, poll, .min = 10, .max = 86400000,
		      .help = "Pause between two readings." FROM_SOURCE, .example = "1m"),
};

static const struct tocsin_option options[] = {
	TOCSIN_OPTION_SECTIONS(struct config, heartbeats, beat_options, struct beat_config,
			       .help = "The heartbeats. Further ones come from `query` and "
				       "`create`."),
	TOCSIN_OPTION(DURATION, struct config, period, .min = 1, .max = YEAR_MS,
		      .help = "Longest time between two heartbeats, of those that say neither "
			      "period nor schedule.",
		      .example = "5m"),
	TOCSIN_OPTION(SCHEDULE, struct config, schedule,
		      .help = "In place of `period`: when a heartbeat is due.",
		      .example = "*/5 * * * *"),
	TOCSIN_OPTION(ZONE, struct config, timezone,
		      .help = "Time zone of schedules. Default: that of the system.",
		      .example = "UTC"),
	TOCSIN_OPTION(DURATION, struct config, grace, .preset = "0s", .max = YEAR_MS,
		      .help = "How much later a heartbeat may come before it is down.",
		      .example = "5m"),
	TOCSIN_OPTION(DURATION, struct config, start_grace, .preset = "0s", .max = YEAR_MS,
		      .help = "How much later a job may start. 0: `grace`."),
	TOCSIN_OPTION(DURATION, struct config, max_run, .preset = "0s", .max = YEAR_MS,
		      .help = "Longest time from a start to its end. 0: `grace`."),
	TOCSIN_OPTION(DURATION, struct config, min_run, .preset = "0s", .max = YEAR_MS,
		      .help = "Shortest time from a start to its end."),
	TOCSIN_OPTION(INT, struct config, misses, .preset = "1", .min = 1, .max = 1000,
		      .help = "Missing heartbeats or failures in a row that make it down."),
	TOCSIN_OPTION(INT, struct config, max_starts, .preset = "0", .min = 0,
		      .max = BEAT_STARTS - 1,
		      .help = "More starts than that within `starts_within` are an alert. 0: any "
			      "number is fine."),
	TOCSIN_OPTION(DURATION, struct config, starts_within, .preset = "1h", .min = 1000,
		      .max = YEAR_MS, .help = "For `max_starts`."),
	TOCSIN_OPTION(CHOICE, struct config, severity, .preset = "critical", .choices = severities,
		      .help = "Severity when a heartbeat is down."),
	TOCSIN_OPTION(CHOICE, struct config, starts_severity, .preset = "warning",
		      .choices = severities, .help = "Severity of too many starts."),
	TOCSIN_OPTION(STRING, struct config, alertname, .preset = "HeartbeatDown",
		      .help = "Label alertname of one that is down; the label heartbeat has its "
			      "name."),
	TOCSIN_OPTION(STRING, struct config, starts_alertname, .preset = "HeartbeatRestarts",
		      .help = "Label alertname of too many starts."),
	TOCSIN_OPTION(BOOL, struct config, create,
		      .help = "A ping with an unknown name makes a heartbeat, with the settings of "
			      "the source."),
	TOCSIN_OPTION(DURATION, struct config, settle, .preset = "10s", .max = 3600000,
		      .help = "Time after a start of tocsin, and after the database came back, in "
			      "which nothing is called down."),
	TOCSIN_OPTION(DURATION, struct config, outage, .preset = "2m", .max = YEAR_MS,
		      .help = "When tocsin was away for longer than this, a ping that was due "
			      "meanwhile is forgiven once."),
	TOCSIN_OPTION(SIZE, struct config, body_limit, .preset = "10KB", .max = 1 << 20,
		      .help = "What is kept of the text of a ping."),
	TOCSIN_OPTION(SECRET, struct config, connection,
		      .help = "PostgreSQL database of `query` and `rules`: libpq's key=value pairs "
			      "or a postgresql:// URI.",
		      .example = "host=/run/postgresql dbname=app user=tocsin"),
	TOCSIN_OPTION(SECRET, struct config, password,
		      .help = "Password, when it is not to stand in `connection`.",
		      .example = "${file:/etc/tocsin/db.password}"),
	TOCSIN_OPTION(ZONE, struct config, database_timezone,
		      .help = "Time zone of timestamps that are written without one. Default: what "
			      "the database has for this role as `TimeZone`.",
		      .example = "Europe/Berlin"),
	TOCSIN_OPTION(QUERY, struct config, query,
		      .help = "Query that gives a row for each heartbeat.",
		      .example = "SELECT type, status, last_heartbeat_at FROM heartbeats"),
	TOCSIN_OPTION(STRING, struct config, name_column, .preset = "type",
		      .help = "Column with the name."),
	TOCSIN_OPTION(STRING, struct config, time_column, .preset = "last_heartbeat_at",
		      .help = "Column with the time of the last heartbeat, a timestamp, see "
			      "`database_timezone`."),
	TOCSIN_OPTION(STRING, struct config, status_column,
		      .help = "Column with a status, see `healthy_status`.", .example = "status"),
	TOCSIN_OPTION(STRINGS, struct config, healthy_status,
		      .help = "Values of `status_column` that are fine; any other is down, however "
			      "young the heartbeat. Default: any is fine.",
		      .example = "[running, idle]"),
	TOCSIN_OPTION(STRING, struct config, start_column,
		      .help = "Column with the time at which it started, for `max_starts`.",
		      .example = "started_at"),
	TOCSIN_OPTION(CHOICE, struct config, rows, .preset = "all", .choices = rows_choices,
		      .help = "Which rows are watched: all, or those that `heartbeats` lists."),
	TOCSIN_OPTION(DURATION, struct config, poll, .preset = "15s", .min = 10, .max = 3600000,
		      .help = "Pause between two readings of the database and of files."),
	TOCSIN_OPTION(DURATION, struct config, statement_timeout, .preset = "30s", .min = 100,
		      .max = 3600000, .help = "Longest time that one reading may take."),
	TOCSIN_OPTION(DURATION, struct config, unreachable_after, .preset = "5m", .max = YEAR_MS,
		      .help = "A query that fails for so long is an alert. Meanwhile the "
			      "heartbeats of the table are not judged."),
	TOCSIN_OPTION_SECTIONS(struct config, rules, rule_options, struct rule_config,
			       .help = "Queries for rows that are wrong: each row is an alert, as "
				       "long as it is there."),
};

static void source_close(void *state)
{
	struct heartbeat *h = state;

	table_free(h);
	rule_free(h);
	commit_free(h);
	beats_free(h);
	free(h);
}

static int source_open(struct tocsin_self *self, const struct tocsin_host *host, const void *config,
		       void **state)
{
	struct heartbeat *h = calloc(1, sizeof(*h));
	int rc;

	if (!h)
		return -ENOMEM;
	h->self = self;
	h->host = host;
	h->config = config;
	rc = rule_new(h);
	if (!rc && h->config->connection)
		rc = table_new(h);
	if (rc) {
		source_close(h);
		return rc;
	}
	*state = h;
	return 0;
}

static const struct tocsin_source_ops source = {
	.size = sizeof(struct tocsin_source_ops),
	.open = source_open,
	.run = run_source,
	.close = source_close,
	.check = check_options,
	.call = call_source,
};

TOCSIN_PLUGIN(.kind = TOCSIN_SOURCE, .name = "heartbeat", .version = "1.0",
	      .summary = "tells when a heartbeat stays away: of pings, tables and files",
	      .options = options, .option_count = TOCSIN_COUNT(options),
	      .config_size = sizeof(struct config), .source = &source,
	      .items = TOCSIN_HEARTBEATS, );
