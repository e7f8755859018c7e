/* SPDX-License-Identifier: Apache-2.0 */
/* Intake: alerts come in, and are recognised when they come in again. */
#include <errno.h>

#include "statement.h"

static const char select_mark[] =
	"SELECT number, generation, told, pending, dead FROM alert INDEXED BY alert_mark"
	" WHERE source = ?1 AND mark = ?2 AND mark IS NOT NULL ORDER BY generation DESC LIMIT 1";
static const char insert_alert[] =
	"INSERT INTO alert (number, id, source, mark, generation, fingerprint, severity, status,"
	" received_ms, tell, told, pending, delivered, dead, suppressed, settled_ms)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0, ?11, 0, ?12, ?13, ?14)";
static const char insert_body[] = "INSERT INTO body (alert, json) VALUES (?1, ?2)";

int db_find_mark(void *state, const char *source, const char *mark, struct tocsin_marked *found)
{
	struct db *db = state;
	struct statement st;
	int64_t name;
	int row, result = db_name_find(db, source, &name);

	*found = (struct tocsin_marked){0};
	if (result || !name)
		return result;
	st = statement_use(db, select_mark);
	bind_int(&st, 1, name);
	bind_text(&st, 2, mark);
	row = statement_row(&st);
	if (row == 1) {
		found->alert = column_int(&st, 0);
		found->generation = (int)column_int(&st, 1);
		found->told = column_int(&st, 2);
		found->pending = column_int(&st, 3);
		found->dead = column_int(&st, 4);
	}
	return statement_end(&st, row < 0 ? row : 0);
}

static bool is_new(const struct tocsin_new_delivery *delivery)
{
	if (delivery->state == TOCSIN_STATE_CLAIMED || delivery->state == TOCSIN_STATE_DELIVERED)
		return false;
	return delivery->channel && delivery->recipient && delivery->route && delivery->key;
}

bool db_all_new(const struct tocsin_new_delivery *delivery, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!is_new(&delivery[i]))
			return false;
	}
	return true;
}

static int add_alert(struct db *db, const struct tocsin_new_alert *new, int64_t source,
		     const struct db_change *counts)
{
	struct statement st = statement_use(db, insert_alert);

	bind_int(&st, 1, db->counter[COUNTER_LAST_ALERT] + 1);
	bind_text(&st, 2, new->alert->id);
	bind_int(&st, 3, source);
	bind_text(&st, 4, new->mark);
	bind_int(&st, 5, new->generation);
	bind_text(&st, 6, new->alert->fingerprint);
	bind_int(&st, 7, new->alert->severity);
	bind_int(&st, 8, new->alert->status);
	bind_int(&st, 9, new->now_ms);
	bind_int(&st, 10, new->tell);
	bind_int(&st, 11, counts->pending);
	bind_int(&st, 12, counts->dead);
	bind_int(&st, 13, counts->suppressed);
	if (!counts->pending)
		bind_int(&st, 14, new->now_ms);
	return statement_run(&st);
}

static int add_body(struct db *db, int64_t alert, const char *json)
{
	struct statement st = statement_use(db, insert_body);

	bind_int(&st, 1, alert);
	bind_text(&st, 2, json);
	return statement_run(&st);
}

int db_accept(void *state, const struct tocsin_new_alert *new, int64_t *number)
{
	struct db *db = state;
	struct db_change counts = {0};
	int64_t source;
	int result;

	if (!new->body || !new->alert->id || !new->alert->source || !new->alert->fingerprint ||
	    !db_all_new(new->delivery, new->n))
		return -EINVAL;
	for (size_t i = 0; i < new->n; i++)
		db_count(&counts, new->delivery[i].state, 1);
	result = db_name(db, new->alert->source, &source);
	if (!result)
		result = add_alert(db, new, source, &counts);
	if (result)
		return result;
	*number = ++db->counter[COUNTER_LAST_ALERT];
	db->counter[COUNTER_ALERTS]++;
	db->counter[COUNTER_PENDING] += counts.pending;
	db->counter[COUNTER_DEAD] += counts.dead;
	db->counter[COUNTER_SUPPRESSED] += counts.suppressed;
	result = add_body(db, *number, new->body);
	for (size_t i = 0; i < new->n && !result; i++)
		result = db_add_delivery(db, *number, source, &new->delivery[i], new->now_ms);
	return result;
}
