/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules: a query whose rows are all wrong. Each row is an alert that fires as long as the row is there.
 * What fires is saved as it was said, so that it can be resolved whatever became of the configuration.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heartbeat.h"

#include "../../common/text.h"
#include "../../common/tojson.h"

#define LABEL_MAX 1000
#define VALUE_MAX 4000

static void free_wrong(struct wrong *wrong)
{
	free(wrong->key);
	free(wrong->saved);
}

void rule_free(struct heartbeat *h)
{
	for (size_t i = 0; i < h->n_rules; i++) {
		for (size_t k = 0; k < h->rule[i].n; k++)
			free_wrong(&h->rule[i].wrong[k]);
		free(h->rule[i].wrong);
	}
	free(h->rule);
}

int rule_new(struct heartbeat *h)
{
	const struct rule_config *config = h->config->rules.item;

	h->rule = calloc(h->config->rules.n + 1, sizeof(*h->rule));
	if (!h->rule)
		return -ENOMEM;
	h->n_rules = h->config->rules.n;
	for (size_t i = 0; i < h->n_rules; i++)
		h->rule[i].config = &config[i];
	return 0;
}

static bool add_wrong(struct rule *rule, char *key, char *saved)
{
	struct wrong *wider = realloc(rule->wrong, (rule->n + 1) * sizeof(*wider));

	if (!wider)
		return false;
	rule->wrong = wider;
	rule->wrong[rule->n++] = (struct wrong){.key = key, .saved = saved, .round = rule->round};
	return true;
}

/* --- what an alert says --- */

static bool is_key(const struct rule *rule, const struct row *row, size_t column)
{
	const struct tocsin_strings *keys = &rule->config->keys;

	for (size_t i = 0; i < keys->n; i++)
		if (strcmp(keys->item[i], row->name[column]) == 0)
			return true;
	return keys->n == 0 && column == 0;
}

static const char *value_of(const struct row *row, const char *name, size_t length)
{
	for (size_t i = 0; i < row->n; i++)
		if (strlen(row->name[i]) == length && memcmp(row->name[i], name, length) == 0)
			return row->value[i] ? row->value[i] : "none";
	return NULL;
}

/* "{column}" becomes the row's value; what is no column stays as it is. */
static char *fill_in(const char *text, const struct row *row)
{
	struct draft draft;

	if (!draft_begin(&draft))
		return NULL;
	while (*text) {
		size_t length = *text == '{' ? strcspn(text + 1, "{}") : 0;
		const char *value = *text == '{' && text[1 + length] == '}'
					    ? value_of(row, text + 1, length)
					    : NULL;

		if (value)
			fwrite(value, 1, text_prefix(value, VALUE_MAX), draft.out);
		else
			fputc(*text, draft.out);
		text += value ? length + 2 : 1;
	}
	return draft_end(&draft, NULL);
}

static char *summary_of(const struct rule *rule, const struct row *row)
{
	struct draft draft;

	if (rule->config->summary)
		return fill_in(rule->config->summary, row);
	if (!draft_begin(&draft))
		return NULL;
	fputs(rule->config->name, draft.out);
	for (size_t i = 0, n = 0; i < row->n; i++)
		if (is_key(rule, row, i))
			fprintf(draft.out, "%s %s", n++ ? "," : ":",
				row->value[i] ? row->value[i] : "none");
	return draft_end(&draft, NULL);
}

static bool put_text(json_t *object, const char *name, const char *text, size_t most)
{
	char *cut = strndup(text, text_prefix(text, most));
	bool done = cut && tojson_set(object, name, cut);

	free(cut);
	return done;
}

static json_t *labels_of(const struct rule *rule, const struct row *row)
{
	const struct rule_config *config = rule->config;
	json_t *labels = json_object();
	bool good = labels && tojson_set(labels, "alertname",
					 config->alertname ? config->alertname : config->name);

	for (size_t i = 0; good && i < config->labels.n; i++)
		good = tojson_set(labels, config->labels.pair[i].name,
				  config->labels.pair[i].value);
	for (size_t i = 0; good && i < row->n; i++)
		if (is_key(rule, row, i) && row->value[i] && *row->value[i])
			good = put_text(labels, row->name[i], row->value[i], LABEL_MAX);
	if (good)
		return labels;
	json_decref(labels);
	return NULL;
}

