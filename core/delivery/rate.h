/* SPDX-License-Identifier: Apache-2.0 */
/* delivery/rate: a token bucket. Pure; times are boot time in milliseconds. */
#ifndef DELIVERY_RATE_H
#define DELIVERY_RATE_H

#include <stddef.h>
#include <stdint.h>

#include <tocsin/option.h>

struct rate {
	struct tocsin_rate limit; /* count 0: unlimited */
	double burst;             /* most tokens that gather */
	double tokens;
	int64_t updated_ms;
};

/* Starts full. burst 0: what comes in a second, at least one. */
void rate_init(struct rate *rate, struct tocsin_rate limit, int64_t burst, int64_t now_ms);
/* Takes up to n tokens; returns how many. */
size_t rate_take(struct rate *rate, size_t n, int64_t now_ms);
/* When the next token is there: now_ms or later. */
int64_t rate_next_ms(struct rate *rate, int64_t now_ms);

#endif
