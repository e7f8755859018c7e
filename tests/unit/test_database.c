/* SPDX-License-Identifier: Apache-2.0 */
/* The kept connection. What needs a server runs when TOCSIN_TEST_POSTGRES names one. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/common/database.h"

struct tocsin_self {
	char log[4000];
	int lines;
};

static void host_log(struct tocsin_self *self, enum tocsin_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void host_log(struct tocsin_self *self, enum tocsin_level level, const char *format, ...)
{
	va_list args;

	if (level == TOCSIN_LOG_DEBUG)
		return;
	self->lines++;
	va_start(args, format);
	vsnprintf(self->log, sizeof(self->log), format, args);
	va_end(args);
}

static const struct tocsin_host host = {.size = sizeof(host), .log = host_log};

static const char *server(void)
{
	const char *text = getenv("TOCSIN_TEST_POSTGRES");

	if (!text)
		skip();
	return text;
}

static void begin(struct database *db, struct tocsin_self *self, const char *connection)
{
	memset(self, 0, sizeof(*self));
	database_init(db, self, &host,
		      &(struct database_settings){.connection = connection, .timeout_ms = 5000});
}

static int read_rows(struct database *db, const char *sql, size_t most, PGresult **rows, bool *more)
{
	return database_read(db,
			     &(struct database_read){.option = "query", .sql = sql, .most = most},
			     rows, more);
}

static void waits_between_attempts_grow_to_half_a_minute(void **state)
{
	(void)state;
	assert_int_equal(database_backoff_ms(1, 0), 500);
	assert_int_equal(database_backoff_ms(1, 500), 1000);
	assert_int_equal(database_backoff_ms(2, 1000), 2000);
	assert_int_equal(database_backoff_ms(5, 8000), 16000);
	assert_int_equal(database_backoff_ms(6, 15000), 30000);
	assert_int_equal(database_backoff_ms(1000000, 15000), 30000);
	for (int attempt = 1; attempt < 100; attempt++)
		assert_in_range(database_backoff_ms(attempt, UINT32_MAX), 500, 30000);
}

static void sentences_of_libpq_become_one_line(void **state)
{
	struct database db = {0};

	(void)state;
	assert_int_equal(database_error(&db, -5, "could not connect:\n\tis it running?\n\n"), -5);
	assert_string_equal(db.why, "could not connect: is it running?");
}

static void errors_are_told_apart_by_who_can_mend_them(void **state)
{
	static const struct {
		const char *state;
		int error;
	} cases[] = {
		{NULL, -ENOTCONN},  {"57P01", -ENOTCONN}, {"08006", -ENOTCONN}, {"42P01", -EINVAL},
		{"42501", -EINVAL}, {"25006", -EINVAL},   {"23505", -EDOM},     {"P0001", -EDOM},
		{"57014", -EAGAIN}, {"40P01", -EAGAIN},   {"55P03", -EAGAIN},   {"53300", -EAGAIN},
		{"22P05", -EDOM},   {"54000", -EDOM},
	};
	static const struct database_advice own[] = {{"42P01", "make it"}, {NULL, NULL}};
	struct database db = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(database_errno(cases[i].state), cases[i].error);
	assert_non_null(strstr(database_advice(&db, "42501"), "grant"));
	assert_non_null(strstr(database_advice(&db, "42P01"), "name a table"));
	assert_non_null(database_advice(&db, "99999"));
	db.settings.advice = own;
	assert_string_equal(database_advice(&db, "42P01"), "make it");
	assert_non_null(strstr(database_advice(&db, "42501"), "grant"));
}

static void a_connection_that_cannot_be_understood_is_not_repeated(void **state)
{
	(void)state;
	assert_null(database_check("host=db dbname=app"));
	assert_null(database_check("app"));
	assert_null(database_check("postgresql://user@db/app"));
	assert_non_null(database_check("host=db password=my secret"));
	assert_null(strstr(database_check("host=db password=my secret"), "secret"));
}

/* libpq would look for a host or a port that is a part of the password, and name it to everybody. */
static void a_password_that_tears_its_uri_is_refused(void **state)
{
	static const char *const fine[] = {
		"postgresql://tocsin:Tr0ub4%40dor%2FSecret@127.0.0.1:5432/db",
		"postgres://tocsin:a:b?c#d@db.example.com:5432,other.example.com:5433/db?user=a@b",
		"postgresql://tocsin@%2Frun%2Fpostgresql/db",
		"postgresql:///db?host=/run/postgresql",
		"postgresql://[::1]:5432/db",
		"postgresql://",
		"host=/run/a,@b,db.example.com port=5432,,5433 user=a@b password=a/b@c",
	};
	static const char *const torn[] = {
		"postgresql://tocsin:Tr0ub4@dorSecret@127.0.0.1:5432/db",
		"postgresql://tocsin:Tr0ub4/dorSecret@127.0.0.1:5432/db",
		"postgresql://tocsin:4711/dorSecret@127.0.0.1:5432/db",
		"postgresql://tocsin:/dorSecret@127.0.0.1/db",
		"postgres://tocsin@example.com:dorSecret@127.0.0.1/db",
		"postgres://tocsin:@dorSecret@127.0.0.1/db",
		"host=dor@Secret dbname=db",
		"host=a,dor/Secret dbname=db",
		"port=dorSecret dbname=db",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		if (database_check(fine[i]))
			fail_msg("%s: %s", fine[i], database_check(fine[i]));
	for (size_t i = 0; i < sizeof(torn) / sizeof(torn[0]); i++) {
		const char *why = database_check(torn[i]);

		if (!why || !strstr(why, "%40 for @") || strstr(why, "Secret") ||
		    strstr(why, "Tr0"))
			fail_msg("%s: %s", torn[i], why ? why : "taken");
	}
}

static void stars(struct tocsin_self *self, char *text)
{
	char *secret = strstr(text, "hush");

	(void)self;
	if (secret)
		memcpy(secret, "****", 4);
}

/* It may become part of an alert. */
static void what_a_server_says_is_masked(void **state)
{
	const struct tocsin_host masking = {.size = sizeof(masking), .mask = stars};
	struct database db = {.host = &masking};

	(void)state;
	assert_int_equal(database_error(&db, -5, "the password \"%s\" is wrong", "hush"), -5);
	assert_string_equal(db.why, "the password \"****\" is wrong");
}

static void without_a_server_the_next_attempt_waits(void **state)
{
	struct tocsin_self self;
	struct database db;

	(void)state;
	begin(&db, &self, "host=/nonexistent password=hush");
	assert_int_equal(database_keep(&db), -ENOTCONN);
	assert_non_null(strstr(db.why, "cannot connect to the database: "));
	assert_null(strstr(db.why, "hush"));
	assert_null(strstr(db.why, "Is the server running"));
	assert_in_range(db.retry_ms - database_now_ms(), 400, 1000);
	*db.why = '\0';
	assert_int_equal(database_keep(&db), -EAGAIN);
	assert_string_equal(db.why, "");
	database_error(&db, -ENOTCONN, "the same");
	database_complain(&db);
	database_complain(&db);
	assert_int_equal(self.lines, 1);
	assert_string_equal(self.log, "the same");
	database_close(&db);
}

static void rows_come_typed_and_in_order_with_their_nulls(void **state)
{
	struct tocsin_self self;
	struct database db;
	PGresult *rows;
	bool more;

	(void)state;
	begin(&db, &self, server());
	assert_int_equal(database_keep(&db), 0);
	assert_int_equal(read_rows(&db,
				   "SELECT n, CASE n WHEN 2 THEN NULL ELSE 'x' || n END AS t"
				   " FROM generate_series(1, 3) n -- all of them",
				   3, &rows, &more),
			 0);
	assert_false(more);
	assert_int_equal(PQntuples(rows), 3);
	assert_string_equal(PQfname(rows, 1), "t");
	assert_int_equal(PQftype(rows, 0), 23);
	assert_string_equal(PQgetvalue(rows, 2, 1), "x3");
	assert_true(PQgetisnull(rows, 1, 1));
	PQclear(rows);
	assert_int_equal(read_rows(&db, "SELECT 1 AS one WHERE false", 3, &rows, &more), 0);
	assert_int_equal(PQntuples(rows), 0);
	assert_string_equal(PQfname(rows, 0), "one");
	PQclear(rows);
	assert_int_equal(PQtransactionStatus(db.connection), PQTRANS_IDLE);
	database_close(&db);
}

static void more_rows_than_wanted_are_cut_and_do_not_keep_the_server_busy(void **state)
{
	struct tocsin_self self;
	struct database db;
	PGresult *rows;
	bool more;
	int64_t began = database_now_ms();

	(void)state;
	begin(&db, &self, server());
	assert_int_equal(database_keep(&db), 0);
	assert_int_equal(read_rows(&db, "SELECT generate_series(1, 1000000000)", 10, &rows, &more),
			 0);
	assert_true(more);
	assert_int_equal(PQntuples(rows), 10);
	PQclear(rows);
	assert_in_range(database_now_ms() - began, 0, 4000);
	/* The next one has a connection of its own. */
	assert_int_equal(database_keep(&db), 0);
	assert_int_equal(read_rows(&db, "SELECT 1", 1, &rows, &more), 0);
	assert_false(more);
	PQclear(rows);
	database_close(&db);
}

static void a_reading_that_writes_or_goes_on_for_ever_or_is_two_is_refused(void **state)
{
	static const struct {
		const char *sql;
		int error;
		const char *text;
	} cases[] = {
		{"CREATE TABLE x (y int)", -EINVAL, "option 'query': cannot execute CREATE TABLE"},
		{"SELECT 1; SELECT 2", -EINVAL, "option 'query': cannot insert multiple commands"},
		{"COMMIT; DROP TABLE x", -EINVAL, "option 'query': cannot insert multiple"},
		{"SELECT nothing", -EINVAL, "name a column that exists"},
		{"SELECT * FROM nowhere", -EINVAL, "name a table that exists"},
		{"SELECT 1/0", -EDOM, "option 'query': division by zero (SQLSTATE 22012)"},
		{"SELECT 1/(3-n) FROM generate_series(1, 5) n", -EDOM, "division by zero"},
		{"SELECT pg_sleep(30)", -EAGAIN, "raise its time limit"},
		{"SELECT pg_terminate_backend(pg_backend_pid())", -ENOTCONN,
		 "connection to the database lost: "},
	};
	struct tocsin_self self;
	struct database db;
	PGresult *rows;

	(void)state;
	begin(&db, &self, server());
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct database_read read = {
			.option = "query", .sql = cases[i].sql, .most = 9, .timeout_ms = 200};

		assert_int_equal(database_keep(&db), 0);
		assert_int_equal(database_read(&db, &read, &rows, NULL), cases[i].error);
		assert_null(rows);
		if (!strstr(db.why, cases[i].text))
			fail_msg("%s: %s", cases[i].sql, db.why);
		if (db.connection)
			assert_int_equal(PQtransactionStatus(db.connection), PQTRANS_IDLE);
	}
	/* It goes on. */
	assert_int_equal(database_keep(&db), 0);
	assert_int_equal(read_rows(&db, "SELECT 7", 1, &rows, NULL), 0);
	assert_string_equal(PQgetvalue(rows, 0, 0), "7");
	PQclear(rows);
	database_close(&db);
}

