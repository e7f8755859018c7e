/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery/transfer: one HTTP request and its reply as a curl easy handle.
 * Used on the HTTP engine's thread only; transfers are reused.
 */
#ifndef DELIVERY_TRANSFER_H
#define DELIVERY_TRANSFER_H

#include <curl/curl.h>

#include <tocsin/http.h>
#include <tocsin/plugin.h>

#include "base/buffer.h"
#include "base/error.h"

struct attached;
struct delivery;

#define TRANSFER_HEADERS 48     /* reply headers that are kept */

struct transfer {
	struct transfer *next;  /* in the engine's list of free ones of a channel */
	CURL *easy;             /* NULL until transfer_prepare */
	CURLU *parts;           /* of the URL of the handle */
	struct buffer url;      /* to which the handle may be used again; empty: it may not */
	bool public_only;       /* as the handle was made */
	struct attached *attached;      /* the engine's word for the channel */
	struct delivery *delivery;      /* of host->post, or NULL */
	tocsin_reply_fn *reply_fn;      /* of host->http, or NULL */
	void *data;
	void (*judge)(const struct tocsin_reply *reply, struct tocsin_verdict *verdict,
		      const void *judge_data);
	const void *judge_data;
	struct curl_slist *headers;     /* of the lines */
	struct buffer lines, next_lines; /* of the request's headers: those set, and a new try */
	struct buffer sent, body, header_text;
	struct {
		size_t name, value;     /* offsets into header_text */
	} header[TRANSFER_HEADERS];
	size_t n_headers;
	bool in_head, head_begins; /* what comes to on_body is the head; its line after the status */
	struct tocsin_pair pair[TRANSFER_HEADERS];
	struct tocsin_map map;
	char error[CURL_ERROR_SIZE];
	char refused[CURL_ERROR_SIZE]; /* why an address, or a reply, was refused here; "" */
};

struct transfer *transfer_new(void);
void transfer_free(struct transfer *transfer);
/* Forgets the last request, but for what the next one to the same URL has in common with it. Connections
 * stay with the multi handle. */
void transfer_reset(struct transfer *transfer);
/* Makes the handle ready. 0, or -EINVAL / -ENOMEM with the sentence. */
int transfer_prepare(struct transfer *transfer, const struct tocsin_request *request,
		     int64_t timeout_ms, struct error *err);
/* The reply after the transfer ended with this code; points into the transfer. */
void transfer_reply(struct transfer *transfer, CURLcode code, struct tocsin_reply *reply);

#endif