/* The columns that are no labels, and the sentences. */
static json_t *annotations_of(const struct rule *rule, const struct row *row)
{
	json_t *annotations = json_object();
	char *summary = summary_of(rule, row),
	     *description = rule->config->description ? fill_in(rule->config->description, row)
						      : NULL;
	bool good = annotations && summary && (description || !rule->config->description);

	for (size_t i = 0; good && i < row->n; i++)
		if (!is_key(rule, row, i) && row->value[i] && *row->value[i])
			good = put_text(annotations, row->name[i], row->value[i], VALUE_MAX);
	good = good && put_text(annotations, "summary", summary, VALUE_MAX);
	if (good && description)
		good = put_text(annotations, "description", description, VALUE_MAX);
	free(summary);
	free(description);
	if (good)
		return annotations;
	json_decref(annotations);
	return NULL;
}

/* --- the alert, from what is saved of it --- */

/* Its pairs, with room for as many more; NULL: no memory. */
static struct tocsin_pair *copy_map(struct heartbeat *h, json_t *object, size_t extra,
				    struct tocsin_map *map)
{
	struct tocsin_pair *pair =
		commit_room(h, (json_object_size(object) + extra + 1) * sizeof(*pair));
	const char *name;
	json_t *value;
	size_t n = 0;

	if (!pair)
		return NULL;
	json_object_foreach(object, name, value)
	{
		pair[n].name = commit_text(h, "%s", name);
		pair[n++].value = commit_text(h, "%s", json_string_value(value));
	}
	*map = (struct tocsin_map){pair, n};
	return h->commit.failed ? NULL : pair;
}

/* now: it is resolved as of now. NULL: it fires. */
static void raise_alert(struct heartbeat *h, const char *saved, const struct moment *now)
{
	json_t *object = json_loads(saved, 0, NULL), *since = json_object_get(object, "since");
	struct tocsin_alert *alert = object ? commit_alert(h) : NULL;
	char duration[WORDS_DURATION];
	struct tocsin_pair *pair;

	if (!alert || !copy_map(h, json_object_get(object, "labels"), 0, &alert->labels) ||
	    !(pair = copy_map(h, json_object_get(object, "annotations"), 1, &alert->annotations))) {
		h->commit.failed = true;
		json_decref(object);
		return;
	}
	alert->severity =
		(enum tocsin_severity)json_integer_value(json_object_get(object, "severity"));
	alert->starts_at_ms = json_integer_value(json_array_get(since, 1));
	alert->status = now ? TOCSIN_RESOLVED : TOCSIN_FIRING;
	if (now) {
		int64_t own = json_integer_value(json_array_get(since, 0));

		alert->ends_at_ms = now->wall_ms;
		pair[alert->annotations.n++] = (struct tocsin_pair){
			"duration",
			commit_text(h, "%s", words_duration(now->own_ms - own, duration))};
	}
	json_decref(object);
}

/* --- a round: all rows of one reading --- */

static char *key_of(const struct rule *rule, const struct row *row)
{
	char *prefix = saved_name("rule/", rule->config->name), *start = NULL, *key = NULL;
	struct draft draft;
	char *values;

	if (!prefix || asprintf(&start, "%s/", prefix) < 0)
		start = NULL;
	if (start && draft_begin(&draft)) {
		for (size_t i = 0; i < row->n; i++)
			if (is_key(rule, row, i) && row->value[i])
				fprintf(draft.out, "%s\x1f%s\x1f", row->name[i], row->value[i]);
		values = draft_end(&draft, NULL);
		key = values ? saved_name(start, values) : NULL;
		free(values);
	}
	free(start);
	free(prefix);
	return key;
}

void rule_begin(struct rule *rule)
{
	rule->round++;
	rule->n_before = rule->n;
}

