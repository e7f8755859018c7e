/* SPDX-License-Identifier: Apache-2.0 */
#include "alert/stored.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

/* A copy of the text; strings are unescaped where they stand, which never makes them longer. */
struct reading {
	char *at;
	struct tocsin_pair *pair; /* the next free ones */
	const char **item;
};

/* Moves on when the text goes on with exactly this. */
static bool skip(struct reading *reading, const char *expected)
{
	size_t length = strlen(expected);

	if (strncmp(reading->at, expected, length) != 0)
		return false;
	reading->at += length;
	return true;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The escapes that alert_to_json writes: \n \" \\ \u00XX. Returns false for any other. */
static bool unescape(char **from, char **to)
{
	const char *at = *from + 1;
	int high, low;

	switch (*at) {
	case 'n':
		*(*to)++ = '\n';
		break;
	case '"':
	case '\\':
		*(*to)++ = *at;
		break;
	case 'u':
		if (at[1] != '0' || at[2] != '0' || (high = hex(at[3])) < 0 ||
		    (low = hex(at[4])) < 0 || high + low == 0 || high > 1)
			return false;
		*(*to)++ = (char)(high * 16 + low);
		at += 4;
		break;
	default:
		return false;
	}
	*from += at - *from + 1;
	return true;
}

/* A string with its quotes; NULL when there is none. */
static const char *string(struct reading *reading)
{
	char *start = reading->at + 1, *from = start, *to = start;

	if (*reading->at != '"')
		return NULL;
	for (;;) {
		size_t run = strcspn(from, "\"\\");

		if (to != from)
			memmove(to, from, run);
		from += run;
		to += run;
		if (*from == '"')
			break;
		if (*from == '\0' || !unescape(&from, &to))
			return NULL;
	}
	reading->at = from + 1;
	*to = '\0';
	return start;
}

/* name comes as it stands in the text: "{\"id\":" */
static bool member(struct reading *reading, const char *name, const char **value)
{
	return skip(reading, name) && (*value = string(reading)) != NULL;
}

static bool time_member(struct reading *reading, const char *name, int64_t *wall_ms)
{
	const char *text;

	*wall_ms = 0;
	if (!skip(reading, name))
		return true; /* left out when there is none */
	text = string(reading);
	return text && clock_parse(text, wall_ms) == 0;
}

static bool map(struct reading *reading, const char *name, struct tocsin_map *map)
{
	struct tocsin_pair *first = reading->pair;

	*map = (struct tocsin_map){.pair = first};
	if (!skip(reading, name) || !skip(reading, "{"))
		return false;
	if (skip(reading, "}"))
		return true;
	do {
		struct tocsin_pair *pair = reading->pair++;

		if (!(pair->name = string(reading)) || !skip(reading, ":") ||
		    !(pair->value = string(reading)))
			return false;
		/* Sorted, and no name twice: what searches in it relies on that. */
		if (map->n > 0 && strcmp(pair[-1].name, pair->name) >= 0)
			return false;
		map->n++;
	} while (skip(reading, ","));
	return map->n <= ALERT_LABELS && skip(reading, "}");
}

static bool list(struct reading *reading, const char *name, struct tocsin_strings *list)
{
	*list = (struct tocsin_strings){.item = reading->item};
	if (!skip(reading, name) || !skip(reading, "["))
		return false;
	if (skip(reading, "]"))
		return true;
	do {
		if (!(*reading->item++ = string(reading)))
			return false;
		list->n++;
	} while (skip(reading, ","));
	return list->n <= ALERT_RECIPIENTS && skip(reading, "]");
}

static bool status_of(const char *word, enum tocsin_status *status)
{
	for (int i = TOCSIN_FIRING; i <= TOCSIN_EVENT; i++) {
		*status = (enum tocsin_status)i;
		if (strcmp(word, alert_status_name(*status)) == 0)
			return true;
	}
	return false;
}

/* In the order in which alert_to_json writes them. */
static bool read_members(struct reading *reading, struct tocsin_alert *alert)
{
	const char *status, *severity;

	if (!member(reading, "{\"id\":", &alert->id) ||
	    !member(reading, ",\"source\":", &alert->source) ||
	    !member(reading, ",\"fingerprint\":", &alert->fingerprint) ||
	    !member(reading, ",\"status\":", &status) ||
	    !member(reading, ",\"severity\":", &severity) ||
	    !time_member(reading, ",\"starts_at\":", &alert->starts_at_ms) ||
	    !time_member(reading, ",\"ends_at\":", &alert->ends_at_ms) ||
	    !map(reading, ",\"labels\":", &alert->labels) ||
	    !map(reading, ",\"annotations\":", &alert->annotations) ||
	    !list(reading, ",\"recipients\":", &alert->recipients))
		return false;
	if (skip(reading, ",\"link\":") && !(alert->link = string(reading)))
		return false;
	if (!skip(reading, "}") || *reading->at != '\0' || !status_of(status, &alert->status) ||
	    severity_parse(severity, NULL, &alert->severity) < 0)
		return false;
	alert->severity_name = severity_name(alert->severity);
	return true;
}

/* How many strings there can be: none is without its two quotes. False for bytes that JSON does not
 * have. */
static bool survey(const char *text, size_t length, size_t *strings)
{
	unsigned char least = 0xff;
	size_t quotes = 0;

	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		quotes += c == '"';
		least = c < least ? c : least;
	}
	*strings = quotes / 2;
	return least >= 0x20 && text_is_valid(text, length);
}

int alert_read_stored(const char *text, struct alert **alert)
{
	size_t length = strlen(text), strings;
	struct reading reading;
	struct alert *made;

	if (length > 2 * ALERT_BODY || !survey(text, length, &strings))
		return -EINVAL;
	made = malloc(sizeof(*made) + strings / 2 * sizeof(*reading.pair) +
		      strings * sizeof(*reading.item) + length + 1);
	if (!made)
		return -ENOMEM;
	reading.pair = (struct tocsin_pair *)(made + 1);
	reading.item = (const char **)(reading.pair + strings / 2);
	reading.at = memcpy(reading.item + strings, text, length + 1);
	atomic_init(&made->holders, 1);
	made->pub = (struct tocsin_alert){.size = sizeof(made->pub)};
	if (!read_members(&reading, &made->pub)) {
		free(made);
		return -EINVAL;
	}
	*alert = made;
	return 0;
}
