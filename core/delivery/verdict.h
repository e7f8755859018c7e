/* SPDX-License-Identifier: Apache-2.0 */
/* delivery/verdict: what an HTTP reply means for a delivery. Pure. */
#ifndef DELIVERY_VERDICT_H
#define DELIVERY_VERDICT_H

#include <stdint.h>

#include <tocsin/http.h>

/* The standard mapping: 2xx delivered; 429 throttled; 408, 425, 5xx and no reply unavailable; the rest
 * rejected with the status and the beginning of the body. */
void verdict_from_reply(const struct tocsin_reply *reply, struct tocsin_verdict *verdict);

/* After a judge: what it found to be no final answer is not repeated before the reply's Retry-After, which
 * the standard mapping had left out if it saw a final one. */
void verdict_keep_wait(const struct tocsin_reply *reply, struct tocsin_verdict *verdict);

/* The wait that Retry-After asks for: whole or fractional seconds, or an HTTP date (RFC 9110, 10.2.3).
 * 0 when the value means nothing. now_ms is wall time. */
int64_t verdict_retry_after_ms(const char *value, int64_t now_ms);

#endif
