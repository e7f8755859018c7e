/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../plugins/sources/postgres/postgres.h"
#include "base/units.h"

static char why[256];

/* What the option table presets. */
static struct config preset(void)
{
	return (struct config){.connection = "dbname=app",
			       .table = "alerts",
			       .key = "id",
			       .order = "triggered_at",
			       .pending = "email_sent IS NOT TRUE",
			       .listen = "tocsin_alerts",
			       .batch = 500,
			       .poll = 5000,
			       .statement_timeout = 30000,
			       .lock = true};
}

static void refused(const struct config *config, const char *option)
{
	const char *sentence = check_options(config, why, sizeof(why));

	assert_non_null(sentence);
	assert_non_null(strstr(sentence, option));
}

static void a_connection_is_all_that_is_needed(void **state)
{
	struct config config = preset();

	(void)state;
	assert_null(check_options(&config, why, sizeof(why)));
	config.connection = "postgresql://tocsin@db.example.com/app?sslmode=verify-full";
	assert_null(check_options(&config, why, sizeof(why)));
	config.connection = "app";
	assert_null(check_options(&config, why, sizeof(why)));
}

static void a_name_that_is_sql_is_refused(void **state)
{
	static const char evil[] = "id\"; DROP TABLE alerts; --";
	const struct tocsin_pair pair = {"site", evil};
	struct config config = preset();

	(void)state;
	config.table = evil, refused(&config, "'table'"), config = preset();
	config.key = evil, refused(&config, "'key'"), config = preset();
	config.key = "", refused(&config, "'key'"), config = preset();
	config.order = evil, refused(&config, "'order'"), config = preset();
	config.listen = evil, refused(&config, "'listen'"), config = preset();
	config.severity_column = evil, refused(&config, "'severity_column'"), config = preset();
	config.link_column = evil, refused(&config, "'link_column'"), config = preset();
	config.recipient_column = evil, refused(&config, "'recipient_column'"), config = preset();
	config.label_columns = (struct tocsin_map){&pair, 1};
	refused(&config, "'label_columns'"), config = preset();
	config.annotation_columns = (struct tocsin_map){&pair, 1};
	refused(&config, "'annotation_columns'");
}

static void options_that_need_each_other_are_asked_for(void **state)
{
	struct config config = preset();

	(void)state;
	config.pending = "status = 'new'", refused(&config, "'settle'");
	config.settle = "UPDATE alerts SET status = 'sent'", refused(&config, "$1");
	config.settle = "UPDATE alerts SET status = 'sent' WHERE id = $1";
	assert_null(check_options(&config, why, sizeof(why)));
	config.pending = "", refused(&config, "'pending'"), config = preset();
	config.recipients = "SELECT email FROM r WHERE site = $1",
	refused(&config, "recipients_by");
	config.recipients_by = "site";
	assert_null(check_options(&config, why, sizeof(why)));
	config.recipient_column = "contact", refused(&config, "exclude");
	config.recipients = "", refused(&config, "'recipients_by'");
}

static void a_broken_connection_string_is_refused_without_repeating_it(void **state)
{
	struct config config = preset();

	(void)state;
	config.connection = "host=db password=my secret";
	refused(&config, "'connection'");
	assert_null(strstr(check_options(&config, why, sizeof(why)), "secret"));
}

static void sweeps_take_a_tenth_of_the_time_and_news_are_read_at_once(void **state)
{
	struct config config = preset();
	struct postgres p = {.config = &config, .sweep_end_ms = 100000, .tail_from_ms = 100000};
	bool all;

	(void)state;
	/* Nothing is under way: each notification may read everything. */
	assert_int_equal(sweep_due_ms(&p, 100000, &all), 5000);
	p.notified = true;
	assert_int_equal(sweep_due_ms(&p, 100000, &all), 0);
	assert_true(all);
	/* A sweep of 2 s: the next after 20 s, news in between at once. */
	p.sweep_busy_ms = 2000;
	assert_int_equal(sweep_due_ms(&p, 100001, &all), 0);
	assert_false(all);
	p.notified = false;
	assert_int_equal(sweep_due_ms(&p, 100001, &all), 19999);
	assert_int_equal(sweep_due_ms(&p, 120000, &all), 0);
	assert_true(all);
	/* Reading the news took 300 ms: not again for as long. */
	p.notified = true;
	p.tail_from_ms = 110300;
	assert_int_equal(sweep_due_ms(&p, 110000, &all), 300);
	/* Hours of backlog must not mean days of pause. */
	p.notified = false;
	p.sweep_busy_ms = 7200000;
	assert_int_equal(sweep_due_ms(&p, 100000, &all), 600000);
}

static void addresses_of_a_row_are_split_trimmed_and_named_once(void **state)
{
	struct addresses addresses = {0};

	(void)state;
	assert_int_equal(
		recipients_split(" a@example.com,b@example.com ,, a@example.com,\n", &addresses),
		0);
	assert_int_equal(addresses.n, 2);
	assert_string_equal(addresses.item[0], "a@example.com");
	assert_string_equal(addresses.item[1], "b@example.com");
	recipients_done(&addresses);
}

static void a_thousand_addresses_are_cut_to_what_an_alert_takes(void **state)
{
	struct addresses addresses = {0};
	char text[8000] = "", *end = text;

	(void)state;
	for (int i = 0; i < 1000; i++)
		end += snprintf(end, sizeof(text) - (size_t)(end - text), "a%d,", i);
	assert_int_equal(recipients_split(text, &addresses), 0);
	assert_int_equal(addresses.n, 256);
	recipients_done(&addresses);
}

/* Of a duration of the section queue, in milliseconds. */
static int64_t preset_of(const char *name)
{
	int64_t ms = -1;

	for (size_t i = 0; i < QUEUE_OPTIONS; i++)
		if (strcmp(queue_options[i].name, name) == 0)
			assert_int_equal(units_parse_duration(queue_options[i].preset, &ms), 0);
	assert_true(ms > 0);
	return ms;
}

/* Renewed just before its worker died, a row is found one look after its lease, and claimed with the next;
 * a second is left for statements that take their time. */
static void rows_of_the_dead_are_taken_up_within_15_s(void **state)
{
	(void)state;
	assert_true(preset_of("lease") + 2 * preset_of("poll") + 1000 <= 15000);
	/* Two renewals may fail before it is over. */
	assert_true(preset_of("lease") / 3 * 2 + 1000 < preset_of("lease") * 4 / 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_the_dead_are_taken_up_within_15_s),
		cmocka_unit_test(a_connection_is_all_that_is_needed),
		cmocka_unit_test(a_name_that_is_sql_is_refused),
		cmocka_unit_test(options_that_need_each_other_are_asked_for),
		cmocka_unit_test(a_broken_connection_string_is_refused_without_repeating_it),
		cmocka_unit_test(sweeps_take_a_tenth_of_the_time_and_news_are_read_at_once),
		cmocka_unit_test(addresses_of_a_row_are_split_trimmed_and_named_once),
		cmocka_unit_test(a_thousand_addresses_are_cut_to_what_an_alert_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
