/* SPDX-License-Identifier: Apache-2.0 */
/* Small values of plugin instances. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "statement.h"

static const char upsert_value[] =
	"INSERT INTO kept (instance, name, value) VALUES (?1, ?2, ?3)"
	" ON CONFLICT (instance, name) DO UPDATE SET value = excluded.value";
static const char delete_value[] = "DELETE FROM kept WHERE instance = ?1 AND name = ?2";
static const char select_value[] = "SELECT value FROM kept WHERE instance = ?1 AND name = ?2";
/* Any text is less than any blob: without an end the range is open. */
#define SELECT_RANGE \
	"SELECT name, value FROM kept" \
	" WHERE instance = ?1 AND name >= ?2 AND name < coalesce(?3, x'') ORDER BY name"
static const char select_first[] = SELECT_RANGE " LIMIT ?4";
static const char select_last[] = SELECT_RANGE " DESC LIMIT ?4";

int db_save(void *state, const char *instance, const char *name, const char *value)
{
	struct statement st = statement_use(state, value ? upsert_value : delete_value);

	bind_text(&st, 1, instance);
	bind_text(&st, 2, name);
	if (value)
		bind_text(&st, 3, value);
	return statement_run(&st);
}

int db_load(void *state, const char *instance, const char *name, char **value)
{
	struct statement st = statement_use(state, select_value);
	int row;

	*value = NULL;
	bind_text(&st, 1, instance);
	bind_text(&st, 2, name);
	row = statement_row(&st);
	if (row == 1) {
		*value = strdup(column_text(&st, 0));
		row = *value ? 0 : -ENOMEM;
	} else if (row == 0) {
		row = -ENOENT;
	}
	return statement_end(&st, row);
}

/* The least text that is greater than all that begin with the prefix, made of it; false: there is
 * none. */
static bool end_of_range(char *prefix)
{
	size_t length = strlen(prefix);

	while (length > 0 && (unsigned char)prefix[length - 1] == 0xff)
		length--;
	if (length == 0)
		return false;
	prefix[length - 1] = (char)((unsigned char)prefix[length - 1] + 1);
	prefix[length] = '\0';
	return true;
}

int db_each(void *state, const char *instance, const char *prefix, bool newest_first, size_t limit,
	    tocsin_value_fn *fn, void *data)
{
	char *end = strdup(prefix);
	struct statement st;
	int row = 0, result = 0;

	if (!end)
		return -ENOMEM;
	st = statement_use(state, newest_first ? select_last : select_first);
	bind_text(&st, 1, instance);
	bind_text(&st, 2, prefix);
	bind_text(&st, 3, end_of_range(end) ? end : NULL);
	bind_int(&st, 4, limit ? (int64_t)limit : -1);
	while (result == 0 && (row = statement_row(&st)) == 1)
		result = fn(column_text(&st, 0), column_text(&st, 1), data);
	/* what fn says may be more than an error */
	row = statement_end(&st, row < 0 ? row : 0);
	free(end);
	return row < 0 ? row : result;
}
