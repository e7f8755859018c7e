/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alert/alert.h"
#include "base/text.h"

#define NOW INT64_C(1763476245123)

static struct tocsin_map map_of(const struct tocsin_pair *pair, size_t n)
{
	return (struct tocsin_map){pair, n};
}

static struct tocsin_alert minimal(void)
{
	static const struct tocsin_pair label[] = {{"alertname", "test"}};

	return (struct tocsin_alert){.size = sizeof(struct tocsin_alert),
				     .labels = map_of(label, 1)};
}

static struct alert *made(const struct tocsin_alert *from)
{
	struct alert *alert = NULL;
	struct error err;

	if (alert_new(from, "unit", NOW, NULL, &alert, &err) < 0)
		fail_msg("%s", err.text);
	return alert;
}

static void refused(const struct tocsin_alert *from, const char *because)
{
	struct alert *alert = NULL;
	struct error err = {""};

	assert_int_equal(alert_new(from, "unit", NOW, NULL, &alert, &err), -EINVAL);
	assert_null(alert);
	assert_true(text_is_valid(err.text, strlen(err.text)));
	if (!strstr(err.text, because))
		fail_msg("refused with '%s', not '%s'", err.text, because);
}

static void fingerprint_is_the_one_of_alertmanager(void **state)
{
	static const struct tocsin_pair one[] = {{"alertname", "test"}};
	static const struct tocsin_pair five[] = {{"alertname", "Free_Disk_Space_Too_Low"},
						  {"cluster", "staging"},
						  {"disk", "sda"},
						  {"instance", "server5"},
						  {"job", "node_exporter"}};
	static const struct tocsin_pair utf8[] = {{"alertname", "\xc3\x84rger"},
						  {"\xc3\xbc", "\xc3\x9f"}};
	struct tocsin_map map = {NULL, 0};

	(void)state;
	assert_true(alert_fingerprint(&map) == UINT64_C(0xcbf29ce484222325));
	map = map_of(one, 1);
	assert_true(alert_fingerprint(&map) == UINT64_C(0x1f56cb8f931d1bd4));
	map = map_of(five, 5);
	assert_true(alert_fingerprint(&map) == UINT64_C(0xaae7a1432b5d2f1b));
	map = map_of(utf8, 2);
	assert_true(alert_fingerprint(&map) == UINT64_C(0xfb8b5746f2fb72aa));
}

static void order_and_empty_labels_do_not_change_identity(void **state)
{
	static const struct tocsin_pair mixed[] = {
		{"job", "node_exporter"}, {"empty", ""},  {"disk", "sda"},
		{"instance", "server5"},  {"null", NULL}, {"alertname", "Free_Disk_Space_Too_Low"},
		{"cluster", "staging"},
	};
	struct tocsin_alert from = minimal();
	struct alert *alert;

	(void)state;
	from.labels = map_of(mixed, 7);
	alert = made(&from);
	assert_string_equal(alert->pub.fingerprint, "aae7a1432b5d2f1b");
	assert_int_equal(alert->pub.labels.n, 5);
	assert_string_equal(alert->pub.labels.pair[0].name, "alertname");
	assert_string_equal(alert->pub.labels.pair[4].name, "job");
	alert_free(alert);
}

static void core_completes_what_the_source_left_out(void **state)
{
	struct tocsin_alert from = minimal();
	struct alert *alert, *other;

	(void)state;
	from.source = "forged";
	from.id = "forged";
	alert = made(&from);
	other = made(&from);
	assert_string_equal(alert->pub.source, "unit");
	assert_int_equal(strlen(alert->pub.id), 32);
	assert_string_not_equal(alert->pub.id, other->pub.id);
	assert_int_equal(alert->pub.starts_at_ms, NOW);
	assert_int_equal(alert->pub.ends_at_ms, 0);
	assert_string_equal(alert->pub.severity_name, "debug");
	assert_null(alert->pub.link);
	alert_free(alert);
	alert_free(other);
}

static void a_resolved_alert_has_an_end(void **state)
{
	struct tocsin_alert from = minimal();
	struct alert *alert;

	(void)state;
	from.status = TOCSIN_RESOLVED;
	alert = made(&from);
	assert_int_equal(alert->pub.ends_at_ms, NOW);
	alert_free(alert);
	from.ends_at_ms = NOW - 5000;
	alert = made(&from);
	assert_int_equal(alert->pub.starts_at_ms, NOW - 5000);
	assert_int_equal(alert->pub.ends_at_ms, NOW - 5000);
	alert_free(alert);
	from.starts_at_ms = NOW;
	refused(&from, "ends before it starts");
	from.ends_at_ms = 0;
	from.starts_at_ms = NOW + 5000; /* by a clock that is ahead */
	alert = made(&from);
	assert_int_equal(alert->pub.starts_at_ms, NOW + 5000);
	assert_int_equal(alert->pub.ends_at_ms, NOW + 5000);
	alert_free(alert);
	from.ends_at_ms = -1;
	refused(&from, "1970 and 9999");
}

