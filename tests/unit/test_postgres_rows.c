/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which rows the postgres source reads, what they become, and what it refuses.
 * Against a real server: see postgres_fixture.h.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "postgres_fixture.h"

static void the_shipped_table_needs_only_a_connection(void **state)
{
	struct fixture *f = *state;
	struct seen *seen;

	fixture_sql(f, f->shipped);
	fixture_sql(f, f->shipped);
	fixture_sql(f,
		    "INSERT INTO alert_recipients VALUES ('a.example.com', 'b@example.com'),"
		    " ('a.example.com', 'a@example.com');"
		    "INSERT INTO alerts (site_url, severity, message, triggered_at) VALUES"
		    " ('b.example.com', 'info', 'second', '2025-11-18 14:30:46.5+01'),"
		    " ('a.example.com', 'critical', 'first', '2025-11-18 14:30:45+01'),"
		    " ('c.example.com', 'error', 'third', now());"
		    "INSERT INTO alerts (site_url, message, email_sent) VALUES ('d', 'old', true)");
	assert_int_equal(host_once(&f->host, &f->config), 0);
	assert_int_equal(f->host.n, 3);
	assert_int_equal(f->host.expected, 3);
	seen = f->host.seen;
	assert_string_equal(seen[0].labels, "alertname=alerts;site=a.example.com;");
	assert_string_equal(seen[0].annotations, "summary=first;");
	assert_string_equal(seen[0].severity, "critical");
	assert_string_equal(seen[0].recipients, "a@example.com;b@example.com;");
	assert_int_equal(seen[0].starts_at_ms, 1763472645000);
	assert_string_equal(seen[1].annotations, "summary=second;");
	assert_string_equal(seen[1].recipients, "");
	assert_int_equal(seen[1].starts_at_ms, 1763472646500);
	assert_string_equal(seen[2].annotations, "summary=third;");
	assert_string_equal(f->host.log, "info: database connected\ninfo: 3 alerts pending\n");
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM alerts WHERE NOT email_sent"), 0);
	/* The next run finds nothing. */
	assert_int_equal(host_once(&f->host, &f->config), 0);
	assert_int_equal(f->host.n, 3);
}

static void rows_with_equal_missing_or_endless_times_are_all_read(void **state)
{
	struct fixture *f = *state;

	fixture_sql(
		f, "CREATE TABLE alerts (id bigint PRIMARY KEY, triggered_at timestamp,"
		   " email_sent boolean);"
		   "INSERT INTO alerts SELECT n, CASE WHEN n % 5 = 0 THEN NULL WHEN n % 7 = 0"
		   " THEN 'infinity' ELSE timestamp '2025-01-01' + n % 3 * interval '1 us' END,"
		   " CASE WHEN n % 2 = 0 THEN NULL ELSE false END FROM generate_series(-30, 70) n");
	f->config.batch = 2;
	assert_int_equal(host_once(&f->host, &f->config), 0);
	assert_int_equal(f->host.n, 101);
	assert_int_equal(f->host.known, 0);
	assert_int_equal(f->host.seen[0].starts_at_ms, 1735689600000);
	assert_int_equal(f->host.seen[100].starts_at_ms, 0);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM alerts WHERE email_sent"), 101);
}

static void keys_may_be_any_text(void **state)
{
	struct fixture *f = *state;

	fixture_sql(f,
		    "CREATE TABLE alerts (id text UNIQUE, email_sent boolean);"
		    "INSERT INTO alerts VALUES ('a,b'), ('{}'), ('NULL'), (NULL), (E'new\\nline'),"
		    " ('\"quoted\"'), ('back\\slash'), ('''; DROP TABLE alerts; --'), ('\u00e4')");
	f->config.order = "";
	assert_int_equal(host_once(&f->host, &f->config), 0);
	assert_int_equal(f->host.n, 8);
	assert_true(host_logged(&f->host, "1 pending rows are left alone: their id is NULL"));
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM alerts WHERE email_sent"), 8);
}

