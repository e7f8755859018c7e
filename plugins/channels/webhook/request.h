/* SPDX-License-Identifier: Apache-2.0 */
/* webhook/request: a delivery as an HTTP request. */
#ifndef WEBHOOK_REQUEST_H
#define WEBHOOK_REQUEST_H

#include "body.h"

#define HEADERS_MOST 40

/* The headers of the configuration as they were made last; most never change. */
struct headers {
	char *source;                   /* the JSON of which they were made */
	struct writer text;
	struct tocsin_pair pair[HEADERS_MOST];
	size_t n;
};

/* What is made once, and the memory that is used again for every request. */
struct assembly {
	const struct tocsin_host *host;
	const struct webhook_config *config;
	struct writer authorization, query; /* made by webhook_assembly_init */
	struct headers headers;
	struct writer given, body, url, proof, standard_proof;
	struct writer bare; /* the body that is signed, when the signature becomes a part of it */
	struct tocsin_pair pair[HEADERS_MOST + 8];
	size_t n;
	char timestamp[24], standard_timestamp[24], uuid[40];
};

/* 0 or -ENOMEM. */
int webhook_assembly_init(struct assembly *assembly, const struct tocsin_host *host,
			  const struct webhook_config *config);
void webhook_assembly_done(struct assembly *assembly);

/* Makes the request; it points into the assembly until the next one. False: refusal says why. */
bool webhook_request(struct assembly *assembly, struct tocsin_delivery *delivery, int64_t now_ms,
		     struct tocsin_request *request, struct refusal *refusal);

#endif
