/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery/breaker: stops asking a peer that does not answer, and probes it
 * now and then. Pure; times are boot time in milliseconds.
 *
 * Closed: all may pass. It opens after BREAKER_CONSECUTIVE failures in a row, or when half of the last
 * BREAKER_WINDOW attempts within a minute failed. Open: nothing passes until open_until_ms. Then
 * half-open: one probe; success closes it, failure opens it for twice as long.
 */
#ifndef DELIVERY_BREAKER_H
#define DELIVERY_BREAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BREAKER_CONSECUTIVE 5
#define BREAKER_WINDOW 20
#define BREAKER_WINDOW_MS (60 * 1000)
#define BREAKER_OPEN_MS (5 * 1000)
#define BREAKER_OPEN_MAX_MS (5 * 60 * 1000)

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

struct breaker {
	enum breaker_state state;
	int consecutive;
	int64_t opened_ms;        /* when it ceased to be closed */
	int64_t open_until_ms;
	int64_t open_for_ms;      /* length of the last opening */
	int64_t first_open_ms;    /* length of a first opening */
	int64_t paused_until_ms;  /* the peer asked for a pause */
	bool probing;             /* the probe of half-open is under way */
	int ramp;                 /* after closing: allowed at once, doubling; 0: no limit */
	struct breaker_result {
		int64_t at_ms;
		bool failed;
	} result[BREAKER_WINDOW]; /* ring */
	size_t results;           /* ever added */
};

/* first_open_ms: 0 for BREAKER_OPEN_MS. */
void breaker_init(struct breaker *breaker, int64_t first_open_ms);
/* How many of n attempts may start now, given those under way. */
size_t breaker_allow(struct breaker *breaker, size_t n, size_t under_way, int64_t now_ms);
/* As breaker_allow would answer, without starting anything. */
size_t breaker_room(const struct breaker *breaker, size_t n, size_t under_way, int64_t now_ms);
/* An attempt ended; random (0 ... 1) spreads the probes of many channels. True when this opened it. */
bool breaker_report(struct breaker *breaker, bool failed, double random, int64_t now_ms);
/* An attempt ended that says nothing of the peer: if it was the probe, the next one is. */
void breaker_skip(struct breaker *breaker);
/* The peer asked for a pause. */
void breaker_pause(struct breaker *breaker, int64_t until_ms);
/* When something may pass again: now_ms or later. */
int64_t breaker_next_ms(const struct breaker *breaker, int64_t now_ms);
/* "closed", "open", "half-open" */
const char *breaker_name(const struct breaker *breaker);

#endif
