/* SPDX-License-Identifier: Apache-2.0 */
/* What the webhook channel can be told, as data. */
#include "webhook.h"

static const char *const methods[] = {"POST", "PUT", "PATCH", "GET", "DELETE", NULL};
static const char *const other_methods[] = {"same", "POST", "PUT", "PATCH", "GET", "DELETE", NULL};
static const char *const units[] = {"characters", "bytes", "utf16", NULL};
static const char *const overflows[] = {"cut", "reject", NULL};
static const char *const key_forms[] = {"hex", "uuid", NULL};
static const char *const addresses[] = {"refuse", "allow", NULL};
static const char *const algorithms[] = {"sha256", "sha1", "sha512", NULL};
static const char *const encodings[] = {"hex", "base64", NULL};
static const char *const time_units[] = {"s", "ms", NULL};
/* In the order of enum tocsin_outcome, from 1. */
static const char *const outcomes[] = {"delivered",   "retry",     "rejected",
				       "unavailable", "throttled", NULL};

static const struct tocsin_option auth_options[] = {
	TOCSIN_OPTION(SECRET, struct webhook_auth, bearer, .example = "\"${cred:api-token}\"",
		      .help = "Sends `Authorization: Bearer` with this token."),
	TOCSIN_OPTION(STRING, struct webhook_auth, header, .example = "X-Api-Key",
		      .help = "Sends `token` as the header of this name."),
	TOCSIN_OPTION(SECRET, struct webhook_auth, password, .example = "\"${cred:password}\"",
		      .help = "The password that goes with `username`."),
	TOCSIN_OPTION(STRING, struct webhook_auth, query, .example = "access_token",
		      .help = "Sends `token` as the parameter of this name in the URL."),
	TOCSIN_OPTION(SECRET, struct webhook_auth, token, .example = "\"${cred:api-key}\"",
		      .help = "What `header` or `query` sends."),
	TOCSIN_OPTION(STRING, struct webhook_auth, username, .example = "alerts",
		      .help = "Logs in with this name and `password` (Basic)."),
};

static const struct tocsin_option resolved_options[] = {
	TOCSIN_OPTION(STRUCTURE, struct webhook_resolved, body,
		      .help = "The body as JSON, in place of the other one."),
	TOCSIN_OPTION(STRUCTURE, struct webhook_resolved, form,
		      .help = "The body as a form, in place of the other one."),
	TOCSIN_OPTION(STRUCTURE, struct webhook_resolved, headers,
		      .help = "Headers, in place of the other ones."),
	TOCSIN_OPTION(CHOICE, struct webhook_resolved, method, .choices = other_methods,
		      .preset = "same", .help = "The method of the request."),
	TOCSIN_OPTION(TEMPLATE, struct webhook_resolved, text, .escape = TOCSIN_ESCAPE_NONE,
		      .help = "The body as a text, in place of the other one."),
	TOCSIN_OPTION(TEMPLATE, struct webhook_resolved, url, .escape = TOCSIN_ESCAPE_URI,
		      .example = "\"https://api.example.com/alerts/{{ .fingerprint }}/close\"",
		      .help = "Where the request goes."),
};

static const struct tocsin_option signature_options[] = {
	TOCSIN_OPTION(SECRET, struct webhook_signature, previous,
		      .example = "\"${cred:old-webhook-secret}\"",
		      .help = "While the secret is being changed: the old one, with which "
			      "requests are signed, too."),
	TOCSIN_OPTION(SECRET, struct webhook_signature, secret,
		      .example = "\"${cred:webhook-secret}\"",
		      .help = "Shared with the receiver: `whsec_` and 24 to 64 bytes in "
			      "base64."),
};

static const struct tocsin_option hmac_options[] = {
	TOCSIN_OPTION(CHOICE, struct webhook_hmac, algorithm, .choices = algorithms,
		      .preset = "sha256", .help = "The hash."),
	TOCSIN_OPTION(CHOICE, struct webhook_hmac, encoding, .choices = encodings, .preset = "hex",
		      .help = "How the signature is written."),
	TOCSIN_OPTION(STRING, struct webhook_hmac, field, .example = "sign",
		      .help = "Puts the signature into the body under this name; the body must be "
			      "JSON, and {body} then means the body without it."),
	TOCSIN_OPTION(STRING, struct webhook_hmac, header, .example = "X-Hub-Signature-256",
		      .help = "Sends the signature as this header."),
	TOCSIN_OPTION(STRING, struct webhook_hmac, key, .preset = "{secret}",
		      .help = "What the hash is keyed with: text with {secret}, {timestamp}, {id} "
			      "(the idempotency key) and {body}."),
	TOCSIN_OPTION(STRING, struct webhook_hmac, message, .preset = "{body}",
		      .help = "What is signed, of the same pieces."),
	TOCSIN_OPTION(STRING, struct webhook_hmac, prefix, .example = "\"sha256=\"",
		      .help = "Text before the signature."),
	TOCSIN_OPTION(STRING, struct webhook_hmac, query, .example = "sign",
		      .help = "Puts the signature into the URL as this parameter."),
	TOCSIN_OPTION(SECRET, struct webhook_hmac, secret, .example = "\"${cred:signing-secret}\"",
		      .help = "Shared with the receiver. Without it nothing is signed."),
	TOCSIN_OPTION(STRING, struct webhook_hmac, timestamp_field, .example = "timestamp",
		      .help = "Puts {timestamp} into the body under this name."),
	TOCSIN_OPTION(STRING, struct webhook_hmac, timestamp_header, .example = "X-Timestamp",
		      .help = "Sends {timestamp} as this header."),
	TOCSIN_OPTION(STRING, struct webhook_hmac, timestamp_query, .example = "timestamp",
		      .help = "Puts {timestamp} into the URL as this parameter."),
	TOCSIN_OPTION(CHOICE, struct webhook_hmac, unit, .choices = time_units, .preset = "s",
		      .help = "What {timestamp} counts since 1970."),
};

