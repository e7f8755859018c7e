/* SPDX-License-Identifier: Apache-2.0 */
/* A heartbeat as JSON, as list, show and check answer it. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "heartbeat.h"

#include "../../common/notice.h"
#include "../../common/tojson.h"

static json_t *text_or_null(const char *text)
{
	return text && *text ? tojson_text(text) : json_null();
}

static json_t *wall_time(int64_t wall_ms)
{
	char text[NOTICE_TIME_SIZE];

	return json_string(notice_iso_time(wall_ms, text));
}

static json_t *moment_or_null(const struct moment *moment)
{
	return moment->own_ms > 0 ? wall_time(moment->wall_ms) : json_null();
}

/* An own time that is to come, as the clock on the wall will say then. whole: a full second, which the
 * two clocks, each cut to milliseconds, may miss by one. */
static json_t *planned(int64_t own_ms, const struct moment *now, bool whole)
{
	int64_t wall_ms;

	if (own_ms == BEAT_NEVER)
		return json_null();
	wall_ms = now->wall_ms + (own_ms - now->own_ms);
	return wall_time(whole ? (wall_ms + 500) / 1000 * 1000 : wall_ms);
}

static json_t *positive_or_null(int64_t number)
{
	return number > 0 ? json_integer(number) : json_null();
}

struct member {
	const char *name;
	json_t *value;
};

/* Takes the values. NULL when one is missing. */
static json_t *object_of(const struct member *member, size_t n)
{
	json_t *object = json_object();
	bool failed = !object;

	for (size_t i = 0; i < n; i++)
		failed |= json_object_set_new(object, member[i].name, member[i].value) != 0;
	if (failed) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static json_t *describe(const struct beat *beat, const struct beat_state *state,
			const struct plan *plan, const struct moment *now)
{
	static const char *const feeds[] = {"ping", "query", "file"};
	const struct expectation *expect = &beat->expect;
	const struct tocsin_schedule *schedule = expect->schedule;
	const struct tocsin_zone *zone = schedule && schedule->zone ? schedule->zone : expect->zone;
	int64_t age = now->own_ms - state->last_ping.own_ms;
	bool runs_out = plan->run_ms < plan->down_ms;
	const struct member member[] = {
		{"name", tojson_text(beat->name)},
		{"state", json_string(beat_word(state, plan, now->own_ms))},
		{"since", moment_or_null(&state->since)},
		/* Before it is down for that, too. */
		{"reason",
		 text_or_null(state->absent && !*state->reason ? state->text : state->reason)},
		{"last_ping", moment_or_null(&state->last_ping)},
		{"last_start", moment_or_null(&state->last_start)},
		{"last_duration_ms", state->last_duration_ms >= 0
					     ? json_integer(state->last_duration_ms)
					     : json_null()},
		{"next_ping", planned(plan->late_ms, now, schedule)},
		{"down_at",
		 runs_out ? planned(plan->run_ms, now, false)
			  : planned(plan->down_ms, now, schedule && expect->grace_ms % 1000 == 0)},
		{"period_ms", positive_or_null(expect->period_ms)},
		{"grace_ms", json_integer(expect->grace_ms)},
		{"schedule", text_or_null(schedule ? schedule->text : NULL)},
		{"timezone", text_or_null(zone ? zone->name : NULL)},
		{"feed", json_string(feeds[beat->feed])},
		{"status", text_or_null(state->absent ? NULL : state->text)},
		{"age_ms",
		 state->last_ping.own_ms > 0 ? json_integer(age > 0 ? age : 0) : json_null()},
		{"missed", json_integer(state->missed)},
		{"misses", json_integer(expect->misses)},
	};

	return object_of(member, TOCSIN_COUNT(member));
}

json_t *item_json(const struct heartbeat *h, const struct beat *beat, const struct moment *now)
{
	(void)h;
	return describe(beat, &beat->state, &beat->plan, now);
}

bool item_is_healthy(const struct beat_state *state)
{
	/* One that is paused is as somebody wants it; one that nobody ever heard of is not alive, and
	 * none is as bad as a stale one. */
	return state->status == BEAT_PAUSED || (state->status == BEAT_UP && !state->absent) ||
	       (state->status == BEAT_NEW && state->running);
}

json_t *item_checked(const struct heartbeat *h, const struct beat *beat, const struct moment *now)
{
	struct beat_state state = beat->state;
	struct plan plan;
	json_t *item;
	char *line;

	beat_pass(&state, &beat->expect, h->host, now);
	beat_plan(&state, &beat->expect, h->host, &plan);
	item = describe(beat, &state, &plan, now);
	line = words_line(beat->name, &state, &beat->expect, &plan, now);
	if (!item || !line ||
	    json_object_set_new(item, "healthy", json_boolean(item_is_healthy(&state))) != 0 ||
	    json_object_set_new(item, "line", tojson_text(line)) != 0) {
		json_decref(item);
		item = NULL;
	}
	free(line);
	return item;
}
