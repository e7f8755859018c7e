/* SPDX-License-Identifier: Apache-2.0 */
/* Times, a host and schedules of one line for tests of a single heartbeat. */
#ifndef HEARTBEAT_SCENE_H
#define HEARTBEAT_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/sources/heartbeat/beat.h"

#define WALL INT64_C(1763424000000) /* 2025-11-18T00:00:00Z */
#define S INT64_C(1000)
#define M (60 * S)
#define H (60 * M)
#define D (24 * H)

/* A schedule of the test: every so many milliseconds of the wall clock. */
struct beats_every {
	struct tocsin_schedule schedule;
	int64_t ms;
};
static const struct beats_every hourly = {{.text = "0 * * * *"}, H},
				daily = {{.text = "0 0 * * *"}, D},
				minutely = {{.text = "* * * * *"}, M};

static inline int64_t fake_next(const struct tocsin_schedule *schedule, const struct tocsin_zone *zone,
			 int64_t after_ms)
{
	int64_t every = ((const struct beats_every *)schedule)->ms;

	(void)zone;
	return (after_ms / every + 1) * every;
}

static inline void fake_local(const struct tocsin_zone *zone, int64_t wall_ms,
		       char text[TOCSIN_LOCAL_TIME])
{
	(void)zone;
	snprintf(text, TOCSIN_LOCAL_TIME, "wall %lld", (long long)((wall_ms - WALL) / S));
}

static const struct tocsin_host host = {
	.size = sizeof(host), .next = fake_next, .local = fake_local};

/* own time runs from 1 day on, so that a mix-up with the wall shows */
static inline struct moment at(int64_t ms)
{
	return (struct moment){D + ms, WALL + ms};
}

/* "success", "fail", "exit 3", "start", "success r1", "log", "pass", "pause", "resume". */
static inline unsigned act(struct beat_state *state, const struct expectation *expect, const char *what,
		    struct moment now)
{
	char word[16] = "", rest[BEAT_RID] = "";
	struct ping ping = {.at = now, .exit = -1};

	sscanf(what, "%15s %39s", word, rest);
	ping.rid = rest;
	if (strcmp(word, "pass") == 0)
		return beat_pass(state, expect, &host, &now);
	if (strcmp(word, "pause") == 0)
		return beat_pause(state, &now);
	if (strcmp(word, "resume") == 0)
		return beat_resume(state, &now);
	if (strcmp(word, "fail") == 0)
		ping.kind = PING_FAIL;
	if (strcmp(word, "start") == 0)
		ping.kind = PING_START;
	if (strcmp(word, "log") == 0)
		ping.kind = PING_LOG;
	if (strcmp(word, "exit") == 0) {
		ping.exit = atoi(rest);
		ping.kind = ping.exit ? PING_FAIL : PING_SUCCESS;
		ping.rid = "";
	}
	return beat_ping(state, expect, &host, &ping);
}

#endif
