/* SPDX-License-Identifier: Apache-2.0 */
/* Source: runs of jobs, those that tocsin starts and those that it hears of. See cron.h. */
#include "cron.h"
#include "task.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MINUTE 60000
#define DAY (24 * 60 * INT64_C(60000))

static const char *const severities[] = {"debug", "info",     "notice",    "warning",
					 "error", "critical", "emergency", NULL};
static const char *const job_severities[] = {"source", "debug",    "info",      "notice", "warning",
					     "error",  "critical", "emergency", NULL};
static const char *const overlaps[] = {"skip", "queue", "allow", NULL};
static const char *const catch_ups[] = {"none", "last", "all", NULL};
static const char *const unknowns[] = {"record", "refuse", NULL};

/* The same of the source and of a job; a job's can be left to the source. */
#define TRIGGERS(least, words, yes, no, rate, tasks, many, errors, row) \
	TOCSIN_OPTION(INT, struct triggers, error_rate, .preset = (rate), .min = (least), \
		      .max = 100, \
		      .help = "An alert HIGH_ERROR_RATE, when more than so many percent of the " \
			      "tasks of a run failed. 100: never."), \
		TOCSIN_OPTION( \
			CHOICE, struct triggers, failed, .preset = (yes), .choices = (words), \
			.help = "Whether each run that failed as a whole raises an alert, FAILED " \
				"or LOST."), \
		TOCSIN_OPTION( \
			INT, struct triggers, failed_tasks, .preset = (many), .min = (least), \
			.max = 1000000000, \
			.help = "An alert MANY_FAILURES, when at least so many tasks of a run " \
				"failed. 0: never."), \
		TOCSIN_OPTION( \
			INT, struct triggers, failures_in_a_row, .preset = (row), .min = (least), \
			.max = 1000000, \
			.help = "An alert FAILED_IN_A_ROW that holds from so many failed runs in a " \
				"row on, until one is well. 0: never."), \
		TOCSIN_OPTION(INT, struct triggers, min_tasks, .preset = (tasks), .min = (least), \
			      .max = 1000000000, \
			      .help = "How many tasks a run must have for `error_rate`."), \
		TOCSIN_OPTION( \
			CHOICE, struct triggers, overlapped, .preset = (no), .choices = (words), \
			.help = "Whether a run that begins, or is left out, because the one before " \
				"it still goes on raises an alert, OVERLAPPED."), \
		TOCSIN_OPTION( \
			INT, struct triggers, processing_errors, .preset = (errors), \
			.min = (least), .max = 1000000000, \
			.help = "An alert PROCESSING_ERRORS, when a run had at least so many " \
				"errors. 0: never."),

static const char *const whether[] = {"false", "true", NULL};
static const char *const job_whether[] = {"source", "false", "true", NULL};

static const struct tocsin_option trigger_options[] = {
	TRIGGERS(0, whether, "true", "false", "50", "3", "5", "3", "0")};
static const struct tocsin_option job_trigger_options[] = {
	TRIGGERS(-1, job_whether, "source", "source", "-1", "-1", "-1", "-1", "-1")};

static const struct tocsin_option limit_options[] = {
	TOCSIN_OPTION(DURATION, struct program_limits, cpu, .min = 1000, .max = DAY,
		      .example = "10m", .help = "CPU time (RLIMIT_CPU)."),
	TOCSIN_OPTION(INT, struct program_limits, files, .min = 4, .max = 1048576, .example = "256",
		      .help = "Open files (RLIMIT_NOFILE). Default: at most 1024."),
	TOCSIN_OPTION(SIZE, struct program_limits, memory, .min = 1048576, .max = INT64_C(1) << 50,
		      .example = "512MiB", .help = "Address space (RLIMIT_AS)."),
	TOCSIN_OPTION(INT, struct program_limits, processes, .min = 1, .max = 1048576,
		      .example = "64",
		      .help = "Processes of the user, all programs together (RLIMIT_NPROC)."),
};

