/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP as the core does it for plugins: one engine, connections kept and
 * reused, TLS verified, redirects refused, replies bounded.
 */
#ifndef TOCSIN_HTTP_H
#define TOCSIN_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include <tocsin/alert.h>

enum tocsin_outcome {
	TOCSIN_DELIVERED = 1, /* the peer has taken responsibility */
	TOCSIN_RETRY,         /* not now, for reasons of this delivery (a deferred recipient) */
	TOCSIN_REJECTED,      /* never as it is: the delivery dies and is kept for replay */
	TOCSIN_UNAVAILABLE,   /* as RETRY, but the peer is unreachable or broken for everybody:
				 counts for the channel's circuit breaker */
	TOCSIN_THROTTLED,     /* as RETRY, and the whole channel pauses for retry_after_ms */
};

struct tocsin_reply {
	size_t size;
	int status;                /* HTTP status; 0: no reply, see error */
	const char *error;         /* why there is no reply, or NULL */
	const char *body;          /* NUL-terminated, cut at 64 KiB */
	size_t body_length;
	const struct tocsin_map *headers; /* names in lower case */
	int64_t retry_after_ms;    /* from Retry-After in all its forms; 0: none */
};

struct tocsin_verdict {
	enum tocsin_outcome outcome;
	int64_t retry_after_ms;    /* a floor for the next attempt; 0: the core's backoff. When
				      DELIVERED or REJECTED, the whole channel pauses that long:
				      the peer said that it takes no more for now */
	char why[256];             /* one line for a person; no secrets */
};

struct tocsin_request {
	size_t size;               /* sizeof(struct tocsin_request) */
	const char *method;        /* NULL: POST with a body, GET without */
	const char *url;           /* http:// or https:// */
	const char *content_type;  /* NULL: application/json */
	struct tocsin_map headers; /* further headers; a CR or LF in one refuses the request */
	const char *body;
	size_t body_length;
	int64_t timeout_ms;        /* 0: the instance's `timeout` */
	/*
	 * For services that answer 200 with an error in the body, or explain a
	 * status in words: called with the reply and the verdict of the standard
	 * mapping, which it may change. What it makes one of those that are tried again waits as
	 * long as Retry-After asks, unless it says how long. NULL: the standard mapping stands.
	 */
	void (*judge)(const struct tocsin_reply *reply, struct tocsin_verdict *verdict,
		      const void *judge_data);
	const void *judge_data;    /* borrowed until the delivery is done */
	const char *ca_file;       /* authorities to trust in place of the system's; NULL */
	/* Refuse to connect to loopback, private, link-local and other addresses that are not of
	 * the open Internet; decided on the address that the name resolved to. */
	bool public_only;
};

#endif
