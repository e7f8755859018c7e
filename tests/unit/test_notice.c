/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "../../plugins/common/notice.h"
#include "hostile.h"

static size_t links_of(const char *link, struct notice_link links[NOTICE_LINKS])
{
	struct fake_alert fake;

	fake_alert_init(&fake, "s");
	fake.alert.link = link;
	return notice_links(&fake.alert, links);
}

static void an_alert_offers_its_links_each_address_once(void **unused)
{
	struct notice_link links[NOTICE_LINKS];
	struct fake_alert fake;

	(void)unused;
	fake_alert_init(&fake, "s");
	fake.alert.link = "https://example.com/1";
	fake_annotate(&fake, "runbook_url", "https://example.com/2");
	fake_annotate(&fake, "generator_url", "https://example.com/1");
	fake_label(&fake, "dashboard_url", "http://example.com:3000/d?a=1&b=2#x");
	assert_int_equal(notice_links(&fake.alert, links), 3);
	assert_string_equal(links[0].title, "Open");
	assert_string_equal(links[0].url, "https://example.com/1");
	assert_string_equal(links[1].title, "Runbook");
	assert_string_equal(links[1].url, "https://example.com/2");
	assert_string_equal(links[2].title, "Dashboard");
	assert_string_equal(links[2].url, "http://example.com:3000/d?a=1&b=2#x");
	for (size_t i = 1; i < fake.alert.annotations.n; i++)
		assert_true(notice_is_link(&fake.alert, &fake.annotations[i]));
	assert_false(notice_is_link(&fake.alert, &fake.annotations[0]));
	assert_true(notice_is_link(&fake.alert, &fake.labels[1]));
	assert_false(notice_is_link(&fake.alert, &fake.labels[0]));
}

static void an_alert_may_say_how_it_is_shown(void **unused)
{
	struct notice_field fields[NOTICE_FIELDS];
	struct fake_alert fake;

	(void)unused;
	fake_alert_init(&fake, "s");
	assert_null(notice_headline(&fake.alert));
	assert_int_equal(notice_fields(&fake.alert, fields), 0);
	fake_annotate(&fake, "headline", "🔴 Cron Job Alert: backup");
	fake_annotate(&fake, "color", "ff9800");
	fake_annotate(&fake, "took", "45.3s");
	fake_annotate(&fake, "fields", "Where=site, Took=took, Error=error");
	assert_string_equal(notice_headline(&fake.alert), "🔴 Cron Job Alert: backup");
	assert_string_equal(notice_color(&fake.alert), "ff9800");
	assert_int_equal(notice_fields(&fake.alert, fields), 2);
	assert_string_equal(fields[0].title, "Where");
	assert_string_equal(fields[0].value, "www.example.com");
	assert_string_equal(fields[1].title, "Took");
	assert_string_equal(fields[1].value, "45.3s");
	for (size_t i = 1; i < fake.alert.annotations.n; i++)
		assert_int_equal(notice_is_detail(&fake.alert, &fake.annotations[i]), i == 3);
	/* good news is green */
	fake.alert.status = TOCSIN_RESOLVED;
	assert_string_equal(notice_color(&fake.alert), "2e7d32");
}

/* Other people's annotations have these names, too. */
static void what_says_nothing_of_how_it_is_shown_is_a_detail(void **unused)
{
	static const char *const values[] = {
		"none",
		"=",
		"a=",
		"=a",
		"a=b",
		"a=site,b",
		"0123456789012345678901234567890123456789012345678901234567890123=site",
	};
	static const char *const colors[] = {"red", "#ff9800", "ff98001", "ff980g"};
	struct notice_field fields[NOTICE_FIELDS];
	struct fake_alert fake;

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(values); i++) {
		fake_alert_init(&fake, "s");
		fake_annotate(&fake, "fields", values[i]);
		assert_int_equal(notice_fields(&fake.alert, fields), 0);
		assert_true(notice_is_detail(&fake.alert, &fake.annotations[1]));
	}
	for (size_t i = 0; i < TOCSIN_COUNT(colors); i++) {
		fake_alert_init(&fake, "s");
		fake_annotate(&fake, "color", colors[i]);
		assert_string_equal(notice_color(&fake.alert), "d32f2f");
		assert_true(notice_is_detail(&fake.alert, &fake.annotations[1]));
	}
}