static void an_existing_schema_is_used_as_it_is(void **state)
{
	struct fixture *f = *state;
	const struct tocsin_pair label[] = {{"site", "Site"}, {"alertname", "kind"}},
				 note[] = {{"summary", "title"}, {"description", "Body"}};
	struct config *c = &f->config;

	fixture_sql(
		f, "CREATE TABLE \"Event\" (\"eventId\" char(8) PRIMARY KEY, site_id int,"
		   " \"Site\" text,"
		   " kind text, title varchar(40), \"Body\" jsonb, status text DEFAULT 'new',"
		   " level text, url text, made date DEFAULT '2025-01-02');"
		   "CREATE TABLE watchers (site_id int, who text);"
		   "INSERT INTO watchers VALUES (7, 'a@example.com'), (7, NULL), (7, ''), (8, 'x');"
		   "INSERT INTO \"Event\" VALUES ('e1', 7, 'shop', 'disk', 'full', '{\"a\": 1}',"
		   " 'new', 'bogus', 'https://example.com/1')");
	c->table = "t.Event", c->key = "eventId", c->order = "made";
	c->pending = "status = 'new' -- only these";
	c->settle = "UPDATE \"Event\" SET status = 'sent' WHERE \"eventId\" = $1";
	c->recipients = "SELECT who FROM watchers WHERE site_id = $1";
	c->recipients_by = "site_id";
	c->label_columns = (struct tocsin_map){label, 2};
	c->annotation_columns = (struct tocsin_map){note, 2};
	c->severity_column = "level", c->link_column = "url", c->severity = TOCSIN_ERROR;
	assert_int_equal(host_once(&f->host, c), 0);
	assert_int_equal(f->host.n, 1);
	assert_string_equal(f->host.seen[0].mark, "e1");
	assert_string_equal(f->host.seen[0].labels, "severity=bogus;site=shop;alertname=disk;");
	assert_string_equal(f->host.seen[0].annotations, "summary=full;description={\"a\": 1};");
	assert_string_equal(f->host.seen[0].recipients, "a@example.com;");
	/* A word that is no severity does not cost the row. */
	assert_string_equal(f->host.seen[0].severity, "4");
	assert_string_equal(f->host.seen[0].link, "https://example.com/1");
	assert_int_equal(f->host.seen[0].starts_at_ms, 1735776000000);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM \"Event\" WHERE status = 'sent'"),
			 1);
}

static void the_row_may_name_its_recipients(void **state)
{
	struct fixture *f = *state;

	fixture_sql(f, "CREATE TABLE alerts (id int PRIMARY KEY, email_sent boolean, who text,"
		       " them text[]);"
		       "INSERT INTO alerts VALUES (1, false, 'a@example.com, b@example.com',"
		       " '{c@example.com,d@example.com}')");
	f->config.order = "";
	f->config.recipient_column = "who";
	assert_int_equal(host_once(&f->host, &f->config), 0);
	assert_string_equal(f->host.seen[0].recipients, "a@example.com;b@example.com;");
	fixture_sql(f, "UPDATE alerts SET email_sent = false, id = 2");
	f->config.recipient_column = "them";
	assert_int_equal(host_once(&f->host, &f->config), 0);
	assert_string_equal(f->host.seen[1].recipients, "c@example.com;d@example.com;");
}

static void a_row_whose_recipients_cannot_be_looked_up_keeps_no_other(void **state)
{
	struct fixture *f = *state;

	fixture_sql(f, "CREATE TABLE alerts (id int PRIMARY KEY, email_sent boolean, site text);"
		       "CREATE TABLE who (site bigint, email text);"
		       "INSERT INTO who VALUES (1, 'a@example.com');"
		       "INSERT INTO alerts SELECT n, false, CASE WHEN n % 3 = 0 THEN 'n/a' ELSE"
		       " '1' END FROM generate_series(1, 9) n");
	f->config.order = "";
	f->config.batch = 3;
	f->config.recipients = "SELECT email FROM who WHERE site = $1::bigint";
	f->config.recipients_by = "site";
	assert_int_equal(host_once(&f->host, &f->config), 0);
	assert_int_equal(f->host.n, 6);
	for (size_t i = 0; i < f->host.n; i++)
		assert_string_equal(f->host.seen[i].recipients, "a@example.com;");
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM alerts WHERE email_sent"), 6);
	assert_non_null(strstr(f->host.log, "3 rows of alerts cannot be sent and stay pending, the "
					    "first is 3: option 'recipients': invalid input"));
}