static void a_reading_leaves_no_setting_behind(void **state)
{
	struct tocsin_self self;
	struct database db;
	PGresult *rows;

	(void)state;
	begin(&db, &self, server());
	assert_int_equal(database_keep(&db), 0);
	assert_int_equal(read_rows(&db, "SHOW statement_timeout", 1, &rows, NULL), 0);
	assert_string_equal(PQgetvalue(rows, 0, 0), "5s");
	PQclear(rows);
	assert_int_equal(database_query(&db, NULL,
					"SELECT current_setting('statement_timeout'),"
					" current_setting('transaction_read_only')",
					0, NULL, &rows),
			 0);
	assert_string_equal(PQgetvalue(rows, 0, 0), "0");
	assert_string_equal(PQgetvalue(rows, 0, 1), "off");
	PQclear(rows);
	database_close(&db);
}

static void a_reading_can_be_waited_for_elsewhere(void **state)
{
	static const char *const value[] = {"41"};
	struct database_read read = {.option = "query",
				     .sql = "SELECT $1::int + 1 FROM pg_sleep(0.1)",
				     .value = value,
				     .n_values = 1,
				     .most = 1};
	struct tocsin_self self;
	struct database db;
	PGresult *rows;
	int rc, rounds = 0;

	(void)state;
	begin(&db, &self, server());
	assert_int_equal(database_keep(&db), 0);
	assert_int_equal(database_start(&db, &read), 0);
	while ((rc = database_take(&db, &rows, NULL)) == -EINPROGRESS) {
		struct pollfd fd = {.fd = PQsocket(db.connection), .events = POLLIN};

		assert_in_range(database_left_ms(&db), 5000, 15000);
		poll(&fd, 1, 1000);
		rounds++;
	}
	assert_int_equal(rc, 0);
	assert_in_range(rounds, 2, 20);
	assert_string_equal(PQgetvalue(rows, 0, 0), "42");
	PQclear(rows);
	/* One that is given up on its way leaves nothing. */
	assert_int_equal(database_start(&db, &read), 0);
	database_close(&db);
}