static void what_is_no_link_to_follow_stays_text(void **unused)
{
	static const char *const refused[] = {
		"",
		"javascript:alert(1)",
		"data:text/html,x",
		"//example.com",
		"ftp://example.com",
		"https://",
		"https:///x",
		"https://?x",
		"https://user@example.com/",
		"https://bank.example.com:x@evil.example.com",
		"https://example.com\\@evil.example.com",
		"https://example.com/ x",
		"https://example.com/\nx",
		"https://exam\xc3\xa9ple.com/",
		"https://[::1",
		"https://[]/",
		"https://[x]/",
		"https://-x/",
		"https://example.com:80x/",
		"https://exa<mple.com/",
	};
	struct notice_link links[NOTICE_LINKS];
	struct fake_alert fake;

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(refused); i++)
		assert_int_equal(links_of(refused[i], links), 0);
	fake_alert_init(&fake, "s");
	fake_annotate(&fake, "runbook_url", "javascript:alert(1)");
	assert_int_equal(notice_links(&fake.alert, links), 0);
	assert_false(notice_is_link(&fake.alert, &fake.annotations[1]));
	/* a bad annotation does not hide a good label */
	fake_label(&fake, "runbook_url", "https://example.com/");
	assert_int_equal(notice_links(&fake.alert, links), 1);
	assert_false(notice_is_link(&fake.alert, &fake.annotations[1]));
	assert_true(notice_is_link(&fake.alert, &fake.labels[1]));
}

static void a_link_is_ready_for_use(void **unused)
{
	struct notice_link links[NOTICE_LINKS];
	char long_link[3000];

	(void)unused;
	assert_int_equal(links_of("https://example.com/<é>|\"{x}^`", links), 1);
	assert_string_equal(links[0].url, "https://example.com/%3C%C3%A9%3E%7C%22%7Bx%7D%5E%60");
	assert_int_equal(links_of("http://[2001:db8::1]:8080/", links), 1);
	assert_int_equal(links_of("HTTPS://grafana_1:3000", links), 1);
	for (size_t length = NOTICE_URL_SIZE - 3; length < NOTICE_URL_SIZE + 3; length++) {
		memset(long_link, 'a', length);
		long_link[length] = '\0';
		memcpy(long_link, "https://", 8);
		assert_int_equal(links_of(long_link, links), length < NOTICE_URL_SIZE);
	}
}

/* Only letters, digits and what an address consists of, so that no markup can begin in it. */
static void no_hostile_text_makes_an_unsafe_link(void **unused)
{
	uint64_t seed = hostile_seed();
	struct notice_link links[NOTICE_LINKS];
	struct fake_alert fake;
	size_t offered = 0;

	(void)unused;
	for (size_t i = 0; i < HOSTILE_TEXTS; i++) {
		char *text = hostile_text(seed, i);
		size_t n;

		hostile_fill(&fake, text);
		n = notice_links(&fake.alert, links);
		offered += n;
		for (size_t k = 0; k < n; k++) {
			const char *url = links[k].url;

			assert_int_equal(strncasecmp(url, "http", 4), 0);
			assert_int_equal(url[strspn(url, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklm"
							 "nopqrstuvwxyz0123456789"
							 "-._~:/?#[]@!$&'()*+,;=%")],
					 '\0');
		}
		free(text);
	}
	assert_true(offered > 10);
}

static void times_are_as_strftime_writes_them(void **unused)
{
	static const int64_t times[] = {0,
					999,
					951782400000, /* 2000-02-29 */
					1763472645123,
					253402300799999, /* the last of the year 9999 */
					253402300800000};

	(void)unused;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		char expected[NOTICE_TIME_SIZE], rest[8], text[NOTICE_TIME_SIZE];
		time_t seconds = (time_t)(times[i] / 1000);
		struct tm tm;

		assert_non_null(gmtime_r(&seconds, &tm));
		strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S", &tm);
		snprintf(rest, sizeof(rest), ".%03dZ", (int)(times[i] % 1000));
		strcat(expected, rest);
		assert_string_equal(notice_iso_time(times[i], text), expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_alert_offers_its_links_each_address_once),
		cmocka_unit_test(an_alert_may_say_how_it_is_shown),
		cmocka_unit_test(what_says_nothing_of_how_it_is_shown_is_a_detail),
		cmocka_unit_test(what_is_no_link_to_follow_stays_text),
		cmocka_unit_test(a_link_is_ready_for_use),
		cmocka_unit_test(times_are_as_strftime_writes_them),
		cmocka_unit_test(no_hostile_text_makes_an_unsafe_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
