/* SPDX-License-Identifier: Apache-2.0 */
/* What table.c and table_rows.c share: the readings of a database. */
#ifndef HEARTBEAT_TABLE_H
#define HEARTBEAT_TABLE_H

#include "heartbeat.h"

#include "../../common/database.h"

#define MOST_BEATS 100000
#define MOST_WRONG 1000
/* One query that is read again and again. */
struct query {
	struct rule *rule; /* NULL: the heartbeats */
	struct database_read read;
	int64_t at_ms, every_ms; /* own time of the next reading */
	bool done;               /* at least once */
	struct moment failing;   /* since when it cannot be read; own_ms 0: it can */
	bool told;               /* that alert is out */
};

struct table {
	struct database db;
	char *sql; /* of the heartbeats */
	struct query *query;
	size_t n;
	struct query *under_way;
	int64_t sent_ms;      /* own time */
	struct reading clock; /* of the database, at the last reading of heartbeats */
	unsigned round;
	int64_t blind_ms; /* own time until which no heartbeat here is judged */
	int error;        /* of the last reading */
	bool asked;            /* somebody wants a reading of heartbeats now */
	unsigned begun, ended; /* readings of heartbeats */
	const char *beats_why; /* the last one went wrong, or NULL */
};

/* table_rows.c */
/* The statement that reads heartbeats, for free(); NULL: no memory. */
char *table_statement(const struct config *config);
/* As it is written, upper and lower case. */
bool table_has_column(const PGresult *rows, const char *name);
/* Take what a reading brought, in one commit. 0, or as emit. */
int table_take_beats(struct heartbeat *h, const PGresult *rows, const struct moment *now);
/* more: it has further rows, which were not read. */
int table_take_wrong(struct heartbeat *h, struct rule *rule, const PGresult *rows, bool more,
		     const struct moment *now);

#endif
