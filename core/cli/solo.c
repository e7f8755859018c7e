/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/solo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/offline.h"
#include "cli/solo_host.h"

struct solo {
	struct offline offline;
	enum tocsin_items items;
	struct solo_source *source;
	size_t n;
};

static const char *list_name(enum tocsin_items items)
{
	return items == TOCSIN_HEARTBEATS ? "heartbeats" : items == TOCSIN_JOBS ? "jobs" : "checks";
}

static void open_one(struct solo *solo, const struct source_settings *settings)
{
	struct solo_source *source = &solo->source[solo->n++];
	const struct tocsin_source_ops *ops = &settings->plugin->source;
	int result;

	self_init(&source->self, settings->name, solo->offline.log, NULL, source);
	source->settings = settings;
	source->saved = json_object();
	source->kept = json_object();
	result = source->saved && source->kept
			 ? ops->open(&source->self, solo_host(), settings->config, &source->state)
			 : -ENOMEM;
	if (result < 0) {
		self_open_failed(&source->self, result, "source", &source->why);
		source->state = NULL;
	}
}

static bool is_meant(const struct solo *solo, const struct source_settings *settings,
		     const char *name)
{
	return settings->common.enabled && settings->plugin->it.items == solo->items &&
	       settings->plugin->source.call && (!name || strcmp(name, settings->name) == 0);
}

int solo_open(struct cli *cli, enum tocsin_items items, const char *name, struct solo **solo)
{
	struct solo *made = calloc(1, sizeof(*made));
	const struct settings *settings;
	int status;

	*solo = made;
	if (!made)
		return cli_error(STATUS_NO, "out of memory");
	made->items = items;
	status = offline_valid(cli, &made->offline);
	if (status != STATUS_DONE)
		return status;
	settings = made->offline.settings;
	made->source = calloc(settings->n_sources + 1, sizeof(*made->source));
	if (!made->source)
		return cli_error(STATUS_NO, "out of memory");
	for (size_t i = 0; i < settings->n_sources; i++)
		if (is_meant(made, &settings->source[i], name))
			open_one(made, &settings->source[i]);
	if (made->n > 0)
		return STATUS_DONE;
	if (name)
		return cli_error(STATUS_NO, "there is no source '%s' with %s", name,
				 list_name(items));
	return cli_error(STATUS_NO, "the configuration of %s has no source with %s",
			 cli_config(cli), list_name(items));
}

void solo_close(struct solo *solo)
{
	if (!solo)
		return;
	for (size_t i = 0; i < solo->n; i++) {
		struct solo_source *source = &solo->source[i];

		if (source->state)
			source->settings->plugin->source.close(source->state);
		json_decref(source->saved);
		json_decref(source->kept);
		self_done(&source->self);
	}
	free(solo->source);
	offline_done(&solo->offline);
	free(solo);
}

/* STATUS_DONE and what it answers, or STATUS_NO or STATUS_LATER and why. */
static int call(struct solo_source *source, const char *verb, const char *item, json_t **answer,
		struct error *why)
{
	struct tocsin_call word = {
		.size = sizeof(word), .verb = verb, .item = item, .body = "{}", .status = 0};
	struct tocsin_call *words[] = {&word};
	int status = STATUS_DONE;

	source->settings->plugin->source.call(source->state, words, 1);
	*answer = NULL;
	if (!word.answer) {
		error_set(why, -ENOMEM, "out of memory");
		return STATUS_NO;
	}
	if (word.status < 200 || word.status > 299) {
		error_set(why, -EINVAL, "%s", word.answer);
		status = word.status == 503 ? STATUS_LATER : STATUS_NO;
	} else if (json_read(word.answer, strlen(word.answer), 0, answer, &(json_error_t){0}) < 0) {
		error_set(why, -EINVAL, "source '%s' gave an answer that is no JSON",
			  source->settings->name);
		status = STATUS_NO;
	}
	free(word.answer);
	return status;
}

