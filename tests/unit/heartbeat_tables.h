/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heartbeat source and a table h (type, status, last_heartbeat_at, started) in a schema of this
 * process. What needs it runs when TOCSIN_TEST_POSTGRES is the connection string of a superuser of a
 * server made for tests.
 */
#ifndef HEARTBEAT_TABLES_H
#define HEARTBEAT_TABLES_H

#include "heartbeat_host.h"

#define MINUTE 60000
#define HOUR (60 * MINUTE)

extern struct tocsin_self self;
extern struct config config; /* reads all of h, every 10 ms */
extern char tables_schema[40];

int tables_setup(void **state);
int tables_teardown(void **state);
/* Skips the test when there is no server. */
void need_server(void);
void sql(const char *text);
/* Lets it run until the alert is there. */
void await(const char *text);
/* Lets it read everything twice. */
void look_around(void);
/* Renames or locks a table between two readings: one that is under way holds it until the source runs
 * on. */
void rename_table(const char *text);

#endif
