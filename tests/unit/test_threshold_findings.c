/* SPDX-License-Identifier: Apache-2.0 */
/* Options, what a query has found, and the words made of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "threshold_made.h"

extern const struct tocsin_plugin tocsin_plugin;

/* --- options --- */

static void options_that_make_no_sense_are_refused(void **state)
{
	const struct check_config some[] = {
		{.name = "", .critical = "> 1"},
		{.name = "a\nb", .critical = "> 1"},
		{.name = "a", .query = "", .critical = "> 1"},
		{.name = "a", .critical = "5"},
		{.name = "a", .warning = "> x"},
		{.name = "a", .recovery = "20:10", .warning = "> 1"},
		{.name = "a"},
		{.name = "a", .critical = "> 1", .breaches = "0"},
		{.name = "a", .critical = "> 1", .breaches = "5 of 3"},
		{.name = "a", .critical = "> 1", .breaches = "3 of 65"},
		{.name = "a", .critical = "> 1", .breaches = "three"},
		{.name = "a", .critical = "> 1", .flap_changes = 2},
		{.name = "a", .critical = "> 1", .mode = MODE_ROWS, .value_column = "x"},
		{.name = "a",
		 .critical = "> 1",
		 .mode = MODE_ROWS,
		 .label_columns = {(const char *const[]){"x"}, 1}},
		{.name = "a",
		 .critical = "> 1",
		 .labels = {(const struct tocsin_pair[]){{"alertname", "b"}}, 1}},
		{.name = "a", .critical = "> 1", .every = 1000, .schedule = (const void *)"x"},
		{.name = "a", .critical = "> 1", .timezone = (const void *)"x"},
		{.name = "a",
		 .warning = "> 1000",
		 .critical = "> 4000",
		 .mode = MODE_ROWS,
		 .max_rows = 1000},
	};
	static const char *const texts[] = {
		"every check needs a 'name'",
		"check 'a\nb': the name has a control character",
		"check 'a': 'query' is empty",
		"check 'a': 'critical': '5' does not say which side is meant",
		"check 'a': 'warning': '> x' does not compare",
		"check 'a': 'recovery': '20:10' begins above its end",
		"check 'a': it has no threshold",
		"'breaches' is '0'",
		"'breaches' is '5 of 3'",
		"'breaches' is '3 of 65'",
		"'breaches' is 'three'",
		"'flap_changes' must be 3 or more",
		"'value_column' has no meaning with mode 'rows'",
		"'label_columns' has no meaning with mode 'rows'",
		"the label alertname is the name of the check",
		"'every' and 'schedule' exclude each other",
		"'timezone' needs the 'schedule'",
		"check 'a': '> 4000' is beyond the 1000 rows that are read",
	};
	char why[512];

	(void)state;
	for (size_t i = 0; i < TOCSIN_COUNT(some); i++) {
		struct check_config check = some[i];
		struct config config = {.connection = "app", .checks = {&check, 1}};
		const char *wrong;

		if (!check.query)
			check.query = "SELECT 1";
		wrong = tocsin_plugin.source->check(&config, why, sizeof(why));
		if (!wrong || !strstr(wrong, texts[i]))
			fail_msg("%s: %s", texts[i], wrong ? wrong : "fine");
	}
}

static void names_are_unique_and_a_connection_must_be_one(void **state)
{
	struct check_config two[] = {made_preset(), made_preset()};
	struct config config = {.connection = "host=db password=hush now", .checks = {two, 1}};
	char why[512];

	(void)state;
	assert_non_null(strstr(options_check(&config, why, sizeof(why)), "'connection'"));
	assert_null(strstr(options_check(&config, why, sizeof(why)), "hush"));
	config.connection = "dbname=app";
	assert_null(options_check(&config, why, sizeof(why)));
	config.checks.n = 2;
	assert_non_null(strstr(options_check(&config, why, sizeof(why)),
			       "two checks have the name 'SLA Compliance'; rename one"));
	two[1].name = "other";
	assert_null(options_check(&config, why, sizeof(why)));
}

/* --- findings --- */

