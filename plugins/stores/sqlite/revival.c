/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts that were emitted again: parked deliveries go on, dead ones get another chance. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "statement.h"

static const char unpark_alert[] =
	"UPDATE delivery INDEXED BY delivery_alert SET due_ms = ?2"
	" WHERE alert = ?1 AND state = 0 AND due_ms = 9223372036854775807";
static const char select_source[] = "SELECT source FROM alert WHERE number = ?1";
static const char select_keys[] =
	"SELECT id, key, state FROM delivery INDEXED BY delivery_alert WHERE alert = ?1";

static int unpark(struct db *db, int64_t alert, int64_t now_ms, int64_t *n)
{
	struct statement st = statement_use(db, unpark_alert);

	bind_int(&st, 1, alert);
	bind_int(&st, 2, now_ms);
	db_ready_at(db, now_ms);
	return statement_changes(&st, n);
}

int db_unpark(void *state, int64_t alert, int64_t now_ms, int64_t *n)
{
	struct db *db = state;

	db->counter[COUNTER_KNOWN]++;
	return unpark(db, alert, now_ms, n);
}

/* One that is wanted, and whether the alert has it already. */
struct wanted {
	const struct tocsin_new_delivery *delivery;
	bool seen;
};

/* A dead one, and whether it is wanted. */
struct dead {
	int64_t id;
	bool wanted;
};

struct revival {
	struct wanted *wanted; /* sorted by key */
	size_t n;
	struct dead *dead;
	size_t n_dead, room;
};

static int by_key(const void *a, const void *b)
{
	const struct wanted *one = a, *other = b;

	return strcmp(one->delivery->key, other->delivery->key);
}

static int add_dead(struct revival *revival, int64_t id, bool wanted)
{
	if (revival->n_dead == revival->room) {
		size_t room = revival->room ? revival->room * 2 : 16;
		struct dead *dead = realloc(revival->dead, room * sizeof(*dead));

		if (!dead)
			return -ENOMEM;
		revival->dead = dead;
		revival->room = room;
	}
	revival->dead[revival->n_dead++] = (struct dead){.id = id, .wanted = wanted};
	return 0;
}

static int read_keys(struct db *db, int64_t alert, struct revival *revival)
{
	struct statement st = statement_use(db, select_keys);
	int result = 0;

	bind_int(&st, 1, alert);
	while (!result && statement_row(&st) == 1) {
		const struct tocsin_new_delivery key = {.key = column_text(&st, 1)};
		const struct wanted sought = {.delivery = &key};
		struct wanted *found = revival->n ? bsearch(&sought, revival->wanted, revival->n,
							    sizeof(sought), by_key)
						  : NULL;

		if (found)
			found->seen = true;
		if (column_int(&st, 2) == TOCSIN_STATE_DEAD)
			result = add_dead(revival, column_int(&st, 0), found != NULL);
	}
	return statement_end(&st, result);
}

static int revive_dead(struct db *db, const struct revival *revival, int64_t due_ms)
{
	const struct db_settlement unwanted = {
		.state = TOCSIN_STATE_SUPPRESSED,
		.done_ms = db_wall_ms(),
		.reason = "given up before, and no route leads there any more",
	};
	int result = 0;

	for (size_t i = 0; i < revival->n_dead && !result; i++) {
		const struct dead *dead = &revival->dead[i];

		result = dead->wanted ? db_reopen_dead(db, dead->id, due_ms)
				      : db_restate_dead(db, dead->id, &unwanted);
	}
	return result;
}

static int add_unseen(struct db *db, int64_t alert, const struct revival *revival)
{
	struct statement st = statement_use(db, select_source);
	bool added = false;
	int64_t source;
	int result;

	bind_int(&st, 1, alert);
	result = statement_value(&st, &source);
	for (size_t i = 0; i < revival->n && !result; i++) {
		const struct tocsin_new_delivery *delivery = revival->wanted[i].delivery;

		if (revival->wanted[i].seen || delivery->stand_in)
			continue;
		result = db_add_delivery(db, alert, source, delivery, db_wall_ms());
		added = true;
	}
	if (added) {
		held_join(&db->held, alert);
		fresh_clear(&db->fresh);
	}
	return result;
}

static int revive(struct db *db, int64_t alert, struct revival *revival, int64_t now_ms)
{
	int64_t unparked;
	int result;

	qsort(revival->wanted, revival->n, sizeof(*revival->wanted), by_key);
	result = read_keys(db, alert, revival);
	if (!result)
		result = unpark(db, alert, now_ms, &unparked);
	if (!result)
		result = revive_dead(db, revival, now_ms);
	if (!result)
		result = add_unseen(db, alert, revival);
	return result ? result : db_alert_changed(db, alert, revival->n_dead > 0, NULL);
}

int db_revive(void *state, int64_t alert, const struct tocsin_new_delivery *wanted, size_t n,
	      int64_t now_ms)
{
	struct db *db = state;
	struct revival revival = {.n = n};
	int result;

	if (!db_all_new(wanted, n))
		return -EINVAL;
	revival.wanted = calloc(n ? n : 1, sizeof(*revival.wanted));
	if (!revival.wanted)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		revival.wanted[i].delivery = &wanted[i];
	db->counter[COUNTER_KNOWN]++;
	result = revive(db, alert, &revival, now_ms);
	free(revival.wanted);
	free(revival.dead);
	return result;
}