static const struct tocsin_option success_options[] = {
	TOCSIN_OPTION(STRING, struct webhook_predicate, contains, .example = "accepted",
		      .help = "And this text stands in the body, or in the text at `json`."),
	TOCSIN_OPTION(STRINGS, struct webhook_predicate, in, .example = "[0, 200]",
		      .help = "And what stands at `json` is one of these."),
	TOCSIN_OPTION(STRING, struct webhook_predicate, is, .example = "true",
		      .help = "And this stands at `json`: a text, a number, true, false or null."),
	TOCSIN_OPTION(STRING, struct webhook_predicate, json, .example = "messages[0].status",
		      .help = "And the body is JSON in which something stands at this path: names "
			      "with dots between them and [0], [1] ... for items of lists. Alone: "
			      "anything but null and false."),
	TOCSIN_OPTION(STRINGS, struct webhook_predicate, status, .preset = "2xx",
		      .example = "[202, 409]",
		      .help = "The status is one of these: 202, 2xx, 200-204."),
	TOCSIN_OPTION(STRING, struct webhook_predicate, text, .example = "ok",
		      .help = "And the whole body is this text, apart from spaces around it."),
};

static const struct tocsin_option reply_options[] = {
	TOCSIN_OPTION_AS("contains", STRING, struct webhook_rule, when.contains,
			 .example = "\"Rate limit\"",
			 .help = "This text stands in the body, or in the text at `json`."),
	TOCSIN_OPTION_AS("in", STRINGS, struct webhook_rule, when.in, .example = "[45009, 45033]",
			 .help = "What stands at `json` is one of these."),
	TOCSIN_OPTION_AS("is", STRING, struct webhook_rule, when.is, .example = "45009",
			 .help = "What stands at `json`."),
	TOCSIN_OPTION_AS("json", STRING, struct webhook_rule, when.json, .example = "errcode",
			 .help = "A path, as in `success`."),
	TOCSIN_OPTION(
		CHOICE, struct webhook_rule, outcome, .choices = outcomes, .required = true,
		.example = "throttled",
		.help = "What it means: delivered; retry (not now, this one); rejected (never: "
			"the delivery is dead and can be replayed); unavailable (nobody gets "
			"through: counts for the breaker); throttled (the channel pauses)."),
	TOCSIN_OPTION(STRING, struct webhook_rule, retry_after, .example = "parameters.retry_after",
		      .help = "The path of the seconds to wait."),
	TOCSIN_OPTION(
		STRING, struct webhook_rule, retry_after_header, .example = "x-ratelimit-reset",
		.help = "The header of the seconds to wait, or of the time since 1970 (in "
			"seconds or milliseconds) to wait for. `Retry-After` is always known."),
	TOCSIN_OPTION(STRING, struct webhook_rule, retry_after_ms, .example = "retry_after_ms",
		      .help = "The path of the milliseconds to wait."),
	TOCSIN_OPTION_AS("status", STRINGS, struct webhook_rule, when.status, .example = "429",
			 .help = "The status is one of these: 429, 5xx, 500-504."),
	TOCSIN_OPTION(DURATION, struct webhook_rule, wait, .min = 0, .max = INT64_C(86400000),
		      .preset = "0", .example = "10m",
		      .help = "How long to wait when the answer does not say."),
	TOCSIN_OPTION(STRING, struct webhook_rule, why,
		      .example = "\"the robot sends too much; 20 messages a minute are the most\"",
		      .help = "What people are told, before the peer's own words."),
};

static const struct tocsin_option limit_options[] = {
	TOCSIN_OPTION(MAP, struct webhook_limits, fields,
		      .example = "{payload.summary: 1024, dedup_key: 255}",
		      .help = "The longest that single texts of the body may be: paths as in "
			      "`success` (of a form: names), each with a number."),
	TOCSIN_OPTION(
		CHOICE, struct webhook_limits, overflow, .choices = overflows, .preset = "cut",
		.help = "What is longer is cut and ends in \"…\", or the delivery is rejected."),
	TOCSIN_OPTION(
		SIZE, struct webhook_limits, request, .min = 0, .max = 16 * 1024 * 1024,
		.preset = "0", .example = "28KiB",
		.help = "The most bytes of a body; 0: any. The longest text in it is shortened "
			"until it fits."),
	TOCSIN_OPTION(CHOICE, struct webhook_limits, unit, .choices = units, .preset = "characters",
		      .help = "What `fields` count: characters (code points), bytes of UTF-8, or "
			      "units of UTF-16."),
};

