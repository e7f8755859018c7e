/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every statement of the configuration is tried without effect, so that a
 * mistake or a missing right is found before the first alert is sent, and not
 * when it should be marked as sent.
 */
#include "postgres.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* EXPLAIN checks names, types and rights, and changes nothing. */
static int try_out(struct postgres *p, const char *option, const char *sql, int n)
{
	static const char *const nothing[8];
	static const char *const utility[] = {"call", "do", "execute", NULL};
	char *explain;
	int rc;

	if (!sql)
		return database_error(&p->db, -ENOMEM, "out of memory");
	for (size_t i = 0; utility[i]; i++)
		if (strncasecmp(sql + strspn(sql, " \t\r\n"), utility[i], strlen(utility[i])) == 0)
			return 0;
	explain = sql_format("EXPLAIN %s", sql);
	rc = database_query(&p->db, option, explain, n, nothing, NULL);
	free(explain);
	return rc;
}

static int rehearse_pages(struct postgres *p)
{
	static char always[] = "true";
	const struct table *table = &p->table;
	struct sql_table all = table->sql;
	int rc, n = table->sql.order ? 2 : 1;
	char *sql;

	/* First without the user's condition, to know whom to blame. */
	all.pending = always;
	sql = sql_page(&all, table->columns, SQL_DATED, true, 1);
	rc = try_out(p, "table", sql, n);
	free(sql);
	if (rc)
		return rc;
	sql = sql_page(&table->sql, table->columns, SQL_DATED, true, 1);
	rc = try_out(p, "pending", sql, n);
	free(sql);
	return rc;
}

int rehearse(struct postgres *p)
{
	int rc = database_command(&p->db, "BEGIN READ ONLY");

	if (!rc)
		rc = rehearse_pages(p);
	if (!rc && p->table.recipients)
		rc = try_out(p, "recipients", p->table.recipients, 1);
	if (!rc)
		rc = try_out(p, "settle", p->table.settle, 1);
	if (!rc)
		rc = database_command(&p->db, "COMMIT");
	database_rollback(&p->db);
	return rc;
}

int rehearse_queue(struct postgres *p)
{
	const struct {
		const char *sql;
		int n;
	} all[] = {{p->queue.claim, 3},
		   {p->queue.renew, 3},
		   {p->queue.recover, 1},
		   {p->queue.finish, 8}};
	int rc = database_command(&p->db, "BEGIN READ ONLY");

	for (size_t i = 0; !rc && i < TOCSIN_COUNT(all); i++)
		rc = try_out(p, "queue", all[i].sql, all[i].n);
	if (!rc)
		rc = database_command(&p->db, "COMMIT");
	database_rollback(&p->db);
	return rc;
}
