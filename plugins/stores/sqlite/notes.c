/* SPDX-License-Identifier: Apache-2.0 */
/* Notes of channels: what one remembers of an alert and a recipient. */
#include <errno.h>
#include <string.h>

#include "statement.h"

#define FRESH_MS INT64_C(86400000) /* a note used today is not written again for that */

static const char upsert_note[] =
	"INSERT INTO note (channel, fingerprint, recipient, used_ms, text)"
	" VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (channel, fingerprint, recipient)"
	" DO UPDATE SET used_ms = excluded.used_ms, text = excluded.text";
static const char select_note[] = "SELECT text, used_ms FROM note"
				  " WHERE channel = ?1 AND fingerprint = ?2 AND recipient = ?3";
static const char update_used[] = "UPDATE note SET used_ms = ?4"
				  " WHERE channel = ?1 AND fingerprint = ?2 AND recipient = ?3";
static const char delete_unused[] =
	"DELETE FROM note WHERE (channel, fingerprint, recipient) IN"
	" (SELECT channel, fingerprint, recipient FROM note INDEXED BY note_used"
	"  WHERE used_ms < ?1 ORDER BY used_ms LIMIT ?2)";

static struct statement use_for(struct db *db, const char *sql, int64_t channel,
				const char *fingerprint, const char *recipient)
{
	struct statement st = statement_use(db, sql);

	bind_int(&st, 1, channel);
	bind_text(&st, 2, fingerprint);
	bind_text(&st, 3, recipient);
	return st;
}

int db_note(void *state, const char *channel, const char *fingerprint, const char *recipient,
	    const char *note)
{
	struct db *db = state;
	struct statement st;
	int64_t name;
	int result = db_name(db, channel, &name);

	if (result)
		return result;
	st = use_for(db, upsert_note, name, fingerprint, recipient);
	bind_int(&st, 4, db->now_ms);
	bind_text(&st, 5, note);
	return statement_run(&st);
}

int db_recall(void *state, const char *channel, const char *fingerprint, const char *recipient,
	      char **note)
{
	struct db *db = state;
	struct statement st;
	int64_t name, used_ms = 0;
	int row, result = db_name_find(db, channel, &name);

	*note = NULL;
	if (result || !name)
		return result ? result : -ENOENT;
	st = use_for(db, select_note, name, fingerprint, recipient);
	row = statement_row(&st);
	if (row == 1) {
		*note = strdup(column_text(&st, 0));
		used_ms = column_int(&st, 1);
		row = *note ? 0 : -ENOMEM;
	} else if (row == 0) {
		row = -ENOENT;
	}
	result = statement_end(&st, row);
	if (result || used_ms > db->now_ms - FRESH_MS)
		return result;
	st = use_for(db, update_used, name, fingerprint, recipient);
	bind_int(&st, 4, db->now_ms);
	return statement_run(&st);
}

int db_forget(void *state, int64_t used_before_ms, size_t limit, size_t *removed)
{
	struct statement st = statement_use(state, delete_unused);
	int64_t n = 0;
	int result;

	bind_int(&st, 1, used_before_ms);
	bind_int(&st, 2, (int64_t)limit);
	result = statement_changes(&st, &n);
	*removed = (size_t)n;
	return result;
}
