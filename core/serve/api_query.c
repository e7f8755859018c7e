/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/api_query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

static const char *const state_names[] = {
	[TOCSIN_STATE_PENDING] = "pending",       [TOCSIN_STATE_CLAIMED] = "claimed",
	[TOCSIN_STATE_DELIVERED] = "delivered",   [TOCSIN_STATE_DEAD] = "dead",
	[TOCSIN_STATE_SUPPRESSED] = "suppressed",
};

/* The first `shared` names are known to both lists. */
static const char *const parameter_names[] = {"source", "alert", "since",  "before",
					      "limit",  "state", "channel"};
enum { SHARED_PARAMETERS = 5 };

const char *api_state_name(enum tocsin_state state)
{
	return (size_t)state < TOCSIN_COUNT(state_names) ? state_names[state] : "unknown";
}

static int find_state(const char *name, size_t length, unsigned int *bit)
{
	for (unsigned int i = 0; i < TOCSIN_COUNT(state_names); i++)
		if (strlen(state_names[i]) == length && memcmp(state_names[i], name, length) == 0) {
			*bit = 1U << i;
			return 0;
		}
	return -EINVAL;
}

int api_parse_states(const char *text, unsigned int *states, struct error *err)
{
	unsigned int found = 0, bit;

	while (*text) {
		size_t length = strcspn(text, ",");

		if (find_state(text, length, &bit) < 0)
			return error_set(err, -EINVAL,
					 "unknown state '%.*s'; known are pending, claimed, "
					 "delivered, dead, suppressed",
					 (int)(length < 40 ? length : 40), text);
		found |= bit;
		text += length;
		if (*text == ',')
			text++;
	}
	*states = found;
	return 0;
}

int api_parse_number(const char *text, int64_t *number)
{
	char *end;
	long long value;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno != 0 || *end != '\0' || value <= 0)
		return -EINVAL;
	*number = value;
	return 0;
}

static int unknown_parameter(enum api_list list, const char *name, struct error *err)
{
	size_t n = list == API_ALERTS ? SHARED_PARAMETERS : TOCSIN_COUNT(parameter_names);
	const char *meant = text_closest(name, parameter_names, n);

	if (meant)
		return error_set(err, -EINVAL, "unknown parameter '%.40s'; did you mean '%s'?",
				 name, meant);
	return error_set(err, -EINVAL, "unknown parameter '%.40s'", name);
}

static int add_alert(struct tocsin_query *query, const char *value, struct error *err)
{
	if (strlen(value) != 32 || strspn(value, "0123456789abcdef") != 32)
		return error_set(err, -EINVAL,
				 "alert must be the id of an alert, 32 hex digits in lower case");
	query->alert_id = value;
	return 0;
}

static int add_limit(struct tocsin_query *query, const char *value, struct error *err)
{
	if (api_parse_number(value, &query->limit) < 0 || query->limit > API_LIMIT_MOST)
		return error_set(err, -EINVAL, "limit must be a number from 1 to %d",
				 API_LIMIT_MOST);
	return 0;
}

static int add_since(struct tocsin_query *query, const char *value, struct error *err)
{
	if (clock_parse(value, &query->since_ms) < 0)
		return error_set(err, -EINVAL, "since must be a time such as 2025-11-18T14:30:45Z");
	return 0;
}

int api_query_add(struct tocsin_query *query, enum api_list list, const char *name,
		  const char *value, struct error *err)
{
	if (!value || !*value)
		return error_set(err, -EINVAL, "parameter '%.40s' has no value", name);
	if (strcmp(name, "source") == 0) {
		query->source = value;
		return 0;
	}
	if (strcmp(name, "alert") == 0)
		return add_alert(query, value, err);
	if (strcmp(name, "since") == 0)
		return add_since(query, value, err);
	if (strcmp(name, "limit") == 0)
		return add_limit(query, value, err);
	if (strcmp(name, "before") == 0)
		return api_parse_number(value, &query->before) < 0
			       ? error_set(err, -EINVAL, "before must be a positive number")
			       : 0;
	if (list == API_DELIVERIES && strcmp(name, "state") == 0)
		return api_parse_states(value, &query->states, err);
	if (list == API_DELIVERIES && strcmp(name, "channel") == 0) {
		query->channel = value;
		return 0;
	}
	return unknown_parameter(list, name, err);
}
