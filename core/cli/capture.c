/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/schedule.h"
#include "cli/rehearsal.h"
#include "delivery/verdict.h"
#include "plugin/self.h"

#define MOST 16 /* requests of a plugin that asks again and again */

static struct rehearsal *rehearsal_of(struct tocsin_delivery *delivery)
{
	return (struct rehearsal *)delivery;
}

/* A text with *** in the place of secrets. */
static json_t *masked(const struct rehearsal *rehearsal, const char *text, size_t length)
{
	char *copy = strndup(text, length);
	json_t *json;

	if (!copy)
		return NULL;
	log_mask(rehearsal->offline->log, copy);
	json = json_string(copy);
	free(copy);
	return json ? json : json_string("(not UTF-8 text)");
}

static json_t *masked_text(const struct rehearsal *rehearsal, const char *text)
{
	return masked(rehearsal, text, strlen(text));
}

static void keep(struct rehearsal *rehearsal, const struct tocsin_request *request)
{
	const char *method = request->method ? request->method : request->body ? "POST" : "GET";
	json_t *headers = json_object();

	if (request->body)
		json_object_set_new(headers, "Content-Type",
				    json_string(request->content_type ? request->content_type
								      : "application/json"));
	for (size_t i = 0; i < request->headers.n; i++)
		json_object_set_new(headers, request->headers.pair[i].name,
				    masked_text(rehearsal, request->headers.pair[i].value));
	json_array_append_new(
		rehearsal->requests,
		json_pack("{ss so so so}", "method", method, "url",
			  masked_text(rehearsal, request->url), "headers", headers, "body",
			  request->body ? masked(rehearsal, request->body, request->body_length)
					: json_null()));
}

static void capture_post(struct tocsin_delivery *delivery, const struct tocsin_request *request)
{
	keep(rehearsal_of(delivery), request);
}

/* The plugin is answered that nothing was sent, and gives up. */
static int capture_http(struct tocsin_self *self, const struct tocsin_request *request,
			tocsin_reply_fn *reply_fn, void *data)
{
	static const struct tocsin_map none;
	const struct tocsin_reply reply = {.size = sizeof(reply),
					   .error = "this is a rehearsal: nothing is sent",
					   .body = "",
					   .headers = &none};
	struct rehearsal *rehearsal = self->owner;

	if (json_array_size(rehearsal->requests) >= MOST)
		return -EAGAIN;
	keep(rehearsal, request);
	reply_fn(&reply, data);
	return 0;
}

static int capture_timer(struct tocsin_self *self, int64_t after_ms, tocsin_timer_fn *fn,
			 void *data)
{
	(void)self;
	(void)after_ms;
	(void)fn;
	(void)data;
	return 0;
}

static bool capture_begin(struct tocsin_delivery *delivery)
{
	(void)delivery;
	return true;
}

static void capture_done(struct tocsin_delivery *delivery, enum tocsin_outcome outcome,
			 int64_t retry_after_ms, const char *why)
{
	struct rehearsal *rehearsal = rehearsal_of(delivery);

	(void)retry_after_ms;
	rehearsal->outcome = outcome;
	snprintf(rehearsal->why, sizeof(rehearsal->why), "%s", why ? why : "");
	log_mask(rehearsal->offline->log, rehearsal->why);
}

static const char *capture_text(struct tocsin_delivery *delivery,
				const struct tocsin_template *template)
{
	const struct rehearsal *rehearsal = rehearsal_of(delivery);

	if (!rehearsal->set)
		return template ? template->constant : NULL;
	return rendering_text(rehearsal->set, rehearsal->rendering, template);
}

static void capture_note(struct tocsin_delivery *delivery, const char *note)
{
	(void)delivery;
	(void)note;
}

static int capture_recall(struct tocsin_delivery *delivery, char **note)
{
	(void)delivery;
	(void)note;
	return -ENOENT;
}

static void capture_output(struct tocsin_delivery *delivery, const char *text, size_t length)
{
	(void)delivery;
	(void)text;
	(void)length;
}

/* Nothing durable happens in a rehearsal. */
static int capture_save(struct tocsin_self *self, const char *name, const char *value)
{
	(void)self;
	(void)name;
	(void)value;
	return 0;
}

static int capture_load(struct tocsin_self *self, const char *name, char **value)
{
	(void)self;
	(void)name;
	(void)value;
	return -ENOENT;
}

const struct tocsin_host *capture_host(void)
{
	static const struct tocsin_host host = {
		.size = sizeof(host),
		.log = self_log,
		.count = self_count,
		.save = capture_save,
		.load = capture_load,
		.begin = capture_begin,
		.done = capture_done,
		.post = capture_post,
		.http = capture_http,
		.timer = capture_timer,
		.text = capture_text,
		.note = capture_note,
		.recall = capture_recall,
		.verdict = verdict_from_reply,
		.output = capture_output,
		.next = schedule_next,
		.local = self_local,
	};

	return &host;
}
