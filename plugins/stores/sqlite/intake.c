/* SPDX-License-Identifier: Apache-2.0 */
/* Intake: alerts come in, and are recognised when they come in again. */
#include <errno.h>

#include "statement.h"

static const char select_mark[] =
	"SELECT number, generation, (SELECT told FROM telling WHERE alert = number),"
	" (SELECT count(*) FROM delivery WHERE alert = number AND state = 0),"
	" (SELECT count(*) FROM delivery WHERE alert = number AND state = 3)"
	" FROM alert WHERE number = ?1";
static const char select_generation[] = "SELECT generation FROM alert WHERE number = ?1";
static const char insert_alert[] =
	"INSERT INTO alert (number, id, source, mark, generation, fingerprint, severity, status,"
	" received_ms, created_ms, json) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
static const char insert_telling[] = "INSERT INTO telling (alert, source, tell, told, untold, hash)"
				     " VALUES (?1, ?2, ?3, 0, ?4, ?5)";

int db_find_mark(void *state, const char *source, const char *mark, struct tocsin_marked *found)
{
	struct db *db = state;
	struct statement st;
	int64_t alert;
	int row, result = db_find_newest(db, source, mark, &alert);

	*found = (struct tocsin_marked){0};
	if (result || !alert)
		return result;
	st = statement_use(db, select_mark);
	bind_int(&st, 1, alert);
	row = statement_row(&st);
	if (row == 1) {
		found->alert = column_int(&st, 0);
		found->generation = (int)column_count(&st, 1, INT32_MAX / 2);
		found->told = column_int(&st, 2);
		found->pending = column_int(&st, 3);
		found->dead = column_int(&st, 4);
	}
	return statement_end(&st, row < 0 ? row : 0);
}

static bool any_pending(const struct tocsin_new_alert *new)
{
	for (size_t i = 0; i < new->n; i++) {
		if (new->delivery[i].state == TOCSIN_STATE_PENDING)
			return true;
	}
	return false;
}

static int add_alert(struct db *db, const struct tocsin_new_alert *new, int64_t source)
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
	bind_int(&st, 10, db->now_ms);
	bind_text(&st, 11, new->body);
	return statement_run(&st);
}

/* Whether the source gave an alert of this generation, or of a later one, the same mark. */
static int refuse_known(struct db *db, const struct tocsin_new_alert *new)
{
	int64_t alert, generation;
	int result = db_find_newest(db, new->alert->source, new->mark, &alert);
	struct statement st;

	if (result || !alert)
		return result;
	st = statement_use(db, select_generation);
	bind_int(&st, 1, alert);
	result = statement_value(&st, &generation);
	return result || generation < new->generation ? result : -EEXIST;
}

static int add_telling(struct db *db, const struct tocsin_new_alert *new, int64_t source)
{
	int64_t number = db->counter[COUNTER_LAST_ALERT] + 1, hash;
	struct statement st = statement_use(db, insert_telling);
	int result;

	bind_int(&st, 1, number);
	bind_int(&st, 2, source);
	bind_int(&st, 3, new->tell);
	bind_int(&st, 4, new->tell && !any_pending(new));
	if (!new->mark)
		return statement_run(&st);
	hash = marks_hash(source, new->mark);
	bind_int(&st, 5, hash);
	result = statement_run(&st);
	return result ? result : db_add_mark(db, hash, number);
}

int db_accept(void *state, const struct tocsin_new_alert *new, int64_t *number)
{
	struct db *db = state;
	int64_t source;
	int result;

	if (!new->body || !new->alert->id || !new->alert->source || !new->alert->fingerprint ||
	    !db_all_new(new->delivery, new->n))
		return -EINVAL;
	result = new->mark ? refuse_known(db, new) : 0;
	if (!result)
		result = db_name(db, new->alert->source, &source);
	if (!result)
		result = add_alert(db, new, source);
	if (!result && (new->mark || new->tell))
		result = add_telling(db, new, source);
	if (result)
		return result;
	*number = ++db->counter[COUNTER_LAST_ALERT];
	db->counter[COUNTER_ALERTS]++;
	for (size_t i = 0; i < new->n && !result; i++) {
		result = db_add_delivery(db, *number, source, &new->delivery[i], new->now_ms);
		if (!result && new->delivery[i].state == TOCSIN_STATE_PENDING)
			fresh_add(&db->fresh, db->counter[COUNTER_LAST_DELIVERY], *number,
				  db->now_ms, new, &new->delivery[i]);
	}
	return result;
}
