/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source: pending rows of a PostgreSQL table become alerts, and are marked when
 * these have been sent. See postgres.h for the parts.
 */
#include "postgres.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const char *const severities[] = {"debug", "info",     "notice",    "warning",
					 "error", "critical", "emergency", NULL};
static const char *const dead_choices[] = {"leave", "settle", NULL};

static const struct tocsin_option options[] = {
	TOCSIN_OPTION(SECRET, struct config, connection, .required = true,
		      .help = "How to connect: libpq's key=value pairs or a postgresql:// URI. "
			      "Keys that are missing come from the PG* environment variables.",
		      .example = "host=/run/postgresql dbname=app user=tocsin"),
	TOCSIN_OPTION(SECRET, struct config, password,
		      .help = "Password, when it is not to stand in `connection`.",
		      .example = "${file:/etc/tocsin/db.password}"),
	TOCSIN_OPTION(
		STRING, struct config, table, .preset = "alerts",
		.help = "Table or view with the alerts, with or without its schema. Names of "
			"tables and columns are taken as written, upper and lower case matter.",
		.example = "app.alerts"),
	TOCSIN_OPTION(STRING, struct config, key, .preset = "id",
		      .help = "Column that identifies a row; of any type, unique."),
	TOCSIN_OPTION(
		STRING, struct config, order, .preset = "triggered_at",
		.help = "Column by which rows are read, oldest first; rows where it is NULL "
			"come last. A timestamp is also the time of the alert. Empty: by key."),
	TOCSIN_OPTION(QUERY, struct config, pending, .preset = "email_sent IS NOT TRUE",
		      .help = "SQL condition that is true for rows still to be sent.",
		      .example = "status = 'new'"),
	TOCSIN_OPTION(QUERY, struct config, settle,
		      .help = "One SQL statement that marks the row with the key $1 as sent, so "
			      "that `pending` is no longer true. It may run twice for a row. "
			      "Default: sets the column email_sent to true, many rows at once.",
		      .example = "UPDATE alerts SET status = 'sent' WHERE id = $1"),
	TOCSIN_OPTION(
		QUERY, struct config, recipients,
		.help = "Query whose first column lists the addresses to notify; $1 is the "
			"value of the column `recipients_by`. Without any, the channel's `to` "
			"applies. Default: the table alert_recipients (site_url, email) when "
			"it stands beside the table. Empty: no query.",
		.example = "SELECT email FROM watchers WHERE site_id = $1::bigint"),
	TOCSIN_OPTION(STRING, struct config, recipients_by,
		      .help = "Column whose value is $1 of `recipients`.", .example = "site_id"),
	TOCSIN_OPTION(STRING, struct config, recipient_column,
		      .help = "Column with the row's own address; several with commas between, or "
			      "an array.",
		      .example = "contact"),
	TOCSIN_OPTION(MAP, struct config, label_columns,
		      .help = "Labels and the columns they come from. Default: site from site_url, "
			      "when there is such a column.",
		      .example = "{site: site_url, team: team}"),
	TOCSIN_OPTION(MAP, struct config, annotation_columns,
		      .help = "Annotations, the text of the alert, and the columns they come from. "
			      "Default: summary from message, when there is such a column.",
		      .example = "{summary: title, description: details}"),
	TOCSIN_OPTION(STRING, struct config, alertname,
		      .help = "Value of the label alertname. Default: the name of the table.",
		      .example = "site alert"),
	TOCSIN_OPTION(STRING, struct config, severity_column,
		      .help = "Column with the severity, a name or alias. Default: severity, when "
			      "there is such a column.",
		      .example = "level"),
	TOCSIN_OPTION(CHOICE, struct config, severity, .preset = "warning", .choices = severities,
		      .help = "Severity of rows that do not say a known one."),
	TOCSIN_OPTION(STRING, struct config, link_column,
		      .help = "Column with an http(s) address to link to.",
		      .example = "report_url"),
	TOCSIN_OPTION(CHOICE, struct config, on_dead, .preset = "leave", .choices = dead_choices,
		      .help = "What becomes of a row with a delivery that was given up: leave it "
			      "pending, or settle it like one that was sent."),
	TOCSIN_OPTION(INT, struct config, batch, .preset = "500", .min = 1, .max = 5000,
		      .help = "Rows held in memory at once."),
	TOCSIN_OPTION(DURATION, struct config, poll, .preset = "5s", .min = 1000, .max = 3600000,
		      .help = "Longest pause between two readings of the table."),
	TOCSIN_OPTION(STRING, struct config, listen, .preset = "tocsin_alerts",
		      .help = "Channel on which the database announces new rows with NOTIFY. "
			      "Empty: polling only."),
	TOCSIN_OPTION(DURATION, struct config, statement_timeout, .preset = "30s", .min = 100,
		      .max = 3600000, .help = "Longest time that one statement may take."),
	TOCSIN_OPTION(BOOL, struct config, lock, .preset = "true",
		      .help = "Hold an advisory lock on the table, so that of several dispatchers "
			      "only one works on it at a time."),
	{.size = sizeof(struct tocsin_option),
	 .type = TOCSIN_SECTION,
	 .name = "queue",
	 .offset = offsetof(struct config, queue),
	 .options = queue_options,
	 .option_count = QUEUE_OPTIONS,
	 .help = "Work on a table of jobs, together with others."},
};

