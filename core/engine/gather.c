/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/gather.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/buffer.h"
#include "base/json.h"

#define OK 200
#define BROKEN 500

/* What one source said. */
struct part {
	struct gathering *gathering;
	struct part *next;
	int status;
	char *answer;
	char source[];
};

struct gathering {
	const char *items;
	word_done_fn *done;
	void *data;
	pthread_mutex_t lock; /* guards what follows */
	struct part *first, **last;
	size_t left; /* answers to come, and one until all are asked */
	bool no_memory;
};

struct gathering *gathering_new(const char *items, word_done_fn *done, void *data)
{
	struct gathering *made = malloc(sizeof(*made));

	if (!made)
		return NULL;
	*made = (struct gathering){
		.items = items, .done = done, .data = data, .last = &made->first, .left = 1};
	pthread_mutex_init(&made->lock, NULL);
	return made;
}

static void gathering_free(struct gathering *gathering)
{
	struct part *part;

	while ((part = gathering->first)) {
		gathering->first = part->next;
		free(part->answer);
		free(part);
	}
	pthread_mutex_destroy(&gathering->lock);
	free(gathering);
}

/* Each item says where it is from. */
static int add_items(json_t *list, const json_t *items, const char *source)
{
	size_t i;
	json_t *item;

	json_array_foreach(items, i, item)
	{
		if (!json_is_object(item))
			return -EINVAL;
		if (json_object_set_new(item, "source", json_string(source)) < 0 ||
		    json_array_append(list, item) < 0)
			return -ENOMEM;
	}
	return json_is_array(items) ? 0 : -EINVAL;
}

static int add_error(json_t *errors, const char *source, const char *why)
{
	return json_array_append_new(errors,
				     json_pack("{s:s, s:s}", "source", source, "error", why)) < 0
		       ? -ENOMEM
		       : 0;
}

/* Takes what one source said into the lists; what cannot be read is its error. */
static int add_part(const struct gathering *gathering, struct part *part, json_t *list,
		    json_t *errors)
{
	json_t *said = NULL;
	json_error_t mistake;
	int result;

	if (!part->answer)
		return -ENOMEM;
	if (part->status >= 400)
		return add_error(errors, part->source, part->answer);
	result = json_read(part->answer, strlen(part->answer), 0, &said, &mistake);
	if (result == 0)
		result = add_items(list, json_object_get(said, gathering->items), part->source);
	json_decref(said);
	if (result != -EINVAL)
		return result;
	part->status = BROKEN;
	return add_error(errors, part->source, "its list cannot be read");
}

static char *write_lists(const char *items, json_t *list, json_t *errors)
{
	json_t *whole = json_pack("{s:O}", items, list);
	char *text = NULL;

	if (whole &&
	    (json_array_size(errors) == 0 || json_object_set(whole, "errors", errors) == 0))
		text = json_write(whole, JSON_COMPACT);
	json_decref(whole);
	return text;
}

/* When nobody said anything, why not, each in its own words, with the status of the first. */
static char *all_errors(const struct gathering *gathering, const json_t *errors, int *status)
{
	struct buffer sentence = {0};
	size_t i;
	json_t *error;

	*status = gathering->first->status;
	json_array_foreach(errors, i, error)
		buffer_printf(&sentence, "%ssource '%s': %s", i > 0 ? "; " : "",
			      json_string_value(json_object_get(error, "source")),
			      json_string_value(json_object_get(error, "error")));
	return buffer_take(&sentence);
}

static char *put_together(const struct gathering *gathering, int *status)
{
	json_t *list = json_array(), *errors = json_array();
	bool good = list && errors && !gathering->no_memory;
	size_t n = 0;
	char *text = NULL;

	for (struct part *part = gathering->first; part && good; part = part->next, n++)
		good = add_part(gathering, part, list, errors) == 0;
	*status = OK;
	if (good && n > 0 && json_array_size(errors) == n)
		text = all_errors(gathering, errors, status);
	else if (good)
		text = write_lists(gathering->items, list, errors);
	json_decref(list);
	json_decref(errors);
	return text;
}

static void answered(struct gathering *gathering)
{
	int status = OK;
	char *text;
	bool last;

	pthread_mutex_lock(&gathering->lock);
	last = --gathering->left == 0;
	pthread_mutex_unlock(&gathering->lock);
	if (!last)
		return;
	text = put_together(gathering, &status);
	gathering->done(text ? status : 503, text, gathering->data);
	gathering_free(gathering);
}

static void part_done(int status, char *answer, void *data)
{
	struct part *part = data;

	part->status = status;
	part->answer = answer;
	answered(part->gathering);
}

struct word *gathering_word(struct gathering *gathering, const char *source, const char *verb,
			    const char *body)
{
	size_t length = strlen(source) + 1;
	struct part *part = malloc(sizeof(*part) + length);
	struct word *word = part ? word_new(NULL, verb, body, part_done, part) : NULL;

	pthread_mutex_lock(&gathering->lock);
	if (word) {
		*part = (struct part){.gathering = gathering};
		memcpy(part->source, source, length);
		*gathering->last = part;
		gathering->last = &part->next;
		gathering->left++;
	} else {
		free(part);
		gathering->no_memory = true;
	}
	pthread_mutex_unlock(&gathering->lock);
	return word;
}

void gathering_ready(struct gathering *gathering)
{
	answered(gathering);
}

void gathering_refuse(struct gathering *gathering, int status, char *sentence)
{
	gathering->done(sentence ? status : 503, sentence, gathering->data);
	gathering_free(gathering);
}
