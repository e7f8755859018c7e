/* SPDX-License-Identifier: Apache-2.0 */
/* What an attacker writes is found again, as it was, in what a plain webhook sends: by parsers. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/channels/webhook/sign.h"
#include "../../plugins/channels/webhook/webhook.h"
#include "base/buffer.h"
#include "base/text.h"
#include "hostile.h"
#include "judge.h"

#define ROOM 60000 /* bytes of a body that the fake keeps */

static struct webhook_config config;
static void *channel;

static void send(struct fake_alert *fake)
{
	const struct fake_done *done;

	channel = fake_open(&config);
	done = fake_deliver(channel, fake);
	if (done->outcome != TOCSIN_DELIVERED)
		fail_msg("not delivered: %s", done->why);
}

static void set_up(const char *url)
{
	static const char *const statuses[] = {"2xx"};

	config = (struct webhook_config){
		.url = fake_text(url),
		.success.status = {statuses, 1},
		.hmac = {.key = "{secret}", .message = "{body}"},
		.limits.request = ROOM,
	};
}

static void judge_map(const json_t *object, const char *key, const struct tocsin_map *map,
		      const char *text)
{
	const json_t *found = json_object_get(object, key);

	assert_int_equal(json_object_size(found), map->n);
	for (size_t i = 0; i < map->n; i++) {
		const json_t *value = json_object_get(found, map->pair[i].name);

		assert_string_equal(json_string_value(value), text);
	}
}

/* What was sent is gone. */
static void forget(void)
{
	tocsin_plugin.channel->close(channel);
	fake_reset();
}

/* Alertmanager's, with one alert. whole: nothing had to be shortened, or made UTF-8. */
static void judge_default(const struct fake_alert *fake, const char *text, bool whole)
{
	json_t *root, *alert;

	root = judge_json(fake_self()->body);
	judge_keys(root,
		   "|version|groupKey|truncatedAlerts|status|receiver|groupLabels|commonLabels|"
		   "commonAnnotations|externalURL|alerts|");
	assert_int_equal(json_array_size(json_object_get(root, "alerts")), 1);
	alert = json_array_get(json_object_get(root, "alerts"), 0);
	judge_keys(alert, "|status|labels|annotations|startsAt|endsAt|generatorURL|fingerprint|");
	if (whole) {
		struct tocsin_map labels = fake->alert.labels;

		labels.n++; /* its severity */
		assert_int_equal(json_object_size(json_object_get(alert, "labels")), labels.n);
		judge_map(alert, "annotations", &fake->alert.annotations, text);
		judge_map(root, "commonAnnotations", &fake->alert.annotations, text);
		assert_string_equal(json_string_value(json_object_get(
					    json_object_get(alert, "labels"), "alertname")),
				    text);
	}
	json_decref(root);
}

