/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/nagios.h"

static void the_worst_is_what_matters_most(void **state)
{
	static const enum nagios order[] = {NAGIOS_OK, NAGIOS_UNKNOWN, NAGIOS_WARNING,
					    NAGIOS_CRITICAL};

	(void)state;
	for (size_t i = 0; i < 4; i++)
		for (size_t k = 0; k < 4; k++)
			assert_int_equal(nagios_worse(order[i], order[k]), order[i > k ? i : k]);
	assert_string_equal(nagios_word(NAGIOS_UNKNOWN), "UNKNOWN");
}

static void what_is_not_said_is_unknown(void **state)
{
	static const struct {
		const char *json;
		enum nagios heartbeat, check;
	} cases[] = {
		{"{\"healthy\":true,\"exit\":0}", NAGIOS_OK, NAGIOS_OK},
		{"{\"healthy\":false,\"exit\":2}", NAGIOS_CRITICAL, NAGIOS_CRITICAL},
		{"{\"healthy\":null,\"exit\":4}", NAGIOS_UNKNOWN, NAGIOS_UNKNOWN},
		{"{\"exit\":-1}", NAGIOS_UNKNOWN, NAGIOS_UNKNOWN},
		{"{\"healthy\":1,\"exit\":\"0\"}", NAGIOS_UNKNOWN, NAGIOS_UNKNOWN},
		{"[]", NAGIOS_UNKNOWN, NAGIOS_UNKNOWN},
		{"{\"exit\":1}", NAGIOS_UNKNOWN, NAGIOS_WARNING},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *answer = json_loads(cases[i].json, 0, NULL);

		assert_int_equal(nagios_of_heartbeat(answer), cases[i].heartbeat);
		assert_int_equal(nagios_of_check(answer), cases[i].check);
		json_decref(answer);
	}
	assert_int_equal(nagios_of_check(NULL), NAGIOS_UNKNOWN);
}

static void the_age_is_performance_data(void **state)
{
	static const struct {
		const char *json, *text;
	} cases[] = {
		{"{\"age_ms\":120999,\"last_ping\":\"2025-11-18T14:30:45.000Z\","
		 "\"down_at\":\"2025-11-19T14:30:45.000Z\"}",
		 "age=120s;;86400"},
		{"{\"age_ms\":5000,\"last_ping\":\"2025-11-18T14:30:45.000Z\",\"down_at\":null}",
		 "age=5s;;"},
		{"{\"age_ms\":5000,\"last_ping\":\"2025-11-18T14:30:45.000Z\","
		 "\"down_at\":\"2025-11-18T14:30:44.000Z\"}",
		 "age=5s;;"},
		{"{\"age_ms\":5000,\"last_ping\":null,\"period_ms\":60000,\"grace_ms\":5000}",
		 "age=5s;;65"},
		{"{\"age_ms\":null}", ""},
		{"{}", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *answer = json_loads(cases[i].json, 0, NULL);
		struct buffer text = {0};

		nagios_add_age(&text, answer);
		assert_string_equal(buffer_text(&text), cases[i].text);
		buffer_done(&text);
		json_decref(answer);
	}
}

static void a_line_stays_one_and_has_no_bar(void **state)
{
	struct buffer text = {0};

	(void)state;
	buffer_puts(&text, "A | ");
	nagios_add_text(&text, "one|two\nthree\x1b[2J");
	assert_string_equal(buffer_text(&text), "A | one/two\\nthree\\x1b[2J");
	buffer_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_worst_is_what_matters_most),
		cmocka_unit_test(what_is_not_said_is_unknown),
		cmocka_unit_test(the_age_is_performance_data),
		cmocka_unit_test(a_line_stays_one_and_has_no_bar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
