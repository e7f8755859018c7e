/* SPDX-License-Identifier: Apache-2.0 */
/* delivery/retry: what follows from an attempt's outcome. Pure. */
#ifndef DELIVERY_RETRY_H
#define DELIVERY_RETRY_H

#include <stdint.h>

#include <tocsin/http.h>
#include <tocsin/store.h>

/* A peer that asks for more than this is asked again after this. */
#define RETRY_AFTER_CAP_MS (6 * 3600 * 1000)

struct retry_policy {
	int64_t first_ms;         /* before the second attempt */
	int64_t max_ms;           /* cap of the doubling */
	int64_t give_up_after_ms; /* since the delivery was made */
	int64_t attempts;         /* at this one RETRY ends it; 0: at none */
};

/*
 * The n-th wait (n counts from 1): first doubled n-1 times, at most max, spread by random (0 ... 1)
 * over 80 ... 120 % so that deliveries that failed together do not return together.
 */
int64_t retry_wait_ms(const struct retry_policy *policy, int n, double random);

struct retry_decision {
	enum tocsin_state state;  /* DELIVERED, DEAD or PENDING */
	int64_t due_ms;           /* of PENDING */
	bool gave_up;             /* DEAD because the time was over, not because of the answer */
};

/* created_ms and now_ms are of one clock, and so is due_ms; attempt is the one that just ended;
 * retry_after_ms is what the peer asked for (0: nothing) and is never undercut. */
struct retry_decision retry_decide(const struct retry_policy *policy, enum tocsin_outcome outcome,
				   int attempt, int64_t created_ms, int64_t now_ms,
				   int64_t retry_after_ms, double random);

/* "delivered", "retry", "rejected", "unavailable", "throttled" */
const char *outcome_name(enum tocsin_outcome outcome);

#endif
