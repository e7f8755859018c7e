/* SPDX-License-Identifier: Apache-2.0 */
/* Runs that a table lists: statements, and what rows become. */
#include "cron_setting.h"

#include "../../plugins/sources/cron/feed.h"

static const bool all[FEED_COLUMNS] = {true, true, true, true, true, true, true, true};

#define TIME(column) \
	"CASE WHEN isfinite(" column "::timestamptz) THEN floor(extract(epoch FROM " column \
	"::timestamptz) * 1000)::bigint::text ELSE " column "::text END"

static void names_are_quoted_and_columns_mapped(void **unused)
{
	static const struct tocsin_pair columns[] = {{"job_name", "ta\"sk"}, {"results", ""}};
	struct table_config table = {.table = "app.ru\"ns", .batch = 7, .columns = {columns, 2}};
	bool has[FEED_COLUMNS];
	char *sql;

	(void)unused;
	memcpy(has, all, sizeof(has));
	has[FEED_RESULTS] = false;
	sql = feed_sql(&table, has, false);
	assert_string_equal(
		sql,
		"SELECT runs.\"id\"::text, runs.\"ta\"\"sk\"::text, " TIME("runs.\"started_at\"") ", " TIME(
			"runs.\"completed_at\"") ", "
						 "runs.\"duration_ms\"::text, runs.\"status\"::text, NULL, "
						 "runs.\"error_message\"::text, runs.\"started_at\"::text "
						 "FROM \"app\".\"ru\"\"ns\" AS runs WHERE runs.\"started_at\" >= $1::timestamptz AND "
						 "(runs.\"started_at\", runs.\"id\"::text) > ($2, $3) "
						 "ORDER BY runs.\"started_at\", runs.\"id\"::text LIMIT 7");
	free(sql);
	table = (struct table_config){.query = "SELECT 1;\n ;\n", .batch = 7};
	sql = feed_sql(&table, all, true);
	assert_non_null(strstr(sql, "FROM (SELECT 1\n) AS runs WHERE "
				    "runs.\"id\" = ANY($1)"));
	free(sql);
	table.query = "SELECT 1 -- of today";
	sql = feed_sql(&table, all, true);
	assert_non_null(strstr(sql, "FROM (SELECT 1 -- of today\n) AS runs WHERE "));
	free(sql);
}

/* A page as the server would give it; NULL: SQL's NULL. */
static PGresult *page(const char *const rows[][FEED_COLUMNS + 1], int n)
{
	PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	PGresAttDesc attributes[FEED_COLUMNS + 1];

	memset(attributes, 0, sizeof(attributes));
	for (int i = 0; i <= FEED_COLUMNS; i++)
		attributes[i].name = (char *)(uintptr_t) "column";
	assert_true(PQsetResultAttrs(result, FEED_COLUMNS + 1, attributes));
	for (int row = 0; row < n; row++)
		for (int i = 0; i <= FEED_COLUMNS; i++) {
			const char *value = rows[row][i];

			assert_true(PQsetvalue(result, row, i, (char *)(uintptr_t)value,
					       value ? (int)strlen(value) : -1));
		}
	return result;
}

#define NOON_MS "1763467200000"

static int64_t take(const char *const rows[][FEED_COLUMNS + 1], int n)
{
	PGresult *result = page(rows, n);
	int64_t seen = 0;

	assert_int_equal(feed_take(cron, result, NOON - H, host_now_ms, &seen), 0);
	assert_int_equal(book_flush(cron), 0);
	PQclear(result);
	return seen;
}

static void a_row_is_taken_once_and_followed_to_its_end(void **unused)
{
	static const char *const running[][FEED_COLUMNS + 1] = {
		{"a\"b", "j", "1763467190000", NULL, NULL, "running", NULL, NULL, ""}};
	static const char *const ended[][FEED_COLUMNS + 1] = {
		{"a\"b", "j", "1763467190000", NOON_MS, NULL, "failed",
		 "{\"failed\":2,\"errors\":[\"no paper\"]}", NULL, ""}};
	size_t n;
	char *ids;

	(void)unused;
	begin();
	for (int i = 0; i < 3; i++)
		assert_int_equal(take(running, 1), 1763467190000);
	assert_item("j", "running", "1");
	ids = feed_followed(cron, &n);
	assert_string_equal(ids, "{\"a\\\"b\"}");
	free(ids);
	for (int i = 0; i < 3; i++)
		(void)take(ended, 1);
	assert_item("j", "total", "1");
	assert_item("j", "average_ms", "10000");
	assert_int_equal(self.n_alerts, 1);
	assert_alert("error=no paper");
}