static char *write_saved(const struct rule *rule, const struct row *row, const struct moment *now)
{
	json_t *object = json_pack("{s:[I,I], s:I}", "since", (json_int_t)now->own_ms,
				   (json_int_t)now->wall_ms, "severity",
				   (json_int_t)rule->config->severity);
	char *text = NULL;

	if (json_object_set_new(object, "labels", labels_of(rule, row)) == 0 &&
	    json_object_set_new(object, "annotations", annotations_of(rule, row)) == 0)
		text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	return text;
}

void rule_row(struct heartbeat *h, struct rule *rule, const struct row *row,
	      const struct moment *now)
{
	char *key = key_of(rule, row), *saved;

	for (size_t i = 0; key && i < rule->n; i++) {
		if (strcmp(rule->wrong[i].key, key) != 0)
			continue;
		rule->wrong[i].round = rule->round;
		free(key);
		return;
	}
	saved = key ? write_saved(rule, row, now) : NULL;
	if (saved && h->host->keep(h->self, key, saved) == 0 && add_wrong(rule, key, saved)) {
		raise_alert(h, saved, NULL);
		return;
	}
	free(key);
	free(saved);
	h->commit.failed = true;
}

/* Takes back what the round added; the next one will find it again. */
static void take_back(struct heartbeat *h, struct rule *rule)
{
	while (rule->n > rule->n_before) {
		struct wrong *wrong = &rule->wrong[--rule->n];

		(void)h->host->keep(h->self, wrong->key, NULL);
		free_wrong(wrong);
	}
	for (size_t i = 0; i < rule->n; i++)
		if (rule->wrong[i].round != rule->round)
			(void)h->host->keep(h->self, rule->wrong[i].key, rule->wrong[i].saved);
}

int rule_end(struct heartbeat *h, struct rule *rule, bool whole, const struct moment *now)
{
	int rc;

	for (size_t i = 0; i < rule->n; i++) {
		struct wrong *wrong = &rule->wrong[i];

		if (!whole)
			wrong->round = rule->round;
		if (wrong->round == rule->round)
			continue;
		raise_alert(h, wrong->saved, now);
		h->commit.failed |= h->host->keep(h->self, wrong->key, NULL) != 0;
	}
	rc = commit_all(h);
	if (rc) {
		take_back(h, rule);
		return rc;
	}
	for (size_t i = rule->n; i-- > 0;) {
		if (rule->wrong[i].round == rule->round)
			continue;
		free_wrong(&rule->wrong[i]);
		rule->wrong[i] = rule->wrong[--rule->n];
	}
	return 0;
}

/* --- at the start --- */

static struct rule *rule_of(const struct heartbeat *h, const char *key)
{
	for (size_t i = 0; i < h->n_rules; i++) {
		char *prefix = saved_name("rule/", h->rule[i].config->name);
		size_t length = prefix ? strlen(prefix) : 0;
		bool same = prefix && strncmp(key, prefix, length) == 0 && key[length] == '/';

		free(prefix);
		if (same)
			return &h->rule[i];
	}
	return NULL;
}

static int take_saved(const char *key, const char *value, void *data)
{
	struct heartbeat *h = data;
	struct rule *rule = rule_of(h, key);
	struct moment now = heartbeat_now(h);
	char *name, *saved;

	if (!rule) {
		/* Nobody asks any more whether it is so. */
		raise_alert(h, value, &now);
		return h->host->keep(h->self, key, NULL);
	}
	name = strdup(key);
	saved = strdup(value);
	if (name && saved && add_wrong(rule, name, saved))
		return 0;
	free(name);
	free(saved);
	return -ENOMEM;
}

int rule_load(struct heartbeat *h)
{
	/* A start that is tried again begins here again. */
	for (size_t i = 0; i < h->n_rules; i++)
		while (h->rule[i].n > 0)
			free_wrong(&h->rule[i].wrong[--h->rule[i].n]);
	return h->host->each(h->self, "rule/", false, 0, take_saved, h);
}
