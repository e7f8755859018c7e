/* SPDX-License-Identifier: Apache-2.0 */
/* The requests of the webhook channel. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "../../plugins/channels/webhook/request.h"
#include "../../plugins/channels/webhook/webhook.h"
#include "fake_host.h"
#include "scarce.h"

static struct webhook_config config;
static struct fake_alert fake;
static void *channel;

static int set_up(void **state)
{
	static const char *const statuses[] = {"2xx"};

	(void)state;
	fake_reset();
	config = (struct webhook_config){
		.url = fake_text("https://example.com/hook"),
		.success.status = {statuses, 1},
		.hmac = {.key = "{secret}", .message = "{body}"},
	};
	fake_alert_init(&fake, "disk is full");
	channel = NULL;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (channel)
		tocsin_plugin.channel->close(channel);
	return 0;
}

static const struct fake_done *deliver(void)
{
	if (!channel)
		channel = fake_open(&config);
	return fake_deliver(channel, &fake);
}

static void assert_delivered(void)
{
	const struct fake_done *done = deliver();

	if (done->outcome != TOCSIN_DELIVERED)
		fail_msg("not delivered: %s", done->why);
}

static const char *header(const char *name)
{
	const struct tocsin_map *headers = &fake_self()->request.headers;

	for (size_t i = 0; i < headers->n; i++)
		if (strcmp(headers->pair[i].name, name) == 0)
			return headers->pair[i].value;
	return NULL;
}

/* The body as JSON; every text of it on the way is compared by its path. */
static json_t *body(void)
{
	json_t *root = json_loads(fake_self()->body, 0, NULL);

	if (!root)
		fail_msg("the body is not JSON: %s", fake_self()->body);
	return root;
}

static const char *text_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (!text)
		fail_msg("no text '%s' in %s", key, fake_self()->body);
	return text;
}

static void the_default_body_is_that_of_alertmanager(void **state)
{
	json_t *root, *alert;

	(void)state;
	fake_annotate(&fake, "description", "97 % of \"/var\"");
	fake.alert.link = "https://example.com/db1";
	assert_delivered();
	assert_string_equal(fake_self()->url, "https://example.com/hook");
	assert_string_equal(fake_self()->request.method, "POST");
	assert_string_equal(fake_self()->request.content_type, "application/json");
	assert_true(fake_self()->request.public_only);
	root = body();
	alert = json_array_get(json_object_get(root, "alerts"), 0);
	assert_string_equal(text_at(root, "version"), "4");
	assert_string_equal(text_at(root, "status"), "firing");
	assert_string_equal(text_at(root, "receiver"), "test");
	assert_string_equal(text_at(root, "groupKey"), "0123456789abcdef");
	assert_string_equal(text_at(root, "externalURL"), "");
	assert_int_equal(json_integer_value(json_object_get(root, "truncatedAlerts")), 0);
	assert_string_equal(text_at(json_object_get(root, "commonLabels"), "site"),
			    "www.example.com");
	assert_string_equal(text_at(json_object_get(root, "groupLabels"), "severity"), "critical");
	assert_string_equal(text_at(json_object_get(root, "commonAnnotations"), "summary"),
			    "disk is full");
	assert_string_equal(text_at(alert, "status"), "firing");
	assert_string_equal(text_at(json_object_get(alert, "annotations"), "description"),
			    "97 % of \"/var\"");
	assert_string_equal(text_at(alert, "startsAt"), "2025-11-18T14:30:45.123Z");
	assert_string_equal(text_at(alert, "endsAt"), "0001-01-01T00:00:00Z");
	assert_string_equal(text_at(alert, "generatorURL"), "https://example.com/db1");
	assert_string_equal(text_at(alert, "fingerprint"), "0123456789abcdef");
	json_decref(root);
}

static void the_own_severity_label_and_the_end_are_kept(void **state)
{
	json_t *root, *alert;

	(void)state;
	fake_label(&fake, "severity", "page");
	fake.alert.status = TOCSIN_RESOLVED;
	fake.alert.ends_at_ms = fake.alert.starts_at_ms + 60000;
	assert_delivered();
	root = body();
	alert = json_array_get(json_object_get(root, "alerts"), 0);
	assert_string_equal(text_at(root, "status"), "resolved");
	assert_string_equal(text_at(json_object_get(alert, "labels"), "severity"), "page");
	assert_string_equal(text_at(alert, "endsAt"), "2025-11-18T14:31:45.123Z");
	json_decref(root);
}

