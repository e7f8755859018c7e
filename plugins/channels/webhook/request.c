/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alertmanager.h"
#include "sign.h"

/* When a template could not be rendered: the core says why, and tries again after a minute. */
#define TEMPLATE_WAIT_MS 60000

/* What of the configuration is meant for this delivery. */
struct plan {
	enum webhook_method method;
	const struct tocsin_template *url, *headers, *body, *form, *text;
};

int webhook_assembly_init(struct assembly *assembly, const struct tocsin_host *host,
			  const struct webhook_config *config)
{
	const struct webhook_auth *auth = &config->auth;
	struct writer pair = {0};

	*assembly = (struct assembly){.host = host, .config = config};
	if (auth->bearer) {
		writer_puts(&assembly->authorization, "Bearer ");
		writer_puts(&assembly->authorization, auth->bearer);
	} else if (auth->username) {
		writer_puts(&pair, auth->username);
		writer_puts(&pair, ":");
		writer_puts(&pair, auth->password ? auth->password : "");
		writer_puts(&assembly->authorization, "Basic ");
		writer_base64(&assembly->authorization, (const unsigned char *)writer_text(&pair),
			      pair.length);
	}
	if (auth->query) {
		writer_uri(&assembly->query, auth->query);
		writer_add(&assembly->query, "=", 1);
		writer_uri(&assembly->query, auth->token);
	}
	writer_text(&assembly->authorization);
	writer_text(&assembly->query);
	assembly->authorization.failed |= pair.failed;
	writer_done(&pair);
	if (!assembly->authorization.failed && !assembly->query.failed)
		return 0;
	webhook_assembly_done(assembly);
	return -ENOMEM;
}

void webhook_assembly_done(struct assembly *assembly)
{
	writer_done(&assembly->authorization);
	writer_done(&assembly->query);
	writer_done(&assembly->headers.text);
	writer_done(&assembly->given);
	writer_done(&assembly->bare);
	writer_done(&assembly->body);
	writer_done(&assembly->url);
	writer_done(&assembly->proof);
	writer_done(&assembly->standard_proof);
	if (assembly->headers.source)
		explicit_bzero(assembly->headers.source, strlen(assembly->headers.source));
	free(assembly->headers.source);
}

static struct plan plan_of(const struct webhook_config *config, const struct tocsin_alert *alert)
{
	const struct webhook_resolved *resolved = &config->resolved;
	struct plan plan = {
		.method = (enum webhook_method)config->method,
		.url = config->url,
		.headers = config->headers,
		.body = config->body,
		.form = config->form,
		.text = config->text,
	};

	if (alert->status != TOCSIN_RESOLVED)
		return plan;
	if (resolved->method > 0)
		plan.method = (enum webhook_method)(resolved->method - 1);
	plan.url = resolved->url ? resolved->url : plan.url;
	plan.headers = resolved->headers ? resolved->headers : plan.headers;
	if (resolved->body || resolved->form || resolved->text) {
		plan.body = resolved->body;
		plan.form = resolved->form;
		plan.text = resolved->text;
	}
	return plan;
}

/* What a configured template says; without it there is no request. */
static const char *text_of(struct assembly *assembly, struct tocsin_delivery *delivery,
			   const struct tocsin_template *template, const char *name,
			   struct refusal *refusal)
{
	const char *text = assembly->host->text(delivery, template);

	if (!text) {
		webhook_refuse(refusal, TOCSIN_RETRY,
			       "the template of '%s' could not be rendered; the log says why",
			       name);
		refusal->retry_after_ms = TEMPLATE_WAIT_MS;
	}
	return text;
}

