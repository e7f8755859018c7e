/* SPDX-License-Identifier: Apache-2.0 */
/* What changed is saved with the alerts about it in one commit; when that fails, nothing changed. */
#include "heartbeat.h"

#include "../../common/tojson.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more; false when memory is short. */
static bool grow(void **array, size_t n, size_t *room, size_t size)
{
	size_t wider = *room ? 2 * *room : 16;
	void *moved;

	if (n < *room)
		return true;
	moved = realloc(*array, wider * size);
	if (!moved)
		return false;
	*array = moved;
	*room = wider;
	return true;
}

void commit_change(struct heartbeat *h, struct beat *beat, const struct beat_state *before,
		   unsigned news, const char *output, const struct moment *now)
{
	struct commit *c = &h->commit;

	if (!beat->in_commit) {
		if (!grow((void **)&c->change, c->n, &c->room, sizeof(*c->change))) {
			beat->state = *before;
			c->failed = true;
			return;
		}
		c->change[c->n++] = (struct change){beat, *before};
		beat->in_commit = true;
	}
	beats_replan(h, beat);
	news_alerts(h, beat, before, news, output, now);
}

void *commit_room(struct heartbeat *h, size_t size)
{
	struct commit *c = &h->commit;
	void *room;

	if (!grow((void **)&c->scrap, c->n_scrap, &c->room_scrap, sizeof(*c->scrap)) ||
	    !(room = calloc(1, size))) {
		c->failed = true;
		return NULL;
	}
	c->scrap[c->n_scrap++] = room;
	return room;
}

char *commit_text(struct heartbeat *h, const char *format, ...)
{
	va_list args;
	char *text;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	text = length < 0 ? NULL : commit_room(h, (size_t)length + 1);
	if (!text)
		return NULL;
	va_start(args, format);
	vsnprintf(text, (size_t)length + 1, format, args);
	va_end(args);
	return text;
}

struct tocsin_alert *commit_alert(struct heartbeat *h)
{
	struct commit *c = &h->commit;
	struct tocsin_emission *made;

	if (!grow((void **)&c->emission, c->n_emissions, &c->room_emissions,
		  sizeof(*c->emission))) {
		c->failed = true;
		return NULL;
	}
	made = &c->emission[c->n_emissions++];
	*made = (struct tocsin_emission){.alert = {.size = sizeof(made->alert)}};
	return &made->alert;
}

static bool fires(const struct beat_state *state)
{
	return state->status == BEAT_DOWN || state->restless;
}

/* The alert must be resolved by the labels with which it fired, whatever is configured then. False: no
 * memory. */
static bool labels_of(const struct beat *beat, const struct beat_state *state, json_t **labels)
{
	*labels = NULL;
	if (!fires(state) || (!beat->labels && (!beat->config || beat->config->labels.n == 0)))
		return true;
	*labels = beat->labels ? json_incref(beat->labels) : tojson_map(&beat->config->labels);
	return *labels != NULL;
}

static int keep_beat(struct heartbeat *h, const struct beat *beat, const struct beat_state *state)
{
	char *name = saved_name("beat/", beat->name), *value = NULL;
	json_t *labels = NULL;
	int rc;

	if (state && labels_of(beat, state, &labels))
		value = saved_beat(state, !beat->config, labels);
	json_decref(labels);
	rc = name && (value || !state) ? h->host->keep(h->self, name, value) : -ENOMEM;
	free(value);
	free(name);
	return rc;
}

static int keep_all(struct heartbeat *h)
{
	struct commit *c = &h->commit;
	int rc = c->failed ? -ENOMEM : 0;

	for (size_t i = 0; !rc && i < c->n; i++)
		rc = keep_beat(h, c->change[i].beat,
			       c->change[i].beat->gone ? NULL : &c->change[i].beat->state);
	return rc;
}

/* Puts everything back. What was kept is kept as it was, so that no later commit takes it along; if
 * memory does not even hold that, the next change of the heartbeat does it. */
static void undo(struct heartbeat *h)
{
	struct commit *c = &h->commit;

	for (size_t i = 0; i < c->n; i++) {
		struct beat *beat = c->change[i].beat;

		beat->in_commit = beat->gone = false;
		beat->state = c->change[i].before;
		(void)keep_beat(h, beat, beat->fresh ? NULL : &beat->state);
		if (beat->fresh && !beat->config)
			beats_remove(h, beat);
		else
			beats_replan(h, beat);
	}
}

static void conclude(struct heartbeat *h)
{
	struct commit *c = &h->commit;

	for (size_t i = 0; i < c->n; i++) {
		struct beat *beat = c->change[i].beat;

		beat->in_commit = beat->fresh = false;
		if (!fires(&beat->state)) {
			json_decref(beat->labels);
			beat->labels = NULL;
		}
		if (beat->gone)
			beats_remove(h, beat);
	}
}

void commit_empty(struct heartbeat *h)
{
	struct commit *c = &h->commit;

	for (size_t i = 0; i < c->n_scrap; i++)
		free(c->scrap[i]);
	c->n = c->n_emissions = c->n_scrap = 0;
	c->failed = false;
}

int commit_all(struct heartbeat *h)
{
	struct commit *c = &h->commit;
	int rc = keep_all(h);

	if (!rc)
		rc = h->host->emit(h->self, c->emission, c->n_emissions);
	for (size_t i = 0; !rc && i < c->n_emissions; i++)
		if (c->emission[i].result == TOCSIN_INVALID)
			h->host->log(
				h->self, TOCSIN_LOG_ERROR,
				"an alert was not accepted; what is wrong with it was logged before");
	/* Committed, even if the source was too far ahead to go on. */
	if (rc == 0)
		conclude(h);
	else
		undo(h);
	commit_empty(h);
	return rc;
}

void commit_free(struct heartbeat *h)
{
	commit_empty(h);
	free(h->commit.change);
	free(h->commit.emission);
	free(h->commit.scrap);
}
