/* SPDX-License-Identifier: Apache-2.0 */
/* Many alerts as one, and many deliveries as one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "delivery/digest.h"
#include "delivery/summary.h"

#define MOST 8

struct given {
	struct tocsin_alert alert[MOST];
	const struct tocsin_alert *list[MOST];
	struct tocsin_pair label[MOST][3], note[MOST][2];
};

/* An alert with the labels alertname, site and team, and a summary. */
static void add(struct given *given, size_t i, const char *site, enum tocsin_severity severity,
		enum tocsin_status status)
{
	given->label[i][0] = (struct tocsin_pair){"alertname", "SiteDown"};
	given->label[i][1] = (struct tocsin_pair){"site", site};
	given->label[i][2] = (struct tocsin_pair){"team", "web"};
	given->note[i][0] = (struct tocsin_pair){"runbook_url", "https://example.com/run"};
	given->note[i][1] = (struct tocsin_pair){"summary", "does not answer\nsecond line"};
	given->alert[i] = (struct tocsin_alert){.size = sizeof(struct tocsin_alert),
						.id = "0123456789abcdef0123456789abcdef",
						.source = "api",
						.fingerprint = "0123456789abcdef",
						.severity = severity,
						.status = status,
						.starts_at_ms = 1000 + (int64_t)i,
						.ends_at_ms = status == TOCSIN_RESOLVED ? 5000 : 0,
						.labels = {given->label[i], 3},
						.annotations = {given->note[i], 2}};
	given->list[i] = &given->alert[i];
}

static const char *note_of(const struct alert *sum, const char *name)
{
	return alert_get(&sum->pub.annotations, name);
}

static void it_counts_and_lists_and_has_what_all_have(void **state)
{
	struct given given;
	struct alert *sum;

	(void)state;
	add(&given, 0, "a.example.com", TOCSIN_WARNING, TOCSIN_FIRING);
	add(&given, 1, "b.example.com", TOCSIN_CRITICAL, TOCSIN_FIRING);
	add(&given, 2, "c.example.com", TOCSIN_WARNING, TOCSIN_FIRING);
	add(&given, 3, "d.example.com", TOCSIN_CRITICAL, TOCSIN_RESOLVED);
	assert_int_equal(summary_new(given.list, 4, &sum), 0);
	assert_string_equal(note_of(sum, "summary"), "4 alerts: 1 critical, 2 warning, 1 resolved");
	assert_string_equal(note_of(sum, "description"), "warning a.example.com: does not answer\n"
							 "critical b.example.com: does not answer\n"
							 "warning c.example.com: does not answer\n"
							 "resolved d.example.com: does not answer");
	assert_string_equal(note_of(sum, "runbook_url"), "https://example.com/run");
	assert_int_equal(sum->pub.labels.n, 2);
	assert_string_equal(alert_get(&sum->pub.labels, "team"), "web");
	assert_int_equal(sum->pub.severity, TOCSIN_CRITICAL);
	assert_int_equal(sum->pub.status, TOCSIN_FIRING);
	assert_int_equal(sum->pub.starts_at_ms, 1000);
	assert_string_equal(sum->pub.source, "api");
	assert_null(sum->pub.link);
	alert_free(sum);
}

static void it_is_resolved_when_all_are(void **state)
{
	struct given given;
	struct alert *sum;

	(void)state;
	add(&given, 0, "a", TOCSIN_WARNING, TOCSIN_RESOLVED);
	add(&given, 1, "b", TOCSIN_ERROR, TOCSIN_RESOLVED);
	assert_int_equal(summary_new(given.list, 2, &sum), 0);
	assert_int_equal(sum->pub.status, TOCSIN_RESOLVED);
	assert_int_equal(sum->pub.ends_at_ms, 5000);
	assert_string_equal(note_of(sum, "summary"), "2 alerts: 2 resolved");
	alert_free(sum);
}

