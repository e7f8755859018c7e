/* SPDX-License-Identifier: Apache-2.0 */
/* Anybody on the socket can send any JSON; what is accepted survives the way to the store and back. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "alert/alert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void there_and_back(const struct alert *alert)
{
	struct alert *again = NULL;
	struct error err;
	char *text = alert_to_json(&alert->pub);

	assert(text);
	assert(alert_from_json(text, &again, &err) == 0);
	assert(alert_fingerprint(&again->pub.labels) == alert_fingerprint(&alert->pub.labels));
	alert_free(again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *json = json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL);
	struct severity_aliases *aliases = NULL;
	struct alert *alert = NULL;
	struct error err;

	if (!json)
		return 0;
	if (alert_from_client(json, "fuzz", 1700000000000, aliases, &alert, &err) == 0) {
		there_and_back(alert);
		alert_free(alert);
	}
	json_decref(json);
	return 0;
}
