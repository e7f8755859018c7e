/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/breaker.h"

#include <string.h>

void breaker_init(struct breaker *breaker, int64_t first_open_ms)
{
	memset(breaker, 0, sizeof(*breaker));
	breaker->first_open_ms = first_open_ms ? first_open_ms : BREAKER_OPEN_MS;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t breaker_room(const struct breaker *breaker, size_t n, size_t under_way, int64_t now_ms)
{
	if (now_ms < breaker->paused_until_ms)
		return 0;
	if (breaker->state == BREAKER_CLOSED) {
		if (breaker->ramp == 0)
			return n;
		return least(n, (size_t)breaker->ramp > under_way
					? (size_t)breaker->ramp - under_way
					: 0);
	}
	if (breaker->state == BREAKER_OPEN && now_ms < breaker->open_until_ms)
		return 0;
	return breaker->probing || under_way > 0 ? 0 : least(n, 1);
}

size_t breaker_allow(struct breaker *breaker, size_t n, size_t under_way, int64_t now_ms)
{
	size_t allowed = breaker_room(breaker, n, under_way, now_ms);

	if (allowed > 0 && breaker->state != BREAKER_CLOSED) {
		breaker->state = BREAKER_HALF_OPEN;
		breaker->probing = true;
	}
	return allowed;
}

/* Half of a full window failed, and all of it is recent. */
static bool window_failed(const struct breaker *breaker, int64_t now_ms)
{
	size_t failed = 0;

	if (breaker->results < BREAKER_WINDOW)
		return false;
	for (size_t i = 0; i < BREAKER_WINDOW; i++) {
		if (now_ms - breaker->result[i].at_ms > BREAKER_WINDOW_MS)
			return false;
		failed += breaker->result[i].failed;
	}
	return failed * 2 >= BREAKER_WINDOW;
}

static void open_breaker(struct breaker *breaker, double random, int64_t now_ms)
{
	int64_t wait = breaker->state == BREAKER_HALF_OPEN ? breaker->open_for_ms * 2
							   : breaker->first_open_ms;

	if (wait > BREAKER_OPEN_MAX_MS)
		wait = BREAKER_OPEN_MAX_MS;
	if (breaker->state == BREAKER_CLOSED)
		breaker->opened_ms = now_ms;
	breaker->open_for_ms = wait;
	breaker->open_until_ms = now_ms + (int64_t)((double)wait * (0.9 + 0.2 * random));
	breaker->state = BREAKER_OPEN;
	breaker->probing = false;
	breaker->results = 0;
}

static bool report_failure(struct breaker *breaker, double random, int64_t now_ms)
{
	bool was_closed = breaker->state == BREAKER_CLOSED;

	breaker->consecutive++;
	if (breaker->state == BREAKER_OPEN)
		return false; /* a straggler that started before */
	if (breaker->state == BREAKER_HALF_OPEN || breaker->consecutive >= BREAKER_CONSECUTIVE ||
	    window_failed(breaker, now_ms)) {
		open_breaker(breaker, random, now_ms);
		return was_closed;
	}
	return false;
}

bool breaker_report(struct breaker *breaker, bool failed, double random, int64_t now_ms)
{
	struct breaker_result *result = &breaker->result[breaker->results++ % BREAKER_WINDOW];

	*result = (struct breaker_result){.at_ms = now_ms, .failed = failed};
	if (failed)
		return report_failure(breaker, random, now_ms);
	breaker->consecutive = 0;
	if (breaker->state != BREAKER_CLOSED) {
		breaker->state = BREAKER_CLOSED;
		breaker->results = 0;
		breaker->ramp = 1; /* a peer that comes back is not flooded at once */
	}
	breaker->probing = false;
	if (breaker->ramp > 0)
		breaker->ramp = breaker->ramp >= 1024 ? 0 : breaker->ramp * 2;
	return false;
}

void breaker_skip(struct breaker *breaker)
{
	breaker->probing = false;
}

void breaker_pause(struct breaker *breaker, int64_t until_ms)
{
	if (until_ms > breaker->paused_until_ms)
		breaker->paused_until_ms = until_ms;
	breaker->probing = false;
}

int64_t breaker_next_ms(const struct breaker *breaker, int64_t now_ms)
{
	int64_t next = now_ms;

	if (breaker->state == BREAKER_OPEN && breaker->open_until_ms > next)
		next = breaker->open_until_ms;
	if (breaker->paused_until_ms > next)
		next = breaker->paused_until_ms;
	return next;
}

const char *breaker_name(const struct breaker *breaker)
{
	switch (breaker->state) {
	case BREAKER_CLOSED:
		return "closed";
	case BREAKER_OPEN:
		return "open";
	case BREAKER_HALF_OPEN:
		return "half-open";
	}
	return "unknown";
}
