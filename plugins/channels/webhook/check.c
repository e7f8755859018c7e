/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "path.h"
#include "predicate.h"
#include "sign.h"
#include "webhook.h"

/* The sentence that is being made; the first mistake is told. */
struct complaint {
	char *why;
	size_t size;
	bool made;
};

static void complain(struct complaint *complaint, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void complain(struct complaint *complaint, const char *format, ...)
{
	va_list arguments;

	if (complaint->made)
		return;
	va_start(arguments, format);
	vsnprintf(complaint->why, complaint->size, format, arguments);
	va_end(arguments);
	complaint->made = true;
}

static void check_path(struct complaint *complaint, const char *where, const char *path)
{
	if (path && !webhook_path_is_valid(path))
		complain(
			complaint,
			"%s '%.60s' is not a path; write names with dots between them, and [0] for an "
			"item of a list",
			where, path);
}

/* A header's name, RFC 9110, 5.1. */
static void check_name(struct complaint *complaint, const char *where, const char *name)
{
	if (!name)
		return;
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("!#$%&'*+-.^_`|~", *c))
			name = "";
	if (!*name)
		complain(complaint, "%s must be the name of a header, such as X-Api-Key", where);
}

static void check_predicate(struct complaint *complaint, const char *where,
			    const struct webhook_predicate *when)
{
	char place[80];

	for (size_t i = 0; i < when->status.n; i++)
		if (!webhook_status_is_valid(when->status.item[i]))
			complain(complaint,
				 "%s.status '%.60s' is not a status; write 202, 2xx or 200-204",
				 where, when->status.item[i]);
	snprintf(place, sizeof(place), "%s.json", where);
	check_path(complaint, place, when->json);
	if (!when->json && (when->is || when->in.n > 0))
		complain(complaint, "%s.%s needs %s.json, the path of what it is compared with",
			 where, when->is ? "is" : "in", where);
}

static void check_rule(struct complaint *complaint, size_t index, const struct webhook_rule *rule)
{
	const struct webhook_predicate *when = &rule->when;
	char place[64], where[96];

	snprintf(place, sizeof(place), "replies[%zu]", index);
	check_predicate(complaint, place, when);
	if (when->status.n == 0 && !when->json && !when->contains)
		complain(complaint, "%s holds for every answer; add a status, json or contains",
			 place);
	snprintf(where, sizeof(where), "%s.retry_after", place);
	check_path(complaint, where, rule->retry_after);
	snprintf(where, sizeof(where), "%s.retry_after_ms", place);
	check_path(complaint, where, rule->retry_after_ms);
	snprintf(where, sizeof(where), "%s.retry_after_header", place);
	check_name(complaint, where, rule->retry_after_header);
}

static void check_answers(struct complaint *complaint, const struct webhook_config *config)
{
	const struct webhook_rule *rule = config->replies.item;

	check_predicate(complaint, "success", &config->success);
	for (size_t i = 0; i < config->replies.n; i++)
		check_rule(complaint, i, &rule[i]);
	for (size_t i = 0; i < config->reason.n; i++)
		check_path(complaint, "reason", config->reason.item[i]);
}

static void check_auth(struct complaint *complaint, const struct webhook_auth *auth)
{
	int ways = (auth->bearer != NULL) + (auth->username != NULL) + (auth->header != NULL) +
		   (auth->query != NULL);

	if (ways > 1)
		complain(complaint,
			 "auth has %d ways to log in; leave one of bearer, username, header "
			 "and query",
			 ways);
	if (auth->password && !auth->username)
		complain(complaint, "auth.password needs auth.username");
	if (auth->token && !auth->header && !auth->query)
		complain(complaint,
			 "auth.token needs auth.header or auth.query, the name under which "
			 "it is sent");
	if (!auth->token && (auth->header || auth->query))
		complain(complaint, "auth.%s needs auth.token, what is sent under that name",
			 auth->header ? "header" : "query");
	if (auth->username && strchr(auth->username, ':'))
		complain(complaint, "auth.username must not contain a colon");
	check_name(complaint, "auth.header", auth->header);
}

static void check_bodies(struct complaint *complaint, const struct webhook_config *config)
{
	const struct webhook_resolved *resolved = &config->resolved;
	bool bodiless = config->method == METHOD_GET || config->method == METHOD_DELETE;

	if ((config->body != NULL) + (config->form != NULL) + (config->text != NULL) > 1)
		complain(complaint,
			 "there is more than one body; leave one of body, form and text");
	if ((resolved->body != NULL) + (resolved->form != NULL) + (resolved->text != NULL) > 1)
		complain(complaint, "resolved has more than one body; leave one of body, form and "
				    "text");
	if (bodiless && (config->body || config->text))
		complain(complaint, "a request with %s has no body; take body and text out",
			 config->method == METHOD_GET ? "GET" : "DELETE");
}

static void check_signatures(struct complaint *complaint, const struct webhook_config *config)
{
	const struct webhook_hmac *hmac = &config->hmac;
	bool in_body = hmac->field || hmac->timestamp_field;

	if (config->signature.previous && !config->signature.secret)
		complain(complaint, "signature.previous needs signature.secret");
	if ((config->signature.secret && !webhook_secret_is_valid(config->signature.secret)) ||
	    (config->signature.previous && !webhook_secret_is_valid(config->signature.previous)))
		complain(complaint, "a secret in signature must be whsec_ and 24 to 64 bytes in "
				    "base64");
	if (hmac->secret && !hmac->header && !hmac->query && !hmac->field)
		complain(complaint,
			 "hmac needs one of header, query and field, where the signature "
			 "goes");
	if (in_body &&
	    (config->form || config->text || config->resolved.form || config->resolved.text))
		complain(complaint, "hmac.field and hmac.timestamp_field need a body that is JSON");
	if (!webhook_hmac_text_is_valid(hmac->key) || !webhook_hmac_text_is_valid(hmac->message))
		complain(complaint,
			 "hmac knows {secret}, {timestamp}, {id} and {body}; no other '{' "
			 "may stand in key and message");
	check_name(complaint, "hmac.header", hmac->header);
	check_name(complaint, "hmac.timestamp_header", hmac->timestamp_header);
}

static void check_limits(struct complaint *complaint, const struct webhook_limits *limits)
{
	for (size_t i = 0; i < limits->fields.n; i++) {
		const struct tocsin_pair *field = &limits->fields.pair[i];
		size_t digits = strspn(field->value, "0123456789");

		check_path(complaint, "limits.fields:", field->name);
		if (digits == 0 || digits > 8 || field->value[digits] != '\0' ||
		    strspn(field->value, "0") == digits)
			complain(
				complaint,
				"limits.fields: '%.60s' must be a number of at least 1, not '%.20s'",
				field->name, field->value);
	}
}

const char *webhook_check(const void *data, char *why, size_t why_size)
{
	const struct webhook_config *config = data;
	struct complaint complaint = {.why = why, .size = why_size};

	check_bodies(&complaint, config);
	check_auth(&complaint, &config->auth);
	check_signatures(&complaint, config);
	check_name(&complaint, "idempotency_header", config->idempotency_header);
	check_answers(&complaint, config);
	check_limits(&complaint, &config->limits);
	return complaint.made ? why : NULL;
}