static const struct {
	const char *rows, *value_column, *label, *expected;
	bool count, more;
} figures[] = {
	{.rows = "value:n:65.2", .expected = "65.2;"},
	{.rows = "v:n:65.200", .expected = "65.2;"},
	{.rows = "n:n:3;value:n:4", .expected = "4;"},
	{.rows = "n:n:3;m:n:4", .value_column = "m", .expected = "4;"},
	{.rows = "n:n:3;m:n:4", .expected = "E the query has 2 columns with numbers; call "},
	{.rows = "t:t:x", .expected = "E the query has 0 columns with numbers"},
	{.rows = "n:n:3",
	 .value_column = "x",
	 .expected = "E option 'value_column': the query has no column x"},
	{.rows = "who:t:Ada,Bob;rate:n:50,61", .expected = "Ada 50;Bob 61;"},
	{.rows = "rate:n:50,61;who:t:Ada,Bob;at:d:2025-01-01,2025-01-02",
	 .expected = "Ada 50;Bob 61;"},
	{.rows = "who:t:Ada,Ada;rate:n:50,61",
	 .expected = "E two rows have the same labels (who=Ada ...)"},
	{.rows = "who:t:Ada,Ada;team:t:a,b;rate:n:50,61", .expected = "Ada a 50;Ada b 61;"},
	{.rows = "who:t:Ada,Bob;team:t:a,a;rate:n:50,61",
	 .label = "who",
	 .expected = "Ada 50;Bob 61;"},
	{.rows = "id:n:7,8;rate:n:50,61",
	 .value_column = "rate",
	 .label = "id",
	 .expected = "7 50;8 61;"},
	{.rows = "rate:n:50,61",
	 .expected = "E the query gives 2 rows and no column with "
		     "text"},
	{.rows = "rate:n:50",
	 .label = "who",
	 .expected = "E option 'label_columns': the query has no column who"},
	{.rows = "who:t:-,Bob;rate:n:50,61", .expected = "50;Bob 61;"},
	{.rows = "value:n:-", .expected = "null;"},
	{.rows = "value:n:NaN", .expected = "null;"},
	{.rows = "value:n:Infinity", .expected = "inf;"},
	{.rows = "value:b:t", .expected = "1;"},
	{.rows = "value:b:f", .expected = "0;"},
	{.rows = "value:t:42.5", .expected = "42.5;"},
	{.rows = "value:t:many", .expected = "E column value says 'many', which is no number"},
	{.rows = "value:d:2025-01-01", .expected = "E column value says '2025-01-01'"},
	{.rows = "value:n:", .expected = "nothing;"},
	{.rows = "who:t:;rate:n:", .expected = "nothing;"},
	{.rows = "a:t:x,y,z", .count = true, .expected = "3;"},
	{.rows = "a:t:", .count = true, .expected = "0;"},
	{.rows = "a:t:x,y,z", .count = true, .more = true, .expected = "4;"},
	{.rows = "a:n:1",
	 .more = true,
	 .expected = "E the query gives more than 1000 rows; let it give fewer, or raise"},
};

/* Labels and figure of each, in one line. */
static void say_findings(const struct findings *f, char *end)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct found *found = &f->found[i];

		for (size_t k = 0; k < found->n_labels; k++)
			end += sprintf(end, "%s ", found->label[k].value);
		if (found->finding == FOUND_ERROR)
			end += sprintf(end, "E %s", f->error);
		else
			end += sprintf(end, "%s;",
				       found->finding == FOUND_NULL      ? "null"
				       : found->finding == FOUND_NOTHING ? "nothing"
									 : found->text);
		assert_int_equal(*f->error != 0, found->finding == FOUND_ERROR);
	}
}

static void figures_are_found_with_their_labels(void **state)
{
	(void)state;
	for (size_t i = 0; i < TOCSIN_COUNT(figures); i++) {
		const char *label[] = {figures[i].label};
		struct check_config config = made_preset();
		struct findings f;
		char said[2000] = "";

		config.mode = figures[i].count ? MODE_ROWS : MODE_VALUE;
		config.value_column = figures[i].value_column;
		config.label_columns = (struct tocsin_strings){label, figures[i].label != NULL};
		assert_int_equal(
			findings_read(&config, made_rows(figures[i].rows), figures[i].more, &f), 0);
		say_findings(&f, said);
		if (strncmp(said, figures[i].expected, strlen(figures[i].expected)) != 0)
			fail_msg("%s: %s", figures[i].rows, said);
		findings_done(&f);
	}
}

/* --- words --- */

static void numbers_are_for_people(void **state)
{
	static const struct {
		const char *text;
		int64_t decimals;
		const char *expected;
	} cases[] = {
		{"17", 2, "17"},
		{"65.2", 2, "65.2"},
		{"183.3333333333333333", 2, "183.33"},
		{"65.00", 2, "65"},
		{"0.004", 2, "0"},
		{"-0.004", 2, "0"},
		{"-3.5", 0, "-4"},
		{"1e3", 2, "1000"},
		{"2.5", 9, "2.5"},
		{"12345678901234567890", 2, "12345678901234567890"},
		{"1e300", 2, "1e+300"},
		{"Infinity", 2, "inf"},
		{"100", 0, "100"},
		{"99.5", 0, "100"},
	};

	(void)state;
	for (size_t i = 0; i < TOCSIN_COUNT(cases); i++) {
		char out[VALUE_SIZE];

		words_number(cases[i].text, cases[i].decimals, out);
		assert_string_equal(out, cases[i].expected);
	}
}

