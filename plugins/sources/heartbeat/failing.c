/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The alert that a query cannot be read. It is saved under the query's name, so that it is resolved
 * whatever became of the configuration.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "heartbeat.h"

/* Adds it to the commit that is open. now: it is over as of now. NULL: it fires. */
static void raise_alert(struct heartbeat *h, const char *name, const struct moment *since,
			const char *summary, const struct moment *now)
{
	struct tocsin_alert *alert = commit_alert(h);
	struct tocsin_pair *label = commit_room(h, 2 * sizeof(*label)),
			   *annotation = commit_room(h, sizeof(*annotation));
	const char *query = commit_text(h, "%s", name);

	if (!alert || !label || !annotation || !query || !summary)
		return;
	label[0] = (struct tocsin_pair){"alertname", "HeartbeatQueryFails"};
	label[1] = (struct tocsin_pair){"query", query};
	*annotation = (struct tocsin_pair){"summary", summary};
	alert->labels = (struct tocsin_map){label, 2};
	alert->annotations = (struct tocsin_map){annotation, 1};
	alert->severity = (enum tocsin_severity)h->config->severity;
	alert->status = now ? TOCSIN_RESOLVED : TOCSIN_FIRING;
	alert->starts_at_ms = since->wall_ms;
	alert->ends_at_ms = now ? now->wall_ms : 0;
}

int failing_tell(struct heartbeat *h, const char *name, const struct moment *since, const char *why,
		 const struct moment *now)
{
	char *key = saved_name("failing/", name), saved[64], duration[WORDS_DURATION];
	int rc;

	snprintf(saved, sizeof(saved), "%" PRId64 " %" PRId64, since->own_ms, since->wall_ms);
	words_duration(now->own_ms - since->own_ms, duration);
	rc = key ? h->host->keep(h->self, key, why ? saved : NULL) : -ENOMEM;
	if (!rc) {
		if (why)
			raise_alert(h, name, since,
				    commit_text(h, "%s could not be read for %s: %s", name,
						duration, why),
				    NULL);
		else
			raise_alert(
				h, name, since,
				commit_text(h, "%s can be read again, after %s", name, duration),
				now);
		rc = commit_all(h);
		if (rc)
			(void)h->host->keep(h->self, key, why ? NULL : saved);
	}
	free(key);
	return rc;
}

/* --- at the start --- */

static bool read_since(const char *text, struct moment *since)
{
	char *second, *end;

	since->own_ms = strtoll(text, &second, 10);
	since->wall_ms = strtoll(second, &end, 10);
	return end > second && *end == '\0';
}

static int take_saved(const char *key, const char *value, void *data)
{
	struct heartbeat *h = data;
	struct moment now = heartbeat_now(h), since;
	char *name = saved_named(key, "failing/"), duration[WORDS_DURATION];
	int rc = 0;

	if (!name)
		return -ENOMEM;
	if (!read_since(value, &since))
		since = now;
	else if (table_recall(h, name, &since))
		goto out;
	/* Nobody reads it any more, so nobody would ever end it. */
	words_duration(now.own_ms - since.own_ms, duration);
	raise_alert(
		h, name, &since,
		commit_text(h, "%s is no longer read; it could not be read for %s", name, duration),
		&now);
	rc = h->host->keep(h->self, key, NULL);
out:
	free(name);
	return rc;
}

int failing_load(struct heartbeat *h)
{
	return h->host->each(h->self, "failing/", false, 0, take_saved, h);
}
