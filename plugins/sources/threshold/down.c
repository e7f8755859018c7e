/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection as a whole: one alert for all checks when the database is away. It is resolved under the
 * name of the database with which it fired, also when somebody has corrected the connection since.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "threshold.h"

static int keep(struct threshold *t)
{
	const struct track *down = &t->down;
	char *text = NULL;
	int rc;

	if (down->odd_ms &&
	    asprintf(&text, "%d %lld %lld %lld %s", down->level == LEVEL_ERROR,
		     (long long)down->odd_ms, (long long)down->fired_ms, (long long)down->told_ms,
		     t->down_database ? t->down_database : "") < 0)
		return -ENOMEM;
	rc = t->host->keep(t->self, "down", text);
	free(text);
	return rc;
}

static void set_database(struct threshold *t, char *name)
{
	free(t->down_database);
	t->down_database = name;
}

void down_load(struct threshold *t)
{
	char *text = NULL;
	const char *at;
	int64_t firing, odd, fired, told;
	int rc = t->host->load(t->self, "down", &text);

	at = text;
	if (rc == 0 && steady_number(&at, &firing) && steady_number(&at, &odd) &&
	    steady_number(&at, &fired) && steady_number(&at, &told)) {
		t->down = (struct track){.level = firing ? LEVEL_ERROR : LEVEL_OK,
					 .firing = firing != 0,
					 .odd = LEVEL_ERROR,
					 .odd_ms = odd,
					 .fired_ms = fired,
					 .told_ms = told};
		at += strspn(at, " ");
		set_database(t, *at ? strdup(at) : NULL);
	}
	free(text);
}

/* The news, and what there is to keep of it, go out together. */
static int commit(struct threshold *t, const char *why, const struct verdict *verdict,
		  const struct steady *now)
{
	struct batch batch = {0};
	int rc = 0;

	if (verdict->news == NEWS_FIRING || !t->down_database)
		set_database(t, tell_database(t->config));
	if (!t->down_database)
		rc = -ENOMEM;
	else if (verdict->news == NEWS_FIRING || verdict->news == NEWS_RESOLVED)
		tell_down(&batch, t->config, t->down_database, why ? why : "", verdict, &t->down,
			  now);
	if (!rc && (batch.failed || keep(t)))
		rc = -ENOMEM;
	if (!rc)
		rc = run_hand_in(t, &batch);
	batch_done(&batch);
	return rc;
}

int down_note(struct threshold *t, const char *why)
{
	const struct policy fine = {.action = ACTION_OK},
			    odd = {ACTION_UNKNOWN, t->config->down_after};
	const struct limits limits = {.breaches = 1, .of = 1, .error = why ? odd : fine};
	struct steady now = steady_now(&t->clock);
	struct track before = t->down;
	struct verdict verdict;
	int rc;

	if (!why && t->down.level != LEVEL_ERROR && t->down.odd == LEVEL_UNKNOWN)
		return 0;
	evaluate(&limits, &t->down, FOUND_ERROR, 0, now.now_ms, &verdict);
	if (evaluate_same(&before, &t->down))
		return 0;
	rc = commit(t, why, &verdict, &now);
	if (rc != -ENOMEM)
		return rc;
	t->down = before;
	run_out_of_memory(t);
	return 0;
}