static void a_digest_has_all_its_alerts(void **state)
{
	struct fake_alert other;
	const struct tocsin_alert *both[2] = {&fake.alert, &other.alert};
	json_t *root, *labels;

	(void)state;
	fake_alert_init(&other, "disk is full");
	fake_label(&fake, "host", "db1");
	fake_label(&other, "host", "db2");
	other.alert.severity = TOCSIN_WARNING;
	fake.alert.status = TOCSIN_RESOLVED;
	fake.delivery.folded = both;
	fake.delivery.n_folded = 2;
	assert_delivered();
	root = body();
	labels = json_object_get(root, "commonLabels");
	assert_int_equal(json_array_size(json_object_get(root, "alerts")), 2);
	assert_string_equal(text_at(root, "status"), "firing");
	assert_string_equal(text_at(labels, "site"), "www.example.com");
	assert_null(json_object_get(labels, "host"));
	assert_null(json_object_get(labels, "severity"));
	assert_string_equal(text_at(json_object_get(root, "commonAnnotations"), "summary"),
			    "disk is full");
	json_decref(root);
}

static void words_of_the_configuration_replace_the_alerts_own(void **state)
{
	json_t *root, *annotations;

	(void)state;
	config.title = fake_text("another title");
	config.message = fake_text("another \"message\"");
	assert_delivered();
	root = body();
	annotations = json_object_get(root, "commonAnnotations");
	assert_string_equal(text_at(annotations, "summary"), "another title");
	assert_string_equal(text_at(annotations, "description"), "another \"message\"");
	json_decref(root);
}

static void a_structure_goes_out_as_it_is(void **state)
{
	(void)state;
	config.body = fake_text("{\"text\":\"a\\u0001b\",\"n\":[1,null]}");
	config.limits.request = 1 << 20;
	assert_delivered();
	assert_string_equal(fake_self()->body, "{\"text\":\"a\\u0001b\",\"n\":[1,null]}");
}

static void a_form_is_encoded(void **state)
{
	(void)state;
	config.form = fake_text("{\"To\":\"+49 555\",\"Body\":\"a&b=é\\n\",\"n\":5,\"gone\":null,"
				"\"tag\":[\"x\",\"y z\"],\"on\":true}");
	assert_delivered();
	assert_string_equal(fake_self()->body,
			    "To=%2B49%20555&Body=a%26b%3D%C3%A9%0A&n=5&tag=x&tag=y%20z&on=true");
	assert_string_equal(fake_self()->request.content_type, "application/x-www-form-urlencoded");
}

static void the_form_of_a_get_stands_in_the_url(void **state)
{
	(void)state;
	config.method = METHOD_GET;
	config.form = fake_text("{\"text\":\"a b\"}");
	assert_delivered();
	assert_string_equal(fake_self()->url, "https://example.com/hook?text=a%20b");
	assert_string_equal(fake_self()->request.method, "GET");
	assert_null(fake_self()->request.body);
}

static void a_text_is_sent_as_text(void **state)
{
	(void)state;
	config.text = fake_text("disk is full\n");
	assert_delivered();
	assert_string_equal(fake_self()->body, "disk is full\n");
	assert_string_equal(fake_self()->request.content_type, "text/plain; charset=utf-8");
	config.content_type = "text/markdown";
	assert_delivered();
	assert_string_equal(fake_self()->request.content_type, "text/markdown");
}

static void a_resolved_alert_can_have_another_request(void **state)
{
	(void)state;
	config.body = fake_text("{\"a\":1}");
	config.headers = fake_text("{\"X-A\":\"1\"}");
	config.resolved.method = 1 + METHOD_PUT;
	config.resolved.url = fake_text("https://example.com/close");
	assert_delivered();
	assert_string_equal(fake_self()->url, "https://example.com/hook");
	fake.alert.status = TOCSIN_RESOLVED;
	assert_delivered();
	assert_string_equal(fake_self()->url, "https://example.com/close");
	assert_string_equal(fake_self()->request.method, "PUT");
	assert_string_equal(fake_self()->body, "{\"a\":1}");
	assert_string_equal(header("X-A"), "1");
	config.resolved.form = fake_text("{\"b\":2}");
	config.resolved.headers = fake_text("{\"X-B\":\"2\"}");
	assert_delivered();
	assert_string_equal(fake_self()->body, "b=2");
	assert_null(header("X-A"));
	assert_string_equal(header("X-B"), "2");
	config.resolved.method = 1 + METHOD_DELETE;
	assert_delivered();
	assert_string_equal(fake_self()->request.method, "DELETE");
	assert_null(fake_self()->request.body);
}

static void headers_hold_their_values_and_no_line_break(void **state)
{
	(void)state;
	config.headers =
		fake_text("{\"X-Text\":\"a\\r\\nX-Evil: 1\",\"X-Number\":3,\"X-Gone\":null}");
	config.idempotency_header = "Idempotency-Key";
	config.auth.bearer = "t0ken";
	assert_delivered();
	assert_string_equal(header("X-Text"), "a  X-Evil: 1");
	assert_string_equal(header("X-Number"), "3");
	assert_null(header("X-Gone"));
	assert_string_equal(header("Idempotency-Key"), "fedcba9876543210fedcba9876543210");
	assert_string_equal(header("Authorization"), "Bearer t0ken");
	config.idempotency_form = 1;
	assert_delivered();
	assert_string_equal(header("X-Text"), "a  X-Evil: 1");
	assert_string_equal(header("Idempotency-Key"), "fedcba98-7654-5210-bedc-ba9876543210");
}

