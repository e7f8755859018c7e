/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/rate.h"

#include <math.h>

static double tokens_per_ms(const struct rate *rate)
{
	return (double)rate->limit.count / (double)rate->limit.per_ms;
}

static void refill(struct rate *rate, int64_t now_ms)
{
	if (now_ms > rate->updated_ms)
		rate->tokens += (double)(now_ms - rate->updated_ms) * tokens_per_ms(rate);
	if (rate->tokens > rate->burst)
		rate->tokens = rate->burst;
	rate->updated_ms = now_ms;
}

void rate_init(struct rate *rate, struct tocsin_rate limit, int64_t burst, int64_t now_ms)
{
	rate->limit = limit;
	rate->updated_ms = now_ms;
	if (limit.count == 0)
		return;
	/* 60/m means one a second, not sixty at once */
	rate->burst = burst > 0 ? (double)burst : tokens_per_ms(rate) * 1000.0;
	if (rate->burst < 1.0)
		rate->burst = 1.0;
	rate->tokens = rate->burst;
}

size_t rate_take(struct rate *rate, size_t n, int64_t now_ms)
{
	size_t taken;

	if (rate->limit.count == 0)
		return n;
	refill(rate, now_ms);
	/* the small constant forgives rounding, so that N tokens are there after N periods */
	taken = (size_t)(rate->tokens + 1e-9);
	if (taken > n)
		taken = n;
	rate->tokens -= (double)taken;
	return taken;
}

int64_t rate_next_ms(struct rate *rate, int64_t now_ms)
{
	if (rate->limit.count == 0)
		return now_ms;
	refill(rate, now_ms);
	if (rate->tokens >= 1.0)
		return now_ms;
	return now_ms + (int64_t)ceil((1.0 - rate->tokens) / tokens_per_ms(rate));
}