/* The statement that asks for times, over a table of one of them. For free(). */
static char *times_of(const char *expression)
{
	char *sql = NULL;
	size_t size;
	FILE *out = open_memstream(&sql, &size);

	assert_non_null(out);
	fputs("SELECT ", out);
	database_put_time(out, "q", "When \"so\"");
	fprintf(out, " FROM (SELECT %s AS \"When \"\"so\"\"\") q", expression);
	assert_int_equal(fclose(out), 0);
	return sql;
}

static enum database_time read_time(struct database *db, const char *expression, int64_t *ms)
{
	char *sql = times_of(expression);
	enum database_time what;
	PGresult *rows;

	assert_int_equal(database_keep(db), 0);
	if (read_rows(db, sql, 1, &rows, NULL))
		fail_msg("%s: %s", expression, db->why);
	what = database_time(rows, 0, 0, ms);
	PQclear(rows);
	free(sql);
	return what;
}

/* Noon in summer and in winter; the server's TimeZone is New York's. */
static void times_without_a_zone_are_in_that_of_the_server_or_the_one_that_is_named(void **state)
{
	static const struct tocsin_zone zones[] = {{"Europe/Berlin"}, {"UTC"}, {"Asia/Kolkata"}};
	static const int64_t ahead_min[] = {120, 0, 330};
	const int64_t summer = INT64_C(1751371200000), winter = INT64_C(1735732800000);
	const int64_t minute = 60000;
	struct tocsin_self self;
	struct database db;
	char connection[600];
	PGresult *rows;
	int64_t ms;

	(void)state;
	snprintf(connection, sizeof(connection), "%s options='-c TimeZone=America/New_York'",
		 server());
	begin(&db, &self, connection);
	assert_int_equal(read_time(&db, "timestamp '2025-07-01 12:00'", &ms), DATABASE_TIME);
	assert_int_equal(ms, summer + 4 * 60 * minute);
	assert_int_equal(read_time(&db, "timestamp '2025-01-01 12:00'", &ms), DATABASE_TIME);
	assert_int_equal(ms, winter + 5 * 60 * minute);
	for (size_t i = 0; i < 3; i++) {
		db.settings.timezone = &zones[i];
		assert_int_equal(read_time(&db, "timestamp '2025-07-01 12:00'", &ms),
				 DATABASE_TIME);
		assert_int_equal(ms, summer - ahead_min[i] * minute);
		assert_int_equal(read_time(&db, "timestamptz '2025-07-01 12:00:00.0019Z'", &ms),
				 DATABASE_TIME);
		assert_int_equal(ms, summer + 1);
	}
	assert_int_equal(database_query(&db, NULL, "SHOW TimeZone", 0, NULL, &rows), 0);
	assert_string_equal(PQgetvalue(rows, 0, 0), "America/New_York");
	PQclear(rows);
	db.settings.timezone = &(struct tocsin_zone){"No'where"};
	assert_int_equal(read_rows(&db, "SELECT 1", 1, &rows, NULL), -EDOM);
	assert_non_null(strstr(db.why, "\"TimeZone\": \"No'where\""));
	database_close(&db);
}

