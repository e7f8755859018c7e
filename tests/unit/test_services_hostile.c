/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile texts in every slot of an alert, through the services that are shipped: what each would
 * send is compared with what it sends for a harmless alert. Nothing but text may differ: not the
 * server, not the path, not the headers, not the keys of the body, not the markup.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alert/alert.h"
#include "hostile.h"
#include "services_fixture.h"

static const char *service; /* under test */
static const char *attack;

static void broken(const char *what, const char *where)
{
	fail_msg("%s: %s: %.200s\nof the text: %.200s", service, what, where, attack);
}

/* --- where it goes --- */

static size_t count(const char *text, size_t length, char c)
{
	size_t n = 0;

	for (size_t i = 0; i < length; i++)
		n += text[i] == c;
	return n;
}

/* The same server, as many steps in the path, the same parameters. */
static void judge_url(const char *url, const char *harmless)
{
	size_t server = strcspn(strstr(harmless, "://") + 3, "/?") +
			(size_t)(strstr(harmless, "://") + 3 - harmless);
	size_t path = strcspn(url, "?"), wanted = strcspn(harmless, "?");

	if (strncmp(url, harmless, server) != 0 ||
	    count(url, path, '/') != count(harmless, wanted, '/'))
		broken("goes elsewhere", url);
	if (count(url, strlen(url), '&') > count(harmless, strlen(harmless), '&'))
		broken("has further parameters", url);
	for (const char *at = url; *at; at++) {
		if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7f ||
		    strchr("\"<>\\#", *at))
			broken("is no URL", url);
	}
}

static void judge_headers(const struct tocsin_map *headers, const struct tocsin_map *harmless)
{
	if (headers->n != harmless->n)
		broken("has other headers", headers->n ? headers->pair[0].name : "none");
	for (size_t i = 0; i < headers->n; i++) {
		if (strcmp(headers->pair[i].name, harmless->pair[i].name) != 0 ||
		    strpbrk(headers->pair[i].value, "\r\n"))
			broken("has another header", headers->pair[i].name);
	}
}

/* --- what markup says --- */

/* The length of a tag at this place, with attributes in quotes; 0: it is none. */
static size_t tag_at(const char *at)
{
	const char *c = at + 1 + (at[1] == '/');

	if (!isalpha((unsigned char)*c))
		return 0;
	c += strspn(c, "abcdefghijklmnopqrstuvwxyz0123456789");
	while (*c == ' ') {
		c += 1 + strspn(c + 1, "abcdefghijklmnopqrstuvwxyz-");
		if (c[0] != '=' || c[1] != '"')
			return 0;
		c += 2 + strcspn(c + 2, "\"<>");
		if (*c++ != '"')
			return 0;
	}
	return *c == '>' ? (size_t)(c + 1 - at) : 0;
}

/* "<a" */
static bool has_tag(const char *html, const char *tag)
{
	size_t name = strcspn(tag, " >");

	for (const char *at = html; (at = strchr(at, '<')); at++) {
		if (strncmp(at, tag, name) == 0 && strchr(" >", at[name]))
			return true;
	}
	return false;
}

static bool is_html(const char *text)
{
	const char *at = strchr(text, '<');

	return at && tag_at(at) > 0;
}

/* Each tag is one that the harmless text has, too. */
static void judge_html(const char *html, const char *harmless)
{
	for (const char *at = html; (at = strchr(at, '<')); at++) {
		if (tag_at(at) == 0 || !has_tag(harmless, at))
			broken("has other markup", at);
	}
}

/* --- what a body is --- */

/* An object whose names are those of labels or annotations. */
static bool is_data(const json_t *object)
{
	return json_object_get(object, "alertname") || json_object_get(object, "description") ||
	       json_object_get(object, "harmless");
}

static void judge_shape(const json_t *value, const json_t *harmless);

static void judge_object(const json_t *object, const json_t *harmless)
{
	const char *name;
	json_t *value;

	if (is_data(harmless))
		return;
	json_object_foreach((json_t *)(uintptr_t)object, name, value)
	{
		if (!json_object_get(harmless, name))
			broken("has another key", name);
		judge_shape(value, json_object_get(harmless, name));
	}
}

/* Lists may be longer or shorter, but of the same things. */
static void judge_list(const json_t *list, const json_t *harmless)
{
	size_t i;
	json_t *value;

	json_array_foreach(list, i, value)
	{
		size_t k = i < json_array_size(harmless) ? i : json_array_size(harmless) - 1;
		const json_t *like = json_array_get(harmless, k);

		for (k = 0;
		     k < json_array_size(harmless) && json_typeof(like) != json_typeof(value); k++)
			like = json_array_get(harmless, k);
		if (!like)
			broken("has a further list item", "");
		/* items may have vanished before this one: only its kind is sure */
		if (json_array_size(list) == json_array_size(harmless))
			judge_shape(value, like);
	}
}

static void judge_shape(const json_t *value, const json_t *harmless)
{
	if (json_is_boolean(value) && json_is_boolean(harmless))
		return;
	if (json_typeof(value) != json_typeof(harmless))
		broken("has a value of another kind",
		       json_string_value(value) ? json_string_value(value) : "");
	if (json_is_object(value))
		judge_object(value, harmless);
	else if (json_is_array(value))
		judge_list(value, harmless);
	else if (json_is_string(value) && is_html(json_string_value(harmless)))
		judge_html(json_string_value(value), json_string_value(harmless));
}