static const struct tocsin_option job_options[] = {
	TOCSIN_OPTION(CHOICE, struct job_config, catch_up, .preset = "last", .choices = catch_ups,
		      .help = "What becomes of starts that were missed while tocsin did not run: "
			      "none (they are recorded as missed), last (one run in place of "
			      "them), all (one after the other, at most 100). A run that ended "
			      "with tocsin itself is run again, once, unless this is none."),
	TOCSIN_OPTION(
		STRINGS, struct job_config, command, .example = "[/usr/local/bin/backup, --all]",
		.help = "The program by its absolute path, and its arguments; no shell reads "
			"them. Without it something else runs the job, and tocsin hears of it: "
			"by `tocsin run`, by reports, or from `table`."),
	TOCSIN_OPTION(STRING, struct job_config, description,
		      .example = "\"Copies the database to the other building.\"",
		      .help = "What the job is for; stands in its alerts."),
	TOCSIN_OPTION(PATH, struct job_config, directory, .preset = "/",
		      .help = "The directory that the program starts in."),
	TOCSIN_OPTION(MAP, struct job_config, environment, .example = "{PGDATABASE: app}",
		      .help = "Environment variables beside PATH, LANG, SHELL, HOME, and "
			      "TOCSIN_JOB, TOCSIN_RUN, TOCSIN_TRIGGER and TOCSIN_DUE."),
	TOCSIN_OPTION(DURATION, struct job_config, grace, .max = 366 * DAY, .example = "10m",
		      .help = "How late a start may be before it counts as MISSED. Default: a job "
			      "without a command is not watched for that."),
	TOCSIN_OPTION(DURATION, struct job_config, jitter, .max = DAY, .example = "5m",
		      .help = "Starts are delayed by up to so much, each by its own time, so that "
			      "not all machines begin at once. It must be shorter than the time "
			      "between two starts."),
	TOCSIN_OPTION(INT, struct job_config, keep_runs, .min = 0, .max = 10000, .example = "500",
		      .help = "How many runs are kept. Default: as the source says."),
	TOCSIN_OPTION(DURATION, struct job_config, kill_after, .preset = "10s", .min = 1,
		      .max = 10 * MINUTE,
		      .help = "How long the program has after SIGTERM, before SIGKILL."),
	TOCSIN_OPTION(MAP, struct job_config, labels, .example = "{team: data}",
		      .help = "Labels of the alerts of this job."),
	TOCSIN_OPTION_SECTION(struct job_config, limits, limit_options,
			      .help = "Resource limits of each run."),
	TOCSIN_OPTION(STRING, struct job_config, link, .example = "https://example.com/jobs/backup",
		      .help = "An address for the button of its alerts."),
	TOCSIN_OPTION(DURATION, struct job_config, max_run, .max = 366 * DAY, .example = "2h",
		      .help = "How long a run may take: an alert TOO_LONG holds until it has "
			      "ended. A run of somebody else whose end was not told after twice "
			      "that time is lost."),
	TOCSIN_OPTION(DURATION, struct job_config, min_run, .max = 366 * DAY, .example = "30s",
		      .help = "A run that ends well before is TOO_SHORT to be true."),
	TOCSIN_OPTION(STRING, struct job_config, name, .required = true, .example = "backup",
		      .help = "The name of the job, in reports, commands and alerts."),
	TOCSIN_OPTION(CHOICE, struct job_config, overlap, .preset = "skip", .choices = overlaps,
		      .help = "When the run before has not ended: skip (the start is left out), "
			      "queue (one start waits for the end), allow (both run)."),
	TOCSIN_OPTION(SCHEDULE, struct job_config, schedule, .example = "\"0 3 * * *\"",
		      .help = "When it starts, or is expected to: a cron expression, \"every "
			      "10m\", a calendar expression; see tocsin-schedules(7)."),
	TOCSIN_OPTION(CHOICE, struct job_config, severity, .preset = "source",
		      .choices = job_severities,
		      .help = "Severity of what is wrong with the job as a whole; source: as the "
			      "source says."),
	TOCSIN_OPTION(DURATION, struct job_config, time_limit, .max = 30 * DAY, .example = "1h",
		      .help = "How long the program may run. Then its process group gets "
			      "SIGTERM, and the run has failed. Default: for ever."),
	TOCSIN_OPTION(ZONE, struct job_config, timezone, .example = "Europe/Berlin",
		      .help = "The time zone of the schedule. Default: that of the system."),
	TOCSIN_OPTION_SECTION(struct job_config, triggers, job_trigger_options,
			      .help = "What raises an alert, where this job differs from the "
				      "source; -1 or 'source': as it says."),
	TOCSIN_OPTION(STRING, struct job_config, user, .example = "postgres",
		      .help = "The user to run as, with the groups of that user; only when the "
			      "daemon runs as root. Default: the daemon's own."),
};