static void a_time_may_be_missing_or_infinite(void **state)
{
	struct tocsin_self self;
	struct database db;
	int64_t ms;

	(void)state;
	begin(&db, &self, server());
	assert_int_equal(read_time(&db, "NULL::timestamp", &ms), DATABASE_NO_TIME);
	assert_int_equal(read_time(&db, "timestamp 'infinity'", &ms), DATABASE_INFINITE);
	assert_int_equal(read_time(&db, "timestamptz '-infinity'", &ms), DATABASE_INFINITE);
	assert_int_equal(read_time(&db, "date 'infinity'", &ms), DATABASE_INFINITE);
	assert_int_equal(ms, 0);
	assert_int_equal(read_time(&db, "timestamptz '1969-12-31 23:59:59Z'", &ms), DATABASE_TIME);
	assert_int_equal(ms, -1000);
	database_close(&db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_between_attempts_grow_to_half_a_minute),
		cmocka_unit_test(sentences_of_libpq_become_one_line),
		cmocka_unit_test(errors_are_told_apart_by_who_can_mend_them),
		cmocka_unit_test(a_connection_that_cannot_be_understood_is_not_repeated),
		cmocka_unit_test(a_password_that_tears_its_uri_is_refused),
		cmocka_unit_test(what_a_server_says_is_masked),
		cmocka_unit_test(without_a_server_the_next_attempt_waits),
		cmocka_unit_test(rows_come_typed_and_in_order_with_their_nulls),
		cmocka_unit_test(more_rows_than_wanted_are_cut_and_do_not_keep_the_server_busy),
		cmocka_unit_test(a_reading_that_writes_or_goes_on_for_ever_or_is_two_is_refused),
		cmocka_unit_test(a_reading_leaves_no_setting_behind),
		cmocka_unit_test(a_reading_can_be_waited_for_elsewhere),
		cmocka_unit_test(
			times_without_a_zone_are_in_that_of_the_server_or_the_one_that_is_named),
		cmocka_unit_test(a_time_may_be_missing_or_infinite),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
