/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook/body: what a request carries, made of the texts that the core gives for the options, and
 * kept within the limits.
 */
#ifndef WEBHOOK_BODY_H
#define WEBHOOK_BODY_H

#include "webhook.h"
#include "writer.h"

enum body_kind { BODY_NONE, BODY_JSON, BODY_FORM, BODY_TEXT };

/* The texts of the options for this delivery. */
struct parts {
	enum body_kind kind;
	const char *text;            /* JSON, for a form too; the raw text */
};

/* Why there is no body. */
struct refusal {
	enum tocsin_outcome outcome; /* 0: there is one */
	int64_t retry_after_ms;
	char why[256];
};
void webhook_refuse(struct refusal *refusal, enum tocsin_outcome outcome, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Members that a signature puts into a JSON body. */
struct additions {
	struct tocsin_pair pair[2];
	size_t n;
};

/* Writes the body into out, after cutting what is too long. more may be NULL. */
void webhook_body(const struct webhook_limits *limits, const struct parts *parts,
		  const struct additions *more, struct writer *out, struct refusal *refusal);

#endif