static int digit(char c)
{
	assert_true(isxdigit((unsigned char)c));
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* The value of the field, decoded as the URL standard has it; for the caller to free(). */
static char *decode(const char **at)
{
	char *value = malloc(strlen(*at) + 1), *to = value;

	for (; **at && **at != '&' && **at != '='; ++*at) {
		assert_true(**at > ' ' && **at < 0x7f);
		*to++ = **at == '+' ? ' ' : **at;
		if (**at != '%')
			continue;
		to[-1] = (char)(digit((*at)[1]) * 16 + digit((*at)[2]));
		*at += 2;
	}
	*to = '\0';
	return value;
}

static void judge_form(const char *form, const char *const expected[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *found = decode(&form);

		assert_string_equal(found, expected[i]);
		free(found);
		if (i + 1 < n)
			assert_int_equal(*form++, i % 2 ? '&' : '=');
	}
	assert_int_equal(*form, '\0');
}

/* A header is one line, whatever stands in it. */
static void judge_headers(void)
{
	const struct tocsin_map *headers = &fake_self()->request.headers;

	for (size_t i = 0; i < headers->n; i++)
		judge_clean(headers->pair[i].value, "\t");
}

static void send_form(struct fake_alert *fake, const char *valid)
{
	const char *const expected[] = {"first", valid, valid, "x", "last", "y"};
	json_t *object = json_pack("{ss ss ss}", "first", valid, valid, "x", "last", "y");
	json_t *header = json_pack("{ss}", "X-Text", valid);
	char *form = json_dumps(object, JSON_PRESERVE_ORDER), *headers = json_dumps(header, 0);

	set_up("https://example.com/hook");
	config.limits.request = 0;
	config.form = fake_text(form);
	config.headers = fake_text(headers);
	send(fake);
	judge_form(fake_self()->body, expected, TOCSIN_COUNT(expected));
	judge_headers();
	forget();
	free(form);
	free(headers);
	json_decref(object);
	json_decref(header);
}

/* No name of a label or annotation has more than 256 bytes. */
static void fill(struct fake_alert *fake, const char *text)
{
	hostile_fill(fake, text);
	if (strlen(text) <= 256)
		return;
	for (size_t i = 0; i < TOCSIN_COUNT(fake->labels); i++) {
		if (fake->labels[i].name == text)
			fake->labels[i].name = "long";
		if (fake->annotations[i].name == text)
			fake->annotations[i].name = "long";
	}
}

static void hostile_texts_arrive_as_they_are(void **unused)
{
	uint64_t seed = hostile_seed();

	(void)unused;
	for (size_t i = 0; i < HOSTILE_TEXTS; i++) {
		char *text = hostile_text(seed, i);
		struct buffer valid = {0};
		struct fake_alert fake;

		if (strlen(text) > 4096 && i % 16 != 0) {
			free(text); /* some of the long ones will do */
			continue;
		}
		text_add_valid(&valid, text, strlen(text));
		fill(&fake, text);
		set_up("https://example.com/hook");
		send(&fake);
		judge_default(&fake, text,
			      valid.length < 300 && strcmp(text, buffer_text(&valid)) == 0);
		forget();
		/* What a template says is UTF-8 always. */
		set_up("https://example.com/hook");
		config.text = fake_text(buffer_text(&valid));
		send(&fake);
		if (valid.length < ROOM)
			assert_string_equal(fake_self()->body, buffer_text(&valid));
		forget();
		if (valid.length < ROOM / 7)
			send_form(&fake, buffer_text(&valid));
		buffer_done(&valid);
		free(text);
	}
}

/* A signature that is a part of the body is over all the rest of it, also when that was cut. */
static void what_is_signed_is_what_is_sent(void **unused)
{
	static const char end[] = ",\"sign\":\"";
	static const char text[] =
		"{\"text\":\"a text that is much longer than the limit, and so it is cut\"}";
	struct fake_alert fake;

	(void)unused;
	fake_alert_init(&fake, "s");
	for (int64_t most = 104; most < 150; most++) {
		struct signable what = {.id = fake.delivery.key};
		struct writer proof = {0};
		char *body;

		set_up("https://example.com/hook");
		config.body = fake_text(text);
		config.hmac = (struct webhook_hmac){
			.secret = "Jefe", .key = "{secret}", .message = "{body}", .field = "sign"};
		config.limits.request = most;
		send(&fake);
		body = fake_self()->body;
		assert_non_null(body);
		assert_true(strlen(body) <= (size_t)most);
		assert_true(strstr(body, end) && strlen(strstr(body, end)) > strlen(end));
		memcpy(strstr(body, end), "}", 2);
		what.body = body;
		what.length = strlen(body);
		assert_true(webhook_sign_hmac(&config.hmac, &what, &proof));
		assert_int_equal(strncmp(body + what.length - 1 + strlen(end), writer_text(&proof),
					 proof.length),
				 0);
		writer_done(&proof);
		forget();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_texts_arrive_as_they_are),
		cmocka_unit_test(what_is_signed_is_what_is_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