static void take_one(const char *id, const char *started, const char *ended, const char *status)
{
	const char *const row[][FEED_COLUMNS + 1] = {
		{id, "j", started, ended, NULL, status, NULL, NULL, ""}};

	(void)take(row, 1);
}

static void a_program_that_lists_its_run_itself_is_one_run(void **unused)
{
	char id[CRON_ID + 1];

	(void)unused;
	add("j", "sleep 0.1; exit 3");
	begin();
	assert_int_equal(say("j", "run", "{}"), 200);
	memcpy(id, cron->job[0]->running[0]->id, sizeof(id));
	take_one(id, "1763467190000", NULL, "running");
	take_one(id, "1763467190000", NOON_MS, "failed");
	assert_item("j", "running", "1");
	assert_int_equal(self.n_alerts, 0);
	settle();
	take_one(id, "1763467190000", NOON_MS, "failed");
	assert_item("j", "total", "1");
	assert_int_equal(self.n_alerts, 1);
	assert_alert("error=exit status 3");
}

static void an_id_that_is_given_again_is_another_run(void **unused)
{
	(void)unused;
	begin();
	for (int i = 0; i < 2; i++)
		take_one("1", "1763467190000", "1763467191000", "completed");
	assert_item("j", "total", "1");
	for (int i = 0; i < 2; i++)
		take_one("1", "1763467195000", NOON_MS, "failed");
	assert_item("j", "total", "2");
	assert_int_equal(self.n_alerts, 1);
	/* it waited, and its start is told when it begins */
	take_one("2", "1763467196000", NULL, "pending");
	take_one("2", "1763467197000", NULL, "running");
	assert_item("j", "running", "1");
	for (int i = 0; i < 2; i++)
		take_one("2", "1763467197000", NOON_MS, "completed");
	assert_item("j", "running", "0");
	assert_item("j", "total", "3");
	assert_int_equal(host_values(&self, "run/j/"), 3);
	assert_int_equal(cron->job[0]->last.duration_ms, 3000);
	for (int i = 0; i < 2; i++)
		take_one("2", "1763467198000", NOON_MS, "completed");
	assert_item("j", "total", "4");
}

static void rows_that_make_no_sense_harm_nobody(void **unused)
{
	static const char *const rows[][FEED_COLUMNS + 1] = {
		{NULL, "j", NOON_MS, NOON_MS, NULL, "failed", NULL, NULL, ""},
		{"1", NULL, NOON_MS, NOON_MS, NULL, "failed", NULL, NULL, ""},
		{"2", "", NOON_MS, NOON_MS, NULL, "failed", NULL, NULL, ""},
		{"3", "j", NULL, NOON_MS, NULL, "failed", NULL, NULL, ""},
		{"4", "j", "x", NOON_MS, "y", "failed", NULL, NULL, ""},
		{"0123456789012345678901234567890123456789012345678901234567890123456789", "j",
		 NOON_MS, NOON_MS, NULL, "failed", NULL, NULL, ""},
		{"9", "j", "infinity", NOON_MS, NULL, "failed", NULL, NULL, ""},
		/* judged by what there is */
		{"5", "j", NOON_MS, NOON_MS, NULL, "weird", "not json", NULL, ""},
		{"6", "j", NOON_MS, NOON_MS, NULL, "weird", NULL, "oh", ""},
		{"7", "j", NOON_MS, NULL, NULL, NULL, NULL, NULL, ""},
		{"8", "j", "99999999999999999", NOON_MS, NULL, "failed", NULL, NULL, ""},
		{"10", "k", NOON_MS, "infinity", NULL, NULL, NULL, NULL, ""},
	};

	(void)unused;
	begin();
	assert_int_equal(take(rows, 12), NOON);
	assert_non_null(strstr(self.log, "at most 64 bytes"));
	assert_item("j", "total", "3");
	assert_item("j", "succeeded", "1");
	assert_item("j", "running", "1");
}

