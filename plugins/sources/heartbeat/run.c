/* SPDX-License-Identifier: Apache-2.0 */
/* The source's thread: read, judge, commit, wait. */
#include <errno.h>
#include <stdlib.h>

#include "heartbeat.h"

#define BATCH 200      /* heartbeats judged in one commit */
#define AGAIN_MS 1000  /* when the store takes nothing */
#define CLOCK_MS 60000 /* how long a clock that was set may stay unnoticed */

int run_judge(struct heartbeat *h, const struct moment *now)
{
	bool blind = table_is_blind(h, now);
	struct beat *beat;
	int rc = 0;

	if (now->own_ms < h->judge_from_ms)
		return 0;
	do {
		size_t n = 0;

		for (; n < BATCH && (beat = beats_due(h, now->own_ms)); n++) {
			struct beat_state before = beat->state;
			unsigned news;

			if (blind && beat->feed == FEED_QUERY) {
				beats_snooze(h, beat, now->own_ms + AGAIN_MS);
				continue;
			}
			news = beat_pass(&beat->state, &beat->expect, h->host, now);
			commit_change(h, beat, &before, news, NULL, now);
		}
		rc = n > 0 ? commit_all(h) : 0;
		if (n < BATCH)
			break;
	} while (!rc);
	return rc;
}

/* Schedules go by the clock on the wall. */
static void look_at_clock(struct heartbeat *h, const struct moment *now)
{
	if (!steady_was_set(&h->steady, now))
		return;
	h->host->log(h->self, TOCSIN_LOG_INFO, "the clock was set; no heartbeat is late for that");
	for (size_t i = 0; i < h->n; i++) {
		struct beat *beat = h->beat[i];

		beat_clock_set(&beat->state, &beat->expect, h->host, now);
		beats_replan(h, beat);
	}
}

/* Everything that is due now. 0, or as emit. */
static int work(struct heartbeat *h, const struct moment *now)
{
	int rc = 0;

	look_at_clock(h, now);
	if (h->has_files && now->own_ms >= h->files_at_ms)
		files_look(h, now);
	if (h->table)
		rc = table_step(h, now);
	if (now->own_ms >= h->note_at_ms)
		start_note(h, now);
	if (!rc)
		rc = commit_all(h);
	if (!rc)
		rc = run_judge(h, now);
	if (!rc)
		rc = beats_announce(h);
	return rc;
}

static int64_t next_ms(const struct heartbeat *h)
{
	int64_t next = beats_next_ms(h);

	if (next < h->judge_from_ms)
		next = h->judge_from_ms;
	if (h->has_files && h->files_at_ms < next)
		next = h->files_at_ms;
	if (h->table && table_next_ms(h) < next)
		next = table_next_ms(h);
	return h->note_at_ms < next ? h->note_at_ms : next;
}

/* In a run that is once everything is judged once. True when that is done. */
static bool is_done(struct heartbeat *h, int *result)
{
	return h->host->once(h->self) && (!h->table || table_done(h, result));
}

static enum tocsin_wait wait_for_next(struct heartbeat *h, int rc)
{
	struct moment now = heartbeat_now(h);
	int64_t wait = next_ms(h) - now.own_ms;

	if (wait < 0)
		wait = 0;
	if (wait > CLOCK_MS)
		wait = CLOCK_MS;
	if (rc)
		return h->host->wait(h->self, -1, AGAIN_MS);
	return h->host->wait(h->self, h->table ? table_fd(h) : -1, wait);
}

/* Says when it was there last, so that the next start knows how long it was away. */
static void leave(struct heartbeat *h)
{
	struct moment now = heartbeat_now(h);
	char *text = start_noted(h, &now);

	if (text)
		(void)h->host->save(h->self, "clock", text);
	free(text);
}

int run_source(void *state)
{
	struct heartbeat *h = state;
	bool swept = false;
	int rc, result = 0;

	while ((rc = start_source(h)))
		if (rc == -ESHUTDOWN || h->host->wait(h->self, -1, AGAIN_MS) == TOCSIN_STOP)
			return rc == -ESHUTDOWN ? 0 : rc;
	h->renamed = h->running = true;
	(void)beats_announce(h); /* else with the next work */
	do {
		struct moment now = heartbeat_now(h);

		rc = work(h, &now);
		if (!rc && !swept && is_done(h, &result)) {
			h->host->swept(h->self);
			swept = true;
		}
	} while (rc != -ESHUTDOWN && wait_for_next(h, rc) != TOCSIN_STOP);
	h->running = false;
	leave(h);
	return result;
}