static void source_close(void *state)
{
	struct postgres *p = state;

	run_end(p);
	held_clear(&p->queue.held);
	close(p->wakeup);
	close(p->events);
	free(p);
}

/* A queue says in its section what the other options say of a table of alerts. */
static void use_section(struct postgres *p)
{
	const struct queue_config *queue = &p->config->queue;

	if (!queue->table)
		return;
	p->own = *p->config;
	p->own.table = queue->table;
	p->own.key = queue->key;
	p->own.order = queue->columns.scheduled_at;
	p->own.listen = queue->listen;
	p->own.lock = false;
	p->config = &p->own;
}

static int source_open(struct tocsin_self *self, const struct tocsin_host *host, const void *config,
		       void **state)
{
	/* What the shipped schema and this source's own options can mend. */
	static const struct database_advice advice[] = {
		{"42501", "grant the role that right (see the grants in the output of "
			  "'tocsin sql alerts')"},
		{"42P01", "set the name of the existing table, or make the shipped one with "
			  "'tocsin sql alerts | psql'"},
		{"57014", "add the partial index on pending rows, or raise statement_timeout"},
		{NULL, NULL},
	};
	const struct config *given = config;
	const struct database_settings database = {.connection = given->connection,
						   .password = given->password,
						   .timeout_ms = given->statement_timeout,
						   .advice = advice};
	struct epoll_event event = {.events = EPOLLIN};
	struct postgres *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->self = self;
	p->host = host;
	p->config = config;
	database_init(&p->db, self, host, &database);
	use_section(p);
	p->events = epoll_create1(EPOLL_CLOEXEC);
	p->wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->events < 0 || p->wakeup < 0 ||
	    epoll_ctl(p->events, EPOLL_CTL_ADD, p->wakeup, &event) < 0) {
		int error = -errno;

		host->log(self, TOCSIN_LOG_ERROR, "no descriptor to wait on is left");
		if (p->wakeup >= 0)
			close(p->wakeup);
		if (p->events >= 0)
			close(p->events);
		free(p);
		return error;
	}
	*state = p;
	return 0;
}

static int source_settled(void *state, const struct tocsin_settled *settled, size_t n)
{
	struct postgres *p = state;

	return p->config->queue.table ? queue_settled(p, settled, n) : settle_rows(p, settled, n);
}

static int source_run(void *state)
{
	struct postgres *p = state;

	return p->config->queue.table ? queue_run(p) : run_source(p);
}

static bool source_ending(void *state)
{
	struct postgres *p = state;

	return p->config->queue.table && queue_ending(p);
}

static const struct tocsin_source_ops source = {
	.size = sizeof(struct tocsin_source_ops),
	.open = source_open,
	.run = source_run,
	.settled = source_settled,
	.close = source_close,
	.check = check_options,
	.ending = source_ending,
};

TOCSIN_PLUGIN(.kind = TOCSIN_SOURCE, .name = "postgres", .version = "1.0",
	      .summary =
		      "sends the pending rows of a PostgreSQL table and marks them as sent, or works on "
		      "a queue of jobs",
	      .options = options, .option_count = TOCSIN_COUNT(options),
	      .config_size = sizeof(struct config), .source = &source, .rereads = true, );
