/* SPDX-License-Identifier: Apache-2.0 */
/* What people are told: it is down, it is up again, it starts too often, it no longer does. */
#include "heartbeat.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../../common/notice.h"

#define PAIRS 8 /* annotations, and labels of our own */

struct letter {
	struct heartbeat *h;
	struct tocsin_alert *alert;
	struct tocsin_pair *label, *annotation;
};

static void label(struct letter *letter, const char *name, const char *value)
{
	letter->label[letter->alert->labels.n++] = (struct tocsin_pair){name, value};
}

static void annotate(struct letter *letter, const char *name, const char *value)
{
	if (value && *value)
		letter->annotation[letter->alert->annotations.n++] =
			(struct tocsin_pair){name, value};
}

static bool has(const struct tocsin_map *map, const char *name)
{
	for (size_t i = 0; i < map->n; i++)
		if (strcmp(map->pair[i].name, name) == 0)
			return true;
	return false;
}

/* The labels of its own: those with which its alert fires, else those that are configured. */
static struct tocsin_map own_labels(const struct beat *beat, struct heartbeat *h)
{
	static const struct tocsin_map none = {0};
	struct tocsin_pair *pair;
	const char *name;
	json_t *value;
	size_t n = 0;

	if (!beat->labels)
		return beat->config ? beat->config->labels : none;
	pair = commit_room(h, (json_object_size(beat->labels) + 1) * sizeof(*pair));
	if (!pair)
		return none;
	json_object_foreach(beat->labels, name, value)
	{
		pair[n].name = commit_text(h, "%s", name);
		pair[n++].value = commit_text(h, "%s", json_string_value(value));
	}
	return (struct tocsin_map){pair, h->commit.failed ? 0 : n};
}

static const char *iso(struct heartbeat *h, const struct moment *moment)
{
	char text[NOTICE_TIME_SIZE];

	return moment->own_ms > 0 ? commit_text(h, "%s", notice_iso_time(moment->wall_ms, text))
				  : NULL;
}

/* An alert with what all of them say. False: no memory, which the commit has noted. */
static bool begin(struct letter *letter, const struct beat *beat, const char *alertname)
{
	struct heartbeat *h = letter->h;
	const struct tocsin_map map = own_labels(beat, h), *own = &map;
	struct tocsin_pair *pair = commit_room(h, (own->n + 2 * PAIRS) * sizeof(*pair));
	char *name = commit_text(h, "%s", beat->name);

	letter->alert = pair && name ? commit_alert(h) : NULL;
	if (!letter->alert)
		return false;
	letter->annotation = pair;
	letter->label = pair + PAIRS;
	letter->alert->annotations.pair = letter->annotation;
	letter->alert->labels.pair = letter->label;
	if (!has(own, "alertname"))
		label(letter, "alertname", alertname);
	if (!has(own, "heartbeat"))
		label(letter, "heartbeat", name);
	for (size_t i = 0; i < own->n; i++)
		label(letter, own->pair[i].name, own->pair[i].value);
	if (beat->config) {
		annotate(letter, "description", beat->config->description);
		letter->alert->link = beat->config->link;
	}
	return true;
}

static void say_down(struct letter *letter, const struct beat *beat, const char *output)
{
	struct heartbeat *h = letter->h;
	const struct beat_state *state = &beat->state;

	if (!begin(letter, beat, h->config->alertname))
		return;
	letter->alert->status = TOCSIN_FIRING;
	letter->alert->severity = beats_severity(h, beat);
	letter->alert->starts_at_ms = state->since.wall_ms;
	annotate(letter, "summary", commit_text(h, "%s is down: %s", beat->name, state->reason));
	annotate(letter, "reason", commit_text(h, "%s", state->reason));
	annotate(letter, "last_heartbeat", iso(h, &state->last_ping));
	if (output && *output)
		annotate(letter, "output", commit_text(h, "%s", output));
}

/* Up, or nobody asks any more. */
static void say_up(struct letter *letter, const struct beat *beat, const struct beat_state *before,
		   const struct moment *now)
{
	struct heartbeat *h = letter->h;
	char duration[WORDS_DURATION];
	const char *what = beat->gone                          ? "is no longer watched"
			   : beat->state.status == BEAT_PAUSED ? "is paused"
							       : "is up again";

	if (!begin(letter, beat, h->config->alertname))
		return;
	words_duration(now->own_ms - before->since.own_ms, duration);
	letter->alert->status = TOCSIN_RESOLVED;
	letter->alert->severity = beats_severity(h, beat);
	letter->alert->starts_at_ms = before->since.wall_ms;
	letter->alert->ends_at_ms = now->wall_ms;
	annotate(letter, "summary",
		 commit_text(h, "%s %s; it was down for %s", beat->name, what, duration));
	annotate(letter, "duration", commit_text(h, "%s", duration));
	annotate(letter, "reason", commit_text(h, "%s", before->reason));
	annotate(letter, "last_heartbeat", iso(h, &beat->state.last_ping));
}

static size_t starts_within(const struct beat *beat, const struct moment *now)
{
	const struct beat_state *state = &beat->state;
	size_t n = 0;

	for (size_t i = 0; i < state->n_starts; i++)
		n += state->start_ms[i] > now->own_ms - beat->expect.starts_within_ms;
	return n;
}

static void say_starts(struct letter *letter, const struct beat *beat,
		       const struct beat_state *before, bool restless, const struct moment *now)
{
	struct heartbeat *h = letter->h;
	char within[WORDS_DURATION];

	if (!begin(letter, beat, h->config->starts_alertname))
		return;
	words_duration(beat->expect.starts_within_ms, within);
	letter->alert->severity = (enum tocsin_severity)h->config->starts_severity;
	if (restless) {
		letter->alert->status = TOCSIN_FIRING;
		letter->alert->starts_at_ms = beat->state.restless_since.wall_ms;
		annotate(letter, "summary",
			 commit_text(h,
				     "%s started %zu times within %s, at most %" PRId64 " allowed",
				     beat->name, starts_within(beat, now), within,
				     beat->expect.max_starts));
		return;
	}
	letter->alert->status = TOCSIN_RESOLVED;
	letter->alert->starts_at_ms = before->restless_since.wall_ms;
	letter->alert->ends_at_ms = now->wall_ms;
	annotate(letter, "summary",
		 commit_text(h,
			     "%s no longer starts too often: at most %" PRId64 " times within %s",
			     beat->name, beat->expect.max_starts, within));
}

void news_alerts(struct heartbeat *h, const struct beat *beat, const struct beat_state *before,
		 unsigned news, const char *output, const struct moment *now)
{
	struct letter letter = {.h = h};

	if (news & NEWS_DOWN)
		say_down(&letter, beat, output);
	if (news & NEWS_UP)
		say_up(&letter, beat, before, now);
	if (news & NEWS_RESTLESS)
		say_starts(&letter, beat, before, true, now);
	if (news & NEWS_CALM)
		say_starts(&letter, beat, before, false, now);
}
