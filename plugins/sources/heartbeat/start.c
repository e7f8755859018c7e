/* SPDX-License-Identifier: Apache-2.0 */
/* What was saved, and what happened while tocsin was away. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "heartbeat.h"

#define NOTE_MS 60000 /* how often it is kept that tocsin is there */

struct moment heartbeat_now(const struct heartbeat *h)
{
	struct clocks clocks;

	steady_clocks(&clocks);
	return steady_now(&h->steady, &clocks);
}

static int start_clock(struct heartbeat *h)
{
	struct clocks clocks;
	char *text = NULL;
	int rc = h->host->load(h->self, "clock", &text);
	bool kept = rc == 0 && saved_read_clock(text, &h->kept);

	free(text);
	if (rc && rc != -ENOENT)
		return rc;
	steady_boot(h->steady.boot);
	steady_clocks(&clocks);
	steady_start(&h->steady, kept ? &h->kept : NULL, &clocks);
	if (!kept)
		memset(&h->kept, 0, sizeof(h->kept));
	/* Of files it is known what the clock said when they were looked at last. */
	h->wall = (struct reading){h->kept.at.wall_ms, h->kept.at.own_ms};
	return 0;
}

char *start_noted(const struct heartbeat *h, const struct moment *now)
{
	struct steady_kept kept = {
		.at = *now, .boot_ms = now->own_ms - h->steady.ahead_ms, .outer = table_clock(h)};

	memcpy(kept.boot, h->steady.boot, sizeof(kept.boot));
	return saved_clock(&kept);
}

void start_note(struct heartbeat *h, const struct moment *now)
{
	char *text = start_noted(h, now);

	if (text)
		(void)h->host->keep(h->self, "clock", text);
	free(text);
	h->note_at_ms = now->own_ms + NOTE_MS;
}

static int add_configured(struct heartbeat *h)
{
	const struct beat_config *config = h->config->heartbeats.item;

	for (size_t i = 0; i < h->config->heartbeats.n; i++) {
		struct beat *beat = beats_add(h, config[i].name, &config[i]);

		if (!beat)
			return -ENOMEM;
		beat->feed = config[i].file ? FEED_FILE : h->config->query ? FEED_QUERY : FEED_PING;
		h->has_files |= beat->feed == FEED_FILE;
		if (config[i].paused)
			beat->state.status = BEAT_PAUSED;
	}
	return 0;
}

/* Takes what is saved of one heartbeat. */
static int take_saved(const char *key, const char *value, void *data)
{
	struct heartbeat *h = data;
	char *name = saved_named(key, "beat/");
	struct beat *beat = name ? beats_find(h, name) : NULL;
	struct beat_state state;
	json_t *labels = NULL;
	bool made;
	int rc = 0;

	if (!name)
		return -ENOMEM;
	if (!saved_read_beat(value, &state, &made, &labels)) {
		h->host->log(h->self, TOCSIN_LOG_WARNING,
			     "what is saved of heartbeat '%s' cannot be read; it begins anew",
			     name);
	} else if (beat || (beat = beats_add(h, name, NULL))) {
		beat->state = state;
		beat->labels = json_incref(labels);
		beat->fresh = false;
		/* Nobody configures it any more: this start ends it. */
		beat->gone = !beat->config && !(made && (h->config->create || h->config->query));
		if (!beat->config && h->config->query && !h->config->create)
			beat->feed = FEED_QUERY;
	} else {
		rc = -ENOMEM;
	}
	json_decref(labels);
	free(name);
	return rc;
}

/* Those that are no longer configured; one that is down must not stay down for ever. */
static void forget_gone(struct heartbeat *h, const struct moment *now)
{
	for (size_t i = 0; i < h->n; i++) {
		struct beat *beat = h->beat[i];
		unsigned news = beat->state.status == BEAT_DOWN ? NEWS_UP : 0;

		if (!beat->gone)
			continue;
		news |= beat->state.restless ? NEWS_CALM : 0;
		ping_forget(h, beat);
		commit_change(h, beat, &beat->state, news, NULL, now);
	}
}

/* What could not be heard, and what the clock did. */
static void catch_up(struct heartbeat *h, const struct moment *now)
{
	bool once = h->host->once(h->self);

	for (size_t i = 0; i < h->n; i++) {
		struct beat *beat = h->beat[i];

		if (beat->feed == FEED_PING && !once && h->kept.at.own_ms > 0)
			beat_absence(&beat->state, &beat->expect, h->host, &h->kept.at, now,
				     h->config->outage);
		beat_clock_set(&beat->state, &beat->expect, h->host, now);
		beats_replan(h, beat);
	}
}

/* Everything that a start does, until it is committed. */
static int begin(struct heartbeat *h, struct moment *now)
{
	int rc = start_clock(h);

	if (!rc)
		rc = add_configured(h);
	if (!rc)
		rc = h->host->each(h->self, "beat/", false, 0, take_saved, h);
	if (!rc)
		rc = rule_load(h);
	if (!rc)
		rc = failing_load(h);
	if (rc)
		return rc;
	table_load(h);
	*now = heartbeat_now(h);
	(void)steady_was_set(&h->steady, now);
	catch_up(h, now);
	forget_gone(h, now);
	return commit_all(h);
}

int start_source(struct heartbeat *h)
{
	struct moment now;
	int rc;

	if (h->started)
		return 0;
	rc = begin(h, &now);
	if (rc) {
		/* It is tried again, from the beginning. */
		commit_empty(h);
		while (h->n > 0)
			beats_remove(h, h->beat[h->n - 1]);
		return rc;
	}
	h->started = true;
	if (!h->host->once(h->self))
		h->judge_from_ms = now.own_ms + h->config->settle;
	return 0;
}