static struct parts parts_of(struct assembly *assembly, struct tocsin_delivery *delivery,
			     const struct plan *plan, struct refusal *refusal)
{
	const struct webhook_config *config = assembly->config;
	bool bodiless = plan->method == METHOD_GET || plan->method == METHOD_DELETE;

	if (plan->form && plan->method != METHOD_DELETE)
		return (struct parts){BODY_FORM,
				      text_of(assembly, delivery, plan->form, "form", refusal)};
	if (bodiless)
		return (struct parts){.kind = BODY_NONE};
	if (plan->body)
		return (struct parts){BODY_JSON,
				      text_of(assembly, delivery, plan->body, "body", refusal)};
	if (plan->text)
		return (struct parts){BODY_TEXT,
				      text_of(assembly, delivery, plan->text, "text", refusal)};
	writer_clear(&assembly->given);
	webhook_alertmanager(&assembly->given, delivery,
			     config->title ? assembly->host->text(delivery, config->title) : NULL,
			     config->message ? assembly->host->text(delivery, config->message)
					     : NULL);
	if (assembly->given.failed)
		webhook_refuse(refusal, TOCSIN_RETRY, "out of memory");
	return (struct parts){BODY_JSON, writer_text(&assembly->given)};
}

static void refuse_memory_unless(bool good, struct refusal *refusal)
{
	if (!good && !refusal->outcome)
		webhook_refuse(refusal, TOCSIN_RETRY, "out of memory");
}

/* The body within the limits, and the signature over it, which may become its last member. */
static void make_signed(struct assembly *assembly, const struct parts *parts,
			const struct webhook_limits *limits, const struct tocsin_delivery *delivery,
			int64_t now_ms, struct refusal *refusal)
{
	static const struct webhook_limits none = {0};
	const struct webhook_hmac *hmac = &assembly->config->hmac;
	bool inside = hmac->secret && hmac->field && parts->kind != BODY_NONE;
	struct writer *bare = inside ? &assembly->bare : &assembly->body;
	struct signable what = {.id = delivery->key, .now_ms = now_ms};
	struct additions more = {0};

	if (hmac->secret && hmac->timestamp_field)
		more.pair[more.n++] =
			(struct tocsin_pair){hmac->timestamp_field, assembly->timestamp};
	webhook_body(limits, parts, &more, bare, refusal);
	what.body = writer_text(bare);
	what.length = bare->length;
	refuse_memory_unless(!bare->failed, refusal);
	if (refusal->outcome || !hmac->secret)
		return;
	refuse_memory_unless(webhook_sign_hmac(hmac, &what, &assembly->proof), refusal);
	if (!inside)
		return;
	more = (struct additions){{{hmac->field, writer_text(&assembly->proof)}}, 1};
	if (!refusal->outcome)
		webhook_body(&none, &(struct parts){BODY_JSON, what.body}, &more, &assembly->body,
			     refusal);
}

static void make_body(struct assembly *assembly, const struct parts *parts,
		      const struct tocsin_delivery *delivery, int64_t now_ms,
		      struct refusal *refusal)
{
	const struct webhook_hmac *hmac = &assembly->config->hmac;
	struct webhook_limits limits = assembly->config->limits;
	if (hmac->secret)
		webhook_hmac_timestamp(hmac, now_ms, assembly->timestamp);
	make_signed(assembly, parts, &limits, delivery, now_ms, refusal);
	if (refusal->outcome || !hmac->secret || !hmac->field || limits.request == 0 ||
	    assembly->body.length <= (size_t)limits.request)
		return;
	/* Nothing may be cut once it is signed: there has to be room for a signature inside. */
	limits.request -= (int64_t)(assembly->body.length - assembly->bare.length);
	if (limits.request > 0)
		make_signed(assembly, parts, &limits, delivery, now_ms, refusal);
	else
		webhook_refuse(refusal, TOCSIN_REJECTED,
			       "limits.request leaves no room for the signature");
}

static void add_parameter(struct writer *url, const char *name, const char *value, bool coded)
{
	bool has_query = memchr(url->data, '?', url->length) != NULL;

	writer_add(url, has_query ? "&" : "?", 1);
	if (name) {
		writer_uri(url, name);
		writer_add(url, "=", 1);
	}
	if (coded)
		writer_puts(url, value);
	else
		writer_uri(url, value);
}

