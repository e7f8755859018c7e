/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../plugins/sources/postgres/sql.h"

static struct sql_table sample(void)
{
	return (struct sql_table){.name = "\"alerts\"",
				  .key = "\"id\"",
				  .key_type = "uuid",
				  .order = "\"at\"",
				  .order_type = "timestamp with time zone",
				  .pending = "sent = false -- not yet"};
}

static void text_is(char *text, const char *expected)
{
	assert_string_equal(text, expected);
	free(text);
}

static void only_plain_names_are_names(void **state)
{
	static const char *const bad[] = {
		"",
		"1st",
		"a b",
		"a\"b",
		"a;b",
		"a'b",
		"a-b",
		"id--",
		"a\nb",
		"\xc3\xa4",
		"a.b",
		"$a",
		"alerts\"; DROP TABLE alerts; --",
		"a*",
		"(select 1)",
		" a",
		"a ",
		"a234567890123456789012345678901234567890123456789012345678901234",
	};

	(void)state;
	assert_true(sql_is_name("id"));
	assert_true(sql_is_name("_Sent$2"));
	assert_true(sql_is_name("a23456789012345678901234567890123456789012345678901234567890123"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(sql_is_name(bad[i]));
}

static void a_table_has_at_most_a_schema_before_it(void **state)
{
	(void)state;
	assert_true(sql_is_table_name("alerts"));
	assert_true(sql_is_table_name("app.alerts"));
	assert_false(sql_is_table_name("db.app.alerts"));
	assert_false(sql_is_table_name(".alerts"));
	assert_false(sql_is_table_name("app."));
	assert_false(sql_is_table_name("app.a;b"));
}

static void names_are_quoted_part_by_part(void **state)
{
	/* Never connects; quoting only asks for the encoding. */
	PGconn *db = PQconnectdb("host=/nonexistent connect_timeout=1");

	(void)state;
	text_is(sql_quote(db, "alerts"), "\"alerts\"");
	text_is(sql_quote(db, "App.Alerts"), "\"App\".\"Alerts\"");
	text_is(sql_quote(db, "a\"b"), "\"a\"\"b\"");
	PQfinish(db);
}

static void the_first_page_starts_with_the_oldest(void **state)
{
	struct sql_table table = sample();

	(void)state;
	text_is(sql_page(&table, "c", SQL_DATED, false, 500),
		"SELECT c FROM \"alerts\" WHERE (sent = false -- not yet\n) AND \"id\" IS NOT NULL"
		" AND \"at\" IS NOT NULL ORDER BY \"alerts\".\"at\", \"alerts\".\"id\" LIMIT 500");
}

static void the_next_page_starts_behind_the_last_row_also_among_equal_times(void **state)
{
	struct sql_table table = sample();

	(void)state;
	text_is(sql_page(&table, "c", SQL_DATED, true, 2),
		"SELECT c FROM \"alerts\" WHERE (sent = false -- not yet\n) AND \"id\" IS NOT NULL"
		" AND \"at\" IS NOT NULL AND (\"at\", \"id\") > ($1::timestamp with time zone,"
		" $2::uuid) ORDER BY \"alerts\".\"at\", \"alerts\".\"id\" LIMIT 2");
}

static void rows_without_a_time_are_read_by_key(void **state)
{
	struct sql_table table = sample();

	(void)state;
	text_is(sql_page(&table, "c", SQL_UNDATED, true, 2),
		"SELECT c FROM \"alerts\" WHERE (sent = false -- not yet\n) AND \"id\" IS NOT NULL"
		" AND \"at\" IS NULL AND \"id\" > $1::uuid"
		" ORDER BY \"alerts\".\"at\", \"alerts\".\"id\" LIMIT 2");
}

static void a_table_without_order_is_read_by_key(void **state)
{
	struct sql_table table = sample();

	(void)state;
	table.order = table.order_type = NULL;
	text_is(sql_page(&table, "c", SQL_DATED, true, 2),
		"SELECT c FROM \"alerts\" WHERE (sent = false -- not yet\n) AND \"id\" IS NOT NULL"
		" AND \"id\" > $1::uuid ORDER BY \"alerts\".\"id\" LIMIT 2");
}

static void settling_writes_only_rows_that_are_not_settled(void **state)
{
	struct sql_table table = sample();

	(void)state;
	text_is(sql_settle(&table, "\"sent\""),
		"UPDATE \"alerts\" SET \"sent\" = true WHERE \"id\" = ANY($1::uuid[])"
		" AND \"sent\" IS NOT TRUE");
	text_is(sql_still_pending(&table),
		"SELECT \"id\"::text FROM \"alerts\" WHERE \"id\" = ANY($1::uuid[])"
		" AND (sent = false -- not yet\n) LIMIT 3");
}

static void keys_with_an_index_are_looked_up_in_it(void **state)
{
	struct sql_table table = sample();

	(void)state;
	table.indexed = true;
	text_is(sql_settle(&table, "\"sent\""),
		"UPDATE \"alerts\" SET \"sent\" = true WHERE \"id\" = ANY((SELECT $1)::uuid[])"
		" AND \"sent\" IS NOT TRUE");
	text_is(sql_still_pending(&table),
		"SELECT \"id\"::text FROM \"alerts\" WHERE \"id\" = ANY((SELECT $1)::uuid[])"
		" AND (sent = false -- not yet\n) LIMIT 3");
}

static void keys_of_any_text_survive_in_an_array(void **state)
{
	const char *const keys[] = {"7", "a,b", "say \"hi\"", "back\\slash", "", "{}", "NULL"};

	(void)state;
	text_is(sql_array(keys, 0), "{}");
	text_is(sql_array(keys, 7),
		"{\"7\",\"a,b\",\"say \\\"hi\\\"\",\"back\\\\slash\",\"\",\"{}\",\"NULL\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_plain_names_are_names),
		cmocka_unit_test(a_table_has_at_most_a_schema_before_it),
		cmocka_unit_test(names_are_quoted_part_by_part),
		cmocka_unit_test(the_first_page_starts_with_the_oldest),
		cmocka_unit_test(the_next_page_starts_behind_the_last_row_also_among_equal_times),
		cmocka_unit_test(rows_without_a_time_are_read_by_key),
		cmocka_unit_test(a_table_without_order_is_read_by_key),
		cmocka_unit_test(settling_writes_only_rows_that_are_not_settled),
		cmocka_unit_test(keys_with_an_index_are_looked_up_in_it),
		cmocka_unit_test(keys_of_any_text_survive_in_an_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
