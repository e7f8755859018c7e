/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The webhook channel: one HTTP request per delivery, described by options. Each part is in a file
 * of its own and pure but for webhook.c: what is sent (request, body, form, limits, sign) and what
 * an answer means (reply, predicate, path).
 */
#ifndef WEBHOOK_H
#define WEBHOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <tocsin/plugin.h>

enum webhook_method { METHOD_POST, METHOD_PUT, METHOD_PATCH, METHOD_GET, METHOD_DELETE };
enum webhook_unit { UNIT_CHARACTERS, UNIT_BYTES, UNIT_UTF16 };
enum webhook_overflow { OVERFLOW_CUT, OVERFLOW_REJECT };

/* A condition on an answer; empty members hold for every answer. */
struct webhook_predicate {
	struct tocsin_strings status;   /* "202", "2xx", "200-299" */
	const char *json;               /* path into the body */
	const char *is;                 /* what stands there */
	struct tocsin_strings in;       /* or one of these */
	const char *contains;           /* there, or in the body */
	const char *text;               /* the whole body, without the spaces around it */
};

/* One of `replies`: what an answer of this kind means. */
struct webhook_rule {
	struct webhook_predicate when;
	int64_t outcome;                /* index into the words of options.c */
	const char *retry_after;        /* path of seconds */
	const char *retry_after_ms;     /* path of milliseconds */
	const char *retry_after_header; /* seconds, or a time since 1970 */
	int64_t wait;                   /* ms, when none of these is there */
	const char *why;
};

struct webhook_hmac {
	const char *secret;
	const char *key, *message;      /* with {secret} {body} {id} {timestamp} */
	int64_t algorithm;
	int64_t encoding;
	int64_t unit;                   /* of {timestamp} */
	const char *prefix;
	const char *header, *query, *field;
	const char *timestamp_header, *timestamp_query, *timestamp_field;
};

struct webhook_auth {
	const char *bearer;
	const char *username, *password;
	const char *header, *query;     /* the name under which token is sent */
	const char *token;
};

/* Of Standard Webhooks. */
struct webhook_signature {
	const char *secret, *previous;
};

/* What another request may say differently for alerts that are over. */
struct webhook_resolved {
	int64_t method;                 /* 0: as for the others, else 1 + webhook_method */
	const struct tocsin_template *url, *headers, *body, *form, *text;
};

struct webhook_limits {
	struct tocsin_map fields;       /* path of a text in the body: its most */
	int64_t unit;
	int64_t overflow;
	int64_t request;                /* bytes of the body; 0: any */
};

struct webhook_config {
	int64_t method;
	const struct tocsin_template *url, *headers, *body, *form, *text;
	const struct tocsin_template *title, *message;
	const char *content_type;
	struct webhook_auth auth;
	struct webhook_resolved resolved;
	struct webhook_signature signature;
	struct webhook_hmac hmac;
	const char *idempotency_header;
	int64_t idempotency_form;
	struct webhook_predicate success;
	struct tocsin_sections replies; /* struct webhook_rule */
	struct tocsin_strings reason;   /* paths of the peer's own words */
	struct webhook_limits limits;
	int64_t private_addresses;
	const char *ca_file;
};

#define WEBHOOK_OPTION_COUNT 21
extern const struct tocsin_option webhook_options[WEBHOOK_OPTION_COUNT];

/* What the table cannot say: options that do not go together, paths that are none. */
const char *webhook_check(const void *config, char *why, size_t why_size);

#endif