static const struct tocsin_option table_options[] = {
	TOCSIN_OPTION(INT, struct table_config, batch, .preset = "500", .min = 1, .max = 5000,
		      .help = "Rows held in memory at once."),
	TOCSIN_OPTION(MAP, struct table_config, columns, .example = "{id: run_id, job_name: task}",
		      .help = "Columns by another name: of id, job_name, started_at, "
			      "completed_at, duration_ms, status, results and error_message. One "
			      "that the table does not have is left empty (\"\")."),
	TOCSIN_OPTION(SECRET, struct table_config, connection,
		      .help = "How to connect: libpq's key=value pairs or a postgresql:// URI.",
		      .example = "host=/run/postgresql dbname=app user=tocsin"),
	TOCSIN_OPTION(DURATION, struct table_config, history, .preset = "7d", .max = 366 * DAY,
		      .help = "How far back the first reading goes. What ended before it is "
			      "recorded without an alert."),
	TOCSIN_OPTION(DURATION, struct table_config, lookback, .preset = "1h", .min = 1000,
		      .max = 31 * DAY,
		      .help = "How much later than its start a row may become visible: the rows "
			      "of that time are read again each time."),
	TOCSIN_OPTION(SECRET, struct table_config, password,
		      .help = "Password, when it is not to stand in `connection`.",
		      .example = "${file:/etc/tocsin/db.password}"),
	TOCSIN_OPTION(DURATION, struct table_config, poll, .preset = "10s", .min = 50,
		      .max = 3600000, .help = "Pause between two readings."),
	TOCSIN_OPTION(QUERY, struct table_config, query,
		      .help = "A query in place of the table, with columns of the same names.",
		      .example = "SELECT * FROM cron_job_executions WHERE tenant = 7"),
	TOCSIN_OPTION(DURATION, struct table_config, statement_timeout, .preset = "30s", .min = 100,
		      .max = 3600000, .help = "Longest time that one statement may take."),
	TOCSIN_OPTION(STRING, struct table_config, table, .example = "cron_job_executions",
		      .help = "The table with the runs, with or without its schema."),
	TOCSIN_OPTION(ZONE, struct table_config, timezone, .example = "Europe/Berlin",
		      .help = "Time zone of timestamps that are written without one. Default: what "
			      "the database has for this role as `TimeZone`."),
	TOCSIN_OPTION(DURATION, struct table_config, unreachable_after, .preset = "5m",
		      .max = 366 * DAY,
		      .help = "When the table cannot be read for so long an alert CronTableFails "
			      "holds, until it can be again."),
};

static const struct tocsin_option options[] = {
	TOCSIN_OPTION(STRING, struct cron_config, alertname,
		      .help = "Value of the label alertname. Default: CronJobFailed, "
			      "CronJobLost, CronJobErrors, CronJobMissed, CronJobTooLong, "
			      "CronJobTooShort, CronJobOverlapped or CronJobFailing.",
		      .example = "CronJobAlert"),
	TOCSIN_OPTION(INT, struct cron_config, at_once, .preset = "16", .min = 1, .max = 1000,
		      .help = "How many programs run at once; further starts wait."),
	TOCSIN_OPTION(CHOICE, struct cron_config, error_rate_severity, .preset = "warning",
		      .choices = severities,
		      .help = "Severity of runs that ended, but with failed tasks or errors, too "
			      "soon, or at the wrong time."),
	TOCSIN_OPTION_SECTIONS(struct cron_config, jobs, job_options, struct job_config,
			       .help = "The jobs that are run, or watched for."),
	TOCSIN_OPTION(INT, struct cron_config, keep_runs, .preset = "100", .min = 1, .max = 10000,
		      .help = "How many runs of a job are kept."),
	TOCSIN_OPTION(STRING, struct cron_config, link, .example = "https://example.com/admin/jobs",
		      .help = "An address for the button of alerts, when the job has none."),
	TOCSIN_OPTION(CHOICE, struct cron_config, severity, .preset = "error",
		      .choices = severities,
		      .help = "Severity of jobs that failed, were missed, or do not end."),
	TOCSIN_OPTION_SECTION(struct cron_config, table, table_options,
			      .help = "An existing table that lists runs."),
	TOCSIN_OPTION_SECTION(struct cron_config, triggers, trigger_options,
			      .help = "What raises an alert."),
	TOCSIN_OPTION(CHOICE, struct cron_config, unknown_jobs, .preset = "record",
		      .choices = unknowns,
		      .help = "What becomes of runs of jobs that are not in `jobs`."),
};

