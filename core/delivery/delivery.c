/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/delivery.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/options.h"
#include "template/renderer.h"

static const char *append(char **at, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = memcpy(*at, text, size);

	*at += size;
	return copy;
}

/* As intake made it, when the store held it meanwhile. */
static int take_alert(const struct tocsin_stored_delivery *stored, struct alert **alert,
		      struct error *err)
{
	if (!stored->accepted)
		return alert_from_json(stored->body, alert, err);
	*alert = alert_hold((struct alert *)stored->accepted); /* pub is its first member */
	return 0;
}

int delivery_new(const struct tocsin_stored_delivery *stored, struct channel *channel,
		 const char *channel_name, struct delivery **result, struct error *err)
{
	size_t size = strlen(stored->key) + strlen(stored->recipient) + strlen(stored->route) + 3;
	struct delivery *delivery = calloc(1, sizeof(*delivery) + size);
	char *at;
	int code;

	if (!delivery)
		return error_set(err, -ENOMEM, "out of memory");
	code = take_alert(stored, &delivery->alert, err);
	if (code < 0) {
		free(delivery);
		return code;
	}
	at = delivery->text;
	delivery->channel = channel;
	delivery->alert_number = stored->alert;
	delivery->token = stored->token;
	delivery->created_ms = stored->created_ms;
	delivery->pub = (struct tocsin_delivery){
		.size = sizeof(delivery->pub),
		.id = stored->id,
		.key = append(&at, stored->key),
		.recipient = append(&at, stored->recipient),
		.route = append(&at, stored->route),
		.channel = channel_name,
		.attempt = stored->attempt + 1,
		.alert = &delivery->alert->pub,
	};
	*result = delivery;
	return 0;
}

void instead_free(struct instead *instead)
{
	if (instead)
		arena_free(instead->arena);
}

void delivery_free(struct delivery *delivery)
{
	if (!delivery)
		return;
	rendering_free(delivery->rendering);
	alert_free(delivery->alert);
	free((void *)delivery->pub.folded); /* and the members with it */
	instead_free(delivery->instead);
	free(delivery->note);
	free(delivery->output);
	free(delivery);
}
