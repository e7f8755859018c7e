/* SPDX-License-Identifier: Apache-2.0 */
#include "config/yaml.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/text.h"
#include "config/yaml_reader.h"

/* The root owns the name that all places of its tree point to. */
struct root {
	struct node node;
	char name[];
};

/* An empty node behind the n of the array, or NULL. */
static struct node *append(struct node ***array, size_t n)
{
	struct node *node;

	/* Grown whenever n reaches a power of two, so that the size need not be kept. */
	if ((n & (n - 1)) == 0) {
		struct node **grown = reallocarray(*array, n == 0 ? 1 : 2 * n, sizeof(*grown));

		if (grown == NULL)
			return NULL;
		*array = grown;
	}
	node = calloc(1, sizeof(*node));
	(*array)[n] = node;
	return node;
}

static bool fill(struct reader *reader, yaml_event_t *event, struct node *node, int depth);

static bool fill_next(struct reader *reader, struct node *node, int depth)
{
	yaml_event_t event;

	return reader_next(reader, &event) && fill(reader, &event, node, depth);
}

static bool is_null(const char *text)
{
	return text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0 ||
	       strcmp(text, "Null") == 0 || strcmp(text, "NULL") == 0;
}

static bool fill_scalar(struct reader *reader, const yaml_event_t *event, struct node *node)
{
	const char *value = (const char *)event->data.scalar.value;

	node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	node->block = event->data.scalar.style == YAML_LITERAL_SCALAR_STYLE ||
		      event->data.scalar.style == YAML_FOLDED_SCALAR_STYLE;
	if (strlen(value) != event->data.scalar.length) {
		problems_add(reader->problems, &node->place,
			     "this text contains a NUL character; take the \\0 out");
		value = "";
		node->quoted = false;
	}
	node->kind = !node->quoted && is_null(value) ? NODE_NULL : NODE_SCALAR;
	node->text = reader_copy(reader, node->kind == NODE_NULL ? "" : value);
	return node->text != NULL;
}

static bool fill_list(struct reader *reader, struct node *list, int depth)
{
	yaml_event_t event;

	list->kind = NODE_LIST;
	while (reader_next(reader, &event)) {
		struct node *item;

		if (event.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&event);
			return true;
		}
		item = append(&list->item, list->n);
		if (item == NULL) {
			yaml_event_delete(&event);
			return reader_out_of_memory(reader);
		}
		list->n++;
		if (!fill(reader, &event, item, depth + 1))
			return false;
	}
	return false;
}

static bool fill_pair(struct reader *reader, yaml_event_t *event, struct node *map, int depth)
{
	struct node *key = append(&map->key, map->n);
	struct node *item = append(&map->item, map->n);

	if (key == NULL || item == NULL) {
		free(key);
		free(item);
		yaml_event_delete(event);
		return reader_out_of_memory(reader);
	}
	map->n++;
	if (!fill(reader, event, key, depth + 1) || !fill_next(reader, item, depth + 1))
		return false;
	if (key->kind == NODE_NULL)
		problems_add(reader->problems, &key->place,
			     "this key is empty or null; write 'name: value'");
	return true;
}

/* A key that is itself a list or a map: passed over with its value. */
static bool pass_over(struct reader *reader, yaml_event_t *event, int depth)
{
	struct node *scratch = calloc(1, sizeof(*scratch));
	struct place place = reader_place(reader, event);
	bool good;

	if (scratch == NULL) {
		yaml_event_delete(event);
		return reader_out_of_memory(reader);
	}
	problems_add(reader->problems, &place,
		     "a list or map cannot be a key; write 'name: value', and put a text that "
		     "begins with [ or { in quotes");
	scratch->kind = NODE_MAP;
	good = fill_pair(reader, event, scratch, depth);
	node_free(scratch);
	return good;
}

static int by_text(const void *left, const void *right)
{
	const struct node *a = *(struct node *const *)left, *b = *(struct node *const *)right;
	int order = strcmp(a->text, b->text);

	if (order == 0)
		order = a->place.line - b->place.line;
	return order == 0 ? a->place.column - b->place.column : order;
}