int solo_list(struct solo *solo, json_t **items, struct error *why)
{
	int status = STATUS_DONE;
	size_t k;
	json_t *item;

	*items = json_array();
	for (size_t i = 0; i < solo->n; i++) {
		struct solo_source *source = &solo->source[i];
		json_t *answer = NULL;
		int one = STATUS_NO;

		if (source->state)
			one = call(source, "list", NULL, &answer, why);
		else
			*why = source->why;
		if (one != STATUS_DONE)
			status = one;
		json_array_foreach(json_object_get(answer, list_name(solo->items)), k, item)
		{
			json_object_set_new(item, "source", json_string(source->settings->name));
			json_array_append(*items, item);
		}
		json_decref(answer);
	}
	return status;
}

static struct solo_source *source_named(struct solo *solo, const char *name)
{
	for (size_t i = 0; i < solo->n; i++)
		if (strcmp(solo->source[i].settings->name, name) == 0)
			return &solo->source[i];
	return NULL;
}

static int refuse_unknown(const struct solo *solo, const json_t *items, const char *name,
			  struct error *why)
{
	const char **names = calloc(json_array_size(items) + 1, sizeof(*names)), *meant = NULL;
	const char *kind = list_name(solo->items);
	int length = (int)strlen(kind) - 1; /* of one of them */
	size_t i;
	json_t *item;

	json_array_foreach(items, i, item)
	{
		if (names)
			names[i] = json_text_of(item, "name");
	}
	if (names)
		meant = text_closest(name, names, json_array_size(items));
	if (meant)
		error_set(why, -ENOENT, "there is no %.*s '%.100s'; did you mean '%.100s'?", length,
			  kind, name, meant);
	else
		error_set(why, -ENOENT, "there is no %.*s '%.100s'", length, kind, name);
	free(names);
	return STATUS_NO;
}

/* The source that has the item; NULL when none says so. */
static int find(struct solo *solo, const json_t *items, const char *name,
		struct solo_source **source, struct error *why)
{
	size_t i;
	json_t *item;

	*source = NULL;
	json_array_foreach(items, i, item)
	{
		if (strcmp(json_text_of(item, "name"), name) != 0)
			continue;
		if (*source) {
			error_set(why, -EINVAL,
				  "several sources have '%.100s'; say which with --source", name);
			return STATUS_NO;
		}
		*source = source_named(solo, json_text_of(item, "source"));
	}
	return STATUS_DONE;
}

static int check_in(struct solo_source *source, const char *name, json_t **answer,
		    struct error *why)
{
	int status = call(source, "check", name, answer, why);

	if (status == STATUS_DONE && json_is_object(*answer))
		json_object_set_new(*answer, "source", json_string(source->settings->name));
	return status;
}

/* Some sources learn what they have when they are asked for it. What is wrong with one that has
 * trouble is told rather than that it is unknown. */
static int check_in_any(struct solo *solo, const json_t *items, const char *name, json_t **answer,
			struct error *why)
{
	int worst = STATUS_DONE;

	for (size_t i = 0; i < solo->n; i++) {
		struct solo_source *source = &solo->source[i];
		struct error trouble = source->why;
		int status = STATUS_LATER;

		if (source->state)
			status = check_in(source, name, answer, &trouble);
		if (status == STATUS_DONE)
			return status;
		json_decref(*answer);
		*answer = NULL;
		if (status == STATUS_LATER) {
			worst = status;
			*why = trouble;
		}
	}
	return worst == STATUS_DONE ? refuse_unknown(solo, items, name, why) : worst;
}

int solo_check(struct solo *solo, const char *name, const char *source, json_t **answer,
	       struct error *why)
{
	struct solo_source *of = source ? source_named(solo, source) : NULL;
	int status = STATUS_DONE;
	json_t *items;

	*answer = NULL;
	if (of && of->state)
		return check_in(of, name, answer, why);
	(void)solo_list(solo, &items, why);
	status = find(solo, items, name, &of, why);
	if (status == STATUS_DONE && of)
		status = check_in(of, name, answer, why);
	else if (status == STATUS_DONE)
		status = check_in_any(solo, items, name, answer, why);
	json_decref(items);
	return status;
}
