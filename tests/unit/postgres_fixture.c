/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct queue_config fixture_queue = {
	.table = "jobs",
	.key = "id",
	.listen = "tocsin_jobs",
	.columns = {.status = "status",
		    .scheduled_at = "scheduled_at",
		    .attempts = "attempts",
		    .token = "claim_token",
		    .lease_until = "lease_until"},
	.values = {"pending", "processing", "completed", "failed"},
	.retry = {.attempts = 3, .first = 1000, .max = 60000},
	.batch = 20,
	.max_running = 10,
	.max_per_key = 2,
	.lease = 12000,
	.poll = 1000,
};

bool fixture_server(void)
{
	if (getenv("TOCSIN_TEST_POSTGRES"))
		return true;
	print_message("TOCSIN_TEST_POSTGRES is not set: skipped\n");
	return false;
}

void fixture_sql(struct fixture *f, const char *text)
{
	PGresult *result = PQexec(f->admin, text);

	if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
		fail_msg("%s", PQerrorMessage(f->admin));
	PQclear(result);
}

int64_t fixture_number(struct fixture *f, const char *text)
{
	PGresult *result = PQexec(f->admin, text);
	int64_t value;

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		fail_msg("%s", PQerrorMessage(f->admin));
	value = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
	PQclear(result);
	return value;
}

static char *read_shipped(const char *name)
{
	const char *top = getenv("srcdir");
	char path[4096], *text = calloc(1, 16384);
	FILE *file;

	snprintf(path, sizeof(path), "%s/plugins/sources/postgres/%s", top ? top : ".", name);
	file = fopen(path, "r");
	if (!file || fread(text, 1, 16383, file) == 0)
		fail_msg("cannot read %s", path);
	fclose(file);
	return text;
}

int fixture_begin(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *server = getenv("TOCSIN_TEST_POSTGRES");
	static const char path[] = "options='-c search_path=t'";

	f->admin = PQconnectdb(server);
	if (PQstatus(f->admin) != CONNECTION_OK)
		return -1;
	/* One test at a time: those of another program would meet this one on the server. */
	fixture_sql(f, "SELECT pg_advisory_lock(1)");
	fixture_sql(f, "SET client_min_messages = warning; DROP SCHEMA IF EXISTS t CASCADE; "
		       "DROP ROLE IF EXISTS limited; CREATE ROLE limited LOGIN; "
		       "CREATE SCHEMA t; SET search_path = t; GRANT USAGE ON SCHEMA t TO limited");
	f->connection = sql_format("%s %s", server, path);
	f->limited = sql_format("%s user=limited %s", server, path);
	f->shipped = read_shipped("alerts.sql");
	f->jobs = read_shipped("jobs.sql");
	f->config = (struct config){.connection = f->connection,
				    .table = "alerts",
				    .key = "id",
				    .order = "triggered_at",
				    .pending = "email_sent IS NOT TRUE",
				    .severity = TOCSIN_WARNING,
				    .listen = "tocsin_alerts",
				    .batch = 500,
				    .poll = 1000,
				    .statement_timeout = 5000,
				    .lock = true};
	host_init(&f->host);
	*state = f;
	return 0;
}

int fixture_end(void **state)
{
	struct fixture *f = *state;

	fixture_sql(f, "SET client_min_messages = warning; "
		       "DROP SCHEMA t CASCADE; DROP ROLE limited");
	PQfinish(f->admin);
	host_done(&f->host);
	free(f->connection);
	free(f->limited);
	free(f->shipped);
	free(f->jobs);
	free(f);
	return 0;
}

void fixture_refused(struct fixture *f, const char *text)
{
	struct tocsin_self *host = &f->host;
	const char *line;

	*host->log = '\0';
	host->n = 0;
	assert_int_equal(host_once(host, &f->config), -EINVAL);
	line = strstr(host->log, "error: ");
	if (!line || !strstr(line, text) || strchr(line, '\n')[1])
		fail_msg("expected '%s' in one line, not: %s", text, host->log);
	assert_int_equal(host->n, 0);
}