static void what_was_pruned_is_not_taken_again(void **unused)
{
	static const char *const rows[][FEED_COLUMNS + 1] = {
		{"1", "j", "1763467190001", NOON_MS, NULL, "failed", NULL, NULL, ""},
		{"2", "j", "1763467190002", NOON_MS, NULL, "failed", NULL, NULL, ""},
		{"3", "j", "1763467190003", NOON_MS, NULL, "failed", NULL, NULL, ""},
	};

	(void)unused;
	config.keep_runs = 2;
	begin();
	for (int i = 0; i < 3; i++)
		(void)take(rows, 3);
	assert_int_equal(self.n_alerts, 3);
	assert_item("j", "total", "3");
	assert_int_equal(host_values(&self, "run/j/"), 2);
}

static void what_was_pruned_is_not_taken_again_beside_a_run_that_goes_on(void **unused)
{
	static const char *const rows[][FEED_COLUMNS + 1] = {
		{"0", "j", "1763467190000", NULL, NULL, "running", NULL, NULL, ""},
		{"1", "j", "1763467190001", NOON_MS, NULL, "failed", NULL, NULL, ""},
		{"2", "j", "1763467190002", NOON_MS, NULL, "failed", NULL, NULL, ""},
		{"3", "j", "1763467190003", NOON_MS, NULL, "failed", NULL, NULL, ""},
	};

	(void)unused;
	config.keep_runs = 2;
	begin();
	for (int i = 0; i < 3; i++)
		(void)take(rows, 4);
	assert_int_equal(self.n_alerts, 3);
	assert_item("j", "total", "3");
	end();
	/* nor by the next life, which keeps more */
	config.keep_runs = 100;
	begin();
	(void)take(rows, 4);
	assert_int_equal(self.n_alerts, 3);
	assert_item("j", "total", "3");
}

static void a_table_that_cannot_be_read_is_told_until_it_can_be(void **unused)
{
	(void)unused;
	config.table = (struct table_config){.table = "runs", .unreachable_after = 5 * M};
	config.table.connection = "dbname=none";
	begin();
	assert_int_equal(unread_note(cron, "no route to it", host_now_ms), 0);
	host_set_clock(24 * H);
	host_now_ms += 4 * M;
	assert_int_equal(unread_note(cron, "no route to it", host_now_ms), 0);
	assert_int_equal(book_flush(cron), 0);
	assert_int_equal(self.n_alerts, 0);
	host_now_ms += M;
	for (int i = 0; i < 3; i++)
		assert_int_equal(unread_note(cron, "no route to it", host_now_ms), 0);
	assert_int_equal(book_flush(cron), 0);
	assert_int_equal(self.n_alerts, 1);
	assert_alert("FIRING 4 alertname=CronTableFails table=runs | "
		     "summary=the table of runs could not be read for 5m 0s: no route to it");
	/* nor is it told again by the next life, which reads another one */
	end();
	host_forget(&self);
	config.table.table = "others";
	begin();
	host_now_ms += 10 * M;
	assert_int_equal(unread_note(cron, "no route to it", host_now_ms), 0);
	assert_int_equal(book_flush(cron), 0);
	assert_int_equal(self.n_alerts, 0);
	assert_int_equal(unread_note(cron, NULL, host_now_ms), 0);
	assert_int_equal(book_flush(cron), 0);
	assert_int_equal(self.n_alerts, 1);
	assert_alert("RESOLVED 4 alertname=CronTableFails table=runs | "
		     "summary=the table of runs can be read again, after 15m");
	assert_null(host_value(&self, "unread"));
}

static void a_table_that_is_no_longer_read_is_no_trouble(void **unused)
{
	(void)unused;
	host_set(&self, "unread",
		 "{\"since\":1763467200000,\"labels\":{\"alertname\":\"CronTableFails\"}}");
	begin();
	assert_int_equal(self.n_alerts, 1);
	assert_alert("RESOLVED 4 alertname=CronTableFails | summary=the table of runs is no longer "
		     "read");
	end();
	begin();
	assert_int_equal(self.n_alerts, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names_are_quoted_and_columns_mapped),
		TEST(a_row_is_taken_once_and_followed_to_its_end),
		TEST(a_program_that_lists_its_run_itself_is_one_run),
		TEST(an_id_that_is_given_again_is_another_run),
		TEST(a_table_that_cannot_be_read_is_told_until_it_can_be),
		TEST(a_table_that_is_no_longer_read_is_no_trouble),
		TEST(rows_that_make_no_sense_harm_nobody),
		TEST(what_was_pruned_is_not_taken_again),
		TEST(what_was_pruned_is_not_taken_again_beside_a_run_that_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
