/* SPDX-License-Identifier: Apache-2.0 */
/* A transfer, and a server in the same thread that answers it. */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include "delivery/transfer.h"

extern const char exchange_ordinary[]; /* status 200, x-a: b, "ok" */

struct exchange {
	struct multi *multi;
	int listening, port, peer;
	int connections;
	const char *answer;     /* what the server says: at first the ordinary reply */
	char heard[128 * 1024]; /* what it got last */
	size_t n_heard;
};

/* Returns 0 or -1. */
int exchange_init(struct exchange *exchange);
void exchange_done(struct exchange *exchange);
/* Runs one request to its end; the reply points into the transfer until that is reset. What cannot be
 * begun is a reply without a status. */
void exchange_run(struct exchange *exchange, struct transfer *transfer,
		  const struct tocsin_request *request, struct tocsin_reply *reply);

#endif