const struct tocsin_option webhook_options[WEBHOOK_OPTION_COUNT] = {
	TOCSIN_OPTION_SECTION(struct webhook_config, auth, auth_options,
			      .help = "How tocsin logs in: one of `bearer`, `username` with "
				      "`password`, `header` with `token`, `query` with `token`."),
	TOCSIN_OPTION(
		STRUCTURE, struct webhook_config, body,
		.example = "{text: \"{{ .title }}\", level: \"{{ .severity }}\"}",
		.help = "The body as JSON. Without body, form and text it is what Alertmanager "
			"sends to webhooks (version 4)."),
	TOCSIN_OPTION(PATH, struct webhook_config, ca_file, .example = "/etc/tocsin/ca.pem",
		      .help = "Authorities to trust in place of the system's."),
	TOCSIN_OPTION(STRING, struct webhook_config, content_type, .example = "text/markdown",
		      .help = "The type of the body, when it is not what its kind says."),
	TOCSIN_OPTION(
		STRUCTURE, struct webhook_config, form,
		.example = "{to: \"+49555123456\", text: \"{{ .title }}\"}",
		.help = "The body as a form: names with texts, or with lists of texts for names "
			"that are repeated. With GET it goes into the URL."),
	TOCSIN_OPTION(STRUCTURE, struct webhook_config, headers,
		      .example = "{X-Priority: \"{{ .severity }}\"}", .help = "Further headers."),
	TOCSIN_OPTION_SECTION(struct webhook_config, hmac, hmac_options,
			      .help = "A keyed hash that proves the origin, as many services want "
				      "it."),
	TOCSIN_OPTION(CHOICE, struct webhook_config, idempotency_form, .choices = key_forms,
		      .preset = "hex",
		      .help = "How the idempotency key is written: 32 digits, or as a UUID."),
	TOCSIN_OPTION(STRING, struct webhook_config, idempotency_header,
		      .example = "Idempotency-Key",
		      .help = "Sends the idempotency key, which is the same at every attempt, as "
			      "this header."),
	TOCSIN_OPTION_SECTION(struct webhook_config, limits, limit_options,
			      .help = "How much the receiver takes."),
	TOCSIN_OPTION(
		TEMPLATE, struct webhook_config, message, .text = true,
		.escape = TOCSIN_ESCAPE_NONE, .example = "\"{{ .annotations.description }}\"",
		.help = "What `.message` says in the other templates; in the default body the "
			"annotation description."),
	TOCSIN_OPTION(CHOICE, struct webhook_config, method, .choices = methods, .preset = "POST",
		      .help = "The method of the request."),
	TOCSIN_OPTION(CHOICE, struct webhook_config, private_addresses, .choices = addresses,
		      .preset = "refuse",
		      .help = "Whether the name in the URL may mean an address that is not of the "
			      "open Internet: loopback, private, link-local."),
	TOCSIN_OPTION(STRINGS, struct webhook_config, reason, .example = "[error.message]",
		      .help = "Paths of the receiver's own words about an error; the first that is "
			      "there is quoted."),
	TOCSIN_OPTION_SECTIONS(struct webhook_config, replies, reply_options, struct webhook_rule,
			       .help = "What further answers mean: a list of rules. The first that "
				       "holds decides, before `success` does."),
	TOCSIN_OPTION_SECTION(struct webhook_config, resolved, resolved_options,
			      .help = "What is different in the request for alerts that are over."),
	TOCSIN_OPTION_SECTION(struct webhook_config, signature, signature_options,
			      .help = "Signs as Standard Webhooks say: headers webhook-id, "
				      "webhook-timestamp and webhook-signature."),
	TOCSIN_OPTION_SECTION(struct webhook_config, success, success_options,
			      .help = "When the receiver has taken it."),
	TOCSIN_OPTION(TEMPLATE, struct webhook_config, text, .escape = TOCSIN_ESCAPE_NONE,
		      .example = "\"{{ .heading }}: {{ .title }}\"",
		      .help = "The body as a text (text/plain)."),
	TOCSIN_OPTION(TEMPLATE, struct webhook_config, title, .text = true,
		      .escape = TOCSIN_ESCAPE_LINE, .example = "\"{{ .labels.site }} is down\"",
		      .help = "What `.title` says in the other templates; in the default body the "
			      "annotation summary."),
	TOCSIN_OPTION(TEMPLATE, struct webhook_config, url, .required = true,
		      .escape = TOCSIN_ESCAPE_URI, .example = "https://example.com/hooks/tocsin",
		      .help = "Where the request goes."),
};