static void every_mistake_names_its_option(void **state)
{
	struct fixture *f = *state;
	struct config *c = &f->config, good = *c;
	const struct tocsin_pair wrong = {"site", "sight"};

	fixture_refused(f, "option 'table'");
	fixture_sql(f, f->shipped);
	fixture_sql(f, "INSERT INTO alerts (site_url, message) VALUES ('a', 'b')");
	c->key = "ID", fixture_refused(f, "did you mean 'id'"), *c = good;
	c->order = "made", fixture_refused(f, "option 'order'"), *c = good;
	c->severity_column = "level", fixture_refused(f, "option 'severity_column'"), *c = good;
	c->label_columns = (struct tocsin_map){&wrong, 1};
	fixture_refused(f, "option 'label_columns'"), *c = good;
	c->pending = "sent = ", fixture_refused(f, "option 'pending': syntax error"), *c = good;
	c->pending = "true); DELETE FROM alerts; --", fixture_refused(f, "option 'pending'"),
	*c = good;
	c->pending = "pg_sleep(9) IS NULL", c->statement_timeout = 100;
	assert_int_equal(host_once(&f->host, c), -EAGAIN);
	assert_true(host_logged(&f->host, "option 'pending': canceling statement"));
	*c = good;
	c->settle = "UPDATE alerts SET sent = true WHERE id = $1";
	fixture_refused(f, "option 'settle': column \"sent\""), *c = good;
	c->recipients = "SELECT mail FROM who WHERE s = $1", c->recipients_by = "site_url";
	fixture_refused(f, "option 'recipients': relation \"who\""), *c = good;
	c->connection = f->limited, fixture_refused(f, "permission denied");
	fixture_sql(f, "GRANT SELECT ON alerts, alert_recipients TO limited");
	fixture_refused(f, "option 'settle': permission denied"), *c = good;
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM alerts WHERE NOT email_sent"), 1);
}

static void a_condition_cannot_write(void **state)
{
	struct fixture *f = *state;

	fixture_sql(f, f->shipped);
	fixture_sql(f, "INSERT INTO alerts (site_url, message) VALUES ('a', 'b');"
		       "CREATE FUNCTION wipe() RETURNS boolean LANGUAGE sql VOLATILE AS"
		       " 'DELETE FROM alerts; SELECT true'");
	f->config.pending = "wipe()";
	f->config.settle = "UPDATE alerts SET email_sent = true WHERE id = $1";
	fixture_refused(f, "read-only transaction");
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM alerts"), 1);
}

static void the_listed_rights_are_enough(void **state)
{
	struct fixture *f = *state;

	fixture_sql(f, f->shipped);
	fixture_sql(f, "GRANT SELECT ON alerts, alert_recipients TO limited;"
		       "GRANT UPDATE (email_sent) ON alerts TO limited;"
		       "INSERT INTO alerts (site_url, message) VALUES ('a', 'b')");
	f->config.connection = f->limited;
	assert_int_equal(host_once(&f->host, &f->config), 0);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM alerts WHERE email_sent"), 1);
}

static void a_view_can_be_the_table(void **state)
{
	struct fixture *f = *state;

	fixture_sql(f, f->shipped);
	fixture_sql(
		f, "CREATE VIEW urgent AS SELECT * FROM alerts WHERE severity = 'critical';"
		   "INSERT INTO alerts (site_url, message, severity) VALUES ('a', 'b', 'critical'),"
		   " ('a', 'b', 'info')");
	f->config.table = "urgent";
	assert_int_equal(host_once(&f->host, &f->config), 0);
	assert_int_equal(f->host.n, 1);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM alerts WHERE email_sent"), 1);
}

static void a_server_that_is_not_there_ends_a_single_run_with_one_line(void **state)
{
	struct fixture *f = *state;

	f->config.connection = "host=/nonexistent password=hunter22";
	assert_int_equal(host_once(&f->host, &f->config), -ENOTCONN);
	assert_int_equal(strncmp(f->host.log, "error: cannot connect to the database:", 38), 0);
	assert_int_equal(strchr(f->host.log, '\n')[1], '\0');
	assert_null(strstr(f->host.log, "hunter22"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVER_TEST(the_shipped_table_needs_only_a_connection),
		SERVER_TEST(rows_with_equal_missing_or_endless_times_are_all_read),
		SERVER_TEST(keys_may_be_any_text),
		SERVER_TEST(an_existing_schema_is_used_as_it_is),
		SERVER_TEST(the_row_may_name_its_recipients),
		SERVER_TEST(a_row_whose_recipients_cannot_be_looked_up_keeps_no_other),
		SERVER_TEST(every_mistake_names_its_option),
		SERVER_TEST(a_condition_cannot_write),
		SERVER_TEST(the_listed_rights_are_enough),
		SERVER_TEST(a_view_can_be_the_table),
		SERVER_TEST(a_server_that_is_not_there_ends_a_single_run_with_one_line),
	};

	if (!fixture_server())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
