/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve/call: one HTTP request on its way through the API.
 *
 * The server's thread owns a call; while it is suspended the thread that works
 * for it does (the store's writer, or the main thread during a reload). An
 * endpoint either answers, or suspends and lets somebody resume: never both.
 */
#ifndef SERVE_CALL_H
#define SERVE_CALL_H

#include <microhttpd.h>

#include <jansson.h>

#include "base/buffer.h"
#include "serve/api_query.h"
#include "serve/router.h"
#include "serve/server.h"
#include "store/store.h"

#define CALL_BODY (4 * 1024 * 1024)        /* a larger body is refused with 413 ... */
#define CALL_DRAIN (64 * 1024 * 1024)      /* ... after reading it, or beyond this by hanging up */
#define CALL_DEADLINE_MS 15000             /* for the whole body to arrive */
#define CALL_RETRY_AFTER "5"               /* seconds, with every 503 */
#define CALL_ROWS_BYTES (16 * 1024 * 1024) /* a list stops growing about here */

enum call_state { CALL_READING, CALL_SUSPENDED };

struct call {
	struct server *server;
	const struct server_options *options;
	struct MHD_Connection *connection;
	struct router_match match;
	enum call_state state;
	struct buffer body;
	size_t received;
	int64_t deadline_ms; /* boot time */

	unsigned int status; /* of the answer; 0: not answered yet */
	char *text;          /* its JSON */

	/* For endpoints that ask the store. */
	struct store_request request;
	int result; /* of the store, or of whoever resumed */
	struct tocsin_query query;
	json_t *rows; /* set anew by every apply */
	size_t rows_bytes;
	bool rows_cut;
	int64_t count;
	struct tocsin_counters counters;

	/* For endpoints that ask a source. */
	int said_status;
	char *said; /* what it answered, or NULL for want of memory */

	struct call *next; /* the server's list of waiting reloads */
};

/* A NULL answer means that memory ran out, and becomes a 503. The JSON is taken over. */
void call_answer(struct call *call, unsigned int status, json_t *answer);
/* The same with text that is JSON already, taken over. */
void call_answer_text(struct call *call, unsigned int status, char *text);
/* {"error": "sentence"} */
void call_fail(struct call *call, unsigned int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The answer to a negative errno of the store. */
void call_fail_store(struct call *call, int result);

/* The answer when memory is short: 503, for it may not be so for long. */
void call_fail_memory(struct call *call);

/* The body as JSON, or NULL after answering 400 or 503. */
json_t *call_json(struct call *call);
/* The URL's parameters into call->query. False after answering 400. */
bool call_query(struct call *call, enum api_list list);

/* Keeps a row for the answer unless it is large enough; the JSON is taken over. -ENOMEM or 0. */
int call_add_row(struct call *call, json_t *row, size_t bytes);
/* Where the next page begins: the number of the last row, or null when the list ended. */
json_t *call_next(const struct call *call, const char *number);
/* Empties what apply gathers; to be called first in it. */
int call_reset_rows(struct call *call);

/* False, after answering 503, when the server is stopping. */
bool call_suspend(struct call *call);
/* Any thread; the call belongs to the server's thread again and may be gone at once. */
void call_resume(struct call *call, int result);
/* Suspends until the store has applied and committed. */
void call_store(struct call *call,
		int (*apply)(struct store_request *, const struct transaction *));
struct call *call_of(struct store_request *request);

/* Notes in the log what a client asked the daemon to do, and who that was. */
void call_audit(struct call *call, const char *what);

/* server.c: counts the call as suspended and suspends it; false when the server is stopping. */
bool server_enter(struct call *call);
bool server_enter_locked(struct call *call);
void server_leave(struct server *server);

/* Endpoints, api_*.c. */
void api_alerts_post(struct call *call);
void api_alerts_posted(struct call *call);
void api_alerts_list(struct call *call);
void api_alerts_listed(struct call *call);
void api_deliveries_list(struct call *call);
void api_deliveries_listed(struct call *call);
void api_delivery_show(struct call *call);
void api_delivery_shown(struct call *call);
void api_dead_replay(struct call *call);
void api_dead_replayed(struct call *call);
void api_dead_drop(struct call *call);
void api_dead_dropped(struct call *call);
void api_status(struct call *call);
void api_status_counted(struct call *call);
void api_health(struct call *call);
void api_channel_test(struct call *call);
void api_reload(struct call *call);
void api_items_list(struct call *call);
void api_item_show(struct call *call);
void api_item_call(struct call *call);
void api_items_answered(struct call *call);
void api_item_called(struct call *call);

#endif