static void severity_comes_from_its_name_then_the_label_then_the_number(void **state)
{
	static const struct tocsin_pair page[] = {{"severity", "page"}};
	static const struct tocsin_pair none[] = {{"severity", "none"}};
	struct tocsin_alert from = minimal();
	struct alert *alert;

	(void)state;
	from.severity = TOCSIN_NOTICE;
	alert = made(&from);
	assert_int_equal(alert->pub.severity, TOCSIN_NOTICE);
	alert_free(alert);
	from.labels = map_of(page, 1);
	alert = made(&from);
	assert_int_equal(alert->pub.severity, TOCSIN_CRITICAL);
	alert_free(alert);
	from.severity_name = "High";
	alert = made(&from);
	assert_int_equal(alert->pub.severity, TOCSIN_ERROR);
	assert_string_equal(alert->pub.severity_name, "error");
	alert_free(alert);
	/* Alertmanager's watchdog has the label severity="none": it must come through. */
	from.severity_name = NULL;
	from.labels = map_of(none, 1);
	alert = made(&from);
	assert_int_equal(alert->pub.severity, TOCSIN_NOTICE);
	alert_free(alert);
	from.severity_name = "critcal";
	refused(&from, "did you mean 'critical'");
	from.severity_name = "\xff\xfe";
	refused(&from, "is not known");
	from.severity_name = NULL;
	from.severity = (enum tocsin_severity)7;
	refused(&from, "impossible severity");
}

static void at_least_one_label_with_a_value_is_needed(void **state)
{
	static const struct tocsin_pair empty[] = {{"a", ""}};
	struct tocsin_alert from = minimal();

	(void)state;
	from.labels = map_of(empty, 1);
	refused(&from, "no label");
	from.labels.n = 0;
	refused(&from, "no label");
}

static void duplicates_are_refused_also_after_cleaning(void **state)
{
	static const struct tocsin_pair twice[] = {{"a", "1"}, {"b", "2"}, {"a", "3"}};
	static const struct tocsin_pair alike[] = {{"a\xff", "1"}, {"a\xfe", "2"}};
	struct tocsin_alert from = minimal();

	(void)state;
	from.labels = map_of(twice, 3);
	refused(&from, "label 'a' is given twice");
	from.labels = map_of(alike, 2);
	refused(&from, "is given twice");
	from = minimal();
	from.annotations = map_of(twice, 3);
	refused(&from, "annotation 'a' is given twice");
}

static void invalid_utf8_is_replaced(void **state)
{
	static const struct tocsin_pair label[] = {{"na\xffme", "v\xed\xa0\x80"}};
	static const struct tocsin_pair note[] = {{"summary", "caf\xe9"}, {"none", ""}};
	struct tocsin_alert from = minimal();
	struct alert *alert;

	(void)state;
	from.labels = map_of(label, 1);
	from.annotations = map_of(note, 2);
	alert = made(&from);
	assert_string_equal(alert->pub.labels.pair[0].name, "na\xef\xbf\xbdme");
	assert_true(text_is_valid(alert->pub.labels.pair[0].value,
				  strlen(alert->pub.labels.pair[0].value)));
	assert_string_equal(alert_get(&alert->pub.annotations, "summary"), "caf\xef\xbf\xbd");
	assert_string_equal(alert_get(&alert->pub.annotations, "none"), "");
	assert_null(alert_get(&alert->pub.annotations, "missing"));
	alert_free(alert);
}

static char *long_text(size_t length)
{
	char *text = malloc(length + 1);

	assert_non_null(text);
	memset(text, 'x', length);
	text[length] = '\0';
	return text;
}

static void every_bound_is_kept_with_a_sentence(void **state)
{
	struct tocsin_pair label[ALERT_LABELS + 1];
	char name[ALERT_LABELS + 1][4];
	char *text = long_text(ALERT_TEXT + 1);
	struct tocsin_alert from = minimal();
	struct tocsin_pair pair;

	(void)state;
	for (int i = 0; i <= ALERT_LABELS; i++) {
		name[i][0] = 'l';
		name[i][1] = (char)('0' + i / 10);
		name[i][2] = (char)('0' + i % 10);
		name[i][3] = '\0';
		label[i] = (struct tocsin_pair){name[i], "v"};
	}
	from.labels = map_of(label, ALERT_LABELS);
	alert_free(made(&from));
	from.labels = map_of(label, ALERT_LABELS + 1);
	refused(&from, "65 labels; 64 is the most");

	from = minimal();
	pair = (struct tocsin_pair){"a", text + ALERT_TEXT - ALERT_VALUE};
	from.labels = map_of(&pair, 1);
	refused(&from, "the value of label 'a' has 4097 bytes; 4096 is the most");
	pair = (struct tocsin_pair){text + ALERT_TEXT - ALERT_NAME, "a"};
	refused(&from, "has 257 bytes; 256 is the most");
	pair = (struct tocsin_pair){"", "a"};
	refused(&from, "name is empty");

	from = minimal();
	pair = (struct tocsin_pair){"a", text};
	from.annotations = map_of(&pair, 1);
	refused(&from, "65537 bytes; 65536 is the most");
	pair.value = text + 1;
	alert_free(made(&from));
	free(text);
}