static void make_url(struct assembly *assembly, const char *text, const char *form,
		     struct refusal *refusal)
{
	const struct webhook_hmac *hmac = &assembly->config->hmac;
	struct writer *url = &assembly->url;

	writer_clear(url);
	/* What is behind a # is never sent. */
	writer_add(url, text, strcspn(text, "#"));
	if (!url->failed && form && *form)
		add_parameter(url, NULL, form, true);
	if (!url->failed && assembly->query.length > 0)
		add_parameter(url, NULL, writer_text(&assembly->query), true);
	if (!url->failed && hmac->secret && hmac->timestamp_query)
		add_parameter(url, hmac->timestamp_query, assembly->timestamp, false);
	if (!url->failed && hmac->secret && hmac->query)
		add_parameter(url, hmac->query, writer_text(&assembly->proof), false);
	writer_text(url);
	refuse_memory_unless(!url->failed, refusal);
}

/* A name and its value, each ended by a NUL. */
static void put_header(struct writer *out, const char *name, const json_t *value)
{
	char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);

	if (!text && !json_is_string(value)) {
		out->failed = true;
		return;
	}
	writer_puts(out, name);
	writer_add(out, "", 1);
	writer_line(out, text ? text : json_string_value(value));
	writer_add(out, "", 1);
	free(text);
}

/* How many there are. Without memory the writer has failed. */
static size_t put_headers(struct headers *headers, json_t *root)
{
	const char *name;
	json_t *value;
	size_t n = 0;

	writer_clear(&headers->text);
	json_object_foreach(root, name, value)
	{
		if (json_is_null(value))
			continue;
		put_header(&headers->text, name, value);
		n++;
	}
	return n;
}

static void read_headers(struct headers *headers, const char *source, struct refusal *refusal)
{
	json_t *root = json_loads(source, 0, NULL);
	const char *at;

	free(headers->source);
	headers->source = NULL;
	headers->n = root ? put_headers(headers, root) : 0;
	if (!root || headers->text.failed) {
		webhook_refuse(refusal, TOCSIN_RETRY, "out of memory");
	} else if (!json_is_object(root) || headers->n > HEADERS_MOST) {
		webhook_refuse(refusal, TOCSIN_REJECTED,
			       "'headers' must be lines of 'name: value', %d at most",
			       HEADERS_MOST);
	} else {
		at = headers->text.data;
		for (size_t i = 0; i < headers->n; i++) {
			headers->pair[i].name = at;
			at += strlen(at) + 1;
			headers->pair[i].value = at;
			at += strlen(at) + 1;
		}
		headers->source = strdup(source);
	}
	json_decref(root);
}

static void add_header(struct assembly *assembly, const char *name, const char *value)
{
	assembly->pair[assembly->n++] = (struct tocsin_pair){name, value};
}

/* The key with the marks of a UUID of version 5, a hash, which it is. */
static const char *make_uuid(struct assembly *assembly, const char *key)
{
	char hex[33];
	static const char variants[] = "89ab";

	snprintf(hex, sizeof(hex), "%-32.32s", key);
	hex[12] = '5';
	hex[16] = variants[(hex[16] <= '9' ? hex[16] : hex[16] + 9) & 3];
	snprintf(assembly->uuid, sizeof(assembly->uuid), "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
		 hex + 12, hex + 16, hex + 20);
	return assembly->uuid;
}

/* Headers webhook-id, -timestamp and -signature over what is sent. */
static void add_standard_signature(struct assembly *assembly,
				   const struct tocsin_delivery *delivery, int64_t now_ms,
				   struct refusal *refusal)
{
	const struct webhook_config *config = assembly->config;
	struct signable what = {.id = delivery->key,
				.now_ms = now_ms,
				.body = writer_text(&assembly->body),
				.length = assembly->body.length};
	bool good = webhook_sign_standard(config->signature.secret, config->signature.previous,
					  &what, &assembly->standard_proof);

