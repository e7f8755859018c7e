/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v1/heartbeats, .../NAME and POST .../NAME/VERB; the same of jobs and checks */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "serve/api_json.h"
#include "serve/call.h"

/* Verbs that change nothing that an operator decided on; the others are noted in the log. */
static bool is_order(const char *verb)
{
	static const char *const daily[] = {"ping", "report", "check", "history"};

	for (size_t i = 0; i < TOCSIN_COUNT(daily); i++)
		if (strcmp(verb, daily[i]) == 0)
			return false;
	return true;
}

struct parameters {
	struct call *call;
	const char *source;
	bool unknown;
};

static enum MHD_Result add_parameter(void *data, enum MHD_ValueKind kind, const char *name,
				     const char *value)
{
	struct parameters *parameters = data;

	(void)kind;
	if (strcmp(name, "source") == 0) {
		parameters->source = value ? value : "";
		return MHD_YES;
	}
	call_fail(parameters->call, MHD_HTTP_BAD_REQUEST,
		  "there is no parameter '%.40s', only source", name);
	parameters->unknown = true;
	return MHD_NO;
}

/* False after answering 400. */
static bool read_parameters(struct call *call, struct parameters *parameters)
{
	*parameters = (struct parameters){.call = call};
	MHD_get_connection_values(call->connection, MHD_GET_ARGUMENT_KIND, add_parameter,
				  parameters);
	return !parameters->unknown;
}

static void said(int status, char *answer, void *data)
{
	struct call *call = data;

	call->said_status = status;
	call->said = answer;
	call_resume(call, 0);
}

static void ask(struct call *call, const char *item, const char *verb, const char *body)
{
	struct parameters parameters;
	struct engine_call question = {
		.kind = call->match.endpoint->items, .item = item, .verb = verb, .body = body};

	if (!read_parameters(call, &parameters))
		return;
	question.source = parameters.source;
	if (item && !text_is_plain(item))
		call_fail(call, MHD_HTTP_BAD_REQUEST, "a name is UTF-8 without control characters");
	else if (call_suspend(call))
		engine_call(call->options->engine, &question, said, call);
}

void api_items_list(struct call *call)
{
	ask(call, NULL, "list", NULL);
}

void api_item_show(struct call *call)
{
	ask(call, call->match.segment[0], "show", NULL);
}

void api_item_call(struct call *call)
{
	const char *verb = call->match.segment[1];
	bool empty = call->body.length == 0 && !call->body.failed;
	json_t *body = NULL;

	if (strcmp(verb, "list") == 0 || strcmp(verb, "show") == 0) {
		call_fail(call, MHD_HTTP_NOT_FOUND, "to %s is a GET without '/%s'", verb, verb);
		return;
	}
	if (!empty && !(body = call_json(call)))
		return;
	if (body && !json_is_object(body))
		call_fail(call, MHD_HTTP_BAD_REQUEST, "the body must be a JSON object, or empty");
	else
		ask(call, call->match.segment[0], verb, empty ? NULL : buffer_text(&call->body));
	json_decref(body);
}

void api_items_answered(struct call *call)
{
	char *answer = call->said;

	call->said = NULL;
	if (!answer) {
		call_fail_memory(call);
	} else if (call->said_status < 400) {
		call_answer_text(call, (unsigned int)call->said_status, answer);
	} else {
		call_fail(call, (unsigned int)call->said_status, "%s", answer);
		free(answer);
	}
}

void api_item_called(struct call *call)
{
	const char *verb = call->match.segment[1];
	struct buffer what = {0};

	if (call->said && call->said_status < 400 && is_order(verb)) {
		/* as the command that gave it */
		buffer_printf(&what, "%s %s '%s'", engine_items_name(call->match.endpoint->items),
			      verb, call->match.segment[0]);
		call_audit(call, buffer_text(&what));
		buffer_done(&what);
	}
	api_items_answered(call);
}
