/* SPDX-License-Identifier: Apache-2.0 */
/* alert/pack: an alert and all its texts in one block of memory. */
#include "alert/pack.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* An invalid byte becomes the three bytes of U+FFFD. */
#define GROWTH 3

/* Where the next text goes in the block. */
struct filling {
	char *at;
	bool failed;
};

static size_t room_for(const char *text)
{
	size_t length = text ? strlen(text) : 0;

	if (length == 0)
		return 1;
	return (text_is_valid(text, length) ? length : length * GROWTH) + 1;
}

static size_t room_for_map(const struct tocsin_map *map)
{
	size_t room = 0;

	for (size_t i = 0; i < map->n; i++)
		room += room_for(map->pair[i].name) + room_for(map->pair[i].value);
	return room;
}

static size_t room_for_texts(const struct tocsin_alert *from)
{
	size_t room = room_for(from->id) + room_for(from->source) + room_for(from->fingerprint) +
		      room_for(from->severity_name) + room_for(from->link) +
		      room_for_map(&from->labels) + room_for_map(&from->annotations);

	for (size_t i = 0; i < from->recipients.n; i++)
		room += room_for(from->recipients.item[i]);
	return room;
}

static const char *put(struct filling *filling, const char *text)
{
	char *start = filling->at;
	size_t length = text ? strlen(text) : 0;

	if (text_is_valid(text, length)) {
		if (length > 0)
			memcpy(start, text, length);
	} else {
		struct buffer valid = {0};

		text_add_valid(&valid, text, length);
		filling->failed |= valid.failed;
		length = valid.length;
		memcpy(start, buffer_text(&valid), length);
		buffer_done(&valid);
	}
	start[length] = '\0';
	filling->at = start + length + 1;
	return start;
}

static int compare_names(const void *a, const void *b)
{
	const struct tocsin_pair *left = a, *right = b;

	return strcmp(left->name, right->name);
}

static bool is_sorted(const struct tocsin_pair *pair, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		if (strcmp(pair[i - 1].name, pair[i].name) > 0)
			return false;
	}
	return true;
}

static struct tocsin_map put_map(struct filling *filling, const struct tocsin_map *from,
				 struct tocsin_pair *into, bool keep_empty)
{
	size_t n = 0;

	for (size_t i = 0; i < from->n; i++) {
		const char *value = from->pair[i].value;

		if (!value || (*value == '\0' && !keep_empty))
			continue;
		into[n].name = put(filling, from->pair[i].name);
		into[n].value = put(filling, value);
		n++;
	}
	if (!is_sorted(into, n))
		qsort(into, n, sizeof(*into), compare_names);
	return (struct tocsin_map){.pair = into, .n = n};
}

static bool contains(const char *const *item, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(item[i], text) == 0)
			return true;
	}
	return false;
}

static struct tocsin_strings put_recipients(struct filling *filling,
					    const struct tocsin_strings *from, const char **into)
{
	size_t n = 0;

	for (size_t i = 0; i < from->n; i++) {
		if (from->item[i] && *from->item[i] && !contains(into, n, from->item[i]))
			into[n++] = put(filling, from->item[i]);
	}
	return (struct tocsin_strings){.item = into, .n = n};
}

int alert_pack(const struct tocsin_alert *from, struct alert **alert)
{
	size_t pairs = from->labels.n + from->annotations.n;
	size_t texts = room_for_texts(from);
	struct filling filling = {0};
	struct tocsin_pair *pair;
	const char **recipient;
	struct alert *made;

	if (texts > (size_t)GROWTH * ALERT_BODY)
		return -E2BIG;
	made = malloc(sizeof(*made) + pairs * sizeof(*pair) +
		      from->recipients.n * sizeof(*recipient) + texts);
	if (!made)
		return -ENOMEM;
	pair = (struct tocsin_pair *)(made + 1);
	recipient = (const char **)(pair + pairs);
	filling.at = (char *)(recipient + from->recipients.n);

	atomic_init(&made->holders, 1);
	made->pub = *from;
	made->pub.id = put(&filling, from->id);
	made->pub.source = put(&filling, from->source);
	made->pub.fingerprint = put(&filling, from->fingerprint);
	if (from->severity_name)
		made->pub.severity_name = put(&filling, from->severity_name);
	made->pub.labels = put_map(&filling, &from->labels, pair, false);
	made->pub.annotations = put_map(&filling, &from->annotations, pair + from->labels.n, true);
	made->pub.recipients = put_recipients(&filling, &from->recipients, recipient);
	made->pub.link = from->link && *from->link ? put(&filling, from->link) : NULL;
	if (filling.failed) {
		free(made);
		return -ENOMEM;
	}
	*alert = made;
	return 0;
}

void alert_pack_fingerprint(struct alert *alert, const char *fingerprint)
{
	/* The block is ours and not const; only its view for plugins is. */
	memcpy((char *)alert->pub.fingerprint, fingerprint, strlen(alert->pub.fingerprint));
}
