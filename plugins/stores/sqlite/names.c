/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names as numbers. The caches have a fixed size, one name a slot: a deployment
 * has a few dozen names, and a source that invents them costs no memory.
 */
#include <stdlib.h>
#include <string.h>

#include "statement.h"

static const char select_name[] = "SELECT id FROM name WHERE text = ?1";
static const char select_text[] = "SELECT text FROM name WHERE id = ?1";
static const char insert_name[] = "INSERT INTO name (text) VALUES (?1)";

static size_t slot_of(const char *text)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return (size_t)(hash % DB_NAMES);
}

static void remember(struct db *db, size_t slot, const char *text, int64_t id)
{
	free(db->name[slot].text);
	db->name[slot].text = strdup(text); /* when memory is short it is not cached */
	db->name[slot].id = id;
}

int db_name_find(struct db *db, const char *text, int64_t *id)
{
	size_t slot = slot_of(text);
	struct statement st;
	int result;

	*id = db->name[slot].id;
	if (db->name[slot].text && strcmp(db->name[slot].text, text) == 0)
		return 0;
	st = statement_use(db, select_name);
	bind_text(&st, 1, text);
	result = statement_value(&st, id);
	if (!result && *id)
		remember(db, slot, text, *id);
	return result;
}

int db_name(struct db *db, const char *text, int64_t *id)
{
	int result = db_name_find(db, text, id);
	struct statement st;

	if (result || *id)
		return result;
	st = statement_use(db, insert_name);
	bind_text(&st, 1, text);
	result = statement_run(&st);
	if (result)
		return result;
	*id = sqlite3_last_insert_rowid(db->handle);
	remember(db, slot_of(text), text, *id);
	return 0;
}

const char *db_name_text(struct db *db, int64_t id)
{
	size_t slot = (size_t)id % DB_NAMES;
	struct statement st;
	char *copy;

	if (db->text[slot].text && db->text[slot].id == id)
		return db->text[slot].text;
	st = statement_use(db, select_text);
	bind_int(&st, 1, id);
	/* A name whose row got lost is empty: what has it still goes out. */
	copy = strdup(statement_row(&st) == 1 ? column_text(&st, 0) : "");
	if (statement_end(&st, 0)) {
		free(copy);
		return NULL;
	}
	if (!copy)
		return NULL;
	free(db->text[slot].text);
	db->text[slot].text = copy;
	db->text[slot].id = id;
	return copy;
}

static void forget(char **text, int64_t *id)
{
	free(*text);
	*text = NULL;
	*id = 0;
}

/* After a rollback names of that transaction are not in the table any more. */
void db_names_forget(struct db *db)
{
	for (size_t i = 0; i < DB_NAMES; i++) {
		forget(&db->name[i].text, &db->name[i].id);
		forget(&db->text[i].text, &db->text[i].id);
	}
}
