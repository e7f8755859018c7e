/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Anybody on the socket can send any JSON; what is accepted survives the way to the store and
 * back unchanged. And a row of the store, however damaged, is an alert or a sentence.
 */
#include "fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alert/alert.h"
#include "delivery/delivery.h"

static void check_text(const char *text)
{
	assert(fuzz_is_utf8(text, strlen(text)));
}

static void check_map(const struct tocsin_map *map)
{
	for (size_t i = 0; i < map->n; i++) {
		check_text(map->pair[i].name);
		check_text(map->pair[i].value);
		assert(i == 0 || strcmp(map->pair[i - 1].name, map->pair[i].name) < 0);
	}
}

/* What channels rely on, also when the alert comes from a damaged row. */
static void check_alert(const struct tocsin_alert *alert)
{
	assert(alert->labels.n <= ALERT_LABELS);
	assert(alert->annotations.n <= ALERT_LABELS && alert->recipients.n <= ALERT_RECIPIENTS);
	assert(alert->severity <= TOCSIN_EMERGENCY && alert->status <= TOCSIN_EVENT);
	check_map(&alert->labels);
	check_map(&alert->annotations);
	for (size_t i = 0; i < alert->recipients.n; i++)
		check_text(alert->recipients.item[i]);
	check_text(alert_subject(alert));
	if (alert->link)
		check_text(alert->link);
}

static void there_and_back(const struct alert *alert)
{
	struct alert *again = NULL;
	struct error err;
	char *text = alert_to_json(&alert->pub), *second;

	assert(text && strlen(text) <= ALERT_BODY);
	assert(alert_from_json(text, &again, &err) == 0);
	assert(alert_fingerprint(&again->pub.labels) == alert_fingerprint(&alert->pub.labels));
	second = alert_to_json(&again->pub);
	assert(second && strcmp(text, second) == 0);
	free(second);
	alert_free(again);
	free(text);
}

static void from_client(const uint8_t *data, size_t size)
{
	static struct severity_alias alias[] = {{"page", TOCSIN_CRITICAL}, {"p5", TOCSIN_DEBUG}};
	const struct severity_aliases aliases = {alias, 2};
	json_t *json = json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL);
	struct alert *alert = NULL;
	struct error err;

	if (!json)
		return;
	if (alert_from_client(json, "fuzz", 1700000000000, &aliases, &alert, &err) == 0) {
		assert(alert->pub.labels.n > 0);
		check_alert(&alert->pub);
		there_and_back(alert);
		alert_free(alert);
	} else {
		check_text(err.text);
	}
	json_decref(json);
}

static void from_store(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	char *text = fuzz_rest(&input);
	const struct tocsin_stored_delivery stored = {
		.key = "", .recipient = "ops@example.com", .route = "all", .body = text};
	struct delivery *delivery = NULL;
	struct error err;

	if (delivery_new(&stored, NULL, "mail", &delivery, &err) == 0) {
		assert(strcmp(delivery->pub.recipient, stored.recipient) == 0);
		check_alert(&delivery->alert->pub);
		there_and_back(delivery->alert);
		delivery_free(delivery);
	} else {
		assert(*err.text);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	from_client(data, size);
	from_store(data, size);
	return 0;
}
