/* SPDX-License-Identifier: Apache-2.0 */
/* The words from outside: list, show, check, pause, resume. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/tojson.h"
#include "threshold.h"

static void answer(struct tocsin_call *call, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void answer(struct tocsin_call *call, int status, const char *format, ...)
{
	va_list args;

	call->status = status;
	va_start(args, format);
	if (vasprintf(&call->answer, format, args) < 0)
		call->answer = NULL;
	va_end(args);
}

/* Takes the object over. */
static void answer_json(struct tocsin_call *call, json_t *object)
{
	call->status = 200;
	call->answer = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
	json_decref(object);
}

/* Why there is nothing new of a check; NULL when there is. */
static const char *what_keeps(const struct threshold *t, const struct check *check)
{
	if (check->paused || *check->reason)
		return NULL;
	if (!check->running && !t->db[0].connection && t->db[0].failures > 0)
		return t->db[0].why;
	return check->running && !check->ran ? "its query is under way" : NULL;
}

/* Takes the item over. */
static json_t *with_reason(const struct threshold *t, const struct check *check, json_t *item)
{
	const char *why = what_keeps(t, check);

	if (!item || !why || json_object_set_new(item, "reason", tojson_text(why)) == 0)
		return item;
	json_decref(item);
	return NULL;
}

static void list(struct threshold *t, struct tocsin_call *call)
{
	struct steady now = steady_now(&t->clock);
	json_t *all = json_array();
	bool failed = !all;

	for (size_t i = 0; !failed && i < t->n; i++)
		failed = json_array_append_new(all, with_reason(t, &t->check[i],
								item_of(&t->check[i], &now))) != 0;
	if (failed) {
		json_decref(all);
		all = NULL;
	}
	answer_json(call, all ? json_pack("{so}", "checks", all) : NULL);
}

/* Runs it now and says what it says; nothing is kept of it. */
static void check_now(struct threshold *t, struct check *check, struct tocsin_call *call)
{
	if (!t->working)
		by_hand_read(t, check);
	if (check->answer) {
		answer_json(call, json_incref(check->answer));
	} else if (t->working) {
		if (!check->asked)
			check->asked_ms = steady_boot_ms();
		check->asked = true;
		call->status = TOCSIN_CALL_LATER;
	} else {
		answer(call, 503, "memory is short; try again");
	}
	if (!t->working)
		by_hand_forget(t);
}

static void pause_or_resume(struct threshold *t, struct check *check, bool paused,
			    struct tocsin_call *call)
{
	struct steady now = steady_now(&t->clock);
	bool was = check->paused;
	char *text = NULL, *name = NULL;
	int rc = 0;

	if (t->committing) {
		answer(call, 503, "the store takes nothing at the moment; try again later");
		return;
	}
	check->paused = paused;
	if (paused != was) {
		text = saved_write(check, false);
		if (!text || asprintf(&name, "check/%s", check->config->name) < 0)
			name = NULL;
		rc = name ? t->host->save(t->self, name, text) : -ENOMEM;
		free(name);
		free(text);
	}
	if (rc) {
		check->paused = was;
		answer(call, 503, "the store takes nothing at the moment; try again later");
		return;
	}
	if (was && !paused) {
		check->until_ms = 0; /* nobody missed what was paused */
		due_first(check->config, t->host, check);
	}
	answer_json(call, item_of(check, &now));
}

/* The name of a member that was said; no verb of ours takes any. */
static char *first_member(const char *body)
{
	json_t *said = json_loads(body ? body : "{}", 0, NULL);
	const char *name = json_object_iter_key(json_object_iter(said));
	char *copy = name ? strdup(name) : NULL;

	json_decref(said);
	return copy;
}

static void serve(struct threshold *t, struct tocsin_call *call)
{
	struct steady now = steady_now(&t->clock);
	struct check *check = NULL;
	char *member = first_member(call->body);

	for (size_t i = 0; call->item && i < t->n; i++)
		if (strcmp(t->check[i].config->name, call->item) == 0)
			check = &t->check[i];
	if (member)
		answer(call, 400, "'%.60s' means nothing here; leave it out", member);
	else if (!call->item && strcmp(call->verb, "list") == 0)
		list(t, call);
	else if (!check)
		answer(call, 404, "there is no check '%.200s'", call->item ? call->item : "");
	else if (strcmp(call->verb, "show") == 0)
		answer_json(call, with_reason(t, check, item_shown(check, &now)));
	else if (strcmp(call->verb, "check") == 0)
		check_now(t, check, call);
	else if (strcmp(call->verb, "pause") == 0 || strcmp(call->verb, "resume") == 0)
		pause_or_resume(t, check, *call->verb == 'p', call);
	else
		answer(call, 400,
		       "a check knows no word '%.60s'; the words are show, check, pause and resume",
		       call->verb);
	free(member);
}

void call_source(void *state, struct tocsin_call *const call[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		serve(state, call[i]);
}