	snprintf(assembly->standard_timestamp, sizeof(assembly->standard_timestamp), "%" PRId64,
		 now_ms / 1000);
	add_header(assembly, "webhook-id", delivery->key);
	add_header(assembly, "webhook-timestamp", assembly->standard_timestamp);
	add_header(assembly, "webhook-signature", writer_text(&assembly->standard_proof));
	refuse_memory_unless(good && !assembly->standard_proof.failed, refusal);
}

static void make_headers(struct assembly *assembly, const struct tocsin_delivery *delivery,
			 const char *configured, int64_t now_ms, struct refusal *refusal)
{
	const struct webhook_config *config = assembly->config;
	const struct webhook_hmac *hmac = &config->hmac;
	struct headers *headers = &assembly->headers;

	assembly->n = 0;
	if (configured) {
		if (!headers->source || strcmp(headers->source, configured) != 0)
			read_headers(headers, configured, refusal);
		if (refusal->outcome)
			return;
		memcpy(assembly->pair, headers->pair, headers->n * sizeof(headers->pair[0]));
		assembly->n = headers->n;
	}
	if (assembly->authorization.length > 0)
		add_header(assembly, "Authorization", writer_text(&assembly->authorization));
	if (config->auth.header)
		add_header(assembly, config->auth.header, config->auth.token);
	if (config->idempotency_header)
		add_header(assembly, config->idempotency_header,
			   config->idempotency_form == 1 ? make_uuid(assembly, delivery->key)
							 : delivery->key);
	if (hmac->secret && hmac->timestamp_header)
		add_header(assembly, hmac->timestamp_header, assembly->timestamp);
	if (hmac->secret && hmac->header)
		add_header(assembly, hmac->header, writer_text(&assembly->proof));
	if (config->signature.secret)
		add_standard_signature(assembly, delivery, now_ms, refusal);
}

static const char *content_type_of(const struct webhook_config *config, enum body_kind kind)
{
	if (config->content_type)
		return config->content_type;
	if (kind == BODY_FORM)
		return "application/x-www-form-urlencoded";
	return kind == BODY_TEXT ? "text/plain; charset=utf-8" : "application/json";
}

bool webhook_request(struct assembly *assembly, struct tocsin_delivery *delivery, int64_t now_ms,
		     struct tocsin_request *request, struct refusal *refusal)
{
	static const char *const methods[] = {"POST", "PUT", "PATCH", "GET", "DELETE"};
	const struct webhook_config *config = assembly->config;
	struct plan plan = plan_of(config, delivery->alert);
	const char *url = text_of(assembly, delivery, plan.url, "url", refusal);
	const char *headers =
		plan.headers ? text_of(assembly, delivery, plan.headers, "headers", refusal) : NULL;
	struct parts parts = parts_of(assembly, delivery, &plan, refusal);
	bool in_url = parts.kind == BODY_FORM && plan.method == METHOD_GET;

	if (!refusal->outcome)
		make_body(assembly, &parts, delivery, now_ms, refusal);
	if (!refusal->outcome && url)
		make_url(assembly, url, in_url ? writer_text(&assembly->body) : NULL, refusal);
	if (in_url)
		writer_clear(&assembly->body);
	if (!refusal->outcome)
		make_headers(assembly, delivery, headers, now_ms, refusal);
	if (refusal->outcome)
		return false;
	*request = (struct tocsin_request){
		.size = sizeof(*request),
		.method = methods[plan.method],
		.url = assembly->url.data,
		.content_type = content_type_of(config, parts.kind),
		.headers = {assembly->pair, assembly->n},
		.ca_file = config->ca_file,
		.public_only = config->private_addresses == 0,
	};
	if (parts.kind != BODY_NONE && !in_url) {
		request->body = writer_text(&assembly->body);
		request->body_length = assembly->body.length;
	}
	return true;
}