static void the_whole_has_a_bound_too(void **state)
{
	struct tocsin_pair note[5];
	static const char *const name[] = {"a", "b", "c", "d", "e"};
	char *text = long_text(60000);
	struct tocsin_alert from = minimal();

	(void)state;
	for (size_t i = 0; i < 5; i++)
		note[i] = (struct tocsin_pair){name[i], text};
	from.annotations = map_of(note, 4);
	alert_free(made(&from));
	from.annotations = map_of(note, 5);
	refused(&from, "262144 is the most");
	/* Control characters take six bytes each in JSON. */
	memset(text, 1, 60000);
	from.annotations = map_of(note, 1);
	refused(&from, "262144 is the most");
	free(text);
}

static void recipients_are_kept_in_order_without_repetition(void **state)
{
	static const char *const item[] = {"b@example.com", "", "a@example.com", NULL,
					   "b@example.com"};
	static const char *many[ALERT_RECIPIENTS + 1];
	struct tocsin_alert from = minimal();
	struct alert *alert;

	(void)state;
	from.recipients = (struct tocsin_strings){item, 5};
	alert = made(&from);
	assert_int_equal(alert->pub.recipients.n, 2);
	assert_string_equal(alert->pub.recipients.item[0], "b@example.com");
	assert_string_equal(alert->pub.recipients.item[1], "a@example.com");
	alert_free(alert);
	from.recipients = (struct tocsin_strings){many, ALERT_RECIPIENTS + 1};
	refused(&from, "257 recipients; 256 is the most");
}

static void a_link_must_be_a_web_address(void **state)
{
	struct tocsin_alert from = minimal();
	struct alert *alert;

	(void)state;
	from.link = "https://example.com/x?y=1";
	alert = made(&from);
	assert_string_equal(alert->pub.link, from.link);
	alert_free(alert);
	from.link = "javascript:alert(1)";
	refused(&from, "is no web address");
	from.link = "http://example.com/\r\nX: y";
	refused(&from, "space or control character");
	from.link = "";
	alert = made(&from);
	assert_null(alert->pub.link);
	alert_free(alert);
}

static void an_alert_without_its_size_is_refused(void **state)
{
	struct tocsin_alert from = minimal();

	(void)state;
	from.size = 0;
	refused(&from, "does not say its size");
}

static void subject_is_the_most_telling_label(void **state)
{
	static const struct tocsin_pair all[] = {
		{"alertname", "disk"}, {"host", "db1"}, {"site", "example.com"}};
	static const struct tocsin_pair other[] = {{"queue", "mail"}};
	struct tocsin_alert from = minimal();

	(void)state;
	assert_string_equal(alert_subject(&from), "test");
	from.labels = map_of(all, 3);
	assert_string_equal(alert_subject(&from), "example.com");
	from.labels = map_of(all, 2);
	assert_string_equal(alert_subject(&from), "db1");
	from.labels = map_of(other, 1);
	assert_string_equal(alert_subject(&from), "mail");
	from.labels.n = 0;
	assert_string_equal(alert_subject(&from), "");
}

static void an_alert_is_there_until_its_last_holder_has_freed_it(void **state)
{
	struct tocsin_alert from = minimal();
	struct alert *alert = made(&from), *same = alert_hold(alert);

	(void)state;
	assert_ptr_equal(same, alert);
	alert_free(alert);
	assert_string_equal(alert_get(&same->pub.labels, "alertname"), "test");
	alert_free(same);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fingerprint_is_the_one_of_alertmanager),
		cmocka_unit_test(order_and_empty_labels_do_not_change_identity),
		cmocka_unit_test(core_completes_what_the_source_left_out),
		cmocka_unit_test(a_resolved_alert_has_an_end),
		cmocka_unit_test(severity_comes_from_its_name_then_the_label_then_the_number),
		cmocka_unit_test(at_least_one_label_with_a_value_is_needed),
		cmocka_unit_test(duplicates_are_refused_also_after_cleaning),
		cmocka_unit_test(invalid_utf8_is_replaced),
		cmocka_unit_test(every_bound_is_kept_with_a_sentence),
		cmocka_unit_test(the_whole_has_a_bound_too),
		cmocka_unit_test(recipients_are_kept_in_order_without_repetition),
		cmocka_unit_test(a_link_must_be_a_web_address),
		cmocka_unit_test(an_alert_without_its_size_is_refused),
		cmocka_unit_test(subject_is_the_most_telling_label),
		cmocka_unit_test(an_alert_is_there_until_its_last_holder_has_freed_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