/* Sorted first: comparing each with each takes minutes for a file of 1 MiB. */
static bool refuse_duplicates(struct reader *reader, const struct node *map)
{
	struct node **sorted;

	if (map->n < 2)
		return true;
	sorted = reallocarray(NULL, map->n, sizeof(*sorted));
	if (sorted == NULL)
		return reader_out_of_memory(reader);
	memcpy(sorted, map->key, map->n * sizeof(*sorted));
	qsort(sorted, map->n, sizeof(*sorted), by_text);
	for (size_t i = 1, first = 0; i < map->n; i++) {
		if (strcmp(sorted[i]->text, sorted[first]->text) != 0)
			first = i;
		else if (sorted[i]->kind != NODE_NULL)
			problems_add(reader->problems, &sorted[i]->place,
				     "the key '%.*s' is there twice, first on line %d; keep one "
				     "of them",
				     (int)text_prefix(sorted[i]->text, strlen(sorted[i]->text), 60),
				     sorted[i]->text, sorted[first]->place.line);
	}
	free(sorted);
	return true;
}

static bool fill_map(struct reader *reader, struct node *map, int depth)
{
	yaml_event_t event;
	bool good = true;

	map->kind = NODE_MAP;
	while (good && reader_next(reader, &event)) {
		switch (event.type) {
		case YAML_MAPPING_END_EVENT:
			yaml_event_delete(&event);
			return refuse_duplicates(reader, map);
		case YAML_SEQUENCE_START_EVENT:
		case YAML_MAPPING_START_EVENT:
			good = pass_over(reader, &event, depth);
			break;
		default:
			good = fill_pair(reader, &event, map, depth);
		}
	}
	return false;
}

/* Makes the node of the event, with all that belongs to it, and takes the event. False: reading
 * cannot go on, the problem is added. */
static bool fill(struct reader *reader, yaml_event_t *event, struct node *node, int depth)
{
	yaml_event_type_t type = event->type;
	bool good = true;

	node->place = reader_place(reader, event);
	reader_refuse_marks(reader, event);
	if (type == YAML_SCALAR_EVENT) {
		good = fill_scalar(reader, event, node);
	} else if (type == YAML_ALIAS_EVENT) {
		node->text = reader_copy(reader, "");
		good = node->text != NULL;
	}
	yaml_event_delete(event);
	if (type == YAML_SCALAR_EVENT || type == YAML_ALIAS_EVENT)
		return good;

	/* Checked as the events come: libyaml's own trees take quadratic time for deep ones. */
	if (depth > YAML_DEPTH) {
		problems_add(reader->problems, &node->place,
			     "lists and maps are nested deeper than %d; nothing here needs that, "
			     "check the brackets",
			     YAML_DEPTH);
		return false;
	}
	if (type == YAML_SEQUENCE_START_EVENT)
		return fill_list(reader, node, depth);
	assert(type == YAML_MAPPING_START_EVENT);
	return fill_map(reader, node, depth);
}

/* The only document, or none. */
static bool fill_document(struct reader *reader, struct node *root)
{
	yaml_event_t event;
	struct place place;

	if (!reader_skip(reader, YAML_STREAM_START_EVENT) || !reader_next(reader, &event))
		return false;
	place = reader_place(reader, &event);
	if (event.type == YAML_STREAM_END_EVENT) {
		yaml_event_delete(&event);
		root->place = place;
		root->text = reader_copy(reader, "");
		return root->text != NULL;
	}
	yaml_event_delete(&event);
	if (!fill_next(reader, root, 1) || !reader_skip(reader, YAML_DOCUMENT_END_EVENT) ||
	    !reader_next(reader, &event))
		return false;
	place = reader_place(reader, &event);
	if (event.type != YAML_STREAM_END_EVENT)
		problems_add(reader->problems, &place,
			     "a second document begins here; put it into a file of its own");
	yaml_event_delete(&event);
	return true;
}

int yaml_read(const char *name, const char *text, size_t length, struct problems *problems,
	      struct node **root)
{
	size_t before = problems->added;
	struct root *made = calloc(1, sizeof(*made) + strlen(name) + 1);
	struct reader reader = {.problems = problems};
	bool complete;

	*root = NULL;
	if (made == NULL) {
		reader_out_of_memory(&reader);
		return reader.code;
	}
	memcpy(made->name, name, strlen(name) + 1);
	complete = reader_init(&reader, made->name, text, length) &&
		   fill_document(&reader, &made->node);
	reader_done(&reader);
	if (complete)
		*root = &made->node;
	else
		node_free(&made->node);
	if (complete && problems->added == before)
		return 0;
	return reader.code != 0 ? reader.code : -EINVAL;
}
