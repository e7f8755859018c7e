/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "serve/api_query.h"
#include "serve/router.h"

static struct error err;

static int add(struct tocsin_query *query, const char *name, const char *value)
{
	return api_query_add(query, API_DELIVERIES, name, value, &err);
}

static void parameters_become_a_query(void **state)
{
	struct tocsin_query query = {0};

	(void)state;
	assert_int_equal(add(&query, "state", "pending,dead"), 0);
	assert_int_equal(add(&query, "channel", "mail"), 0);
	assert_int_equal(add(&query, "source", "site-alerts"), 0);
	assert_int_equal(add(&query, "alert", "0123456789abcdef0123456789abcdef"), 0);
	assert_int_equal(add(&query, "since", "2025-11-18T14:30:45Z"), 0);
	assert_int_equal(add(&query, "before", "4711"), 0);
	assert_int_equal(add(&query, "limit", "1000"), 0);
	assert_int_equal(query.states, 1U << TOCSIN_STATE_PENDING | 1U << TOCSIN_STATE_DEAD);
	assert_string_equal(query.channel, "mail");
	assert_string_equal(query.source, "site-alerts");
	assert_int_equal(query.since_ms, INT64_C(1763476245000));
	assert_int_equal(query.before, 4711);
	assert_int_equal(query.limit, 1000);
}

static void wrong_values_are_refused_with_a_sentence(void **state)
{
	static const struct {
		const char *name, *value, *says;
	} wrong[] = {
		{"state", "pendin", "unknown state 'pendin'"},
		{"state", ",", "unknown state"},
		{"alert", "0123", "32 hex digits"},
		{"alert", "0123456789ABCDEF0123456789ABCDEF", "32 hex digits"},
		{"since", "yesterday", "since must be a time"},
		{"limit", "0", "from 1 to 1000"},
		{"limit", "1001", "from 1 to 1000"},
		{"limit", "-5", "from 1 to 1000"},
		{"limit", "99999999999999999999", "from 1 to 1000"},
		{"before", "1x", "positive number"},
		{"before", " 1", "positive number"},
		{"channel", "", "has no value"},
		{"chanel", "x", "did you mean 'channel'?"},
		{"nothing-like-it", "x", "unknown parameter"},
	};
	struct tocsin_query query = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(add(&query, wrong[i].name, wrong[i].value), -EINVAL);
		if (!strstr(err.text, wrong[i].says))
			fail_msg("%s=%s gives: %s", wrong[i].name, wrong[i].value, err.text);
	}
	assert_int_equal(add(&query, "state", NULL), -EINVAL);
}

static void alerts_have_no_state_and_no_channel(void **state)
{
	struct tocsin_query query = {0};

	(void)state;
	assert_int_equal(api_query_add(&query, API_ALERTS, "state", "dead", &err), -EINVAL);
	assert_int_equal(api_query_add(&query, API_ALERTS, "channel", "mail", &err), -EINVAL);
	assert_int_equal(api_query_add(&query, API_ALERTS, "source", "cron", &err), 0);
}

static void every_state_has_a_name_that_is_understood(void **state)
{
	(void)state;
	for (unsigned int i = 0; i <= TOCSIN_STATE_SUPPRESSED; i++) {
		unsigned int bits = 0;

		assert_int_equal(
			api_parse_states(api_state_name((enum tocsin_state)i), &bits, &err), 0);
		assert_int_equal(bits, 1U << i);
	}
	assert_string_equal(api_state_name((enum tocsin_state)99), "unknown");
}

static const struct endpoint table[] = {
	{"GET", "/things", NULL, NULL, false, 0},
	{"POST", "/things", NULL, NULL, false, 0},
	{"GET", "/things/*", NULL, NULL, false, 0},
	{"POST", "/things/*/test", NULL, NULL, false, 0},
	{"POST", "/items/*/*", NULL, NULL, false, 0},
};

static struct router_match route(const char *method, const char *path)
{
	struct router_match match;

	router_find(table, sizeof(table) / sizeof(table[0]), method, path, &match);
	return match;
}

static void the_router_finds_method_path_and_segment(void **state)
{
	struct router_match match;

	(void)state;
	match = route("POST", "/things");
	assert_ptr_equal(match.endpoint, &table[1]);
	match = route("HEAD", "/things/7");
	assert_ptr_equal(match.endpoint, &table[2]);
	assert_string_equal(match.segment[0], "7");
	match = route("POST", "/things/mail/test");
	assert_ptr_equal(match.endpoint, &table[3]);
	assert_string_equal(match.segment[0], "mail");
}

static void segments_are_unescaped_when_they_are_known(void **state)
{
	static const struct {
		const char *path, *first, *second;
	} sample[] = {
		{"/items/a/ping", "a", "ping"},
		{"/items/a%2Fb/ping", "a/b", "ping"},
		{"/items/a%2fb%2F/%70ing", "a/b/", "ping"},
		{"/items/100%25/x", "100%", "x"},
		{"/items/%2541/x", "%41", "x"},
		{"/items/%41%c3%A4/x", "A\xc3\xa4", "x"},
		{"/items/%00%zz%4%/x", "%00%zz%4%", "x"},
		{"/items/*/x", "*", "x"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sample) / sizeof(sample[0]); i++) {
		char kept[64];
		size_t length;
		struct router_match match;

		/* at once, and in two steps as the server does it */
		match = route("POST", sample[i].path);
		assert_ptr_equal(match.endpoint, &table[4]);
		assert_string_equal(match.segment[0], sample[i].first);
		assert_string_equal(match.segment[1], sample[i].second);
		(void)snprintf(kept, sizeof(kept), "%s", sample[i].path);
		length = router_unescape(kept, true);
		assert_int_equal(length, strlen(kept));
		match = route("POST", kept);
		assert_string_equal(match.segment[0], sample[i].first);
		assert_string_equal(match.segment[1], sample[i].second);
	}
	assert_null(route("POST", "/items//ping").endpoint);
	assert_null(route("POST", "/items/a/").endpoint);
	assert_null(route("POST", "/items/a/b/c").endpoint);
	assert_null(route("POST", "/items%2Fa/b").endpoint);
}

static void the_router_tells_unknown_paths_from_wrong_methods(void **state)
{
	char longest[1024];
	struct router_match match;

	(void)state;
	match = route("DELETE", "/things");
	assert_null(match.endpoint);
	assert_string_equal(match.allow, "GET, POST");
	assert_string_equal(route("GET", "/thing").allow, "");
	assert_string_equal(route("GET", "/things/").allow, "");
	assert_string_equal(route("GET", "/things/7/8").allow, "");
	assert_string_equal(route("GET", "").allow, "");
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "/things/", 8);
	longest[sizeof(longest) - 1] = '\0';
	assert_string_equal(route("GET", longest).allow, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters_become_a_query),
		cmocka_unit_test(wrong_values_are_refused_with_a_sentence),
		cmocka_unit_test(alerts_have_no_state_and_no_channel),
		cmocka_unit_test(every_state_has_a_name_that_is_understood),
		cmocka_unit_test(the_router_finds_method_path_and_segment),
		cmocka_unit_test(segments_are_unescaped_when_they_are_known),
		cmocka_unit_test(the_router_tells_unknown_paths_from_wrong_methods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