static void durations_are_for_people(void **state)
{
	static const struct {
		int64_t ms;
		const char *expected;
	} cases[] = {
		{0, "less than a second"},   {999, "less than a second"},
		{1000, "1 second"},          {59999, "59 seconds"},
		{60000, "1 minute"},         {150000, "2 minutes"},
		{3600000, "1 hour"},         {3660000, "1 hour and 1 minute"},
		{86400000, "1 day"},         {93600000, "1 day and 2 hours"},
		{86400000 + 60000, "1 day"},
	};

	(void)state;
	for (size_t i = 0; i < TOCSIN_COUNT(cases); i++) {
		char out[80];

		words_duration(cases[i].ms, out, sizeof(out));
		assert_string_equal(out, cases[i].expected);
	}
}

static void text_is(char *text, const char *expected)
{
	assert_string_equal(text, expected);
	free(text);
}

static void tables_are_aligned_and_cut(void **state)
{
	PGresult *rows = made_rows("who:t:Ada,Günter,x;rate:n:50,6.25,-");
	char many[400] = "n:n:0";

	(void)state;
	text_is(words_table(rows, false, -1), "who     rate\nAda     50\nGünter  6.25\nx       \n");
	text_is(words_table(rows, false, 1), "who     rate\nGünter  6.25\n");
	PQclear(rows);
	for (int i = 1; i < 14; i++)
		sprintf(many + strlen(many), ",%d", i);
	rows = made_rows(many);
	text_is(words_table(rows, false, -1), "n\n0\n1\n2\n3\n4\n5\n6\n7\n8\n9\nand 4 more\n");
	text_is(words_table(rows, true, -1), "n\n0\n1\n2\n3\n4\n5\n6\n7\n8\n9\nand 4 or more\n");
	PQclear(rows);
}

static void words_in_braces_are_filled_in(void **state)
{
	static const struct tocsin_pair value[] = {{"value", "65.2 %"}, {"state", "critical"}};
	PGresult *rows = made_rows("who:t:Ada;rate:n:50");

	(void)state;
	text_is(words_fill("{value} is {state}", value, 2, NULL, -1), "65.2 % is critical");
	text_is(words_fill("{who} has {rate}", value, 2, rows, 0), "Ada has 50");
	text_is(words_fill("{who} {nobody} {", value, 2, NULL, -1), "{who} {nobody} {");
	text_is(words_fill("{{value}}", value, 2, NULL, -1), "{65.2 %}");
	text_is(words_fill("", value, 2, NULL, -1), "");
	PQclear(rows);
}

/* The bar is where perfdata begins. */
static void a_bar_in_a_name_is_left_out_of_perfdata(void **state)
{
	struct made made;
	struct findings findings = {0};
	json_t *item;

	(void)state;
	made_begin(&made);
	made.config.name = "in|out";
	made.config.unit = "";
	findings_read(&made.config, made_rows("value:n:91"), false, &findings);
	item = item_checked(&made.check, &findings, 7);
	assert_string_equal(json_string_value(json_object_get(item, "perfdata")),
			    "inout=91;85:;70:");
	json_decref(item);
	findings_done(&findings);
	made_done(&made);
}

/* Also one beyond what a number holds, as of a time that is 'infinity'. */
static void an_infinite_figure_is_judged_and_saved(void **state)
{
	struct made one, two;
	char *text;

	(void)state;
	made_begin(&one);
	made_run(&one, 0, "who:t:Ada,Bob,Cy;rate:n:-Infinity,Infinity,NaN", NULL);
	assert_int_equal(one.batch.n, 2); /* Ada, and Cy without a figure */
	made_settle(&one);
	made_run(&one, 60, "who:t:Ada,Bob,Cy;rate:n:-1e400,1e400,90", NULL);
	made_settle(&one);
	text = saved_write(&one.check, false);
	assert_non_null(text);
	made_begin(&two);
	assert_int_equal(saved_read(&two.check, text), 0);
	for (size_t i = 0; i < one.check.n; i++) {
		const struct figure *figure = &two.check.row[i]->figure;

		assert_true(figure->known);
		assert_true(figure->value == one.check.row[i]->figure.value);
		assert_string_equal(figure->text, one.check.row[i]->figure.text);
	}
	assert_int_equal(two.check.row[0]->track.level, LEVEL_CRITICAL);
	assert_int_equal(two.check.row[1]->track.level, LEVEL_OK);
	free(text);
	made_done(&one);
	made_done(&two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_infinite_figure_is_judged_and_saved),
		cmocka_unit_test(a_bar_in_a_name_is_left_out_of_perfdata),
		cmocka_unit_test(options_that_make_no_sense_are_refused),
		cmocka_unit_test(names_are_unique_and_a_connection_must_be_one),
		cmocka_unit_test(figures_are_found_with_their_labels),
		cmocka_unit_test(numbers_are_for_people),
		cmocka_unit_test(durations_are_for_people),
		cmocka_unit_test(tables_are_aligned_and_cut),
		cmocka_unit_test(words_in_braces_are_filled_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
