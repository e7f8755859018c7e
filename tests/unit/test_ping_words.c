/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/ping_words.h"

static struct error err;

/* The JSON of a ping in one line, for the caller to free(); NULL: refused. */
static char *words(struct ping_words ping)
{
	json_t *json;
	char *text;

	ping.at_ms = INT64_C(1763476245123);
	json = ping_words(&ping, &err);
	text = json ? json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	json_decref(json);
	return text;
}

static void a_ping_has_a_kind_and_a_time(void **state)
{
	static const struct {
		const char *kind, *json;
	} cases[] = {
		{NULL, "\"kind\":\"success\"}"},
		{"success", "\"kind\":\"success\"}"},
		{"start", "\"kind\":\"start\"}"},
		{"fail", "\"kind\":\"fail\"}"},
		{"log", "\"kind\":\"log\"}"},
		{"0", "\"exit\":0,\"kind\":\"exit\"}"},
		{"17", "\"exit\":17,\"kind\":\"exit\"}"},
		{"255", "\"exit\":255,\"kind\":\"exit\"}"},
		{"007", "\"exit\":7,\"kind\":\"exit\"}"},
	};

	static const char at[] = "{\"at\":\"2025-11-18T14:30:45.123Z\",";

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = words((struct ping_words){.kind = cases[i].kind});

		assert_non_null(text);
		assert_memory_equal(text, at, strlen(at));
		assert_string_equal(text + strlen(at), cases[i].json);
		free(text);
	}
}

static void what_is_no_ping_is_refused_with_a_sentence(void **state)
{
	static const struct {
		const char *kind, *rid, *sentence;
	} cases[] = {
		{"256", NULL, "from 0 to 255"},
		{"-1", NULL, "from 0 to 255"},
		{"", NULL, "from 0 to 255"},
		{"1x", NULL, "from 0 to 255"},
		{"0000", NULL, "from 0 to 255"},
		{"strat", NULL, "did you mean 'start'"},
		{"fial", NULL, "did you mean 'fail'"},
		{NULL, "7", "no UUID"},
		{NULL, "", "no UUID"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_null(words((struct ping_words){.kind = cases[i].kind, .rid = cases[i].rid}));
		if (!strstr(err.text, cases[i].sentence))
			fail_msg("'%s' does not say '%s'", err.text, cases[i].sentence);
	}
}

static void of_a_long_text_the_end_is_said(void **state)
{
	static char body[PING_BODY_MOST + 100];
	json_t *json;
	const char *said;
	struct ping_words ping = {.rid = "123e4567-e89b-12d3-a456-426614174000", .body = body};

	(void)state;
	/* Characters of three bytes, so that the cut is within one. */
	for (size_t i = 0; i + 3 <= sizeof(body) - 2; i += 3)
		memcpy(body + i, "\xe2\x82\xac", 3);
	ping.length = strlen(body);
	memcpy(body + ping.length, "\xff", 1);
	ping.length++;
	json = ping_words(&ping, &err);
	assert_non_null(json);
	said = json_string_value(json_object_get(json, "body"));
	assert_true(strlen(said) > PING_BODY_MOST - 4 && strlen(said) <= PING_BODY_MOST + 2);
	assert_memory_equal(said, "\xe2\x82\xac\xe2", 4);
	assert_string_equal(said + strlen(said) - 3, "\xef\xbf\xbd");
	assert_non_null(json_object_get(json, "rid"));
	json_decref(json);
	ping.length = 0;
	json = ping_words(&ping, &err);
	assert_string_equal(json_string_value(json_object_get(json, "body")), "");
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ping_has_a_kind_and_a_time),
		cmocka_unit_test(what_is_no_ping_is_refused_with_a_sentence),
		cmocka_unit_test(of_a_long_text_the_end_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
