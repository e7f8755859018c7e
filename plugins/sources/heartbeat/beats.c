/* SPDX-License-Identifier: Apache-2.0 */
/* All heartbeats: sorted by name to find one, and a heap to find the one that is due next. */
#include "heartbeat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NOT_PLACED SIZE_MAX

static size_t place_of(const struct heartbeat *h, const char *name, bool *found)
{
	size_t low = 0, high = h->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(h->beat[middle]->name, name);

		if (order == 0) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found = false;
	return low;
}

struct beat *beats_find(const struct heartbeat *h, const char *name)
{
	bool found;
	size_t i = place_of(h, name, &found);

	return found ? h->beat[i] : NULL;
}

static int64_t own_or(int64_t own, int64_t other)
{
	return own > 0 ? own : other;
}

void beats_expect(const struct config *config, const struct beat_config *own,
		  struct expectation *expect)
{
	static const struct beat_config none;

	own = own ? own : &none;
	*expect = (struct expectation){
		.period_ms = own->schedule ? 0 : own_or(own->period, config->period),
		.schedule = own->period > 0 || own->schedule ? own->schedule : config->schedule,
		.zone = own->timezone ? own->timezone : config->timezone,
		.grace_ms = own_or(own->grace, config->grace),
		.start_grace_ms = own_or(own->start_grace, config->start_grace),
		.max_run_ms = own_or(own->max_run, config->max_run),
		.min_run_ms = own_or(own->min_run, config->min_run),
		.misses = own_or(own->misses, own_or(config->misses, 1)),
		.max_starts = own_or(own->max_starts, config->max_starts),
		.starts_within_ms = own_or(own->starts_within, config->starts_within),
		.manual_resume = own->manual_resume,
	};
	if (expect->schedule)
		expect->period_ms = 0;
}

enum tocsin_severity beats_severity(const struct heartbeat *h, const struct beat *beat)
{
	int64_t own = beat->config ? beat->config->severity : 0;

	return (enum tocsin_severity)(own > 0 ? own - 1 : h->config->severity);
}

static bool make_room(struct heartbeat *h)
{
	size_t room = h->room ? 2 * h->room : 64;
	struct beat **beat, **heap;

	if (h->n < h->room)
		return true;
	beat = realloc(h->beat, room * sizeof(struct beat *));
	if (beat)
		h->beat = beat;
	heap = realloc(h->heap, room * sizeof(struct beat *));
	if (heap)
		h->heap = heap;
	if (!beat || !heap)
		return false;
	h->room = room;
	return true;
}

struct beat *beats_add(struct heartbeat *h, const char *name, const struct beat_config *config)
{
	struct beat *beat = make_room(h) ? calloc(1, sizeof(*beat)) : NULL;
	bool found;
	size_t i;

	if (!beat || !(beat->name = strdup(name))) {
		free(beat);
		return NULL;
	}
	i = place_of(h, name, &found);
	memmove(h->beat + i + 1, h->beat + i, (h->n - i) * sizeof(struct beat *));
	h->beat[i] = beat;
	h->n++;
	h->renamed = true;
	beat->config = config;
	beat->fresh = true;
	beat->place = NOT_PLACED;
	beat_init(&beat->state);
	beats_expect(h->config, config, &beat->expect);
	beats_replan(h, beat);
	return beat;
}

static void free_beat(struct beat *beat)
{
	json_decref(beat->labels);
	free(beat->name);
	free(beat);
}

/* --- the heap --- */

static void put(struct heartbeat *h, size_t i, struct beat *beat)
{
	h->heap[i] = beat;
	beat->place = i;
}

static void sift_up(struct heartbeat *h, size_t i, struct beat *beat)
{
	for (; i > 0 && beat->plan.next_ms < h->heap[(i - 1) / 2]->plan.next_ms; i = (i - 1) / 2)
		put(h, i, h->heap[(i - 1) / 2]);
	put(h, i, beat);
}

static void sift_down(struct heartbeat *h, size_t i, struct beat *beat)
{
	for (size_t child; (child = 2 * i + 1) < h->n_heap; i = child) {
		if (child + 1 < h->n_heap &&
		    h->heap[child + 1]->plan.next_ms < h->heap[child]->plan.next_ms)
			child++;
		if (beat->plan.next_ms <= h->heap[child]->plan.next_ms)
			break;
		put(h, i, h->heap[child]);
	}
	put(h, i, beat);
}

static void unplace(struct heartbeat *h, struct beat *beat)
{
	size_t i = beat->place;
	struct beat *last;

	if (i == NOT_PLACED)
		return;
	beat->place = NOT_PLACED;
	last = h->heap[--h->n_heap];
	if (last == beat)
		return;
	put(h, i, last);
	sift_down(h, i, last);
	sift_up(h, last->place, last);
}

static void place(struct heartbeat *h, struct beat *beat)
{
	unplace(h, beat);
	if (beat->plan.next_ms != BEAT_NEVER)
		sift_up(h, h->n_heap++, beat);
}

void beats_replan(struct heartbeat *h, struct beat *beat)
{
	beat_plan(&beat->state, &beat->expect, h->host, &beat->plan);
	place(h, beat);
}

void beats_snooze(struct heartbeat *h, struct beat *beat, int64_t own_ms)
{
	beat->plan.next_ms = own_ms;
	place(h, beat);
}

struct beat *beats_due(const struct heartbeat *h, int64_t own_ms)
{
	return h->n_heap > 0 && h->heap[0]->plan.next_ms <= own_ms ? h->heap[0] : NULL;
}

int64_t beats_next_ms(const struct heartbeat *h)
{
	return h->n_heap > 0 ? h->heap[0]->plan.next_ms : BEAT_NEVER;
}

void beats_remove(struct heartbeat *h, struct beat *beat)
{
	bool found;
	size_t i = place_of(h, beat->name, &found);

	unplace(h, beat);
	h->n--;
	memmove(h->beat + i, h->beat + i + 1, (h->n - i) * sizeof(struct beat *));
	h->renamed = true;
	free_beat(beat);
}

void beats_free(struct heartbeat *h)
{
	for (size_t i = 0; i < h->n; i++)
		free_beat(h->beat[i]);
	free(h->beat);
	free(h->heap);
}

int beats_announce(struct heartbeat *h)
{
	const char **name;
	int rc;

	if (!h->renamed)
		return 0;
	name = malloc((h->n + 1) * sizeof(*name));
	for (size_t i = 0; name && i < h->n; i++)
		name[i] = h->beat[i]->name;
	rc = name ? h->host->announce(h->self, name, h->n) : -ENOMEM;
	free(name);
	h->renamed = rc != 0;
	return rc;
}
