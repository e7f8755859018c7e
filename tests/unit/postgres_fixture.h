/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A schema on a real server for tests of the postgres source. They run when
 * TOCSIN_TEST_POSTGRES is the connection string of a superuser of a server made
 * for tests, and are skipped otherwise. srcdir is the top of the source tree.
 */
#ifndef POSTGRES_FIXTURE_H
#define POSTGRES_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "postgres_host.h"

struct fixture {
	PGconn *admin;
	char *connection, *limited; /* with the schema first in the search path */
	char *shipped, *jobs;       /* text of alerts.sql and jobs.sql */
	struct config config;
	struct tocsin_self host;
};

/* The section `queue` with what it is when nobody says otherwise. */
extern const struct queue_config fixture_queue;

bool fixture_server(void);
int fixture_begin(void **state);
int fixture_end(void **state);
/* Runs statements as superuser. */
void fixture_sql(struct fixture *f, const char *text);
/* The number that a query gives. */
int64_t fixture_number(struct fixture *f, const char *text);
/* A run with this configuration must fail with one line that has the text, and send nothing. */
void fixture_refused(struct fixture *f, const char *text);

#define SERVER_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_begin, fixture_end)

#endif
