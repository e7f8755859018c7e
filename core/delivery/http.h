/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery/http: the HTTP engine: one thread, one curl multi handle, all
 * channels that do not block.
 *
 * Attached channels are opened, fed and closed on the engine's thread; their
 * plugins run there and must not block. Connections are kept and reused. TLS is
 * always verified, redirects are not followed, replies are cut at HTTP_BODY.
 */
#ifndef DELIVERY_HTTP_H
#define DELIVERY_HTTP_H

#include "base/error.h"
#include "base/log.h"
#include "delivery/channel.h"

#define HTTP_BODY (64 * 1024)

int http_new(struct log *log, struct http **http, struct error *err);
/* No channel may be attached any more. */
void http_free(struct http *http);

/* Any thread: opens the channel's instance, waits for the result. */
int http_attach(struct http *http, struct channel *channel, struct error *err);
/* Any thread but the engine's: waits for requests under way, closes the instance. */
void http_detach(struct http *http, struct channel *channel);
/* Any thread: look at the queues again. */
void http_wake(struct http *http);

/* On the engine's thread, for plugins. */
void http_post(struct http *http, struct delivery *delivery, const struct tocsin_request *request);
int http_request(struct http *http, struct channel *channel, const struct tocsin_request *request,
		 tocsin_reply_fn *reply_fn, void *data);
int http_timer(struct http *http, struct channel *channel, int64_t after_ms, tocsin_timer_fn *fn,
	       void *data);

#endif