/* "&name=" of a form: its names, in order, must be among those of the harmless one. */
static void judge_form(const char *form, const char *harmless)
{
	for (const char *at = form; *at; at += strcspn(at, "&"), at += *at == '&') {
		size_t length = strcspn(at, "=&");
		const char *found = harmless;

		while ((found = strstr(found, "=")) && length > 0) {
			const char *name = found - length;

			if (name >= harmless && strncmp(name, at, length) == 0 &&
			    (name == harmless || name[-1] == '&'))
				break;
			found++;
		}
		if (!found || at[length] != '=')
			broken("has another field", at);
	}
	for (const char *at = form; *at; at++) {
		if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7f)
			broken("is no form", at);
	}
}

static void judge_body(const struct tocsin_request *request, const char *type, const char *harmless)
{
	json_t *body, *wanted;

	if (!request->body || !harmless)
		return;
	assert_string_equal(request->content_type, type);
	if (strncmp(type, "application/json", 16) != 0) {
		judge_form(request->body, harmless);
		return;
	}
	body = json_loadb(request->body, request->body_length, JSON_REJECT_DUPLICATES, NULL);
	wanted = json_loads(harmless, 0, NULL);
	assert_non_null(wanted);
	if (!body)
		broken("is no JSON", request->body);
	judge_shape(body, wanted);
	json_decref(body);
	json_decref(wanted);
}

/* --- each service --- */

struct harmless {
	char *url, *type, *body;
	struct tocsin_pair pair[HEADERS_MOST];
	struct tocsin_map headers;
};

static void prepare(struct fake_alert *fake, const struct channel_settings *channel)
{
	fake->delivery.channel = channel->name;
	fake->delivery.recipient = channel->recipients ? "+15550100" : "";
}

/* What is sent when all is well and every slot is filled; of links, too. */
static void keep_harmless(struct service_trial *trial, struct harmless *harmless,
			  enum tocsin_status status)
{
	static const char link[] = "https://example.com/here";
	struct tocsin_request request;
	struct fake_alert fake;

	hostile_fill(&fake, "harmless");
	fake.alert.link = link;
	for (size_t i = 0; i < fake.alert.annotations.n; i++) {
		fake.annotations[i].value = strstr(fake.annotations[i].name, "_url") ? link
										     : "two\nlines";
	}
	fake.alert.status = status;
	fake.alert.ends_at_ms = SERVICES_NOW_MS;
	prepare(&fake, trial->channel);
	service_trial_request(trial, &fake.delivery, &request);
	harmless->url = strdup(request.url);
	harmless->type = request.content_type ? strdup(request.content_type) : NULL;
	harmless->body = request.body ? strdup(request.body) : NULL;
	harmless->headers = (struct tocsin_map){harmless->pair, request.headers.n};
	for (size_t i = 0; i < request.headers.n; i++)
		harmless->pair[i].name = strdup(request.headers.pair[i].name);
}

static void forget_harmless(struct harmless *harmless)
{
	for (size_t i = 0; i < harmless->headers.n; i++)
		free((char *)(uintptr_t)harmless->pair[i].name);
	free(harmless->url);
	free(harmless->type);
	free(harmless->body);
}

static void attack_service(const struct channel_settings *channel, enum tocsin_status status,
			   uint64_t seed, size_t first, size_t step)
{
	struct service_trial trial;
	struct harmless harmless = {0};

	service = channel->name;
	service_trial_begin(&trial, channel);
	keep_harmless(&trial, &harmless, status);
	for (size_t i = first; i < HOSTILE_TEXTS; i += step) {
		char *text = hostile_text(seed, i);
		struct tocsin_request request;
		struct fake_alert fake;

		if (strlen(text) > ALERT_VALUE) /* no longer ones are accepted as a label */
			text[ALERT_VALUE] = '\0';
		attack = text;
		hostile_fill(&fake, text);
		fake.alert.status = status;
		fake.alert.ends_at_ms = SERVICES_NOW_MS;
		prepare(&fake, channel);
		service_trial_request(&trial, &fake.delivery, &request);
		judge_url(request.url, harmless.url);
		judge_headers(&request.headers, &harmless.headers);
		judge_body(&request, harmless.type, harmless.body);
		free(text);
	}
	forget_harmless(&harmless);
	service_trial_end(&trial);
}

/* Each text goes through one service, in every slot at once. */
static void nothing_but_text_comes_from_an_alert(void **state)
{
	const struct settings *settings = services_settings();
	uint64_t seed = hostile_seed();

	(void)state;
	for (size_t i = 0; i < settings->n_channels; i++) {
		const struct channel_settings *channel = &settings->channel[i];

		attack_service(channel, TOCSIN_FIRING, seed, i, settings->n_channels);
		if (channel->common.send_resolved)
			attack_service(channel, TOCSIN_RESOLVED, seed, i, 4 * settings->n_channels);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_but_text_comes_from_an_alert),
	};

	return cmocka_run_group_tests(tests, services_set_up, services_tear_down);
}