static void dispose(struct cron *cron)
{
	cron_unload(cron);
	feed_close(cron);
	free(cron->letter);
	free(cron->starting);
	free(cron->account);
	if (cron->notify >= 0) {
		task_unplug(cron->notify);
		close(cron->notify);
	}
	if (cron->poll >= 0)
		close(cron->poll);
	free(cron);
}

/* The users of the jobs; they must be there when the configuration is taken. */
static int find_accounts(struct cron *cron)
{
	const struct job_config *job = cron->config->jobs.item;
	char why[256];

	cron->account = calloc(cron->config->jobs.n + 1, sizeof(*cron->account));
	if (!cron->account)
		return -ENOMEM;
	for (size_t i = 0; i < cron->config->jobs.n; i++) {
		int rc = job[i].user ? program_user_find(&cron->account[i], job[i].user, why,
							 sizeof(why))
				     : 0;

		if (rc != 0) {
			cron->host->log(cron->self, TOCSIN_LOG_ERROR, "job %s: %s", job[i].name,
					why);
			return rc;
		}
		if (job[i].command.n > 0 && access(job[i].command.item[0], X_OK) != 0)
			cron->host->log(cron->self, TOCSIN_LOG_WARNING,
					"job %s: %s cannot be run yet: %s", job[i].name,
					job[i].command.item[0], strerror(errno));
	}
	return 0;
}

static int cron_open(struct tocsin_self *self, const struct tocsin_host *host, const void *config,
		     void **state)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct cron *cron = calloc(1, sizeof(*cron));
	int rc = -ENOMEM;

	if (!cron)
		return rc;
	cron->self = self;
	cron->host = host;
	cron->config = config;
	cron->poll = epoll_create1(EPOLL_CLOEXEC);
	cron->notify = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (cron->poll >= 0 && cron->notify >= 0 &&
	    epoll_ctl(cron->poll, EPOLL_CTL_ADD, cron->notify, &event) == 0)
		rc = find_accounts(cron);
	else
		host->log(self, TOCSIN_LOG_ERROR, "no descriptor to wait on is left");
	for (size_t i = 0; rc == 0 && i < cron->config->jobs.n; i++)
		rc = job_check_jitter(cron, (const struct job_config *)cron->config->jobs.item + i);
	if (rc == 0)
		rc = feed_open(cron);
	if (rc != 0) {
		dispose(cron);
		return rc;
	}
	task_successor(1);
	*state = cron;
	return 0;
}

static void cron_close(void *state)
{
	struct cron *cron = state;

	if (!cron->has_run)
		task_successor(-1);
	dispose(cron);
}

static const struct tocsin_source_ops source = {
	.size = sizeof(struct tocsin_source_ops),
	.open = cron_open,
	.run = cron_run,
	.close = cron_close,
	.check = cron_check,
	.call = cron_call,
};

TOCSIN_PLUGIN(.kind = TOCSIN_SOURCE, .name = "cron", .version = "1.0",
	      .summary = "runs jobs by a schedule, and records how jobs went", .options = options,
	      .option_count = TOCSIN_COUNT(options), .config_size = sizeof(struct cron_config),
	      .source = &source, .items = TOCSIN_JOBS, );