static void there_are_four_ways_to_log_in(void **state)
{
	(void)state;
	config.auth = (struct webhook_auth){.username = "Aladdin", .password = "open sesame"};
	assert_delivered();
	assert_string_equal(header("Authorization"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
	tear_down(NULL);
	config.auth = (struct webhook_auth){.header = "X-Api-Key", .token = "k"};
	channel = NULL;
	assert_delivered();
	assert_string_equal(header("X-Api-Key"), "k");
	tear_down(NULL);
	config.auth = (struct webhook_auth){.query = "access token", .token = "a&b"};
	channel = NULL;
	assert_delivered();
	assert_string_equal(fake_self()->url, "https://example.com/hook?access%20token=a%26b");
}

static void parameters_join_those_that_are_there(void **state)
{
	(void)state;
	config.url = fake_text("https://example.com/hook?x=1#part");
	config.auth = (struct webhook_auth){.query = "k", .token = "t"};
	config.hmac.secret = "s";
	config.hmac.query = "sign";
	config.hmac.timestamp_query = "ts";
	assert_delivered();
	assert_int_equal(strncmp(fake_self()->url, "https://example.com/hook?x=1&k=t&ts=", 36), 0);
	assert_non_null(strstr(fake_self()->url, "&sign="));
}

static void a_signature_goes_where_the_service_wants_it(void **state)
{
	struct tocsin_request request;
	struct refusal refusal = {0};
	struct assembly assembly;

	(void)state;
	config.body = fake_text("{\"a\":1}");
	config.hmac.secret = "Jefe";
	config.hmac.header = "X-Hub-Signature-256";
	config.hmac.prefix = "sha256=";
	config.hmac.timestamp_header = "X-Time";
	config.hmac.timestamp_field = "timestamp";
	config.hmac.field = "sign";
	assert_int_equal(webhook_assembly_init(&assembly, &fake_host, &config), 0);
	assert_true(webhook_request(&assembly, &fake.delivery, INT64_C(1700000000123), &request,
				    &refusal));
	assert_string_equal(
		request.body,
		"{\"a\":1,\"timestamp\":\"1700000000\",\"sign\":\"sha256=8a929ee7323e2f7795b8f7e34f10214d23d89b16772798db1ed53afaf9e4d968\"}");
	fake_self()->request = request;
	assert_string_equal(header("X-Time"), "1700000000");
	assert_string_equal(
		header("X-Hub-Signature-256"),
		"sha256=8a929ee7323e2f7795b8f7e34f10214d23d89b16772798db1ed53afaf9e4d968");
	webhook_assembly_done(&assembly);
}

static void standard_webhooks_have_three_headers(void **state)
{
	(void)state;
	config.signature.secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
	assert_delivered();
	assert_string_equal(header("webhook-id"), "fedcba9876543210fedcba9876543210");
	assert_true(strtoll(header("webhook-timestamp"), NULL, 10) > 1700000000);
	assert_int_equal(strncmp(header("webhook-signature"), "v1,", 3), 0);
	assert_int_equal(strlen(header("webhook-signature")), 3 + 44);
}

static void fields_are_cut_where_the_limits_say(void **state)
{
	const struct tocsin_pair fields[] = {
		{"a.title", "5"}, {"list[1]", "3"}, {"n", "1"}, {"x", "1"}};

	(void)state;
	config.body = fake_text("{\"a\":{\"title\":\"abcdefgh\",\"other\":\"abcdefgh\"},"
				"\"list\":[\"abcdef\",\"abcdef\"],\"n\":12345}");
	config.limits.fields = (struct tocsin_map){fields, 4};
	assert_delivered();
	assert_string_equal(fake_self()->body,
			    "{\"a\":{\"title\":\"abcd…\",\"other\":\"abcdefgh\"},"
			    "\"list\":[\"abcdef\",\"ab…\"],\"n\":12345}");
	config.limits.overflow = OVERFLOW_REJECT;
	assert_int_equal(deliver()->outcome, TOCSIN_REJECTED);
	assert_non_null(
		strstr(fake_self()->done[0].why, "'a.title' is longer than the limit of 5"));
}

static void a_request_fits_by_shortening_its_longest_text(void **state)
{
	static char given[7000];

	(void)state;
	for (size_t limit = 150; limit < 5000; limit = limit * 3 / 2) {
		json_t *root;

		fake_reset();
		snprintf(given, sizeof(given),
			 "{\"title\":\"short one\",\"url\":\"https://example.com"
			 "/a/b/c\",\"text\":\"");
		for (size_t i = 0; i < 3000; i++)
			strncat(given, "é", sizeof(given) - strlen(given) - 1);
		strncat(given, "\"}", sizeof(given) - strlen(given) - 1);
		config.url = fake_text("https://example.com/hook");
		config.body = fake_text(given);
		config.limits.request = (int64_t)limit;
		assert_delivered();
		assert_true(fake_self()->request.body_length <= limit);
		assert_true(fake_self()->request.body_length + 8 >= limit);
		root = body();
		assert_string_equal(text_at(root, "title"), "short one");
		assert_non_null(strstr(text_at(root, "text"), "é…"));
		json_decref(root);
	}
	config.limits.request = 40;
	assert_int_equal(deliver()->outcome, TOCSIN_REJECTED);
	config.limits.request = 200;
	config.limits.overflow = OVERFLOW_REJECT;
	assert_int_equal(deliver()->outcome, TOCSIN_REJECTED);
}

static void a_text_fits_too(void **state)
{
	(void)state;
	config.text = fake_text("ééééééééé");
	config.limits.request = 10;
	assert_delivered();
	assert_string_equal(fake_self()->body, "ééé…");
}

static void a_template_that_fails_is_tried_again_later(void **state)
{
	const struct tocsin_template *broken =
		(const struct tocsin_template *)(const void *)&config;

	(void)state;
	config.body = broken;
	assert_int_equal(deliver()->outcome, TOCSIN_RETRY);
	assert_int_equal(fake_self()->done[0].retry_after_ms, 60000);
	assert_non_null(strstr(fake_self()->done[0].why, "template of 'body'"));
	config.body = NULL;
	config.title = broken; /* the alert's own words take its place */
	assert_delivered();
}

/* With data everything at once, else the default body. */
static bool is_whole(const void *data)
{
	if (!data)
		return strstr(fake_self()->body, "]}") != NULL;
	return strstr(fake_self()->body, "\"sign\"") && header("X-A") && header("Authorization") &&
	       header("webhook-signature") && strstr(fake_self()->url, "?k=t");
}

static int deliver_scarcely(void *data)
{
	const struct fake_done *done;
	void *state = NULL;
	int result;

	result = tocsin_plugin.channel->open(fake_self(), &fake_host, &config, &state);
	if (result < 0)
		return result;
	done = fake_deliver(state, &fake);
	if (done->outcome == TOCSIN_DELIVERED && !is_whole(data))
		scarce_fail("a part of a request went out");
	if (done->outcome != TOCSIN_DELIVERED && done->outcome != TOCSIN_RETRY)
		scarce_fail("a delivery died because memory was short");
	result = done->outcome == TOCSIN_DELIVERED ? 0 : -ENOMEM;
	tocsin_plugin.channel->close(state);
	return result;
}

static void without_memory_nothing_goes_out(void **state)
{
	const struct tocsin_pair field = {"text", "5"};

	(void)state;
	config.body = fake_text("{\"text\":\"longer than five\"}");
	config.headers = fake_text("{\"X-A\":\"1\",\"X-B\":2}");
	config.limits.fields = (struct tocsin_map){&field, 1};
	config.auth = (struct webhook_auth){.query = "k", .token = "t"};
	config.hmac.secret = "s";
	config.hmac.field = "sign";
	config.signature.secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
	config.auth.username = "u";
	config.auth.password = "p";
	assert_true(scarce_sweep("webhook", deliver_scarcely, &config) > 0);
}

static void without_memory_no_default_body_goes_out(void **state)
{
	(void)state;
	assert_true(scarce_sweep("default", deliver_scarcely, NULL) > 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_default_body_is_that_of_alertmanager),
		TEST(the_own_severity_label_and_the_end_are_kept),
		TEST(a_digest_has_all_its_alerts),
		TEST(words_of_the_configuration_replace_the_alerts_own),
		TEST(a_structure_goes_out_as_it_is),
		TEST(a_form_is_encoded),
		TEST(the_form_of_a_get_stands_in_the_url),
		TEST(a_text_is_sent_as_text),
		TEST(a_resolved_alert_can_have_another_request),
		TEST(headers_hold_their_values_and_no_line_break),
		TEST(there_are_four_ways_to_log_in),
		TEST(parameters_join_those_that_are_there),
		TEST(a_signature_goes_where_the_service_wants_it),
		TEST(standard_webhooks_have_three_headers),
		TEST(fields_are_cut_where_the_limits_say),
		TEST(a_request_fits_by_shortening_its_longest_text),
		TEST(a_text_fits_too),
		TEST(a_template_that_fails_is_tried_again_later),
		TEST(without_memory_nothing_goes_out),
		TEST(without_memory_no_default_body_goes_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