static void alerts_without_anything_in_common_have_a_label_still(void **state)
{
	struct given given;
	struct alert *sum;

	(void)state;
	add(&given, 0, "a", TOCSIN_INFO, TOCSIN_EVENT);
	add(&given, 1, "b", TOCSIN_INFO, TOCSIN_EVENT);
	given.label[1][0].value = "Other";
	given.label[1][2].value = "db";
	given.alert[1].source = "rows";
	assert_int_equal(summary_new(given.list, 2, &sum), 0);
	assert_int_equal(sum->pub.labels.n, 1);
	assert_string_equal(sum->pub.labels.pair[0].name, "alertname");
	assert_string_equal(sum->pub.source, "several");
	assert_int_equal(sum->pub.status, TOCSIN_EVENT);
	alert_free(sum);
}

static void long_ones_are_cut_and_very_many_only_counted(void **state)
{
	enum { N = 500 };
	static struct tocsin_alert alert[N];
	static const struct tocsin_alert *list[N];
	char *words = malloc(60001);
	struct tocsin_pair label = {"site", "x"}, note = {"summary", words};
	struct alert *sum;
	const char *said;

	(void)state;
	memset(words, 'w', 60000);
	words[60000] = '\0';
	for (size_t i = 0; i < N; i++) {
		alert[i] = (struct tocsin_alert){.size = sizeof(alert[i]),
						 .source = "api",
						 .severity = TOCSIN_INFO,
						 .labels = {&label, 1},
						 .annotations = {&note, 1}};
		list[i] = &alert[i];
	}
	assert_int_equal(summary_new(list, N, &sum), 0);
	said = note_of(sum, "description");
	assert_true(strlen(said) < ALERT_TEXT);
	assert_non_null(strstr(said, "www…\ninfo x: www"));
	assert_non_null(strstr(said, "\nand "));
	assert_string_equal(note_of(sum, "summary"), "500 alerts: 500 info");
	alert_free(sum);
	free(words);
}

static struct delivery *folded(struct delivery *const member[], size_t n, bool backwards)
{
	struct delivery *list[MOST];

	for (size_t i = 0; i < n; i++)
		list[backwards ? n - 1 - i : i] = member[i];
	return digest_new(list, n);
}

static void the_same_set_has_the_same_key(void **state)
{
	static const char *const key[] = {"k1", "k2", "k3"};
	struct delivery *member[3], *one, *other, *fewer;
	struct given given;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		add(&given, i, "a", TOCSIN_INFO, TOCSIN_FIRING);
		member[i] = calloc(1, sizeof(*member[i]));
		assert_non_null(member[i]);
		member[i]->pub = (struct tocsin_delivery){.id = (int64_t)i,
							  .key = key[i],
							  .recipient = "x@example.com",
							  .channel = "mail",
							  .route = i == 2 ? "other" : "first",
							  .attempt = (int)i + 1,
							  .alert = &given.alert[i]};
	}
	one = folded(member, 3, false);
	other = folded(member, 3, true);
	fewer = folded(member, 2, false);
	assert_string_equal(one->pub.key, other->pub.key);
	assert_string_not_equal(one->pub.key, fewer->pub.key);
	assert_string_equal(one->pub.alert->id, one->pub.key);
	assert_memory_equal(one->pub.alert->fingerprint, one->pub.key, 16);
	assert_int_equal(strlen(one->pub.alert->fingerprint), 16);
	assert_int_equal(one->pub.attempt, 3);
	assert_int_equal(one->pub.n_folded, 3);
	assert_ptr_equal(one->pub.folded[1], &given.alert[1]);
	assert_string_equal(one->pub.recipient, "x@example.com");
	assert_string_equal(one->pub.route, "several");
	assert_string_equal(fewer->pub.route, "first");
	delivery_free(one);
	delivery_free(other);
	delivery_free(fewer);
	for (size_t i = 0; i < 3; i++)
		free(member[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_counts_and_lists_and_has_what_all_have),
		cmocka_unit_test(it_is_resolved_when_all_are),
		cmocka_unit_test(alerts_without_anything_in_common_have_a_label_still),
		cmocka_unit_test(long_ones_are_cut_and_very_many_only_counted),
		cmocka_unit_test(the_same_set_has_the_same_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
