/* SPDX-License-Identifier: Apache-2.0 */
#include "heartbeat_tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libpq-fe.h>

struct tocsin_self self;
struct config config;
char tables_schema[40];
static PGconn *db;
static char connection[600];

void sql(const char *text)
{
	PGresult *result = PQexec(db, text);

	if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", text, PQerrorMessage(db));
	PQclear(result);
}

int tables_setup(void **state)
{
	const char *server = getenv("TOCSIN_TEST_POSTGRES");
	char make[300];

	*state = NULL;
	if (!server || !*server)
		return 0;
	snprintf(tables_schema, sizeof(tables_schema), "beats_%d", (int)getpid());
	snprintf(connection, sizeof(connection), "%s options='-c search_path=%s'", server,
		 tables_schema);
	db = PQconnectdb(connection);
	assert_int_equal(PQstatus(db), CONNECTION_OK);
	snprintf(
		make, sizeof(make),
		"SET client_min_messages = error; DROP SCHEMA IF EXISTS %s CASCADE; CREATE SCHEMA %s;"
		" CREATE TABLE h (type text, status text, last_heartbeat_at timestamptz, started"
		" timestamptz)",
		tables_schema, tables_schema);
	sql(make);
	beats_host_init(&self);
	config = (struct config){
		.misses = 1,
		.period = 5 * MINUTE,
		.severity = TOCSIN_CRITICAL,
		.starts_severity = TOCSIN_WARNING,
		.starts_within = HOUR,
		.alertname = "HeartbeatDown",
		.starts_alertname = "HeartbeatRestarts",
		.outage = 120000,
		.body_limit = 100,
		.connection = connection,
		.query = "SELECT * FROM h -- all of them",
		.name_column = "type",
		.time_column = "last_heartbeat_at",
		.poll = 10,
		.statement_timeout = 5000,
	};
	return 0;
}

int tables_teardown(void **state)
{
	(void)state;
	if (!db)
		return 0;
	PQfinish(db);
	db = NULL;
	beats_host_done(&self);
	return 0;
}

void need_server(void)
{
	if (!db)
		skip();
}

void await(const char *text)
{
	self.sleeps = true;
	for (int i = 0; i < 500 && !strstr(self.alerts, text); i++)
		assert_int_equal(beats_run(&self, 1), 0);
	if (!strstr(self.alerts, text))
		fail_msg("no alert \"%s\" in:\n%s%s", text, self.alerts, self.log);
}

void look_around(void)
{
	self.sleeps = true;
	for (int i = 0; i < 12; i++)
		assert_int_equal(beats_run(&self, 1), 0);
}

void rename_table(const char *text)
{
	bool done = false;

	sql("SET lock_timeout = '100ms'");
	for (int i = 0; i < 100 && !done; i++) {
		PGresult *result;

		assert_int_equal(beats_run(&self, 1), 0);
		result = PQexec(db, text);
		done = PQresultStatus(result) == PGRES_COMMAND_OK;
		PQclear(result);
	}
	assert_true(done);
}
